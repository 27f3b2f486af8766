"""What carries the bytes of one connection: a bare socket, or TLS over one. Everything above is the same for both.

A wire has the manners of a non-blocking socket: `send` says how much was taken and raises `BlockingIOError` when that
is nothing; another `OSError` means that the connection is over. One callback is told when there is something to read
and one when there is room to write.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Protocol

from lobby_server.service.ports import Send

RECORD_BYTES = 16 * 1024
"""The most that one TLS record carries (RFC 8446 section 5.1)."""

Callback = Callable[[], None]


class Wire(Protocol):
    """One connection's bytes, on the loop."""

    @property
    def socket(self) -> socket.socket:
        """For whoever takes the connection over after `release`."""

    @property
    def send(self) -> Send: ...

    def recv(self, size: int, /) -> bytes:
        """What there is, at most `size`; empty at the end. Raises `BlockingIOError` when there is nothing. With less
        than `RECORD_BYTES` a part of a TLS record may stay behind, of which no callback is told."""

    def watch_readable(self, callback: Callback | None) -> None: ...

    def watch_writable(self, callback: Callback | None) -> None: ...

    def release(self) -> None:
        """Watch nothing any more, and leave the socket to somebody else."""

    def end_sending(self) -> None:
        """Nothing more is written: the other end reads the end. What is read from now on is good for nothing but to be
        dropped until it ends, too."""

    def close(self) -> None:
        """Let go of the socket; over TLS with a farewell (RFC 8446 section 6.1), if there is room for one."""


class PlainWire(socket.socket):
    """A bare socket, which is a wire by itself: one object for both, of which a server holds thousands, and no call in
    between when it is written to or read from."""

    __slots__ = ("_loop",)

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        family: socket.AddressFamily,
        kind: socket.SocketKind,
        proto: int,
        fileno: int,
    ) -> None:
        """Takes over a descriptor."""
        super().__init__(family, kind, proto, fileno)
        self._loop = loop

    def watch_readable(self, callback: Callback | None) -> None:
        if callback is None:
            self._loop.remove_reader(self.fileno())
        else:
            self._loop.add_reader(self.fileno(), callback)

    def watch_writable(self, callback: Callback | None) -> None:
        if callback is None:
            self._loop.remove_writer(self.fileno())
        else:
            self._loop.add_writer(self.fileno(), callback)

    def release(self) -> None:
        self.watch_readable(None)
        self.watch_writable(None)

    def end_sending(self) -> None:
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Also what closes it for whoever took it over: a second time does nothing."""
        if self.fileno() >= 0:
            self.release()
        super().close()

    @property
    def socket(self) -> socket.socket:
        return self


class TlsWire:
    """TLS over a socket. `do_handshake` comes first.

    OpenSSL may have to read in order to write, and the other way round (key updates). `_reading_waits` and
    `_writing_waits` say which of the two is held up by the other; the socket is then watched for what is missing. A
    write that was not taken whole has to be repeated from the same bytes, which is what every caller does with a rest.
    """

    __slots__ = ("_loop", "_on_readable", "_on_writable", "_reading_waits", "_writing_waits", "socket")

    def __init__(self, sock: ssl.SSLSocket, loop: asyncio.AbstractEventLoop) -> None:
        self.socket = sock
        self._loop = loop
        self._on_readable: Callback | None = None
        self._on_writable: Callback | None = None
        self._reading_waits = self._writing_waits = False

    def do_handshake(self) -> bool:
        """Go on with the handshake, each time that `watch_readable`'s callback is called; True: it is done. Raises
        `OSError` when it failed."""
        try:
            self.socket.do_handshake()
        except ssl.SSLWantReadError:
            self._set_waits(reading=False)
            return False
        except ssl.SSLWantWriteError:
            self._set_waits(reading=True)
            return False
        self._set_waits(reading=False)
        return True

    def send(self, data: bytes | memoryview) -> int:
        """Record by record: what is not begun is not taken, so a full socket never holds more than one of them."""
        taken, size = 0, len(data)
        view = data if size <= RECORD_BYTES else memoryview(data)
        try:
            while taken < size:
                taken += self.socket.send(view[taken : taken + RECORD_BYTES] if size > RECORD_BYTES else view)
        except ssl.SSLWantWriteError:
            if not taken:
                raise BlockingIOError from None
        except ssl.SSLWantReadError:
            self._set_waits(writing=True)
            if not taken:
                raise BlockingIOError from None
        return taken

    def recv(self, size: int) -> bytes:
        try:
            data = self.socket.recv(size)
        except ssl.SSLWantReadError:
            self._set_waits(reading=False)
            raise BlockingIOError from None
        except ssl.SSLWantWriteError:
            self._set_waits(reading=True)
            raise BlockingIOError from None
        except ssl.SSLZeroReturnError:
            return b""
        self._set_waits(reading=False)
        return data

    def watch_readable(self, callback: Callback | None) -> None:
        self._on_readable = callback
        self._watch()

    def watch_writable(self, callback: Callback | None) -> None:
        self._on_writable = callback
        self._watch()

    def release(self) -> None:
        self._on_readable = self._on_writable = None
        self._reading_waits = self._writing_waits = False
        self._watch()

    def end_sending(self) -> None:
        self._say_farewell()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)  # from here on Python's socket is a bare one

    def close(self) -> None:
        self.release()
        self._say_farewell()
        self.socket.close()

    # -- private --------------------------------------------------------------------------------------------------

    def _say_farewell(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.socket.unwrap()  # that the other end has not said it is an error, which does not matter here

    def _set_waits(self, *, reading: bool | None = None, writing: bool | None = None) -> None:
        if reading is not None and reading is not self._reading_waits:
            self._reading_waits = reading
            self._watch()
        if writing is not None and writing is not self._writing_waits:
            self._writing_waits = writing
            self._watch()

    def _watch(self) -> None:
        fd = self.socket.fileno()
        if fd < 0:
            return
        if self._on_readable is not None or (self._on_writable is not None and self._writing_waits):
            self._loop.add_reader(fd, self._readable)
        else:
            self._loop.remove_reader(fd)
        if (self._on_writable is not None and not self._writing_waits) or (
            self._on_readable is not None and self._reading_waits
        ):
            self._loop.add_writer(fd, self._writable)
        else:
            self._loop.remove_writer(fd)

    def _readable(self) -> None:
        was_waiting, self._writing_waits = self._writing_waits, False
        if was_waiting:
            self._watch()
            if self._on_writable is not None:
                self._on_writable()
        if self._on_readable is not None:
            self._on_readable()

    def _writable(self) -> None:
        was_waiting, self._reading_waits = self._reading_waits, False
        if was_waiting:
            self._watch()
            if self._on_readable is not None:
                self._on_readable()
        if self._on_writable is not None and not self._writing_waits:
            self._on_writable()
