"""Rooms: commands become changes of the rules' state and of the store, and events to the users whom they concern.

Order of every change: the rules agree, the store commits where an answer depends on it, the rules change, the event
goes out. Everything but the waiting for a commit happens without a pause, so no event can overtake another.

A membership is a user's, not a socket's: the other sockets of a user who enters hear ``room_created`` or
``room_joined`` too, and those of a user who leaves (or deletes the room) hear ``peer_left`` of themselves, if they
asked for any feature; a base client gets what the server of the specification sends, to the byte. Errors go to the
asking socket.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from lobby_server.core.presence import User
from lobby_server.core.refusal import AlreadyHosting, Refusal, RefusalCode
from lobby_server.core.rooms import Departure, Entry, Room, RoomBook
from lobby_server.protocol import messages, resources
from lobby_server.protocol.requests import RoomWish
from lobby_server.service.announcer import Announcer
from lobby_server.service.pacing import Alarm
from lobby_server.service.ports import Clock, Store
from lobby_server.service.rooms.list import room_resource
from lobby_server.service.rooms.stored import room_of, stored_room
from lobby_server.service.session import Act, Session
from lobby_server.service.sessions import Sessions
from lobby_server.service.watch.events import LogEvent
from lobby_server.service.writes.kept import Ban, DeleteRoom, LetIn, SetHost
from lobby_server.service.writes.writer import StoreWriter

log = logging.getLogger("lobby")


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
    ) -> None:
        self.book = book
        self._announcer = announcer
        self._sessions = sessions
        self._store = store
        self._writer = writer
        self._clock = clock
        self._new_room_id = new_room_id
        self._is_online = is_online
        self._creating: dict[int, Room] = {}
        self._alarm = Alarm(clock, self._expire)

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
        for stored in await self._store.rooms():
            self.book.restore(room_of(stored), now_s=self._clock.monotonic_s())
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
        """`lobby_server.service.lobby.PresenceObserver`: a creator who opens a socket keeps the room."""
        self.book.creator_has_socket(session.user.id)

    def went_offline(self, user: User) -> None:
        """`lobby_server.service.lobby.PresenceObserver`."""
        self.leave(user)

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
            created_at=self._clock.utc_now(),
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
        if left is not None:
            self._tell_departure(left)
        self._rooms_changed(room)
        return room_resource(room)

    async def delete_room(self, user: User, room_id: str) -> None:
        """Raises `Refusal` (``room_not_found``, ``not_host``), `StoreUnavailable`."""
        room = self.book.get(room_id)
        if room is None:
            raise Refusal(RefusalCode.ROOM_NOT_FOUND)
        if room.host.id != user.id:
            raise Refusal(RefusalCode.NOT_HOST)
        await self._store.delete_room(room_id)
        if self.book.remove(room_id) is not None:
            # The host kicks the members out; the protocol has that one message for it.
            others = [member_id for member_id in room.members if member_id != user.id]
            self._announcer.tell_users(others, messages.Kicked())
            self._rooms_changed(room)
            if user.id in room.members:
                self._tell_own(user, messages.PeerLeft(peerId=room.members[user.id].peer_id))

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
            self._announcer.tell_users(there, messages.PeerJoined(peerId=member.peer_id, name=member.user.username))
        for entry in entries:
            self._announcer.tell_users([entry.member.user.id], _room_joined(entry))
        if came:
            self._rooms_changed(room)
        return room_resource(room)

    # -- rooms over the socket ------------------------------------------------------------------------------------

    def _take_host_place(self, session: Session, _: messages.CreateRoom) -> None:
        hosted = self.book.hosted_by(session.user.id)
        had_version = hosted is not None and hosted.version is not None
        entry = self.book.take_host_place(session.user, version=session.version, now_s=self._clock.monotonic_s())
        room = entry.room
        if not had_version:
            self._store_host(room)
        if entry.left is not None:
            self._tell_departure(entry.left)
        created = messages.RoomCreated(
            roomId=room.id, peerId=entry.member.peer_id, gamemode=room.gamemode, mapName=room.map_name
        )
        session.reply(created)
        self._tell_own(session.user, created, besides=session)
        if not entry.already_in:
            self._rooms_changed(room)
        self._arm()

    def _join(self, session: Session, command: messages.JoinRoom) -> None:
        entry = self.book.join(command.roomId, session.user, version=command.version, now_s=self._clock.monotonic_s())
        room, user = entry.room, session.user
        self._settle(entry)
        session.reply(_room_joined(entry))
        if not entry.already_in:
            self._tell_own(user, _room_joined(entry), besides=session)
            others = [user_id for user_id in room.members if user_id != user.id]
            self._announcer.tell_users(others, messages.PeerJoined(peerId=entry.member.peer_id, name=user.username))
            self._rooms_changed(room)

    def _leave_over_socket(self, session: Session, _: messages.LeaveRoom) -> None:
        room = self.book.room_of(session.user.id)
        if room is None:
            raise Refusal(RefusalCode.NOT_IN_ROOM)
        left = messages.PeerLeft(peerId=room.members[session.user.id].peer_id)
        self.leave(session.user)
        self._tell_own(session.user, left, besides=session)

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
        self._announcer.tell_users(list(room.members), line)

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
        self._tell_departure(departure)

    # -- private --------------------------------------------------------------------------------------------------

    def _settle(self, entry: Entry) -> None:
        """What an entry means for the store, and for the room that was left."""
        if entry.became_host:
            self._store_host(entry.room)
        if entry.left is not None:
            self._tell_departure(entry.left)

    def _tell_own(self, user: User, message: messages.ServerMessage, *, besides: Session | None = None) -> None:
        """Let the sockets of a user know what became of their membership, base clients left out."""
        own = self._sessions.of_user(user.id)
        self._announcer.tell_some([each for each in own if each is not besides and each.features], message)

    def _tell_departure(self, departure: Departure) -> None:
        room, new_host = departure.room, departure.new_host
        stayed = list(room.members)
        self._announcer.tell_users(stayed, messages.PeerLeft(peerId=departure.member.peer_id))
        if new_host is not None:
            self._store_host(room)
            self._announcer.tell_users(
                stayed,
                messages.HostChanged(newHostPeerId=new_host.peer_id, newHostName=new_host.user.username),
            )
        self._rooms_changed(room)

    def _rooms_changed(self, room: Room) -> None:
        if room.is_public:
            self._announcer.rooms_changed()
        self._arm()

    def _expire(self) -> None:
        expired = self.book.expire(self._clock.monotonic_s())
        for room in expired.deleted:
            log.info("room %s had nobody in it for %g s and is deleted", room.id, self.book.empty_ttl_s)
            self._forget(room.id)
            self._rooms_changed(room)
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


def _room_joined(entry: Entry) -> messages.RoomJoined:
    room = entry.room
    return messages.RoomJoined(
        roomId=room.id,
        peerId=entry.member.peer_id,
        members=[
            messages.PeerInfo(peerId=member.peer_id, name=member.user.username, isHost=member.user.id == room.host.id)
            for member in room.members.values()
        ],
        gamemode=room.gamemode,
        mapName=room.map_name,
    )
