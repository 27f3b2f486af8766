"""Virtual time, and the event loops of the processes that live in it.

One `World` has one heap of calls, in the order of their moments and, at one moment, in the order in which they were
asked for: the same in every run. A `ProcessLoop` is what asyncio sees of it in one process. It can be frozen, as by
SIGSTOP, and ended, as by SIGKILL. A call takes no time: what takes time is said to (`call_later`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from datetime import datetime, timedelta, timezone
from heapq import heapify, heappop, heappush
from math import inf
from typing import Any, Protocol, cast

import msgspec

BEGINNING = datetime(2026, 1, 1, tzinfo=timezone.utc)
"""What wall clocks say at the beginning of a run, that have not been set."""
MOST_CALLS_AT_ONCE = 200_000
"""Calls without a moment passing: above it something goes round in circles."""

_set_running_loop = asyncio._set_running_loop


class GoesRound(RuntimeError):
    """Something goes round in circles, and no time passes that is worth the name."""


class Maker(Protocol):
    """A process in virtual time, as `World` sees it."""

    def make(self, call: Call) -> None:
        """A call is due: make it now, later or never."""


class Call(msgspec.Struct, eq=False):
    """Something that is to be called: `asyncio.TimerHandle`, as far as asyncio uses it."""

    at_s: float
    loop: Maker | None
    callback: Callable[..., Any]
    args: tuple[Any, ...]
    is_off: bool = False

    def cancel(self) -> None:
        """What it would have been called with is let go at once, not at its moment."""
        self.is_off = True
        self.args = ()

    def cancelled(self) -> bool:
        return self.is_off

    def when(self) -> float:
        return self.at_s


class World:
    """All time there is. What belongs to no process is called as it is."""

    is_standing = False
    """What belongs to no machine never stands still."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.calls = 0
        """That were made."""
        self._later: list[tuple[float, int, Call]] = []
        self.soon: deque[Call] = deque()
        """What is due already, in the order in which it was asked for."""
        self._order = 0
        self._is_over = False
        self.running: ProcessLoop | None = None
        """Which asyncio takes for the one that runs: the last one that did. What belongs to no process does not ask."""
        self.hub: Any = None
        """The greenlet in which `run` runs, for code that blocks."""
        self.fibers: dict[Any, None] = {}
        """Code that blocks, and has not ended."""
        self.spare: list[Any] = []
        """Greenlets in which nothing runs any more."""

    def call_later(self, delay_s: float, callback: Callable[..., Any], *args: Any) -> Call:
        return self.call_at(self.now_s + delay_s, callback, *args)

    def call_at(self, at_s: float, callback: Callable[..., Any], *args: Any) -> Call:
        """As `put`, written out: most calls of a run come this way."""
        call = Call(at_s, None, callback, args)
        if at_s <= self.now_s:
            self.soon.append(call)
        else:
            self._order = order = self._order + 1
            heappush(self._later, (at_s, order, call))
        return call

    def call_soon(self, callback: Callable[..., Any], *args: Any) -> None:
        self.soon.append(Call(0.0, None, callback, args))

    def put(self, call: Call) -> Call:
        """One more call; what is due already is made behind all that is."""
        if call.at_s <= self.now_s:
            self.soon.append(call)
        else:
            self.put_later(call)
        return call

    def put_later(self, call: Call) -> None:
        """One more call, of a moment that has not come."""
        order = self._order = self._order + 1
        heappush(self._later, (call.at_s, order, call))

    def take_out(self, loop: Maker) -> list[Call]:
        """What a process was to do later, in its order: nothing of it is done, unless it is put in again."""
        later = self._later
        taken = sorted(each for each in later if each[2].loop is loop)
        later[:] = [each for each in later if each[2].loop is not loop]
        heapify(later)
        return [call for _, _, call in taken]

    def forget(self) -> None:
        """Nothing that was to be called is called."""
        self._later.clear()
        self.soon.clear()

    def stop(self) -> None:
        """Let `run` return after the call that is under way."""
        self._is_over = True

    def run(self, until_s: float) -> None:
        """Let time pass until a moment, or until `stop`. Afterwards no loop runs any more, as far as asyncio knows."""
        try:
            self._run(until_s)
        finally:
            self.leave()

    def _run(self, until_s: float) -> None:
        """All of a run goes through here, so it is written out."""
        soon, later, pop, take = self.soon, self._later, heappop, self.soon.popleft
        calls = since = self.calls
        self._is_over = False
        try:
            while not self._is_over:
                if soon:
                    call = take()
                    if call.is_off:
                        continue
                    if calls - since > MOST_CALLS_AT_ONCE:
                        raise GoesRound("calls go round in circles, and no time passes")
                else:
                    if not later or later[0][0] > until_s:
                        break
                    at_s, _, call = pop(later)
                    if call.is_off:
                        continue
                    self.now_s = at_s
                    since = calls
                calls += 1
                loop = call.loop
                if loop is None:
                    call.callback(*call.args)
                elif type(loop) is not ProcessLoop:
                    loop.make(call)
                elif loop.is_standing:
                    loop.hold(call)
                else:
                    if self.running is not loop:
                        self.running = loop
                        _set_running_loop(loop.as_asyncio)
                    try:
                        call.callback(*call.args)
                    except Exception as fault:
                        loop.call_exception_handler({"message": f"in {call.callback!r}", "exception": fault})
        finally:
            self.calls = calls
        if not self._is_over:
            self.now_s = until_s

    def leave(self) -> None:
        """No loop runs any more, as far as asyncio knows."""
        self.running = None
        _set_running_loop(None)


class ProcessLoop:
    """`asyncio.AbstractEventLoop` of one process, as far as the server uses it, and the clock of its machine.

    It does not inherit from asyncio's class, whose many other methods it has not. Context variables are passed over:
    nothing of the server reads any.
    """

    def __init__(self, world: World, *, booted_s: float, on_fault: Callable[[str], None]) -> None:
        """`booted_s`: how long the machine had been up when the run began: monotonic clocks of different machines have
        nothing to do with each other. `on_fault` hears of exceptions that nobody caught."""
        self.world = world
        self.clock = NodeClock(self)
        self.is_frozen = False
        self.is_ended = False
        self.is_standing = False
        """Frozen or ended: calls are not made."""
        self.is_buried = False
        self.thawed_at_s = -inf
        """When it went on after it had been frozen, the last time."""
        self.frozen_at_s = -inf
        self._booted_s = booted_s
        self._elapsed_s = booted_s
        self._stops_all = False
        self._on_fault = on_fault
        self._held: list[Call] = []
        self._stopped: list[Call] | None = None
        """While its monotonic clock stands still: what it was to do later."""
        self.as_asyncio = cast(asyncio.AbstractEventLoop, self)

    @property
    def is_paused(self) -> bool:
        """It stands still, and so do all clocks of its machine."""
        return self.is_frozen and self._stops_all

    # -- what asyncio calls ---------------------------------------------------------------------------------------

    def time(self) -> float:
        return self.world.now_s + self._booted_s

    def elapsed(self) -> float:
        """As `time`, and goes on while the machine is suspended; not while a virtual one is paused."""
        return self.world.now_s + self._elapsed_s

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> Call:
        call = Call(0.0, self, callback, args)
        self.world.soon.append(call)
        return call

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay_s: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Call:
        world = self.world
        call = Call(world.now_s + delay_s, self, callback, args)
        if self._stopped is not None:
            self._stopped.append(call)  # of a limit of time that began before: by a clock that stands still
        elif delay_s > 0:
            world.put_later(call)
        else:
            world.soon.append(call)
        return call

    def call_at(self, at_s: float, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> Call:
        return self.world.put(Call(at_s - self._booted_s, self, callback, args))

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self.as_asyncio)

    def create_task(self, coroutine: Coroutine[Any, Any, Any], **named: Any) -> asyncio.Task[Any]:
        """A task that ends with an exception, and nobody asks, tells `call_exception_handler` of it."""
        return asyncio.Task(coroutine, loop=self.as_asyncio, **named)

    get_debug = staticmethod(bool)
    """False: asked for with every future that is made, so it is none of Python's own functions."""

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if self.is_ended:
            return  # what was under way as the process ended is destroyed with it
        fault = context.get("exception")
        self._on_fault(f"{context.get('message')}: {fault!r}")

    # -- what the world does with it ------------------------------------------------------------------------------

    def do(self, callback: Callable[..., Any], *args: Any) -> None:
        """Something comes in from outside: done now, as long as the process does anything."""
        if self.is_standing:
            self.hold(Call(0.0, self, callback, args))
            return
        world = self.world
        if world.running is not self:
            world.running = self
            _set_running_loop(self.as_asyncio)
        try:
            callback(*args)
        except Exception as fault:
            self.call_exception_handler({"message": f"in {callback!r}", "exception": fault})

    def make(self, call: Call) -> None:
        """`Maker`."""
        if self.is_standing:
            self.hold(call)
        else:
            self.do(call.callback, *call.args)

    def hold(self, call: Call) -> None:
        """A call that fell due while the process stands: made later if it is frozen, never if it has ended."""
        if self.is_frozen:
            self._held.append(call)

    def freeze(self, *, stops_clock: bool = False, stops_all: bool = False) -> None:
        """Nothing is called until `thaw`. `stops_clock`: its monotonic clock stands still as well, as that of a machine
        that is suspended; otherwise it goes on, as for a process that is stopped. `stops_all`: besides, the clock that
        would go on in that case, as where a virtual machine is paused."""
        self._stops_all = stops_all
        self.is_frozen = self.is_standing = True
        self.frozen_at_s = self.world.now_s
        if stops_clock:
            self._stopped = self.world.take_out(self)

    def thaw(self) -> None:
        """Everything that fell due meanwhile is called, in its order: by the monotonic clock, so that what was to be
        done in a second is done in one where that stood still."""
        self.is_frozen, self.is_standing = False, self.is_ended
        self.thawed_at_s = self.world.now_s
        stopped, self._stopped = self._stopped, None
        held, self._held = self._held, []
        for call in held:
            self.world.put(call)
        if stopped is not None:
            stood_s = self.thawed_at_s - self.frozen_at_s
            self._booted_s -= stood_s
            self._elapsed_s -= stood_s if self._stops_all else 0.0
            for call in stopped:
                call.at_s += stood_s
                self.world.put(call)

    def end(self) -> None:
        """Nothing is called any more."""
        self.is_ended = self.is_standing = True

    def bury(self) -> None:
        """Let the coroutines of a process come to their ends, so that no collector meets them half-way. What they ask
        of the outside has to fail at once: `is_buried`."""
        self.is_buried = True
        self.is_ended = self.is_frozen = self.is_standing = False
        self._on_fault = lambda what: None
        for _ in range(20):
            for task in asyncio.all_tasks(self.as_asyncio):
                task.cancel()
            self.world.run(self.world.now_s)
            if not asyncio.all_tasks(self.as_asyncio):
                break
            self.world.run(self.world.now_s + 1.0)
        self.end()


class NodeClock:
    """`lobby_server.service.ports.SharedClock` of one machine. Its wall clock can be set."""

    def __init__(self, loop: ProcessLoop) -> None:
        self.loop = loop
        self.monotonic_s, self.elapsed_s = loop.time, loop.elapsed
        self.call_later = loop.call_later
        self.ahead_s = 0.0
        """How far the wall clock is ahead of the truth."""
        self.set_at_s = -inf
        """When that became so, the last time."""
        self._world = loop.world

    def utc_now(self) -> datetime:
        return BEGINNING + timedelta(seconds=self._world.now_s + self.ahead_s)
