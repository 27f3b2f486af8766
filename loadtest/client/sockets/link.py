"""One WebSocket from its upgrade to its end: messages in, messages out. No retries, no timers, no signals.

Over websocket-client's low-level `WebSocket`. Everything that can end it comes out as `LinkEnded`, everything that
keeps it from starting as `OpenFailed`; nothing else is raised but `TimeoutError` by `receive`.
"""

from __future__ import annotations

import contextlib
import struct
from dataclasses import dataclass
from typing import Any

import websocket

from loadtest.client.counters import NO_CLOSE_FRAME, UNDECODABLE, UNKNOWN_TYPE, Counters
from loadtest.client.http import parse_retry_after_s
from loadtest.client.sockets.transport import ReadAheadSocket, open_stream
from loadtest.client.timing import Timing
from lobby_server.protocol.codes import CloseCode, may_reconnect
from lobby_server.protocol.messages import (
    Ack,
    ClientMessage,
    Refused,
    ServerMessage,
    ack_id_of,
    decode_server_message,
    encode,
)

PASSING_HTTP_STATUSES = frozenset({408, 425, 429})
"""Answers below 500 to an upgrade that may be different the next time; the others come from no lobby server."""


class OpenFailed(Exception):
    """No WebSocket came about. `refused`: a reason not to try again; `retry_after_s`: what the server asked for."""

    def __init__(self, why: str, *, refused: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.refused = refused
        self.retry_after_s = retry_after_s


class LinkEnded(Exception):
    """`code` is None where no close frame came. `refused`: a reason not to come back."""

    def __init__(self, why: str, *, code: int | None = None, refused: str | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.code = code
        self.refused = refused


@dataclass(frozen=True)
class Opened:
    """After the upgrade; `stream` may hold bytes already that came with its answer."""

    socket: _WebSocket
    stream: ReadAheadSocket

    @property
    def upgrade_s(self) -> float:
        """From asking for the connection to the arrival of the answer to its upgrade."""
        return self.stream.heard_s - self.stream.began_s


def open_websocket(url: str, timing: Timing, *, source: str | None = None) -> Opened:
    """TCP and the upgrade, from the address `source` if given. Raises `OpenFailed`; an `OSError` of the TCP connection
    is its ``__cause__``."""
    try:
        stream = open_stream(url, timeout_s=timing.connect_timeout_s, source=source)
    except (OSError, ValueError) as error:
        raise OpenFailed(f"{url}: {error}") from error
    # Multithreaded: its lock lets senders take turns with one another and with its own answers to pings.
    opened = Opened(_WebSocket(enable_multithread=True, skip_utf8_validation=True), stream)
    try:
        opened.socket.connect(  # type: ignore[no-untyped-call]
            url, socket=stream, timeout=timing.connect_timeout_s, suppress_origin=True, redirect_limit=0
        )
    except websocket.WebSocketBadStatusException as error:
        stream.close()
        retry_after = (error.resp_headers or {}).get("retry-after")
        raise open_failed_by_status(url, int(error.status_code), retry_after=retry_after) from None
    except (websocket.WebSocketException, OSError) as error:
        stream.close()
        raise OpenFailed(f"{url}: {error}") from None
    except BaseException:  # a greenlet that is killed on the way
        stream.close()
        raise
    return opened


class Link:
    """Open it, then one thread receives while any number send."""

    __slots__ = ("_counted_in", "_counted_out", "_counters", "_opened", "is_aborted")

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._opened: Opened | None = None
        self._counted_in = 0
        self._counted_out = 0
        self.is_aborted = False

    def open(self, url: str, timing: Timing) -> None:
        """TCP and the upgrade. Raises `OpenFailed`."""
        opened = open_websocket(url, timing)
        self._opened = opened
        self._count_bytes(opened.stream)

    def send(self, message: ClientMessage) -> None:
        """Raises `LinkEnded`: what was sent before may or may not have arrived."""
        opened = self._opened
        if opened is None:
            raise LinkEnded("not open")
        try:
            payload = encode(message)
            opened.socket.send(payload)
        except (websocket.WebSocketException, OSError) as error:
            opened.stream.abort()  # half a frame may be out: nothing may follow it; and the reader has to know
            raise LinkEnded(f"sending failed: {error}") from None
        self._counters.messages_out[message.TYPE] += 1
        self._counters.payload_out[message.TYPE] += len(payload)

    def receive(self, timeout_s: float) -> ServerMessage | None:
        """The next message; None for a frame that carries none for us (a ping, a type that we do not know).

        Raises `TimeoutError` when nothing came, `LinkEnded` when the connection is over.
        """
        opened = self._opened
        if opened is None:
            raise LinkEnded("not open")
        stream = opened.stream
        stream.settimeout(timeout_s)
        try:
            opcode, frame = opened.socket.recv_data_frame(control_frame=True)
        except websocket.WebSocketTimeoutException:
            raise TimeoutError from None
        except (websocket.WebSocketException, OSError) as error:
            raise LinkEnded(str(error) or type(error).__name__) from None
        finally:
            self._count_bytes(stream)
        if opcode == websocket.ABNF.OPCODE_TEXT:
            return self._decode(frame.data)
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            raise ended_by_close_frame(frame.data)
        return None

    def say_goodbye(self) -> None:
        """Send the close frame; the reader then meets the server's. Never raises."""
        opened = self._opened
        if opened is not None:
            opened.socket.send_close(CloseCode.NORMAL)

    def abort(self) -> None:
        """Lose the connection as a network would: no close frame, a reset for the server, the reader wakes."""
        self.is_aborted = True
        opened = self._opened
        if opened is not None:
            opened.stream.abort()

    def close(self, ending: LinkEnded | None = None) -> None:
        """Give the socket back; the reader's last call. `ending` is counted by its close code."""
        opened, self._opened = self._opened, None
        if opened is not None:
            self._count_bytes(opened.stream)
            opened.stream.close()
        if ending is not None and not self.is_aborted:
            self._counters.close_codes[NO_CLOSE_FRAME if ending.code is None else str(ending.code)] += 1

    def _decode(self, payload: bytes) -> ServerMessage | None:
        try:
            message = decode_server_message(payload)
        except Refused:
            self._counters.messages_in[UNDECODABLE] += 1
            return None
        name = UNKNOWN_TYPE if message is None else message.TYPE
        self._counters.messages_in[name] += 1
        self._counters.payload_in[name] += len(payload)
        if (ack_id := ack_id_of(payload)) is not None:
            self.send(Ack(id=ack_id))  # at once, before anybody does anything with it: the server times this
        return message

    def _count_bytes(self, stream: ReadAheadSocket) -> None:
        self._counters.bytes_in += stream.bytes_in - self._counted_in
        self._counters.bytes_out += stream.bytes_out - self._counted_out
        self._counted_in, self._counted_out = stream.bytes_in, stream.bytes_out


class _WebSocket(websocket.WebSocket):
    """The answer to a close frame may fail when the peer is gone already; its close code matters more."""

    def send_close(self, *args: Any, **kwargs: Any) -> None:
        with contextlib.suppress(OSError, websocket.WebSocketException):  # WebSocketException: it is closed already
            super().send_close(*args, **kwargs)


def ended_by_close_frame(data: bytes) -> LinkEnded:
    """What the payload of a close frame says."""
    if len(data) < 2:
        return LinkEnded("closed without a code", code=1005)
    (code,) = struct.unpack_from("!H", data)
    reason = data[2:].decode("utf-8", "replace")
    refused = None if may_reconnect(code) else _name_of(code)
    return LinkEnded(f"closed with {code} {_name_of(code)}" + f": {reason}" * bool(reason), code=code, refused=refused)


def _name_of(code: int) -> str:
    try:
        return CloseCode(code).name.lower()
    except ValueError:
        return f"close_{code}"


def open_failed_by_status(url: str, status: int, *, retry_after: str | None) -> OpenFailed:
    """The answer to an upgrade was another one than 101."""
    is_final = status < 500 and status not in PASSING_HTTP_STATUSES
    return OpenFailed(
        f"{url} answered the upgrade with {status}",
        refused=f"http_{status}" if is_final else None,
        retry_after_s=parse_retry_after_s(retry_after),
    )
