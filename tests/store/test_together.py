"""Writes to SQLite that come together are committed together, and are told apart all the same."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from lobby_server.service.ports import StoredRoom, StoreUnavailable
from lobby_server.store import SqlStore, engines, open_store
from lobby_server.store.engines import MAX_TOGETHER
from lobby_server.store.errors import RowConflict, UnstorableText
from tests.patience import PATIENCE_S

NOON = datetime(2026, 5, 17, 12, tzinfo=timezone.utc)

_DIES_AMONG_ANSWERS = """
import asyncio, os, pathlib, signal, sys
from dataclasses import replace
from datetime import datetime, timezone
from lobby_server.service.ports import StoredRoom
from lobby_server.store import open_store

async def main():
    store = await open_store("", pathlib.Path(sys.argv[1]))
    answered = 0

    async def add(number):
        nonlocal answered
        await store.add_room(StoredRoom(
            id=f"r{number}", host_user_id=number, host_username="u", gamemode="duel", map_name=None, max_players=2,
            is_public=True, version=None, created_at=datetime.now(timezone.utc),
        ))
        os.write(1, f"r{number}\\n".encode())
        answered += 1
        if answered == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

    await asyncio.gather(*(add(number) for number in range(1000)))

asyncio.run(main())
"""


def room(name: str, *, gamemode: str = "duel") -> StoredRoom:
    return StoredRoom(
        id=name, host_user_id=1, host_username="ada", gamemode=gamemode, map_name=None, max_players=2, is_public=True,
        version=None, created_at=NOON,
    )  # fmt: skip


@pytest.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqlStore]:
    monkeypatch.setattr(engines, "BUSY_TIMEOUT_S", 0.2)
    opened = await open_store("", tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
def statements(store: SqlStore) -> list[str]:
    """What SQLite is told from now on."""
    told: list[str] = []
    engine: Any = store._database._engine  # type: ignore[attr-defined]
    event.listen(engine, "before_cursor_execute", lambda *arguments: told.append(arguments[2]))
    return told


async def ids(store: SqlStore) -> set[str]:
    return {stored.id for stored in await store.rooms()}


async def test_rooms_that_come_together_are_made_in_few_statements_and_all_are_there(
    store: SqlStore, statements: list[str]
) -> None:
    names = [f"r{number}" for number in range(5 * MAX_TOGETHER)]
    await asyncio.gather(*(store.add_room(room(name)) for name in names))
    assert len(statements) < len(names) / 4
    assert await ids(store) == set(names)


async def test_rooms_that_come_together_are_one_step_of_each_statement(store: SqlStore) -> None:
    steps: list[int] = []
    engine: Any = store._database._engine  # type: ignore[attr-defined]
    event.listen(
        engine,
        "before_cursor_execute",
        lambda connection, cursor, text, values, context, executemany: steps.append(len(values) if executemany else 1),
    )
    await asyncio.gather(*(store.add_room(replace(room(f"r{n}"), host_user_id=n)) for n in range(2 * MAX_TOGETHER)))
    assert sum(steps) < MAX_TOGETHER


async def test_rooms_that_come_together_are_kept_as_those_that_come_alone(store: SqlStore) -> None:
    ada = await store.add_account(username="ada", email=None, password_hash="h", created_at=NOON)
    bob = await store.add_account(username="bob", email=None, password_hash="h", created_at=NOON)
    summer = datetime(2026, 7, 1, 12, 30, 15, 123456, tzinfo=timezone(timedelta(hours=2)))
    kinds = [
        replace(room("plain"), host_user_id=ada.id),
        replace(room("named"), host_user_id=bob.id, name="Ünïcode 'quoted'", map_name="harbour", version="1.2"),
        replace(room("started"), host_user_id=bob.id, player_ids=frozenset({1, 2, 3}), created_at=summer),
        replace(
            room("private"),
            host_user_id=9,
            is_public=False,
            invited_user_ids=frozenset({1}),
            banned_user_ids=frozenset({7, 8}),
        ),
        replace(room("open"), host_user_id=9, is_public=False, invited_user_ids=frozenset({4})),
    ]
    together = [replace(each, id=f"{each.id} {number}") for each in kinds for number in range(3)]
    await asyncio.gather(*(store.add_room(each) for each in together))
    for each in kinds:
        await store.add_room(each)
    found = {each.id: each for each in await store.rooms()}
    for each in together:
        alone = found[each.id.split()[0]]
        assert found[each.id] == replace(alone, id=each.id)
        assert alone == replace(each, id=alone.id)
    for account, hosted in ((ada, 4), (bob, 8)):
        now = await store.account(account.id)
        assert now is not None
        assert now.rooms_hosted == hosted


async def test_one_that_cannot_be_made_fails_alone(store: SqlStore) -> None:
    await store.add_room(room("old"))
    wishes = [room("a"), room("old"), room("b"), room("c", gamemode="\0"), room("d"), room("a")]
    faults = await asyncio.gather(*(store.add_room(wish) for wish in wishes), return_exceptions=True)
    assert [type(fault) for fault in faults] == [
        type(None), RowConflict, type(None), UnstorableText, type(None), RowConflict,
    ]  # fmt: skip
    assert await ids(store) == {"old", "a", "b", "d"}


async def test_writes_are_made_in_the_order_in_which_they_were_asked_for(store: SqlStore) -> None:
    await asyncio.gather(
        store.add_room(room("a")),
        store.delete_room("a"),
        store.add_room(room("a", gamemode="second")),
        store.add_room(room("b")),
        store.set_room_host("b", user_id=2, username="bob", version="1"),
        store.delete_room("a"),
        store.add_room(room("a", gamemode="third")),
    )
    found = {stored.id: (stored.gamemode, stored.host_username) for stored in await store.rooms()}
    assert found == {"a": ("third", "ada"), "b": ("duel", "bob")}


async def test_file_that_is_locked_is_waited_for_once_and_nothing_of_what_failed_is_there(
    store: SqlStore, statements: list[str], tmp_path: Path
) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "lobby.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        calls = [asyncio.ensure_future(store.add_room(room(f"r{number}"))) for number in range(MAX_TOGETHER)]
        faults = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), PATIENCE_S)
        assert {type(fault) for fault in faults} == {StoreUnavailable}
        assert statements == ["BEGIN IMMEDIATE"], "each of them would wait as long"
        other.execute("COMMIT")
    await store.add_room(room("after"))
    assert await ids(store) == {"after"}


async def test_reader_has_a_turn_between_the_writes(store: SqlStore, statements: list[str]) -> None:
    writes = [asyncio.ensure_future(store.add_room(room(f"r{number}"))) for number in range(20 * MAX_TOGETHER)]
    await asyncio.sleep(0)  # they have begun
    assert await store.account(1) is None
    await asyncio.gather(*writes)
    (read,) = [number for number, statement in enumerate(statements) if statement.startswith("SELECT users.")]
    assert any(statement.startswith("INSERT INTO rooms") for statement in statements[read:])


async def test_writes_whose_callers_are_gone_are_made_before_the_end(tmp_path: Path) -> None:
    store = await open_store("", tmp_path)
    calls = [asyncio.ensure_future(store.add_room(room(f"r{number}"))) for number in range(3 * MAX_TOGETHER)]
    await asyncio.sleep(0)
    for call in calls:
        call.cancel()
    await store.close()
    store = await open_store("", tmp_path)
    assert len(await store.rooms()) == len(calls)
    await store.close()


@pytest.mark.parametrize("answers", [1, MAX_TOGETHER + 1, 500])
async def test_rooms_that_were_answered_survive_kill_9(tmp_path: Path, answers: int) -> None:
    ended = subprocess.run(  # noqa: ASYNC221 -- nothing else runs meanwhile
        [sys.executable, "-c", _DIES_AMONG_ANSWERS, str(tmp_path), str(answers)],
        timeout=PATIENCE_S,
        capture_output=True,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    answered = set(ended.stdout.decode().split())
    assert len(answered) == answers
    store = await open_store("", tmp_path)
    assert answered <= await ids(store)
    await store.close()


async def test_statements_of_one_write_are_all_made_or_none(store: SqlStore) -> None:
    ada = await store.add_account(username="ada", email=None, password_hash="h", created_at=NOON)
    await asyncio.gather(*(store.add_room(replace(room(f"r{number}"), host_user_id=ada.id)) for number in range(9)))
    wishes = [replace(room(name), host_user_id=ada.id) for name in ("r3", "new", "r4")]
    faults = await asyncio.gather(*(store.add_room(wish) for wish in wishes), return_exceptions=True)
    assert [type(fault) for fault in faults] == [RowConflict, type(None), RowConflict]
    account = await store.account(ada.id)
    assert account is not None
    assert account.rooms_hosted == 10
