"""Replays the exchanges of a page against a real server.

    ada → {…}                  a message of Ada's socket, which is opened the first time
    ada ← {…}                  the next message on it, whatever it is
    ada ⇒ POST /api/rooms {…}  an HTTP request with Ada's token
    ada ⇐ 201 {…}              its answer

The shown and the real JSON have the same keys in the same order and the same values. What differs from run to run (ids,
times, revisions) has the same type, and the same real value stands for the same shown one from there on.
"""

from __future__ import annotations

import json
import re
from typing import Any

import websocket

from tests.docs.server import Target, call, connect_raw, token_of, wait_until

USERS = {"ada": 123, "grace": 456, "linus": 789}
CHANGING = {
    "id", "roomId", "room_id", "created_at", "since", "ts", "rev", "base", "gone", "token_ttl_s", "request_id",
    "party_id", "expires_in_s", "code",
}  # fmt: skip
_LINE = re.compile(r"(\w+) ([→←⇒⇐]) (.+)")


class Replay:
    """One transcript on one server."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._tokens = {name: token_of(target, user_id, name) for name, user_id in USERS.items()}
        self._sockets: dict[str, websocket.WebSocket] = {}
        self._answers: dict[str, Any] = {}
        self._real: dict[Any, Any] = {}
        self._rooms: set[str] = set()

    def play(self, text: str) -> int:
        """Run all lines; how many were compared. Raises `AssertionError` where server and page differ."""
        compared = 0
        for line in text.strip().splitlines():
            found = _LINE.fullmatch(line)
            assert found is not None, f"not a line of a transcript: {line}"
            name, arrow, rest = found[1], found[2], self._fill_in(found[3], found[1])
            try:
                if arrow == "→":
                    self._socket(name).send(rest)
                elif arrow == "⇒":
                    method, path, *body = rest.split(" ", 2)
                    sent = json.loads(body[0]) if body else None
                    self._answers[name] = call(self._target, method, path, sent, token=self._tokens[name])
                else:
                    self._compare(name, arrow, rest)
                    compared += 1
            except (AssertionError, websocket.WebSocketException) as fault:
                raise AssertionError(f"{line}\n{fault}") from fault
        return compared

    def close(self) -> None:
        """Leave the server as it was found: nobody online, no room."""
        for socket in self._sockets.values():
            socket.close()
        for room_id in self._rooms:
            found = call(self._target, "GET", f"/api/rooms/{room_id}")
            if found.status == 200:
                host = found.body["host_username"]
                call(self._target, "DELETE", f"/api/rooms/{room_id}", token=self._tokens[host])
        nobody = {"online": 0, "rooms": 0, "players_in_rooms": 0}
        wait_until(lambda: call(self._target, "GET", "/api/stats").body == nobody)

    def _compare(self, name: str, arrow: str, rest: str) -> None:
        if arrow == "←":
            shown, real = json.loads(rest), json.loads(self._socket(name).recv())
        else:
            status, _, body = rest.partition(" ")
            answer = self._answers.pop(name)
            assert answer.status == int(status), answer
            shown, real = json.loads(body) if body else None, answer.body
            if isinstance(real, dict) and "room" in real:
                self._rooms.add(real["room"]["id"])
        self._same(shown, real, key="")

    def _same(self, shown: Any, real: Any, *, key: str) -> None:
        if isinstance(shown, dict):
            assert isinstance(real, dict), f"{key}: {real!r}"
            assert list(real) == list(shown), f"the server sent {json.dumps(real)}"
            for name in shown:
                self._same(shown[name], real[name], key=name)
        elif isinstance(shown, list):
            assert isinstance(real, list), f"{key}: {real!r}"
            assert len(real) == len(shown), f"the server sent {json.dumps(real)}"
            for one, other in zip(shown, real, strict=True):
                self._same(one, other, key=key)
        elif key in CHANGING:
            assert type(real) is type(shown), f"{key}: {real!r}"
            if key not in ("ts", "created_at", "since", "token_ttl_s", "expires_in_s"):
                assert self._real.setdefault((type(shown), shown), real) == real, f"{key}: {real!r}"
        else:
            assert real == shown, f"{key}: the server sent {real!r}"

    def _fill_in(self, text: str, name: str) -> str:
        for (_, shown), real in self._real.items():
            if isinstance(shown, str):
                text = text.replace(shown, real)
        if " /api/" in text:
            for (kind, shown), real in self._real.items():
                if kind is int:
                    text = re.sub(rf"(?<=/){shown}(?=/|$)", str(real), text)
        return text.replace("<token>", self._tokens[name])

    def _socket(self, name: str) -> websocket.WebSocket:
        if name not in self._sockets:
            self._sockets[name] = connect_raw(self._target)
        return self._sockets[name]
