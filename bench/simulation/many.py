"""Many seeds, one after the other or on several cores, until one violates an invariant."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from bench.simulation.run import Outcome, simulate
from bench.simulation.schedule import Schedule, schedule_of

COLLECT_EVERY = 10
"""Runs between two collections of cycles: a run leaves megabytes of them, and none that matters within one."""
MakeSchedule = Callable[[int], Schedule]
"""Of a seed."""


def search(
    seeds: Iterable[int],
    *,
    make: MakeSchedule = schedule_of,
    jobs: int = 1,
    progress: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome | None:
    """The outcome of the first seed that violates an invariant; None: all hold. `progress` hears of each, in order.
    `jobs`: processes; with more than one, `make` has to be something that can be sent to another process."""
    with quiet():
        for outcome in outcomes(seeds, make=make) if jobs == 1 else _outcomes_of_jobs(seeds, make, jobs):
            progress(outcome)
            if outcome.violation is not None:
                return outcome
    return None


def outcomes(seeds: Iterable[int], *, make: MakeSchedule = schedule_of) -> Iterator[Outcome]:
    """One after the other, within `quiet`."""
    with _frozen():
        for number, seed in enumerate(seeds):
            yield simulate(make(seed))
            if number % COLLECT_EVERY == COLLECT_EVERY - 1:
                gc.collect()


@contextmanager
def quiet() -> Iterator[None]:
    """Without the log of thousands of lobbies, which describe nothing but faults that were asked for; and without a
    collector that looks for cycles in the midst of a run. Calls of nodes that were killed end with their nodes, and
    what they would still wait for is told to nobody."""
    was_enabled, level, unraisable = gc.isenabled(), logging.root.manager.disable, sys.unraisablehook
    gc.disable()
    logging.disable(logging.CRITICAL)
    sys.unraisablehook = lambda _: None
    try:
        yield
    finally:
        gc.collect()
        sys.unraisablehook = unraisable
        logging.disable(level)
        if was_enabled:
            gc.enable()


# -- private ----------------------------------------------------------------------------------------------------------


@contextmanager
def _frozen() -> Iterator[None]:
    """What was there before is not looked through again and again. Where the program itself has frozen what it holds,
    that stays so: there is no thawing of a part, and each collection after that would go through all of it."""
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _outcomes_of_jobs(seeds: Iterable[int], make: MakeSchedule, jobs: int) -> Iterator[Outcome]:
    """In the order of the seeds. The processes end with the iterator."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, _begin_job, (make,)) as pool:
        yield from pool.imap(_outcome_of_job, seeds)


_make: MakeSchedule = schedule_of
"""Of this process, if it is one of several."""
_runs = 0


def _begin_job(make: MakeSchedule) -> None:
    global _make
    _make = make
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    gc.disable()
    gc.freeze()
    logging.disable(logging.CRITICAL)


def _outcome_of_job(seed: int) -> Outcome:
    global _runs
    _runs += 1
    if _runs % COLLECT_EVERY == 0:
        gc.collect()
    return simulate(_make(seed))
