"""The social side of the lobby, put together: friends, blocks, notifications. It follows who comes and goes.

What survives a restart is in the store, and read back whole at the start, so that neither a login nor a broadcast costs
a query: a friendship takes a few hundred bytes of memory for as long as it lasts.
"""

from __future__ import annotations

import asyncio

from lobby_server.core.blocks import BlockBook
from lobby_server.core.friends import FriendBook
from lobby_server.core.presence import Presence, User
from lobby_server.service.blocks import Blocks
from lobby_server.service.friends import Friends
from lobby_server.service.hub import Hub
from lobby_server.service.notices import Notices
from lobby_server.service.people import People
from lobby_server.service.ports import Clock, Store
from lobby_server.service.session import Session
from lobby_server.service.writer import StoreWriter


class Social:
    """One a server. `lobby_server.service.lobby.Companion`."""

    def __init__(self, *, presence: Presence, hub: Hub, store: Store, writer: StoreWriter, clock: Clock) -> None:
        gate = asyncio.Lock()
        friend_book, block_book = FriendBook(), BlockBook()
        self.people = People(presence=presence, friends=friend_book, store=store)
        self.notices = Notices(hub=hub, store=store, writer=writer, clock=clock)
        self.friends = Friends(
            book=friend_book,
            blocks=block_book,
            presence=presence,
            people=self.people,
            notices=self.notices,
            hub=hub,
            store=store,
            clock=clock,
            gate=gate,
        )
        self.blocks = Blocks(
            book=block_book,
            friend_book=friend_book,
            friends=self.friends,
            people=self.people,
            hub=hub,
            store=store,
            clock=clock,
            gate=gate,
        )

    async def restore(self) -> None:
        """Take up what an earlier life of the server kept. Raises `StoreUnavailable`."""
        await self.friends.restore()
        await self.blocks.restore()
        await self.notices.restore()

    # -- what the lobby tells -------------------------------------------------------------------------------------

    def accepted(self, session: Session, *, came_online: bool) -> None:
        """A session hears from now on; `came_online`: it is its user's first."""
        if came_online:
            self.friends.came_online(session.user)
        self.notices.login(session.user.id)

    def went_offline(self, user: User) -> None:
        self.friends.went_offline(user)
