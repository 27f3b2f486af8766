"""Connections that have asked for nothing but the room list so far, and keep asking: read and answered on the loop.

Whatever else comes on one of them makes it a newcomer again, with what was read, and so leads to a WebSocket, to
Tornado or to a refusal as it would on a connection of its own. A request that is cut in pieces goes that way, too.

Each turn of the loop answers a bounded number of requests. A connection whose answer was not taken whole is not read
from until it is; one that asks nothing for `idle_s` ends.

A node of several first sees to it that it knows what a client may have heard of by way of another one (`catch_up`). It
asks for all that wait at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from lobby_server.service.pacing import Patience
from lobby_server.service.ports import Clock
from lobby_server.web.lean.room_list import ListRequest, RoomListAnswers
from lobby_server.web.websocket.entrance import Entrance
from lobby_server.web.websocket.head import MAX_HEAD_BYTES, HeadFault, find_end, parse_head
from lobby_server.web.websocket.wire import RECORD_BYTES, Wire

ANSWERS_PER_TURN = 512
"""About 5 ms of the loop on the machine of ``reports/``."""


class Callers:
    """All of them."""

    def __init__(
        self,
        lists: RoomListAnswers,
        clock: Clock,
        *,
        idle_s: float,
        loop: asyncio.AbstractEventLoop,
        catch_up: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`catch_up`: returns when all is known here that was known anywhere as it was called; None: it always is."""
        self.lists = lists
        self.catch_up = catch_up
        self._loop = loop
        self._waiting: list[Caller] = []
        self._catching_up: asyncio.Task[None] | None = None
        self.entrance = Entrance(loop, per_turn=ANSWERS_PER_TURN)
        self.idle: Patience[Caller] = Patience(clock, delay_s=idle_s, act=Caller.overdue)
        self.on_end: Callable[[], None] = lambda: None
        """A socket was closed."""
        self.on_other: Callable[[Wire, bytes, Any], None] = _nobody
        """Takes a connection over: its wire, what was read of it, and its address."""
        self._open: set[Caller] = set()

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, caller: Caller) -> bool:
        return caller in self._open

    def add(self, wire: Wire, request: ListRequest, rest: bytes, address: Any) -> None:
        """A connection with its first plain request. `rest`: what came behind that."""
        caller = Caller(self, wire, address)
        self._open.add(caller)
        caller.serve(request, rest)

    def wait(self, caller: Caller) -> None:
        """Let a request be answered once this node has caught up."""
        self._waiting.append(caller)
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = self._loop.create_task(self._catch_up())

    async def _catch_up(self) -> None:
        assert self.catch_up is not None
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            await self.catch_up()
            for caller in waiting:
                self.entrance.queue_up(caller.caught_up)

    def give_way(self, idle_s: float) -> bool:
        """End the connection that is idle for longest; False: none is for so long."""
        for caller, waited_s in self.idle.waiting():
            if waited_s < idle_s:
                break
            if caller.is_idle:
                caller.end()
                return True
        return False

    def discard(self, caller: Caller) -> None:
        self._open.discard(caller)
        self.idle.discard(caller)

    def end_all(self) -> None:
        for caller in list(self._open):
            caller.end()
        if self._catching_up is not None:
            self._catching_up.cancel()


class Caller:
    """One connection."""

    __slots__ = (
        "_address", "_all", "_data", "_ends", "_is_queued", "_is_watched", "_peer", "_request", "_unsent", "_wire",
    )  # fmt: skip

    def __init__(self, all_: Callers, wire: Wire, address: Any) -> None:
        self._all = all_
        self._wire = wire
        self._address = address
        self._peer = peer_of(address)
        self._data = b""
        """Read, and not looked at yet."""
        self._request: ListRequest | None = None
        """Waits until this node has caught up."""
        self._unsent: memoryview | None = None
        self._ends = self._is_queued = self._is_watched = False

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for anything."""
        return self._unsent is None and not self._data and not self._is_queued

    def overdue(self) -> None:
        """It has asked nothing for too long. A request that lies in the socket counts: it may be unread since a stall
        of the loop."""
        try:
            data = self._wire.recv(RECORD_BYTES) if self.is_idle else b""
        except OSError:
            data = b""
        if data:
            self._take(data)
        else:
            self.end()

    def end(self) -> None:
        self._all.discard(self)
        self._wire.close()
        self._all.on_end()

    def readable(self) -> None:
        if self._request is not None:
            self._watch(False)  # until it is answered
        if self._is_queued:
            return  # its turn comes without that; to stop watching and begin again would cost more
        if self._all.entrance.enter():
            self._read()
        else:
            self._queue_up()

    def serve(self, request: ListRequest, rest: bytes) -> None:
        """Answer a request. `rest`: what came behind it."""
        self._ends, self._data = request.ends, rest
        if self._all.catch_up is None:
            self._answer(request)
        else:
            self._request, self._is_queued = request, True
            if not self._is_watched:
                self._watch(False)
            self._all.wait(self)

    def caught_up(self) -> None:
        """Answer the request that waits, unless its connection was ended meanwhile."""
        request, self._request, self._is_queued = self._request, None, False
        if request is not None and self in self._all:
            self._answer(request)

    # -- private --------------------------------------------------------------------------------------------------

    def _answer(self, request: ListRequest) -> None:
        answer = self._all.lists.answer(request, self._peer)
        try:
            taken = self._wire.send(answer)
        except BlockingIOError:
            taken = 0
        except OSError:
            self.end()
            return
        if taken < len(answer):
            self._unsent = memoryview(answer)[taken:]
            self._all.idle.add(self)
            self._watch(False)
            self._wire.watch_writable(self._write)
        else:
            self._answered()

    def _watch(self, wanted: bool) -> None:
        """Have what comes read, or leave it."""
        if not wanted or not self._is_watched:  # who had the connection before may watch it still
            self._is_watched = wanted
            self._wire.watch_readable(self.readable if wanted else None)

    def _queue_up(self) -> None:
        self._is_queued = True
        self._all.entrance.queue_up(self._go_on)

    def _go_on(self) -> None:
        """Its turn has come, unless it was ended meanwhile."""
        self._is_queued = False
        if self not in self._all:
            return
        if self._data:
            self._take(self._data)
        else:
            self._read()

    def _read(self) -> None:
        try:
            data = self._wire.recv(RECORD_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._take(data)
        else:
            self.end()

    def _take(self, data: bytes) -> None:
        request = self._all.lists.known(data)
        if request is not None:
            self.serve(request, b"")
            return
        end = find_end(data, 0)
        raw = data[:end]
        request = self._plain(raw) if 0 <= end <= MAX_HEAD_BYTES else None
        if request is not None:
            self.serve(request, data[end:])
        else:
            self._all.discard(self)
            self._all.on_other(self._wire, data, self._address)

    def _plain(self, raw: bytes) -> ListRequest | None:
        lists = self._all.lists
        request = lists.known(raw)
        if request is None:
            try:
                request = lists.read(raw, parse_head(raw))
            except HeadFault:
                return None  # whoever takes it over says what is wrong
        return request

    def _write(self) -> None:
        assert self._unsent is not None
        try:
            taken = self._wire.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self.end()
            return
        self._all.idle.add(self)
        self._unsent = self._unsent[taken:]
        if not self._unsent:
            self._unsent = None
            self._wire.watch_writable(None)
            self._answered()

    def _answered(self) -> None:
        """An answer is out."""
        if self._ends:
            self.end()
            return
        self._all.idle.add(self)
        self._watch(True)
        if self._data:
            self._queue_up()


def peer_of(address: Any) -> str:
    """The IP address in that of a socket; empty: it has none (a Unix socket)."""
    return str(address[0]) if address else ""


def _nobody(wire: Wire, data: bytes, address: Any) -> None:
    wire.close()
