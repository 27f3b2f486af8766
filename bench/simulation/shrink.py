"""From a schedule that violates an invariant to the fewest faults and deeds that still violate the same one.

Delta debugging (Zeller and Hildebrandt 2002): leave out half of the events, a quarter, … one; what still fails is the
new schedule.
"""

from __future__ import annotations

from collections.abc import Callable

from bench.simulation.run import Outcome, simulate
from bench.simulation.schedule import Event, Schedule

MOST_RUNS = 1500
"""After that the smallest schedule so far has to do."""


def shrink(
    outcome: Outcome,
    *,
    run: Callable[[Schedule], Outcome] = simulate,
    most_runs: int = MOST_RUNS,
    progress: Callable[[int, int], None] = lambda runs, events: None,
) -> Outcome:
    """The outcome of the smallest schedule that was found, by then where the user interrupts. `outcome` violates an
    invariant. `progress` hears the runs so far, and the events that are left."""
    assert outcome.violation is not None
    invariant, best, runs = outcome.violation.invariant, outcome, 0

    def attempt(events: tuple[Event, ...]) -> bool:
        nonlocal best, runs
        runs += 1
        tried = run(best.schedule.with_events(events))
        if tried.violation is not None and tried.violation.invariant == invariant:
            best = tried
        progress(runs, len(best.schedule.events))
        return best is tried

    try:
        _leave_out(lambda: best.schedule.events, attempt, is_enough=lambda: runs >= most_runs)
    except KeyboardInterrupt:
        pass  # what is found by now is an answer, too
    return best


# -- private -----------------------------------------------------------------------------------------------------------


def _leave_out(
    events: Callable[[], tuple[Event, ...]],
    attempt: Callable[[tuple[Event, ...]], bool],
    *,
    is_enough: Callable[[], bool],
) -> None:
    size = max(1, len(events()) // 2)
    while not is_enough():
        is_smaller = False
        at = 0
        while at < len(events()) and not is_enough():
            left = events()
            if attempt(left[:at] + left[at + size :]):
                is_smaller = True
            else:
                at += size
        if size == 1 and not is_smaller:
            break
        size = max(1, size // 2)
