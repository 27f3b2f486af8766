"""One TCP connection between a client and a node: latency, a window, stalls, cuts, resets. Bytes keep their order.

node ── `Wire` is its `Transport` ── lane out ──▶ client's inbox
     ◀── lane in ── client
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf
from random import Random
from typing import Any, Protocol

from bench.simulation.outside.loop import ProcessLoop, World
from loadtest.wire.messages.frames import OP_PING, FrameParser
from lobby_server.protocol.message import ServerMessage
from lobby_server.service.ports import Send

LEAST_S, MOST_S = 0.001, 0.02
"""Latency of one way, on most occasions."""
SPIKE_SHARE = 0.02
SPIKE_S = 0.3
"""A packet that was lost and sent again."""
WINDOW_BYTES = 32_768
"""That are under way to a client; more are not taken."""
CLOSE_S = 1.0
"""How long a node waits for the answer to its close frame."""


class Lane:
    """One way of a connection."""

    __slots__ = (
        "_arrive_at_s", "_draw", "_due", "_hand_over", "_queue", "_world", "is_away", "is_cut", "is_stalled", "sent_s",
    )  # fmt: skip

    def __init__(self, world: World, random: Random, hand_over: Callable[[Any], None]) -> None:
        self.is_stalled = False
        """What arrives waits."""
        self.is_cut = False
        """Nothing arrives any more, and nobody is told."""
        self.is_away = False
        """The machine at its end is not there: what is sent is sent again, and waits until then."""
        self.sent_s = -inf
        """When something was sent, the last time."""
        self._world = world
        self._draw = random.random
        self._hand_over = hand_over
        self._queue: deque[Any] = deque()
        self._due = 0
        self._arrive_at_s = 0.0

    def send(self, what: Any) -> None:
        world, draw = self._world, self._draw
        at_s = world.now_s + LEAST_S + (MOST_S - LEAST_S) * draw()
        if draw() < SPIKE_SHARE:
            at_s += SPIKE_S
        self.sent_s = world.now_s
        self._queue.append(what)
        if at_s < self._arrive_at_s:
            at_s = self._arrive_at_s
        self._arrive_at_s = at_s
        world.call_at(at_s, self._arrive)

    def holds(self, text: bytes) -> bool:
        """Whether it stands in bytes that have not arrived."""
        return any(text in each for each in self._queue if isinstance(each, bytes))

    def go_on(self) -> None:
        self.is_stalled = False
        self._let_in()

    def come_back(self) -> None:
        """The machine at its end is there again."""
        self.is_away = False
        self._let_in()

    def _let_in(self) -> None:
        if self.is_stalled or self.is_away:
            return
        due, self._due = self._due, 0
        for _ in range(due):
            self._world.call_soon(self._arrive)

    def _arrive(self) -> None:
        if self.is_stalled or self.is_away:
            self._due += 1
        elif self._queue and not self.is_cut:
            self._hand_over(self._queue.popleft())


class Served(Protocol):
    """The node's end: called in the node's loop."""

    def received(self, payload: bytes) -> None: ...

    def ponged(self) -> None: ...

    def ended(self, *, abrupt: bool) -> None:
        """The connection is over; said once."""


class Inbox(Protocol):
    """The client's end."""

    def opened(self) -> None:
        """The upgrade was answered."""

    def heard(self, heard: list[tuple[int, bytes]]) -> None:
        """Opcodes and payloads of what has arrived at once."""

    def over(self, why: str, code: int | None) -> None:
        """The connection is over; said once."""


class Wire:
    """One connection; to the node it is a `lobby_server.service.ports.Transport`."""

    def __init__(
        self,
        world: World,
        loop: ProcessLoop,
        random: Random,
        *,
        window: int = WINDOW_BYTES,
        chunks: dict[bytes, list[tuple[int, bytes]]] | None = None,
    ) -> None:
        """`chunks`: what came in one piece on any connection, and its frames; None: nobody has read any."""
        self.served: Served | None = None
        self.inbox: Inbox | None = None
        self.window = window
        self.accepted_at: tuple[str, int] = ("", 0)
        """Epoch and number of the entry by which its user's socket takes part; nothing: it does not yet."""
        self.arrived_at: tuple[str, int] | None = None
        """The entry by which its user's socket is in the log."""
        self.silent_at: tuple[str, int] | None = None
        """The last entry that its node told of before it ended in an orderly way."""
        self.ended: tuple[int | None, str] | None = None
        """With which code and why, as the client was told."""
        self.lane_out = Lane(world, random, self._arrived_at_client)
        self.lane_in = Lane(loop.world, random, self._arrived_at_node)  # arrives, though the client's machine stands
        self.hear_closed: Callable[[int, str], None] = lambda code, reason: None
        """Hears with which code the node closes it, and why."""
        self.due: list[tuple[float, ServerMessage]] = []
        """What its client has to hear of the tokens that it has shown, and when its node has to say so."""
        self.renews = False
        """Whether its client renews its token by the rules of the library."""
        self._world = world
        self.loop = loop
        self._parser = FrameParser()
        self._chunks: dict[bytes, list[tuple[int, bytes]]] = {} if chunks is None else chunks
        self._in_socket: deque[Any] = deque()
        """What has arrived and was not read, for the process of the node stood still."""
        self._under_way = 0
        self._on_writable: Callable[[], None] | None = None
        self._is_closing = False
        self._is_over_at_node = False
        self._is_over_at_client = False

    @property
    def is_over(self) -> bool:
        """For both."""
        return self._is_over_at_node and self._is_over_at_client

    # -- `Transport` ----------------------------------------------------------------------------------------------

    @property
    def send(self) -> Send:
        return self._send

    def _send(self, data: bytes | memoryview) -> int:
        if self._is_over_at_node:
            raise ConnectionResetError
        if self._is_closing:
            raise AssertionError("somebody wrote behind the close frame")
        taken = min(len(data), self.window - self._under_way)
        if not taken and len(data):
            raise BlockingIOError
        self._under_way += taken
        self.lane_out.send(bytes(data[:taken]))
        return taken

    def watch_writable(self, callback: Callable[[], None] | None) -> None:
        self._on_writable = callback
        if callback is not None and self._under_way < self.window:
            self.loop.call_soon(self._tell_writable)

    def read_on(self) -> None:
        """What lies in the socket is read now, before the loop comes to it."""
        while self._in_socket:
            self._take_at_node(self._in_socket.popleft())

    def close(self, code: int, reason: str, *, before: bytes) -> None:
        self._is_closing = True
        self.hear_closed(code, reason)
        if before:
            self.lane_out.send(before)
        self.lane_out.send((code, reason))
        self.loop.call_later(CLOSE_S, self._end_at_node, False)

    def accept(self, served: Served) -> None:
        """The node takes the connection."""
        self.served = served
        self.lane_out.send(("open",))

    def is_sending(self, text: bytes) -> bool:
        """Whether something is on its way to the client in which that is said."""
        return self.lane_out.holds(text)

    # -- the client's end -----------------------------------------------------------------------------------------

    def say(self, payload: bytes) -> bool:
        """One message; False: the connection is over."""
        if self._is_over_at_client:
            return False
        self.lane_in.send(payload)
        return True

    def say_goodbye(self) -> None:
        """A close frame."""
        if not self._is_over_at_client:
            self.lane_in.send(("close",))

    def abort(self) -> None:
        """The client's end is gone: the node meets a reset."""
        if not self._is_over_at_client:
            self._is_over_at_client, self.inbox = True, None
            self.lane_in.send(("reset",))

    def break_off(self) -> None:
        """The network resets both ends."""
        self.lane_in.go_on()
        self.loop.call_soon(self._end_at_node, True)
        self._end_at_client("reset", None)

    def lose_node(self) -> None:
        """The process at the other end has ended: the client meets a reset."""
        self._is_over_at_node, self.served = True, None
        self._world.call_later(0.001, self._end_at_client, "reset", None)

    # -- arrivals -------------------------------------------------------------------------------------------------

    def _arrived_at_client(self, what: Any) -> None:
        if self._is_over_at_client:
            return
        assert self.inbox is not None
        if isinstance(what, tuple):
            if what[0] == "open":
                self.inbox.opened()
                return
            code, reason = what
            self.lane_in.send(("closed",))
            self._end_at_client(reason, code)
            return
        was_full = self._under_way >= self.window
        self._under_way -= len(what)
        if was_full and self._on_writable is not None:
            self.loop.call_soon(self._tell_writable)
        heard = self._frames_of(what)
        for opcode, _ in heard:
            if opcode == OP_PING:
                self.lane_in.send(("pong",))
        if heard:
            self.inbox.heard(heard)

    def _frames_of(self, chunk: bytes) -> list[tuple[int, bytes]]:
        """Most of what a node sends goes to many: it is taken apart once."""
        parser = self._parser
        if not parser.is_between:
            return parser.feed(chunk)
        frames = self._chunks.get(chunk)
        if frames is None:
            frames = parser.feed(chunk)
            if parser.is_between:
                self._chunks[chunk] = frames
        return frames

    def _arrived_at_node(self, what: Any) -> None:
        if self.loop.is_standing or self._in_socket:
            self._in_socket.append(what)
            self.loop.do(self._read_one)
        else:
            self.loop.do(self._take_at_node, what)

    def _read_one(self) -> None:
        if self._in_socket:
            self._take_at_node(self._in_socket.popleft())

    def _take_at_node(self, what: Any) -> None:
        if self._is_over_at_node or self.served is None:
            return
        if not isinstance(what, tuple):
            if not self._is_closing:
                self.served.received(what)
        elif what[0] == "pong":
            self.served.ponged()
        elif what[0] == "close":
            if not self._is_closing:
                self.lane_out.send((1000, "goodbye"))
                self._is_closing = True
            self._end_at_node(False)
        else:
            self._end_at_node(what[0] == "reset")

    def _end_at_node(self, abrupt: bool) -> None:
        served = self.served
        if not self._is_over_at_node and served is not None:
            self._is_over_at_node, self.served = True, None  # the two would hold each other
            served.ended(abrupt=abrupt)

    def _end_at_client(self, why: str, code: int | None) -> None:
        if not self._is_over_at_client:
            self._is_over_at_client = True
            self.ended = code, why
            inbox, self.inbox = self.inbox, None
            if inbox is not None:
                inbox.over(why, code)

    def _tell_writable(self) -> None:
        if self._on_writable is not None and not self._is_over_at_node and self._under_way < self.window:
            self._on_writable()
            if self._on_writable is not None and self._under_way < self.window:
                self.loop.call_soon(self._tell_writable)
