"""From a ``wss://`` address to an upgraded, non-blocking socket for the shared reader.

websocket-client makes the upgrade; then its socket is taken over, with the bytes that came along. It blocks, so it
runs in a greenlet of the crew. Without TLS `loadtest.wire.outgoing.opener` needs neither.
"""

from __future__ import annotations

import errno
import ssl
from dataclasses import dataclass
from typing import Any

from loadtest.client.sockets.link import OpenFailed, open_websocket
from loadtest.client.sockets.transport import ReadAheadSocket
from loadtest.client.timing import Timing
from loadtest.wire.addresses import SourceAddresses

_LARGEST_RECORD_BYTES = 16_384
"""Of TLS. With room for that, nothing decrypted stays behind, of which the epoll would never tell."""


@dataclass(frozen=True, slots=True)
class Opened:
    sock: Any
    unread: bytes
    bytes_in: int
    bytes_out: int
    upgrade_s: float
    """From asking for the connection to the arrival of the answer to its upgrade, without what this process was late in
    between: the server and the network."""
    heard_s: float
    """When what is unread arrived."""
    was_asked_again: bool = False
    """The first packet (SYN) had to be sent again; False where that is not known."""


def open_for_reader(url: str, timing: Timing, sources: SourceAddresses) -> Opened:
    """Raises `OpenFailed`."""
    source = sources.take()
    try:
        opened = open_websocket(url, timing, source=source)
    except OpenFailed as failed:
        cause = failed.__cause__
        if (
            source is None
            or not isinstance(cause, OSError)
            or cause.errno not in (errno.EADDRNOTAVAIL, errno.EADDRINUSE)
        ):
            raise
        sources.go_on()
        opened = open_websocket(url, timing, source=sources.take())
    stream, upgrade_s = opened.stream, opened.upgrade_s
    sock, unread = stream.release()
    if not isinstance(sock, ssl.SSLSocket):
        raise OpenFailed(f"{url}: this way is for TLS")
    sock.setblocking(False)
    return _take_over(_TlsSocket(sock), unread, stream, upgrade_s)


def _take_over(sock: _TlsSocket, unread: bytes, stream: ReadAheadSocket, upgrade_s: float) -> Opened:
    try:
        decrypted = sock.recv(1 << 16)  # of which the epoll would never tell
    except BlockingIOError:
        decrypted = b""
    return Opened(
        sock, unread + decrypted, stream.bytes_in + len(decrypted), stream.bytes_out, upgrade_s, stream.heard_s
    )


class _TlsSocket:
    """TLS in the manner of a plain non-blocking socket: `recv` takes all that is decrypted, for the epoll sees only
    what is not."""

    __slots__ = ("_sock", "fileno", "setsockopt")

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._sock = sock
        self.fileno = sock.fileno
        self.setsockopt = sock.setsockopt

    def recv(self, most_bytes: int, flags: int = 0) -> bytes:
        if flags:
            raise BlockingIOError
        chunk = b""
        try:
            chunk = self._sock.recv(most_bytes)
            while self._sock.pending():
                chunk += self._sock.recv(most_bytes)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            if not chunk:
                raise BlockingIOError from None
        return chunk

    def recvmsg_into(
        self, into: list[memoryview], _control_bytes: int
    ) -> tuple[int, list[tuple[int, int, bytes]], int, None]:
        """Without a stamp: the kernel's are of the records, not of what is in them."""
        view, size = into[0], 0
        try:
            size = self._sock.recv_into(view)
            while self._sock.pending() and len(view) - size >= _LARGEST_RECORD_BYTES:
                size += self._sock.recv_into(view[size:])
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            if not size:
                raise BlockingIOError from None
        return size, [], 0, None

    def send(self, data: bytes) -> int:
        try:
            return self._sock.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None

    def close(self) -> None:
        self._sock.close()
