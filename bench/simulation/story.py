"""A run as a story: who, what, when, on which node."""

from __future__ import annotations

from collections.abc import Iterator

from bench.simulation.run import Outcome
from bench.simulation.schedule import Schedule


def tell(outcome: Outcome) -> Iterator[str]:
    """Line by line."""
    schedule = outcome.schedule
    yield f"seed {schedule.seed}: {schedule.deeds} deeds, {schedule.faults} faults"
    width = max((len(who) for _, who, _ in outcome.story), default=0)
    for at_s, who, what in outcome.story:
        yield f"{at_s:9.3f}  {who:<{width}}  {what}".rstrip()
    yield verdict(outcome)


def verdict(outcome: Outcome) -> str:
    """One sentence."""
    if outcome.violation is None:
        return f"everything held, to {outcome.virtual_s:.0f} s of virtual time and {outcome.entries} entries"
    return f"violated after {outcome.violation.at_s:.3f} s · {outcome.violation}"


def events(schedule: Schedule) -> Iterator[str]:
    """What is left of a schedule, one event per line."""
    for event in schedule.events:
        kind = "fault" if event.is_fault else "deed"
        yield f"{event.at_s:9.3f}  {kind:<5}  {event.what} {event.who} {event.a} {event.b}"
