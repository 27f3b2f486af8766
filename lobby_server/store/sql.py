"""The store on SQL: the port's calls as statements, the same ones on SQLite and on PostgreSQL.

Values are bound, never written into a statement. What belongs together is one statement or one transaction.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timezone
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Row, Table, delete, desc, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from lobby_server.service.ports import Account, EmailTaken, StoredRoom, StoreUnavailable, UsernameTaken
from lobby_server.store.engines import in_transaction
from lobby_server.store.errors import DATABASE_AWAY, RowConflict, UnstorableText, as_store_error
from lobby_server.store.tables import key_of, revoked_tokens, room_bans, rooms, users

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def _carried_through(
    call: Callable[Concatenate[SqlStore, _Parameters], Coroutine[Any, Any, _Result]],
) -> Callable[Concatenate[SqlStore, _Parameters], Coroutine[Any, Any, _Result]]:
    """A call that runs to its end though its caller is cancelled, by a timeout say.

    Cut in the middle, a driver can only throw its connection away, and aiosqlite forgets to close it.
    """

    @functools.wraps(call)
    async def whole(store: SqlStore, /, *values: _Parameters.args, **named: _Parameters.kwargs) -> _Result:
        if store._is_closed:
            raise StoreUnavailable("The store is closed.")
        task = asyncio.ensure_future(call(store, *values, **named))
        store._running.add(task)
        task.add_done_callback(store._running.discard)
        return await asyncio.shield(task)

    return whole


class SqlStore:
    """`lobby_server.service.ports.Store` on a database that `open_store` has made ready.

    Besides what the port says: a text that not every database can hold raises `UnstorableText`, a room id that
    exists `RowConflict`; both are `StoreError`. A call after `close` raises `StoreUnavailable`.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._insert: Callable[[Table], sqlite.Insert | postgresql.Insert] = (
            sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert
        )
        self._is_closed = False
        self._running: set[asyncio.Task[Any]] = set()

    @_carried_through
    async def add_account(
        self, *, username: str, email: str | None, password_hash: str, created_at: datetime
    ) -> Account:
        username_key = key_of(username)
        new_account = insert(users).values(
            username=username,
            username_key=username_key,
            email=email,
            email_key=None if email is None else key_of(email),
            password_hash=password_hash,
            created_at=created_at,
        )
        try:
            async with self._connected() as connection:
                key: Any = (await connection.execute(new_account)).inserted_primary_key
        except RowConflict as conflict:
            # Each database words a conflict in its own way. Accounts stay, so the other one can still be asked.
            async with self._connected() as connection:
                holder = await connection.scalar(select(users.c.id).where(users.c.username_key == username_key))
            if holder is not None:
                raise UsernameTaken(f"The username {username} is taken.") from conflict
            raise EmailTaken(f"The email {email} is taken.") from conflict
        return Account(
            id=key.id,
            username=username,
            email=email,
            password_hash=password_hash,
            created_at=created_at.astimezone(timezone.utc),
        )

    @_carried_through
    async def account_by_login(self, login: str) -> Account | None:
        key = key_of(login)
        by_username = users.c.username_key == key
        query = select(users).where(or_(by_username, users.c.email_key == key)).order_by(desc(by_username)).limit(1)
        try:
            async with self._connected() as connection:
                row = (await connection.execute(query)).first()
        except UnstorableText:
            return None  # then nobody is called that
        return None if row is None else _account(row)

    @_carried_through
    async def account(self, user_id: int) -> Account | None:
        async with self._connected() as connection:
            row = (await connection.execute(select(users).where(users.c.id == user_id))).first()
        return None if row is None else _account(row)

    @_carried_through
    async def set_password_hash(self, user_id: int, password_hash: str) -> None:
        async with self._connected() as connection:
            await connection.execute(update(users).where(users.c.id == user_id).values(password_hash=password_hash))

    @_carried_through
    async def revoke_token(self, jti: str, expires_at: datetime) -> None:
        revocation = self._insert(revoked_tokens).values(jti=jti, expires_at=expires_at)
        async with self._connected() as connection:
            await connection.execute(revocation.on_conflict_do_nothing())

    @_carried_through
    async def revoked_tokens(self, now: datetime) -> dict[str, datetime]:
        async with self._connected() as connection:
            await connection.execute(delete(revoked_tokens).where(revoked_tokens.c.expires_at <= now))
            return {row.jti: row.expires_at for row in await connection.execute(select(revoked_tokens))}

    @_carried_through
    async def add_room(self, room: StoredRoom) -> None:
        new_room = insert(rooms).values(
            id=room.id,
            host_user_id=room.host_user_id,
            host_username=room.host_username,
            gamemode=room.gamemode,
            map_name=room.map_name,
            max_players=room.max_players,
            is_public=room.is_public,
            version=room.version,
            created_at=room.created_at,
        )
        bans = [{"room_id": room.id, "user_id": user_id} for user_id in room.banned_user_ids]
        async with self._connected() as connection:
            if not bans:
                await connection.execute(new_room)
                return
            async with in_transaction(connection):
                await connection.execute(new_room)
                await connection.execute(insert(room_bans), bans)

    @_carried_through
    async def set_room_host(self, room_id: str, *, user_id: int, username: str, version: str | None) -> None:
        async with self._connected() as connection:
            await connection.execute(
                update(rooms)
                .where(rooms.c.id == room_id)
                .values(host_user_id=user_id, host_username=username, version=version)
            )

    @_carried_through
    async def ban(self, room_id: str, user_id: int) -> None:
        ban = self._insert(room_bans).values(room_id=room_id, user_id=user_id)
        try:
            async with self._connected() as connection:
                await connection.execute(ban.on_conflict_do_nothing())
        except RowConflict:
            pass  # the foreign key: there is no such room, or not any more

    @_carried_through
    async def delete_room(self, room_id: str) -> None:
        async with self._connected() as connection:
            await connection.execute(delete(rooms).where(rooms.c.id == room_id))  # its bans go with it

    @_carried_through
    async def rooms(self) -> list[StoredRoom]:
        query = select(rooms, room_bans.c.user_id.label("banned_user_id")).outerjoin(room_bans)
        room_rows: dict[str, Row[Any]] = {}
        banned: dict[str, set[int]] = {}
        async with self._connected() as connection:
            for row in await connection.execute(query):
                room_rows[row.id] = row
                if row.banned_user_id is not None:
                    banned.setdefault(row.id, set()).add(row.banned_user_id)
        stored = [_room(row, frozenset(banned.get(room_id, ()))) for room_id, row in room_rows.items()]
        # Sorted here, since databases sort texts by their own rules.
        return sorted(stored, key=lambda room: (room.created_at, room.id))

    @_carried_through
    async def ping(self) -> None:
        async with self._connected() as connection:
            await connection.execute(select(1))

    async def close(self) -> None:
        self._is_closed = True
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._engine.dispose()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        """A connection in autocommit; faults leave as `StoreError`."""
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(self._engine.connect())
            except Exception as error:  # whatever it is: without a connection the database is away
                raise StoreUnavailable(DATABASE_AWAY) from error
            try:
                yield connection
            except (SQLAlchemyError, OSError, asyncio.TimeoutError) as error:
                raise as_store_error(error) from error


def _account(row: Row[Any]) -> Account:
    return Account(
        id=row.id,
        username=row.username,
        email=row.email,
        password_hash=row.password_hash,
        created_at=row.created_at,
    )


def _room(row: Row[Any], banned_user_ids: frozenset[int]) -> StoredRoom:
    return StoredRoom(
        id=row.id,
        host_user_id=row.host_user_id,
        host_username=row.host_username,
        gamemode=row.gamemode,
        map_name=row.map_name,
        max_players=row.max_players,
        is_public=row.is_public,
        version=row.version,
        created_at=row.created_at,
        banned_user_ids=banned_user_ids,
    )
