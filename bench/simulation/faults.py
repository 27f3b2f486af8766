"""What breaks. Each fault begins at its moment and ends by itself; at the latest everything is mended when the schedule
is over, for what players believe is compared with the truth once things are quiet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bench.simulation.clients.player import Player
from bench.simulation.nodes.node import Life, Node
from bench.simulation.outside.loop import World
from bench.simulation.outside.valkey import Valkey
from bench.simulation.standstill import LONGEST_S, NAME, SHORTEST_S, Standstills


@dataclass
class Stage:
    """Where it happens."""

    world: World
    nodes: Sequence[Node]
    players: Sequence[Player]
    valkey: Valkey
    note: Callable[[str, str], None]
    standstills: Standstills
    """Of whole machines."""

    def all_lives(self) -> list[Life]:
        return [life for node in self.nodes if (life := node.life) is not None]

    def later(self, delay_s: float, act: Callable[[], object]) -> None:
        self.world.call_later(delay_s, act)


@dataclass(frozen=True)
class Fault:
    """`begin` gets the number of a node or of a player, and how long it lasts."""

    begin: Callable[[Stage, int, float, int], None]
    weight: int
    shortest_s: float = 0.0
    longest_s: float = 0.0
    of_players: bool = False


# -- nodes ------------------------------------------------------------------------------------------------------------


def _kill(stage: Stage, who: int, lasts_s: float, b: int) -> None:
    life = stage.nodes[who].life
    if life is not None:
        life.kill()


def _drain(stage: Stage, who: int, lasts_s: float, b: int) -> None:
    life = stage.nodes[who].life
    if life is not None:
        stage.note(stage.nodes[who].name, "is asked to end (SIGTERM)")
        life.drain()


def _rolling(stage: Stage, who: int, lasts_s: float, b: int) -> None:
    """All nodes, one after the other."""
    for number in range(len(stage.nodes)):
        stage.later(number * 4.0, partial(_drain, stage, number, 0.0, 0))


def _freeze(stage: Stage, who: int, lasts_s: float, b: int) -> None:
    life = stage.nodes[who].life
    if life is not None and not life.loop.is_frozen:
        stage.note(stage.nodes[who].name, f"is frozen for {lasts_s:.1f} s")
        life.loop.freeze()
        stage.later(lasts_s, lambda: _thaw(stage, life))


def _thaw(stage: Stage, life: Life) -> None:
    if life.loop.is_frozen and not life.node.is_standing:
        stage.note(life.node.name, "goes on")
        life.loop.thaw()


def _stand_still(stage: Stage, who: int, lasts_s: float, b: int) -> None:
    """The whole machine, with what runs on it."""
    stage.standstills.begin(who, lasts_s, b)


def _set_clock(stage: Stage, who: int, lasts_s: float, b: int) -> None:
    """Back or forth, for good."""
    node = stage.nodes[who]
    ahead_s = (b - 500) / 25
    stage.note(node.name, f"has its clock set to {ahead_s:+.1f} s")
    node.set_clock(ahead_s)


# -- Valkey -----------------------------------------------------------------------------------------------------------


def _cut_off(stage: Stage, who: int, lasts_s: float, b: int) -> None:
    life = stage.nodes[who].life
    if life is not None:
        stage.note(stage.nodes[who].name, f"cannot reach Valkey for {lasts_s:.1f} s")
        life.stream.is_cut = True
        stage.later(lasts_s, lambda: setattr(life.stream, "is_cut", False))


def _lose_answers(stage: Stage, who: int, lasts_s: float, b: int) -> None:
    life = stage.nodes[who].life
    if life is not None:
        stage.note(stage.nodes[who].name, f"loses the next {1 + b % 3} answers of Valkey")
        life.stream.loses_answers = 1 + b % 3


def _late(stage: Stage, who: int, lasts_s: float, b: int) -> None:
    life = stage.nodes[who].life
    if life is not None:
        late_s = 0.05 + (b % 100) / 50
        stage.note(stage.nodes[who].name, f"reaches Valkey {late_s:.2f} s late for {lasts_s:.1f} s")
        life.stream.late_s = late_s
        stage.later(lasts_s, lambda: setattr(life.stream, "late_s", 0.0))


def _hang(stage: Stage, who: int, lasts_s: float, b: int) -> None:
    if stage.valkey.is_up and not stage.valkey.is_hanging:
        stage.note("valkey", f"hangs for {lasts_s:.1f} s")
        stage.valkey.hang()
        stage.later(lasts_s, lambda: _go_on(stage))


def _go_on(stage: Stage) -> None:
    if stage.valkey.is_hanging and not stage.valkey.is_standing:
        stage.note("valkey", "goes on")
        stage.valkey.go_on()


def _can_fall(valkey: Valkey) -> bool:
    """Whether it runs, on a machine that does."""
    return valkey.is_up and not valkey.is_standing


def _restart(keeps: str) -> Callable[[Stage, int, float, int], None]:
    def begin(stage: Stage, who: int, lasts_s: float, b: int) -> None:
        if _can_fall(stage.valkey):
            stage.note("valkey", f"goes down for {lasts_s:.1f} s, and will keep {keeps}")
            stage.valkey.go_down()
            stage.later(lasts_s, lambda: _come_up(stage, keeps))

    return begin


def _rewind(stage: Stage, who: int, lasts_s: float, b: int) -> None:
    """It dies, and has saved its data for the last time a while before."""
    if _can_fall(stage.valkey):
        stage.note("valkey", f"saves its data for the last time before it dies in {lasts_s:.1f} s")
        stage.valkey.save()
        stage.later(lasts_s, lambda: _restart("saved")(stage, who, 0.1 + (b % 10) / 10, b))


def _come_up(stage: Stage, keeps: str) -> None:
    if not stage.valkey.is_up:
        stage.note("valkey", f"is back, with {keeps}")
        stage.valkey.come_up(keeps=keeps)


def _set_valkey_clock(stage: Stage, who: int, lasts_s: float, b: int) -> None:
    stage.valkey.ahead_s = (b - 500) / 250
    stage.note("valkey", f"has its clock set to {stage.valkey.ahead_s:+.1f} s")


# -- database ---------------------------------------------------------------------------------------------------------


def _store(what: str) -> Callable[[Stage, int, float, int], None]:
    """For all nodes, or for one."""

    def begin(stage: Stage, who: int, lasts_s: float, b: int) -> None:
        lives = stage.all_lives() if b % 2 else [life for life in [stage.nodes[who].life] if life is not None]
        names = ", ".join(life.node.name for life in lives)
        if what == "away":
            stage.note(names, f"cannot reach the database for {lasts_s:.1f} s")
        elif what == "slow":
            stage.note(names, f"has a slow database for {lasts_s:.1f} s")
        else:
            stage.note(names, f"loses the database {what} a commit")
        for life in lives:
            store = life.store
            if what == "away":
                store.fails_before = 1 << 30
                stage.later(lasts_s, partial(setattr, store, "fails_before", 0))
            elif what == "slow":
                store.slow_s = 0.2 + (b % 100) / 40
                stage.later(lasts_s, partial(setattr, store, "slow_s", 0.0))
            elif what == "before":
                store.fails_before = 1 + b % 3
            else:
                store.fails_after = 1 + b % 3

    return begin


# -- players' connections ---------------------------------------------------------------------------------------------


def _stall(stage: Stage, who: int, lasts_s: float, b: int) -> None:
    """Nothing gets through, one way or both, and comes later."""
    player = stage.players[who]
    stage.note(player.name, f"has a stalled connection for {lasts_s:.1f} s")
    for wire in player.network.wires:
        lanes = [[wire.lane_out], [wire.lane_in], [wire.lane_out, wire.lane_in]][b % 3]
        for lane in lanes:
            lane.is_stalled = True
            stage.later(lasts_s, lane.go_on)


def _half_open(stage: Stage, who: int, lasts_s: float, b: int) -> None:
    """What is sent is lost, and neither end is told."""
    player = stage.players[who]
    stage.note(player.name, "has a half-open connection")
    for wire in player.network.wires:
        wire.lane_in.is_cut = True
        wire.lane_out.is_cut = True


def _reset(stage: Stage, who: int, lasts_s: float, b: int) -> None:
    player = stage.players[who]
    stage.note(player.name, "has its connection reset")
    for wire in player.network.wires:
        wire.break_off()


# -- two at once, which would seldom meet if they were drawn apart -----------------------------------------------------

DOWN_S = 0.3
STANDING_S = 0.5
"""After Valkey is back without its data: by then replicas stand for a new epoch, and none has opened it."""
OPENS_S = 4.0
"""By then a node that reaches Valkey again has given up the call that was under way, and opened an epoch."""


def _kill_candidate(stage: Stage, who: int, lasts_s: float, b: int) -> None:
    """Valkey loses its data, and the replica that stands furthest is killed before it has opened a new epoch."""
    if _can_fall(stage.valkey):
        _restart("nothing")(stage, who, lasts_s, b)
        stage.later(lasts_s + STANDING_S, lambda: _kill_best(stage))


def _kill_best(stage: Stage) -> None:
    best = stage.valkey.best_candidate()
    for life in stage.all_lives():
        if life.is_open and life.log.node == best:
            stage.note(life.node.name, "was about to open a new epoch")
            life.kill()


def _blackout(stage: Stage, who: int, lasts_s: float, b: int) -> None:
    """The power fails: every process and Valkey's data are gone. The database is what the lobby goes on from."""
    if _can_fall(stage.valkey):
        stage.note("", "the power fails")
        _restart("nothing")(stage, who, lasts_s, b)
        for life in stage.all_lives():
            life.kill()


def _fork(stage: Stage, who: int, lasts_s: float, b: int) -> None:
    """Valkey loses its data where one node does not see it, and once more where that one alone does: two epochs begin
    at one place."""
    one = stage.nodes[who].life
    others = [life for life in stage.all_lives() if life is not one]
    if one is None or not _can_fall(stage.valkey):
        return
    stage.note(one.node.name, f"cannot reach Valkey for {lasts_s:.1f} s, and then the others cannot")
    one.stream.is_cut = True
    _restart("nothing")(stage, who, DOWN_S, b)

    def turn() -> None:
        one.stream.is_cut = False
        for life in others:
            life.stream.is_cut = True
            stage.later(OPENS_S, partial(setattr, life.stream, "is_cut", False))
        if _can_fall(stage.valkey):
            _restart("nothing")(stage, who, DOWN_S, b)

    stage.later(lasts_s, turn)


def _outlive(stage: Stage, who: int, lasts_s: float, b: int) -> None:
    """All but one node are lost, with Valkey's data, and that one does not reach Valkey: a new lobby begins from the
    database. Then that is lost in the same way, and the one that was cut off is what is left."""
    one = stage.nodes[who].life
    if one is None or not _can_fall(stage.valkey):
        return
    stage.note(one.node.name, f"cannot reach Valkey for {lasts_s:.1f} s, and outlives the lobby that begins without it")
    one.stream.is_cut = True

    def lose_others() -> None:
        for life in stage.all_lives():
            if life is not one:
                life.kill()
        if _can_fall(stage.valkey):
            _restart("nothing")(stage, who, DOWN_S, b)

    def turn() -> None:
        lose_others()
        one.stream.is_cut = False

    lose_others()
    stage.later(lasts_s, turn)


FAULTS: dict[str, Fault] = {
    "kill": Fault(_kill, 4),
    "drain": Fault(_drain, 2),
    "rolling": Fault(_rolling, 1),
    "freeze": Fault(_freeze, 4, 0.3, 8.0),
    "set_clock": Fault(_set_clock, 2),
    "cut_off": Fault(_cut_off, 4, 0.5, 8.0),
    "lose_answers": Fault(_lose_answers, 4),
    "late": Fault(_late, 2, 0.5, 4.0),
    "hang": Fault(_hang, 3, 0.3, 6.0),
    "restart": Fault(_restart("all"), 2, 0.1, 4.0),
    "wipe": Fault(_restart("nothing"), 2, 0.1, 4.0),
    "rewind": Fault(_rewind, 2, 0.05, 3.0),
    "set_valkey_clock": Fault(_set_valkey_clock, 1),
    "store_away": Fault(_store("away"), 3, 0.5, 6.0),
    "store_before": Fault(_store("before"), 3),
    "store_after": Fault(_store("after"), 3),
    "store_slow": Fault(_store("slow"), 2, 0.5, 5.0),
    "stall": Fault(_stall, 4, 0.5, 6.0, of_players=True),
    "half_open": Fault(_half_open, 3, of_players=True),
    "reset": Fault(_reset, 2, of_players=True),
    "kill_candidate": Fault(_kill_candidate, 1, 0.6, 2.0),
    "blackout": Fault(_blackout, 3, 0.1, 2.0),
    "fork": Fault(_fork, 1, 2.4, 4.0),
    "outlive": Fault(_outlive, 1, 4.0, 6.0),
    NAME: Fault(_stand_still, 0, SHORTEST_S, LONGEST_S),
}
"""By name. Of no weight: what is drawn apart."""


def begin(stage: Stage, what: str, who: int, a: int, b: int) -> None:
    """Let something break. `a` of 1,000: how long, between the shortest and the longest."""
    fault = FAULTS[what]
    fault.begin(stage, who, fault.shortest_s + (fault.longest_s - fault.shortest_s) * a / 1000, b)


def mend(stage: Stage) -> None:
    """Everything works again."""
    stage.standstills.mend()
    _come_up(stage, "all")
    _go_on(stage)
    for node in stage.nodes:
        if node.life is None:
            node.start()
    for life in stage.all_lives():
        _thaw(stage, life)
        life.stream.is_cut = False
        life.stream.loses_answers, life.stream.late_s = 0, 0.0
        life.store.fails_before = life.store.fails_after = 0
        life.store.slow_s = 0.0
    for player in stage.players:
        for wire in player.network.wires:
            wire.lane_out.go_on()
            wire.lane_in.go_on()
