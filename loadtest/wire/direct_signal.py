"""A signal for thousands of connections: a tuple of listeners, called directly.

The interface of `Signal` without its guards: no weak listeners, no locks, no warning about slow ones. An exception of a
listener goes to the shared reader, which logs it and treats the connection as lost. Saves 1.5 KiB per connected signal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, Protocol

from loadtest.client.signals import Signal

P = ParamSpec("P")


class DirectSignal(Signal[P]):
    __slots__ = ("_listeners",)

    def __init__(self, name: str) -> None:
        self.name = name
        self._listeners: tuple[Callable[P, object], ...] = ()

    def connect(self, listener: Callable[P, object], *, weak: bool = False) -> None:
        """`weak` is refused with `ValueError`."""
        if weak:
            raise ValueError("a direct signal holds its listeners")
        self._listeners = (*self._listeners, listener)

    def disconnect(self, listener: Callable[P, object]) -> None:
        self._listeners = tuple(one for one in self._listeners if one != listener)

    @property
    def listeners(self) -> tuple[Callable[P, object], ...]:
        """Whom `emit` calls, in this order: for those who have no time for it."""
        return self._listeners

    def emit(self, *args: P.args, **kwargs: P.kwargs) -> None:
        for listener in self._listeners:
            listener(*args, **kwargs)


class Owner(Protocol):
    def others_listen(self) -> None:
        """Who listens to one of its signals has changed."""


class WatchedSignal(DirectSignal[P]):
    __slots__ = ("_owner",)

    def __init__(self, name: str, owner: Owner) -> None:
        super().__init__(name)
        self._owner = owner

    def connect(self, listener: Callable[P, object], *, weak: bool = False) -> None:
        super().connect(listener, weak=weak)
        self._owner.others_listen()

    def disconnect(self, listener: Callable[P, object]) -> None:
        super().disconnect(listener)
        self._owner.others_listen()
