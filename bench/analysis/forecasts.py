"""Forecasts beside what was measured afterwards, and ways compared at scale: what the scenario `prediction` says."""

from __future__ import annotations

from dataclasses import dataclass

from bench.analysis.estimates import Estimate, estimate, estimate_readings
from bench.measures import (
    AS_PREDICTED,
    DELAY_BREAKING,
    FORECAST_ERROR,
    PREDICTED,
    REACH_BREAKING,
    SCALE_BYTES,
    SCALE_DELAY,
    SCALE_FAILS,
    SCALE_HOLDS,
    USED_BREAKING,
    Measure,
)
from bench.record.findings import Findings
from bench.record.profiles.sizes import PredictionSizes, ScaleSizes
from bench.record.vocabulary import LATENCY, WAYS_AT_SCALE

FOUND_WITHIN = 1.15
"""The search for the number of players ends where with a tenth more something breaks, both told in two digits."""
ENOUGH_PERCENT = 99.0
"""Of the clients, who must have come to a change for the 99th percentile to be one."""


@dataclass(frozen=True)
class Forecast:
    """One quantity of one case."""

    case: str
    clients: int
    name: str
    predicted: float
    measured: Estimate
    error: Estimate
    """In % of what was measured; below 0: more was measured than predicted."""

    @property
    def unit(self) -> str:
        return PREDICTED[self.name].unit


@dataclass(frozen=True)
class Extent:
    """How far measurements went, those that the model was fitted to and those that it was held against."""

    sessions: int
    """Of a process."""
    processes: int
    players: int
    """Of a lobby, on however many processes."""
    changes_per_s: float
    rooms: int


@dataclass(frozen=True)
class WayAtScale:
    """How far a way goes, in virtual time. A delay is the p99 of the time to fresh; of polls, of their answer."""

    name: str
    way: str
    presence: str
    holds: float
    """Players; 0: not even the fewest that were tried."""
    fails: float | None
    """``None``: nothing that breaks was found."""
    breaks: str
    """What does then; empty: nothing was found."""
    delay_ms: float | None
    bytes_per_s: float | None
    """Of a player."""

    @property
    def is_found(self) -> bool:
        """How far it goes; else the search ended before, with the time or with the most that are tried."""
        return self.fails is not None and (not self.holds or self.fails <= FOUND_WITHIN * self.holds)

    def may_pass(self, players: float) -> bool:
        """By what is known, it may go further than with so many."""
        return not self.is_found and (self.fails is None or self.fails > players)


def forecasts(found: Findings) -> list[Forecast]:
    """In the order of the cases; those that were measured."""
    made = []
    for each in found.measures:
        name = each.name.removesuffix(": predicted")
        if name not in PREDICTED or each.name != PREDICTED[name].name or not each.readings:
            continue
        measured, error = (
            estimate_readings(found.find(measures[name], each.party, each.where), measures[name].kind)
            for measures in (AS_PREDICTED, FORECAST_ERROR)
        )
        if measured is not None and error is not None:
            made.append(Forecast(each.party, each.clients, name, each.readings[0].value, measured, error))
    return made


def extent(sizes: PredictionSizes) -> Extent:
    """Of a run with these sizes."""
    fitted = sizes.calibration
    sessions = max(sizes.held_out_sessions, *fitted.clients, *fitted.memory)
    return Extent(
        sessions=sessions,
        players=max(sessions, sizes.broadcast),
        processes=max(*sizes.nodes, *fitted.nodes),
        changes_per_s=max(sizes.changes_per_s),
        rooms=max(sizes.rooms, *fitted.rooms),
    )


def ways_at_scale(found: Findings, sizes: PredictionSizes) -> list[WayAtScale]:
    """In the order of the comparison; none where the ways were not compared."""
    if sizes.scale is None:
        return []
    made = []
    for name, way, presence in WAYS_AT_SCALE:
        holds = _of(found, SCALE_HOLDS, name)
        if holds is None:
            continue
        fails = _of(found, SCALE_FAILS, name)
        made.append(
            WayAtScale(
                name=name,
                way=way,
                presence=presence,
                holds=holds,
                fails=fails,
                breaks=_breaks(found, sizes.scale, name) if fails is not None else "",
                delay_ms=_of(found, SCALE_DELAY, name),
                bytes_per_s=_of(found, SCALE_BYTES, name),
            )
        )
    return made


def _breaks(found: Findings, sizes: ScaleSizes, name: str) -> str:
    """The resource of which most is used, of those above the ceiling; else the level of service."""
    used = {resource: _of(found, measure, name) for resource, measure in USED_BREAKING.items()}
    above = {resource: share for resource, share in used.items() if share is not None and share > 100 * sizes.ceiling}
    if above:
        return max(above, key=above.__getitem__)
    delay_ms, reach = _of(found, DELAY_BREAKING, name), _of(found, REACH_BREAKING, name)
    is_late = delay_ms is not None and delay_ms > sizes.slo_ms
    return LATENCY if is_late or (reach is not None and reach < ENOUGH_PERCENT) else ""


def _of(found: Findings, measure: Measure, party: str) -> float | None:
    for each in found.measures:
        if each.measure == measure and each.party == party and (made := estimate(each)) is not None:
            return made.value
    return None
