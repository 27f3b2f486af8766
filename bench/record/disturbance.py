"""What can spoil a reading from outside: other work on the cores, and a publisher that was late.

Scenarios heed it while they measure, and measure again (`bench.processes.again`); analysis judges by it afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bench.measures import Kind
from bench.record.findings import Reading
from bench.record.limits import CPU_WAIT_LIMIT, LATE_LIMIT_MS, TIME_WAIT_LIMIT

OTHER_WORK = "other work had the cores"
LATE = "the publisher was late"

_MOST_WAITED: Mapping[Kind, float] = {
    Kind.TIME: TIME_WAIT_LIMIT, Kind.RATE: TIME_WAIT_LIMIT, Kind.CPU: CPU_WAIT_LIMIT,
}  # fmt: skip


def disturbances(reading: Reading, kind: Kind) -> list[tuple[str, str]]:
    """What it was and how much of it: other work spoils a time, a rate or a cost, lateness a time."""
    found = []
    most, stretch = _MOST_WAITED.get(kind), reading.stretch
    if most is not None and stretch is not None and stretch.waited > most:
        found.append((OTHER_WORK, f"{stretch.waited:.0%} of the time"))
    if kind is Kind.TIME and reading.late_ms > LATE_LIMIT_MS:
        found.append((LATE, f"up to {reading.late_ms:.0f} ms"))
    return found


def causes_of(readings: Iterable[tuple[Reading, Kind]]) -> set[str]:
    """Of all of them, without how much."""
    return {what for reading, kind in readings for what, _ in disturbances(reading, kind)}
