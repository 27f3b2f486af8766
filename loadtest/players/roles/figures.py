"""What a role measures beside what every player does: its own series, counters and expectations.

Each is made in the body of the role's class, and an attribute of the player there. What is entered with the role has a
name in thresholds, a row in the tables, the tabs and the report, and a place in run.json.
"""

from __future__ import annotations

import re
import time
from typing import Any, Generic, Protocol, TypeVar, overload

from loadtest.measure.judging.expectations import Announced
from loadtest.measure.metrics import METRICS, Metric
from loadtest.measure.recorder import Recorder
from loadtest.players.swarm import Swarm

UNITS_S = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
Own = TypeVar("Own")


class Owner(Protocol):
    """The player whose figures they are: what is used of a `Role`."""

    swarm: Swarm
    is_hearing: bool

    @property
    def heard_s(self) -> float: ...

    @property
    def listener(self) -> int: ...


class Figure(Generic[Own]):
    """A description on the class; on a player what `_of` makes of it."""

    name: str
    """As thresholds have it."""

    def enter(self) -> None:
        """Into the book of metrics. Raises `ValueError`."""

    def is_missing_in(self, recorder: Recorder) -> bool:
        """Whether a run that should have it recorded nothing of it. A count of 0 is a count."""
        return False

    @overload
    def __get__(self, role: None, owner: Any = None) -> Any: ...

    @overload
    def __get__(self, role: Owner, owner: Any = None) -> Own: ...

    def __get__(self, role: Owner | None, owner: Any = None) -> Any:
        return self if role is None else self._of(role)

    def _of(self, role: Owner) -> Own:
        raise NotImplementedError


class OwnSeries:
    __slots__ = ("_role", "_series")

    def __init__(self, series: Series, role: Owner) -> None:
        self._series, self._role = series, role

    def record(self, duration: float) -> None:
        """In the unit of the series, of something that has just ended."""
        self._role.swarm.recorder.record(self._series.text, duration * UNITS_S[self._series.unit])


class Series(Figure[OwnSeries]):
    """Durations. `text` is how the files call it; `name` how thresholds do, by default the text with underscores."""

    def __init__(self, text: str, *, unit: str = "s", name: str | None = None, title: str | None = None) -> None:
        if unit not in UNITS_S:
            raise ValueError(f"the unit of {text!r} is {unit!r}: give {', '.join(UNITS_S)}; count what is no time")
        self.text, self.unit = text, unit
        self.name = name or name_from(text)
        self.title = title or text[:1].upper() + text[1:]

    def enter(self) -> None:
        METRICS.add(Metric(name=self.name, title=self.title, series=(self.text,)))

    def is_missing_in(self, recorder: Recorder) -> bool:
        return not any(recorder.counts_by_place(self.text).values())

    def _of(self, role: Owner) -> OwnSeries:
        return OwnSeries(self, role)


class OwnCounter:
    __slots__ = ("_counter", "_role")

    def __init__(self, counter: Counter, role: Owner) -> None:
        self._counter, self._role = counter, role

    def add(self, number: int = 1) -> None:
        self._role.swarm.recorder.count(self._counter.text, number)


class Counter(Figure[OwnCounter]):
    """Of events; in the table of events under its text."""

    def __init__(self, text: str, *, name: str | None = None) -> None:
        self.text = text
        self.name = name or name_from(text)

    def enter(self) -> None:
        METRICS.add_counter(self.name, self.text)

    def _of(self, role: Owner) -> OwnCounter:
        return OwnCounter(self, role)


class OwnExpectation:
    """Of one player. Subjects and keys are whatever tells them apart: texts or numbers."""

    __slots__ = ("_expectation", "_role")

    def __init__(self, expectation: Expectation, role: Owner) -> None:
        self._expectation, self._role = expectation, role

    def listen(self, subject: object, *, instead_of: object = None) -> None:
        """The server let this player in: from now on it should hear what is announced there. A loss of the connection
        ends that, as does `leave`; `instead_of` is what it leaves by that."""
        if instead_of is not None:
            self.leave(instead_of)
        self._book.listens(self._role.listener, self._expectation.name, str(subject))

    def leave(self, subject: object) -> None:
        """Call it just before the player leaves, or when a message says that it has: that counts from its arrival."""
        role = self._role
        at_s = role.heard_s if role.is_hearing else None
        self._book.leaves(role.listener, self._expectation.name, str(subject), at_s=at_s)

    def announce(self, subject: object, key: object, *, at_s: float | None = None, hears_itself: bool = False) -> None:
        """This player did something at `at_s` (now, if not given): each who listens there should hear of `key` within
        the expectation's time, itself only with `hears_itself`."""
        expectation, speaker = self._expectation, 0 if hears_itself else self._role.listener
        at_s = time.perf_counter() if at_s is None else at_s
        self._book.announce(
            Announced(expectation.name, str(subject), str(key), at_s, expectation.within_s, speaker=speaker)
        )

    def heard(self, key: object) -> None:
        """This player heard of `key` in the message that is being told."""
        self._book.hears(self._role.listener, self._expectation.name, str(key), self._role.heard_s)

    @property
    def _book(self) -> Any:
        return self._role.swarm.recorder.reach.expectations


class Expectation(Figure[OwnExpectation]):
    """What each of some players should hear within a time. The ledger judges it as it judges presence: ``reach_NAME``,
    ``lost_NAME`` and the series ``NAME``, from `at_s` to the hearing."""

    def __init__(self, text: str, *, within_s: float, name: str | None = None) -> None:
        if not 0 < within_s < float("inf"):
            raise ValueError(f"{text!r} has to be heard within {within_s!r} s: give a time above 0")
        self.text, self.within_s = text, within_s
        self.name = name or name_from(text)

    def enter(self) -> None:
        METRICS.add_expectation(self.name, self.text[:1].upper() + self.text[1:])

    def is_missing_in(self, recorder: Recorder) -> bool:
        return self.name not in recorder.own or not recorder.own[self.name].events

    def _of(self, role: Owner) -> OwnExpectation:
        return OwnExpectation(self, role)


def missing_in(recorder: Recorder, player: type[Any]) -> list[str]:
    """Names of the figures of that role of which nothing was recorded."""
    found = (getattr(player, name) for name in dir(player))
    return sorted({each.name for each in found if isinstance(each, Figure) and each.is_missing_in(recorder)})


def name_from(text: str) -> str:
    """As thresholds can write it."""
    name = "_".join(re.findall(r"[a-z0-9]+", text.lower()))
    if not name[:1].isalpha():
        raise ValueError(f"{text!r} gives no name for thresholds: begin it with a letter, or give a name")
    return name
