"""A WebSocket, whatever carries its bytes: the one implementation, for a bare socket, TLS and compression.

A connection reads frames and drives a `Peer`, and is its `Transport`. What it needs while nothing happens is a wire,
a callback and the peer; a `FrameReader` lives from the first frame that is not an everyday one to the end of what it
read, an `_Ending` from our close frame on. Of a client that may refer to its earlier messages the reader stays, with
them.

    open ──▶ our close frame is out ──▶ theirs came, or `CLOSE_PATIENCE_S`, or `MAX_BYTES_AFTER_CLOSE` ──▶ over

After our close frame only the client's is looked for: one read per turn of the loop, bounded in bytes and time, so that
a client that goes on sending costs nobody else anything.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from lobby_server.protocol.codes import CloseCode
from lobby_server.protocol.framing.frames import OP_CLOSE, OP_PING, OP_PONG, OP_TEXT, close_frame, server_frame
from lobby_server.service.pacing import Patience
from lobby_server.service.peers.peer import Peer, Phase
from lobby_server.service.ports import Clock, Send
from lobby_server.service.watch.events import LogEvent
from lobby_server.web.websocket.deflate import Agreement
from lobby_server.web.websocket.entrance import Entrance
from lobby_server.web.websocket.reader import (
    OP_BINARY,
    OP_PART,
    FrameFault,
    FrameReader,
    close_answer,
    is_utf8,
    whole_text,
)
from lobby_server.web.websocket.wire import RECORD_BYTES, Wire

log = logging.getLogger("lobby.socket")

READ_BYTES = RECORD_BYTES
"""A whole TLS record, so that none of it stays behind in OpenSSL, where the loop does not see it."""
FRAMES_PER_TURN = 32
"""Of one connection per turn of the loop, half a millisecond where all are answered: 16 KiB can be 2,700 frames, and
the others would wait for all of them."""
CLOSE_PATIENCE_S = 5.0
"""How long a client has to answer a close frame."""
MAX_BYTES_AFTER_CLOSE = 1 << 20
"""What a client may still send then: it had begun before it could read our close frame."""
MAX_PARSED_AFTER_CLOSE = 64 * 1024
"""What of it is looked through for the client's close frame; the rest is dropped until the connection ends."""


class Endpoint(Protocol):
    """Who is at the other end of a path: makes a peer for each connection, and hears of its end."""

    @property
    def refusal(self) -> str | None:
        """Why nobody more is welcome at the moment, in a sentence; None: one more is."""

    def open(self, connection: Connection, /, *, address: str, deflates: bool, waited_s: float) -> Peer:
        """A connection was upgraded. `address`: of its client, for the log. `deflates`: it takes compressed frames.
        `waited_s`: what is gone of the time for a handshake."""

    def end(self, peer: Peer, *, abrupt: bool) -> None:
        """Its socket is gone: nothing is to hold the peer any more."""


class Connections:
    """What all connections share."""

    def __init__(self, *, loop: asyncio.AbstractEventLoop, clock: Clock, max_message_bytes: int) -> None:
        self.loop = loop
        self.entrance = Entrance(loop)
        self.max_bytes = max_message_bytes
        self.open = 0
        """Connections whose socket is not closed."""
        self.cut = 0
        """Connections that did not answer our close frame in time."""
        self.on_end: Callable[[], None] = lambda: None
        """A socket was closed."""
        self.closing: Patience[Connection] = Patience(clock, delay_s=CLOSE_PATIENCE_S, act=Connection.overdue)


class _Ending:
    """What a connection that is closing has besides."""

    __slots__ = ("has_last_word", "is_deaf", "left_bytes", "tail")

    def __init__(self, tail: memoryview, *, has_last_word: bool) -> None:
        self.tail: memoryview | None = tail
        """What is to be written yet, our close frame last."""
        self.has_last_word = has_last_word
        """The client's close frame came."""
        self.is_deaf = False
        """What comes is not understood any more."""
        self.left_bytes = MAX_BYTES_AFTER_CLOSE
        """What is still read."""


class Connection:
    """One client."""

    __slots__ = (
        "_agreement", "_ending", "_endpoint", "_is_rearmed", "_peer", "_reader", "_shared", "_wire",
    )  # fmt: skip

    def __init__(
        self,
        shared: Connections,
        wire: Wire,
        endpoint: Endpoint,
        *,
        address: str,
        agreement: Agreement | None,
        waited_s: float,
    ) -> None:
        """The request for the upgrade is answered already. `address`: of the client, for the log. `agreement`: on
        compression. `waited_s`: what is gone of the time for a handshake."""
        self._shared = shared
        self._wire: Wire | None = wire
        self._endpoint = endpoint
        self._reader: FrameReader | None = None
        self._agreement = agreement
        self._is_rearmed = False
        self._ending: _Ending | None = None
        shared.open += 1
        deflates = agreement is not None and agreement.deflates
        self._peer = endpoint.open(self, address=address, deflates=deflates, waited_s=waited_s)
        wire.watch_readable(self._readable)

    def take(self, data: bytes) -> None:
        """Read what came behind the request for the upgrade."""
        self._take(data)

    # -- Transport ------------------------------------------------------------------------------------------------

    @property
    def send(self) -> Send:
        return len if self._wire is None else self._wire.send

    def watch_writable(self, callback: Callable[[], None] | None) -> None:
        if self._wire is not None:
            self._wire.watch_writable(callback)

    def read_on(self) -> None:
        self._read()

    def close(self, code: int, reason: str, *, before: bytes) -> None:
        self._end_with(before + close_frame(code, reason), has_last_word=False)

    # -- private --------------------------------------------------------------------------------------------------

    def overdue(self) -> None:
        """The time to answer our close frame is over. An answer that lies in the socket counts: it may be unread since
        a stall of the loop."""
        self._read()
        if self._wire is not None:
            self.cut()

    def cut(self) -> None:
        """Our close frame was not answered in time."""
        self._shared.cut += 1
        self.end()

    def end(self) -> None:
        """Let go of the socket. A second time does nothing."""
        wire, self._wire = self._wire, None
        if wire is None:
            return
        wire.close()
        self._reader = None
        if self._ending is not None:
            self._ending.tail = None
        self._shared.open -= 1
        self._shared.closing.discard(self)
        self._endpoint.end(self._peer, abrupt=self._ending is None)
        self._shared.on_end()

    def _readable(self) -> None:
        shared = self._shared
        if self._is_rearmed or self._wire is None:
            return  # its turn comes without that
        if self._peer.phase is Phase.WAITING and not shared.entrance.enter():
            self._wire.watch_readable(None)
            shared.entrance.queue_up(self._go_on)
            return
        self._read()

    def _go_on(self) -> None:
        """Read again, after a wait at the entrance."""
        if self._wire is not None:
            self._wire.watch_readable(self._readable)
            self._read()

    def _read(self) -> None:
        """What one read gives; then, whether that was all. After a reset uvloop calls its reader once and never again:
        who stopped at the bytes that came before it would not learn of the end."""
        data = self._recv()
        if not data:
            return
        self._take(data)
        if self._wire is None or self._is_rearmed or (self._ending is not None and len(data) == READ_BYTES):
            return
        data = self._recv()
        if data:
            self._take(data)
            if self._wire is not None and self._ending is None:
                self._rearm()

    def _recv(self) -> bytes:
        """Empty: there is nothing, or the connection is over."""
        if self._wire is None:
            return b""
        try:
            data = self._wire.recv(READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self.end()
        return data

    def _take(self, data: bytes) -> None:
        ending = self._ending
        if ending is not None:
            ending.left_bytes -= len(data)
            if ending.left_bytes < 0:
                self.cut()
            elif ending.left_bytes < MAX_BYTES_AFTER_CLOSE - MAX_PARSED_AFTER_CLOSE and not ending.is_deaf:
                self._go_deaf(ending)
            if self._wire is None or ending.is_deaf:
                return
        reader = self._reader
        try:
            if reader is None:
                if ending is None and (text := whole_text(data, self._shared.max_bytes)) is not None:
                    self._peer.receive(text)
                    return
                reader = self._reader = FrameReader(max_bytes=self._shared.max_bytes, agreement=self._agreement)
            reader.feed(data)
            self._take_frames(reader)
        except FrameFault as fault:
            self._fault(fault)
        except Exception:
            self._failed()

    def _take_frames(self, reader: FrameReader) -> None:
        """What was fed, as far as this turn goes. Raises what is wrong with it."""
        for _ in range(FRAMES_PER_TURN):
            event = reader.next_event()
            if event is None:
                break
            self._event(reader, event.opcode, event.payload)
            if self._reader is None:
                return
        else:
            self._rearm()
            return
        if reader.is_idle and not reader.window:
            self._reader = None

    def _rearm(self) -> None:
        if not self._is_rearmed:
            self._is_rearmed = True
            self._shared.loop.call_soon(self._take_on)

    def _take_on(self) -> None:
        """Another turn: the rest of what was read, then what there is to read."""
        self._is_rearmed = False
        reader = self._reader
        try:
            if reader is not None:
                self._take_frames(reader)
        except FrameFault as fault:
            self._fault(fault)
        except Exception:
            self._failed()
        if not self._is_rearmed:
            self._read()

    def _failed(self) -> None:
        log.exception("session %d failed", self._peer.id, extra={"event": LogEvent.SESSION_FAILED.value})
        self._peer.close(CloseCode.INTERNAL_ERROR, "a fault of the server")

    def _event(self, reader: FrameReader, opcode: int, payload: bytes) -> None:
        peer = self._peer
        if opcode == OP_CLOSE:
            self._close_came(payload)
        elif self._ending is not None:
            pass  # nothing matters any more but the answer to our close
        elif opcode == OP_PING:
            if peer.heard():
                peer.write(server_frame(payload, OP_PONG))
        elif opcode == OP_PONG:
            peer.heard()
        elif opcode == OP_PART:
            reader.lacks_part |= not peer.heard()
        elif reader.lacks_part:
            reader.lacks_part = False
            peer.lacks_part()
        elif opcode == OP_TEXT or (opcode == OP_BINARY and is_utf8(payload)):
            peer.receive(payload)
        else:
            peer.receive_binary()

    def _close_came(self, payload: bytes) -> None:
        """The client closes, or answers our close (RFC 6455 section 5.5.1)."""
        ending = self._ending
        if ending is not None:
            ending.has_last_word = True
            if ending.tail is None:
                self.end()
            return
        try:
            code = close_answer(payload)
        except FrameFault as fault:
            code = fault.code
        before = self._peer.unsent()
        self._peer.closed(abrupt=False)
        self._end_with(before + close_frame(code, ""), has_last_word=True)

    def _fault(self, fault: FrameFault) -> None:
        """The bytes cannot be understood any more, or are too many: the rest of them is read and dropped, so that the
        close frame is not lost to a reset."""
        if self._ending is None:
            self._peer.close(fault.code, fault.reason)
        if self._ending is not None:
            self._go_deaf(self._ending)

    def _go_deaf(self, ending: _Ending) -> None:
        """After our close: nothing of what comes is understood any more."""
        self._reader = None
        ending.is_deaf = True
        if ending.tail is None and self._wire is not None:
            self._wire.end_sending()

    def _end_with(self, tail: bytes, *, has_last_word: bool) -> None:
        """`tail`: the last that is written, with our close frame. `has_last_word`: it answers the client's. A second
        call does nothing."""
        if self._wire is None or self._ending is not None:
            return
        self._ending = _Ending(memoryview(tail), has_last_word=has_last_word)
        self._write_tail()
        if self._wire is not None:
            self._shared.closing.add(self)

    def _write_tail(self) -> None:
        """Write what is left before the end; the loop calls again while the wire does not take it all."""
        wire, ending = self._wire, self._ending
        if wire is None or ending is None or ending.tail is None:
            return
        try:
            taken = wire.send(ending.tail)
        except BlockingIOError:
            taken = 0
        except OSError:
            self.end()
            return
        if taken < len(ending.tail):
            ending.tail = ending.tail[taken:]
            wire.watch_writable(self._write_tail)
            return
        ending.tail = None
        wire.watch_writable(None)
        if ending.has_last_word:
            self.end()
        elif ending.is_deaf:
            wire.end_sending()
