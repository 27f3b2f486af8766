"""Opens the WebSockets of a process, many at once, without a greenlet for any of them.

The socket is non-blocking from its beginning. The request goes out as soon as the kernel takes it, the shared reader
brings the answer, and the same socket then goes over to its connection. Over TLS, where each step of the handshake may
want to read or to write, `loadtest.wire.opening` does it in a greenlet of the crew.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlsplit

from loadtest.client.sockets.link import OpenFailed, open_failed_by_status
from loadtest.client.timing import Timing
from loadtest.wire.addresses import SourceAddresses
from loadtest.wire.crew import Crew
from loadtest.wire.messages.heads import LARGEST_HEAD_BYTES, BadAnswer, UpgradeRequests, check_upgrade, read_head
from loadtest.wire.opening import Opened, open_for_reader
from loadtest.wire.outgoing.connecting import (
    Address,
    HostAddresses,
    PlainSocket,
    connecting_error,
    noticed_late,
    start_connecting,
)
from loadtest.wire.reader import SharedReader
from loadtest.wire.timers import Timer, Timers

MOST_UPGRADES = 256
"""Under way at once in this process. More only makes each of them slower."""
_NO_PORT_LEFT = (errno.EADDRNOTAVAIL, errno.EADDRINUSE)


class Wants(Protocol):
    """Who has asked for a connection. Called from the timers', the reader's or the crew's greenlet."""

    def begins(self) -> bool:
        """Its turn has come; False: it is not wanted any more."""

    def is_open(self, opened: Opened, opening: Opening | None) -> None:
        """`opening`: who reads for that socket until it is handed over; None: nobody does."""

    def has_failed(self, failed: OpenFailed) -> None: ...

    def on_end(self, why: str) -> None:
        """A fault of this client, in `is_open`."""


class Opener:
    """Of one WebSocket address. In the order of asking, at most `most` at a time."""

    def __init__(
        self,
        url: str,
        *,
        reader: SharedReader,
        timers: Timers,
        crew: Crew,
        sources: SourceAddresses,
        most: int = MOST_UPGRADES,
    ) -> None:
        """`crew` does what blocks: name look-ups, and TLS."""
        self.url = url
        self.reader, self.timers, self.crew, self.sources = reader, timers, crew, sources
        self.requests = UpgradeRequests(url)
        self.most = most
        self._waiting: deque[tuple[Wants, Timing]] = deque()
        self._under_way = 0
        self._is_called = False
        self._is_tls = urlsplit(url).scheme == "wss"
        self.addresses = HostAddresses(url, timers.clock)

    def open(self, wants: Wants, timing: Timing) -> None:
        """Never calls back from here."""
        self._waiting.append((wants, timing))
        self._call()

    def close(self) -> None:
        self._waiting.clear()

    def finished(self) -> None:
        """One that was under way has ended."""
        self._under_way -= 1
        if self._waiting:
            self._call()

    def _call(self) -> None:
        if not self._is_called and self._under_way < self.most:
            self._is_called = True
            self.timers.put(self.timers.clock(), self._begin_some)

    def _begin_some(self, _at_s: float) -> None:
        """In the timers' greenlet."""
        self._is_called = False
        if self._waiting and not self._is_tls and self.addresses.are_due:
            self._is_called = True
            self.crew.put(self._look_up)
            return
        while self._waiting and self._under_way < self.most:
            wants, timing = self._waiting.popleft()
            if not wants.begins():
                continue
            self._under_way += 1
            if self._is_tls:
                self.crew.put(partial(self._open_tls, wants, timing))
            else:
                Opening(self, wants, timing, self.addresses.known).begin()

    def _look_up(self) -> None:
        self.addresses.look_up()
        self.timers.put(self.timers.clock(), self._begin_some)

    def _open_tls(self, wants: Wants, timing: Timing) -> None:
        try:
            opened = open_for_reader(self.url, timing, self.sources)
        except OpenFailed as failed:
            wants.has_failed(failed)
        else:
            wants.is_open(opened, None)
        finally:
            self.finished()


class Opening:
    """One try, over the addresses of the host one after the other. Read for until its upgrade is answered."""

    hears_with_others = False
    __slots__ = (
        "_addresses", "_answer", "_began_s", "_has_changed_source", "_is_over", "_key", "_opener", "_request", "_timer",
        "_timing", "_unsent", "_wants", "_was_asked_again", "sock",
    )  # fmt: skip

    def __init__(self, opener: Opener, wants: Wants, timing: Timing, addresses: Sequence[Address]) -> None:
        self.sock: Any = None
        self._opener, self._wants, self._timing = opener, wants, timing
        self._addresses = list(addresses)
        self._request, self._key = opener.requests.new()
        self._unsent = self._request
        self._answer = b""
        self._began_s = 0.0
        self._has_changed_source = False
        self._is_over = self._was_asked_again = False
        self._timer: Timer | None = None

    def begin(self) -> None:
        self._try_next(f"{self._opener.addresses.host} has no address")

    def discard(self) -> None:
        """What was opened is not wanted any more."""
        self._close()

    # -- what the reader tells ------------------------------------------------------------------------------------

    def on_writable(self) -> None:
        error = connecting_error(self.sock)
        if error is not None:
            self._connecting_failed(error)
            return
        self._await("answering the upgrade")
        if self._unsent is self._request:
            now_s = self._opener.timers.clock()
            late_s, self._was_asked_again = noticed_late(self.sock, began_s=self._began_s, now_s=now_s)
            self._began_s += late_s
        try:
            self._send()
        except OSError as failed:
            self._fail(failed.strerror or str(failed))
            return
        if not self._unsent:
            self._opener.reader.want_writable(self, wanted=False)

    def on_bytes(self, chunk: bytes, arrived_s: float) -> None:
        answer = self._answer = self._answer + chunk if self._answer else chunk
        end = answer.find(b"\r\n\r\n")
        if end < 0:
            if len(answer) > LARGEST_HEAD_BYTES:
                self._fail("the answer to the upgrade has no end")
            return
        try:
            head = read_head(answer[:end])
            if head.status == 101:
                check_upgrade(head, self._key)
        except BadAnswer as bad:
            self._fail(str(bad))
            return
        if head.status != 101:
            self._give_up(
                open_failed_by_status(self._opener.url, head.status, retry_after=head.headers.get("retry-after"))
            )
            return
        self._stop_timer()
        self._is_over = True
        opened = Opened(
            sock=self.sock, unread=answer[end + 4 :], bytes_in=len(answer), bytes_out=len(self._request),
            upgrade_s=arrived_s - self._began_s, heard_s=arrived_s, was_asked_again=self._was_asked_again,
        )  # fmt: skip
        self._opener.finished()
        self._wants.is_open(opened, self)

    def on_end(self, why: str) -> None:
        if self._is_over:
            self._wants.on_end(why)
        elif self._unsent:
            self._connecting_failed(OSError(why))
        else:
            self._fail(why)

    # -- its course -----------------------------------------------------------------------------------------------

    def _try_next(self, why: str) -> None:
        while self._addresses:
            family, address = self._addresses[0]
            try:
                self._connect(family, address)
            except OSError as error:
                self._close()
                why = error.strerror or str(error)
                self._skip_address(error)
            else:
                return
        self._fail(why)

    def _skip_address(self, error: OSError) -> None:
        """The next address of the host; or the same from the next source, once, where this one has no port left."""
        if error.errno in _NO_PORT_LEFT and self._opener.sources.is_spread and not self._has_changed_source:
            self._has_changed_source = True
            self._opener.sources.go_on()
        else:
            del self._addresses[0]

    def _connect(self, family: int, address: Any) -> None:
        opener = self._opener
        self.sock = PlainSocket(family, socket.SOCK_STREAM)
        self._began_s = opener.timers.clock()
        start_connecting(self.sock, address, source=opener.sources.take())
        self._unsent = self._request
        self._send()  # on this machine it is connected by now
        self._await("connecting" if self._unsent else "answering the upgrade")
        opener.reader.add(self, wants_writable=bool(self._unsent))

    def _send(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._unsent = self._unsent[self.sock.send(self._unsent) :]

    def _await(self, what: str) -> None:
        self._stop_timer()
        timeout_s = self._timing.connect_timeout_s
        self._timer = self._opener.timers.put(
            self._opener.timers.clock() + timeout_s, lambda _: self._fail(f"{what} took longer than {timeout_s:g} s")
        )

    def _connecting_failed(self, error: OSError) -> None:
        self._stop_timer()
        self._close()
        self._skip_address(error)
        self._try_next(error.strerror or str(error))

    def _fail(self, why: str) -> None:
        self._give_up(OpenFailed(f"{self._opener.url}: {why}"))

    def _give_up(self, failed: OpenFailed) -> None:
        self._stop_timer()
        self._close()
        self._is_over = True
        self._opener.finished()
        self._wants.has_failed(failed)

    def _close(self) -> None:
        sock = self.sock
        if sock is not None:
            self._opener.reader.remove(self)
            self.sock = None
            sock.close()

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
