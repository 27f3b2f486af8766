"""What the fan-out engine and a lobby of several nodes must reach, and whether they did: derived from raw results,
never stored.

A figure is the median of its readings. A ratio is the median of the ratios of readings that were taken in turns, one
pair per repeat. A reading whose server or generator was kept from its core by other work makes its figure suspect.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bench.analysis.estimates import Estimate, estimate_readings, ratio
from bench.measures import (
    BASE_P99,
    CLOSED_BY_SERVER,
    COMMANDS_CARRIED,
    CPU_IN_ALL,
    CPU_PER_BROADCAST,
    CPU_PER_CONNECTION,
    CPU_PER_EVENT,
    CPU_PER_RECIPIENT,
    CPU_PER_REQUEST,
    DELTA_P99,
    FETCHES,
    GENERATOR_CPU_PER_1000_EVENTS,
    GENERATOR_KIB_PER_PLAYER,
    GROWTH,
    HOSTILE_KINDS,
    KILL,
    LAST_ACCEPTED,
    LAST_BACK,
    LAST_FRESH,
    LATER_P50,
    LATER_P99,
    LEDGER_LOST,
    LEDGER_TWICE,
    LEDGER_WRONG,
    MEDIAN_ERROR,
    MEMBERSHIPS_LOST,
    NEVER_BACK,
    OFFLINE_BATCHES,
    PEAK_RSS,
    PLAYERS_MISSING,
    PONG_RATIO,
    REFUSED_FOR,
    ROOMS_DOUBLED,
    ROOMS_LOST,
    ROOMS_MISSING,
    RSS_PER_CONNECTION,
    SCHEDULE_RATE,
    SETTLED_PLAYERS_PER_CPU_S,
    SIGTERM,
    SLOWEST_PING,
    SOCKETS_CLOSED,
    STALENESS_UNDER_CHANGES,
    TOLD_OFFLINE_AFTER,
    TOLD_TWICE,
    TOLD_TWICE_THEN,
    VIOLATIONS,
    WORST_ERROR,
    WRONG_LISTS,
    WRONG_VIEWS,
    Measure,
)
from bench.record.findings import Findings, Reading, Where
from bench.record.vocabulary import (
    FLOOR,
    LOBBY,
    LOBBY_FILTERED,
    LOBBY_GZIP,
    LOBBY_UNCHANGED,
    NODE_HTTP,
    NODE_WS,
    NODES_AND_VALKEY,
    ONE_NODE,
    OTHER_NODE,
    PLAIN_HANDLER,
    SWARM,
)
from loadtest.results.validity import Validity


class Outcome(str, Enum):
    MET = "met"
    MISSED = "missed"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Goal:
    """One target, in the unit of its measure. With `over`, the figure is a ratio to that party."""

    bench: str
    measure: Measure
    clients: int
    limit: float
    over: str = ""
    party: str = LOBBY
    at_least: bool = False
    changes_per_s: float = 0.0
    """At which it is measured, where that is said of its readings."""

    def __str__(self) -> str:
        if self.over:
            return f"{self.measure}: {self.party} ÷ {self.over}"
        return self.measure.name if self.party == LOBBY else f"{self.measure}: {self.party}"

    @property
    def unit(self) -> str:
        return "×" if self.over else self.measure.unit

    def is_met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


GOALS = (
    Goal("fanout", CPU_PER_RECIPIENT, 5_000, 1.10, over=FLOOR),
    Goal("fanout", CPU_PER_RECIPIENT, 5_000, 0.80, over=NODE_WS),
    Goal("storm", CPU_PER_EVENT, 1_500, 0.25),
    Goal("storm", LAST_ACCEPTED, 1_500, 1.0),
    Goal("storm", CPU_IN_ALL, 10_000, 30.0),
    Goal("storm", PEAK_RSS, 10_000, 600.0),
    Goal("storm", SLOWEST_PING, 10_000, 1_000.0),
    Goal("storm", CLOSED_BY_SERVER, 10_000, 0.0),
    Goal("storm", CPU_IN_ALL, 14_142, 30.0),
    Goal("storm", PEAK_RSS, 14_142, 600.0),
    Goal("storm", SLOWEST_PING, 14_142, 1_000.0),
    Goal("storm", CLOSED_BY_SERVER, 14_142, 0.0),
    Goal("reconnect", CPU_PER_CONNECTION, 1_000, 250.0),
    Goal("reconnect", CPU_PER_CONNECTION, 10_000, 250.0),
    Goal("reconnect", LAST_FRESH[SIGTERM], 10_000, 8.0),
    Goal("reconnect", LAST_FRESH[KILL], 10_000, 8.0),
    Goal("rooms-get", CPU_PER_REQUEST, 32, 1.4, party=PLAIN_HANDLER, over=LOBBY, at_least=True),
    Goal("rooms-get", CPU_PER_REQUEST, 32, 0.8, over=NODE_HTTP),
    *(
        Goal("rooms-get", CPU_PER_REQUEST, 32, 1.0, over=LOBBY, party=party)
        for party in (LOBBY_UNCHANGED, LOBBY_GZIP, LOBBY_FILTERED)
    ),
    Goal("memory", RSS_PER_CONNECTION, 5_000, 2.2),
    Goal("memory", RSS_PER_CONNECTION, 10_000, 2.2),
    Goal("swarm-cost", GENERATOR_CPU_PER_1000_EVENTS, 1_000, 1.0, party=SWARM, over=NODE_WS, changes_per_s=1.0),
    Goal("swarm-cost", SETTLED_PLAYERS_PER_CPU_S, 1_000, 2_000.0, party=SWARM, at_least=True),
    Goal("swarm-cost", GENERATOR_KIB_PER_PLAYER, 5_000, 30.0, party=SWARM),
    *(Goal("churn", each, 50_000 if cycle == "room" else 120_000, 2.0) for (_, cycle), each in GROWTH.items()),
    *(
        Goal("hostile", PONG_RATIO, 2_000, 2.0, party=f"{kind}, {way}")
        for way in ("plain", "TLS", "permessage-deflate")
        for kind in HOSTILE_KINDS
    ),
    *(
        Goal("cluster", CPU_PER_BROADCAST, size, 1.10 / nodes, over=LOBBY, party=ONE_NODE.format(nodes=nodes))
        for size in (2_000, 10_000)
        for nodes in (1, 2, 4)
    ),
    Goal("cluster", LATER_P50, 1, 2.0, party=OTHER_NODE),
    Goal("cluster", LATER_P99, 1, 6.0, party=OTHER_NODE),
    *(Goal("cluster", CPU_IN_ALL, size, 1.5, over=LOBBY, party=NODES_AND_VALKEY) for size in (2_000, 10_000)),
    *(Goal("cluster", COMMANDS_CARRIED, size, 30_000.0, at_least=True) for size in (50, 100)),
    *(
        Goal("cluster", measure, size, limit)
        for size in (300, 3_000)
        for measure, limit in (
            (TOLD_OFFLINE_AFTER, 6.0),
            (OFFLINE_BATCHES, 1.0),
            (LAST_BACK, 10.0),
            (PLAYERS_MISSING, 0.0),
            (WRONG_VIEWS, 0.0),
            (TOLD_TWICE, 0.0),
            (SOCKETS_CLOSED, 0.0),
            (TOLD_TWICE_THEN, 0.0),
            (ROOMS_LOST, 0.0),
            (MEMBERSHIPS_LOST, 0.0),
            (REFUSED_FOR, 5.0),
        )
    ),
    *(
        Goal("cluster", measure, size, 0.0)
        for size in (150, 1_000)
        for measure in (*ROOMS_MISSING.values(), *ROOMS_DOUBLED.values())
    ),
    *(
        Goal("survival", measure, users, 0.0)
        for users in (300, 3_000)
        for measure in (LEDGER_LOST, LEDGER_TWICE, LEDGER_WRONG, NEVER_BACK)
    ),
    Goal("simulation", VIOLATIONS, 20, 0.0),
    Goal("simulation", SCHEDULE_RATE, 20, 300.0, at_least=True),
    Goal("prediction", MEDIAN_ERROR, 0, 10.0),
    Goal("prediction", WORST_ERROR, 0, 20.0),
    Goal("engine-freshness", DELTA_P99, 2_000, 60.0),
    Goal("engine-freshness", BASE_P99, 2_000, 400.0),
    Goal("engine-freshness", WRONG_LISTS, 2_000, 0.0),
    Goal("engine-freshness", FETCHES, 2_000, 0.5),
    Goal("engine-freshness", STALENESS_UNDER_CHANGES, 2_000, 1.5),
)


@dataclass(frozen=True)
class GoalResult:
    """A goal and what came of it."""

    goal: Goal
    figure: Estimate | None
    """``None`` where one of the parties was not measured at that size."""

    @property
    def outcome(self) -> Outcome:
        """What is INVALID meets and misses nothing."""
        if self.figure is None or self.figure.judgement.validity is Validity.INVALID:
            return Outcome.NOT_MEASURED
        return Outcome.MET if self.goal.is_met(self.figure.value) else Outcome.MISSED


def check_goals(result: Findings) -> list[GoalResult]:
    """All goals of a bench, also those whose size it did not run at."""
    return [GoalResult(goal, figure_for(goal, result)) for goal in GOALS if goal.bench == result.name]


def figure_for(goal: Goal, result: Findings) -> Estimate | None:
    """``None`` where one of the parties was not measured at that size."""
    kind = goal.measure.kind
    own = find_readings(result, goal.measure, goal.party, goal.clients, goal.changes_per_s)
    if not goal.over:
        return estimate_readings(own, kind)
    return ratio(own, find_readings(result, goal.measure, goal.over, goal.clients, goal.changes_per_s), kind)


def find_readings(
    result: Findings, measure: Measure, party: str, clients: int, changes_per_s: float = 0.0
) -> list[Reading]:
    return result.find(measure, party, Where(clients, changes_per_s=changes_per_s))
