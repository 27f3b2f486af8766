"""The social side of the lobby, composed: friends, blocks, parties, invitations, chat, notifications, announcements.
Each follows the log by itself.

What survives a restart is in the store, and read back whole at the start, so that neither a login nor a broadcast costs
a query: a friendship takes a few hundred bytes of memory for as long as it lasts.
"""

from __future__ import annotations

from collections.abc import Callable

from lobby_server.protocol.messages import ClientMessage
from lobby_server.service.announcer import Announcer
from lobby_server.service.ports import Clock, Store
from lobby_server.service.replica import Replica
from lobby_server.service.rooms.commands import RoomCommands
from lobby_server.service.session import Act
from lobby_server.service.sessions import Sessions
from lobby_server.service.social.announcements import Announcements
from lobby_server.service.social.blocks import Blocks
from lobby_server.service.social.chat import Chat
from lobby_server.service.social.friends import Friends
from lobby_server.service.social.invitations import Invitations
from lobby_server.service.social.notifications import Notifications
from lobby_server.service.social.own_changes import OwnChanges
from lobby_server.service.social.parties import Parties
from lobby_server.service.social.people import People
from lobby_server.service.social.profiles import Profiles
from lobby_server.service.social.ties import Ties
from lobby_server.service.social.whereabouts import Whereabouts
from lobby_server.service.writes.writer import StoreWriter


class Social:
    """One per server."""

    def __init__(
        self,
        *,
        replica: Replica,
        rooms: RoomCommands,
        sessions: Sessions,
        announcer: Announcer,
        store: Store,
        writer: StoreWriter,
        clock: Clock,
        chat_max_characters: int,
        new_id: Callable[[], str],
        new_key: Callable[[], str],
    ) -> None:
        """`new_id`: of a party, which nobody can guess. `new_key`: of a notification, another one each time, over
        restarts too."""
        books = replica.books
        self.people = People(presence=books.presence, friends=books.friends, store=store)
        self.notifications = Notifications(
            replica=replica, announcer=announcer, store=store, writer=writer, new_key=new_key
        )
        self.ties = Ties(
            replica=replica,
            people=self.people,
            notifications=self.notifications,
            store=store,
            writer=writer,
            clock=clock,
        )
        self.friends = Friends(
            replica=replica,
            ties=self.ties,
            people=self.people,
            notifications=self.notifications,
            announcer=announcer,
            sessions=sessions,
            store=store,
            clock=clock,
        )
        self.whereabouts = Whereabouts(
            replica=replica, ties=self.ties, announcer=announcer, sessions=sessions, store=store
        )
        self.profiles = Profiles(replica=replica, people=self.people, whereabouts=self.whereabouts, store=store)
        self.blocks = Blocks(replica=replica, ties=self.ties, people=self.people, store=store, clock=clock)
        OwnChanges(replica=replica, announcer=announcer, sessions=sessions)
        self.parties = Parties(
            replica=replica,
            announcer=announcer,
            rooms=rooms,
            people=self.people,
            notifications=self.notifications,
            clock=clock,
            new_party_id=new_id,
        )
        self.invitations = Invitations(
            replica=replica,
            people=self.people,
            notifications=self.notifications,
            announcer=announcer,
            store=store,
            writer=writer,
            clock=clock,
        )
        self.chat = Chat(
            replica=replica,
            people=self.people,
            announcer=announcer,
            sessions=sessions,
            store=store,
            writer=writer,
            clock=clock,
            new_key=new_key,
            max_characters=chat_max_characters,
        )
        self.announcements = Announcements(
            replica=replica, announcer=announcer, store=store, writer=writer, clock=clock
        )

    def commands(self) -> dict[type[ClientMessage], Act]:
        """What answers which message over the socket."""
        return self.chat.commands()

    async def restore(self) -> None:
        """Take up what an earlier life of the server kept. Raises `StoreUnavailable`."""
        await self.friends.restore()
        await self.blocks.restore()
        await self.ties.restored()
        await self.notifications.restore()
        await self.invitations.restore()
        await self.whereabouts.restore()
