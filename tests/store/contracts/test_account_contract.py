"""Email addresses and the choices of users, on every store there is."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from lobby_server.service.ports import Account, EmailTaken, Store

NOON = datetime(2026, 5, 17, 12, 0, tzinfo=timezone.utc)


async def account(store: Store, username: str, email: str | None = None) -> Account:
    return await store.add_account(username=username, email=email, password_hash="x", created_at=NOON)


async def emails(store: Store, *accounts: Account) -> list[tuple[str | None, bool]]:
    found = [await store.account(each.id) for each in accounts]
    return [(each.email, each.email_confirmed) for each in found if each is not None]


async def test_address_is_unconfirmed_until_it_is_set_and_can_be_removed(store: Store) -> None:
    ada = await account(store, "ada", "ada@example.org")
    assert await emails(store, ada) == [("ada@example.org", False)]
    await store.set_email(ada.id, "Ada@Example.org")
    assert await emails(store, ada) == [("Ada@Example.org", True)]
    found = await store.account_by_login("ADA@example.org")
    assert found is not None
    assert (found.id, found.email_confirmed) == (ada.id, True)
    await store.set_email(ada.id, None)
    assert await emails(store, ada) == [(None, False)]
    assert await store.account_by_login("ada@example.org") is None
    await store.set_email(ada.id + 1, "nobody@example.org")
    assert await store.account_by_login("nobody@example.org") is None


async def test_confirmed_address_is_one_accounts_alone_and_an_unconfirmed_one_is_given_up(store: Store) -> None:
    ada, bob = await account(store, "ada", "ada@example.org"), await account(store, "bob")
    await store.set_email(bob.id, "ADA@example.org")
    assert await emails(store, ada, bob) == [(None, False), ("ADA@example.org", True)]
    with pytest.raises(EmailTaken):
        await store.set_email(ada.id, "ada@example.org")
    assert await emails(store, ada, bob) == [(None, False), ("ADA@example.org", True)]
    with pytest.raises(EmailTaken):
        await account(store, "cleo", "ada@example.org")


async def test_whom_a_user_lets_know_where_they_are_is_kept_and_goes_with_the_account(store: Store) -> None:
    ada = await account(store, "ada")
    assert await store.whereabouts() == {}
    await store.set_whereabouts(ada.id, "nobody")
    await store.set_whereabouts(2**53 - 1, "everybody")  # of an outside account service
    await store.set_whereabouts(ada.id, "friends")
    assert await store.whereabouts() == {ada.id: "friends", 2**53 - 1: "everybody"}
    await store.delete_account(ada.id)
    assert await store.whereabouts() == {2**53 - 1: "everybody"}
