"""Email addresses and the choices of users, on every store there is."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from lobby_server.core.presence import User
from lobby_server.service.administration.ports import NewReport
from lobby_server.service.ports import Account, EmailTaken, SignIn, Store, StoredInvitation, StoredRoom
from lobby_server.service.social.ports import NewLine

NOON = datetime(2026, 5, 17, 12, 0, tzinfo=timezone.utc)
LATER = NOON + timedelta(days=7)


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


async def test_address_is_kept_while_the_account_is_as_it_was_known(store: Store) -> None:
    ada, bob = await account(store, "ada"), await account(store, "bob", "new@example.org")
    assert await store.set_email(ada.id, "ada@example.org", known=ada)
    assert not await store.set_email(ada.id, "new@example.org", known=ada), "it had no address"
    now = await store.account(ada.id)
    assert now is not None
    assert await store.replace_password_hash(ada.id, now.password_hash, "y")
    assert not await store.set_email(ada.id, "new@example.org", known=now), "it had another password"
    assert await emails(store, ada, bob) == [("ada@example.org", True), ("new@example.org", False)]
    assert await store.set_email(ada.id, "new@example.org", known=await store.account(ada.id))
    assert await emails(store, ada, bob) == [("new@example.org", True), (None, False)]
    assert not await store.set_email(bob.id + 1, "nobody@example.org")


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


async def test_what_is_written_of_a_user_after_the_account_was_deleted_can_be_forgotten(store: Store) -> None:
    """Of every kind, and of nobody else."""
    gone, stays, outside = (await account(store, "ada")).user, (await account(store, "bob")).user, User(900, "eve")
    await store.delete_account(gone.id)
    room = StoredRoom(
        id="r1", host_user_id=stays.id, host_username="bob", gamemode="duel", map_name=None, max_players=8,
        is_public=False, version=None, created_at=NOON,
    )  # fmt: skip
    await store.add_room(room)
    for user, other in ((gone, stays), (stays, outside), (outside, stays)):
        await store.add_block(user.id, other, NOON)
        await store.add_friend_request(user, User(901, "fay"), NOON)
        await store.add_chat_lines([NewLine(channel="lobby", sender=user, text="x", sent_at=NOON, is_withheld=False)])
        await store.add_notification(
            user_id=user.id, kind="x", title="", body="", from_user_id=other.id, created_at=NOON, is_delivered=False
        )
        await store.set_whereabouts(user.id, "nobody")
        await store.add_report(NewReport(sender=user, about=other, text="x", room_id=None, created_at=NOON))
        await store.add_sign_in(
            SignIn(id=user.username, user_id=user.id, client="", created_at=NOON, used_at=NOON, expires_at=LATER)
        )
        await store.ban("r1", user.id)
        await store.invite_to_room("r1", [user.id])
    invitations = [StoredInvitation(*ids, lets_in=True) for ids in ((gone.id, 5), (5, gone.id), (stays.id, 900))]
    await store.keep_invitations("r1", stand=invitations)
    await store.forget_users([gone.id, stays.id])
    await store.forget_users([])
    assert {each.sender for each in await store.friend_requests()} == {stays, outside}
    assert {each.user_id for each in await store.blocks()} == {stays.id, outside.id}
    kept = await store.chat_lines("lobby", reader_id=stays.id, before=None, most=9)
    assert [line.sender for line in kept] == [stays, outside]
    assert await store.users_with_undelivered_notifications() == {stays.id, outside.id}
    assert set(await store.whereabouts()) == {stays.id, outside.id}
    assert [each.sender for each in await store.reports(before=None, most=9)] == [outside, stays]
    assert [len(await store.sign_ins(user.id, NOON)) for user in (gone, stays, outside)] == [0, 1, 1]
    (left,) = await store.rooms()
    assert (left.banned_user_ids, left.invited_user_ids) == ({stays.id, outside.id}, {stays.id, outside.id})
    assert left.invitations == (StoredInvitation(stays.id, 900, lets_in=True),)
    assert await store.account(stays.id) is not None
