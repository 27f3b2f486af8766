"""``lobby-server --workers N`` as real processes: one lobby on one port, whatever ends meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

import pytest

from bench.processes.target import Target, TargetFailed
from lobby_server.web.websocket.listener import MOST_YIELDS, YIELD_S
from lobby_server.workers.board import LEAD
from tests.cluster.lobby import LASTING, Socket
from tests.cluster.patient import PATIENT
from tests.patience import PATIENCE_S
from tests.process.clients import call, log_lines, register, token_of, wait_until
from tests.process.system.test_service_manager import manager, next_word, until
from tests.stopwatch import Stopwatch
from tests.store.postgres import Postgres
from tests.workers.server import (
    children_of,
    is_alive,
    kill,
    metrics_of,
    metrics_of_all,
    server,
    sockets_by_node,
    until_all_are_up,
    until_gone,
    valkey_of,
    workers_of,
)

pytestmark = pytest.mark.system


def at_every_worker(target: Target, *features: str, least: int = 2) -> list[Socket]:
    """Sockets of users 1, 2 …, `least` or more, and one or more at each worker: the system chooses which takes one."""
    sockets = [Socket(target, number, f"u{number}", *features) for number in range(1, least + 1)]
    while not min(sockets_by_node(target)):
        number = len(sockets) + 1
        assert number < 200, "one worker takes nobody"
        sockets.append(Socket(target, number, f"u{number}", *features))
    return sockets


def test_workers_are_one_lobby_on_one_port_over_sqlite(tmp_path: Path) -> None:
    with server(tmp_path, *LASTING, workers=3, prefix=PATIENT) as target:
        assert len(workers_of(target)) == 3
        sockets = at_every_worker(target, "rev", least=12)
        host = token_of(target, 1, "u1")
        made = call(target, "POST", "/api/rooms", {"gamemode": "ffa"}, token=host)
        assert made.status == 201
        for each in sockets:
            each.expect("rooms_changed")
        for _ in range(8):  # whichever worker answers
            assert call(target, "GET", f"/api/rooms/{made.body['room']['id']}").status == 200
            assert len(call(target, "GET", "/api/users/online", token=host).body["users"]) == len(sockets)
        sockets[0].say("chat_message", channel="lobby", text="hello")
        assert {each.expect("chat_message")["text"] for each in sockets} == {"hello"}
        for each in sockets:
            each.end()
    assert target.process is None


def test_number_that_no_log_holds_is_refused_and_harms_no_worker(tmp_path: Path) -> None:
    with server(tmp_path, *LASTING, prefix=PATIENT) as target:
        hosts = at_every_worker(target, "rev")
        for number, host in enumerate(hosts, 1):
            token = token_of(target, number, f"u{number}")
            room_id = call(target, "POST", "/api/rooms", {"gamemode": "ffa"}, token=token).body["room"]["id"]
            for peer_id in (2**64, -(2**63) - 1, 10**300):
                host.say("kick", peerId=peer_id)
                host.expect("error", reason="invalid_target")
                given = call(target, "POST", f"/api/rooms/{room_id}/host", {"peerId": peer_id}, token=token)
                assert (given.status, list(given.body["fields"])) == (400, ["peerId"])
            host.say("chat", text="still here")
            host.expect("chat", text="still here")
        for host in hosts:
            host.end()


def test_base_client_hears_its_own_first_line_whichever_worker_it_is_at(tmp_path: Path) -> None:
    with server(tmp_path, *LASTING, prefix=PATIENT) as target:
        sockets = at_every_worker(target)
        for number, each in enumerate(sockets):
            each.say("chat_message", channel="lobby", text=f"line {number}")
            each.expect("chat_message", text=f"line {number}")
        for each in sockets:
            each.end()


def test_accounts_and_rooms_from_many_clients_at_once_never_find_sqlite_locked(tmp_path: Path) -> None:
    with server(tmp_path, "--auth-rate-per-min", "0", *LASTING, workers=3, prefix=PATIENT) as target:

        def play(number: int) -> list[int]:
            token = token_of(target, 1000 + number, f"p{number}")
            made = call(target, "POST", "/api/rooms", {"gamemode": "ffa"}, token=token)
            ended = call(target, "DELETE", f"/api/rooms/{made.body['room']['id']}", token=token)
            return [register(target, f"user{number}").status, made.status, ended.status]

        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(play, range(30)))
    assert answers == [[201, 201, 200]] * 30
    assert "locked" not in target.log_path.read_text()


def test_sockets_come_out_even_and_again_after_a_worker_was_started_anew(tmp_path: Path) -> None:
    with server(tmp_path, workers=2) as target:
        clients = come(target, range(1, 61))
        before = sockets_by_node(target)
        first, _ = workers_of(target)
        kill(first)
        until_all_are_up(target, 2, before=[first])
        wait_until(lambda: sockets_by_node(target)[0] == 0)
        _, survivors = sockets_by_node(target)
        assert survivors in before
        newer = come(target, range(101, 131))
        assert sum(sockets_by_node(target)) == survivors + len(newer)
        for each in (*clients, *newer):
            each.cut()


def come(target: Target, users: range) -> list[Socket]:
    """One after the other, and then the workers have about as many each: one is left out only while it waits for a core
    for longer than the other lets it go first."""
    with Stopwatch(*workers_of(target)) as watch:
        sockets = [Socket(target, number, f"u{number}") for number in users]
    few, many = sockets_by_node(target)
    left_out = int(watch.waited_s / (MOST_YIELDS * YIELD_S))
    assert many - few <= 3 * LEAD + 2 * left_out
    return sockets


def test_worker_that_is_killed_comes_back_and_nobody_else_hears_more_than_that_its_players_went(
    tmp_path: Path,
) -> None:
    with server(tmp_path) as target:
        first, second = workers_of(target)
        clients = [Socket(target, number, f"u{number}") for number in range(1, 11)]
        made = call(target, "POST", "/api/rooms", {"gamemode": "ffa"}, token=token_of(target, 1, "u1"))
        assert made.status == 201
        kill(first)
        until_all_are_up(target, 2, before=[first])
        assert second in workers_of(target)
        for _ in range(6):
            assert call(target, "GET", f"/api/rooms/{made.body['room']['id']}").status == 200
        wait_until(lambda: sum(metrics_of(target)["lobby_nodes"].values()) == 4)  # two, as each of two sees them
        for each in clients:
            each.cut()
    log = target.log_path.read_text()
    assert "worker 1 was killed by SIGKILL: it is started anew" in log
    assert "Traceback" not in log


def test_private_valkey_that_is_killed_costs_no_room_and_no_socket(tmp_path: Path) -> None:
    with server(tmp_path) as target:
        client = Socket(target, 1, "u1")
        token = token_of(target, 1, "u1")
        made = call(target, "POST", "/api/rooms", {"gamemode": "ffa"}, token=token)
        valkey = valkey_of(target)
        kill(valkey)
        wait_until(lambda: call(target, "POST", "/api/parties", {}, token=token).status == 201)
        assert valkey_of(target) != valkey
        for _ in range(6):
            assert call(target, "GET", f"/api/rooms/{made.body['room']['id']}").status == 200
        assert client.closed is None
        client.end()


def test_processes_that_all_stood_still_take_nobody_out_of_a_room(tmp_path: Path) -> None:
    """As on a machine that is suspended, or in a container that is paused."""
    with server(tmp_path, "--node-timeout-s", "4") as target:
        sockets = at_every_worker(target, "rev", least=4)
        made = call(
            target, "POST", "/api/rooms", {"gamemode": "ffa", "maxPlayers": 64}, token=token_of(target, 1, "u1")
        )
        room = made.body["room"]["id"]
        for each in sockets[1:]:
            each.say("join_room", roomId=room, version="1", name="guest")
            each.expect("room_joined")
        stood_still = [target.pid, *children_of(target.pid)]
        for pid in stood_still:
            kill(pid, signal.SIGSTOP)
        time.sleep(5.0)
        for pid in stood_still:
            kill(pid, signal.SIGCONT)
        token = token_of(target, 2, "u2")
        wait_until(lambda: call(target, "POST", "/api/parties", {}, token=token).status == 201)
        beyond_s = time.monotonic() + 5.0  # the time-out, in which each keeps house several times
        while time.monotonic() < beyond_s:
            assert call(target, "GET", f"/api/rooms/{room}").body["current_players"] == len(sockets)
            time.sleep(0.05)
        for each in sockets:
            assert {"peer_left", "user_offline"}.isdisjoint(type_ for type_, _ in each.heard())
        for each in sockets:
            each.end()
    assert "node_given_up" not in target.log_path.read_text()


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """With a name that leaves room for those of sockets."""
    with tempfile.TemporaryDirectory(prefix="w-") as name:
        yield Path(name)


def test_sigterm_drains_all_workers_and_leaves_nothing_behind(short_folder: Path) -> None:
    with server(short_folder / "data", environment={"TMPDIR": str(short_folder)}) as target:
        pids = list(children_of(target.pid))
        assert len(pids) == 3
        plain, drained = Socket(target, 1, "u1"), Socket(target, 2, "u2", "drain")
        assert target.process is not None
        target.process.send_signal(signal.SIGTERM)
        assert plain.until_closed() == 1001
        drained.expect("server_draining")
        assert drained.until_closed() == 1012
        assert target.process.wait(PATIENCE_S) == 0
        assert not any(map(is_alive, pids))
        assert list(short_folder.glob("lobby-server-*")) == []


def test_supervisor_that_is_killed_takes_everything_with_it_and_the_next_one_starts(tmp_path: Path) -> None:
    with server(tmp_path) as target:
        made = call(target, "POST", "/api/rooms", {"gamemode": "ffa"}, token=token_of(target, 1, "u1"))
        assert made.status == 201
        pids = list(children_of(target.pid))
        target.kill()
        until_gone(pids)
        target.start()
        assert call(target, "GET", f"/api/rooms/{made.body['room']['id']}").status == 200


def test_what_was_answered_201_is_there_whatever_was_killed(tmp_path: Path) -> None:
    made: list[str] = []
    accounts: list[str] = []
    is_over = threading.Event()

    def play(target: Target, first: int) -> None:
        number = first
        while not is_over.is_set():
            number += 1
            token = token_of(target, number, f"u{number}")
            try:
                room = call(target, "POST", "/api/rooms", {"gamemode": "ffa"}, token=token)
                if room.status == 201:
                    made.append(room.body["room"]["id"])
                account = register(target, f"user{number}") if number % 10 == 0 else room
            except (OSError, ValueError, HTTPException):
                continue  # the worker that was to answer is gone
            assert {room.status, account.status} <= {201, 503}
            if account is not room and account.status == 201:
                accounts.append(f"user{number}")

    def until_more(count: int) -> None:
        wanted = len(made) + count
        wait_until(lambda: len(made) >= wanted, patience_s=60)

    with server(tmp_path, "--auth-rate-per-min", "0", "--empty-room-ttl-s", "3600") as target:
        with ThreadPoolExecutor(4) as pool:
            players = [pool.submit(play, target, 1000 * each) for each in range(1, 5)]
            try:
                until_more(20)
                kill(workers_of(target)[0])
                until_more(20)
                kill(valkey_of(target))
                until_more(20)
                kill(workers_of(target)[-1])
                until_more(20)
            finally:
                is_over.set()
            for each in players:
                each.result()
        pids = list(children_of(target.pid))
        target.kill()
        until_gone(pids)  # they have the port
        target.start()
        listed = [room["id"] for room in call(target, "GET", "/api/rooms").body["rooms"]]
        assert len(listed) == len(set(listed))
        assert set(made) <= set(listed)
        for name in accounts[:5]:
            assert call(target, "POST", "/api/auth/login", {"username": name, "password": "a password"}).status == 200


def test_second_server_on_the_same_data_is_refused_with_its_sentence_and_code(tmp_path: Path) -> None:
    with server(tmp_path) as target:
        for flags in (["--workers", "2"], []):
            other = Target(data_dir=tmp_path, flags=flags)
            with pytest.raises(TargetFailed, match=r"(?s)exit code 2.*Another server runs on"):
                other.start()
        assert call(target, "GET", "/readyz").status == 200


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--tls-cert", "/nowhere/c.pem", "--tls-key", "/nowhere/k.pem"], "The certificate or its key cannot be read"),
        (["--address", "192.0.2.1"], "cannot listen on 192.0.2.1"),
    ],
)
def test_setting_that_cannot_be_used_is_said_once_with_code_2(flags: list[str], sentence: str, tmp_path: Path) -> None:
    target = Target(data_dir=tmp_path, flags=["--workers", "2", *flags])
    with pytest.raises(TargetFailed, match="exit code 2"):
        target.start()
    assert target.log_path.read_text().count(sentence) == 1
    assert "Traceback" not in target.log_path.read_text()


def test_service_manager_deals_with_the_supervisor_alone(tmp_path: Path) -> None:
    name = f"{tmp_path}/notify"
    environment = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "2000000"}
    with manager(name) as listening:
        target = Target(data_dir=tmp_path / "data", flags=["--workers", "2"], environment=environment)
        with target.running():
            ready = next_word(listening)
            assert ready["READY"] == "1"
            assert ready["STATUS"].endswith("2 workers")
            until(listening, "WATCHDOG")
            os.kill(target.pid, signal.SIGHUP)
            until(listening, "RELOADING")
            assert until(listening, "READY")["READY"] == "1"
            os.kill(target.pid, signal.SIGTERM)
            assert until(listening, "STOPPING")["STOPPING"] == "1"
            assert target.process is not None
            assert target.process.wait(PATIENCE_S) == 0


def test_worker_that_hangs_is_killed_where_there_is_a_watchdog(tmp_path: Path) -> None:
    name = f"{tmp_path}/notify"
    with (
        manager(name),
        server(tmp_path / "data", environment={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000000"}) as target,
    ):
        first, _ = workers_of(target)
        kill(first, signal.SIGSTOP)
        until_all_are_up(target, 2, before=[first])
        assert not is_alive(first)


def test_every_line_of_a_worker_carries_its_node_and_signals_reach_all(tmp_path: Path) -> None:
    log = tmp_path / "lobby.log"
    with server(tmp_path / "data", "--log-format", "json", "--log-file", str(log)) as target:
        os.kill(target.pid, signal.SIGUSR2)

        def nodes_of(event: str) -> set[str]:
            return {line["node"] for line in log_lines(log, event) if "node" in line}

        wait_until(lambda: len(nodes_of("figures")) == 2)
        name = f"{socket.gethostname()}:{target.port}"
        assert nodes_of("figures") == {f"{name}/1", f"{name}/2"}
        log.rename(tmp_path / "older.log")
        os.kill(target.pid, signal.SIGUSR1)
        wait_until(log.exists)
        os.kill(target.pid, signal.SIGUSR2)
        wait_until(lambda: len(nodes_of("figures")) == 2)


def test_any_worker_answers_for_all_at_metrics(tmp_path: Path) -> None:
    with server(tmp_path, workers=2) as target:
        client = Socket(target, 1, "u1")
        for _ in range(4):
            figures = metrics_of_all(target)
            name = f"{socket.gethostname()}:{target.port}"
            assert figures["lobby_worker_up"] == {f"{name}/1": 1, f"{name}/2": 1}
            assert sum(figures["lobby_sessions"].values()) == 1
            assert figures["lobby_users_online"] == {f"{name}/1": 1, f"{name}/2": 1}
            assert set(figures["process_resident_memory_bytes"]) == {f"{name}/1", f"{name}/2"}
        frozen = workers_of(target)[0]
        kill(frozen, signal.SIGSTOP)
        try:
            wait_until(lambda: sorted(metrics_of(target)["lobby_worker_up"].values()) == [0, 1])
        finally:
            kill(frozen, signal.SIGCONT)
        client.end()


def test_workers_take_postgresql_too(postgres: Postgres, tmp_path: Path) -> None:
    postgres_name = asyncio.run(postgres.empty_database())
    with server(tmp_path, "--database-url", postgres.url(postgres_name)) as target:
        made = call(target, "POST", "/api/rooms", {"gamemode": "ffa"}, token=token_of(target, 1, "u1"))
        assert made.status == 201
        other = Target(data_dir=tmp_path / "other", flags=["--database-url", postgres.url(postgres_name)])
        with pytest.raises(TargetFailed, match="Another server runs on"):
            other.start()
        kill(target.pid, signal.SIGTERM)
        assert target.process is not None
        assert target.process.wait(PATIENCE_S) == 0
