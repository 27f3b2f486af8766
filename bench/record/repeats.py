"""Several runs of the same as one with repeats: of a swarm, which reads each figure once, or of anything else."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from bench.record.findings import Findings, Measured, Reading, Where
from bench.record.run import Run


class NotRepeats(ValueError):
    """Runs that are not of the same. The text is one sentence."""


def as_repeats(runs: Sequence[Run]) -> Run:
    """The first run with the readings of all. Raises `NotRepeats` where commit, machine or profile differ.

    Series, traffic and the swarm's document stay the first one's: only figures are of all runs.
    """
    first = runs[0]
    for each in runs[1:]:
        for what, own, other in (
            ("commits", first.commit, each.commit),
            ("machines", first.machine, each.machine),
            ("profiles", first.profile, each.profile),
        ):
            if own != other:
                raise NotRepeats(f"the runs of {first.started_at} and {each.started_at} have different {what}")
    names = list(dict.fromkeys(found.name for run in runs for found in run.findings))
    return replace(
        first,
        dirty=any(run.dirty for run in runs),
        duration_s=sum(run.duration_s for run in runs),
        findings=[_pooled([found for run in runs if (found := run.found(name)) is not None]) for name in names],
        failures={name: why for run in runs for name, why in run.failures.items()},
        is_whole=all(run.is_whole for run in runs),
    )


def _pooled(found: Sequence[Findings]) -> Findings:
    """A turn of one run is none of another's."""
    pooled: dict[tuple[str, str, Where], Measured] = {}
    turns = 0
    for findings in found:
        for each in findings.measures:
            own = replace(each, readings=[_later(reading, turns) for reading in each.readings])
            earlier = pooled.setdefault((each.name, each.party, each.where), replace(own, readings=[]))
            earlier.readings.extend(own.readings)
        told = [reading.turn for each in findings.measures for reading in each.readings if reading.turn is not None]
        turns += max(told, default=-1) + 1
    faults = [fault for findings in found for fault in findings.faults]
    return replace(found[0], measures=list(pooled.values()), faults=faults)


def _later(reading: Reading, turns: int) -> Reading:
    return reading if reading.turn is None else replace(reading, turn=reading.turn + turns)
