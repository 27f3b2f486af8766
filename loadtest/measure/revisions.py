"""What the revisions in announcements of the rooms say: repeated, stale, and deltas that never came.

A delta names the revision that it builds on. If that is not the one that the connection holds, what is between them was
lost: as many deltas as others heard of, at least one. The whole list, which a client asks for then, repeats nothing.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass, field

KEPT = 10_000
"""Revisions of deltas that are remembered, to count what lay in a gap."""


@dataclass
class FoundInRevisions:
    stale: int = 0
    """Announcements of a revision below the one that the same connection had."""
    repeated: int = 0
    gaps: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Of a connection: its span, the revision that it held, the one that the next delta built on, and how many deltas
    were lost between them."""

    @property
    def lost(self) -> int:
        return sum(lost for _, _, _, lost in self.gaps)


class Revisions:
    """Of all connections of a process."""

    def __init__(self) -> None:
        self._found = FoundInRevisions()
        self._heard: list[int] = []
        """Of deltas, in order, each once."""
        self._gaps: list[tuple[int, int, int]] = []

    def take(self, held: int, revision: int, *, base: int | None, is_whole: bool, span: int = -1) -> int:
        """An announcement of `revision` to the connection `span` that has `held` (below 0: none). Returns what it has
        then."""
        if base is not None:
            self._remember(revision)
            if 0 <= held < base:
                self._gaps.append((span, held, base))
        if revision < held:
            self._found.stale += 1
        elif revision == held and not is_whole:
            self._found.repeated += 1
        return revision

    def take_found(self) -> FoundInRevisions:
        """Since the last time. What lay in a gap is counted by what others have heard by now."""
        for span, held, base in self._gaps:
            between = bisect_right(self._heard, base) - bisect_right(self._heard, held)
            self._found.gaps.append((span, held, base, max(1, between)))
        self._gaps.clear()
        found, self._found = self._found, FoundInRevisions()
        return found

    def _remember(self, revision: int) -> None:
        at = bisect_right(self._heard, revision)
        if not at or self._heard[at - 1] != revision:
            insort(self._heard, revision)
            if len(self._heard) > KEPT:
                del self._heard[: KEPT // 2]
