"""A lobby server with known faults: what it delays, loses or doubles is what the harness has to find.

It speaks as much of the protocol as the lab uses and is no model of a good server. It runs in a thread of
the process of the test.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jwt
import tornado.httpserver
import tornado.netutil
import tornado.web
import tornado.websocket

from tests.patience import PATIENCE_S

SECRET = "a secret of the tests, 32 bytes long or more"


@dataclass(frozen=True)
class Faults:
    delay_s: float = 0.0
    """Between a change and its announcement."""
    lose_every: int = 0
    """Each so-manyth announcement to a socket is left out; 0: none."""
    double_every: int = 0
    """Each so-manyth announcement to a socket is sent twice; 0: none."""


class FakeLobby:
    """Has what a scenario needs of `bench.processes.lab.Server`."""

    def __init__(self, faults: Faults = Faults(), *, list_bytes: int = 0) -> None:
        """`list_bytes`: the room list is filled up with spaces to that size."""
        self.faults = faults
        self.list_bytes = list_bytes
        self.jwt_secret = SECRET
        self.port = 0
        self.pid = os.getpid()
        self.sockets: list[_Socket] = []
        self.rooms: dict[str, dict[str, Any]] = {}
        self.revision = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._sent = 0

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def start(self) -> FakeLobby:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self._thread.start()
        assert ready.wait(10)
        return self

    def stop(self) -> int:
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join(PATIENCE_S)
            self._loop = None
        return 0

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        routes = [
            (r"/ws", _Socket, {"lobby": self}),
            (r"/api/protocol", _Contract),
            (r"/api/rooms", _Rooms, {"lobby": self}),
            (r"/api/rooms/(.+)", _Room, {"lobby": self}),
        ]
        server = tornado.httpserver.HTTPServer(tornado.web.Application(routes))
        listening = tornado.netutil.bind_sockets(self.port, "127.0.0.1")
        self.port = listening[0].getsockname()[1]
        server.add_sockets(listening)
        ready.set()
        await self._ended.wait()
        server.stop()
        for socket in self.sockets:
            socket.close(1001, "going away")
        await server.close_all_connections()

    def changed(self) -> None:
        self.revision += 1
        assert self._loop is not None
        self._loop.call_later(self.faults.delay_s, self._announce)

    def _announce(self) -> None:
        for socket in self.sockets:
            self._sent += 1
            if self.faults.lose_every and not self._sent % self.faults.lose_every:
                continue
            socket.say("rooms_changed", {})
            if self.faults.double_every and not self._sent % self.faults.double_every:
                socket.say("rooms_changed", {})


class _Socket(tornado.websocket.WebSocketHandler):
    def initialize(self, lobby: FakeLobby) -> None:
        self.lobby = lobby

    def say(self, kind: str, data: dict[str, Any]) -> None:
        if self.ws_connection is not None:
            self.write_message(json.dumps({"type": kind, "data": data}, separators=(",", ":")))

    def on_message(self, message: str | bytes) -> None:
        received = json.loads(message)
        if received["type"] == "ping":
            self.say("pong", {"ts": 1_234_567_890_123})
            return
        claims = jwt.decode(received["data"]["token"], SECRET, algorithms=["HS256"])
        user = {"user_id": claims["userId"], "username": claims["username"]}
        self.say("handshake_accepted", {"peer_id": 0, **user})
        self.lobby.sockets.append(self)
        for socket in self.lobby.sockets:
            socket.say("user_online", user)

    def on_close(self) -> None:
        if self in self.lobby.sockets:
            self.lobby.sockets.remove(self)


class _Contract(tornado.web.RequestHandler):
    def get(self) -> None:
        self.write({"timers": {"heartbeat_timeout_s": 75.0, "rooms_notify_interval_ms": 250}})


class _Rooms(tornado.web.RequestHandler):
    def initialize(self, lobby: FakeLobby) -> None:
        self.lobby = lobby

    def compute_etag(self) -> str | None:
        return None

    def get(self) -> None:
        etag = f'"{self.lobby.revision}"'
        self.set_header("ETag", etag)
        if self.request.headers.get("If-None-Match") == etag:
            self.set_status(304)
            return
        rooms = list(self.lobby.rooms.values())[::-1]
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.write(json.dumps({"count": len(rooms), "rooms": rooms}).ljust(self.lobby.list_bytes))

    def post(self) -> None:
        asked = json.loads(self.request.body)
        room_id = f"room{len(self.lobby.rooms)}-{self.lobby.revision}"
        room = {
            "id": room_id, "host_username": "host", "gamemode": asked["gamemode"], "map_name": asked["mapName"],
            "current_players": 1, "max_players": 8, "created_at": "2026-01-01T00:00:00.000Z", "is_full": False,
        }  # fmt: skip
        self.lobby.rooms[room_id] = room
        self.lobby.changed()
        self.set_status(201)
        self.write({"success": True, "room": room})


class _Room(tornado.web.RequestHandler):
    def initialize(self, lobby: FakeLobby) -> None:
        self.lobby = lobby

    def delete(self, room_id: str) -> None:
        del self.lobby.rooms[room_id]
        self.lobby.changed()
        self.write({"success": True})


@contextmanager
def fake_lobby(flags: Sequence[str] = (), *, faults: Faults = Faults(), list_bytes: int = 0) -> Iterator[FakeLobby]:
    """A server factory as `bench.processes.lab.Lab` wants one."""
    lobby = FakeLobby(faults, list_bytes=list_bytes).start()
    try:
        yield lobby
    finally:
        lobby.stop()
