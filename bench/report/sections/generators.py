"""The swarm beside other load generators: what each costs, and how far its report is from what was on the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.analysis.estimates import estimate
from bench.measures import (
    DEFINITIONS,
    ERROR_OF_P99,
    GENERATOR_CPU_PER_1000_EVENTS,
    GENERATOR_KIB_PER_PLAYER,
    GENERATOR_PEAK_KIB_PER_PLAYER,
    PLAYERS_PER_CPU_S,
    SETTLED_PLAYERS_PER_CPU_S,
    Measure,
)
from bench.record.run import Run
from bench.record.vocabulary import IDLE, LOCUST_RECIPE, NODE_WS, SWARM, TSUNG, WEBSOCKETS
from bench.report.sections.page import Table
from bench.words import count, in_digits

TOOLS = (SWARM, NODE_WS, WEBSOCKETS, LOCUST_RECIPE, TSUNG)
COSTS: Mapping[str, Measure] = {
    "CPU per 1,000 events": GENERATOR_CPU_PER_1000_EVENTS,
    "Players per second": PLAYERS_PER_CPU_S,
    "Players per second, its work after the last included": SETTLED_PLAYERS_PER_CPU_S,
    "Memory per player": GENERATOR_KIB_PER_PLAYER,
    "Peak memory per player": GENERATOR_PEAK_KIB_PER_PLAYER,
}
"""By the heading of the column. Older runs have not all of them."""
NOTE = (
    "CPU and memory are those of all processes of a tool, from the bench swarm-cost; players per second are those of "
    "one core. The errors are those of the p99 that a tool reports at its end, against packets, from the bench "
    "swarm-truth; a tool that tells no percentiles has none. *: the figure is not valid, see below."
)


def generators_table(run: Run) -> Table:
    """Without rows where neither bench ran."""
    rows = [
        [tool, count(players), *cells]
        for players in _sizes(run)
        for tool in TOOLS
        if any(cells := [*(_cost(run, each, tool, players) for each in COSTS.values()), *_errors(run, tool, players)])
    ]
    return Table(
        title="The swarm beside other load generators",
        headers=(
            "Tool", "Players", *COSTS,
            "Error of upgrade p99", "Error of heartbeat p99", "Error of heartbeat p99, frozen",
        ),
        rows=rows,
        note=" ".join([NOTE, *_definitions(run)]),
    )  # fmt: skip


def _sizes(run: Run) -> list[int]:
    found = (run.found("swarm-cost"), run.found("swarm-truth"))
    return sorted({each.clients for it in found if it is not None for each in it.measures})


def _cost(run: Run, measure: Measure, tool: str, players: int) -> str:
    return _cell(run, "swarm-cost", measure, lambda party: party == tool, players)


def _definitions(run: Run) -> list[str]:
    """Of the costs that the run has."""
    found = run.found("swarm-cost")
    there = {each.measure for each in found.measures} if found is not None else set()
    return [DEFINITIONS[each] for each in COSTS.values() if each in there and each in DEFINITIONS]


def _errors(run: Run, tool: str, players: int) -> list[str]:
    def is_idle(party: str) -> bool:
        return party == f"{tool}, {IDLE}"

    def is_frozen(party: str) -> bool:
        return party.startswith(f"{tool}, frozen")

    return [
        _cell(run, "swarm-truth", ERROR_OF_P99["upgrade"], is_idle, players),
        _cell(run, "swarm-truth", ERROR_OF_P99["heartbeat"], is_idle, players),
        _cell(run, "swarm-truth", ERROR_OF_P99["heartbeat"], is_frozen, players),
    ]


def _cell(run: Run, scenario: str, measure: Measure, is_wanted: Callable[[str], bool], players: int) -> str:
    """With a mark where the figure is not valid."""
    found = run.found(scenario)
    for each in found.measures if found is not None else ():
        if each.measure == measure and each.clients == players and is_wanted(each.party):
            made = estimate(each)
            if made is not None:
                return f"{in_digits(made.value)} {measure.unit}{'*' if made.is_suspect else ''}"
    return ""
