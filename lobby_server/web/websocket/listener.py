"""The way in: connections are accepted a few per turn of the loop, over TLS or not, and never more than there are
descriptors for. Where several processes accept from one queue, one that is ahead of the others lets them go first.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
import struct
import sys
from collections.abc import Sequence
from typing import Any, Protocol

from lobby_server.service.watch.events import LogEvent
from lobby_server.web.websocket.handover import HttpConnections
from lobby_server.web.websocket.newcomer import Newcomers
from lobby_server.web.websocket.places import Places
from lobby_server.web.websocket.wire import PlainWire, TlsWire, Wire

log = logging.getLogger("lobby.listener")

ACCEPTS_PER_TURN = 8
"""Newcomers per turn of the loop, half a millisecond of it: clients that are connected get the turns in between."""
TLS_ACCEPTS_PER_TURN = 1
"""Over TLS, of which each handshake takes the loop about half a millisecond."""
ACCEPTS_IN_A_RUSH = 256
"""The same while the system's queue is half full, some 5 ms of the loop: they are read in later turns. A client for
whom the queue has no room left is not told so, and tries again after a second (RFC 6298 section 2)."""
_QUEUE = struct.Struct("24xII")
"""Of a listening socket's ``struct tcp_info``: how many wait in its queue, and how many there may be (linux/tcp.h)."""
OUT_OF_DESCRIPTORS_PAUSE_S = 1.0
_OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_OF_ONE_CONNECTION = (
    errno.ECONNABORTED, errno.EPROTO, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH,
    errno.ENOPROTOOPT, errno.EOPNOTSUPP,
)  # fmt: skip
"""What was to be accepted has gone again (accept(2), "Error handling"); the next one may be there."""


NODELAY_IS_INHERITED = sys.platform == "linux"
"""Whether a connection has the ``TCP_NODELAY`` of the socket that it was accepted from. Elsewhere it is set each time,
which costs a call of the system."""
YIELD_S = 0.005
"""How long a newcomer is left to other processes at a time: a few turns of a loop that is not busy."""
MOST_YIELDS = 4
"""In a row: nobody waits longer than that for a process that is stuck."""


class _ListeningSocket(socket.socket):
    """One that remembers its family and type. Python asks for both at each accept, and makes enumerations of them: 3 of
    the 50 µs that an upgrade takes. What is accepted does not collect small writes."""

    __slots__ = ("family", "type")

    family: socket.AddressFamily
    type: socket.SocketKind

    @classmethod
    def of(cls, other: socket.socket) -> _ListeningSocket:
        """Takes over the descriptor of another, which is closed after that."""
        family, kind = other.family, other.type
        own = cls(family, kind, other.proto, fileno=other.detach())
        own.family, own.type = family, kind
        own.setblocking(False)
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return own

    def accept_wire(self, loop: asyncio.AbstractEventLoop) -> tuple[PlainWire, Any]:
        """As `accept` does it, whose connection is a wire from the beginning."""
        fileno, address = self._accept()  # type: ignore[attr-defined]  # what `accept` calls
        return PlainWire(loop, family=self.family, kind=self.type, proto=self.proto, fileno=fileno), address


class Seat(Protocol):
    """A process's place among those that accept from one queue."""

    def may_take(self, sockets: int) -> bool:
        """Whether a process with so many sockets is to take one more at once, and not leave it to others first."""

    def leave(self) -> None:
        """It takes nobody any more."""


class Listener:
    """Takes over listening sockets. `stop` leaves the connections alone."""

    def __init__(
        self,
        *,
        newcomers: Newcomers,
        http: HttpConnections,
        places: Places,
        tls: ssl.SSLContext | None,
        loop: asyncio.AbstractEventLoop,
        seat: Seat | None = None,
    ) -> None:
        """`seat`: among other processes that accept from the same sockets."""
        self._newcomers = newcomers
        self._http = http
        self._places = places
        self._tls = tls
        self._loop = loop
        self._seat = seat
        self._yielded = 0
        """Times in a row."""
        self._sockets: list[_ListeningSocket] = []
        self._pause: asyncio.TimerHandle | None = None
        self._is_short = False
        """The log has said that descriptors ran out, and not yet that there are some again."""

    def start(self, sockets: Sequence[socket.socket]) -> None:
        self._sockets = [_ListeningSocket.of(each) for each in sockets]
        self._newcomers.gate.shared.on_end = self._http.on_end = self._http.callers.on_end = self._place_is_free
        self._watch()

    def stop(self) -> None:
        """Accept no more connections."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        if self._seat is not None:
            self._seat.leave()
        for listener in self._sockets:
            self._loop.remove_reader(listener.fileno())
            listener.close()
        self._sockets = []
        self._newcomers.end_all()

    # -- private --------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        self._pause = None
        for listener in self._sockets:
            self._loop.add_reader(listener.fileno(), self._accept, listener)

    def _yields(self) -> bool:
        """Whether whoever waits is left to other processes for a moment."""
        assert self._seat is not None
        sockets = self._newcomers.gate.shared.open + len(self._newcomers)
        if self._seat.may_take(sockets) or self._yielded >= MOST_YIELDS:
            self._yielded = 0
            return False
        self._yielded += 1
        for listener in self._sockets:
            self._loop.remove_reader(listener.fileno())
        self._pause = self._loop.call_later(YIELD_S, self._watch)
        return True

    def _accept(self, listener: _ListeningSocket) -> None:
        if self._seat is not None and self._yields():
            return
        usual = ACCEPTS_PER_TURN if self._tls is None else TLS_ACCEPTS_PER_TURN
        places = self._free_places()
        looks = True
        for taken in range(ACCEPTS_IN_A_RUSH):
            if taken == usual and not _is_rushed(listener, taken):
                return
            if places <= 0 and (places := self._free_places()) <= 0:
                if not (self._newcomers.give_way() or self._http.give_way()):
                    self._pause_all("all places are taken")
                    return
                places = 1
            places -= 1  # as far as this turn knows: one that is refused at once has left its place again
            try:
                sock, address = listener.accept() if self._tls is not None else listener.accept_wire(self._loop)
            except BlockingIOError:
                return
            except OSError as fault:
                if fault.errno in _OF_ONE_CONNECTION:
                    continue
                is_short = fault.errno in _OUT_OF_DESCRIPTORS
                if not (is_short and (self._newcomers.give_way() or self._http.give_way())):
                    self._pause_all(str(fault.strerror))
                    return
                continue
            if self._is_short:
                self._is_short = False
                log.info("connections are taken again", extra={"event": LogEvent.ACCEPTING_RESUMED.value})
            try:
                sock.setblocking(False)
                if not NODELAY_IS_INHERITED:
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                # They come in the order in which they were made: where one has not sent its request yet, those behind
                # it mostly have not either.
                looks = self._newcomers.add(self._wire(sock), address, looks=looks)
            except OSError:
                sock.close()  # it has gone already

    def _free_places(self) -> int:
        """How many more can be read from before one that has not said what it wants, or is idle, has to give way."""
        taken = self._newcomers.gate.shared.open + len(self._http) + len(self._newcomers)
        return self._places.all - taken

    def _wire(self, sock: socket.socket) -> Wire:
        if isinstance(sock, PlainWire):
            return sock
        assert self._tls is not None
        secured = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return TlsWire(secured, self._loop)

    def _place_is_free(self) -> None:
        """A connection ended: no need to wait any longer."""
        if self._pause is not None:
            self._pause.cancel()
            self._watch()

    def _pause_all(self, why: str) -> None:
        """Clients in the backlog are accepted when there is place again."""
        if not self._is_short:
            self._is_short = True
            log.error(
                "no more connections can be taken for the moment: %s",
                why,
                extra={"event": LogEvent.ACCEPTING_PAUSED.value},
            )
        for listener in self._sockets:
            self._loop.remove_reader(listener.fileno())
        if self._pause is None:
            self._pause = self._loop.call_later(OUT_OF_DESCRIPTORS_PAUSE_S, self._watch)


def _is_rushed(listener: socket.socket, taken: int) -> bool:
    """Whether the queue of connections that wait to be accepted is half full, or was before so many were `taken`; False
    where the system does not tell."""
    if not hasattr(socket, "TCP_INFO"):
        return False
    try:
        told = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _QUEUE.size)
    except OSError:
        return False  # not over TCP
    waiting, most = _QUEUE.unpack(told) if len(told) == _QUEUE.size else (0, 1)
    return bool(waiting and (waiting + taken) * 2 > most)
