"""What was kept is there again, whatever ended the process."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from lobby_server.service.ports import StoredRoom
from lobby_server.store import open_store
from tests.patience import PATIENCE_S
from tests.store.conftest import Database

NOON = datetime(2026, 5, 17, 12, tzinfo=timezone.utc)

_DIES_AFTER_AN_ANSWER = """
import asyncio, os, pathlib, signal, sys
from datetime import datetime, timezone
from lobby_server.store import open_store

async def main():
    store = await open_store(sys.argv[1], pathlib.Path(sys.argv[2]))
    await store.add_account(
        username="ada", email=None, password_hash="h", created_at=datetime.now(timezone.utc)
    )
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_everything_is_there_after_reopening(database: Database) -> None:
    room = StoredRoom(
        id="r1",
        host_user_id=1,
        host_username="ada",
        gamemode="duel",
        map_name=None,
        max_players=2,
        is_public=True,
        version=None,
        created_at=NOON,
        banned_user_ids=frozenset({3}),
    )
    store = await database.open()
    ada = await store.add_account(username="ada", email="a@b.c", password_hash="h", created_at=NOON)
    await store.revoke_token("j1", NOON + timedelta(hours=1))
    await store.add_room(room)
    await store.close()

    store = await database.open()
    assert await store.account_by_login("ada") == replace(ada, rooms_hosted=1)
    assert await store.revoked_tokens(NOON) == {"j1": NOON + timedelta(hours=1)}
    assert await store.rooms() == [room]
    await store.close()


async def test_a_second_store_sees_what_the_first_answered(database: Database) -> None:
    first, second = await database.open(), await database.open()
    ada = await first.add_account(username="ada", email=None, password_hash="h", created_at=NOON)
    assert await second.account_by_login("ada") == ada
    await first.close()
    await second.close()


async def test_a_call_whose_caller_was_cancelled_is_carried_out_before_the_end(database: Database) -> None:
    store = await database.open()
    call = asyncio.ensure_future(store.revoke_token("j1", NOON + timedelta(hours=1)))
    await asyncio.sleep(0)  # it has begun
    call.cancel()
    await store.close()
    store = await database.open()
    assert set(await store.revoked_tokens(NOON)) == {"j1"}
    await store.close()


async def test_an_answered_account_survives_kill_9(database: Database) -> None:
    end = subprocess.run(  # noqa: ASYNC221 -- nothing else runs meanwhile
        [sys.executable, "-c", _DIES_AFTER_AN_ANSWER, database.url, str(database.data_dir)],
        timeout=PATIENCE_S,
        capture_output=True,
    )
    assert end.returncode == -signal.SIGKILL, end.stderr.decode()
    store = await database.open()
    assert await store.account_by_login("ada") is not None
    await store.close()


async def test_nobody_else_may_read_the_sqlite_file(tmp_path: Path) -> None:
    store = await open_store("", tmp_path / "data")
    await store.add_account(username="ada", email=None, password_hash="h", created_at=NOON)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "data").iterdir()}
    await store.close()
    assert modes == dict.fromkeys(["lobby.sqlite3", "lobby.sqlite3-shm", "lobby.sqlite3-wal"], "0o600")


_NAMES_WHAT_IT_LOADED = """
import asyncio, pathlib, sys
from lobby_server.store import open_store

async def main():
    store = await open_store("", pathlib.Path(sys.argv[1]))
    await store.rooms()
    await store.close()

asyncio.run(main())
print(*(name for name in sys.argv[2:] if name in sys.modules))
"""


def test_sqlite_loads_no_migrations_nothing_of_postgresql_and_no_orm_new_or_not(tmp_path: Path) -> None:
    names = ["alembic", "asyncpg", "sqlalchemy.orm", "sqlalchemy.ext.asyncio", "sqlalchemy.dialects.postgresql"]
    command = [sys.executable, "-c", _NAMES_WHAT_IT_LOADED, str(tmp_path), *names]
    loaded = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() for _ in range(2)]
    assert loaded == [[], []]
