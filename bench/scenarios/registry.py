"""The scenarios by name, in the order of the report, and how long each takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

from bench.load.cells import around_s
from bench.load.changes.changes import whole_intervals_s
from bench.measures import HOSTILE_KINDS
from bench.processes.lab import Lab
from bench.record.findings import Findings
from bench.record.profiles.profile import Profile
from bench.record.profiles.sizes import LIVES, EngineSizes
from bench.record.questions import QUESTIONS, question_of
from bench.scenarios import (
    bandwidth,
    break_even,
    broadcast,
    capacity,
    cost,
    flap,
    freshness,
    noise,
    peers,
    reconnect,
    storm,
    swarm,
)
from bench.scenarios.cluster import bench as cluster
from bench.scenarios.cluster import simulated, survival
from bench.scenarios.engine import fanout, memory, room_creation, rooms_get, swarm_cost, swarm_truth
from bench.scenarios.engine import freshness as engine_freshness
from bench.scenarios.prediction import estimate as of_prediction
from bench.scenarios.prediction import held_out
from bench.scenarios.stress import churn, hostile

SERVER_S = 1.5
"""A server's and a generator's start and end."""

CONNECTS_PER_S = 1_500
SINKS_PER_S = 4_000
CELL_CLIENTS_PER_S = 1_500
"""Clients of a kind that are connected and accepted in a second, about."""

CELL_S = 1.7
"""What a cell takes besides its window."""


GENERATORS = ("bench.load.clients.population", "bench.load.changes.changes", "bench.load.sockets.sinks")
"""Modules of the objects that most scenarios have in processes of their own."""


@dataclass(frozen=True)
class Scenario:
    """What measures the answer to one of `bench.record.questions`."""

    name: str
    run: Callable[[Lab], Findings]
    estimate_s: Callable[[Profile], float]
    """On two quiet cores; good to a third."""
    opens_window: bool = False
    """It counts bytes, which a busy core leaves as they are, and uses next to no CPU: in a short run others have their
    turns meanwhile, from when its clients are all there."""
    shares_window: bool = False
    """In a short run it has its turn in that window, after the others like it: what times or burdens the cores is never
    beside another that does."""
    compares_builds: bool = False
    """Of the builds that the lab was given, each has its turns (`Lab.builds`)."""

    @property
    def question(self) -> str:
        return question_of(self.name)

    @property
    def in_report(self) -> bool:
        """Those that are not are run by name alone."""
        return self.name in QUESTIONS

    def is_reported(self, profile: Profile) -> bool:
        """It is in a report of this profile."""
        return self.in_report and self.name not in profile.left_out

    def is_alone(self, profile: Profile) -> bool:
        return not (self.shares_window and profile.in_one_window)


def _engine(run: Callable[[Lab, EngineSizes], Findings]) -> Callable[[Lab], Findings]:
    return lambda lab: run(lab, lab.profile.engine)


def _storm(lab: Lab) -> Findings:
    return storm.run(lab, lab.profile.storms)


def _reconnect(lab: Lab) -> Findings:
    return reconnect.run(lab, lab.profile.herds)


def _broadcast_s(profile: Profile) -> float:
    sizes = profile.broadcast
    total_s = 0.0
    for clients in sizes.clients:
        fetches_s, slack_s = clients * sizes.fetch_s, clients * sizes.login_s
        spacing_s = min(fetches_s, sizes.most_spacing_s)
        total_s += SERVER_S + clients / CONNECTS_PER_S + sizes.poll_s
        total_s += 3 * 0.4 + 2 * slack_s + spacing_s
        total_s += (sizes.notify_broadcasts + 1) * (sizes.notify_interval_s + spacing_s)
        total_s += (sizes.logins + 1) * (sizes.login_interval_s + slack_s)
        if clients <= sizes.most_fetching:
            total_s += (sizes.refetch_broadcasts + 1) * (sizes.refetch_interval_s + fetches_s) + fetches_s
    rates_s = len(sizes.changes_per_s) * (SERVER_S + sizes.rate_clients / CONNECTS_PER_S + sizes.rate_s + 1.5)
    return 0.88 * sizes.repeats * (total_s + rates_s)


def _cell_s(way: str, clients: int, rate: float, window_s: float, poll_s: float) -> float:
    whole_s = whole_intervals_s(rate, window_s) + 2 * around_s(way, rate, poll_s)
    return CELL_S + clients / CELL_CLIENTS_PER_S + whole_s


def _freshness_s(profile: Profile) -> float:
    sizes = profile.freshness
    return sizes.repeats * sum(
        _cell_s(way, sizes.clients, sizes.changes_per_s, sizes.window_s, sizes.poll_s) for way in sizes.ways
    )


def _break_even_s(profile: Profile) -> float:
    sizes = profile.break_even
    plan = [(clients, rate) for clients in sizes.clients for rate in sizes.changes_per_s]
    plan += [(sizes.clients[0], 0.0)] if sizes.has_idle else []
    return sum(_cell_s(way, *cell, sizes.window_s, sizes.poll_s) for way in sizes.ways for cell in plan)


def _bandwidth_s(profile: Profile) -> float:
    sizes = profile.bandwidth
    return 4.0 + 1.2 * len(sizes.rooms) * len(sizes.changes_per_s) + sizes.window_s


def _storm_s(profile: Profile) -> float:
    engine = profile.engine
    return sum(
        (engine.storm_repeats if n <= storm.SMALL else engine.ladder_repeats)
        * (SERVER_S + 1.0 + n / 2_000 + n * n / 8e6)
        for n in profile.storms
    )


def _reconnect_s(profile: Profile) -> float:
    engine, sizes = profile.engine, profile.returns
    at_once = sum(2 * engine.ladder_repeats * (2 * SERVER_S + n / 1_000) + 2 * SERVER_S for n in profile.herds)
    a_restart = 2 * SERVER_S + 9.0 + sizes.clients / CONNECTS_PER_S
    return max(at_once, a_restart * 2) if profile.in_one_window else at_once + a_restart * 4 * sizes.repeats


def _flap_s(profile: Profile) -> float:
    return (SERVER_S + 7.0) * (1 if profile.in_one_window else 4 * profile.returns.repeats)


def _capacity_s(profile: Profile) -> float:
    sizes = profile.capacity
    middle = sqrt(sizes.first * sizes.most)
    a_step = SERVER_S + middle / SINKS_PER_S + (sizes.broadcasts + 4) * (0.15 + middle * 5e-5)
    return sizes.repeats * capacity.steps_about(sizes) * a_step


def _cost_s(profile: Profile) -> float:
    sizes = profile.cost
    rates = [sizes.changes_per_s if LIVES[life][1] else 0.0 for life in sizes.lives]
    cells = sum(_cell_s("push", n, rate, sizes.window_s, 0.0) for n in sizes.clients for rate in rates)
    return sizes.repeats * (cells + SERVER_S + max(sizes.clients) / 800 + len(sizes.clients))


def _peers_s(profile: Profile) -> float:
    sizes = profile.peers
    parties = 2 + len(sizes.only) if sizes.only else 7
    speaking = parties - 2  # neither the floor nor the lobby without clients
    turns = parties * (sizes.broadcasts + fanout.WARM_UP) * (0.025 + sizes.clients * 2.5e-5)
    return sizes.repeats * (
        parties * (0.6 + sizes.clients / SINKS_PER_S)
        + turns
        + 1.3 * speaking * 1.1
        + 0.6 * speaking * (sizes.get_s + rooms_get.WARM_S)
    )


def _noise_s(profile: Profile) -> float:
    sizes = profile.noise
    return sizes.repeats * 2 * (SERVER_S + sizes.clients / 2_000 + sizes.broadcasts * 0.25 + sizes.get_s)


def _engine_s(profile: Profile) -> float:
    """Of the benches that are not in the report; most of their time is starting and connecting."""
    engine = profile.engine
    return 20.0 + engine.repeats * sum(n / 250 for n in engine.fanout)


def _swarm_cost_s(profile: Profile) -> float:
    """Five tools; the slowest takes some 4 ms of CPU for a player of 1,000, and each player is told to all others."""
    sizes = profile.swarm_cost
    return sum(
        5 * sizes.repeats * (8.0 + swarm_cost.QUIET_S + sizes.window_s + n / 500 + n * n / 4e5) for n in sizes.players
    )


def _swarm_truth_s(profile: Profile) -> float:
    """Each turn starts a server, a link, a capture and a generator, and ends with reading what was captured."""
    sizes = profile.swarm_truth
    runs_s = [each.run_s for each in swarm_truth.conditions_of(sizes)]
    swarms = sum(10.0 * len(runs_s) + sum(runs_s) + len(runs_s) * n / sizes.players_per_s for n in sizes.players)
    return swarms + (8 * (12.0 + sizes.tool_run_s) if sizes.tool_players else 0.0)


def _churn_s(profile: Profile) -> float:
    """Over TLS a cycle takes seven times as long."""
    sizes = profile.churn
    return 14 * 2.0 + (5 + 6) * (sizes.accepted + sizes.refused) / 2_500 + (4 + 1) * sizes.room / 500


def _hostile_s(profile: Profile) -> float:
    sizes, ways = profile.hostile, len(hostile.TRANSPORTS)
    rounds_s = 2 * sizes.rounds * len(HOSTILE_KINDS) * (sizes.round_s + 1.0)
    return ways * (2 * SERVER_S + sizes.good / 500 + rounds_s)


def _cluster_s(profile: Profile) -> float:
    """Nodes take most of it: to start, to be given up, to be back."""
    sizes = profile.cluster
    nodes_s = 2 * (sum(sizes.nodes) + 12) * SERVER_S
    waits_s = 2 * sizes.changes * 0.03 + sizes.down_s + 30.0
    clients_s = (len(sizes.nodes) * sizes.broadcast + 2 * sizes.storm + 2 * sizes.players) / CONNECTS_PER_S
    return sizes.repeats * (nodes_s + waits_s + clients_s + sizes.storm**2 / 4e6) + 3 * (sizes.rooms / 60 + 20.0)


def planned_s(scenarios: Sequence[Scenario], profile: Profile) -> dict[str, float]:
    """By scenario; of the two lanes of a window, the one that counts bytes and the turns beside it, the longer one."""
    alone = {each.name: each.estimate_s(profile) for each in scenarios if each.is_alone(profile)}
    window = [each for each in scenarios if not each.is_alone(profile)]
    lanes = [
        {each.name: each.estimate_s(profile) for each in window if each.opens_window is opens}
        for opens in (True, False)
    ]
    longer = lanes[0] if sum(lanes[0].values()) > sum(lanes[1].values()) else lanes[1]
    return {**alone, **longer}


SCENARIOS = (
    Scenario("broadcast", broadcast.run, _broadcast_s),
    Scenario("freshness", freshness.run, _freshness_s),
    Scenario("bandwidth", bandwidth.run, _bandwidth_s, shares_window=True, opens_window=True),
    Scenario("break-even", break_even.run, _break_even_s),
    Scenario("storm", _storm, _storm_s, compares_builds=True),
    Scenario("reconnect", _reconnect, _reconnect_s, shares_window=True, compares_builds=True),
    Scenario("flap", flap.run, _flap_s, shares_window=True),
    Scenario("capacity", capacity.run, _capacity_s),
    Scenario("cost", cost.run, _cost_s),
    Scenario("peers", peers.run, _peers_s),
    Scenario("noise", noise.run, _noise_s),
    Scenario("simulation", simulated.run, simulated.estimate_s),
    Scenario("prediction", held_out.run, of_prediction.estimate_s),
    Scenario("swarm", swarm.run, lambda profile: profile.swarm.run_s + 12.0, shares_window=True),
    Scenario("fanout", _engine(fanout.run), _engine_s, compares_builds=True),
    Scenario(
        "rooms-get", _engine(rooms_get.run),
        lambda profile: 4.0 + 24 * profile.engine.repeats * (profile.engine.get_s + 0.3),
    ),
    Scenario(
        "memory", _engine(memory.run),
        lambda profile: profile.engine.ladder_repeats * (3.0 + max(profile.engine.memory) / 600), compares_builds=True,
    ),
    Scenario("swarm-cost", swarm_cost.run, _swarm_cost_s),
    Scenario("swarm-truth", swarm_truth.run, _swarm_truth_s),
    Scenario("churn", churn.run, _churn_s),
    Scenario("hostile", hostile.run, _hostile_s),
    Scenario("cluster", cluster.run, _cluster_s),
    Scenario("survival", survival.run, survival.estimate_s),
    Scenario(
        "engine-freshness", _engine(engine_freshness.run), lambda profile: profile.engine.ladder_repeats * 60.0,
        compares_builds=True,
    ),
    Scenario("room-creation", _engine(room_creation.run), room_creation.estimate_s, compares_builds=True),
)  # fmt: skip
"""In the order of the report; then the benches of the engine."""
