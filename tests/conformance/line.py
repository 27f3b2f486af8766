"""One connection to the server under test, in the way's own manner: raw bytes out in segments, raw bytes in."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path

from tests.conformance.case import Way

CERTIFICATE = Path(__file__).parent.parent / "web" / "certs" / "cert.pem"
_TCP_TABLE = Path("/proc/net/tcp")
_HAS_TABLE = _TCP_TABLE.exists()
_LOOK_S = 0.004
_WITHOUT_TABLE_S = 0.05
_PATIENCE_S = 10.0


class Reads:
    """Tells when a server has read all that was sent to it, by the receive queue of its end of the connection.

    One look at the kernel's table serves everybody who waits, and at most half of the time goes into looking. Without
    such a table a short time has to do.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], asyncio.Future[None]] = {}
        self._looks: asyncio.Task[None] | None = None

    async def wait(self, server_port: int, client_port: int) -> None:
        """Until nothing lies unread there, or the connection is gone."""
        if not _HAS_TABLE:
            await asyncio.sleep(_WITHOUT_TABLE_S)
            return
        ends = _end(server_port), _end(client_port)
        future = self._waiting[ends] = asyncio.get_running_loop().create_future()
        if self._looks is None or self._looks.done():
            self._looks = asyncio.create_task(self._look())
        try:
            await asyncio.wait_for(future, _PATIENCE_S)
        except asyncio.TimeoutError:
            self._waiting.pop(ends, None)  # a server that does not read: the next segment goes out all the same

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            start_s = loop.time()
            unread = self._unread()
            for ends in list(self._waiting):
                if ends not in unread:
                    _done(self._waiting.pop(ends, None))
            await asyncio.sleep(max(_LOOK_S, loop.time() - start_s))

    def _unread(self) -> set[tuple[str, str]]:
        """Both ends, the server's first, of those who wait and have bytes in the server's receive queue."""
        found = set()
        for line in _TCP_TABLE.read_text().splitlines():
            _, local, remote, _, queues, _ = line.split(None, 5)
            if (local, remote) in self._waiting and not queues.endswith(":00000000"):
                found.add((local, remote))
        return found


class Line:
    """A connection. `received` grows until `has_ended`."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server_port: int, reads: Reads
    ) -> None:
        self.received = b""
        self.has_ended = False
        self._reader = reader
        self._writer = writer
        self._reads = reads
        self._server_port = server_port
        self._port: int = writer.get_extra_info("sockname")[1]

    @classmethod
    async def open(cls, port: int, way: Way, reads: Reads) -> Line:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=_trust() if way.is_tls else None)
        return cls(reader, writer, port, reads)

    def send(self, data: bytes) -> None:
        """One segment: TCP_NODELAY is set, and the one before was read. Lost when the server has ended."""
        if not self._writer.is_closing():
            self._writer.write(data)

    async def read_by_server(self) -> None:
        with contextlib.suppress(OSError):
            await self._writer.drain()
        if not self.has_ended:
            await self._reads.wait(self._server_port, self._port)

    async def more(self) -> bytes:
        """The next bytes, b"" at the end. A reset is an end."""
        try:
            data = await self._reader.read(65536)
            self.has_ended = not data
        except (OSError, ssl.SSLError):
            data = self._before_the_reset()
            self.has_ended = True
        self.received += data
        return data

    def _before_the_reset(self) -> bytes:
        """What came before a reset and was not read yet, which asyncio's reader does not give out any more: on a busy
        machine the server's patience for an answer to its close frame is over before the frame is read here."""
        kept: bytearray = self._reader._buffer  # type: ignore[attr-defined]
        data = bytes(kept)
        kept.clear()
        return data

    async def end(self) -> None:
        self._writer.transport.abort()
        with contextlib.suppress(OSError, ssl.SSLError):
            await self._writer.wait_closed()


def _end(port: int) -> str:
    return f"0100007F:{port:04X}"


def _done(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


def _trust() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(CERTIFICATE))
    context.check_hostname = False  # the pair is for localhost
    return context
