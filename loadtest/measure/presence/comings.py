"""Comings of users that nobody heard of, over all processes of a run.

A process knows only its own observers. One with a single observer finds each coming unheard of that this one lost, and
one on a bad network all of them, though everybody else heard. So workers tell of which comings their observers heard
and of which they did not, and a coming is *unheard* when no process has heard of it. One alone who should have heard is
no evidence: that is a loss like another. What comes late is heard, too.

Not here: which observers are expected (`loadtest.measure.reach`), and what follows from it
(`loadtest.measure.judging.validity`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, TypeVar

from loadtest.measure.judging.tally import ReachTally
from loadtest.measure.presence.transitions import TransitionEntry

LEAST_EXPECTED = 2
"""Observers of a coming that nobody heard of."""
KEPT = 100_000
"""Comings at least, and twice as many at most, of which others may tell for a few settling times more; about 200 bytes
each."""

_Kept = TypeVar("_Kept")
Coming = tuple[int, int]
"""A user, and which of its comings it is by the process that it plays in: the same in all processes."""


class FoundComings:
    """What one process has found since its last report."""

    def __init__(self) -> None:
        self.is_shared = False
        """There are other processes, which may find something else."""
        self._heard: list[Coming] = []
        self._unheard: list[tuple[Coming, int]] = []

    def note(self, entry: TransitionEntry, tally: ReachTally, *, expected: int, heard: int) -> None:
        """So many were expected here to hear of it, and so many of them did. Called again when it came late to the
        first of those who had not heard, this takes back what was counted: a tally since the last report may fall
        below 0."""
        change = 1 if expected and not heard else -1 if entry.unheard_by else 0
        if is_evidence(expected):
            tally.unheard += change
            tally.unheard_by += change * expected
        entry.unheard_by = expected if not heard else 0
        if self.is_shared:
            coming = entry.transition.user_id, entry.transition.coming
            if heard:
                self._heard.append(coming)
            elif expected:
                self._unheard.append((coming, expected))

    def take_report(self) -> dict[str, Any]:
        """Made of what msgpack can carry; it starts from nothing then."""
        report = {"heard": self._heard, "unheard": [[*coming, expected] for coming, expected in self._unheard]}
        self._heard, self._unheard = [], []
        return report


class Comings:
    """What all workers have found."""

    def __init__(self) -> None:
        self._heard: dict[Coming, None] = {}
        self._unheard: dict[Coming, int] = {}
        """With how many were expected to hear of it."""
        self.unheard = 0
        """Those that nobody heard of, kept or not."""
        self.unheard_by = 0
        """How many should have, all together."""

    def add_report(self, report: Mapping[str, Iterable[Any]]) -> None:
        """Of one worker; in whatever order they come."""
        for user_id, number in report.get("heard", ()):
            self._heard[user_id, number] = None
            self._take((user_id, number))
        for user_id, number, expected in report.get("unheard", ()):
            coming = user_id, number
            if coming not in self._heard:
                self._put(coming, self._take(coming) + expected)
        self._heard, self._unheard = _newest(self._heard), _newest(self._unheard)

    def _take(self, coming: Coming) -> int:
        expected = self._unheard.pop(coming, 0)
        if is_evidence(expected):
            self.unheard, self.unheard_by = self.unheard - 1, self.unheard_by - expected
        return expected

    def _put(self, coming: Coming, expected: int) -> None:
        self._unheard[coming] = expected
        if is_evidence(expected):
            self.unheard, self.unheard_by = self.unheard + 1, self.unheard_by + expected


def _newest(kept: dict[Coming, _Kept]) -> dict[Coming, _Kept]:
    """Half of them once there are too many: to take the oldest from a dictionary, one by one, is slow."""
    if len(kept) <= 2 * KEPT:
        return kept
    return dict(islice(kept.items(), len(kept) - KEPT, None))


def is_evidence(expected: int) -> bool:
    """That not one of so many heard of a coming."""
    return expected >= LEAST_EXPECTED
