"""A real server on a free port in this process, and real clients for it."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from lobby_server.server import LobbyServer
from lobby_server.service import drain
from lobby_server.settings import Settings
from lobby_server.store import open_store
from tests.patience import PATIENCE_S

SECRET = "a secret of the tests, thirty-two bytes or more"
DATABASE = "lobby.sqlite3"


@dataclass
class Answer:
    status: int
    body: Any
    headers: Any


class Client:
    """One socket of somebody. `next` takes messages in order; what is skipped must be named."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self.connection = connection
        self.stream = connection.protocol.stream

    async def send(self, message: Any, *, binary: bool = False) -> None:
        raw = message if isinstance(message, str | bytes) else json.dumps(message)
        await self.connection.write_message(raw, binary=binary)

    async def command(self, type_: str, **data: Any) -> None:
        await self.send({"type": type_, "data": data})

    async def next_raw(self) -> str | None:
        raw = await asyncio.wait_for(self.connection.read_message(), PATIENCE_S)
        return None if raw is None else str(raw)

    async def next(self, *, skipping: tuple[str, ...] = ()) -> Any:
        """The next message, those of the named types left out; None: the connection is over."""
        while True:
            raw = await self.next_raw()
            if raw is None:
                return None
            message = json.loads(raw)
            assert list(message) == ["type", "data"]
            if message["type"] not in skipping:
                return message

    async def expect(self, type_: str, **data: Any) -> Any:
        """The next message has that type, and at least these data; everything before it is left out."""
        while True:
            message = await self.next()
            assert message is not None, f"closed with {self.close_code} before {type_}"
            if message["type"] == type_ and data.items() <= message["data"].items():
                return message["data"]

    async def handshake(self, token: Any, *, version: str = "13020", name: str = "P") -> Any:
        await self.command("handshake", version=version, name=name, token=token)
        return await self.next()

    async def fence(self) -> list[Any]:
        """Everything that came until now: a ping goes out, and the answer marks the end."""
        await self.command("ping")
        seen = []
        while (message := await self.next()) is not None and message["type"] != "pong":
            seen.append(message)
        return seen

    async def closed(self) -> int | None:
        """Wait for the end; its close code."""
        while await self.next() is not None:
            pass
        return self.close_code

    @property
    def close_code(self) -> int | None:
        return self.connection.close_code


class Lobby:
    """The server under test and ways to it."""

    def __init__(self, server: LobbyServer) -> None:
        self.server = server
        self.http = AsyncHTTPClient(force_instance=True)
        self.clients: list[Client] = []
        self.writers: list[asyncio.StreamWriter] = []
        """Connections in bytes, which end with the test."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def token(self, user_id: int = 1, username: str = "ann", **changes: Any) -> str:
        claims = {
            "userId": user_id,
            "username": username,
            "iat": int(time.time()),
            "exp": int(time.time()) + 3600,
            "jti": f"test-{user_id}-{time.time_ns()}",
            **changes,
        }
        return jwt.encode({key: value for key, value in claims.items() if value is not None}, SECRET, "HS256")

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        sent = {**(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        payload = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
        response = await self.http.fetch(
            HTTPRequest(
                self.url + path,
                method=method,
                body=payload,
                headers=sent,
                allow_nonstandard_methods=True,
                decompress_response=False,
                follow_redirects=False,
                connect_timeout=PATIENCE_S,
                request_timeout=PATIENCE_S,
            ),
            raise_error=False,
        )
        content = response.body or b""
        is_json = response.headers.get("Content-Type", "").startswith("application/json")
        plain = "Content-Encoding" not in response.headers
        return Answer(
            response.code, json.loads(content) if content and is_json and plain else content, response.headers
        )

    async def written(self) -> None:
        """Return when everything is written that the server writes in the background, and no look at the store is under
        way."""
        app = self.server.app
        for idle in (app.writer.idle, app.revocations.idle, app.social.ties.idle, app.writer.idle):
            await asyncio.wait_for(idle(), PATIENCE_S)

    async def connect(self, token: str | None = None, *, path: str = "/ws", **options: Any) -> Client:
        """A socket; with a token its handshake is done and everything up to its own ``user_online`` is read."""
        client = Client(await websocket_connect(f"ws://127.0.0.1:{self.server.port}{path}", **options))
        self.clients.append(client)
        if token is not None:
            accepted = await client.handshake(token)
            assert accepted["type"] == "handshake_accepted", accepted
            await client.fence()
        return client


StartLobby = Callable[..., Any]
_tables: list[bytes] = []
"""A database without rows, as a server leaves it: its copy is there in a third of the time that its making takes, and
how tables are made is what the tests of the store are about."""


async def made_tables() -> bytes:
    if not _tables:
        with tempfile.TemporaryDirectory() as folder:
            await (await open_store("", Path(folder))).close()
            _tables.append((Path(folder) / DATABASE).read_bytes())
    return _tables[0]


def put_tables(tables: bytes, folder: Path) -> None:
    """Into a data folder that is new."""
    if not (folder / DATABASE).exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / DATABASE).write_bytes(tables)


@pytest.fixture
async def start_lobby(tmp_path: Path) -> AsyncIterator[StartLobby]:
    """Start servers with settings of one's own; all end with the test."""
    started: list[Lobby] = []

    async def start(**changes: Any) -> Lobby:
        if len(started) and changes.get("data_dir") is None and started[-1].server.is_running:
            changes["data_dir"] = tmp_path / f"data{len(started)}"  # one server a folder
        values = {"port": 0, "data_dir": tmp_path / "data", "jwt_secret": SECRET, "drain_s": 2.0, **changes}
        if "database_url" not in changes:
            put_tables(await made_tables(), Path(values["data_dir"]))
        server = LobbyServer(Settings(**values))
        await server.start()
        started.append(Lobby(server))
        return started[-1]

    yield start
    for lobby in started:
        for client in lobby.clients:
            client.connection.close()
        lobby.http.close()
        for writer in lobby.writers:
            writer.transport.abort()  # or the drain waits for an answer to its close frame
        await asyncio.sleep(0)  # in which they are closed
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(drain, "PAUSE_S", 0.001)  # what the drain does has been tested by now
            await lobby.server.drain()
        for client in lobby.clients:
            client.stream.close()  # messages that nobody read would keep its socket open


@pytest.fixture
async def lobby(start_lobby: StartLobby) -> Lobby:
    started: Lobby = await start_lobby(auth_rate_per_min=0.0)
    return started


@pytest.fixture(autouse=True)
def no_unexpected_errors(caplog: pytest.LogCaptureFixture) -> Any:
    """An error in the log fails the test, unless the test took it out."""
    yield
    errors = [record for record in caplog.get_records("call") if record.levelname in ("ERROR", "CRITICAL")]
    assert not errors, errors
