"""What became of announcements that players should have received, as numbers that add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class ReachTally:
    """Pairs of an event and an observer. Add them up over processes; nothing here is a mean."""

    events: int = 0
    """Transitions or changes that were judged."""
    expected: int = 0
    received: int = 0
    late: int = 0
    """Came after the settling time: most of them count as lost. Of the rooms, only revisions can be told to be late."""
    duplicates: int = 0
    out_of_order: int = 0
    unexpected: int = 0
    strangers: int = 0
    excused: int = 0
    """Events of which no announcement is expected."""
    sampled_out: int = 0
    others: int = 0
    """Of the events, those of others, judged by what most observers heard."""
    missed: int = 0
    """Announcements of the rooms that others heard and this observer did not, though it heard a later one in time."""
    unjudged: int = 0
    unheard: int = 0
    """Comings that none of two or more expected observers heard of, in time or late."""
    unheard_by: int = 0
    """Of those that are lost: the pairs of an unheard coming and who should have heard of it."""
    booked: int = 0
    """Announcements that were written into the ledger, whatever became of them."""

    @property
    def lost(self) -> int:
        return self.expected - self.received

    @property
    def reach(self) -> float | None:
        """Received ÷ expected; None where nothing was expected."""
        return self.received / self.expected if self.expected else None

    def add(self, other: ReachTally) -> None:
        for name, number in asdict(other).items():
            setattr(self, name, getattr(self, name) + number)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "lost": self.lost, "reach": self.reach}


def sum_of(tallies: Iterable[ReachTally]) -> ReachTally:
    whole = ReachTally()
    for tally in tallies:
        whole.add(tally)
    return whole


def add_tallies(found: dict[str, ReachTally], more: Mapping[str, ReachTally]) -> None:
    """By name, to those that are found."""
    for name, tally in more.items():
        found.setdefault(name, ReachTally()).add(tally)
