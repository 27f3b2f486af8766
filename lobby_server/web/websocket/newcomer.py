"""A connection before anybody knows what it wants: TLS, then the head of its first request, in as many pieces as it
comes. All of that, and the lobby's own handshake after it, are under one deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from lobby_server.service.pacing import Patience
from lobby_server.service.ports import Clock
from lobby_server.web.websocket.answers import refused
from lobby_server.web.websocket.entrance import Entrance
from lobby_server.web.websocket.gate import Gate
from lobby_server.web.websocket.head import MAX_HEAD_BYTES, HeadFault, find_end, may_be_request, parse_head, plainly
from lobby_server.web.websocket.upgrade import UpgradeRefused
from lobby_server.web.websocket.wire import RECORD_BYTES, TlsWire, Wire

log = logging.getLogger("lobby.listener")

READS_PER_TURN = 16
"""Of all newcomers: an upgrade takes the loop some 50 µs."""
PLACES_OF_A_CALL = 4
"""In a turn, of a request that Tornado answers: some 0.3 ms with what comes behind it."""
MAX_BYTES_AFTER_ANSWER = 256 * 1024
"""What is read and dropped behind a refused request, so that its answer is not lost to a reset."""


class Newcomers:
    """All of them."""

    def __init__(self, gate: Gate, clock: Clock, *, timeout_s: float, loop: asyncio.AbstractEventLoop) -> None:
        self.gate = gate
        self.entrance = Entrance(loop, per_turn=READS_PER_TURN)
        self.clock = clock
        self._open: dict[Newcomer, None] = {}
        self._patience: Patience[Newcomer] = Patience(clock, delay_s=timeout_s, act=Newcomer.overdue)

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, newcomer: Newcomer) -> bool:
        """Whether it is still one."""
        return newcomer in self._open

    def add(self, wire: Wire, address: Any) -> None:
        newcomer = Newcomer(self, wire, address)
        self._open[newcomer] = None
        self._patience.add(newcomer)
        wire.watch_readable(newcomer.readable)

    def discard(self, newcomer: Newcomer) -> None:
        self._open.pop(newcomer, None)
        self._patience.discard(newcomer)

    def give_way(self) -> bool:
        """End the oldest; False: there is none."""
        oldest = next(iter(self._open), None)
        if oldest is None:
            return False
        oldest.end()
        return True

    def end_all(self) -> None:
        while self.give_way():
            pass


class Newcomer:
    """One connection."""

    __slots__ = ("_address", "_all", "_began_s", "_data", "_is_secured", "_left_bytes", "_wire")

    def __init__(self, all_: Newcomers, wire: Wire, address: Any) -> None:
        self._all = all_
        self._wire = wire
        self._address = address
        self._began_s = all_.clock.monotonic_s()
        self._is_secured = not isinstance(wire, TlsWire)
        self._data = bytearray()
        self._left_bytes: int | None = None
        """Once it was refused: what is still read."""

    def overdue(self) -> None:
        """The time for the first request is over. One that lies in the socket counts as having come in time: after a
        stall of the loop it is read before anything is judged, and what was lost by the stall is given back."""
        self._began_s = self._all.clock.monotonic_s()
        self._read()
        if self in self._all:
            self.end()

    def end(self) -> None:
        """Nothing came in time, or its place is needed."""
        self._all.discard(self)
        self._wire.close()

    def readable(self) -> None:
        if self._all.entrance.enter():
            self._read()
        else:
            self._wire.watch_readable(None)
            self._all.entrance.queue_up(self._go_on)

    # -- private --------------------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Its turn has come, unless it was ended meanwhile."""
        if self in self._all:
            self._wire.watch_readable(self.readable)
            self._read()

    def _read(self) -> None:
        wire = self._wire
        try:
            if not self._is_secured:
                assert isinstance(wire, TlsWire)
                self._is_secured = wire.do_handshake()
                if not self._is_secured:
                    return
            data = wire.recv(RECORD_BYTES)
        except BlockingIOError:
            return
        except OSError as fault:
            log.debug("a connection failed before its first request: %s", fault)
            data = b""
        if not data:
            self.end()
        elif self._left_bytes is not None:
            self._left_bytes -= len(data)
            if self._left_bytes < 0:
                self.end()
        else:
            try:
                self._take(data)
            except HeadFault as fault:
                self._all.gate.head_refused(fault, self._address)
                self._refuse(refused(fault))
            except UpgradeRefused as fault:
                self._refuse(refused(fault))

    def _take(self, data: bytes) -> None:
        """Raises `HeadFault` or `UpgradeRefused`."""
        known = len(self._data)
        self._data += data
        if not known and not may_be_request(data):
            raise HeadFault(400, "This is not HTTP.")
        start = _skip_empty_lines(self._data)
        end = find_end(self._data, max(start, known))
        if (end if end >= 0 else len(self._data)) > MAX_HEAD_BYTES:
            raise HeadFault(431, f"The head of a request has at most {MAX_HEAD_BYTES} bytes.")
        if end < 0:
            return
        received = bytes(self._data)
        head = parse_head(received[start:end])
        gate = self._all.gate
        path = gate.path_of(head)
        if not gate.asks(head, path):
            self._all.entrance.charge(PLACES_OF_A_CALL - 1)
            gate.hand_over(head, self._wire, plainly(received[start:end], head) + received[end:], self._address)
            self._all.discard(self)
            return
        address = gate.client_of(head, self._address)
        upgrade = gate.check(head, path, address=address)
        self._all.discard(self)
        waited_s = self._all.clock.monotonic_s() - self._began_s
        gate.let_in(path, upgrade, self._wire, received[end:], address=address, waited_s=waited_s)

    def _refuse(self, answer: bytes) -> None:
        self._data.clear()
        self._left_bytes = MAX_BYTES_AFTER_ANSWER
        with contextlib.suppress(OSError):
            self._wire.send(answer)
        self._wire.end_sending()


def _skip_empty_lines(data: bytearray) -> int:
    """Where the request begins: empty lines before it mean nothing (RFC 9112 section 2.2)."""
    return len(data) - len(data.lstrip(b"\r\n"))
