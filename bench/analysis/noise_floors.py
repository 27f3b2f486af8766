"""How far apart two come out that are the same: what the A/A of a run found, and what a difference is held against."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bench.analysis.estimates import distance, ratio
from bench.measures import COLD_BROADCAST, Kind, Measure
from bench.record.findings import Findings
from bench.stats import Interval
from bench.words import in_noise
from loadtest.results.validity import Validity


@dataclass(frozen=True)
class NoiseFloors:
    """As distances from a ratio of 1: of each measure of the A/A, and the largest of each kind for all others."""

    by_name: dict[str, float]
    by_kind: dict[Kind, float]
    pairs: int = 0
    """Of the measure that has the fewest; few pairs show less than the noise that there is."""

    def of(self, measure: Measure) -> float | None:
        """``None`` where nothing of its kind was in the A/A."""
        return self.by_name.get(measure.name, self.by_kind.get(measure.kind))

    def words(self, names: Iterable[str]) -> str:
        """Of these measures, and of what is left."""
        own = [f"{name} ±{in_noise(self.by_name[name])}" for name in dict.fromkeys(names) if name in self.by_name]
        others = [f"{'other ' if own else ''}{kind.value} ±{in_noise(floor)}" for kind, floor in self.by_kind.items()]
        return ", ".join(own + others)


def noise_floors(findings: Findings, again: str) -> NoiseFloors:
    """How far the ratio of two equal parties came from 1: the further end of its 95 % interval, or of its pairs where
    they are too few for one; of measures whose pairs are not INVALID.

    `again` is the party that is the same as the first one.
    """
    by_name: dict[str, float] = {}
    by_kind: dict[Kind, float] = {}
    pairs: list[int] = []
    for measured in findings.measures:
        measure = measured.measure
        if measured.party == again or measure == COLD_BROADCAST:
            continue
        found = ratio(findings.find(measure, again, measured.where), measured.readings, measure.kind)
        if found is not None and found.n > 1 and found.judgement.validity is not Validity.INVALID:
            interval = found.interval or Interval(found.low, found.high)
            floor = max(distance(interval.low), distance(interval.high))
            pairs.append(found.n)
            by_name[measure.name] = max(by_name.get(measure.name, 0.0), floor)
            by_kind[measure.kind] = max(by_kind.get(measure.kind, 0.0), floor)
    return NoiseFloors(by_name, by_kind, min(pairs, default=0))
