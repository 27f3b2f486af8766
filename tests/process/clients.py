"""What the tests of whole processes talk with: plain blocking clients, as other programs have them."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import websocket

from bench.processes.target import Target
from tests.patience import PATIENCE_S


@dataclass
class Answer:
    status: int
    body: Any


def call(
    target: Target,
    method: str,
    path: str,
    body: Any = None,
    *,
    token: str | None = None,
    patience_s: float = PATIENCE_S,
) -> Answer:
    """One HTTP call. Raises `OSError` when there is no answer, or no whole one."""
    request = urllib.request.Request(target.http_url + path, method=method)
    if body is not None:
        request.data = json.dumps(body).encode()
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        try:
            with urllib.request.urlopen(request, timeout=patience_s) as response:
                raw, status = response.read(), response.status
        except urllib.error.HTTPError as refused:
            with refused:
                raw, status = refused.read(), refused.code
    except http.client.HTTPException as cut_off:  # the server was killed as it wrote
        raise ConnectionError(str(cut_off)) from cut_off
    return Answer(status, json.loads(raw) if raw else None)


def register(target: Target, username: str, password: str = "a password", *, patience_s: float = PATIENCE_S) -> Answer:
    body = {"username": username, "password": password}
    return call(target, "POST", "/api/auth/register", body, patience_s=patience_s)


def token_of(target: Target, user_id: int, username: str, **changes: Any) -> str:
    """A token as an outside account service would sign it."""
    claims = {"userId": user_id, "username": username, "exp": time.time() + 600, "jti": f"{user_id}", **changes}
    return jwt.encode(claims, target.jwt_secret, "HS256")


def connect(target: Target, token: str | None = None) -> websocket.WebSocket:
    """A socket; with a token its handshake is accepted."""
    socket = websocket.create_connection(target.ws_url, timeout=PATIENCE_S)
    if token is not None:
        assert shake_hands(socket, token)["type"] == "handshake_accepted"
    return socket


def shake_hands(socket: websocket.WebSocket, token: str) -> Any:
    socket.send(json.dumps({"type": "handshake", "data": {"version": "13020", "name": "P", "token": token}}))
    return json.loads(socket.recv())


def close_code_of(socket: websocket.WebSocket) -> int:
    """Read to the end; the code of the server's close frame, which is answered."""
    while True:
        opcode, data = socket.recv_data(control_frame=True)
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            socket.shutdown()
            return int.from_bytes(data[:2], "big")


def log_lines(log: Path, event: str) -> list[dict[str, Any]]:
    """What a server with ``--log-format json`` has written of an event so far: a line that is not whole yet is left
    for later, and what is none of the log's is left out."""
    if not log.exists():
        return []
    whole = log.read_text(encoding="utf-8").rpartition("\n")[0]
    found = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
    return [line for line in found if line.get("event") == event]


def wait_until(condition: Callable[[], Any], patience_s: float = PATIENCE_S) -> None:
    deadline_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.02)
