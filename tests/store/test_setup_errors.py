"""Whatever is wrong with the database at start is one sentence that says what to do."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sqlite3
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lobby_server.store import StoreSetupError, check_database_url, connecting, engines, migrate, open_store
from tests.nobody import refusing_port
from tests.store.postgres import ASKS_FOR_A_PASSWORD, Postgres

NOBODY_USER_ID = 65534
PASSWORD = "s3cret word"


async def sentence_of(database_url: str, data_dir: Path) -> str:
    """What the opening of a store fails with."""
    with pytest.raises(StoreSetupError) as caught:
        await open_store(database_url, data_dir)
    sentence = str(caught.value)
    assert re.fullmatch(r"[^\n]{20,400}[^.\n]\.", sentence), sentence
    assert "Traceback" not in sentence
    assert "s3cret" not in sentence
    return sentence


async def new_role(postgres: Postgres, name: str, options: str = "") -> None:
    """A user of PostgreSQL without rights. It stays, without rights, for the tests after."""
    if not await postgres.run("SELECT count(*) FROM pg_roles WHERE rolname = $1", name):
        await postgres.run(f"CREATE ROLE {name} LOGIN {options}")


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """A folder that the process may not write. Root may write any, so root is somebody else for a while."""
    folder = Path(tempfile.mkdtemp(prefix="lobby-read-only-"))
    is_root = os.geteuid() == 0
    folder.chmod(0o555)
    if is_root:
        os.seteuid(NOBODY_USER_ID)
    try:
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o755)
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


# SQLite


async def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert f"{tmp_path / 'data'} is a file" in await sentence_of("", tmp_path / "data")


async def test_a_data_folder_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert f"{tmp_path / 'data'} is a file" in await sentence_of("", tmp_path / "data" / "deeper")


async def test_a_data_folder_that_cannot_be_written(read_only_folder: Path) -> None:
    assert "cannot be written" in await sentence_of("", read_only_folder)


async def test_a_data_folder_that_cannot_be_made(read_only_folder: Path) -> None:
    assert "cannot be written" in await sentence_of("", read_only_folder / "data")


async def test_an_sqlite_file_that_cannot_be_written(read_only_folder: Path) -> None:
    if os.getuid() == 0:
        os.seteuid(0)
    with closing(sqlite3.connect(read_only_folder / "lobby.sqlite3")) as connection:
        connection.execute("CREATE TABLE something (id integer)")
    (read_only_folder / "lobby.sqlite3").chmod(0o444)
    if os.getuid() == 0:
        os.seteuid(NOBODY_USER_ID)
    assert "cannot be written" in await sentence_of("", read_only_folder)


async def test_an_sqlite_file_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "lobby.sqlite3").mkdir()
    assert "is a folder, not an SQLite database" in await sentence_of("", tmp_path)


async def test_an_sqlite_file_that_is_something_else(tmp_path: Path) -> None:
    (tmp_path / "lobby.sqlite3").write_text("Dear diary, " * 100)
    assert "is not an SQLite database" in await sentence_of("", tmp_path)


async def test_an_sqlite_file_that_is_damaged(tmp_path: Path) -> None:
    await (await open_store("", tmp_path)).close()
    with (tmp_path / "lobby.sqlite3").open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3000)
    assert "is damaged" in await sentence_of("", tmp_path)


async def test_an_sqlite_file_that_stays_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "BUSY_TIMEOUT_S", 0.05)
    with closing(sqlite3.connect(tmp_path / "lobby.sqlite3", isolation_level=None)) as other_program:
        other_program.execute("BEGIN EXCLUSIVE")
        assert "locked by another program" in await sentence_of("", tmp_path)


async def test_an_sqlite_url_into_a_missing_folder(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/slip/of/the/pen.db"
    assert "does not exist: make it" in await sentence_of(url, tmp_path)
    assert not (tmp_path / "slip").exists()


async def test_an_sqlite_url_into_the_data_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    url = f"sqlite:///{data_dir}/mine.sqlite3"
    check_database_url(url, data_dir)
    await (await open_store(url, data_dir)).close()
    assert (data_dir / "mine.sqlite3").is_file()
    (data_dir / "mine.sqlite3").write_text("Dear diary, " * 100)
    assert "correct --database-url" in await sentence_of(url, data_dir)


# PostgreSQL


async def test_a_postgresql_url_without_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    url = f"postgresql://u:{PASSWORD}@db/lobby"
    assert 'pip install "lobby-server[cluster]"' in await sentence_of(url, tmp_path)


async def test_a_host_that_is_not_known(tmp_path: Path) -> None:
    url = f"postgresql://u:{PASSWORD}@no-such-host.invalid/lobby"
    assert "no-such-host.invalid is not known" in await sentence_of(url, tmp_path)


async def test_a_port_where_nothing_listens(tmp_path: Path) -> None:
    with refusing_port() as port:
        url = f"postgresql://u:{PASSWORD}@127.0.0.1:{port}/lobby"
        assert f"Nothing answers as PostgreSQL at 127.0.0.1:{port}" in await sentence_of(url, tmp_path)


async def test_a_host_that_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "CONNECT_TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"postgresql://u:{PASSWORD}@127.0.0.1:{listener.getsockname()[1]}/lobby"
        assert "did not answer within" in await sentence_of(url, tmp_path)


async def test_a_password_that_is_wrong(postgres: Postgres, postgres_name: str, tmp_path: Path) -> None:
    await new_role(postgres, ASKS_FOR_A_PASSWORD, "PASSWORD 'another'")
    url = postgres.url(postgres_name, user=ASKS_FOR_A_PASSWORD, password=PASSWORD)
    assert "refuses the user, the password or this host" in await sentence_of(url, tmp_path)


async def test_a_user_who_is_not_there(postgres: Postgres, postgres_name: str, tmp_path: Path) -> None:
    url = postgres.url(postgres_name, user="stranger")
    assert '"stranger" does not exist' in await sentence_of(url, tmp_path)


@pytest.mark.parametrize("sees_the_schema", [True, False])
async def test_a_user_who_may_not_make_tables(
    postgres: Postgres, postgres_name: str, tmp_path: Path, sees_the_schema: bool
) -> None:
    await new_role(postgres, "reader")
    if sees_the_schema:
        await postgres.run("GRANT USAGE ON SCHEMA public TO reader", database=postgres_name)
    assert "grant them" in await sentence_of(postgres.url(postgres_name, user="reader"), tmp_path)


async def test_a_database_that_is_missing(postgres: Postgres, tmp_path: Path) -> None:
    assert "has no database missing" in await sentence_of(postgres.url("missing"), tmp_path)


async def test_an_option_that_postgresql_does_not_know(postgres: Postgres, postgres_name: str, tmp_path: Path) -> None:
    url = postgres.url(postgres_name) + "&options=-c%20colour%3Dblue"
    assert "does not take an option of --database-url (unrecognized configuration parameter" in await sentence_of(
        url, tmp_path
    )


async def test_a_server_with_no_connection_left(postgres: Postgres, postgres_name: str, tmp_path: Path) -> None:
    await postgres.run(f"ALTER DATABASE {postgres_name} CONNECTION LIMIT 0")
    await new_role(postgres, "late")
    assert "no connection left" in await sentence_of(postgres.url(postgres_name, user="late"), tmp_path)


async def test_another_server_that_never_ends_its_migration(
    postgres: Postgres, postgres_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT_S", 0.05)
    async with postgres.connected(postgres_name) as connection:
        await connection.execute("SELECT pg_advisory_lock($1)", migrate._LOCK_KEY)
        assert "Another server" in await sentence_of(postgres.url(postgres_name), tmp_path)


# The process


async def test_a_refused_start_says_nothing_but_the_sentence(tmp_path: Path) -> None:
    (tmp_path / "folder" / "lobby.sqlite3").mkdir(parents=True)
    (tmp_path / "diary").mkdir()
    (tmp_path / "diary" / "lobby.sqlite3").write_text("Dear diary, " * 100)
    program = (
        "import asyncio, logging, pathlib, sys; from lobby_server.store import StoreSetupError, open_store\n"
        # A step that took long tells of a busy machine.
        "logging.getLogger('asyncio').addFilter(lambda record: 'Executing' not in record.msg)\n"
        "for url, folder in [('', 'folder'), ('', 'diary'), ('postgresql://127.0.0.1:1/x', '.')]:\n"
        "    try: asyncio.run(open_store(url, pathlib.Path(sys.argv[1], folder)))\n"
        "    except StoreSetupError as error: print(error)\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-X", "dev", "-c", program, str(tmp_path), stdout=PIPE, stderr=PIPE
    )
    output, complaints = await process.communicate()
    assert complaints.decode() == ""
    assert output.count(b"\n") == 3
