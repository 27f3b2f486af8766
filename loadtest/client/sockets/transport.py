"""The stream under a WebSocket: a socket that reads ahead and whose sends finish.

websocket-client reads the upgrade byte by byte and each frame with two or three `recv`: here they come from a buffer
that one system call filled. And it has one timeout for both directions, while our reader changes it all the time: a
send in another thread must not be cut in the middle of a frame by that, so `send` has a deadline of its own.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from urllib.parse import urlsplit

from loadtest.client.sockets.arrival import HAS_STAMPS, STAMP_BYTES, ArrivalClock, stamp_arrivals

READ_AHEAD_BYTES = 16_384
LEAST_TIMEOUT_S = 0.001
"""A timeout of 0 would switch the socket to non-blocking, which websocket-client treats differently."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class ReadAheadSocket:
    """As much of a socket as websocket-client uses. One reader; any number of senders who take turns."""

    __slots__ = (
        "_buffer", "_closed", "_is_stamped", "_position", "_send_timeout_s", "_sock", "_timeout_s", "began_s",
        "bytes_in", "bytes_out", "heard_s",
    )  # fmt: skip

    def __init__(self, sock: socket.socket, *, send_timeout_s: float, began_s: float | None = None) -> None:
        """`began_s`: when the connection was asked for."""
        self.began_s = time.perf_counter() if began_s is None else began_s
        self.heard_s = self.began_s
        """When what was read last arrived (`time.perf_counter`)."""
        self._is_stamped = HAS_STAMPS and not isinstance(sock, ssl.SSLSocket)
        self._sock = sock
        self._send_timeout_s = send_timeout_s
        self._timeout_s: float | None = sock.gettimeout()
        self._buffer = b""
        self._position = 0
        self._closed = False
        self.bytes_in = 0
        self.bytes_out = 0

    def recv(self, most_bytes: int) -> bytes:
        """Raises `TimeoutError` when nothing came in time; what was read before stays in the buffer."""
        position = self._position
        if position == len(self._buffer):
            chunk = self._receive()
            self.bytes_in += len(chunk)
            if len(chunk) <= most_bytes:
                return chunk
            self._buffer = chunk
            position = 0
        end = position + most_bytes
        part = self._buffer[position:end]
        if end >= len(self._buffer):
            self._buffer, self._position = b"", 0
        else:
            self._position = end
        return part

    def _receive(self) -> bytes:
        if not self._is_stamped:
            chunk = self._sock.recv(READ_AHEAD_BYTES)
            self.heard_s = time.perf_counter()
            return chunk
        chunk, control, _, _ = self._sock.recvmsg(READ_AHEAD_BYTES, STAMP_BYTES)
        self.heard_s = _arrivals.arrived_s(control, time.perf_counter())
        return chunk

    def send(self, data: bytes) -> int:
        """All of `data`, or `TimeoutError` after the send timeout: then a frame may be cut, close the connection."""
        view = memoryview(data)
        deadline_s = time.monotonic() + self._send_timeout_s
        while view:
            try:
                view = view[self._sock.send(view) :]
            except TimeoutError:
                if time.monotonic() >= deadline_s:
                    raise
        self.bytes_out += len(data)
        return len(data)

    def settimeout(self, timeout_s: float | None) -> None:
        if timeout_s is not None:
            timeout_s = max(timeout_s, LEAST_TIMEOUT_S)
        if timeout_s != self._timeout_s:
            self._timeout_s = timeout_s
            self._sock.settimeout(timeout_s)

    def gettimeout(self) -> float | None:
        return self._timeout_s

    def shutdown(self, how: int) -> None:
        self._sock.shutdown(how)

    def abort(self) -> None:
        """End it as a lost network would: wakes the reader, and the peer gets a reset instead of a goodbye."""
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._sock.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        self._closed = True
        self._sock.close()

    def release(self) -> tuple[socket.socket, bytes]:
        """The socket and what was read of it and not used: for somebody else, who reads on. The last call."""
        unread, self._buffer = self._buffer[self._position :], b""
        self._closed = True
        return self._sock, unread

    def fileno(self) -> int:
        return self._sock.fileno()


def open_stream(url: str, *, timeout_s: float, source: str | None = None) -> ReadAheadSocket:
    """Connect to the host of a ``ws://`` or ``wss://`` address, from the address `source` if one is given.

    Raises `OSError`.
    """
    host, port = address_of(url)
    sock, began_s = _connect(host, port, timeout_s=timeout_s, source=source)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if urlsplit(url).scheme == "wss":
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
        else:
            stamp_arrivals(sock)
    except BaseException:
        sock.close()
        raise
    return ReadAheadSocket(sock, send_timeout_s=timeout_s, began_s=began_s)


def _connect(host: str, port: int, *, timeout_s: float, source: str | None) -> tuple[socket.socket, float]:
    """`socket.create_connection`, and when the connection was asked for: after the name was looked up."""
    error: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(timeout_s)
            if source is not None:
                sock.bind((source, 0))
            began_s = time.perf_counter()
            sock.connect(address)
        except OSError as failed:
            error = failed
            sock.close()
        except BaseException:
            sock.close()
            raise
        else:
            return sock, began_s
    raise error if error is not None else OSError(f"{host} has no address")


_arrivals = ArrivalClock()
"""Of this process; it remembers nothing of any connection."""


def address_of(url: str) -> tuple[str, int]:
    """Host and port of an HTTP or WebSocket address; the scheme's default port where it names none."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme in ("https", "wss") else 80)


def socket_url(http_url: str, path: str = "/") -> str:
    """The WebSocket address on an HTTP server: ``http://host:port`` → ``ws://host:port/``, ``https`` → ``wss``. `path`
    begins with a slash, and is below the path of `http_url`."""
    parts = urlsplit(http_url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}{path}"
