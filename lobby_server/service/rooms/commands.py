"""Rooms: what users ask for, over HTTP and over the socket, becomes entries of the log. What became of them is told by
`lobby_server.service.rooms.telling`.

Order of every change: the store commits where an answer depends on it, the rules agree and change, the event goes out.
Everything but the waiting for a commit happens in the order of the log, so no event can overtake another. Errors go to
the asking socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from lobby_server.core.machine import commands
from lobby_server.core.machine.books import Books
from lobby_server.core.machine.commands import Command
from lobby_server.core.machine.rooms import check_may_delete, existing_room
from lobby_server.core.presence import User
from lobby_server.core.refusal import AlreadyHosting, Refusal, RefusalCode
from lobby_server.core.room_codes import code_of
from lobby_server.core.rooms import Room
from lobby_server.protocol import messages, resources
from lobby_server.protocol.requests import RoomWish
from lobby_server.service.announcer import Announcer
from lobby_server.service.ports import Clock, Store, StoreUnavailable
from lobby_server.service.replica import Replica
from lobby_server.service.rooms.list import peers_of, room_resource
from lobby_server.service.rooms.stored import stored_room
from lobby_server.service.rooms.telling import RoomTelling
from lobby_server.service.rooms.upkeep import RoomUpkeep
from lobby_server.service.session import Act, Session
from lobby_server.service.sessions import Sessions
from lobby_server.service.writes.kept import DeleteRoom
from lobby_server.service.writes.turns import BEGIN_S
from lobby_server.service.writes.writer import StoreWriter


class RoomCommands:
    """Rooms are created, entered, left and deleted here."""

    def __init__(
        self,
        *,
        replica: Replica,
        announcer: Announcer,
        sessions: Sessions,
        store: Store,
        writer: StoreWriter,
        clock: Clock,
        new_room_id: Callable[[], str],
    ) -> None:
        self.book = replica.books.rooms
        self._replica = replica
        self._store = store
        self._writer = writer
        self._new_room_id = new_room_id
        self._creating: dict[int, Room] = {}
        self._deleting: dict[str, asyncio.Event] = {}
        self.upkeep = RoomUpkeep(replica=replica, announcer=announcer, store=store, writer=writer, clock=clock)
        self._telling = RoomTelling(replica=replica, announcer=announcer, sessions=sessions, upkeep=self.upkeep)

    def commands(self) -> dict[type[messages.ClientMessage], Act]:
        """What answers which message. They raise `Refusal`."""
        return {
            messages.CreateRoom: self._take_host_place,
            messages.JoinRoom: self._join,
            messages.LeaveRoom: self._leave,
            messages.SendChat: self._say,
            messages.Kick: self._kick,
        }

    # -- rooms over HTTP ------------------------------------------------------------------------------------------

    async def create_room(self, user: User, wish: RoomWish) -> resources.Room:
        """A new room, committed before it is announced. Raises `AlreadyHosting`, `StoreUnavailable`, and `Refusal`
        (``try_again_later``)."""
        await self._replica.caught_up_in_call()
        self.book.check_can_host(user.id)
        if user.id in self._creating:
            raise AlreadyHosting(self._creating[user.id].id)
        self._replica.check()
        room = Room(
            id=self._id_with_a_code_of_its_own(),
            host=user,
            gamemode=wish.gamemode,
            map_name=wish.mapName or None,
            max_players=wish.maxPlayers,
            is_public=wish.isPublic,
            version=self._replica.books.presence.version_of(user.id),
            created_at=self.upkeep.created_now(),
            name=(wish.name or "").strip() or None,
            # Whoever was in a private room may come back, also once another leads it, and after a restart.
            invited_user_ids=set() if wish.isPublic else {user.id},
        )
        self._creating[user.id] = room
        is_off = is_late = False

        def undo() -> None:
            """A host's place fell to the user while the database worked, or the log does not take the room."""
            nonlocal is_off
            is_off = True
            if is_late:
                self._writer.keep(DeleteRoom(room_id=room.id))

        try:
            await self._store.add_room(stored_room(room))
            return await self._replica.run(commands.CreateRoom(room), lambda: self.room(room.id), undo=undo)
        except StoreUnavailable:  # the database may have it all the same: the answer was lost, not the commit
            self._writer.keep(DeleteRoom(room_id=room.id))
            raise
        except Refusal:
            is_late = True
            if is_off:
                try:
                    await self._store.delete_room(room.id)
                except StoreUnavailable:  # it is to go all the same, and nobody will ask for it again
                    self._writer.keep(DeleteRoom(room_id=room.id))
            raise
        finally:
            del self._creating[user.id]

    async def delete_room(self, user: User, room_id: str) -> None:
        """Raises `Refusal` (``room_not_found``, ``not_host``, ``try_again_later``), `StoreUnavailable`. Of several
        calls at once one deletes the room, and the others find none."""
        await self._delete(
            room_id, commands.DeleteRoom(user, room_id), lambda books: check_may_delete(books, user, room_id)
        )

    async def close_room(self, by: User, room_id: str) -> Room:
        """The same for an administrator, whoever hosts the room; the room."""
        return await self._delete(room_id, commands.CloseRoom(by, room_id), lambda books: existing_room(books, room_id))

    def mine(self, user: User) -> resources.MyRoom:
        """The room that a user is in. Raises `Refusal` (``in_no_room``)."""
        room = self.book.room_of(user.id)
        if room is None:
            raise Refusal(RefusalCode.IN_NO_ROOM)
        shown = msgspec.structs.asdict(room_resource(room))
        return resources.MyRoom(**shown, peerId=room.members[user.id].peer_id, members=peers_of(room))

    def room(self, room_id: str) -> resources.Room:
        """Raises `Refusal` (``room_not_found``)."""
        room = self.book.get(room_id)
        if room is None:
            raise Refusal(RefusalCode.ROOM_NOT_FOUND)
        return room_resource(room)

    async def enter_together(self, leader: User, room_id: str) -> tuple[resources.Room, list[int]]:
        """All of the leader's party enter a room, or nobody does. Each hears so on all their sockets, and the members
        before hear of each who came. The room, and who entered it, the leader first.

        Raises `Refusal` as `RoomBook.join_together`, ``not_in_party``, ``not_leader``, ``member_offline``, and
        ``try_again_later``.
        """
        self._writer.check()

        def answer() -> tuple[resources.Room, list[int]]:
            party = self._replica.books.parties.party_of(leader.id)
            others = [] if party is None else [member_id for member_id in party.members if member_id != leader.id]
            return self.room(room_id), [leader.id, *others]

        return await self._replica.run(commands.EnterRoomWithParty(leader, room_id), answer)

    # -- rooms over the socket ------------------------------------------------------------------------------------

    def _take_host_place(self, session: Session, _: messages.CreateRoom) -> None:
        self._replica.submit(commands.TakeHostPlace(session.user, session.version), session)

    def _join(self, session: Session, asked: messages.JoinRoom) -> None:
        command = commands.JoinRoom(session.user, asked.roomId, asked.version, only_from_none=asked.ifIn == "none")
        self._replica.submit(command, session)

    def _leave(self, session: Session, _: messages.LeaveRoom) -> None:
        self._replica.submit(commands.LeaveRoom(session.user), session)

    def _say(self, session: Session, asked: messages.SendChat) -> None:
        text = asked.text[: messages.MAX_CHAT_CHARACTERS]
        self._replica.submit(commands.SayInRoom(session.user, text), session)

    def _kick(self, session: Session, asked: messages.Kick) -> None:
        self._writer.check()
        self._replica.submit(commands.KickFromRoom(session.user, asked.peerId), session)

    # -- private --------------------------------------------------------------------------------------------------

    async def _delete(self, room_id: str, command: Command, check: Callable[[Books], Room]) -> Room:
        """`check` is asked when nobody else is at it, and raises `Refusal`."""
        await self._replica.caught_up_in_call()
        await self._wait_for_deletions(room_id)
        room = check(self._replica.books)
        self._replica.check()
        done = self._deleting[room_id] = asyncio.Event()
        try:
            try:
                await self._store.delete_room(room_id)
            except StoreUnavailable:  # and yet it may be gone there, while it goes on here
                self.upkeep.keep_after_all(room_id)
                raise
            await self._replica.run(command, settled=lambda: self.upkeep.keep_after_all(room_id))
        finally:
            del self._deleting[room_id]
            done.set()
        return room

    async def _wait_for_deletions(self, room_id: str) -> None:
        """Return when nobody is at it. Raises `Refusal` (``try_again_later``) where those before take too long: each
        may wait for a database that does not answer."""
        loop = asyncio.get_running_loop()
        latest_s = loop.time() + BEGIN_S
        while (under_way := self._deleting.get(room_id)) is not None:
            try:
                await asyncio.wait_for(under_way.wait(), latest_s - loop.time())
            except (TimeoutError, asyncio.TimeoutError):
                raise Refusal(RefusalCode.TRY_AGAIN_LATER) from None

    def _id_with_a_code_of_its_own(self) -> str:
        while self.book.by_code(code_of(room_id := self._new_room_id())) is not None:
            pass
        return room_id
