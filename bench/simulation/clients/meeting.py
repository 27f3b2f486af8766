"""What friends know of each other: players who become friends at once, who go out of their sight, and who read what
they were notified of."""

from __future__ import annotations

from bench.simulation.clients.deeds import Deed, Scene, choose, enter
from bench.simulation.clients.player import Player
from bench.simulation.nodes.calls import Answer
from lobby_server.protocol.features import Feature


def _befriend(scene: Scene, player: Player, a: int, b: int) -> None:
    """Another player says yes at once."""
    _become_friends(scene, player, choose(scene.players, a))


def _become_friends(scene: Scene, player: Player, other: Player | None) -> None:
    if other is None or other.user.id == player.user.id:
        return
    request_id = _request_of(scene.ask(player, "ask_friend", other.user.id))
    if request_id is not None:
        scene.ask(other, "accept_friend", request_id)
    for each in (player, other):
        each.look()


def _request_of(answer: Answer) -> int | None:
    if not answer.is_good:
        return None
    asked, _ = answer.body
    return None if asked.request is None else int(asked.request.request_id)


def _hide(scene: Scene, player: Player, a: int, b: int) -> None:
    """A host takes their room out of the list, before the eyes of a friend, and half of them put it in again. Others
    let nobody know where they are any more, and most of them go to another room then."""
    hosts = [each for each in scene.players if each.room is not None and each.room.host_peer_id == each.room.peer_id]
    host = choose(hosts, a)
    if a % 3 and host is not None and host.room is not None:
        room_id = host.room.room_id
        watchers = [each for each in scene.players if Feature.FRIEND_ROOMS in each.features]
        _become_friends(scene, host, choose(watchers, b))
        if scene.ask(host, "show_room", room_id, False).is_good and b % 2:
            scene.ask(host, "show_room", room_id, True)
        return
    scene.ask(player, "choose_audience", "nobody")
    listed = choose(player.rooms, b)
    if listed is not None and b % 4:
        enter(scene, player, listed.id)


def _read_notification(scene: Scene, player: Player, a: int, b: int) -> None:
    notification_id = choose(player.notifications, a)
    if notification_id is not None:
        scene.ask(player, "read_notification", notification_id)


MEETING: dict[str, tuple[Deed, int]] = {
    "befriend": (_befriend, 4),
    "hide": (_hide, 4),
    "read_notification": (_read_notification, 2),
}
"""As `bench.simulation.clients.deeds.DEEDS`."""
