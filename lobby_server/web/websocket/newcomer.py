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
from lobby_server.web.lean.callers import Callers, peer_of
from lobby_server.web.lean.room_list import ListRequest
from lobby_server.web.websocket.answers import refused
from lobby_server.web.websocket.entrance import Entrance
from lobby_server.web.websocket.gate import Gate
from lobby_server.web.websocket.head import MAX_HEAD_BYTES, HeadFault, find_end, may_be_request, parse_head, plainly
from lobby_server.web.websocket.upgrade import UpgradeRefused
from lobby_server.web.websocket.wire import RECORD_BYTES, TlsWire, Wire

log = logging.getLogger("lobby.listener")

LEAST_HEAD_BYTES = 3
"""Of the end of a head, which is not looked for in the empty lines before it."""
READS_PER_TURN = 16
"""Of all newcomers: an upgrade takes the loop some 50 µs."""
PATIENT_TURNS = 4
"""A newcomer that has to wait for so few turns is told again in each that it is readable, for 0.3 µs. To stop that and
begin again would take 8 µs, as much as the rest of an upgrade without its calls of the system."""
PLACES_OF_A_CALL = 4
"""In a turn, of a request that Tornado answers: some 0.3 ms with what comes behind it."""
MAX_BYTES_AFTER_ANSWER = 256 * 1024
"""What is read and dropped behind a refused request, so that its answer is not lost to a reset."""


class Newcomers:
    """All of them."""

    def __init__(
        self, gate: Gate, clock: Clock, *, callers: Callers, timeout_s: float, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.gate = gate
        self.callers = callers
        callers.on_other = self.take_up
        self.entrance = Entrance(loop, per_turn=READS_PER_TURN)
        self.clock = clock
        self._open: dict[Newcomer, None] = {}
        self._patience: Patience[Newcomer] = Patience(clock, delay_s=timeout_s, act=Newcomer.overdue)

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, newcomer: Newcomer) -> bool:
        """Whether it is still one."""
        return newcomer in self._open

    def add(self, wire: Wire, address: Any, *, looks: bool) -> bool:
        """A connection that was just made. `looks`: its request is read at once if it is there, as it may be when many
        come together, and if the turn has a place. Whether it was worth the look. Raises `OSError` when the connection
        is over."""
        if not looks or not self.entrance.has_place or isinstance(wire, TlsWire):
            self._welcome(wire, address)
            return False
        try:
            received = wire.recv(RECORD_BYTES)
        except BlockingIOError:
            self._welcome(wire, address)
            return False
        self.entrance.charge(1)
        if not received:
            wire.close()
            return True
        try:
            if not self.serve_known(wire, received, address, waited_s=0.0):
                self.take_up(wire, received, address)
        except UpgradeRefused as fault:
            self._welcome(wire, address).refuse(refused(fault))
        return True

    def take_up(self, wire: Wire, received: bytes, address: Any) -> None:
        """A connection of which requests were answered already. `received`: what came behind them."""
        self._welcome(wire, address).take(received, is_secured=True)

    def serve_known(self, wire: Wire, received: bytes, address: Any, *, waited_s: float) -> bool:
        """Answer a request if one like it came before; False: it has to be read. `waited_s`: since the connection was
        made. Raises `UpgradeRefused`."""
        gate = self.gate
        found = gate.known.find(received)
        if found is not None:
            known, upgrade = found
            client = gate.address_of(known.forwarded_for, peer_of(address))
            gate.admit(known.path, address=client)
            gate.let_in(known.path, upgrade, wire, b"", address=client, waited_s=waited_s)
            return True
        request = self.callers.lists.known(received)
        if request is None:
            return False
        gate.make_place_for_call()
        self.callers.add(wire, request, b"", address)
        return True

    def _welcome(self, wire: Wire, address: Any) -> Newcomer:
        newcomer = Newcomer(self, wire, address)
        self._open[newcomer] = None
        self._patience.add(newcomer)
        wire.watch_readable(newcomer.readable)
        return newcomer

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

    __slots__ = ("_address", "_all", "_began_s", "_data", "_is_queued", "_is_secured", "_left_bytes", "_wire")

    def __init__(self, all_: Newcomers, wire: Wire, address: Any) -> None:
        self._all = all_
        self._wire = wire
        self._address = address
        self._began_s = all_.clock.monotonic_s()
        self._is_secured = not isinstance(wire, TlsWire)
        self._data = bytearray()
        self._is_queued = False
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
        if self._is_queued:
            return  # its turn comes without that
        entrance = self._all.entrance
        if entrance.enter():
            self._read_on()
            return
        self._is_queued = True
        if entrance.turns_ahead < PATIENT_TURNS:
            entrance.queue_up(self._go_on)
        else:
            self._wire.watch_readable(None)
            entrance.queue_up(self._go_on_unwatched)

    def take(self, data: bytes, *, is_secured: bool) -> None:
        """What was read. `is_secured`: the handshake of TLS is over, if there is one."""
        self._is_secured |= is_secured
        try:
            self._take(data)
        except HeadFault as fault:
            self._all.gate.head_refused(fault, peer_of(self._address))
            self.refuse(refused(fault))
        except UpgradeRefused as fault:
            self.refuse(refused(fault))

    def refuse(self, answer: bytes) -> None:
        """Answer, and read on only to drop what comes."""
        self._data.clear()
        self._left_bytes = MAX_BYTES_AFTER_ANSWER
        with contextlib.suppress(OSError):
            self._wire.send(answer)
        self._wire.end_sending()

    # -- private --------------------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Its turn has come, unless it was ended meanwhile."""
        self._is_queued = False
        if self in self._all:
            self._read_on()

    def _go_on_unwatched(self) -> None:
        """The same, of one that is not told when it is readable; whoever takes it over sees to that."""
        self._go_on()
        if self in self._all:
            self._wire.watch_readable(self.readable)

    def _read_on(self) -> None:
        """Read, and look for an end behind what was read if that was no whole request: uvloop tells of a reset once
        only, and that may have been as this one was queued, or as there was still something to read before it."""
        self._read()
        if self in self._all:
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
            self.take(data, is_secured=True)

    def _take(self, data: bytes) -> None:
        """Raises `HeadFault` or `UpgradeRefused`."""
        known = len(self._data)
        if not known and self._all.serve_known(self._wire, data, self._address, waited_s=self._waited_s()):
            self._all.discard(self)
            return
        self._data += data
        if not known and not may_be_request(data):
            raise HeadFault(400, "This is not HTTP.")
        start = _skip_empty_lines(self._data)
        end = find_end(self._data, max(start + LEAST_HEAD_BYTES, known))
        if (end if end >= 0 else len(self._data)) > MAX_HEAD_BYTES:
            raise HeadFault(431, f"The head of a request has at most {MAX_HEAD_BYTES} bytes.")
        if end < 0:
            return
        received = bytes(self._data)
        raw, rest = received[start:end], received[end:]
        gate = self._all.gate
        head = parse_head(raw)
        path = gate.path_of(head)
        if not gate.asks(head, path):
            request = self._all.callers.lists.read(raw, head)
            if request is not None:
                self._call(request, rest)
                return
            self._all.entrance.charge(PLACES_OF_A_CALL - 1)
            gate.hand_over(head, self._wire, plainly(raw, head) + rest, self._address)
            self._all.discard(self)
            return
        address = gate.client_of(head, peer_of(self._address))
        upgrade = gate.check(head, path, address=address)
        assert path is not None
        gate.known.remember(raw, head, path, upgrade)
        self._all.discard(self)
        gate.let_in(path, upgrade, self._wire, rest, address=address, waited_s=self._waited_s())

    def _waited_s(self) -> float:
        return self._all.clock.monotonic_s() - self._began_s

    def _call(self, request: ListRequest, rest: bytes) -> None:
        """Raises `UpgradeRefused`."""
        self._all.gate.make_place_for_call()
        self._all.discard(self)
        self._all.callers.add(self._wire, request, rest, self._address)


def _skip_empty_lines(data: bytearray) -> int:
    """Where the request begins: empty lines before it mean nothing (RFC 9112 section 2.2)."""
    return len(data) - len(data.lstrip(b"\r\n"))
