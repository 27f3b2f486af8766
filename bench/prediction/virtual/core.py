"""A CPU in virtual time: a queue with one server. What is called on it takes the time that it says it does, and what is
due meanwhile waits, in the order in which it fell due.

A `Process` is the clock of one program (`lobby_server.service.ports.Clock`). It may have its core for itself or share
it with others, as processes do that are pinned to one; they take turns call by call. Within a call its clock moves on
as work is done, so code that looks at the clock before and after sees what it cost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from bench.prediction.cold import Chill
from bench.simulation.outside.loop import BEGINNING, Call, World


class Core:
    """One of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.busy_s = 0.0
        """Time worked until now."""
        self.spent_s = 0.0
        """Of the call that is under way."""
        self.rested_s = 0.0
        """How long the core was idle before the call that is under way; 0: it came from one call to the next. A call
        that takes no time is none."""
        self.is_working = False
        self._free_at_s = self._worked_until_s = 0.0
        self._waiting: deque[Call] = deque()
        self._is_due = False

    def spend(self, time_s: float) -> None:
        """The call that is under way takes so much longer."""
        self.spent_s += time_s

    @property
    def now_s(self) -> float:
        """Within a call: when what has been done of it is done."""
        return self.world.now_s + self.spent_s if self.is_working else self.world.now_s

    @property
    def worked_s(self) -> float:
        """`busy_s`, with what has been done of the call that is under way."""
        return self.busy_s + self.spent_s if self.is_working else self.busy_s

    def make(self, call: Call) -> None:
        """A call is due."""
        if not self._waiting and not self._is_due and self._free_at_s <= self.world.now_s:
            self._work(call)
            return
        self._waiting.append(call)
        self._see_to_next()

    def _see_to_next(self) -> None:
        if self._waiting and not self._is_due:
            self._is_due = True
            self.world.call_at(max(self._free_at_s, self.world.now_s), self._next)

    def _next(self) -> None:
        self._is_due = False
        self._work(self._waiting.popleft())

    def _work(self, call: Call) -> None:
        if not call.is_off:
            self.rested_s = max(0.0, self.world.now_s - self._worked_until_s)
            self.spent_s, self.is_working = 0.0, True
            try:
                call.callback(*call.args)
            finally:
                self.is_working = False
            self.busy_s += self.spent_s
            self._free_at_s = self.world.now_s + self.spent_s
            if self.spent_s:
                self._worked_until_s = self._free_at_s
            self.spent_s = 0.0
        self._see_to_next()


class Process:
    """A program on a core."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.used_s = 0.0
        """CPU time of this process alone."""
        self._world = core.world

    def spend(self, time_s: float) -> None:
        self.used_s += time_s
        self.core.spent_s += time_s

    def spend_turns(self, turn: Chill, number: int) -> None:
        """`number` requests that this call stands for came one by one while the core was idle, each with a turn of the
        loop for itself: as many turns as there was time for. What came while the core worked has none of its own."""
        rested_s = self.core.rested_s
        each_s = turn.more_s(rested_s / number)
        self.spend(each_s if number == 1 else min(number * each_s, rested_s))

    # -- `lobby_server.service.ports.Clock` -----------------------------------------------------------------------

    def monotonic_s(self) -> float:
        return self.core.now_s

    def utc_now(self) -> datetime:
        return BEGINNING + timedelta(seconds=self.core.now_s)

    def call_later(self, delay_s: float, callback: Callable[..., Any], *args: Any) -> Call:
        return self.call_at(self.core.now_s + delay_s, callback, *args)

    # -- what the world does with it ------------------------------------------------------------------------------

    def call_at(self, at_s: float, callback: Callable[..., Any], *args: Any) -> Call:
        """From anywhere: something reaches this process then, and is done when its turn has come."""
        return self._world.put(Call(at_s, self, callback, args))

    def make(self, call: Call) -> None:
        self.core.make(call)
