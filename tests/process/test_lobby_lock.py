"""One server per database: real processes, SQLite files and a real PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.processes.target import Target, TargetFailed
from tests.patience import PATIENCE_S
from tests.process.clients import call, close_code_of, connect, token_of, wait_until
from tests.store.postgres import Postgres

pytestmark = pytest.mark.system

TAKES_OVER = ["--takeover-wait-s", "60"]
"""After a kill: PostgreSQL lets go of the lock once it has noticed that nobody is there any more."""
HOLDERS = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted"
CUT_HOLDERS = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"


def make_room(target: Target) -> str:
    answer = call(target, "POST", "/api/rooms", {"gamemode": "ctf"}, token=token_of(target, 1, "ann"))
    assert answer.status == 201
    return str(answer.body["room"]["id"])


def rooms_of(target: Target) -> list[str]:
    return [room["id"] for room in call(target, "GET", "/api/rooms").body["rooms"]]


def refuse(target: Target) -> None:
    """It is not started, and says why in one line."""
    with pytest.raises(TargetFailed, match=r"(?s)exit code 2\): +lobby-server: Another server runs on [^\n]*$"):
        target.start()


def test_second_server_on_a_folder_is_told_so_and_the_first_goes_on(tmp_path: Path) -> None:
    with Target(data_dir=tmp_path) as first:
        second = Target(data_dir=tmp_path, environment={"LOBBY_JWT_SECRET": first.jwt_secret})
        with pytest.raises(TargetFailed, match=r"(?s)exit code 2.*Another server runs on the data folder"):
            second.start()
        first.kill()
        with second.running():
            assert second.port != 0


@pytest.mark.parametrize("way", ["the same", "relative", "folder is a link", "file is a link", "default of a folder"])
def test_second_server_on_an_sqlite_file_is_refused_whichever_path_leads_there(tmp_path: Path, way: str) -> None:
    folder = tmp_path / "real"
    folder.mkdir()
    file = folder / "lobby.sqlite3"
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "link.sqlite3").symlink_to(file)
    flags = {
        "the same": ["--database-url", f"sqlite:///{file}"],
        "relative": ["--database-url", f"sqlite:///{os.path.relpath(file)}"],
        "folder is a link": ["--database-url", f"sqlite:///{tmp_path / 'link' / file.name}"],
        "file is a link": ["--database-url", f"sqlite:///{tmp_path / 'link.sqlite3'}"],
        "default of a folder": [],
    }[way]
    second_dir = folder if way == "default of a folder" else tmp_path / "b"
    with Target(data_dir=tmp_path / "a", flags=["--database-url", f"sqlite:///{file}"]) as first:
        room = make_room(first)
        second = Target(data_dir=second_dir, flags=flags)
        refuse(second)
        assert rooms_of(first) == [room]
        first.kill()
        with second.running():
            assert rooms_of(second) == [room]


def test_two_sqlite_files_in_one_folder_are_two_lobbies(tmp_path: Path) -> None:
    urls = [["--database-url", f"sqlite:///{tmp_path / name}"] for name in ("a.sqlite3", "b.sqlite3")]
    with Target(data_dir=tmp_path / "a", flags=urls[0]), Target(data_dir=tmp_path / "b", flags=urls[1]):
        pass


def test_second_server_on_a_postgres_database_is_refused_and_takes_over_after_a_crash(
    postgres: Postgres, postgres_name: str, tmp_path: Path
) -> None:
    flags = ["--database-url", postgres.url(postgres_name)]
    with Target(flags=flags) as first:
        room = make_room(first)
        second = Target(data_dir=tmp_path, flags=flags)
        refuse(second)
        assert rooms_of(first) == [room]
        first.kill()
        second.flags += TAKES_OVER
        with second.running():
            assert rooms_of(second) == [room]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_start_that_may_wait_takes_over_when_the_other_server_has_ended(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    url = f"sqlite:///{tmp_path / 'lobby.sqlite3'}"
    if kind == "postgresql":
        url = request.getfixturevalue("postgres").url(request.getfixturevalue("postgres_name"))
    first = Target(data_dir=tmp_path / "a", flags=["--database-url", url])
    second = Target(data_dir=tmp_path / "b", flags=["--database-url", url, "--takeover-wait-s", "60"])
    with ThreadPoolExecutor(1) as pool, first.running():
        room = make_room(first)
        starting = pool.submit(second.start)
        wait_until(lambda: second.process is not None)
        assert rooms_of(first) == [room]
        first.stop()
        starting.result()
        try:
            assert rooms_of(second) == [room]
        finally:
            second.stop()


def test_tokens_are_minted_and_announcements_made_beside_a_running_server(
    postgres: Postgres, postgres_name: str
) -> None:
    with Target(flags=["--database-url", postgres.url(postgres_name)]) as target:
        command = [sys.executable, "-m", "lobby_server", "--port", str(target.port), *target.flags]
        for what in (["mint-tokens"], ["announce", "hello"]):
            environment = {**os.environ, **target.environment}
            done = subprocess.run(
                [*command, *what], env=environment, capture_output=True, timeout=PATIENCE_S, check=False
            )
            assert done.returncode == 0, done.stderr


async def test_lock_whose_connection_was_cut_is_taken_again(
    postgres: Postgres, postgres_name: str, tmp_path: Path
) -> None:
    with Target(flags=["--database-url", postgres.url(postgres_name)]) as target:
        await postgres.run(CUT_HOLDERS, database=postgres_name)
        wait_until(lambda: "the lock of the database is held again" in target.log_path.read_text())
        refuse(Target(data_dir=tmp_path, flags=target.flags))
        assert target.stop() == 0
    assert not await postgres.run(HOLDERS, database=postgres_name)


async def test_server_that_lost_the_lock_to_another_says_so_and_drains(postgres: Postgres, postgres_name: str) -> None:
    rival = "SELECT pg_advisory_lock(classid::int, hashtext('public')) FROM pg_locks WHERE locktype = 'advisory'"
    with Target(flags=["--database-url", postgres.url(postgres_name)]) as target:
        client = connect(target, token_of(target, 1, "ann"))
        async with postgres.connected(postgres_name) as other:
            waiting = asyncio.ensure_future(other.execute(rival))
            while not await postgres.run("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                assert not waiting.done()
            await postgres.run(CUT_HOLDERS, database=postgres_name)
            await waiting
            assert close_code_of(client) == 1001
            assert target.process is not None
            assert target.process.wait(PATIENCE_S) == 1
        assert "lobby-server: Another server has taken database" in target.log_path.read_text()
