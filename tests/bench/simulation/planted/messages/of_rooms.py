"""Messages to the members of a room. What other modules plant of one already is left out."""

from __future__ import annotations

from tests.bench.simulation.planted.messages.ways import (
    EVERYBODY,
    HOSTING,
    LOST,
    TELLING,
    VIEWS,
    astray,
    silent,
    untrue,
)
from tests.bench.simulation.planted.planting import SERVICE, one

ROOMS = (
    silent(
        "room_created", f"{TELLING}._host_place_taken", "self._tell_own(entry.member.user, created, besides=session)"
    ),
    astray(
        "room_created",
        f"{TELLING}._host_place_taken",
        "self._tell_own(entry.member.user, created, besides=session)",
        "self._announcer.tell_users(list(room.members), created)",
    ),
    untrue(
        "room_created", f"{TELLING}._host_place_taken", "peerId=entry.member.peer_id", "peerId=entry.member.peer_id + 1"
    ),
    silent("room_joined", f"{TELLING}._joined", "self._tell_own(user, joined, besides=session)"),
    astray(
        "room_joined",
        f"{TELLING}._joined",
        "self._tell_own(user, joined, besides=session)",
        "self._announcer.tell_users(list(room.members), joined)",
    ),
    untrue(
        "room_joined",
        f"{SERVICE}.rooms.telling:_room_joined",
        "members=peers_of(room)",
        "members=[each for each in peers_of(room) if each.peerId != member.peer_id]",
    ),
    silent(
        "peer_joined",
        f"{TELLING}._tell_others",
        "self._announcer.tell_users(others, messages.PeerJoined(peerId=member.peer_id, name=member.user.username))",
    ),
    astray(
        "peer_joined",
        f"{TELLING}._tell_others",
        "others = [user_id for user_id in entry.room.members if user_id != member.user.id]",
        "others = list(entry.room.members)",
    ),
    untrue("peer_joined", f"{TELLING}._tell_others", "name=member.user.username", "name=entry.room.host.username"),
    astray(
        "peer_left",
        f"{TELLING}._left",
        "self._announcer.tell_users(stayed, messages.PeerLeft",
        f"self._announcer.tell_users({EVERYBODY}, messages.PeerLeft",
    ),
    untrue("peer_left", f"{TELLING}._left", "peerId=departure.member.peer_id", "peerId=departure.member.peer_id + 1"),
    silent("host_changed", f"{TELLING}._left", "self._announcer.tell_users(stayed, _host_changed(new_host))"),
    astray(
        "host_changed",
        f"{TELLING}._left",
        "self._announcer.tell_users(stayed, _host_changed(new_host))",
        f"self._announcer.tell_users({EVERYBODY}, _host_changed(new_host))",
    ),
    untrue("host_changed", f"{TELLING}._left", "_host_changed(new_host)", "_host_changed(departure.member)"),
    silent("chat", f"{TELLING}._said", "self._announcer.tell_users(effect.heard_by, line)"),
    untrue("chat", f"{TELLING}._said", "from_peer=member.peer_id", "from_peer=member.peer_id + 1"),
    silent("kicked", f"{TELLING}._kicked", "self._announcer.tell_users([user_id], messages.Kicked())"),
    astray(
        "kicked",
        f"{TELLING}._kicked",
        "self._announcer.tell_users([user_id], messages.Kicked())",
        "self._announcer.tell_users([user_id, effect.by.id], messages.Kicked())",
    ),
    silent(
        "room_closed",
        f"{TELLING}._deleted",
        "self._announcer.tell_some([each for each in sessions if each.features], messages.RoomClosed(roomId=room.id))",
    ),
    astray("room_closed", f"{TELLING}._deleted", "[each for each in sessions if each.features]", "list(sessions)"),
    untrue("room_closed", f"{TELLING}._deleted", "roomId=room.id", 'roomId=f"{room.id}?"'),
    one(
        "members are not told of readiness",
        f"{HOSTING}.__init__",
        "replica.hear(effects.ReadinessChanged, lambda effect, _: self._tell(effect.room))",
        "pass",
        by=(LOST, VIEWS),
    ),
    astray(
        "room_state",
        f"{HOSTING}._tell",
        "if Feature.ROOM_STATE in session.features]",
        "if session.features]",
    ),
    untrue(
        "room_state", f"{SERVICE}.rooms.hosting:room_state", "if user_id in room.ready_user_ids", "if False"
    ),
    silent("room_started", f"{HOSTING}._started", "self._tell(room, message=RoomStarted(roomId=room.id))"),
    astray(
        "room_started",
        f"{HOSTING}._started",
        "self._tell(room, message=RoomStarted(roomId=room.id))",
        f"self._tell(room, {EVERYBODY}, message=RoomStarted(roomId=room.id))",
    ),
    untrue(
        "room_started", f"{HOSTING}._started", "RoomStarted(roomId=room.id)", "RoomStarted(roomId=str(room.host.id))"
    ),
    silent(
        "room_unbanned",
        f"{HOSTING}._unbanned",
        "self._tell(effect.room, [effect.user_id], message=RoomUnbanned(roomId=effect.room.id))",
    ),
    astray("room_unbanned", f"{HOSTING}._unbanned", "[effect.user_id], message", "None, message"),
    untrue("room_unbanned", f"{HOSTING}._unbanned", "roomId=effect.room.id", "roomId=str(effect.user_id)"),
)  # fmt: skip
