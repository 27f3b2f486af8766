"""One lost delta is one loss, whoever notices it.

That a delta never came shows twice. The next one to come builds on a revision that its connection does not hold: a gap,
which is certain (`loadtest.measure.revisions`). And others heard of it while this connection heard of nothing in time
(`loadtest.measure.rounds`, `loadtest.measure.judging.changes`), or of something later, which looks like a *miss*. The
gap may show before that is judged or long after. So what was charged to a connection is kept by revision: a gap adds
what is not charged yet, and what is charged is charged to nobody again: two own changes in one delta are one loss, too.
A round that is no evidence charges nobody, until so many have heard of it late that it is. An own change of which
nobody here can say the revision (`loadtest.measure.judging.named`) is charged beside the gap.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from loadtest.measure.columns import BoolArray, IntArray

KEPT = 10_000
"""Connections that are remembered: losses are few, and a connection ends."""
REVISIONS_KEPT = 1_000
"""Of those that were charged to one connection, at least; a gap shows with the next delta that comes."""
_Kept = TypeVar("_Kept")


class DeltaGaps:
    """Of the connections of a process, by the numbers of their spans."""

    def __init__(self) -> None:
        self._gaps: dict[int, list[tuple[int, int]]] = {}
        self._charged: dict[int, set[int]] = {}

    def add(self, span: int, held: int, base: int, lost: int) -> int:
        """So many deltas above `held` and up to `base` never came. Returns how many of them nobody has charged."""
        _bounded(self._gaps, span, []).append((held, base))
        charged = sum(held < revision <= base for revision in self._charged.get(span, ()))
        return max(0, lost - charged)

    def cover(self, spans: IntArray, revision: int) -> BoolArray:
        """Which of these connections are charged with that revision: by a gap, or by what others heard."""
        covered = np.zeros(len(spans), dtype=bool)
        known = self._gaps.keys() | self._charged.keys() if revision >= 0 else ()
        if known:
            for place in np.flatnonzero(np.isin(spans, np.fromiter(known, np.int64, len(known)))).tolist():
                covered[place] = self._is_charged(int(spans[place]), revision)
        return covered

    def charge(self, spans: IntArray, revision: int) -> None:
        """These have lost that revision, by what others heard."""
        for span in spans.tolist():
            charged = _bounded(self._charged, span, set())
            charged.add(revision)
            if len(charged) > 2 * REVISIONS_KEPT:
                charged.difference_update(sorted(charged)[:-REVISIONS_KEPT])

    def _is_charged(self, span: int, revision: int) -> bool:
        return revision in self._charged.get(span, ()) or any(
            held < revision <= base for held, base in self._gaps.get(span, ())
        )


def _bounded(kept: dict[int, _Kept], span: int, empty: _Kept) -> _Kept:
    found = kept.setdefault(span, empty)
    if len(kept) > KEPT:
        del kept[next(iter(kept))]
    return found
