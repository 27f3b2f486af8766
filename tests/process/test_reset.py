"""A reset that arrives together with the last words of a client: the words are read, and its end is noticed."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
from pathlib import Path

import pytest

from bench.processes.target import Target
from tests.process.clients import call, connect, token_of, wait_until

pytestmark = pytest.mark.system

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def test_reset_behind_unread_bytes_is_noticed_at_once(tmp_path: Path) -> None:
    with Target(data_dir=tmp_path) as target:
        watcher = connect(target, token_of(target, 1, "watcher"))
        client = connect(target, token_of(target, 2, "leaver"))
        wait_until(lambda: _online(target) == 2)
        os.kill(target.pid, signal.SIGSTOP)  # so that both arrive before it looks
        try:
            client.send(json.dumps({"type": "ping", "data": {}}))
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            client.sock.close()
        finally:
            os.kill(target.pid, signal.SIGCONT)
        wait_until(lambda: _online(target) == 1)
        watcher.close()


def _online(target: Target) -> int:
    return int(call(target, "GET", "/api/stats").body["online"])
