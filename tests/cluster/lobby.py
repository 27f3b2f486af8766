"""One lobby of several real server processes, a real Valkey and a real PostgreSQL; clients that talk to any node."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import websocket

from bench.processes.target import Target
from tests.backplane.engine import Engine
from tests.patience import PATIENCE_S
from tests.process.clients import call, connect, token_of

UNHURRIED = ("--heartbeat-timeout-s", "600", "--empty-room-ttl-s", "3600")
"""Of every node: a socket answers pings only while its test listens, and rooms stay, unless a test says otherwise."""
LASTING = ("--node-timeout-s", "60")
"""Of nodes none of which ends: one that waits for a core is not given up."""
SECRET = "a secret of the tests, thirty-two bytes or more"


class Socket:
    """An accepted socket of a user. What it was sent is kept until it is asked for."""

    def __init__(self, target: Target, user_id: int, name: str, *features: str) -> None:
        self.user_id = user_id
        self.closed: int | None = None
        self._socket = connect(target)
        asked = {"features": list(features)} if features else {}
        data = {"version": "1", "name": "P", "token": token_of(target, user_id, name), **asked}
        try:
            self.say("handshake", **data)
            assert self.expect("handshake_accepted")["user_id"] == user_id
        except BaseException:
            self.cut()
            raise

    def say(self, type_: str, **data: Any) -> None:
        self._socket.send(json.dumps({"type": type_, "data": data}))

    def expect(self, type_: str, **data: Any) -> Any:
        """The data of the next message of a type with these data; what comes before it is left out."""
        give_up_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up_s:
            message = self._next(give_up_s - time.monotonic())
            if message is not None and message["type"] == type_ and data.items() <= message["data"].items():
                return message["data"]
        raise AssertionError(f"no {type_} {data} came")

    def heard(self) -> list[tuple[str, Any]]:
        """All that came until a ping was answered."""
        self.say("ping")
        heard: list[tuple[str, Any]] = []
        while True:
            message = self._next(PATIENCE_S)
            assert message is not None
            if message["type"] == "pong":
                return heard
            heard.append((message["type"], message["data"]))

    def until_closed(self) -> int:
        """The code of the server's close frame."""
        while self.closed is None:
            self._next(PATIENCE_S)
        return self.closed

    def end(self) -> None:
        self._socket.close()

    def cut(self) -> None:
        """It is gone without a word."""
        self._socket.shutdown()

    def _next(self, patience_s: float) -> Any:
        self._socket.settimeout(max(0.01, patience_s))
        opcode, data = self._socket.recv_data(control_frame=True)
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            self.closed = int.from_bytes(data[:2], "big")
            self._socket.shutdown()
            return None
        return json.loads(data) if opcode == websocket.ABNF.OPCODE_TEXT else None


class Lobby:
    """The nodes of one lobby."""

    def __init__(
        self,
        *,
        engine: Engine,
        database_url: str,
        folder: Path,
        flags: Sequence[str] = (),
        prefix: Sequence[str] = (),
    ) -> None:
        """`prefix`: a command that becomes the server, of each node that does not name its own."""
        self.engine = engine
        self.database_url = database_url
        self._folder = folder
        self._flags = [*UNHURRIED, *flags]
        self._prefix = prefix
        self.nodes: list[Target] = []
        self._sockets: list[Socket] = []

    def new_node(self, *flags: str, prefix: Sequence[str] = ()) -> Target:
        """Not started yet."""
        return Target(
            data_dir=self._folder / f"node{len(self.nodes)}",
            flags=[
                "--backplane-url", self.engine.url, "--database-url", self.database_url,
                *self._flags, *flags,
            ],
            environment={"LOBBY_JWT_SECRET": SECRET},
            prefix=prefix or self._prefix,
        )  # fmt: skip

    def start(self, *flags: str, prefix: Sequence[str] = ()) -> Target:
        node = self.new_node(*flags, prefix=prefix)
        self.nodes.append(node)
        return node.start()

    def connect(self, node: Target, user_id: int, *features: str) -> Socket:
        """A socket of the user with that id, whose name is made of it."""
        socket = Socket(node, user_id, f"u{user_id}", *features)
        self._sockets.append(socket)
        return socket

    def end_sockets(self) -> None:
        """All that were connected and are still there are gone without a word."""
        while self._sockets:
            self._sockets.pop().cut()

    def end(self) -> None:
        self.end_sockets()
        for node in self.nodes:
            if node.process is not None:
                node.kill()


def online_at(node: Target) -> list[int]:
    """Ids of the users online as a node sees them."""
    answer = call(node, "GET", "/api/users/online", token=token_of(node, 999, "asker"))
    return sorted(user["user_id"] for user in answer.body["users"])


def rooms_at(node: Target) -> tuple[str, list[Any]]:
    """ETag and rooms of the public list as a node has them."""
    with urllib.request.urlopen(node.http_url + "/api/rooms", timeout=PATIENCE_S) as response:
        return response.headers["ETag"], json.loads(response.read())["rooms"]
