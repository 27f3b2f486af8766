"""Rows that are there as a second server comes to write or to read them, and a moment later are not, or the reverse."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timezone
from typing import Any, TypeVar

from lobby_server.core.presence import User
from lobby_server.service.ports import EmailTaken
from lobby_server.store import SqlStore
from tests.store.at_once.servers import Write, with_one_between

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
