"""Signals: a name, typed arguments, any number of listeners, as in the specification's client.

A thin layer over blinker. It adds the guarantee that a listener cannot harm the connection that it listens to: an
exception of a listener is logged once and the other listeners are still called; a listener that takes longer than
`SLOW_LISTENER_S` is named in the log. Listeners are called in the emitter's thread, in no particular order.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Generic, ParamSpec

import blinker

SLOW_LISTENER_S = 1.0
"""A listener that takes longer is logged: while it runs, the reader of its connection does not."""

P = ParamSpec("P")

log = logging.getLogger(__name__)


class Signal(Generic[P]):
    """One kind of event. Connecting, disconnecting and emitting are safe from any thread."""

    __slots__ = ("_complained", "_signal", "name")

    def __init__(self, name: str) -> None:
        """`name` is what logged exceptions of listeners are told with; it need not be unique."""
        self.name = name
        self._signal: blinker.Signal | None = None  # made with the first listener: most signals of a swarm have none
        self._complained: set[tuple[int, int]] = set()

    def connect(self, listener: Callable[P, object], *, weak: bool = False) -> None:
        """Call `listener` on every `emit` from now on. `weak`: hold it by a weak reference, so that it is dropped with
        its owner; by default the signal keeps it alive. Connecting it twice has no further effect."""
        if self._signal is None:
            self._signal = blinker.Signal(self.name)
        self._signal.connect(listener, weak=weak)

    def disconnect(self, listener: Callable[P, object]) -> None:
        """Do not call `listener` any more. No error where it was not connected."""
        if self._signal is not None:
            self._signal.disconnect(listener)

    @property
    def listeners(self) -> tuple[Callable[P, object], ...]:
        """Whom `emit` calls."""
        return tuple(self._signal.receivers_for(blinker.ANY)) if self._signal is not None else ()

    def emit(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call every listener, here and now; exceptions of listeners are logged and not raised. O(listeners)."""
        if self._signal is None:
            return
        for listener in self._signal.receivers_for(blinker.ANY):
            began_s = time.monotonic()
            try:
                listener(*args, **kwargs)
            except Exception:
                self._complain(listener, "raised; it is called again next time, and not logged again", trace=True)
            took_s = time.monotonic() - began_s
            if took_s > SLOW_LISTENER_S:
                self._complain(listener, f"took {took_s:.1f} s; meanwhile its connection read nothing", trace=False)

    def _complain(self, listener: Callable[..., object], what: str, *, trace: bool) -> None:
        method_or_function = (id(getattr(listener, "__self__", None)), id(getattr(listener, "__func__", listener)))
        if method_or_function not in self._complained:
            self._complained.add(method_or_function)
            log.warning("listener %r of %s %s", listener, self.name, what, exc_info=trace)
