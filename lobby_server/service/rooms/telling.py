"""What became of rooms, as messages to the users whom it concerns, and as writes.

A membership is a user's, not a socket's: the other sockets of a user who enters hear ``room_created`` or
``room_joined`` too, and those of a user who leaves hear ``peer_left`` of themselves, if they asked for any feature; so
does a socket that is new hear of the room that its user is in, or was put out of while it was away. A base client gets
what the server of the specification sends, to the byte.
"""

from __future__ import annotations

import logging

from lobby_server.core.machine import effects
from lobby_server.core.presence import User
from lobby_server.core.rooms import Entry, Member, Room
from lobby_server.protocol import messages
from lobby_server.protocol.codes import CloseCode
from lobby_server.service.announcer import Announcer
from lobby_server.service.replica import Replica
from lobby_server.service.rooms.list import peers_of
from lobby_server.service.rooms.upkeep import RoomUpkeep
from lobby_server.service.session import Session
from lobby_server.service.sessions import Sessions
from lobby_server.service.watch.events import LogEvent
from lobby_server.service.writes.kept import Ban, LetIn

log = logging.getLogger("lobby")


class RoomTelling:
    """Hears every effect on rooms that commands of users and deadlines bring about."""

    def __init__(self, *, replica: Replica, announcer: Announcer, sessions: Sessions, upkeep: RoomUpkeep) -> None:
        self._book = replica.books.rooms
        self._replica = replica
        self._announcer = announcer
        self._sessions = sessions
        self._upkeep = upkeep
        replica.hear(effects.Accepted, self._accepted)
        replica.hear(effects.RoomCreated, self._created)
        replica.hear(effects.HostPlaceTaken, self._host_place_taken)
        replica.hear(effects.RoomJoined, self._joined)
        replica.hear(effects.PartyEntered, self._party_entered)
        replica.hear(effects.RoomLeft, self._left)
        replica.hear(effects.OwnRoomLeft, self._own_room_left)
        replica.hear(effects.SaidInRoom, self._said)
        replica.hear(effects.Kicked, self._kicked)
        replica.hear(effects.RoomDeleted, self._deleted)
        replica.hear(effects.RoomExpired, self._expired)
        replica.hear(effects.HostReplaced, self._host_replaced)
        replica.hear(effects.RevisionRaised, lambda effect, _: upkeep.revision_raised())
        replica.hear(effects.RoomDeadline, lambda effect, _: upkeep.arm())

    def _accepted(self, effect: effects.Accepted, session: Session | None) -> None:
        """A client with features is told where its user is."""
        if session is None or not session.features or not session.is_accepted:
            return
        user_id = effect.user.id
        room = self._book.room_of(user_id)
        message: messages.ServerMessage | None
        if room is None:
            partings = self._replica.books.partings
            if user_id not in partings.latest:
                return
            deleted = partings.of(user_id, now_s=self._replica.time.monotonic_s())
            message = None if deleted is None else _parting(deleted)
        else:
            message = _room_joined(room, room.members[user_id])
        if message is not None:
            session.reply(message)

    def _created(self, effect: effects.RoomCreated, _: Session | None) -> None:
        self._upkeep.seen(effect.room.created_at)
        self._upkeep.changed(effect.room)

    def _host_place_taken(self, effect: effects.HostPlaceTaken, session: Session | None) -> None:
        entry, room = effect.entry, effect.entry.room
        if not effect.had_version:
            self._upkeep.keep_host(room)
        created = messages.RoomCreated(
            roomId=room.id, peerId=entry.member.peer_id, gamemode=room.gamemode, mapName=room.map_name
        )
        if session is not None:
            session.reply(created)
        self._tell_own(entry.member.user, created, besides=session)
        if not entry.already_in:
            self._tell_others(entry)
            self._upkeep.changed(room)
        self._upkeep.arm()

    def _joined(self, effect: effects.RoomJoined, session: Session | None) -> None:
        entry, room, user = effect.entry, effect.entry.room, effect.entry.member.user
        self._note_host(entry)
        joined = _room_joined(room, entry.member)
        if session is not None:
            session.reply(joined)
        if not entry.already_in:
            self._tell_own(user, joined, besides=session)
            self._tell_others(entry)
            self._upkeep.changed(room)

    def _party_entered(self, effect: effects.PartyEntered, _: Session | None) -> None:
        room, entries = effect.room, effect.entries
        came = [entry.member for entry in entries if not entry.already_in]
        for entry in entries:
            self._note_host(entry)
        if not room.is_public and came:
            self._upkeep.keep(room.id, LetIn(room_id=room.id, user_ids=tuple(member.user.id for member in came)))
        there = [user_id for user_id in room.members if user_id not in {member.user.id for member in came}]
        for member in came:
            self._announcer.tell_users(there, messages.PeerJoined(peerId=member.peer_id, name=member.user.username))
        for entry in entries:
            if entry.came_back:
                self._announcer.tell_users(there, _host_changed(entry.member))
            self._announcer.tell_users([entry.member.user.id], _room_joined(room, entry.member))
        if came:
            self._upkeep.changed(room)

    def _left(self, effect: effects.RoomLeft, _: Session | None) -> None:
        departure = effect.departure
        room, new_host = departure.room, departure.new_host
        stayed = list(room.members)
        self._announcer.tell_users(stayed, messages.PeerLeft(peerId=departure.member.peer_id))
        if new_host is not None:
            self._upkeep.keep_host(room)
            self._announcer.tell_users(stayed, _host_changed(new_host))
        self._upkeep.changed(room)

    def _own_room_left(self, effect: effects.OwnRoomLeft, session: Session | None) -> None:
        self._tell_own(effect.user, messages.PeerLeft(peerId=effect.peer_id), besides=session)
        if not self._replica.books.presence.is_online(effect.user.id):
            # The other nodes have given this one up, with all its sockets. Clients of the base protocol have no message
            # for that; they ask where they are when they come back.
            for each in self._sessions.of_user(effect.user.id):
                if not each.features:
                    each.close(CloseCode.GOING_AWAY, "the lobby went on without this node; come back", abrupt=True)

    def _said(self, effect: effects.SaidInRoom, _: Session | None) -> None:
        member = effect.member
        line = messages.Chat(from_peer=member.peer_id, from_name=member.user.username, text=effect.text)
        self._announcer.tell_users(effect.heard_by, line)

    def _kicked(self, effect: effects.Kicked, session: Session | None) -> None:
        room_id, user_id = effect.departure.room.id, effect.departure.member.user.id
        self._upkeep.keep(room_id, Ban(room_id=room_id, user_id=user_id))
        if session is not None:
            log.info(
                "user %d was kicked from room %s by its host %d",
                user_id,
                room_id,
                effect.by.id,
                extra={
                    "event": LogEvent.KICKED.value, "session": session.id, "user": effect.by.id, "target": user_id,
                },
            )  # fmt: skip
        self._announcer.tell_users([user_id], messages.Kicked())

    def _deleted(self, effect: effects.RoomDeleted, _: Session | None) -> None:
        """To base clients that is a kick: the protocol has that one message for it; the host knows it from the answer
        to their call."""
        room, by = effect.room, effect.by
        self._upkeep.delete(room.id)  # once more: another node may have kept it after all meanwhile
        sessions = self._sessions.of_users(room.members)
        self._announcer.tell_some(
            [each for each in sessions if not each.features and each.user.id != by.id], messages.Kicked()
        )
        self._announcer.tell_some([each for each in sessions if each.features], messages.RoomClosed(roomId=room.id))
        self._upkeep.changed(room)

    def _expired(self, effect: effects.RoomExpired, _: Session | None) -> None:
        log.info(
            "room %s had nobody in it for %g s and is deleted",
            effect.room.id,
            self._book.empty_ttl_s,
            extra={"event": LogEvent.ROOM_EXPIRED.value},
        )
        self._upkeep.delete(effect.room.id)
        self._upkeep.changed(effect.room)

    def _host_replaced(self, effect: effects.HostReplaced, _: Session | None) -> None:
        self._upkeep.keep_host(effect.room)
        self._announcer.tell_users(list(effect.room.members), _host_changed(effect.host))
        self._upkeep.changed(effect.room)

    # -- private --------------------------------------------------------------------------------------------------

    def _tell_others(self, entry: Entry) -> None:
        """Let the members who were there before know who has come, and whether it is the host who was away."""
        member = entry.member
        others = [user_id for user_id in entry.room.members if user_id != member.user.id]
        self._announcer.tell_users(others, messages.PeerJoined(peerId=member.peer_id, name=member.user.username))
        if entry.came_back:
            self._announcer.tell_users(others, _host_changed(member))

    def _note_host(self, entry: Entry) -> None:
        if entry.became_host:
            self._upkeep.keep_host(entry.room)

    def _tell_own(self, user: User, message: messages.ServerMessage, *, besides: Session | None = None) -> None:
        """Let the sockets of a user know what became of their membership, base clients left out."""
        own = self._sessions.of_user(user.id)
        self._announcer.tell_some([each for each in own if each is not besides and each.features], message)


def _parting(deleted_room_id: str) -> messages.ServerMessage:
    return messages.RoomClosed(roomId=deleted_room_id) if deleted_room_id else messages.Kicked()


def _host_changed(host: Member) -> messages.HostChanged:
    return messages.HostChanged(newHostPeerId=host.peer_id, newHostName=host.user.username)


def _room_joined(room: Room, member: Member) -> messages.RoomJoined:
    return messages.RoomJoined(
        roomId=room.id,
        peerId=member.peer_id,
        members=peers_of(room),
        gamemode=room.gamemode,
        mapName=room.map_name,
    )
