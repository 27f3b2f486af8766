"""A WebSocket over a bare non-blocking socket on the loop that Tornado runs on: the lean way for ten thousand clients.

What Tornado keeps per connection (request, headers, stream, handler, a task that waits for a frame) is not needed after
the upgrade; here a connection is a socket, a callback and a `Session`. Without TLS and without compression only;
`lobby_server.web.websocket.handler` serves the rest. Both are held to the same tests.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

from lobby_server.protocol.codes import CloseCode
from lobby_server.protocol.frames import OP_CLOSE, OP_PING, OP_PONG, OP_TEXT, close_frame, server_frame
from lobby_server.service.pacing import Patience
from lobby_server.service.ports import Send
from lobby_server.service.session import Phase
from lobby_server.web.context import WebContext
from lobby_server.web.websocket.entrance import Entrance
from lobby_server.web.websocket.frames_in import PROTOCOL_ERROR, FrameFault, take_frame

log = logging.getLogger("lobby.socket")

READ_BYTES = 16 * 1024
READS_PER_TURN = 8
"""A client that sends faster than that lets others go first."""
CLOSE_PATIENCE_S = 5.0
"""How long a client has to answer a close frame."""
_FIN = 0x80
_OP_CONTINUATION = 0x0
_OP_BINARY = 0x2


class Connections:
    """What all connections share."""

    def __init__(self, context: WebContext, loop: asyncio.AbstractEventLoop) -> None:
        self.context = context
        self.loop = loop
        self.entrance = Entrance(loop)
        self.max_bytes = context.settings.max_message_bytes
        self.closing: Patience[Connection] = Patience(context.app.clock, delay_s=CLOSE_PATIENCE_S, act=Connection.end)


class Connection:
    """One client. Also the `Transport` of its session."""

    __slots__ = ("_buffer", "_discard", "_fragments", "_is_closing", "_session", "_shared", "_socket", "_tail", "send")

    def __init__(self, shared: Connections, sock: socket.socket, received: bytes) -> None:
        """`received`: what came behind the request for the upgrade, which is answered already."""
        self._shared = shared
        self._socket: socket.socket | None = sock
        self.send: Send = sock.send
        self._buffer = b""
        self._fragments: bytearray | None = None
        self._discard = 0
        self._is_closing = False
        self._tail: memoryview | None = None
        self._session = shared.context.app.open_session(self)
        shared.loop.add_reader(sock.fileno(), self._readable)
        if received:
            self._take(received)

    # -- Transport ------------------------------------------------------------------------------------------------

    def watch_writable(self, callback: Callable[[], None] | None) -> None:
        if self._socket is None:
            return
        if callback is None:
            self._shared.loop.remove_writer(self._socket.fileno())
        else:
            self._shared.loop.add_writer(self._socket.fileno(), callback)

    def close(self, code: int, reason: str, *, before: bytes) -> None:
        if self._socket is None or self._is_closing:
            return
        self._is_closing = True
        self._tail = memoryview(before + close_frame(code, reason))
        self._shared.closing.add(self)
        self._write_tail()

    # -- private --------------------------------------------------------------------------------------------------

    def end(self) -> None:
        """Let go of the socket. A second time does nothing."""
        sock, self._socket = self._socket, None
        if sock is None:
            return
        loop = self._shared.loop
        loop.remove_reader(sock.fileno())
        loop.remove_writer(sock.fileno())
        sock.close()
        self._shared.closing.discard(self)
        self._shared.context.app.end_session(self._session, abrupt=not self._is_closing)

    def _readable(self) -> None:
        assert self._socket is not None
        shared = self._shared
        if self._session.phase is Phase.WAITING and not shared.entrance.enter():
            shared.loop.remove_reader(self._socket.fileno())
            shared.entrance.queue_up(self._go_on)
            return
        self._read()

    def _go_on(self) -> None:
        """Read again, after a wait at the entrance."""
        if self._socket is not None:
            self._shared.loop.add_reader(self._socket.fileno(), self._readable)
            self._read()

    def _read(self) -> None:
        """Until there is nothing more. After a reset uvloop calls its reader once and never again: who stopped at the
        bytes that came before it would not learn of the end."""
        for _ in range(READS_PER_TURN):
            if self._socket is None:
                return
            try:
                data = self._socket.recv(READ_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.end()
                return
            self._take(data)
        self._shared.loop.call_soon(self._read)

    def _take(self, data: bytes) -> None:
        if self._discard:
            skipped = min(self._discard, len(data))
            self._discard -= skipped
            data = data[skipped:]
        if self._buffer:
            data = self._buffer + data
        position = 0
        try:
            while self._socket is not None and (found := take_frame(data, position, self._shared.max_bytes)):
                first, payload, position = found
                self._frame(first, payload)
        except FrameFault as fault:
            self._fault(fault)
            return
        except Exception:
            log.exception("session %d failed", self._session.id)
            self._session.close(CloseCode.INTERNAL_ERROR, "a fault of the server")
            return
        self._buffer = data[position:]

    def _frame(self, first: int, payload: bytes) -> None:
        opcode = first & 0x0F
        if opcode == OP_CLOSE:
            self._close_came(payload)
        elif self._is_closing:
            pass  # nothing matters any more but the answer to our close
        elif opcode == OP_TEXT and first & _FIN and self._fragments is None:
            self._session.receive(payload)
        elif opcode == OP_PING:
            if self._session.heard():
                self._session.write(server_frame(payload, OP_PONG))
        elif opcode == OP_PONG:
            self._session.heard()
        elif opcode in (OP_TEXT, _OP_BINARY, _OP_CONTINUATION):
            self._message_part(first, payload)
        else:
            raise FrameFault(PROTOCOL_ERROR, "an opcode that is not defined")

    def _message_part(self, first: int, payload: bytes) -> None:
        """A message in fragments, or a binary one. The first byte of `_fragments` is the opcode of the whole."""
        opcode = first & 0x0F
        if not first & _FIN and not self._session.heard():
            return  # over the limit; a message that lacks a part is not taken, and the next fault ends it
        if (opcode == _OP_CONTINUATION) is (self._fragments is None):
            raise FrameFault(PROTOCOL_ERROR, "a continuation without a beginning, or the other way round")
        if self._fragments is None:
            self._fragments = bytearray((opcode,))
        self._fragments += payload
        if len(self._fragments) - 1 > self._shared.max_bytes:
            raise FrameFault(CloseCode.MESSAGE_TOO_BIG, f"a message has at most {self._shared.max_bytes} bytes")
        if first & _FIN:
            message, self._fragments = self._fragments, None
            if message[0] == _OP_BINARY:
                self._session.receive_binary()
            else:
                self._session.receive(bytes(message[1:]))

    def _close_came(self, payload: bytes) -> None:
        """The client closes, or answers our close (RFC 6455 section 5.5.1)."""
        if self._is_closing:
            if self._tail is None:
                self.end()
            return
        code = int.from_bytes(payload[:2], "big") if len(payload) != 0 else CloseCode.NORMAL
        before = self._session.unsent()
        self._session.closed(abrupt=False)
        self.close(code if _may_be_sent(code) else PROTOCOL_ERROR, "", before=before)
        if self._tail is None:
            self.end()

    def _fault(self, fault: FrameFault) -> None:
        """The bytes cannot be understood any more, or are too many: the rest of them is read and dropped, so that the
        close frame is not lost to a reset."""
        self._buffer = b""
        self._discard = fault.to_come
        if self._is_closing:
            return
        if fault.code in CloseCode._value2member_map_:
            self._session.close(CloseCode(fault.code), fault.reason)
        else:
            before = self._session.unsent()
            self._session.closed(abrupt=False)
            self.close(fault.code, fault.reason, before=before)

    def _write_tail(self) -> None:
        """Write what is left before the end; the loop calls again while the socket does not take it all."""
        if self._socket is None or self._tail is None:
            return
        try:
            taken = self._socket.send(self._tail)
        except BlockingIOError:
            taken = 0
        except OSError:
            self.end()
            return
        if taken < len(self._tail):
            self._tail = self._tail[taken:]
            self._shared.loop.add_writer(self._socket.fileno(), self._write_tail)
        else:
            self._tail = None
            self._shared.loop.remove_writer(self._socket.fileno())


def _may_be_sent(code: int) -> bool:
    """Whether a close frame may carry that code (RFC 6455 section 7.4, and the registry that it founded)."""
    return code in (1000, 1001, 1002, 1003) or 1007 <= code <= 1014 or 3000 <= code <= 4999
