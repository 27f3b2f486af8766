"""A run as a story: who, what, when, on which node."""

from __future__ import annotations

from collections.abc import Iterator

from bench.simulation.cast import cast_of
from bench.simulation.faults import FAULTS
from bench.simulation.run import NODE_NAMES, Outcome
from bench.simulation.schedule import Schedule


def tell(outcome: Outcome) -> Iterator[str]:
    """Line by line."""
    schedule = outcome.schedule
    yield f"seed {schedule.seed}: {counted(schedule)}"
    width = max((len(who) for _, who, _ in outcome.story), default=0)
    for at_s, who, what in outcome.story:
        yield f"{at_s:9.3f}  {who:<{width}}  {what}".rstrip()
    yield verdict(outcome)


def verdict(outcome: Outcome) -> str:
    """One sentence."""
    if outcome.violation is None:
        return f"everything held, to {outcome.virtual_s:.0f} s of virtual time and {outcome.entries} entries"
    return f"violated after {outcome.violation.at_s:.3f} s · {outcome.violation}"


def counted(schedule: Schedule) -> str:
    """How many deeds and faults."""
    return f"{_many(schedule.deeds, 'deed')}, {_many(schedule.faults, 'fault')}"


def events(schedule: Schedule) -> Iterator[str]:
    """What is left of a schedule, one event per line: when, who or what, and the event with the numbers by which it
    chooses."""
    names = [device.name for device in cast_of(schedule)]
    width = max((len(name) for name in names), default=0)
    for event in schedule.events:
        kind = "fault" if event.is_fault else "deed"
        is_node = event.is_fault and not FAULTS[event.what].of_players
        who = NODE_NAMES[event.who] if is_node else names[event.who]
        yield f"{event.at_s:9.3f}  {kind:<5}  {who:<{width}}  {event.what} {event.a} {event.b}"


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
