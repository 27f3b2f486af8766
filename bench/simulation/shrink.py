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
    """The outcome of the smallest schedule that was found. `outcome` violates an invariant. `progress` hears the runs
    so far, and the events that are left."""
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

    size = max(1, len(best.schedule.events) // 2)
    while runs < most_runs:
        is_smaller = False
        at = 0
        while at < len(best.schedule.events) and runs < most_runs:
            events = best.schedule.events
            if attempt(events[:at] + events[at + size :]):
                is_smaller = True
            else:
                at += size
        if size == 1 and not is_smaller:
            break
        size = max(1, size // 2)
    return best
