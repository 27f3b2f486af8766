"""What an administrator does, and what users decide about themselves: who may know where they are, and that they want
to be here no more.
"""

from __future__ import annotations

from functools import partial

from bench.simulation.clients.deeds import Deed, Scene, choose
from bench.simulation.clients.fiber import Fiber
from bench.simulation.clients.player import Player
from lobby_server.protocol.requests import Audience

LEAST_BAN_S, SPREAD_S = 2, 4
LIFTED_S = 1.0
"""After which an administrator thinks better of a ban."""
TRIES, AGAIN_S = 8, 2.0
"""Of one who wants their account to be deleted."""
KNOCKS = 8
"""At once, of which a few are let through."""
AUDIENCES: tuple[Audience, ...] = ("everybody", "friends", "nobody")


def _ban(scene: Scene, player: Player, a: int, b: int) -> None:
    """For some seconds; one time in three without an end, which comes all the same."""
    user = scene.players[a % len(scene.players)].user
    for device in scene.devices(user.username):
        device.comes_back()
    ends_in_s = None if b % 3 == 0 else LEAST_BAN_S + a % SPREAD_S
    _until_known(scene, player, "ban_user", user.username, ends_in_s)
    if ends_in_s is None:
        player.world.call_later(LIFTED_S, partial(player.do, partial(_lift, scene, player, user.id)))


def _lift(scene: Scene, player: Player, user_id: int) -> None:
    _until_known(scene, player, "unban_user", user_id)


def _until_known(scene: Scene, player: Player, what: str, *arguments: object) -> None:
    """Until an answer says whether it has happened."""
    while scene.command(player, what, *arguments).status in (0, 503):
        Fiber.current().sleep(AGAIN_S)


def _kick(scene: Scene, player: Player, a: int, b: int) -> None:
    user = scene.players[a % len(scene.players)].user
    for device in scene.devices(user.username):
        device.comes_back()
    scene.command(player, "kick_user", user.username)


def _close_room(scene: Scene, player: Player, a: int, b: int) -> None:
    room = choose(player.rooms, a)
    if room is not None:
        scene.command(player, "close_room", room.id)
        for other in scene.players:
            other.doubt()  # a base client that was its host hears nothing of it


def _announce(scene: Scene, player: Player, a: int, b: int) -> None:
    scene.command(player, "announce", scene.line(player))


def _choose_audience(scene: Scene, player: Player, a: int, b: int) -> None:
    scene.ask(player, "choose_audience", AUDIENCES[a % len(AUDIENCES)])


def _knock(scene: Scene, player: Player, a: int, b: int) -> None:
    """More often than is allowed, by way of whichever nodes."""
    for _ in range(KNOCKS):
        player.do(partial(scene.ask, player, "knock"))


def _delete_account(scene: Scene, player: Player, a: int, b: int) -> None:
    """One time in three; the others think better of it. Who hears nothing, or that it did not work, asks again, until
    their token holds no more."""
    if b % 3:
        return
    for _ in range(TRIES):
        answer = scene.ask(player, "delete_account")
        if answer.is_good or answer.status == 401:
            break
        Fiber.current().sleep(AGAIN_S)
    for device in scene.devices(player.user.username):
        device.leaves_for_ever()


GOVERNING: dict[str, tuple[Deed, int]] = {
    "ban_user": (_ban, 2),
    "kick_user": (_kick, 1),
    "close_room": (_close_room, 1),
    "announce": (_announce, 1),
    "choose_audience": (_choose_audience, 2),
    "knock": (_knock, 1),
    "delete_account": (_delete_account, 1),
}
"""As `bench.simulation.clients.deeds.DEEDS`."""
