"""The store through a real pgbouncer, whose transaction mode gives each transaction another session."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from lobby_server.service.ports import StoredRoom
from lobby_server.store import PostgresDatabase, SqlStore, StoreSetupError, open_store, read_database_url
from lobby_server.store.connecting import Connector
from tests.nobody import refusing_port
from tests.store.pgbouncer import PgBouncer, running_pgbouncer
from tests.store.postgres import Postgres

pytestmark = pytest.mark.system  # a pooler as a process, in front of PostgreSQL

NOON = datetime(2026, 5, 17, 12, tzinfo=timezone.utc)
CALLERS = 4
NAMED = "SELECT count(*) FROM pg_prepared_statements"


@pytest.fixture(params=["session", "transaction"])
def pgbouncer(request: pytest.FixtureRequest, postgres: Postgres) -> Iterator[PgBouncer]:
    with running_pgbouncer(postgres, pool_mode=request.param) as started:
        yield started


async def use(store: SqlStore, number: int) -> None:
    """Calls of every kind, with results that are known."""
    for turn in range(5):
        name = f"user{number}_{turn}"
        added = await store.add_account(username=name, email=None, password_hash="h", created_at=NOON)
        assert await store.account(added.id) == added
        assert await store.account_by_login(name) == added
        made = StoredRoom(
            id=name, host_user_id=added.id, host_username=name, gamemode="ctf", map_name=None, max_players=2,
            is_public=True, version=None, created_at=NOON, banned_user_ids=frozenset({1, 2}),
        )  # fmt: skip
        await store.add_room(made)  # a transaction
        await store.ban(name, 3)
        await store.set_room_host(name, user_id=5, username="five", version="1")
        assert name in [room.id for room in await store.rooms()]
        await store.delete_room(name)
        await store.ping()


async def test_two_servers_worth_of_calls_at_once_all_succeed_and_a_second_start_as_well(
    postgres_name: str, pgbouncer: PgBouncer, tmp_path: Path
) -> None:
    url = pgbouncer.url(postgres_name)
    for first in (0, 100):
        stores = [await open_store(url, tmp_path) for _ in range(2)]
        await asyncio.gather(
            *(
                use(store, first + 50 * which + caller)
                for which, store in enumerate(stores)
                for caller in range(CALLERS)
            )
        )
        for store in stores:
            await store.close()


async def test_straight_connections_name_their_statements(
    postgres: Postgres, postgres_name: str, tmp_path: Path
) -> None:
    seen = {}
    for parameter in ("", "&pgbouncer=true"):
        store = await open_store(postgres.url(postgres_name) + parameter, tmp_path)
        await store.account(1)
        await store.account(1)
        seen[parameter] = await store._run(lambda connection: connection.exec_driver_sql(NAMED).scalar_one())
        await store.close()
    assert seen[""] > 0
    assert seen["&pgbouncer=true"] == 0


async def test_parameter_that_a_pooler_refuses_is_named(
    postgres_name: str, pgbouncer: PgBouncer, tmp_path: Path
) -> None:
    with pytest.raises(StoreSetupError, match=r"The pooler at .* refuses a parameter .*search_path"):
        await open_store(pgbouncer.url(postgres_name) + "?search_path=other", tmp_path)


async def test_schema_that_is_the_default_is_no_parameter_for_a_pooler(
    postgres_name: str, pgbouncer: PgBouncer, tmp_path: Path
) -> None:
    url = pgbouncer.url(postgres_name) + "?pgbouncer=true&connection_limit=1&schema=public&sslmode=disable"
    store = await open_store(url, tmp_path)
    await asyncio.gather(*(store.account(number) for number in range(5)))
    await store.close()


async def test_database_that_a_pooler_does_not_find_is_named(pgbouncer: PgBouncer, tmp_path: Path) -> None:
    with pytest.raises(StoreSetupError) as caught:
        await open_store(pgbouncer.url("missing"), tmp_path)
    assert "missing" in str(caught.value)


async def test_keepalives_of_a_url_are_those_of_the_socket(postgres_name: str, pgbouncer: PgBouncer) -> None:
    given = "keepalives_idle=31&keepalives_interval=7&keepalives_count=4&tcp_user_timeout=21000"
    location = read_database_url(f"{pgbouncer.url(postgres_name)}?{given}", Path())
    assert isinstance(location, PostgresDatabase)
    connection = await Connector(location, command_timeout_s=10.0).connect()
    own = connection._transport.get_extra_info("socket")
    with socket.socket(fileno=os.dup(own.fileno())) as tcp:
        assert tcp.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
        assert [tcp.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names] == [31, 7, 4, 21_000]
    await connection.close()


async def test_host_that_is_down_is_passed_over_for_the_next_one_of_the_url(
    postgres_name: str, pgbouncer: PgBouncer, tmp_path: Path
) -> None:
    with refusing_port() as down:
        hosts = f"postgres@127.0.0.1:{down},127.0.0.1:{pgbouncer.port}"
        store = await open_store(f"postgresql://{hosts}/{postgres_name}?target_session_attrs=read-write", tmp_path)
        await use(store, 1)
        await store.close()
