"""The few ratios that runs are followed by: they are of figures of one run each, so that machines cancel out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.analysis.choice import crossover
from bench.analysis.derived.overview import way_costs_of
from bench.analysis.derived.traffic import WayCost
from bench.analysis.estimates import ratio
from bench.measures import CPU_PER_RECIPIENT, TIME_TO_FRESH_P50
from bench.record.findings import Measured
from bench.record.run import Run
from bench.record.vocabulary import FLOOR, LOBBY
from loadtest.results.validity import Validity


@dataclass(frozen=True)
class KeyRatio:
    """One of them, in one run."""

    name: str
    value: float | None
    """``None`` where a run has not both figures, or one of them is not valid."""


def key_ratios(run: Run) -> list[KeyRatio]:
    """The same names in the same order for every run."""
    costs = [cost for cost in way_costs_of(run) if cost.judgement.validity is Validity.VALID]
    rooms = min((cost.rooms for cost in costs), default=0)
    push_breaks_even = crossover(costs, "push", "polling", rooms)
    return [
        KeyRatio("push ÷ polling, bytes, idle", _bytes(costs, rooms, "push", "polling", 0.0)),
        KeyRatio("push ÷ polling, bytes, 1 change/s", _bytes(costs, rooms, "push", "polling", 1.0)),
        KeyRatio("rooms_delta ÷ push, bytes, 1 change/s", _bytes(costs, rooms, "delta", "push", 1.0)),
        KeyRatio("break-even of push and polling, changes/s", push_breaks_even.per_s if push_breaks_even else None),
        KeyRatio("push ÷ polling, time to fresh p50", _fresh(run, "push", "polling")),
        KeyRatio("rooms_delta ÷ polling, time to fresh p50", _fresh(run, "delta", "polling")),
        KeyRatio("lobby ÷ floor, CPU per recipient", _over_the_floor(run)),
    ]


def _bytes(costs: Sequence[WayCost], rooms: int, own: str, other: str, rate: float) -> float | None:
    found = {cost.kind: cost.whole for cost in costs if (cost.rooms, cost.changes_per_s) == (rooms, rate)}
    return found[own] / found[other] if own in found and found.get(other) else None


def _fresh(run: Run, own: str, other: str) -> float | None:
    found = run.found("freshness")
    return _of(found.measures if found is not None else (), lambda each: each.measure == TIME_TO_FRESH_P50, own, other)


def _over_the_floor(run: Run) -> float | None:
    found = run.found("peers")
    return _of(
        found.measures if found is not None else (), lambda each: each.measure == CPU_PER_RECIPIENT, LOBBY, FLOOR
    )


def _of(measures: Sequence[Measured], is_meant: Callable[[Measured], bool], own: str, other: str) -> float | None:
    found = {each.party: each for each in measures if is_meant(each)}
    if own not in found or other not in found:
        return None
    made = ratio(found[own].readings, found[other].readings, found[own].measure.kind)
    return made.value if made is not None and made.judgement.validity is Validity.VALID else None
