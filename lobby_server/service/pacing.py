"""Pacing: something that happens at once after a quiet spell, and otherwise at most once per interval, so that the last
wish is never forgotten; a budget per turn of the loop; one timer that can be moved, and one for many that wait equally
long.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from lobby_server.service.ports import Clock, Timer

_Item = TypeVar("_Item")


async def sleep(clock: Clock, delay_s: float) -> None:
    """Return after that time of the clock."""
    woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    timer = clock.call_later(delay_s, woken.set_result, None)
    try:
        await woken
    finally:
        timer.cancel()


class Paced:
    """Calls `act` for wishes: the first at once, later ones joined so that `interval_s` lies between two calls.

    After the last wish there is always one more call, so that `act` sees the latest state.
    """

    def __init__(
        self, clock: Clock, *, interval_s: Callable[[], float], act: Callable[[], None], longest_s: float = math.inf
    ) -> None:
        """`interval_s` is asked when there is something to pace: it may depend on the load. `longest_s`: it says no
        more than that, so a wish after a longer quiet spell does not ask."""
        self._clock = clock
        self._interval_s = interval_s
        self._longest_s = longest_s
        self._act = act
        self._last_s = -math.inf
        self._timer: Timer | None = None
        self.joined = 0

    def wish(self) -> None:
        if self._timer is not None:
            self.joined += 1
            return
        since_s = self._clock.monotonic_s() - self._last_s
        wait_s = 0.0 if since_s >= self._longest_s else self._interval_s() - since_s
        if wait_s <= 0:
            self._run()
        else:
            self._timer = self._clock.call_later(wait_s, self._run)

    @property
    def is_wished(self) -> bool:
        """Whether a call is to come."""
        return self._timer is not None

    def cancel(self) -> None:
        """Forget what was wished."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run(self) -> None:
        self._timer = None
        self._last_s = self._clock.monotonic_s()
        self._act()


STRIKES_APART_S = 0.05


class Alarm:
    """One timer for the earliest of many deadlines.

    Two strikes are `STRIKES_APART_S` apart at least: what strikes may find that by another clock, of the log for
    instance, the deadline is not reached yet, and set it again.
    """

    def __init__(self, clock: Clock, act: Callable[[], None]) -> None:
        self._clock = clock
        self._act = act
        self._at_s: float | None = None
        self._struck_s = -math.inf
        self._timer: Timer | None = None

    def set(self, at_s: float | None) -> None:
        """Call at that moment instead of the one set before; None: do not call."""
        if at_s == self._at_s:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._at_s = at_s
        if at_s is not None:
            due_s = max(at_s, self._struck_s + STRIKES_APART_S)
            self._timer = self._clock.call_later(max(0.0, due_s - self._clock.monotonic_s()), self._run)

    def _run(self) -> None:
        self._at_s = self._timer = None
        self._struck_s = self._clock.monotonic_s()
        self._act()


class TurnBudget:
    """So much of something per turn of the loop; what is left over waits for the next one."""

    def __init__(self, clock: Clock, *, amount: int) -> None:
        self._clock = clock
        self._amount = self._left = amount
        self._timer: Timer | None = None

    @property
    def is_spent(self) -> bool:
        return self._left <= 0

    def spend(self, amount: int) -> None:
        self._left -= amount
        if self._timer is None:
            self._timer = self._clock.call_later(0.0, self._refill)

    def _refill(self) -> None:
        self._timer = None
        self._left = self._amount


class Patience(Generic[_Item]):
    """One timer for many that all wait equally long: first come, first due. Adding and discarding cost O(1), and no
    timer each. An item is held until it is due or discarded, and waits once at a time.
    """

    def __init__(self, clock: Clock, *, delay_s: float, act: Callable[[_Item], None]) -> None:
        self._clock = clock
        self._delay_s = delay_s
        self._act = act
        self._due_s: OrderedDict[_Item, float] = OrderedDict()
        """A plain dict would look for its first item among all those taken out before."""
        self._timer: Timer | None = None

    def add(self, item: _Item) -> None:
        self._due_s[item] = self._clock.monotonic_s() + self._delay_s
        self._due_s.move_to_end(item)
        if self._timer is None:
            self._timer = self._clock.call_later(self._delay_s, self._run)

    def discard(self, item: _Item) -> None:
        """Let go of an item that no longer matters. One that does not wait: nothing happens."""
        self._due_s.pop(item, None)

    def waiting(self) -> Iterator[tuple[_Item, float]]:
        """All that wait, and for how long, the longest first."""
        began_s = self._clock.monotonic_s() + self._delay_s
        return ((item, began_s - due_s) for item, due_s in self._due_s.items())

    def _run(self) -> None:
        now_s = self._clock.monotonic_s()
        try:
            while self._due_s:
                item, due_s = next(iter(self._due_s.items()))
                if due_s > now_s:
                    break
                del self._due_s[item]
                self._act(item)  # which may add it again
        finally:
            left = next(iter(self._due_s.values()), None)
            self._timer = None if left is None else self._clock.call_later(max(0.0, left - now_s), self._run)
