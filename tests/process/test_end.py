"""The orderly end of a real process: a signal, a close frame for everybody, exit code 0."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
import websocket

from bench.processes.target import Target
from lobby_server.web.websocket.connection import CLOSE_PATIENCE_S
from tests.patience import PATIENCE_S
from tests.process.clients import Answer, call, close_code_of, connect, register, token_of, wait_until
from tests.stopwatch import Stopwatch

pytestmark = pytest.mark.system


def test_signals_close_every_socket_with_1001_and_exit_0_and_rooms_wait_for_their_hosts(tmp_path: Path) -> None:
    target = Target(data_dir=tmp_path, flags=["--empty-room-ttl-s", "600", "--handshake-timeout-s", "600"])
    with target.running():
        clients = [connect(target, token_of(target, user_id, f"user{user_id}")) for user_id in range(5)]
        clients.append(connect(target))  # a stranger is told as well
        token, port = token_of(target, 1, "user1"), target.port
        room = call(target, "POST", "/api/rooms", {"gamemode": "ctf"}, token=token).body["room"]
        answered_in_s = [end_by(signal.SIGTERM, target, clients)]
    with target.running():
        assert target.port == port
        assert call(target, "GET", "/api/rooms").body["rooms"] == [{**room, "current_players": 0}]
        host = connect(target, token)
        host.send('{"type":"create_room","data":{}}')
        while (message := json.loads(host.recv()))["type"] != "room_created":
            pass
        assert message["data"]["roomId"] == room["id"]
        answered_in_s.append(end_by(signal.SIGINT, target, [host]))
    log = target.log_path.read_text()
    assert log.count("drained: ") == 2
    in_time = sum(each_s < CLOSE_PATIENCE_S for each_s in answered_in_s)  # both, where this process was not held up
    assert log.count("drained: 0 sockets had to be cut") >= in_time
    assert "ERROR" not in log
    assert "Traceback" not in log


def end_by(number: signal.Signals, target: Target, clients: list[websocket.WebSocket]) -> float:
    """All are told, and the process is gone, promptly. After how long the last client had answered."""
    with Stopwatch(target.pid, in_turn=True) as watch:
        began_s = time.monotonic()
        os.kill(target.pid, number)
        assert [close_code_of(client) for client in clients] == [1001] * len(clients)
        answered_in_s = time.monotonic() - began_s
        until_it_ends(target)
    assert target.process is not None
    assert target.process.wait() == 0
    assert watch.took_s < 3
    return answered_in_s


def until_it_ends(target: Target) -> None:
    """What is not reaped yet still tells how long it waited for a core."""
    os.waitid(os.P_PID, target.pid, os.WEXITED | os.WNOWAIT)


def test_client_that_does_not_answer_holds_the_end_up_no_longer_than_drain_s(tmp_path: Path) -> None:
    target = Target(data_dir=tmp_path, flags=["--drain-s", "0.5"])
    with target.running():
        silent = connect(target, token_of(target, 1, "ann"))
        with Stopwatch(target.pid, in_turn=True) as watch:
            os.kill(target.pid, signal.SIGTERM)
            until_it_ends(target)
        assert target.stop() == 0
        assert watch.took_s < 3
        silent.shutdown()
    assert "drained: 1 sockets had to be cut" in target.log_path.read_text()


def test_calls_in_flight_at_the_signal_end_without_a_fault_in_the_log(tmp_path: Path) -> None:
    target = Target(data_dir=tmp_path, flags=["--auth-rate-per-min", "0"])
    answers: list[Answer] = []

    def keep_registering(name: str) -> None:
        number = 0
        while True:
            try:
                answers.append(register(target, f"{name}{number}"))
            except OSError:
                return
            number += 1

    with target.running():
        threads = [threading.Thread(target=keep_registering, args=(f"user{number}_",)) for number in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(answers) > 3)
        assert target.stop() == 0
        for thread in threads:
            thread.join(PATIENCE_S)
    assert {answer.status for answer in answers} <= {201, 503}
    log = target.log_path.read_text()
    assert "Traceback" not in log
    assert "never retrieved" not in log
