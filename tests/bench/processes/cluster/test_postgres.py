"""A PostgreSQL of the lab's own: which programs, as whom, and that what was committed outlives a power failure."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from bench.processes.cluster import postgres
from bench.processes.cluster.ports import NotInTime
from bench.processes.cluster.postgres import Postgres, find_postgres, running_postgres
from tests.installed import missing

# -- the programs --------------------------------------------------------------------------------------------------


def test_programs_of_the_package_come_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    programs = tmp_path / "pginstall" / "bin"
    programs.mkdir(parents=True)
    (programs / "initdb").touch()
    monkeypatch.setattr(postgres, "find_spec", lambda name: SimpleNamespace(submodule_search_locations=[str(tmp_path)]))
    assert find_postgres() == programs


def test_package_without_its_programs_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(postgres, "find_spec", lambda name: SimpleNamespace(submodule_search_locations=[str(tmp_path)]))
    monkeypatch.setattr(postgres, "Path", lambda place: tmp_path / "none")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert find_postgres() is None


# -- the user ------------------------------------------------------------------------------------------------------


def test_root_runs_it_as_the_first_user_that_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"nobody": SimpleNamespace(pw_gid=77)}
    monkeypatch.setattr(pwd, "getpwnam", there.__getitem__)
    assert postgres._another_user() == {"user": "nobody", "group": 77, "extra_groups": []}
    there.clear()
    with pytest.raises(NotInTime, match="does not run as root"):
        postgres._another_user()


@pytest.mark.parametrize(("uid", "as_another"), [(0, True), (1000, False)])
def test_only_root_needs_another_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, uid: int, *, as_another: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(postgres, "_another_user", lambda: {"user": "postgres", "group": 1})
    assert bool(Postgres(tmp_path, tmp_path)._as) is as_another


# -- addresses and faults ------------------------------------------------------------------------------------------


def test_address_is_that_by_which_a_node_reaches_it(tmp_path: Path) -> None:
    it = Postgres(tmp_path, tmp_path)
    assert it.url("lobby") == f"postgresql://postgres@127.0.0.1:{it.port}/lobby"
    assert it.url_at("10.77.0.1", "lobby") == f"postgresql://postgres@10.77.0.1:{it.port}/lobby"


class Done(SimpleNamespace):
    """What a program came to."""


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda it: it.make_database("lobby"), "CREATE DATABASE: it is there"),
        (lambda it: it.rows("SELECT 1", "lobby"), "SELECT 1: it is there"),
    ],
)
def test_statement_that_fails_is_told_with_its_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, act: Any, says: str
) -> None:
    it = Postgres(tmp_path, tmp_path)
    monkeypatch.setattr(it, "_run", lambda *_: Done(returncode=1, stderr=b" it is there\n", stdout=b""))
    with pytest.raises(NotInTime, match=says):
        act(it)


def test_rows_are_lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    it = Postgres(tmp_path, tmp_path)
    monkeypatch.setattr(it, "_run", lambda *_: Done(returncode=0, stderr=b"", stdout=b"1\n2\n"))
    assert it.rows("SELECT", "lobby") == ["1", "2"]


def test_server_that_does_not_run_is_killed_and_stopped_without_a_word(tmp_path: Path) -> None:
    it = Postgres(tmp_path, tmp_path)
    it.kill()
    it.stop()


# -- a real one ----------------------------------------------------------------------------------------------------


@pytest.fixture
def running() -> Iterator[Postgres]:
    programs = find_postgres() or missing(postgres.NO_POSTGRES)
    with running_postgres(programs) as found:
        found.make_database("lobby")
        yield found


@pytest.mark.system
def test_what_was_committed_is_there_after_a_power_failure(running: Postgres) -> None:
    running.rows("CREATE TABLE kept (number int); INSERT INTO kept VALUES (7)", "lobby")
    port, pid = running.port, running.pid
    running.kill()
    running.kill()
    running.start()
    assert (running.port, running.pid != pid) == (port, True)
    assert running.rows("SELECT number FROM kept", "lobby") == ["7"]


@pytest.mark.system
def test_nothing_of_it_is_left_with_its_block(monkeypatch: pytest.MonkeyPatch) -> None:
    folders: list[str] = []
    make = tempfile.mkdtemp

    def made(**how: Any) -> str:
        folders.append(make(**how))
        return folders[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", made)
    programs = find_postgres() or missing(postgres.NO_POSTGRES)
    with running_postgres(programs) as it:
        pid = it.pid
    assert not psutil.pid_exists(pid)
    assert [Path(folder).exists() for folder in folders] == [False]
