"""What all connections of a process share: reader, timers, wheel, opener, crew, memos, source addresses."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import gevent

from loadtest.client import ServerTimers
from loadtest.wire.addresses import SourceAddresses, host_of
from loadtest.wire.crew import Crew, Errands
from loadtest.wire.heartbeats.wheel import Wheel, ticks_of
from loadtest.wire.messages.chunks import Chunks
from loadtest.wire.messages.memo import Memo
from loadtest.wire.messages.tape import Tape
from loadtest.wire.outgoing.opener import Opener
from loadtest.wire.reader import SharedReader
from loadtest.wire.timers import Timers

MOST_ERRANDS = 1024
"""Fetches and the like at once: each is a greenlet, and one HTTP connection."""
GRACE_MARGIN_S = 15.0
"""A connection that fell silent keeps its socket for the server's heartbeat timeout and this."""


class Wire:
    """Of one process and one run. `close` ends everything that is left of it."""

    def __init__(
        self,
        url: str,
        *,
        path: str | None = None,
        first_source: int = 0,
        clock: Callable[[], float] = time.perf_counter,
        heartbeat_timeout_s: float = ServerTimers().heartbeat_timeout_s,
    ) -> None:
        self.url = url
        self.path = path or urlsplit(url)._replace(scheme="", netloc="").geturl() or "/"
        """Of the WebSocket, below the address of every node."""
        self.clock = clock
        self.timers = Timers(clock)
        self.reader = SharedReader(clock)
        self.group = self.reader.group
        self.wheel = Wheel(self.timers, after_turn=self.reader.await_answers, beat_many=self.group.beat)
        self.group.put = self._put_into_wheel
        self.memo = Memo()
        self.chunks = Chunks()
        self.tape = Tape(self.memo)
        self.crew = Crew(MOST_ERRANDS)
        self._sources = SourceAddresses(server_host=host_of(url), first=first_source)
        self._openers: dict[str, Opener] = {}
        self.opener = self.opener_at(url)
        self._silent: set[Any] = set()
        self._grace_s = heartbeat_timeout_s + GRACE_MARGIN_S

    def _put_into_wheel(self, due_s: float, fd: int) -> int:
        timing = self.group.timing
        return self.wheel.put(due_s, fd, ticks=1 if timing is None else ticks_of(timing.heartbeat_s))

    def new_errands(self) -> Errands:
        return Errands(crew=self.crew, timers=self.timers)

    def opener_at(self, url: str) -> Opener:
        """Of one of the lobby's nodes."""
        opener = self._openers.get(url)
        if opener is None:
            opener = self._openers[url] = self.new_opener(url)
        return opener

    def new_opener(self, url: str) -> Opener:
        """For an address that only one connection has; not kept."""
        return Opener(url, reader=self.reader, timers=self.timers, crew=self.crew, sources=self._sources)

    def is_busy_here(self) -> bool:
        """Whether the caller runs in the reader or the timers, which must not wait."""
        return gevent.getcurrent() in (self.reader.greenlet, self.timers.greenlet)

    def leave_silent(self, sock: Any) -> None:
        """Neither read nor close this socket for a while: to the server its client has vanished."""
        self._silent.add(sock)
        self.timers.put(self.clock() + self._grace_s, lambda _: self._forget(sock))

    def _forget(self, sock: Any) -> None:
        if sock in self._silent:
            self._silent.discard(sock)
            sock.close()

    def close(self) -> None:
        for opener in self._openers.values():
            opener.close()
        self.crew.close()
        self.timers.close()
        self.reader.close()
        for sock in self._silent:
            sock.close()
        self._silent.clear()
