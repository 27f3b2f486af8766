"""Signals in the order in which their listeners came, as a run has to be the same every time; and faults are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec

from loadtest.client.signals import Signal
from loadtest.client.sockets.lobby_connection import LobbyConnection

P = ParamSpec("P")


class OrderedSignal(Signal[P]):
    """`Signal`, whose own order follows from addresses in memory."""

    __slots__ = ("_listeners", "_on_fault")

    def __init__(self, name: str, on_fault: Callable[[str], None]) -> None:
        self.name = name
        self._on_fault = on_fault
        self._listeners: tuple[Callable[P, object], ...] = ()

    def connect(self, listener: Callable[P, object], *, weak: bool = False) -> None:
        if listener not in self._listeners:
            self._listeners = (*self._listeners, listener)

    def disconnect(self, listener: Callable[P, object]) -> None:
        self._listeners = tuple(each for each in self._listeners if each != listener)

    @property
    def listeners(self) -> tuple[Callable[P, object], ...]:
        return self._listeners

    def emit(self, *args: P.args, **kwargs: P.kwargs) -> None:
        for listener in self._listeners:
            try:
                listener(*args, **kwargs)
            except Exception as fault:
                self._on_fault(f"at {self.name} {args}: {fault!r}")


def order_signals(connection: LobbyConnection, on_fault: Callable[[str], None]) -> None:
    """Give a connection that nobody listens to yet ordered signals in place of its own."""
    for kind in type(connection).__mro__:
        for name in getattr(kind, "__slots__", ()):
            found: Any = getattr(connection, name, None)
            if isinstance(found, Signal):
                setattr(connection, name, OrderedSignal(found.name, on_fault))
