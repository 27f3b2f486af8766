"""Messages to the members of a room. What other modules plant of one already is left out."""

from __future__ import annotations

from tests.bench.simulation.planted.messages.ways import EVERYBODY, HOSTING, LOST, TELLING, VIEWS, ways
from tests.bench.simulation.planted.planting import SERVICE, one

ROOMS = (
    *ways(
        "room_created", f"{TELLING}._host_place_taken", "self._tell_own(entry.member.user, created, besides=session)",
        to="self._announcer.tell_users(list(room.members), created)",
        says=("peerId=entry.member.peer_id", "peerId=entry.member.peer_id + 1"),
    ),
    *ways(
        "room_joined", f"{TELLING}._joined", "self._tell_own(user, joined, besides=session)",
        to="self._announcer.tell_users(list(room.members), joined)",
        says=("members=peers_of(room)", "members=[each for each in peers_of(room) if each.peerId != member.peer_id]"),
        said_at=f"{SERVICE}.rooms.telling:_room_joined",
    ),
    *ways(
        "peer_joined", f"{TELLING}._tell_others",
        "self._announcer.tell_users(others, messages.PeerJoined(peerId=member.peer_id, name=member.user.username))",
        to=(
            "others = [user_id for user_id in entry.room.members if user_id != member.user.id]",
            "others = list(entry.room.members)",
        ),
        says=("name=member.user.username", "name=entry.room.host.username"),
    ),
    *ways(
        "peer_left", f"{TELLING}._left",
        to=("tell_users(stayed, messages.PeerLeft", f"tell_users({EVERYBODY}, messages.PeerLeft"),
        says=("peerId=departure.member.peer_id", "peerId=departure.member.peer_id + 1"),
    ),
    *ways(
        "host_changed", f"{TELLING}._left", "self._announcer.tell_users(stayed, _host_changed(new_host))",
        to=f"self._announcer.tell_users({EVERYBODY}, _host_changed(new_host))",
        says=("_host_changed(new_host)", "_host_changed(departure.member)"),
    ),
    *ways(
        "chat", f"{TELLING}._said", "self._announcer.tell_users(effect.heard_by, line)",
        says=("from_peer=member.peer_id", "from_peer=member.peer_id + 1"),
    ),
    *ways(
        "kicked", f"{TELLING}._kicked", "self._announcer.tell_users([user_id], messages.Kicked())",
        to=("[user_id]", "[user_id, effect.by.id]"),
    ),
    *ways(
        "room_closed", f"{TELLING}._deleted",
        "self._announcer.tell_some([each for each in sessions if each.features], messages.RoomClosed(roomId=room.id))",
        to=("[each for each in sessions if each.features]", "list(sessions)"),
        says=("roomId=room.id", 'roomId=f"{room.id}?"'),
    ),
    one(
        "members are not told of readiness", f"{HOSTING}.__init__",
        "replica.hear(effects.ReadinessChanged, lambda effect, _: self._tell(effect.room))", "pass", by=(LOST, VIEWS),
    ),
    *ways(
        "room_state", f"{HOSTING}._tell", to=("if Feature.ROOM_STATE in session.features]", "if session.features]"),
        says=("if user_id in room.ready_user_ids", "if False"), said_at=f"{SERVICE}.rooms.hosting:room_state",
    ),
    *ways(
        "room_started", f"{HOSTING}._started", "self._tell(room, message=RoomStarted(roomId=room.id))",
        to=f"self._tell(room, {EVERYBODY}, message=RoomStarted(roomId=room.id))",
        says=("RoomStarted(roomId=room.id)", "RoomStarted(roomId=str(room.host.id))"),
    ),
    *ways(
        "room_unbanned", f"{HOSTING}._unbanned",
        "self._tell(effect.room, [effect.user_id], message=RoomUnbanned(roomId=effect.room.id))",
        to=("[effect.user_id], message", "None, message"), says=("roomId=effect.room.id", "roomId=str(effect.user_id)"),
    ),
)  # fmt: skip
