"""One node's way to the database: every call of the store takes time, and can fail before its commit, or after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from random import Random
from typing import Any

from bench.simulation.outside.loop import ProcessLoop
from bench.simulation.outside.memory_store import MemoryStore
from lobby_server.core.friends import FriendRequest
from lobby_server.core.presence import User
from lobby_server.protocol.requests import Audience
from lobby_server.service.administration.ports import StoredUserBan
from lobby_server.service.ports import Account, GatedStores, StoredRoom, StoreUnavailable
from lobby_server.service.social.ports import ChatLine, NewLine

LATENCY_S = (0.0005, 0.004)
AFTER_S = 0.05
"""How long a call is under way that fails."""


class Database(MemoryStore):
    """All data; and what was ever committed of what may be gone again."""

    def __init__(self) -> None:
        super().__init__()
        self.rooms_made: set[str] = set()
        self.requests_made: dict[int, tuple[int, int]] = {}
        """Sender and receiver of a friend request, by its id."""
        self.ever_friends: set[tuple[int, int]] = set()
        self.ever_blocked: set[tuple[int, int]] = set()
        self.ever_banned: set[int] = set()
        self.lines_made: set[int] = set()
        self.users_deleted: set[int] = set()
        self.tokens_over: set[str] = set()
        """Which were revoked, and had ended by themselves as somebody looked."""
        self.is_standing = False
        """With its machine: calls wait until it goes on."""
        self._waiting: list[asyncio.Future[None]] = []

    def stand_still(self) -> None:
        self.is_standing = True

    def go_on(self) -> None:
        self.is_standing = False
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def is_answering(self) -> None:
        """Return once it does not stand still."""
        while self.is_standing:
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future

    async def add_room(self, room: StoredRoom, *, is_again: bool = False, only_if_missing: bool = False) -> None:
        await super().add_room(room, is_again=is_again, only_if_missing=only_if_missing)
        self.rooms_made.add(room.id)

    async def add_friend_request(self, sender: User, receiver: User, created_at: datetime) -> FriendRequest | None:
        made = await super().add_friend_request(sender, receiver, created_at)
        if made is not None:
            self.requests_made[made.id] = (sender.id, receiver.id)
        return made

    async def add_friendship(self, asker: User, other: User, since: datetime) -> datetime | None:
        known_since = await super().add_friendship(asker, other, since)
        if known_since is not None:
            self.ever_friends.update(((asker.id, other.id), (other.id, asker.id)))
        return known_since

    async def add_block(self, user_id: int, blocked: User, since: datetime) -> datetime:
        known_since = await super().add_block(user_id, blocked, since)
        self.ever_blocked.add((user_id, blocked.id))
        return known_since

    async def add_chat_lines(self, lines: Sequence[NewLine]) -> list[ChatLine]:
        made = await super().add_chat_lines(lines)
        self.lines_made.update(line.id for line in made)
        return made

    async def keep_user_ban(self, ban: StoredUserBan) -> None:
        await super().keep_user_ban(ban)
        self.ever_banned.add(ban.user.id)

    async def delete_account(self, user_id: int, *, revokes: tuple[str, datetime] | None = None) -> bool:
        is_deleted = await super().delete_account(user_id, revokes=revokes)
        if is_deleted:
            self.users_deleted.add(user_id)
        return is_deleted

    async def revoked_tokens(self, now: datetime) -> dict[str, datetime]:
        before = set(self._revoked)
        found = await super().revoked_tokens(now)
        self.tokens_over |= before - found.keys()
        return found

    def add_player(self, account: Account) -> None:
        """Who plays has an account."""
        self._accounts[account.id] = account

    # -- what a check asks ----------------------------------------------------------------------------------------

    def has_line(self, line_id: int) -> bool:
        return line_id in self._lines

    def is_told(self, notification_id: int) -> bool:
        """Whether a notification counts as told; one that is gone does."""
        found = self._notifications.get(notification_id)
        return found is None or found.is_delivered

    def has_announcement(self, announcement_id: int) -> bool:
        return any(each.id == announcement_id for each in self._announcements)

    def kept_bans(self) -> dict[int, StoredUserBan]:
        return dict(self._user_bans)

    def kept_audiences(self) -> dict[int, Audience]:
        return dict(self._whereabouts)

    def is_revoked(self, token_id: str) -> bool:
        return token_id in self._revoked

    def kept_rooms(self) -> dict[str, StoredRoom]:
        return dict(self._rooms)

    def kept_friends(self) -> set[tuple[int, int]]:
        return set(self._friendships)

    def kept_requests(self) -> set[int]:
        return set(self._requests)

    def kept_blocks(self) -> set[tuple[int, int]]:
        return set(self._blocks)

    def void_pairs(self) -> set[tuple[int, int]]:
        """Of which one has asked the other though they are friends, or asked each other, or who blocks a friend, or
        somebody whom they have asked."""
        friends, blocks = self._friendships.keys(), self._blocks.keys()
        asked = {(request.sender.id, request.receiver.id) for request in self._requests.values()}
        mutual = {(sender_id, receiver_id) for sender_id, receiver_id in asked if (receiver_id, sender_id) in asked}
        return (asked & friends) | (blocks & (friends | asked)) | mutual


class SimulatedStore:
    """`lobby_server.service.ports.Store` of one node."""

    def __init__(self, database: Database, loop: ProcessLoop, random: Random) -> None:
        self.fails_before = 0
        """So many calls from now on do nothing and fail."""
        self.fails_after = 0
        """So many calls from now on are done, and seem to have failed."""
        self.slow_s = 0.0
        """How much longer each call takes."""
        self._database = database
        self._loop = loop
        self._random = random

    async def close(self) -> None:
        """The others go on."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        found = self.__dict__[name] = self._slow(getattr(self._database, name))
        return found

    def fenced(self, after: int) -> _Fenced:
        return _Fenced(self._database.fenced(after), self._slow)

    def _slow(self, act: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*arguments: Any, **named: Any) -> Any:
            if self._loop.is_buried:
                raise StoreUnavailable("The simulation is over.")
            if self.fails_before:
                self.fails_before -= 1
                await asyncio.sleep(AFTER_S)
                raise StoreUnavailable("The database closed the connection.")
            await asyncio.sleep(self._random.uniform(*LATENCY_S) + self.slow_s)
            if self._database.is_standing:
                await self._database.is_answering()
                if self._loop.is_buried:
                    raise StoreUnavailable("The simulation is over.")
            found = await act(*arguments, **named)
            if self.fails_after:
                self.fails_after -= 1
                await asyncio.sleep(AFTER_S)
                raise StoreUnavailable("The database closed the connection before it answered.")
            await asyncio.sleep(self._random.uniform(*LATENCY_S))
            return found

        return call


class _Fenced:
    """Calls of what the store of a node has for one change."""

    def __init__(self, change: GatedStores, slow: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        self._change = change
        self._slow = slow

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return self._slow(getattr(self._change, name))


class MemoryJournal:
    """`lobby_server.service.ports.Journal` on a disk that outlives the process."""

    def __init__(self) -> None:
        self.life = ""
        self.lines: list[bytes] = []
        self.is_long = False
        self.has_room = True

    def read(self) -> tuple[str, list[bytes]]:
        return self.life, list(self.lines)

    def read_all(self) -> tuple[str, list[bytes]]:
        return self.read()

    def put_aside(self) -> str:
        self.lines.clear()
        return "elsewhere"

    def begin(self, life: str) -> None:
        self.life, self.lines = life, []

    def append(self, line: bytes) -> None:
        self.lines.append(line)

    def rewrite(self, lines: Any) -> None:
        self.lines = list(lines)

    def clear(self) -> None:
        self.lines.clear()

    def close(self) -> None:
        pass
