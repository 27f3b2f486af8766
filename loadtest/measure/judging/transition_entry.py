"""A transition of a user in the books of `loadtest.measure.reach`, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loadtest.measure.columns import FloatArray, IntArray
from loadtest.measure.judging.entries import Transition


@dataclass(slots=True)
class TransitionEntry:
    """One per user stays: small."""

    transition: Transition
    previous: int | None
    next: int | None = None
    receipts: list[tuple[npt.NDArray[np.int32], FloatArray]] | None = None
    """Spans and times, until it is judged."""
    is_judged: bool = False
    lost: IntArray | None = None
    unheard_by: int = 0
    """So many were expected to hear of this coming, and not one of them has; 0: some have."""
    had: IntArray | None = None
    """Who got it, of one that is excused since a fault may have held it up; None: of any other."""
    firsts: tuple[IntArray, FloatArray] | None = None
    """Who got it first when; kept while the user's next transition is open."""
