"""Blocks: which user wants to hear nothing of which other. A block goes one way, and the blocked user cannot tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode

MAX_BLOCKS = 1000
"""Of one user."""


@dataclass(frozen=True)
class Block:
    """A user who is blocked."""

    user: User
    since: datetime


class BlockBook:
    """All blocks."""

    def __init__(self) -> None:
        self._blocked: dict[int, dict[int, Block]] = {}
        self._blockers: dict[int, set[int]] = {}

    def blocked_by(self, user_id: int) -> list[Block]:
        """Whom a user blocks, oldest first."""
        return list(self._blocked.get(user_id, {}).values())

    def blocks(self, user_id: int, other_id: int) -> bool:
        """Whether `user_id` wants to hear nothing of `other_id`."""
        return other_id in self._blocked.get(user_id, {})

    def blocked(self, user_id: int, other_id: int) -> User | None:
        """One whom a user blocks; None: they do not."""
        block = self._blocked.get(user_id, {}).get(other_id)
        return None if block is None else block.user

    def hidden_from(self, user_id: int) -> list[int]:
        """The ids of those whom a user wants to hear nothing of."""
        return list(self._blocked.get(user_id, ()))

    def blockers_of(self, user_id: int) -> frozenset[int]:
        """The ids of those who want to hear nothing of a user. O(blocks of that user)."""
        return frozenset(self._blockers.get(user_id, ()))

    def check_may_block(self, user_id: int, other_id: int) -> None:
        """Raise `Refusal`: ``invalid_target``, ``limit_reached``."""
        if user_id == other_id:
            raise Refusal(RefusalCode.INVALID_TARGET)
        if len(self._blocked.get(user_id, {})) >= MAX_BLOCKS:
            raise Refusal(RefusalCode.LIMIT_REACHED)

    def check_may_address(self, user_id: int, other_id: int) -> None:
        """A user cannot address another whose answer they would not hear. Raise `Refusal`: ``blocked_by_you``."""
        if self.blocks(user_id, other_id):
            raise Refusal(RefusalCode.BLOCKED_BY_YOU)

    def add(self, user_id: int, block: Block) -> None:
        self._blocked.setdefault(user_id, {}).setdefault(block.user.id, block)
        self._blockers.setdefault(block.user.id, set()).add(user_id)

    def remove(self, user_id: int, other_id: int) -> bool:
        """False: there was no block."""
        blocked = self._blocked.get(user_id, {})
        was_blocked = blocked.pop(other_id, None) is not None
        if was_blocked and not blocked:
            del self._blocked[user_id]
        if was_blocked:
            self._blockers[other_id].discard(user_id)
            if not self._blockers[other_id]:
                del self._blockers[other_id]
        return was_blocked

    def user_ids(self) -> Iterable[int]:
        """Of everybody who blocks somebody."""
        return self._blocked.keys()

    def load(self, blocks: Iterable[tuple[int, Block]]) -> None:
        """Be what `blocked_by` said of each."""
        self._blocked, self._blockers = {}, {}
        for user_id, block in blocks:
            self.add(user_id, block)
