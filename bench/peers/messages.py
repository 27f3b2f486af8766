"""What every Python peer shares: the specification's messages, made with the means at hand, and the list that it
serves.

A peer takes the secret of the tokens from ``PEER_SECRET`` and the body of the room list from the file named on its
command line; without them it only broadcasts.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import jwt

ROOMS_CHANGED = json.dumps({"type": "rooms_changed", "data": {}}, separators=(",", ":"))
ORDERS_BYTES = 4096


def secret() -> str:
    return os.environ.get("PEER_SECRET", "")


def rooms_body() -> bytes:
    return Path(sys.argv[1]).read_bytes() if len(sys.argv) > 1 else b'{"count":0,"rooms":[]}'


def message(kind: str, data: dict[str, Any]) -> str:
    return json.dumps({"type": kind, "data": data}, separators=(",", ":"))


def user_of(token: str) -> dict[str, Any] | None:
    """The user of a token; ``None`` when it does not verify."""
    try:
        claims = jwt.decode(token, secret(), algorithms=["HS256"])
    except jwt.InvalidTokenError:
        return None
    return {"user_id": claims["userId"], "username": claims["username"]}


def pong() -> str:
    return message("pong", {"ts": int(time.time() * 1000)})


def orders() -> int:
    """Broadcasts that were ordered on standard input; −1 at its end."""
    read = os.read(sys.stdin.fileno(), ORDERS_BYTES)
    return read.count(b"\n") if read else -1
