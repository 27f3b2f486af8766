"""Every figure of a run in one list, whichever scenario it is of.

Two runs are compared by them, one is judged by them, and machines read them. A figure is a measure of one party at one
size, with its readings; its value is their median (`bench.analysis.estimates`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from bench.analysis.estimates import Estimate, estimate_readings
from bench.analysis.validity import VALID, Judgement
from bench.analysis.windows import over_the_window
from bench.measures import Kind, Measure
from bench.record.findings import Reading, Where
from bench.record.run import Run
from bench.record.vocabulary import LOBBY, LOBBY_FILTERED, LOBBY_GZIP, LOBBY_UNCHANGED, SWARM
from loadtest.results.validity import Validity

WITH_OTHERS = ("peers", "fanout", "rooms-get", "swarm-cost", "swarm-truth")
OWN = (LOBBY, LOBBY_UNCHANGED, LOBBY_GZIP, LOBBY_FILTERED, SWARM)
"""Parties that are this project's."""


@dataclass(frozen=True)
class Figure:
    """One of them, with the readings that it is made of."""

    scenario: str
    measure: Measure
    party: str
    where: Where
    readings: Sequence[Reading]

    @property
    def key(self) -> tuple[str, str, str, Where]:
        return (self.scenario, self.measure.name, self.party, self.where)

    @property
    def kind(self) -> Kind:
        return self.measure.kind

    @property
    def is_control(self) -> bool:
        """Not of this server but of another in the same run: it says how the machine is, not how the code is."""
        return self.scenario in WITH_OTHERS and self.party not in OWN

    @cached_property
    def estimate(self) -> Estimate | None:
        """``None`` without readings."""
        return estimate_readings(self.readings, self.kind)

    @property
    def judgement(self) -> Judgement:
        return self.estimate.judgement if self.estimate is not None else VALID

    @property
    def validity(self) -> Validity:
        return self.judgement.validity

    def __str__(self) -> str:
        words = [self.measure.name]
        if self.party != LOBBY:
            words.append(self.party)
        if self.where.clients:
            words.append(f"{self.where.clients:,} clients")
        if self.where.rooms:
            words.append(f"{self.where.rooms} rooms")
        if self.where.changes_per_s:
            words.append(f"{self.where.changes_per_s:g} changes/s")
        return f"{self.scenario}: {', '.join(words)}"


def figures_of(run: Run) -> list[Figure]:
    """In the order of the run; rates are those of the windows, also of runs that were counted over more."""
    return [
        Figure(found.name, each.measure, each.party, each.where, each.readings)
        for found in over_the_window(run).findings
        for each in found.measures
    ]


def invalid_figures(run: Run) -> list[Figure]:
    """A run with an invalid figure is not one to build on (exit code 4)."""
    return [each for each in figures_of(run) if each.validity is Validity.INVALID]
