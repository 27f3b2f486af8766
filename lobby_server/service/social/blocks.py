"""Commands about blocks. A blocked user is told nothing: what they send looks sent, and does not arrive."""

from __future__ import annotations

from lobby_server.core.blocks import Block
from lobby_server.core.machine import commands
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol import resources, social_resources
from lobby_server.protocol.requests import Whom
from lobby_server.service.ports import Clock
from lobby_server.service.replica import Replica
from lobby_server.service.social.people import People
from lobby_server.service.social.ports import FriendStore
from lobby_server.service.social.ties import Ties


class Blocks:
    """The blocks of all users."""

    def __init__(self, *, replica: Replica, ties: Ties, people: People, store: FriendStore, clock: Clock) -> None:
        self._book = replica.books.blocks
        self._replica = replica
        self._ties = ties
        self._people = people
        self._store = store
        self._clock = clock

    async def restore(self) -> None:
        for block in sorted(await self._store.blocks(), key=lambda block: block.since):
            self._book.add(block.user_id, Block(block.blocked, block.since))

    def overview(self, user: User) -> social_resources.BlockList:
        blocks = [
            social_resources.Block(
                user_id=block.user.id, username=block.user.username, since=resources.iso_utc(block.since)
            )
            for block in self._book.blocked_by(user.id)
        ]
        return social_resources.BlockList(count=len(blocks), blocks=blocks)

    async def add(self, user: User, other_id: int) -> bool:
        """Block a user; False: they were blocked already. A friendship of the two ends, and what the user had asked
        them is withdrawn.

        Raises `Refusal`: ``user_not_found``, ``invalid_target``, ``limit_reached``; `StoreUnavailable`.
        """
        await self._replica.caught_up_in_call()
        self._check_may_block(user.id, other_id)
        # Whom a user blocks they can block again, though nobody else may know of that user any more.
        other = self._book.blocked(user.id, other_id) or await self._people.find(Whom(other_id))
        async with self._ties.change() as held:
            self._check_may_block(user.id, other_id)
            is_known = self._book.blocks(user.id, other_id)
            now = self._clock.utc_now()
            # One that the books have may be gone from the store, and they are about to follow: it stands from now on.
            since = await held.commit(lambda store: store.add_block(user.id, other, now))
            await self._ties.tell(commands.Block(user, other, since))
        return not is_known

    async def remove(self, user: User, other_id: int) -> None:
        """Raises `Refusal` (``not_blocked``), `StoreUnavailable`."""
        async with self._ties.change() as held:
            if not self._book.blocks(user.id, other_id):
                raise Refusal(RefusalCode.NOT_BLOCKED)
            await held.commit(lambda store: store.delete_block(user.id, other_id))
            await self._ties.tell(commands.Unblock(user.id, other_id))

    def _check_may_block(self, user_id: int, other_id: int) -> None:
        """Once more is allowed always."""
        if not self._book.blocks(user_id, other_id):
            self._book.check_may_block(user_id, other_id)
