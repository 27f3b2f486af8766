"""What one connection is charged with is bounded, and the newest of it is known."""

from __future__ import annotations

import numpy as np

from loadtest.measure.judging.gaps import REVISIONS_KEPT, DeltaGaps


def test_of_many_revisions_that_a_connection_lost_the_newest_are_known() -> None:
    gaps, span, many = DeltaGaps(), np.array([7]), 5 * REVISIONS_KEPT
    for revision in range(many):
        gaps.charge(span, revision)
    known = [revision for revision in range(many) if gaps.cover(span, revision)[0]]
    assert REVISIONS_KEPT <= len(known) <= 2 * REVISIONS_KEPT
    assert known == list(range(known[0], many))
    assert gaps.add(7, many - 11, many - 1, 10) == 0
