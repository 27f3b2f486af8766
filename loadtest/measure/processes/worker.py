"""What the master knows of a worker, and whether all that it says it sent has arrived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from loadtest.measure.attendance import Attendance
from loadtest.measure.judging.tally import ReachTally
from loadtest.measure.processes.health import Health

KINDS = ("events", "durations", "requests")
"""What both the worker and the master count, to reconcile them."""


@dataclass
class Worker:
    """Its tallies and health, and how much of its reports arrived."""

    presence: ReachTally = field(default_factory=ReachTally)
    rooms: ReachTally = field(default_factory=ReachTally)
    own: dict[str, ReachTally] = field(default_factory=dict)
    """Of the expectations of roles, by name."""
    health: Health = field(default_factory=Health)
    arrived: Counter[str] = field(default_factory=Counter)
    sent: dict[str, int] | None = None
    """By its own count, of its last report; None while that has not come."""
    is_steady: bool = False
    """All of its players have been connected."""
    attendance: Attendance = field(default_factory=dict)
    """As of its last report."""

    def unreconciled(self, name: str) -> Iterator[str]:
        """A sentence for what is missing or does not add up; nothing where all is well. `name` is the worker's."""
        if self.sent is None:
            yield f"the last report of worker {name} did not arrive"
            return
        for kind, number in self.sent.items():
            if self.arrived[kind] != number:
                yield f"worker {name} sent {number:,} {kind}, {self.arrived[kind]:,} arrived"
