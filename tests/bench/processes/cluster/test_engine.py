"""A Valkey of the lab's own: which program it is, and that it is killed as by a power failure and starts again."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bench.processes.cluster import engine
from bench.processes.cluster.engine import Engine, find_engine
from bench.processes.cluster.ports import NotInTime
from tests.installed import missing
from tests.patience import PATIENCE_S


def only(monkeypatch: pytest.MonkeyPatch, *programs: str) -> None:
    """These are on the PATH, and the package is not installed."""
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if name in programs else None)


@pytest.mark.parametrize(
    ("programs", "found"),
    [
        (("redis-server", "valkey-server"), "/bin/valkey-server"),
        (("redis-server",), "/bin/redis-server"),
        ((), None),
    ],
)
def test_program_is_valkey_or_else_redis(
    monkeypatch: pytest.MonkeyPatch, programs: tuple[str, ...], found: str | None
) -> None:
    only(monkeypatch, *programs)
    assert find_engine() == found


def test_address_is_that_by_which_a_node_reaches_it() -> None:
    it = Engine("none")
    assert it.url == f"redis://127.0.0.1:{it.port}/0"
    assert it.url_at("10.77.0.1") == f"redis://10.77.0.1:{it.port}/0"


def test_engine_that_was_not_started_answers_nobody_and_is_killed_without_a_word() -> None:
    it = Engine("none")
    assert not it.answers()
    it.kill()


def test_program_that_ends_at_once_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    def at_once(holds: object, what: str) -> None:
        raise NotInTime(f"{what}: not within 0 s")

    monkeypatch.setattr(engine, "wait_until", at_once)
    it = Engine("true")
    with pytest.raises(NotInTime, match="Valkey answers"):
        it.start()
    it.kill()


@pytest.fixture
def running() -> Iterator[Engine]:
    program = find_engine() or missing(engine.NO_ENGINE)
    with Engine(program).running() as found:
        yield found


def said(it: Engine, *words: str) -> bytes:
    with socket.create_connection(("127.0.0.1", it.port), timeout=PATIENCE_S) as connection:
        connection.sendall(
            b"".join([f"*{len(words)}\r\n".encode(), *(f"${len(w)}\r\n{w}\r\n".encode() for w in words)])
        )
        return connection.recv(1024)


@pytest.mark.system
def test_engine_that_was_killed_comes_back_on_its_port_without_its_data(running: Engine) -> None:
    port, pid = running.port, running.pid
    assert said(running, "SET", "a", "1") == b"+OK\r\n"
    running.kill()
    assert not running.answers()
    assert not psutil.pid_exists(pid)
    running.start()
    assert (running.port, running.pid != pid) == (port, True)
    assert said(running, "GET", "a") == b"$-1\r\n"


@pytest.mark.system
def test_engine_that_is_frozen_is_killed_all_the_same(running: Engine) -> None:
    os.kill(running.pid, 19)
    running.kill()
    running.kill()
    assert not running.answers()


@pytest.mark.system
def test_nothing_of_it_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    program = find_engine() or missing(engine.NO_ENGINE)
    with Engine(program).running() as it:
        pid = it.pid
        assert list(tmp_path.iterdir()) != []
    assert list(tmp_path.iterdir()) == []
    assert not psutil.pid_exists(pid)
