"""The few ratios that runs are followed by: they are of figures of one run each, so that machines cancel out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.analysis.choice import crossover
from bench.analysis.derived.overview import way_costs_of
from bench.analysis.derived.traffic import WayCost
from bench.analysis.estimates import ratio
from bench.analysis.sources import crossover as of_crossover
from bench.analysis.sources import hour, paired
from bench.citations import Quantity, combined
from bench.measures import CPU_PER_RECIPIENT, TIME_TO_FRESH_P50, Measure
from bench.record.run import Run
from bench.record.vocabulary import FLOOR, LOBBY
from loadtest.results.validity import Validity


@dataclass(frozen=True)
class KeyRatio:
    """One of them, in one run."""

    name: str
    value: float | None
    """``None`` where a run has not both figures, or one of them is not valid."""
    of: Quantity
    """What it is the value of, for the auditor."""


def key_ratios(run: Run) -> list[KeyRatio]:
    """The same names in the same order for every run."""
    costs = [cost for cost in way_costs_of(run) if cost.judgement.validity is Validity.VALID]
    rooms = min((cost.rooms for cost in costs), default=0)
    push_breaks_even = crossover(costs, "push", "polling", rooms)
    return [
        _bytes("push ÷ polling, bytes, idle", costs, rooms, "push", "polling", 0.0),
        _bytes("push ÷ polling, bytes, 1 change/s", costs, rooms, "push", "polling", 1.0),
        _bytes("rooms_delta ÷ push, bytes, 1 change/s", costs, rooms, "delta", "push", 1.0),
        KeyRatio(
            "break-even of push and polling, changes/s",
            push_breaks_even.per_s if push_breaks_even else None,
            of_crossover("push", "polling", rooms),
        ),
        _paired("push ÷ polling, time to fresh p50", run, "freshness", TIME_TO_FRESH_P50, "push", "polling"),
        _paired("rooms_delta ÷ polling, time to fresh p50", run, "freshness", TIME_TO_FRESH_P50, "delta", "polling"),
        _paired("lobby ÷ floor, CPU per recipient", run, "peers", CPU_PER_RECIPIENT, LOBBY, FLOOR),
    ]


def _bytes(name: str, costs: Sequence[WayCost], rooms: int, own: str, other: str, rate: float) -> KeyRatio:
    found = {cost.kind: cost.whole for cost in costs if (cost.rooms, cost.changes_per_s) == (rooms, rate)}
    value = found[own] / found[other] if own in found and found.get(other) else None
    return KeyRatio(name, value, combined("times", hour(own, rooms, rate), hour(other, rooms, rate), "×"))


def _paired(name: str, run: Run, scenario: str, measure: Measure, own: str, other: str) -> KeyRatio:
    """The median of the ratios, pair by pair."""
    findings = run.found(scenario)
    measures = findings.measures if findings is not None else ()
    found = {each.party: each for each in measures if each.measure == measure}
    if own not in found or other not in found:
        return KeyRatio(name, None, {})
    made = ratio(found[own].readings, found[other].readings, measure.kind)
    is_valid = made is not None and made.judgement.validity is Validity.VALID
    return KeyRatio(
        name, made.value if made is not None and is_valid else None,
        paired(scenario, measure, own, other, found[own].where),
    )  # fmt: skip
