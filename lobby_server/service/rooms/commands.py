"""Rooms: commands become changes of the rules' state and of the store, and events to the users whom they concern.

Order of every change: the rules agree, the store commits where an answer depends on it, the rules change, the event
goes out. Everything but the waiting for a commit happens without a pause, so no event can overtake another.

A membership is a user's, not a socket's: the other sockets of a user who enters hear ``room_created`` or
``room_joined`` too, and those of a user who leaves hear ``peer_left`` of themselves, if they asked for any feature; so
does a socket that is new hear of the room that its user is in, or was put out of while it was away. A base client gets
what the server of the specification sends, to the byte. Errors go to the asking socket.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from lobby_server.core.presence import User
from lobby_server.core.refusal import AlreadyHosting, Refusal, RefusalCode
from lobby_server.core.rooms import Departure, Entry, Room, RoomBook
from lobby_server.protocol import messages, resources
from lobby_server.protocol.requests import RoomWish
from lobby_server.service.announcer import Announcer
from lobby_server.service.pacing import Alarm
from lobby_server.service.ports import Clock, Store
from lobby_server.service.rooms.list import room_resource
from lobby_server.service.rooms.partings import Partings
from lobby_server.service.rooms.revision_mark import RevisionMark
from lobby_server.service.rooms.stored import room_of, stored_room
from lobby_server.service.rooms.tidings import Tidings, peers_of, room_joined
from lobby_server.service.session import Act, Session
from lobby_server.service.sessions import Sessions
from lobby_server.service.watch.events import LogEvent
from lobby_server.service.writes.kept import Ban, DeleteRoom, KeepRoom, LetIn, SetHost
from lobby_server.service.writes.writer import StoreWriter

log = logging.getLogger("lobby")


class RoomObserver(Protocol):
    """Hears of memberships, once everybody else has been told."""

    def entered_room(self, room: Room, user: User) -> None: ...

    def left_room(self, room: Room, user: User) -> None: ...

    def room_is_gone(self, room: Room) -> None: ...


class RoomCommands:
    """Rooms are created, entered, left and deleted here."""

    def __init__(
        self,
        *,
        book: RoomBook,
        announcer: Announcer,
        sessions: Sessions,
        store: Store,
        writer: StoreWriter,
        clock: Clock,
        new_room_id: Callable[[], str],
        is_online: Callable[[int], bool],
        hides: Callable[[int, int], bool],
        grace_s: float,
    ) -> None:
        """`hides`: whether a user, the first, wants to hear nothing of another. `grace_s`: of presence."""
        self.book = book
        self._announcer = announcer
        self._sessions = sessions
        self._store = store
        self._writer = writer
        self._clock = clock
        self._new_room_id = new_room_id
        self._is_online = is_online
        self._hides = hides
        self._partings = Partings(clock=clock, grace_s=grace_s)
        self._tidings = Tidings(announcer=announcer, sessions=sessions, partings=self._partings)
        self._revision_mark = RevisionMark(book, store=store, writer=writer)
        self._creating: dict[int, Room] = {}
        self._deleting: dict[str, asyncio.Event] = {}
        self._newest_at: datetime | None = None
        self._alarm = Alarm(clock, self._expire)
        self._observers: list[RoomObserver] = []

    def observe(self, observer: RoomObserver) -> None:
        """Tell it of memberships from now on."""
        self._observers.append(observer)

    def commands(self) -> dict[type[messages.ClientMessage], Act]:
        """What answers which message. They raise `Refusal`."""
        return {
            messages.CreateRoom: self._take_host_place,
            messages.JoinRoom: self._join,
            messages.LeaveRoom: self._leave_over_socket,
            messages.SendChat: self._chat,
            messages.Kick: self._kick,
        }

    async def restore(self) -> None:
        """Take up the rooms of an earlier life of the server; their members are gone and their time runs."""
        await self._revision_mark.restore()
        for stored in await self._store.rooms():
            self.book.restore(room_of(stored), now_s=self._clock.monotonic_s())
            self._newest_at = stored.created_at
        if len(self.book):
            log.info(
                "%d rooms were left from before; the empty ones go in %g s",
                len(self.book),
                self.book.empty_ttl_s,
            )
        self._arm()

    def stop(self) -> None:
        """No deadline strikes any more."""
        self._alarm.set(None)

    # -- presence -------------------------------------------------------------------------------------------------

    def accepted(self, session: Session, *, came_online: bool) -> None:
        """`lobby_server.service.lobby.PresenceObserver`: a creator who opens a socket keeps the room, and a client
        with features is told where its user is."""
        user_id = session.user.id
        self.book.creator_has_socket(user_id)
        if not session.features:
            return
        room = self.book.room_of(user_id)
        message = self._partings.latest(user_id) if room is None else room_joined(room, room.members[user_id])
        if message is not None:
            session.reply(message)

    def went_offline(self, user: User) -> None:
        """`lobby_server.service.lobby.PresenceObserver`."""
        self.leave(user)
        self._partings.forget(user.id)

    def leave(self, user: User) -> None:
        """Leave the room that the user is in, if any."""
        departure = self.book.leave(user.id, now_s=self._clock.monotonic_s())
        if departure is not None:
            self._tell_departure(departure)

    # -- rooms over HTTP ------------------------------------------------------------------------------------------

    async def create_room(self, user: User, wish: RoomWish) -> resources.Room:
        """A new room, committed before it is announced. Raises `AlreadyHosting`, `StoreUnavailable`."""
        self.book.check_can_host(user.id)
        if user.id in self._creating:
            raise AlreadyHosting(self._creating[user.id].id)
        room = Room(
            id=self._new_room_id(),
            host=user,
            gamemode=wish.gamemode,
            map_name=wish.mapName,
            max_players=wish.maxPlayers,
            is_public=wish.isPublic,
            version=self._sessions.version_of(user.id),
            created_at=self._created_now(),
        )
        self._creating[user.id] = room
        try:
            await self._store.add_room(stored_room(room))
            left = self.book.add(room, now_s=self._clock.monotonic_s(), creator_has_socket=self._is_online(user.id))
        except AlreadyHosting:  # a host's place fell to the user while the database worked
            await self._store.delete_room(room.id)
            raise
        finally:
            del self._creating[user.id]
        self._partings.forget(user.id)
        if left is not None:
            self._tell_departure(left)
        self._rooms_changed(room)
        self._entered(room, user)
        return room_resource(room)

    async def delete_room(self, user: User, room_id: str) -> None:
        """Raises `Refusal` (``room_not_found``, ``not_host``), `StoreUnavailable`. Of several calls at once one deletes
        the room, and the others find none."""
        while (under_way := self._deleting.get(room_id)) is not None:
            await under_way.wait()
        self._check_may_delete(user, room_id)
        done = self._deleting[room_id] = asyncio.Event()
        try:
            await self._store.delete_room(room_id)
            room = self._check_may_delete(user, room_id)
        except Refusal:
            self._keep_after_all(room_id)
            raise
        finally:
            del self._deleting[room_id]
            done.set()
        self.book.remove(room_id)
        self._tidings.tell_closed(room, by=user)
        self._rooms_changed(room)
        self._is_gone(room)

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

    def enter_together(self, room_id: str, party: list[User], *, led_by: User) -> resources.Room:
        """All of a party enter a room, or nobody does. Each hears so on all their sockets, and the members before hear
        of each who came. Raises `Refusal` as `RoomBook.join_together`, and ``try_again_later``."""
        self._writer.check()
        versions = {user: self._sessions.version_of(user.id) for user in party}
        entries = self.book.join_together(room_id, versions, led_by=led_by, now_s=self._clock.monotonic_s())
        for entry in entries:
            self._settle(entry)
        room, came = entries[0].room, [entry.member for entry in entries if not entry.already_in]
        if not room.is_public and came:
            self._writer.keep(LetIn(room_id=room_id, user_ids=tuple(member.user.id for member in came)))
        there = [user_id for user_id in room.members if user_id not in {member.user.id for member in came}]
        for member in came:
            self._tidings.tell_came(there, member)
        for entry in entries:
            self._announcer.tell_users([entry.member.user.id], room_joined(room, entry.member))
        if came:
            self._rooms_changed(room)
        for entry in entries:
            self._entered(room, entry.member.user)
        return room_resource(room)

    # -- rooms over the socket ------------------------------------------------------------------------------------

    def _take_host_place(self, session: Session, _: messages.CreateRoom) -> None:
        hosted = self.book.hosted_by(session.user.id)
        had_version = hosted is not None and hosted.version is not None
        entry = self.book.take_host_place(session.user, version=session.version, now_s=self._clock.monotonic_s())
        room = entry.room
        self._partings.forget(session.user.id)
        if not had_version:
            self._store_host(room)
        if entry.left is not None:
            self._tell_departure(entry.left)
        created = messages.RoomCreated(
            roomId=room.id, peerId=entry.member.peer_id, gamemode=room.gamemode, mapName=room.map_name
        )
        session.reply(created)
        self._tidings.tell_own(session.user, created, besides=session)
        if not entry.already_in:
            self._rooms_changed(room)
        self._arm()
        self._entered(room, session.user)

    def _join(self, session: Session, command: messages.JoinRoom) -> None:
        if command.ifIn == "none" and self.book.room_of(session.user.id) is not None:
            raise Refusal(RefusalCode.ALREADY_IN_ROOM)
        entry = self.book.join(command.roomId, session.user, version=command.version, now_s=self._clock.monotonic_s())
        room, user = entry.room, session.user
        self._settle(entry)
        joined = room_joined(room, entry.member)
        session.reply(joined)
        if not entry.already_in:
            self._tidings.tell_own(user, joined, besides=session)
            others = [user_id for user_id in room.members if user_id != user.id]
            self._tidings.tell_came(others, entry.member)
            self._rooms_changed(room)
        self._entered(room, user)

    def _leave_over_socket(self, session: Session, _: messages.LeaveRoom) -> None:
        room = self.book.room_of(session.user.id)
        if room is None:
            raise Refusal(RefusalCode.NOT_IN_ROOM)
        left = messages.PeerLeft(peerId=room.members[session.user.id].peer_id)
        self.leave(session.user)
        self._tidings.tell_own(session.user, left, besides=session)

    def _chat(self, session: Session, command: messages.SendChat) -> None:
        room = self.book.room_of(session.user.id)
        if room is None:
            raise Refusal(RefusalCode.NOT_IN_ROOM)
        member = room.members[session.user.id]
        line = messages.Chat(
            from_peer=member.peer_id,
            from_name=member.user.username,
            text=command.text[: messages.MAX_CHAT_CHARACTERS],
        )
        heard_by = [user_id for user_id in room.members if not self._hides(user_id, session.user.id)]
        self._announcer.tell_users(heard_by, line)

    def _kick(self, session: Session, command: messages.Kick) -> None:
        self._writer.check()
        departure = self.book.kick(session.user.id, command.peerId, now_s=self._clock.monotonic_s())
        room_id, user_id = departure.room.id, departure.member.user.id
        self._writer.keep(Ban(room_id=room_id, user_id=user_id))
        log.info(
            "user %d was kicked from room %s by its host %d",
            user_id,
            room_id,
            session.user.id,
            extra={"event": LogEvent.KICKED.value, "session": session.id, "user": session.user.id, "target": user_id},
        )
        self._announcer.tell_users([user_id], messages.Kicked())
        self._partings.note([user_id], messages.Kicked())
        self._tell_departure(departure)

    # -- private --------------------------------------------------------------------------------------------------

    def _settle(self, entry: Entry) -> None:
        """What an entry means for the store, and for the room that was left."""
        self._partings.forget(entry.member.user.id)
        if entry.became_host:
            self._store_host(entry.room)
        if entry.left is not None:
            self._tell_departure(entry.left)

    def _created_now(self) -> datetime:
        """When a room is made: after every room before it, though the wall clock may have been set back. The list is
        sorted by it."""
        now = self._clock.utc_now()
        if self._newest_at is not None:
            now = max(now, self._newest_at + timedelta(microseconds=1))
        self._newest_at = now
        return now

    def _check_may_delete(self, user: User, room_id: str) -> Room:
        room = self.book.get(room_id)
        if room is None:
            raise Refusal(RefusalCode.ROOM_NOT_FOUND)
        if room.host.id != user.id:
            raise Refusal(RefusalCode.NOT_HOST)
        return room

    def _keep_after_all(self, room_id: str) -> None:
        """While the store deleted a room another member became its host: it goes on, and is kept again."""
        room = self.book.get(room_id)
        if room is not None:
            self._writer.keep(KeepRoom(room=stored_room(room)))

    def _tell_departure(self, departure: Departure) -> None:
        room = departure.room
        self._tidings.tell_left(departure)
        if departure.new_host is not None:
            self._store_host(room)
        self._rooms_changed(room)
        for observer in self._observers:
            observer.left_room(room, departure.member.user)

    def _entered(self, room: Room, user: User) -> None:
        for observer in self._observers:
            observer.entered_room(room, user)

    def _is_gone(self, room: Room) -> None:
        for observer in self._observers:
            observer.room_is_gone(room)

    def _rooms_changed(self, room: Room) -> None:
        if room.is_public:
            self._announcer.rooms_changed()
            self._revision_mark.follow()
        self._arm()

    def _expire(self) -> None:
        expired = self.book.expire(self._clock.monotonic_s())
        for room in expired.deleted:
            log.info("room %s had nobody in it for %g s and is deleted", room.id, self.book.empty_ttl_s)
            self._forget(room.id)
            self._rooms_changed(room)
            self._is_gone(room)
        for departure in expired.departures:
            self._tell_departure(departure)
        self._arm()

    def _arm(self) -> None:
        self._alarm.set(self.book.next_deadline_s())

    def _forget(self, room_id: str) -> None:
        self._writer.keep(DeleteRoom(room_id=room_id))

    def _store_host(self, room: Room) -> None:
        host = room.host
        self._writer.keep(SetHost(room_id=room.id, user_id=host.id, username=host.username, version=room.version))
