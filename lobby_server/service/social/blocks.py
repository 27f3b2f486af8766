"""Commands about blocks. A blocked user is told nothing: what they send looks sent, and does not arrive."""

from __future__ import annotations

import asyncio

from lobby_server.core.blocks import Block, BlockBook
from lobby_server.core.friends import FriendBook
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol import resources, social_resources
from lobby_server.protocol.requests import Whom
from lobby_server.protocol.social_messages import FriendRequestClosed
from lobby_server.service.announcer import Announcer
from lobby_server.service.ports import Clock, Store
from lobby_server.service.social.friends import Friends
from lobby_server.service.social.people import People


class Blocks:
    """The blocks of all users."""

    def __init__(
        self,
        *,
        book: BlockBook,
        friend_book: FriendBook,
        friends: Friends,
        people: People,
        announcer: Announcer,
        store: Store,
        clock: Clock,
        gate: asyncio.Lock,
    ) -> None:
        self._book = book
        self._friend_book = friend_book
        self._friends = friends
        self._people = people
        self._announcer = announcer
        self._store = store
        self._clock = clock
        self._gate = gate

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
        if self._book.blocks(user.id, other_id):
            return False
        self._book.check_may_block(user.id, other_id)
        other = await self._people.find(Whom(other_id))
        async with self._gate:
            if self._book.blocks(user.id, other_id):
                return False
            self._book.check_may_block(user.id, other_id)
            since = self._clock.utc_now()
            await self._store.add_block(user.id, other, since)
            self._book.add(user.id, Block(other, since))
            self._friends.part(user.id, other_id)
            asked = self._friend_book.request_between(user.id, other_id)
            if asked is not None:
                self._friend_book.remove_request(asked)
                told = [user.id] if self._book.blocks(other_id, user.id) else [user.id, other_id]
                self._announcer.tell_users(told, FriendRequestClosed(request_id=asked.id))
        return True

    async def remove(self, user: User, other_id: int) -> None:
        """Raises `Refusal` (``not_blocked``), `StoreUnavailable`."""
        async with self._gate:
            if not self._book.blocks(user.id, other_id):
                raise Refusal(RefusalCode.NOT_BLOCKED)
            await self._store.delete_block(user.id, other_id)
            self._book.remove(user.id, other_id)
