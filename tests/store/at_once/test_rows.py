"""Rows that are there as a second server comes to write or to read them, and a moment later are not, or the reverse."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timezone
from functools import partial
from typing import Any, TypeVar

import pytest
from sqlalchemy import event

from lobby_server.core.presence import User
from lobby_server.service.ports import Account, EmailTaken, StoreError, UsernameTaken
from lobby_server.store import SqlStore
from lobby_server.store.errors import RowConflict
from tests.store.at_once.servers import Write, engine_of, with_one_between

NOON = datetime(2026, 5, 17, 12, tzinfo=timezone.utc)
ANN, BOB = User(1, "ann"), User(2, "bob")
Stores = tuple[SqlStore, SqlStore]
_Result = TypeVar("_Result")


async def each_place(
    stores: Stores, late: Write, write: Callable[[SqlStore], Awaitable[_Result]]
) -> AsyncIterator[_Result]:
    """What a write gives with another one before its first statement, then before its second, and so on; at last with
    none."""
    for place in itertools.count():
        found, is_between = await with_one_between(stores, late, write, place=place)
        yield found
        if not is_between:
            assert place, "it has a statement"
            return


async def test_request_that_is_withdrawn_while_it_is_made_once_more_is_made(two_servers: Stores) -> None:
    before, _ = two_servers
    await before.add_friend_request(ANN, BOB, NOON)

    async def withdraw(store: SqlStore) -> None:
        for request in await store.friend_requests():
            await store.delete_friend_request(request.id)

    async for found in each_place(two_servers, withdraw, lambda store: store.add_friend_request(ANN, BOB, NOON)):
        assert found is not None
        await before.add_friend_request(ANN, BOB, NOON)


async def test_notification_that_is_forgotten_while_it_is_kept_once_more_is_kept(two_servers: Stores) -> None:
    async def keep(store: SqlStore) -> int:
        kept = await store.add_notification(
            user_id=BOB.id, kind="friend_request", title="", body="", from_user_id=ANN.id, created_at=NOON,
            is_delivered=False, key="k",
        )  # fmt: skip
        return kept.id

    await keep(two_servers[0])
    async for found in each_place(two_servers, lambda store: store.forget_users([BOB.id]), keep):
        assert found
        await keep(two_servers[0])


async def test_address_is_confirmed_though_another_account_is_made_with_it_meanwhile(two_servers: Stores) -> None:
    before, confirms = two_servers
    ada = await confirms.add_account(username="ada", email=None, password_hash="x", created_at=NOON)
    numbers = itertools.count()

    async def register(store: SqlStore) -> None:
        with contextlib.suppress(EmailTaken):
            await store.add_account(
                username=f"other{next(numbers)}", email="a@example.org", password_hash="x", created_at=NOON
            )

    async for found in each_place(two_servers, register, lambda store: store.set_email(ada.id, "a@example.org")):
        assert found
        now = await before.account(ada.id)
        assert now is not None
        assert now.email_confirmed
        await before.set_email(ada.id, None)


async def test_address_that_another_account_confirms_meanwhile_is_taken(two_servers: Stores) -> None:
    before, confirms = two_servers
    ada = await confirms.add_account(username="ada", email=None, password_hash="x", created_at=NOON)
    bob = await confirms.add_account(username="bob", email=None, password_hash="x", created_at=NOON)
    taken: list[bool] = []

    async def confirm(store: SqlStore, account_id: int) -> bool:
        try:
            return await store.set_email(account_id, "a@example.org")
        except EmailTaken:
            return False

    async def confirm_late(store: SqlStore) -> None:
        taken.append(await confirm(store, bob.id))

    async for found in each_place(two_servers, confirm_late, lambda store: confirm(store, ada.id)):
        holders: list[Any] = [each for each in (await before.account(ada.id), await before.account(bob.id)) if each]
        assert [each.email_confirmed for each in holders].count(True) == 1
        assert found == holders[0].email_confirmed
        assert taken.pop() != found if taken else found
        await before.set_email(ada.id, None)
        await before.set_email(bob.id, None)


@pytest.mark.parametrize(
    "email", [None, "new@example.org", "a@example.org"], ids=["no address", "another one", "the same one"]
)
@pytest.mark.parametrize("username", ["ada", "Ada", "new"])
async def test_name_and_address_of_an_account_that_is_deleted_meanwhile_are_free(
    two_servers: Stores, username: str, email: str | None
) -> None:
    before = two_servers[0]
    in_the_way = [(await add(before, "ada", "a@example.org")).id]

    async def delete(store: SqlStore) -> None:
        await store.delete_account(in_the_way.pop())

    async def register(store: SqlStore) -> Account | StoreError:
        try:
            return await add(store, username, email)
        except StoreError as fault:
            return fault

    async for found in each_place(two_servers, delete, register):
        if isinstance(found, Account):
            await before.delete_account(found.id)
        else:  # it was deleted right after it was looked for, or not at all
            assert isinstance(found, EmailTaken if username == "new" else UsernameTaken)
        if not in_the_way:
            in_the_way.append((await add(before, "ada", "a@example.org")).id)


async def test_conflict_that_is_of_no_other_account_is_not_taken_for_one(two_servers: Stores) -> None:
    registers = two_servers[1]
    ada = await add(registers, "ada", None)
    event.listen(engine_of(registers), "before_cursor_execute", partial(_with_the_id, ada.id), retval=True)
    with pytest.raises(RowConflict):
        await add(registers, "new", "new@example.org")


async def add(store: SqlStore, username: str, email: str | None) -> Account:
    return await store.add_account(username=username, email=email, password_hash="x", created_at=NOON)


def _with_the_id(
    id_: int, _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
) -> tuple[str, Any]:
    """As where the numbers of accounts were set back when the database was restored."""
    if statement.startswith("INSERT INTO users ("):
        statement = statement.replace("INSERT INTO users (", "INSERT INTO users (id, ", 1)
        statement = statement.replace("VALUES (", f"VALUES ({id_}, ", 1)
    return statement, parameters
