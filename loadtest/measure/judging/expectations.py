"""What players of a role should hear of each other, judged as the ledger judges presence: expected, received, lost.

A role names who listens and what is expected; the names are its own. A player *listens* to a subject (a room, a match)
from when the server let it in until it leaves or loses its connection. Another announces there: *each who listens
should hear this within x*. Who hears it says so. An expectation is judged a settling time after its deadline, in every
process for the listeners there: announcements travel between processes with the ledger's entries, receipts do not.

A listener is expected to hear what was announced while it listened, if it listens on until the deadline. One that came
or left in between is *unjudged*. What was heard after the deadline is *late*, and *lost* as well; a second time is a
*duplicate*; what nobody has announced is *unexpected*.

Where this process stood still, what it reads of a socket has the time of the last that lay in it. So what was heard, or
a message by which a player left, may have come at any time of the standstill: what hangs on that is *unjudged*.

Cost: O(listeners of the subject) per announcement, in Python: for what roles do, not for what a server broadcasts.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from typing import Any

from loadtest.measure.judging.tally import ReachTally

PATIENCE_S = 30.0
"""So long what was heard waits for its announcement, which another process may have made."""
AROUND_S = 0.1
"""A standstill, as ticks tell it, began up to a tick before, and what lay in the sockets is read a moment after it."""
FOREIGN_SLACK_S = 0.25
"""How wrong a time of another machine may be, as in `loadtest.measure.ledger`."""


@dataclass(frozen=True)
class Announced:
    name: str
    """Of the expectation."""
    subject: str
    key: str
    """What listeners recognise it by; unique for the name."""
    at_s: float
    within_s: float
    speaker: int = 0
    """The number of a listener who need not hear it, in the process that announced it; 0: none."""
    slack_s: float = 0.0

    def shifted(self, by_s: float) -> Announced:
        """The same in a clock that is so much ahead of this one."""
        return replace(self, at_s=self.at_s + by_s)


@dataclass
class _Stay:
    """Of one listener at one subject."""

    listener: int
    from_s: float
    until_s: float = math.inf


class Expectations:
    """Of one process."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        on_heard: Callable[[str, float, float], object] = lambda name, duration_s, heard_s: None,
    ) -> None:
        """`on_heard` gets what each receipt took and when it was heard, where the announcement's time is exact."""
        self._clock = clock
        self._on_heard = on_heard
        self.is_shared = False
        self._outbox: list[Announced] = []
        self._listeners = 0
        self._stays: dict[tuple[str, str], list[_Stay]] = defaultdict(list)
        self._announced: list[Announced] = []
        self._own_keys: set[tuple[str, str]] = set()
        """Of what was announced here and is not judged yet."""
        self._heard: dict[tuple[str, str], dict[int, list[float]]] = {}
        """Times by listener."""
        self._tallies: dict[str, ReachTally] = {}
        self._stalls: list[tuple[float, float]] = []

    # -- for players ----------------------------------------------------------------------------------------------

    def new_listener(self) -> int:
        self._listeners += 1
        return self._listeners

    def listens(self, listener: int, name: str, subject: str) -> None:
        """From now on. A second call has no effect."""
        stays = self._stays[name, subject]
        if not any(stay.listener == listener and stay.until_s == math.inf for stay in stays):
            stays.append(_Stay(listener, self._clock()))

    def leaves(
        self, listener: int, name: str | None = None, subject: str | None = None, *, at_s: float | None = None
    ) -> None:
        """Listens there no longer, since `at_s` or from now on; without a subject, nowhere."""
        now_s = self._clock() if at_s is None else at_s
        for (of_name, of_subject), stays in self._stays.items():
            if name in (None, of_name) and subject in (None, of_subject):
                for stay in stays:
                    if stay.listener == listener:
                        stay.until_s = min(stay.until_s, now_s)

    def announce(self, announced: Announced) -> None:
        """Raises `ValueError` for a key that waits to be judged already: who heard which of the two could not be told,
        and one of them would count as lost."""
        key = announced.name, announced.key
        if key in self._own_keys:
            raise ValueError(
                f"{announced.key!r} was announced for {announced.name} already and is not judged yet: give each "
                "announcement a key of its own, such as a text with the player's seat and a number"
            )
        self._own_keys.add(key)
        self._announced.append(announced)
        self._tally(announced.name).events += 1
        if self.is_shared:
            self._outbox.append(announced)

    def hears(self, listener: int, name: str, key: str, heard_s: float) -> None:
        self._heard.setdefault((name, key), {}).setdefault(listener, []).append(heard_s)
        self._tally(name).booked += 1

    def stood_still(self, from_s: float, until_s: float) -> None:
        """This process read nothing between these times."""
        self._stalls.append((from_s - AROUND_S, until_s + AROUND_S))

    # -- between processes ----------------------------------------------------------------------------------------

    def take_entries(self) -> list[list[Any]]:
        """What was announced here since the last time, made of what msgpack can carry."""
        entries, self._outbox = self._outbox, []
        return [list(astuple(entry)) for entry in entries]

    def add_entries(self, entries: list[list[Any]], *, is_foreign: bool) -> None:
        """What was announced in another process, in this one's clock; of another machine that is not exact."""
        slack_s = FOREIGN_SLACK_S if is_foreign else 0.0
        self._announced += [replace(Announced(*row), speaker=0, slack_s=slack_s) for row in entries]

    # -- judging --------------------------------------------------------------------------------------------------

    def take_tallies(self) -> dict[str, ReachTally]:
        """By name, since the last time."""
        taken, self._tallies = self._tallies, {}
        return taken

    @property
    def tallies(self) -> dict[str, ReachTally]:
        return self._tallies

    def settle(self, horizon_s: float, *, is_final: bool = False) -> None:
        """Judge what had to be heard by `horizon_s`. At the end: all, of which what was in flight is unjudged."""
        waiting, self._announced = self._announced, []
        for announced in waiting:
            if is_final or announced.at_s + announced.within_s + announced.slack_s <= horizon_s:
                self._judge(announced)
            else:
                self._announced.append(announced)
        self._forget(horizon_s, is_final=is_final)

    def _judge(self, announced: Announced) -> None:
        tally = self._tally(announced.name)
        self._own_keys.discard((announced.name, announced.key))
        heard = self._heard.pop((announced.name, announced.key), {})
        deadline_s = announced.at_s + announced.within_s
        expected = set()
        for stay in self._stays.get((announced.name, announced.subject), ()):
            if stay.listener == announced.speaker:
                continue
            left_s = self._earliest_s(stay.until_s)
            if stay.from_s <= announced.at_s - announced.slack_s and left_s >= deadline_s + announced.slack_s:
                expected.add(stay.listener)
            elif stay.from_s <= deadline_s and stay.until_s >= announced.at_s:
                tally.unjudged += 1
        tally.expected += len(expected)
        for listener, times_s in heard.items():
            tally.duplicates += len(times_s) - 1
            if listener not in expected:
                continue
            if times_s[0] <= deadline_s + announced.slack_s:
                tally.received += 1
            elif self._earliest_s(times_s[0]) <= deadline_s + announced.slack_s:
                tally.expected -= 1
                tally.unjudged += 1
            else:
                tally.late += 1
            if not announced.slack_s:
                self._on_heard(announced.name, times_s[0] - announced.at_s, times_s[0])

    def _earliest_s(self, at_s: float) -> float:
        """When what has that time may have come."""
        return min((from_s for from_s, until_s in self._stalls if from_s <= at_s <= until_s), default=at_s)

    def _forget(self, horizon_s: float, *, is_final: bool) -> None:
        patient_s = math.inf if is_final else horizon_s - PATIENCE_S
        for name, key in [key for key, heard in self._heard.items() if _first_s(heard) < patient_s]:
            heard = self._heard.pop((name, key))
            self._tally(name).unexpected += sum(len(times_s) for times_s in heard.values())
        oldest_s = min((each.at_s for each in self._announced), default=math.inf)
        self._stalls = [stall for stall in self._stalls if stall[1] >= min(oldest_s, horizon_s - PATIENCE_S)]
        for subject in list(self._stays):
            kept = [stay for stay in self._stays[subject] if stay.until_s >= min(oldest_s, horizon_s - PATIENCE_S)]
            if kept:
                self._stays[subject] = kept
            else:
                del self._stays[subject]

    def _tally(self, name: str) -> ReachTally:
        return self._tallies.setdefault(name, ReachTally())


def _first_s(heard: dict[int, list[float]]) -> float:
    return min(times_s[0] for times_s in heard.values())
