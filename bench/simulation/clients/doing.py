"""All that players can do: what schedules are drawn from, and what the players of a swarm do besides."""

from __future__ import annotations

from bench.simulation.clients.deeds import DEEDS, Deed, Scene
from bench.simulation.clients.governing import GOVERNING, TOKENS
from bench.simulation.clients.hosting import HOSTING
from bench.simulation.clients.meeting import MEETING
from bench.simulation.clients.player import Player
from bench.simulation.clients.racing import RACES
from loadtest.client.errors import ClientError

SAYS_YES_S = 1.0
"""After which whoever is asked by a socializer agrees."""


def _come(scene: Scene, player: Player, a: int, b: int) -> None:
    scene.note(player.name, "comes")
    player.refused = ""
    player.connect()


def _go(scene: Scene, player: Player, a: int, b: int) -> None:
    scene.note(player.name, "goes")
    player.disconnect()


def _poll(scene: Scene, player: Player, a: int, b: int) -> None:
    """Fetch the list without a socket."""
    try:
        answer = player.api.rooms()
    except ClientError as error:
        scene.note(player.name, f"polls in vain: {error}")
    else:
        scene.note(player.name, f"polls: {len(answer.rooms or ())} rooms")


def _pause(scene: Scene, player: Player, a: int, b: int) -> None:
    """Read nothing any more, as a device that sleeps."""
    scene.note(player.name, "reads nothing")
    player.is_slow = True
    for wire in player.network.wires:
        wire.lane_out.is_stalled = True


def _resume(scene: Scene, player: Player, a: int, b: int) -> None:
    scene.note(player.name, "reads on")
    for wire in player.network.wires:
        wire.lane_out.go_on()


def _meet(scene: Scene, player: Player, a: int, b: int) -> None:
    """Ask another player to be a friend, and into a party; a moment later they agree to both."""
    other_id = scene.user_id(a)
    if other_id == player.user.id:
        return
    scene.ask(player, "ask_friend", other_id)
    party = player.party.party if player.party is not None else None
    party_id = None if party is None else party.id
    if party_id is None and (answer := scene.ask(player, "create_party")).is_good:
        party_id = answer.body.id
    if party_id is not None:
        scene.ask(player, "invite_to_party", party_id, other_id)
    for each in scene.players:
        if each.user.id == player.user.id:
            each.look()  # a party's first member is told by the answer
    other = next((each for each in scene.players if each.user.id == other_id and each.is_wanted), None)
    if other is not None:
        player.world.call_later(SAYS_YES_S, _agree, scene, other)


def _agree(scene: Scene, player: Player) -> None:
    for what in ("join_party", "accept_friend"):
        do(scene, player, what, 0, 0)


DRAWN: dict[str, tuple[Deed, int]] = {**DEEDS, **RACES, **HOSTING, **GOVERNING, **MEETING}
"""Deeds by name, and how often each comes in a schedule that is drawn."""
KNOWN: dict[str, Deed] = {
    **{name: deed for name, (deed, _) in DRAWN.items()},
    **TOKENS, "come": _come, "go": _go, "poll": _poll, "pause": _pause, "resume": _resume, "meet": _meet,
}  # fmt: skip
"""By name."""


def do(scene: Scene, player: Player, what: str, a: int, b: int) -> None:
    """Have a player do something."""
    deed = KNOWN[what]
    player.do(lambda: deed(scene, player, a, b))
