"""What an administrator does, and what users decide about themselves: who may know where they are, and that they want
to be here no more.
"""

from __future__ import annotations

from functools import partial

from bench.simulation.clients.deeds import Deed, Scene, choose, send
from bench.simulation.clients.fiber import Fiber
from bench.simulation.clients.player import Player
from loadtest.client.errors import ClientError
from lobby_server.protocol.features import Feature
from lobby_server.protocol.messages import Refresh
from lobby_server.protocol.requests import Audience

LEAST_BAN_S, SPREAD_S = 2, 4
LIFTED_S = 1.0
"""After which an administrator thinks better of a ban."""
TRIES, AGAIN_S = 8, 2.0
"""Of one who wants their account to be deleted."""
LEAST_TTL_S, TTL_SPREAD_S = 1, 7
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


def _log_in_briefly(scene: Scene, player: Player, a: int, b: int) -> None:
    """By a token that ends in some seconds, and so do those of all logins after it for a while. Of five clients, two
    ask for it and renew, one is told and does nothing, and two do not ask."""
    ttl_s, has_sign_in = LEAST_TTL_S + a % TTL_SPREAD_S, b // 5 % 2 == 0
    scene.note(player.name, f"logs in for {ttl_s} s")
    log_in = partial(scene.new_brief_token, player, ttl_s, has_sign_in)
    player.account.lets_end(log_in, knows_fresh=b % 5 < 3, renews=b % 5 < 2)
    player.log_in_again()


def _renew(scene: Scene, player: Player, a: int, b: int) -> None:
    """Before anybody has said that the token ends."""
    if player.account.log_in is None or not player.connection.is_connected:
        return
    scene.note(player.name, "renews the token")
    try:
        player.account.refresh()
    except ClientError as error:
        scene.note(player.name, f"renews the token in vain: {error}")
    if not player.is_wanted:
        player.connection.disconnect_from_server()


def _show_another(scene: Scene, player: Player, a: int, b: int) -> None:
    """On the open socket: that of another player, or an older one."""
    token = scene.players[a % len(scene.players)].token if b % 2 else player.account.first_token
    if Feature.REFRESH in player.connection.accepted_features:
        send(scene, player, Refresh(token=token), "shows a token that is another's, or was")


TOKENS: dict[str, Deed] = {"log_in_briefly": _log_in_briefly, "renew": _renew, "show_another": _show_another}
"""They come in some schedules (`bench.simulation.brief_tokens`), and in none by themselves."""
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
