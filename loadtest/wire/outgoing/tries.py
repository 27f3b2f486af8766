"""One try to connect, between the opener that makes it and the connection that asked for it."""

from __future__ import annotations

from typing import Protocol

from loadtest.client.counters import Counters
from loadtest.client.sockets.link import OpenFailed
from loadtest.wire.opening import Opened
from loadtest.wire.outgoing.opener import Opening


class Trying(Protocol):
    """A connection that tries. Only what belongs to its newest try is told."""

    counters: Counters

    def is_at(self, epoch: int) -> bool:
        """Whether it is still at that try."""

    def on_try(self, intended_s: float) -> None:
        """Its turn has come."""

    def on_opened(self, opened: Opened, opening: Opening | None) -> None: ...

    def on_failed_try(self, failed: OpenFailed) -> None: ...

    def on_end(self, why: str) -> None: ...


class Try:
    """What the opener knows of a try; by the end of it, its connection may be on to something else."""

    __slots__ = ("_connection", "_epoch", "_intended_s")

    def __init__(self, connection: Trying, epoch: int, intended_s: float) -> None:
        self._connection, self._epoch, self._intended_s = connection, epoch, intended_s

    def begins(self) -> bool:
        if not self._is_wanted():
            return False
        self._connection.on_try(self._intended_s)
        return True

    def is_open(self, opened: Opened, opening: Opening | None) -> None:
        counters = self._connection.counters
        counters.bytes_in += opened.bytes_in
        counters.bytes_out += opened.bytes_out
        counters.asked_again += opened.was_asked_again
        if self._is_wanted():
            self._connection.on_opened(opened, opening)
        elif opening is not None:
            opening.discard()
        else:
            opened.sock.close()

    def has_failed(self, failed: OpenFailed) -> None:
        if self._is_wanted():
            self._connection.on_failed_try(failed)

    def on_end(self, why: str) -> None:
        if self._is_wanted():
            self._connection.on_end(why)

    def _is_wanted(self) -> bool:
        return self._connection.is_at(self._epoch)
