"""The social side of the lobby, composed: friends, blocks, parties, invitations, chat, notifications, announcements.
It follows presence.

What survives a restart is in the store, and read back whole at the start, so that neither a login nor a broadcast costs
a query: a friendship takes a few hundred bytes of memory for as long as it lasts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lobby_server.core.blocks import BlockBook
from lobby_server.core.friends import FriendBook
from lobby_server.core.parties import PartyBook
from lobby_server.core.presence import Presence, User
from lobby_server.protocol.messages import ClientMessage
from lobby_server.service.announcer import Announcer
from lobby_server.service.ports import Clock, Store
from lobby_server.service.rooms.commands import RoomCommands
from lobby_server.service.session import Act, Session
from lobby_server.service.sessions import Sessions
from lobby_server.service.social.announcements import Announcements
from lobby_server.service.social.blocks import Blocks
from lobby_server.service.social.chat import Chat
from lobby_server.service.social.friends import Friends
from lobby_server.service.social.invitations import Invitations
from lobby_server.service.social.notifications import Notifications
from lobby_server.service.social.parties import Parties
from lobby_server.service.social.people import People
from lobby_server.service.writes.writer import StoreWriter


class Social:
    """One per server. `lobby_server.service.lobby.PresenceObserver`."""

    def __init__(
        self,
        *,
        presence: Presence,
        rooms: RoomCommands,
        sessions: Sessions,
        announcer: Announcer,
        store: Store,
        writer: StoreWriter,
        clock: Clock,
        block_book: BlockBook,
        party_book: PartyBook,
        chat_rate_per_min: float,
        chat_max_characters: int,
        new_id: Callable[[], str],
        new_key: Callable[[], str],
    ) -> None:
        """`new_id`: of a party, which nobody can guess. `new_key`: of a notification, another one each time, over
        restarts too."""
        gate = asyncio.Lock()
        friend_book = FriendBook()
        self.people = People(presence=presence, friends=friend_book, store=store)
        self.notifications = Notifications(
            blocks=block_book,
            announcer=announcer,
            sessions=sessions,
            store=store,
            writer=writer,
            clock=clock,
            new_key=new_key,
        )
        self.friends = Friends(
            book=friend_book,
            blocks=block_book,
            presence=presence,
            people=self.people,
            notifications=self.notifications,
            announcer=announcer,
            sessions=sessions,
            store=store,
            clock=clock,
            gate=gate,
        )
        self.blocks = Blocks(
            book=block_book,
            friend_book=friend_book,
            friends=self.friends,
            people=self.people,
            announcer=announcer,
            store=store,
            clock=clock,
            gate=gate,
        )

        self.parties = Parties(
            book=party_book,
            blocks=block_book,
            presence=presence,
            announcer=announcer,
            rooms=rooms,
            people=self.people,
            notifications=self.notifications,
            clock=clock,
            new_party_id=new_id,
        )
        self.invitations = Invitations(
            rooms=rooms.book,
            blocks=block_book,
            people=self.people,
            notifications=self.notifications,
            announcer=announcer,
            store=store,
        )
        rooms.observe(self.invitations)
        self.chat = Chat(
            parties=party_book,
            blocks=block_book,
            people=self.people,
            notifications=self.notifications,
            announcer=announcer,
            sessions=sessions,
            store=store,
            writer=writer,
            clock=clock,
            rate_per_min=chat_rate_per_min,
            max_characters=chat_max_characters,
        )
        self.announcements = Announcements(announcer=announcer, store=store, clock=clock)

    def commands(self) -> dict[type[ClientMessage], Act]:
        """What answers which message over the socket."""
        return self.chat.commands()

    async def restore(self) -> None:
        """Take up what an earlier life of the server kept. Raises `StoreUnavailable`."""
        await self.friends.restore()
        await self.blocks.restore()
        await self.notifications.restore()
        await self.invitations.restore()

    # -- presence -------------------------------------------------------------------------------------

    def accepted(self, session: Session, *, came_online: bool) -> None:
        """A session hears from now on; `came_online`: it is its user's first."""
        if came_online:
            self.friends.came_online(session.user)
            self.parties.came_online(session.user)
        self.chat.accepted(session)
        self.notifications.login(session.user.id)

    def went_offline(self, user: User) -> None:
        self.friends.went_offline(user)
        self.parties.went_offline(user)
        self.chat.went_offline(user)
