"""A client on each of the ways in, in bytes: it says what it is told to and answers nothing by itself."""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
import zlib
from pathlib import Path
from typing import Any

from lobby_server.web.websocket.reader import unmask
from tests.patience import PATIENCE_S
from tests.web.conftest import Lobby, StartLobby

CERTS = Path(__file__).parents[1] / "certs"
WAYS = ("bare", "split", "tls", "deflate", "tls and deflate")
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MASK = b"\x37\xfa\x21\x3d"
TEXT, BINARY, CLOSE, PING, PONG = 0x81, 0x82, 0x88, 0x89, 0x8A


async def start_way(start_lobby: StartLobby, way: str, **settings: Any) -> Lobby:
    """A server for one of the ways."""
    if "tls" in way:
        settings |= {"tls_cert": str(CERTS / "cert.pem"), "tls_key": str(CERTS / "key.pem")}
    lobby: Lobby = await start_lobby(compression="deflate" in way, **settings)
    return lobby


def masked(payload: bytes, first: int = TEXT) -> bytes:
    size = len(payload)
    header = bytes((first, 0x80 | size)) if size < 126 else bytes((first, 0xFE)) + size.to_bytes(2, "big")
    return header + MASK + unmask(MASK, payload)


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(CERTS / "cert.pem"))
    context.check_hostname = False
    return context


def upgrade(*lines: str, path: str = "/ws", version: str = "HTTP/1.1") -> bytes:
    fields = [
        "Host: lobby.test",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
        *lines,
    ]
    return "\r\n".join([f"GET {path} {version}", *fields, "", ""]).encode()


class Peer:
    """One connection. Frames of the server are read one at a time; a compressed one is inflated."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.compressed = 0
        """Frames that came compressed."""

    @classmethod
    async def connect(cls, lobby: Lobby, *, tls: bool | None = None) -> Peer:
        """A connection of which nothing is said yet."""
        is_tls = bool(lobby.server.settings.tls_cert) if tls is None else tls
        context = trusting() if is_tls else None
        reader, writer = await asyncio.open_connection("127.0.0.1", lobby.server.port, ssl=context, limit=1 << 20)
        lobby.writers.append(writer)
        return cls(reader, writer)

    @classmethod
    async def open(cls, lobby: Lobby, way: str = "bare", *, path: str = "/ws", token: str | None = None) -> Peer:
        """A WebSocket; with a token, its handshake is sent."""
        peer = await cls.connect(lobby)
        request = upgrade(*(["Sec-WebSocket-Extensions: permessage-deflate"] if "deflate" in way else []), path=path)
        cuts = [0, 20, 50, len(request)] if way == "split" else [0, len(request)]
        for start, end in itertools.pairwise(cuts):
            await peer.send(request[start:end])
            await asyncio.sleep(0.01 if way == "split" else 0)
        status, _ = await peer.response_head()
        assert status == 101
        if token is not None:
            await peer.say("handshake", version="1", name="P", token=token)
        return peer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await asyncio.wait_for(self.writer.drain(), PATIENCE_S)

    async def say(self, type_: str, **data: Any) -> None:
        await self.send(masked(json.dumps({"type": type_, "data": data}).encode()))

    async def response_head(self) -> tuple[int, dict[str, str]]:
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        first, *lines = head.decode().split("\r\n")[:-2]
        fields = dict(line.split(": ", 1) for line in lines)
        return int(first.split()[1]), {name.lower(): value for name, value in fields.items()}

    async def response(self) -> tuple[int, dict[str, str], Any]:
        """An answer whose body is JSON."""
        status, fields = await self.response_head()
        size = int(fields.get("content-length", "0"))
        body = await asyncio.wait_for(self.reader.readexactly(size), PATIENCE_S)
        return status, fields, json.loads(body) if body else None

    async def frame(self) -> tuple[int, bytes]:
        """First byte and payload; (0, b"") at the end of the connection."""
        try:
            first, size = await self._take(2)
            if size > 125:
                size = int.from_bytes(await self._take(2 if size == 126 else 8), "big")
            payload = await self._take(size)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            return 0, b""
        if first & 0x40:
            self.compressed += 1
            first, payload = first & ~0x40, zlib.decompressobj(-15).decompress(payload + b"\x00\x00\xff\xff")
        return first, payload

    async def _take(self, size: int) -> bytes:
        """Also what came before a reset, which asyncio's reader does not give out any more."""
        try:
            return await asyncio.wait_for(self.reader.readexactly(size), PATIENCE_S)
        except (ConnectionError, ssl.SSLError):
            kept: bytearray = self.reader._buffer  # type: ignore[attr-defined]
            if len(kept) < size:
                raise
            taken = bytes(kept[:size])
            del kept[:size]
            return taken

    async def expect(self, type_: str) -> Any:
        """The data of the next message of that type; those before it are left out, and pings."""
        while True:
            first, payload = await self.frame()
            if first == PING:
                continue
            assert first == TEXT, (first, payload)
            message = json.loads(payload)
            if message["type"] == type_:
                return message["data"]

    async def closed(self) -> int | None:
        """Wait for a close frame; its code. None: the connection ended without one."""
        while True:
            first, payload = await self.frame()
            if first == 0:
                return None
            if first == CLOSE:
                return int.from_bytes(payload[:2], "big")

    async def ended(self) -> None:
        """Wait for the end of the connection."""
        try:
            while await asyncio.wait_for(self.reader.read(65_536), PATIENCE_S):
                pass
        except (ConnectionError, ssl.SSLError):
            pass
