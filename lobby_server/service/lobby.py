"""The lobby: commands become changes of the rules' state, of the store, and events to whom they concern.

Order of every change: the rules agree, the store commits where an answer depends on it, the rules change, the event
goes out. Everything but the waiting for a commit happens without a pause, so no event can overtake another.

A membership is a user's, not a socket's: the other sockets of whoever enters hear ``room_created`` or ``room_joined``
too, and those of whoever leaves (or deletes the room) hear ``peer_left`` of themselves, if they asked for any feature;
a base client gets what the seed's server sends, to the byte. Errors go to who asked alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from lobby_server.core.presence import Presence, User
from lobby_server.core.rooms import (
    AlreadyHosting,
    Departure,
    Entry,
    Room,
    RoomBook,
    RoomRefused,
)
from lobby_server.protocol import messages, resources
from lobby_server.protocol.codes import CloseCode, ErrorReason
from lobby_server.protocol.features import Feature
from lobby_server.protocol.messages import Refused, encode_frame
from lobby_server.service.hub import Hub
from lobby_server.service.pacing import Alarm
from lobby_server.service.ports import Clock, Store
from lobby_server.service.room_list import room_resource
from lobby_server.service.session import Session
from lobby_server.service.stored_rooms import room_of, stored_room
from lobby_server.service.writer import StoreWriter

log = logging.getLogger("lobby")


@dataclass(frozen=True, kw_only=True)
class RoomWish:
    """What ``POST /api/rooms`` asks for, validated."""

    gamemode: str
    map_name: str | None
    max_players: int
    is_public: bool


class RoomNotFound(Exception):
    """There is no such room."""


class NotHost(Exception):
    """Only the host may do that."""


class Companion(Protocol):
    """What goes along with the presence that the lobby keeps."""

    def accepted(self, session: Session, *, came_online: bool) -> None:
        """A session hears from now on; `came_online`: it is its user's first."""

    def went_offline(self, user: User) -> None:
        """The last session of a user is gone, and so is their grace. They are still in their room."""


class Lobby:
    """Presence and rooms, and what everybody hears of them."""

    def __init__(
        self,
        *,
        presence: Presence,
        rooms: RoomBook,
        hub: Hub,
        store: Store,
        writer: StoreWriter,
        clock: Clock,
        new_room_id: Callable[[], str],
    ) -> None:
        self.presence = presence
        self.rooms = rooms
        self.hub = hub
        self._store = store
        self._writer = writer
        self._clock = clock
        self._new_room_id = new_room_id
        self._creating: dict[int, Room] = {}
        self._companions: list[Companion] = []
        self._is_stopped = False
        self._presence_alarm = Alarm(clock, self._expire_presence)
        self._rooms_alarm = Alarm(clock, self._expire_rooms)
        self._commands: dict[type[messages.ClientMessage], Callable[[Session, Any], None]] = {
            messages.CreateRoom: self._take_host_place,
            messages.JoinRoom: self._join_room,
            messages.LeaveRoom: self._leave_room,
            messages.SendChat: self._chat,
            messages.Kick: self._kick,
        }

    def take_along(self, companion: Companion) -> None:
        """Let it know who comes and goes from now on."""
        self._companions.append(companion)

    def take_command(self, kind: type[messages.ClientMessage], act: Callable[[Session, Any], None]) -> None:
        """Let `act` answer that kind of message. It may raise `Refused`."""
        self._commands[kind] = act

    async def restore(self) -> None:
        """Take up the rooms of an earlier life of the server; their members are gone and their time runs."""
        for stored in await self._store.rooms():
            self.rooms.restore(room_of(stored), now_s=self._clock.monotonic_s())
        if len(self.rooms):
            log.info(
                "%d rooms were left from before; the empty ones go in %g s",
                len(self.rooms),
                self.rooms.empty_ttl_s,
            )
        self._arm_rooms()

    def stop(self) -> None:
        """No deadline strikes any more, nothing is announced, and whoever goes keeps their place in their room: they
        are told to come back."""
        self._is_stopped = True
        self._presence_alarm.set(None)
        self._rooms_alarm.set(None)
        self.hub.fall_silent()

    # -- sessions -------------------------------------------------------------------------------------------------

    def accepted(self, session: Session) -> None:
        """A handshake held: the session hears from now on, its own ``user_online`` first of all."""
        user = session.user
        came_online = self.presence.arrive(user)  # first of all: whatever ends the session takes it back
        self.hub.add(session)
        if Feature.ROOMS_DELTA in session.features:
            self.hub.snapshot(session)
        self.rooms.creator_has_socket(user.id)
        if came_online:
            log.info("Broadcasting user_online: %d (%r)", user.id, user.username)
            self.hub.user_online(user)
        for companion in self._companions:
            companion.accepted(session, came_online=came_online)

    def gone(self, session: Session, *, abrupt: bool) -> None:
        """A session that was accepted is over."""
        self.hub.remove(session)
        if self._is_stopped:
            return
        gone = self.presence.leave(session.user.id, now_s=self._clock.monotonic_s(), abrupt=abrupt)
        if gone is not None:
            self._went_offline(gone)
        self._presence_alarm.set(self.presence.next_deadline_s())

    def sign_out(self, user: User, token_id: str) -> None:
        """A token was revoked: its sockets close with 4502, and nobody is held online by a grace period."""
        for session in list(self.hub.of_user(user.id)):
            if isinstance(session, Session) and session.token_id == token_id:
                session.close(CloseCode.SIGNED_OUT, "signed out")
        gone = self.presence.sign_out(user.id)
        if gone is not None:
            self._went_offline(gone)

    def execute(self, session: Session, command: messages.ClientMessage) -> None:
        """A command over the socket. Raises `Refused` with the error to answer."""
        try:
            self._commands[type(command)](session, command)
        except RoomRefused as refusal:
            raise Refused(refusal.reason) from None

    # -- rooms over HTTP ------------------------------------------------------------------------------------------

    async def create_room(self, user: User, wish: RoomWish) -> resources.Room:
        """A new room, committed before it is announced. Raises `AlreadyHosting`, `StoreUnavailable`."""
        self.rooms.check_can_host(user.id)
        if user.id in self._creating:
            raise AlreadyHosting(self._creating[user.id])
        room = Room(
            id=self._new_room_id(),
            host=user,
            gamemode=wish.gamemode,
            map_name=wish.map_name,
            max_players=wish.max_players,
            is_public=wish.is_public,
            version=self._version_of(user),
            created_at=self._clock.utc_now(),
        )
        self._creating[user.id] = room
        try:
            await self._store.add_room(stored_room(room))
            left = self.rooms.add(
                room, now_s=self._clock.monotonic_s(), creator_has_socket=self.presence.is_online(user.id)
            )
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
        """Raises `RoomNotFound`, `NotHost`, `StoreUnavailable`."""
        room = self.rooms.get(room_id)
        if room is None:
            raise RoomNotFound
        if room.host.id != user.id:
            raise NotHost
        await self._store.delete_room(room_id)
        if self.rooms.remove(room_id) is not None:
            # The members are put out by their host; the protocol has that one word for it.
            others = [member_id for member_id in room.members if member_id != user.id]
            self.hub.tell_users(others, messages.Kicked())
            self._rooms_changed(room)
            if user.id in room.members:
                self._tell_own(user, messages.PeerLeft(peerId=room.members[user.id].peer_id))

    def room(self, room_id: str) -> resources.Room:
        """Raises `RoomNotFound`."""
        room = self.rooms.get(room_id)
        if room is None:
            raise RoomNotFound
        return room_resource(room)

    def enter_together(self, room_id: str, party: list[User], *, led_by: User) -> resources.Room:
        """All of a party enter a room, or nobody does. Each hears so on all their sockets, and who was there before
        hears of each who came. Raises `RoomRefused`."""
        versions = {user: self._version_of(user) for user in party}
        entries = self.rooms.join_together(room_id, versions, led_by=led_by, now_s=self._clock.monotonic_s())
        for entry in entries:
            self._settle(entry)
        room, came = entries[0].room, [entry.member for entry in entries if not entry.already_in]
        if not room.is_public and came:
            user_ids = [member.user.id for member in came]
            self._writer.write(lambda: self._store.invite_to_room(room_id, user_ids))
        there = [user_id for user_id in room.members if user_id not in {member.user.id for member in came}]
        for member in came:
            self.hub.tell_users(there, messages.PeerJoined(peerId=member.peer_id, name=member.user.username))
        for entry in entries:
            self.hub.tell_users([entry.member.user.id], _room_joined(entry))
        if came:
            self._rooms_changed(room)
        return room_resource(room)

    # -- rooms over the socket ------------------------------------------------------------------------------------

    def _take_host_place(self, session: Session, _: messages.CreateRoom) -> None:
        hosted = self.rooms.hosted_by(session.user.id)
        had_version = hosted is not None and hosted.version is not None
        entry = self.rooms.take_host_place(session.user, version=session.version, now_s=self._clock.monotonic_s())
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
        self._arm_rooms()

    def _join_room(self, session: Session, command: messages.JoinRoom) -> None:
        entry = self.rooms.join(command.roomId, session.user, version=command.version, now_s=self._clock.monotonic_s())
        room, user = entry.room, session.user
        self._settle(entry)
        session.reply(_room_joined(entry))
        if not entry.already_in:
            self._tell_own(user, _room_joined(entry), besides=session)
            others = [user_id for user_id in room.members if user_id != user.id]
            self.hub.tell_users(others, messages.PeerJoined(peerId=entry.member.peer_id, name=user.username))
            self._rooms_changed(room)

    def _leave_room(self, session: Session, _: messages.LeaveRoom) -> None:
        room = self.rooms.room_of(session.user.id)
        if room is None:
            raise Refused(ErrorReason.NOT_IN_ROOM)
        left = messages.PeerLeft(peerId=room.members[session.user.id].peer_id)
        self._leave(session.user)
        self._tell_own(session.user, left, besides=session)

    def _chat(self, session: Session, command: messages.SendChat) -> None:
        room = self.rooms.room_of(session.user.id)
        if room is None:
            raise Refused(ErrorReason.NOT_IN_ROOM)
        member = room.members[session.user.id]
        line = messages.Chat(
            from_peer=member.peer_id,
            from_name=member.user.username,
            text=command.text[: messages.MAX_CHAT_CHARACTERS],
        )
        self.hub.tell_users(list(room.members), line)

    def _kick(self, session: Session, command: messages.Kick) -> None:
        departure = self.rooms.kick(session.user.id, command.peerId, now_s=self._clock.monotonic_s())
        room_id, user_id = departure.room.id, departure.member.user.id
        self._writer.write(lambda: self._store.ban(room_id, user_id))
        self.hub.tell_users([user_id], messages.Kicked())
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
        frame = encode_frame(message)
        for member in tuple(self.hub.of_user(user.id)):
            if isinstance(member, Session) and member is not besides and member.features:
                self.hub.tell(member, frame)

    def _leave(self, user: User) -> None:
        departure = self.rooms.leave(user.id, now_s=self._clock.monotonic_s())
        if departure is not None:
            self._tell_departure(departure)

    def _tell_departure(self, departure: Departure) -> None:
        room, new_host = departure.room, departure.new_host
        stayed = list(room.members)
        self.hub.tell_users(stayed, messages.PeerLeft(peerId=departure.member.peer_id))
        if new_host is not None:
            self._store_host(room)
            self.hub.tell_users(
                stayed,
                messages.HostChanged(newHostPeerId=new_host.peer_id, newHostName=new_host.user.username),
            )
        self._rooms_changed(room)

    def _rooms_changed(self, room: Room) -> None:
        if room.is_public:
            self.hub.rooms_changed()
        self._arm_rooms()

    def _went_offline(self, user: User) -> None:
        log.info("Broadcasting user_offline: %d (%r)", user.id, user.username)
        self.hub.user_offline(user)
        for companion in self._companions:
            companion.went_offline(user)
        self._leave(user)

    def _expire_presence(self) -> None:
        for user in self.presence.expire(self._clock.monotonic_s()):
            self._went_offline(user)
        self._presence_alarm.set(self.presence.next_deadline_s())

    def _expire_rooms(self) -> None:
        expired = self.rooms.expire(self._clock.monotonic_s())
        for room in expired.deleted:
            log.info("room %s had nobody in it for %g s and is deleted", room.id, self.rooms.empty_ttl_s)
            self._forget(room.id)
            self._rooms_changed(room)
        for departure in expired.departures:
            self._tell_departure(departure)
        self._arm_rooms()

    def _arm_rooms(self) -> None:
        self._rooms_alarm.set(self.rooms.next_deadline_s())

    def _forget(self, room_id: str) -> None:
        self._writer.write(lambda: self._store.delete_room(room_id))

    def _store_host(self, room: Room) -> None:
        room_id, host, version = room.id, room.host, room.version
        self._writer.write(
            lambda: self._store.set_room_host(room_id, user_id=host.id, username=host.username, version=version)
        )

    def _version_of(self, user: User) -> str | None:
        for session in self.hub.of_user(user.id):
            if isinstance(session, Session):
                return session.version
        return None


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
