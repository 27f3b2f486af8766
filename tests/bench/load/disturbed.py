"""Measurements that other work on the machine disturbed, by the lab's own measure, and what a test makes of them.

The lab tells how long server and generator waited for a core, and how late the publisher was. What does not hold is
measured again; where the last one was disturbed, too, nothing is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import pytest

from bench.load.cells import Cell
from bench.measures import Kind
from bench.record.disturbance import disturbances
from bench.record.findings import Findings, Reading, Stretch

TRIES = 3
T = TypeVar("T", Cell, Findings)


def disturbed(found: Cell | Findings) -> list[str]:
    """What spoiled it, as the lab has it of a time; nothing where all was quiet."""
    if isinstance(found, Cell):
        readings = [Reading(0.0, found.stretch, found.late_s * 1e3)]
    else:
        readings = [reading for measured in found.measures for reading in measured.readings]
        readings += [_reading(stretch, series.late_ms) for series in found.series for stretch in series.stretches]
        readings += [Reading(0.0, found.stretch)] if found.stretch is not None else []
    said = [f"{what}, {much}" for reading in readings for what, much in disturbances(reading, Kind.TIME)]
    return list(dict.fromkeys(said))


def calm(measure: Callable[[], T], holds: Callable[[T], object]) -> T:
    """The first measurement that holds, or the last: other work on the machine disturbs one, a harness that is wrong
    disturbs all."""
    for _ in range(TRIES):
        found = measure()
        if holds(found):
            break
    return found


@contextmanager
def unless_disturbed(found: Cell | Findings) -> Iterator[None]:
    """What is asked in this block is not judged where other work had the cores."""
    try:
        yield
    except AssertionError as error:
        said = disturbed(found)
        if not said:
            raise
        pytest.skip(f"{said[0]}: {error}")


def _reading(stretch: Stretch, late_ms: Sequence[float]) -> Reading:
    return Reading(0.0, stretch, max(late_ms, default=0.0))
