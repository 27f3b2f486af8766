"""What the fan-out engine must reach, and whether it did: derived from raw results, never stored.

A figure is the median of its readings. A ratio is the median of the ratios of readings that were taken in turns, one
pair a repeat. A reading whose server or generator was kept from its core by other work makes its figure suspect.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bench.analysis.estimates import Estimate, Kind, estimate_readings, ratio
from bench.record.findings import LOBBY, Findings, Reading, Where

FLOOR, NODE, NAIVE, PLAIN, UNCHANGED = (
    "floor",
    "node ws",
    "naive Tornado",
    "RequestHandler",
    "lobby 304",
)
"""Who did the job."""

CPU_A_RECIPIENT = "server CPU a recipient"
CPU_AN_EVENT = "server CPU an event and recipient"
CPU_IN_ALL = "server CPU in all"
CPU_A_CONNECTION = "server CPU a connection: upgrade, handshake, first broadcasts"
CPU_BACK_AND_FRESH = "server CPU a client back and fresh, {}"
CPU_A_REQUEST = "server CPU a request"
LAST_ACCEPTED = "last client accepted"
PEAK_RSS = "peak resident memory"
SLOWEST_PING = "slowest answer to a ping"
CLOSED = "clients that the server closed"
ALL_FRESH = "last client back and fresh after the start, {}"
RSS_A_CONNECTION = "resident memory an idle connection"
FRESH_DELTA = "time to fresh p99, rooms_delta"
FRESH_BASE = "time to fresh p99, base"
STALENESS = "staleness p99, 20 changes a second"
FETCHES = "fetches, part of naive"
WRONG_LISTS = "clients that ended without the truth"


class Verdict(str, Enum):
    MET = "met"
    MISSED = "missed"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Goal:
    """One target. With `over`, the figure is a ratio to that party."""

    bench: str
    measure: str
    clients: int
    limit: float
    unit: str
    over: str = ""
    party: str = LOBBY
    at_least: bool = False

    def __str__(self) -> str:
        return f"{self.measure}: {self.party} ÷ {self.over}" if self.over else self.measure

    def is_met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


GOALS = (
    Goal("fanout", CPU_A_RECIPIENT, 5_000, 1.10, "×", over=FLOOR),
    Goal("fanout", CPU_A_RECIPIENT, 5_000, 0.80, "×", over=NODE),
    Goal("storm", CPU_AN_EVENT, 1_500, 0.25, "µs"),
    Goal("storm", LAST_ACCEPTED, 1_500, 1.0, "s"),
    Goal("storm", CPU_IN_ALL, 10_000, 30.0, "s"),
    Goal("storm", PEAK_RSS, 10_000, 600.0, "MiB"),
    Goal("storm", SLOWEST_PING, 10_000, 1_000.0, "ms"),
    Goal("storm", CLOSED, 10_000, 0.0, ""),
    Goal("storm", CPU_IN_ALL, 14_142, 30.0, "s"),
    Goal("storm", PEAK_RSS, 14_142, 600.0, "MiB"),
    Goal("storm", SLOWEST_PING, 14_142, 1_000.0, "ms"),
    Goal("storm", CLOSED, 14_142, 0.0, ""),
    Goal("reconnect", CPU_A_CONNECTION, 1_000, 250.0, "µs"),
    Goal("reconnect", CPU_A_CONNECTION, 10_000, 250.0, "µs"),
    Goal("reconnect", ALL_FRESH.format("SIGTERM"), 10_000, 8.0, "s"),
    Goal("reconnect", ALL_FRESH.format("kill -9"), 10_000, 8.0, "s"),
    Goal("rooms-get", CPU_A_REQUEST, 32, 1.4, "×", party=PLAIN, over=LOBBY, at_least=True),
    Goal("rooms-get", CPU_A_REQUEST, 32, 1.0, "×", over=LOBBY, party=UNCHANGED),
    Goal("memory", RSS_A_CONNECTION, 5_000, 11.0, "KiB"),
    Goal("memory", RSS_A_CONNECTION, 10_000, 11.0, "KiB"),
    Goal("fresh", FRESH_DELTA, 2_000, 60.0, "ms"),
    Goal("fresh", FRESH_BASE, 2_000, 400.0, "ms"),
    Goal("fresh", WRONG_LISTS, 2_000, 0.0, ""),
    Goal("fresh", FETCHES, 2_000, 0.5, "×"),
    Goal("fresh", STALENESS, 2_000, 1.5, "s"),
)


@dataclass(frozen=True)
class Ruling:
    """A goal and what came of it."""

    goal: Goal
    figure: Estimate | None

    @property
    def verdict(self) -> Verdict:
        if self.figure is None:
            return Verdict.NOT_MEASURED
        return Verdict.MET if self.goal.is_met(self.figure.value) else Verdict.MISSED


def rule(result: Findings) -> list[Ruling]:
    """All goals of a bench, also those whose size it did not run at."""
    return [Ruling(goal, figure_for(goal, result)) for goal in GOALS if goal.bench == result.name]


def figure_for(goal: Goal, result: Findings) -> Estimate | None:
    """``None`` where one of the parties was not measured at that size."""
    kind = Kind.CPU if "CPU" in goal.measure else Kind.TIME if goal.unit in ("s", "ms") else Kind.COUNT
    own = find_readings(result, goal.measure, goal.party, goal.clients)
    if not goal.over:
        return estimate_readings(own, kind)
    return ratio(own, find_readings(result, goal.measure, goal.over, goal.clients), kind)


def find_readings(result: Findings, name: str, party: str, clients: int) -> list[Reading]:
    return result.find(name, party, Where(clients))
