"""What the host of a room decides, and what its members have to say in that."""

from __future__ import annotations

from functools import partial
from typing import Any

from bench.simulation.clients.deeds import Deed, Scene, choose, enter, put_out
from bench.simulation.clients.player import Player
from lobby_server.core.room_codes import code_of

UNREADY_S = 0.5
"""After which one who was ready is not any more."""
FORGIVES_S = 0.3
"""After which a host lifts a ban."""


def _tries(player: Player, b: int) -> bool:
    """Whether they are the host, as far as they know; or try it all the same, one time in three."""
    return player.room is not None and (player.room.host_peer_id == player.room.peer_id or b % 3 == 0)


def _change_room(scene: Scene, player: Player, a: int, b: int) -> None:
    """Other places, and one time in three closed to those who are not invited."""
    if player.room is not None and _tries(player, b):
        scene.ask(player, "change_room", player.room.room_id, 2 + a % 4, b % 3 == 0)


def _hand_over_room(scene: Scene, player: Player, a: int, b: int) -> None:
    room = player.room
    if room is not None and _tries(player, b):
        peer_id = choose([each for each in room.members if each != room.peer_id], a)
        if peer_id is not None:
            scene.ask(player, "hand_over_room", room.room_id, peer_id)


def _set_ready(scene: Scene, player: Player, a: int, b: int) -> None:
    if player.room is not None:
        scene.ask(player, "set_ready", player.room.room_id, b % 3 > 0)


def _get_ready(scene: Scene, player: Player, a: int, b: int) -> None:
    """All in a room say that they are ready, and one of them thinks better of it."""
    there = choose([each for each in scene.players if each.room is not None], a)
    if there is None or there.room is None:
        return
    room_id = there.room.room_id
    members = [each for each in scene.players if each.room is not None and each.room.room_id == room_id]
    for member in members:
        member.do(partial(scene.ask, member, "set_ready", room_id, True))
    if b % 2:
        member = members[b % len(members)]
        later = partial(scene.ask, member, "set_ready", room_id, False)
        player.world.call_later(UNREADY_S, partial(member.do, later))


def _kick_and_forgive(scene: Scene, player: Player, a: int, b: int) -> None:
    """A host puts a member out and lets them in again, who comes back in one of two cases."""
    hosts = [
        each for each in scene.players
        if each.room is not None and each.room.host_peer_id == each.room.peer_id and len(each.room.members) > 1
    ]  # fmt: skip
    host = choose(hosts, a)
    if host is None or host.room is None:
        return
    room = host.room
    peer_id = choose([each for each in room.members if each != room.peer_id], b)
    if peer_id is None:
        return
    guest = choose(scene.devices(room.members[peer_id]), b)
    put_out(scene, host, peer_id)

    def forgive() -> None:
        if guest is not None and scene.ask(host, "unban", room.room_id, guest.user.id).is_good and b % 2:
            enter(scene, guest, room.room_id)

    player.world.call_later(FORGIVES_S, partial(host.do, forgive))


def _of_host(what: str) -> Deed:
    def deed(scene: Scene, player: Player, a: int, b: int) -> None:
        if player.room is not None and _tries(player, b):
            scene.ask(player, what, player.room.room_id)

    return deed


def _unban(scene: Scene, player: Player, a: int, b: int) -> None:
    """A user who was put out may come back, and half of them do so at once."""
    room = player.room
    user_id: Any = None if room is None else choose(scene.put_out.get(room.room_id, []), a)
    if room is None or user_id is None:
        return
    if scene.ask(player, "unban", room.room_id, user_id).is_good and b % 2:
        for other in scene.players:
            if other.user.id == user_id:
                enter(scene, other, room.room_id)


def _use_code(scene: Scene, player: Player, a: int, b: int) -> None:
    """Of the room in which another player is; or, one time in three, of one that they were put out of. Most of them
    enter it then."""
    room = scene.players[a % len(scene.players)].room
    room_id = None if room is None else room.room_id
    if b % 3 == 0:
        put_out_of = [each for each, user_ids in scene.put_out.items() if player.user.id in user_ids]
        room_id = choose(put_out_of, a) or room_id
    if room_id is not None and scene.ask(player, "use_code", code_of(room_id)).is_good and b % 4:
        enter(scene, player, room_id)


HOSTING: dict[str, tuple[Deed, int]] = {
    "change_room": (_change_room, 2),
    "hand_over_room": (_hand_over_room, 2),
    "set_ready": (_set_ready, 1),
    "start_room": (_of_host("start_room"), 2),
    "reopen_room": (_of_host("reopen_room"), 2),
    "unban": (_unban, 2),
    "use_code": (_use_code, 2),
    "get_ready": (_get_ready, 3),
    "kick_and_forgive": (_kick_and_forgive, 3),
}
"""As `bench.simulation.clients.deeds.DEEDS`."""
