"""A point that other work disturbed is measured again while the run has time for it, and only then told as suspect.

Whether it is measured again depends on what disturbed it and never on its value. Kept is the first attempt without a
disturbance, or else the last one; how often that happened is noted beside the figures.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.processes.lab import Lab
from bench.record.book import Book

MOST_AGAIN = 2
"""Attempts after the first one."""


def calmly(
    lab: Lab,
    book: Book,
    measure: Callable[[Book], None],
    *,
    turn: int | None = None,
    disturbed_by: Callable[[Book], set[str]] = Book.disturbed_by,
) -> None:
    """Have a point measured into a book of its own, again if it was disturbed, and put what is kept into `book`.

    `turn`: the one that its readings are of, in every attempt (`Book.turn`).
    An attempt with a fault is kept: a ledger that does not add up is not the machine's. What `measure` raises is
    raised, with what it wrote until then in `book`.
    """
    for number in range(MOST_AGAIN + 1):
        attempt, start_s = Book(), time.monotonic()
        attempt.turn = turn
        try:
            measure(attempt)
        except BaseException:
            book.absorb(attempt)
            raise
        causes = disturbed_by(attempt)
        took_s = time.monotonic() - start_s
        if not causes or attempt.faults or number == MOST_AGAIN or not lab.has_time_for(took_s):
            book.absorb(attempt)
            if number:
                book.measured_again(still=causes)
            return
        book.causes |= causes
