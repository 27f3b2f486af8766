"""The connections of a process that are told the same and have nothing of their own to say: their figures in columns.

What such a connection does again and again is to hear what thousands hear, to send a heartbeat, and to hear its answer.
Its objects (connection, timer, heartbeats, list, watch) lie all over the memory, and after a second without use each of
them costs more to touch than to work with. Here the few figures that change are columns, by the number of the socket
(the file descriptor): what a broadcast or a turn of heartbeats touches is dense.

A connection *joins* when what it heard left it in an ordinary state, and *leaves* whenever anything is to happen that
is not ordinary: then its figures are put back into its own objects, and these do what they always did. The invariant:
while it is in the group nobody reads or writes those figures in its objects, and there is no difference in what comes
of it, in ledger, counters, times and what goes over the wire (tests compare both ways).
"""

from __future__ import annotations

import os
from _socket import socket as plain_socket
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from loadtest.client.counters import Counters
from loadtest.client.timing import Timing
from loadtest.wire.messages import frames
from loadtest.wire.messages.memo import PONG_HEAD_BYTES, is_pong
from loadtest.wire.state import APART_S
from lobby_server.protocol import messages

FloatArray = npt.NDArray[np.float64]

OUT = -1
"""Where a connection stands that is not in the group."""
NO_SLOT = -1
_FIRST = 1024
_PING = messages.encode(messages.Ping())
_FRAMES = 64
"""Of pings, each with another mask (RFC 6455 section 5.3). What is in them is always the same, and ours."""


class Together(Protocol):
    """Who takes for all of them what the group is told: the players above the wire."""

    def stand_of(self, connection: Any) -> int:
        """What it holds, as a number from 0 on, or `OUT` where it has to hear by itself."""

    def give_back(self, connection: Any, stand: int) -> None:
        """It holds that, and goes on by itself."""

    def take(self, chunk: bytes, fds: Sequence[int], arrived_s: FloatArray) -> None:
        """The same bytes for several. Each was in the group when it was read for; some may have left since."""

    def were_late(self, late_s: list[float]) -> None:
        """Heartbeats, each by so much."""

    def were_answered(self, round_trips_s: list[float]) -> None:
        """Heartbeats."""


class Group:
    """Of one process. `join` and `leave` are O(1), 1 µs."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.together: Together | None = None
        """Without one nobody joins."""
        self.connections: Mapping[int, Any] = {}
        """Those that are read for, by the number of their sockets."""
        self.put: Callable[[float, int], int] = lambda due_s, fd: NO_SLOT
        """Into the wheel of the heartbeats; returns the slot."""
        self.timing: Timing | None = None
        self.counters: Counters | None = None
        """Those of the first that joined: whoever has others does not."""
        self._clock = clock
        self._frames = [frames.client_frame(_PING, frames.OP_TEXT) for _ in range(_FRAMES)]
        self._size = 0
        self.receivers: list[Callable[..., Any] | None] = []
        """How each of those that are in is read for; it does not touch the connection."""
        self.standing, self.spans, self.slots = array("q"), array("i"), array("q")
        self.heard_s, self.since_s = array("d"), array("d")
        self.sent_s, self.next_ping_s = array("d"), array("d")
        """Of the heartbeat that is not answered yet (0: there is none), and when the next one is due."""
        self._grow(_FIRST)

    def join(self, connection: Any) -> bool:
        """Whether it could: it hears with others from now on."""
        together, sock, pulse = self.together, connection.sock, connection.pulse
        if together is None or pulse is None or connection.is_answering or not isinstance(sock, plain_socket):
            return False
        if connection.timing is not self.timing or connection.counters is not self.counters:
            if self.timing is not None:
                return False
            self.timing, self.counters = connection.timing, connection.counters
        stand = together.stand_of(connection)
        if stand == OUT:
            return False
        fd = sock.fileno()
        if fd >= self._size:
            self._grow(2 * fd)
        watch = connection.follower
        self.standing[fd], self.spans[fd], self.since_s[fd] = stand, watch.span, watch.since_s
        self.heard_s[fd], self.sent_s[fd] = connection.heard_s, 0.0
        self.next_ping_s[fd], self.slots[fd] = pulse.next_ping_s, connection.beat_slot
        self.receivers[fd] = sock.recvmsg_into
        return True

    def leave(self, connection: Any) -> None:
        """Before its socket is closed. It was in."""
        fd = connection.sock.fileno()
        stand, self.standing[fd] = self.standing[fd], OUT
        self.receivers[fd] = None
        connection.heard_s, connection.beat_slot = self.heard_s[fd], self.slots[fd]
        self.slots[fd] = NO_SLOT
        connection.go_on(next_ping_s=self.next_ping_s[fd], sent_s=self.sent_s[fd])
        if self.together is not None:
            self.together.give_back(connection, stand)

    def beat(self, slot: int, fds: Sequence[int], at_s: float) -> bool:
        """A slot of the wheel has come that these were put into. Returns whether it was anybody's."""
        timing, counters, together = self.timing, self.counters, self.together
        if timing is None or counters is None or together is None:
            return False
        clock, write, put, pings = self._clock, os.write, self.put, self._frames
        slots, sent_s, heard_s, next_ping_s = self.slots, self.sent_s, self.heard_s, self.next_ping_s
        interval_s, limit_s = timing.heartbeat_s, timing.silence_limit_s
        late_s, bytes_out, is_anybodys = [], 0, False
        for fd in fds:
            if slots[fd] != slot:
                # It has left meanwhile. Or the number is old and somebody else's by now: of a connection being opened,
                # of a call over HTTP, of a member. Members are beaten by their column alone; their `beat_slot` is old.
                connection: Any = self.connections.get(fd)
                if getattr(connection, "beat_slot", NO_SLOT) == slot and not connection.hears_with_others:
                    connection.on_beat(at_s)
                    is_anybodys = True
                continue
            is_anybodys = True
            frame = pings[fd % _FRAMES]
            now_s, due_s, dead_s = clock(), next_ping_s[fd], heard_s[fd] + limit_s
            if sent_s[fd] or now_s < due_s or now_s >= dead_s:
                self._let_beat(fd, at_s)
                continue
            try:
                size = write(fd, frame)
            except OSError:
                self._let_beat(fd, at_s)
                continue
            sent_s[fd] = now_s
            next_ping_s[fd] = due_s = due_s + ((now_s - due_s) // interval_s + 1.0) * interval_s
            slots[fd] = put(due_s if due_s < dead_s else dead_s, fd)
            late_s.append(now_s - at_s)
            bytes_out += size
            if size < len(frame):
                connection = self.connections[fd]
                connection.hear_alone()
                connection.send_later(frame[size:])
        if late_s:
            counters.bytes_out += bytes_out
            counters.messages_out[messages.Ping.TYPE] += len(late_s)
            counters.payload_out[messages.Ping.TYPE] += len(late_s) * len(_PING)
            together.were_late(late_s)
        return is_anybodys

    def take(self, chunk: bytes, fds: Sequence[int], arrived_s: FloatArray) -> None:
        """The same bytes for several, who were in the group when they were read for."""
        if self.together is None:
            return
        if is_pong(chunk):
            fds, arrived_s = self._take_answers(chunk, fds, arrived_s, self.together)
        if fds:
            self.together.take(chunk, fds, arrived_s)

    def _take_answers(
        self, chunk: bytes, fds: Sequence[int], arrived_s: FloatArray, together: Together
    ) -> tuple[list[int], FloatArray]:
        """Those of one millisecond are the same. Returns who waits for none, and when it came there."""
        standing, sent_s, heard_s = self.standing, self.sent_s, self.heard_s
        others, round_trips_s = list[tuple[int, float]](), list[float]()
        for fd, at_s in zip(fds, arrived_s.tolist(), strict=True):
            began_s = sent_s[fd]
            if not began_s or standing[fd] == OUT:  # or it has left in this turn, with what it waits for
                others.append((fd, at_s))
                continue
            heard_s[fd] = at_s = (at_s if at_s > heard_s[fd] else heard_s[fd]) + APART_S
            round_trips_s.append(at_s - began_s)
            sent_s[fd] = 0.0
        counters, number = self.counters, len(round_trips_s)
        if counters is not None and number:
            counters.bytes_in += len(chunk) * number
            counters.messages_in[messages.Pong.TYPE] += number
            counters.payload_in[messages.Pong.TYPE] += (len(chunk) - PONG_HEAD_BYTES) * number
            together.were_answered(round_trips_s)
        return [fd for fd, _ in others], np.array([at_s for _, at_s in others], np.float64)

    def _let_beat(self, fd: int, at_s: float) -> None:
        """By itself, for something is not as always."""
        connection = self.connections[fd]
        connection.hear_alone()
        connection.on_beat(at_s)

    def _grow(self, least: int) -> None:
        more = max(_FIRST, least + 1) - self._size
        self._size += more
        self.receivers += [None] * more
        for places in (self.standing, self.spans, self.slots):
            places.extend([OUT] * more)
        for times_s in (self.heard_s, self.since_s, self.sent_s, self.next_ping_s):
            times_s.extend([0.0] * more)
