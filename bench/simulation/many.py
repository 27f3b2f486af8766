"""Many seeds, one after the other, until one violates an invariant."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from bench.simulation.run import Outcome, simulate
from bench.simulation.schedule import schedule_of

COLLECT_EVERY = 10
"""Runs between two collections of cycles: a run leaves megabytes of them, and none that matters within one."""


def search(seeds: Iterable[int], *, progress: Callable[[Outcome], None] = lambda outcome: None) -> Outcome | None:
    """The outcome of the first seed that violates an invariant; None: all hold. `progress` hears of each."""
    with quiet():
        for number, seed in enumerate(seeds):
            outcome = simulate(schedule_of(seed))
            progress(outcome)
            if outcome.violation is not None:
                return outcome
            if number % COLLECT_EVERY == 0:
                gc.collect()
    return None


@contextmanager
def quiet() -> Iterator[None]:
    """Without the log of thousands of lobbies, which describe nothing but faults that were asked for; and without a
    collector that looks for cycles in the midst of a run."""
    was_enabled, level = gc.isenabled(), logging.root.manager.disable
    gc.disable()
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(level)
        if was_enabled:
            gc.enable()
