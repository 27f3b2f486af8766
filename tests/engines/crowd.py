"""Many plain sockets that log in at the same moment."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bench.processes.target import Target
from tests.patience import PATIENCE_S
from tests.process.clients import token_of

UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
FIRST_USER_ID = 100_000


@contextmanager
def storm(target: Target, count: int) -> Iterator[None]:
    """`count` users log in while the server is stopped, so that it finds all of their handshakes at once; they stay
    until the block ends."""
    with ExitStack() as stack:
        sockets = []
        for _ in range(count):
            opened = stack.enter_context(socket.create_connection(("127.0.0.1", target.port), timeout=PATIENCE_S))
            opened.sendall(UPGRADE)
            assert opened.recv(4096).startswith(b"HTTP/1.1 101")
            sockets.append(opened)
        os.kill(target.pid, signal.SIGSTOP)
        try:
            for user_id, opened in enumerate(sockets, FIRST_USER_ID):
                token = token_of(target, user_id, f"user{user_id}")
                data = {"version": "13020", "name": "P", "token": token}
                opened.sendall(masked(json.dumps({"type": "handshake", "data": data}).encode()))
        finally:
            os.kill(target.pid, signal.SIGCONT)
        yield


def masked(payload: bytes, opcode: int = 0x1) -> bytes:
    """A final frame of a client, masked with zeros, which change nothing."""
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return bytes([0x80 | opcode]) + length + bytes(4) + payload
