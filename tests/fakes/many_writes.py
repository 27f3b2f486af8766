"""Writes to many sockets at once, over fake outlets; some of them have no descriptor."""

from __future__ import annotations

import errno
from array import array

from lobby_server.service.fanout.in_step import NO_DESCRIPTOR
from lobby_server.service.ports import Fileno, Send
from tests.fakes.outlet import FakeOutlet

EVERY = 3
"""One outlet of so many has no descriptor, as one over TLS has none."""


class FakeManyWrites:
    """`ManyWrites` with the results that Linux gives."""

    threads = 1

    def __init__(self) -> None:
        self.calls = 0
        self._sends: list[Send] = []
        self._descriptors: dict[int, int] = {}

    def fileno_of(self, send: Send) -> Fileno | None:
        outlet = getattr(send, "__self__", None)
        if not isinstance(outlet, FakeOutlet):
            return None
        descriptor = self._descriptors.get(id(outlet))
        if descriptor is None:
            descriptor = self._descriptors[id(outlet)] = len(self._sends)
            self._sends.append(send)  # which holds the outlet, so no other gets its id
        if descriptor % EVERY == 0:
            return None
        return lambda: NO_DESCRIPTOR if outlet.is_dead else descriptor

    def write(self, descriptors: array[int], data: bytes) -> list[tuple[int, int]]:
        self.calls += 1
        results = [self._taken(self._sends[descriptor], data) for descriptor in descriptors]
        return [(place, taken) for place, taken in enumerate(results) if taken != len(data)]

    def _taken(self, send: Send, data: bytes) -> int:
        try:
            return send(data)
        except BlockingIOError:
            return -errno.EAGAIN
        except OSError:
            return -errno.EPIPE
