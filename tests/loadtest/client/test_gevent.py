"""The client under gevent's monkey-patching, in a process of its own: patching must not leak into this one."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bench.processes.target import Target
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[3]
CLIENTS = 40

SCRIPT = """
from gevent import monkey
monkey.patch_all()
import json, os, sys, threading, time
import gevent
from loadtest.client import (
    AuthenticationManager, ConnectionManager, FixedReconnect, KeepAliveHttp, LobbyApi, ServerList, Timing,
)

http_url, ws_url, *tokens = sys.argv[1:]
api = LobbyApi(KeepAliveHttp(http_url))
games = []
for number, token in enumerate(tokens):
    connection = ConnectionManager(
        url=ws_url, name=f"g{number}", timing=Timing(heartbeat_s=0.2), reconnect=FixedReconnect(interval_s=0.1)
    )
    own = LobbyApi(KeepAliveHttp(http_url))
    accounts = AuthenticationManager(api=own, connection=connection)
    games.append((accounts, connection, ServerList(api=own, connection=connection)))
    accounts.use_token(token)

def wait_for(condition, what):
    with gevent.Timeout(60, AssertionError(what)):
        while not condition():
            gevent.sleep(0.01)

wait_for(lambda: all(connection.is_connected for _, connection, _ in games), "all connect")
threads = threading.active_count() - 1
room = api.create_room(tokens[0], gamemode="duel")
wait_for(lambda: all([r.id for r in held.rooms] == [room.id] for _, _, held in games), "all hold the room")
games[0][1].drop_connection()
wait_for(lambda: games[0][1].counters.reconnects == 1, "it comes back")
wait_for(lambda: all(c.counters.messages_in["pong"] >= 2 for _, c, _ in games), "heartbeats")
native = len(os.listdir("/proc/self/task"))
for _, connection, held in games:
    held.close()
    connection.disconnect_from_server()
wait_for(lambda: threading.active_count() == 1, "all greenlets end")
print(json.dumps({"threads": threads, "native": native}))
"""


@pytest.mark.system  # a server as a process
def test_the_client_works_unchanged_under_gevent(tmp_path: Path):
    with Target() as target:
        minted = subprocess.run(
            [
                sys.executable, "-m", "lobby_server", "--data-dir", str(target.data_dir),
                "mint-tokens", "--count", str(CLIENTS),
            ],
            env={**os.environ, **target.environment},
            capture_output=True, text=True, check=True, cwd=ROOT, timeout=PATIENCE_S,
        )  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, target.http_url, target.ws_url, *minted.stdout.split()],
            capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE_S,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["threads"] <= 2 * CLIENTS
    assert figures["native"] < CLIENTS, "greenlets, not threads of the system"


def test_importing_the_client_patches_nothing():
    code = "import loadtest.client, sys; assert 'gevent' not in sys.modules and 'locust' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=PATIENCE_S)


def test_this_process_is_not_patched():
    assert threading.Thread.__module__ == "threading"
    monkey = pytest.importorskip("gevent.monkey")
    assert not monkey.is_module_patched("socket")
