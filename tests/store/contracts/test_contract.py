"""What `lobby_server.service.ports.Store` promises, on every store there is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from lobby_server.service.accounts.revocations import FOR_EVER
from lobby_server.service.ports import (
    Account,
    EmailTaken,
    SignIn,
    Store,
    StoredInvitation,
    StoredRoom,
    StoreError,
    StoreUnavailable,
    UsernameLooksTaken,
    UsernameTaken,
)
from lobby_server.service.social.ports import NewLine
from tests.kept_ties import stored_friendships

NOON = datetime(2026, 5, 17, 12, 0, 0, 123_456, tzinfo=timezone.utc)
LARGEST_USER_ID = 2**53 - 1
AWKWARD_TEXTS = [
    "Robert'); DROP TABLE users;--",
    '<script>alert("x")</script>',
    "%s %(name)s :name ? $1 {0} \\",
    " spaces around ",
    "Zoë 👩‍👩‍👧 中文 \u202e",
]
UNSTORABLE_TEXTS = ["nul \0", "half a pair \ud800"]

ROOM = StoredRoom(
    id="r1",
    host_user_id=7,
    host_username="host",
    gamemode="duel",
    map_name="castle",
    max_players=8,
    is_public=True,
    version="13020",
    created_at=NOON,
)


async def register(store: Store, username: str, email: str | None = None) -> Account:
    return await store.add_account(username=username, email=email, password_hash=f"hash of {username}", created_at=NOON)


SIGN_IN = SignIn(
    id="s1", user_id=7, client="Browser", created_at=NOON, used_at=NOON, expires_at=NOON + timedelta(days=7)
)

# Accounts


async def test_an_added_account_is_returned_as_it_is_read(store: Store) -> None:
    added = await register(store, "Ada", "ada@example.org")
    assert added == Account(
        id=added.id,
        username="Ada",
        email="ada@example.org",
        password_hash="hash of Ada",
        created_at=NOON,
    )
    assert await store.account(added.id) == added


async def test_ids_of_accounts_go_up(store: Store) -> None:
    first, second = await register(store, "first"), await register(store, "second")
    assert 0 < first.id < second.id


async def test_an_unknown_id_is_no_account(store: Store) -> None:
    assert await store.account(12345) is None


@pytest.mark.parametrize("text", AWKWARD_TEXTS)
async def test_any_text_is_kept_verbatim_in_an_account(store: Store, text: str) -> None:
    added = await register(store, text, f"{text}@example.org")
    read = await store.account(added.id)
    assert read is not None
    assert (read.username, read.email, read.password_hash) == (text, f"{text}@example.org", f"hash of {text}")
    assert await store.account_by_login(text) == read


@pytest.mark.parametrize("second", ["Grace", "GRACE", "grace"])
async def test_a_username_is_taken_in_any_case(store: Store, second: str) -> None:
    await register(store, "Grace")
    with pytest.raises(UsernameTaken):
        await register(store, second)


@pytest.mark.parametrize("second", ["G@Example.org", "g@example.ORG"])
async def test_an_email_is_taken_in_any_case(store: Store, second: str) -> None:
    await register(store, "grace", "G@Example.org")
    with pytest.raises(EmailTaken):
        await register(store, "other", second)


async def test_when_both_are_taken_the_username_is_said(store: Store) -> None:
    await register(store, "grace", "g@example.org")
    with pytest.raises(UsernameTaken):
        await register(store, "grace", "g@example.org")


async def test_a_refused_account_leaves_its_name_free(store: Store) -> None:
    await register(store, "grace", "g@example.org")
    with pytest.raises(EmailTaken):
        await register(store, "other", "g@example.org")
    assert (await register(store, "other", "o@example.org")).username == "other"


async def test_accounts_without_email_do_not_collide(store: Store) -> None:
    await register(store, "one")
    assert (await register(store, "two")).email is None


async def test_one_of_many_registrations_of_a_name_at_once_wins(store: Store) -> None:
    outcomes = await asyncio.gather(*(register(store, "Prize") for _ in range(20)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Account"] + ["UsernameTaken"] * 19


async def test_one_of_many_registrations_of_an_email_at_once_wins(store: Store) -> None:
    outcomes = await asyncio.gather(
        *(register(store, f"player{n}", "same@example.org") for n in range(20)), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Account"] + ["EmailTaken"] * 19


async def test_registrations_at_once_get_ids_of_their_own(store: Store) -> None:
    added = await asyncio.gather(*(register(store, f"player{n}") for n in range(50)))
    assert len({account.id for account in added}) == 50


async def test_login_takes_username_or_email_in_any_case(store: Store) -> None:
    added = await register(store, "Linus", "L@Example.org")
    logins = ["Linus", "LINUS", "linus", "L@Example.org", "l@EXAMPLE.ORG"]
    assert [await store.account_by_login(login) for login in logins] == [added] * len(logins)


async def test_login_of_a_username_wins_over_an_email(store: Store) -> None:
    await register(store, "holder_of_the_email", "contested")
    by_username = await register(store, "CONTESTED", "other@example.org")
    assert await store.account_by_login("contested") == by_username


async def test_login_of_nobody_is_no_account(store: Store) -> None:
    await register(store, "linus")
    logins = ["nobody", "", "None", "' OR ''='", "%", "lin_s", *UNSTORABLE_TEXTS]
    assert [login for login in logins if await store.account_by_login(login) is not None] == []


async def test_a_password_hash_is_replaced(store: Store) -> None:
    added = await register(store, "ada")
    assert await store.replace_password_hash(added.id, added.password_hash, "stronger")
    assert await store.account(added.id) == replace(added, password_hash="stronger")


async def test_a_password_hash_that_is_another_one_by_now_stays(store: Store) -> None:
    added = await register(store, "ada")
    assert await store.replace_password_hash(added.id, added.password_hash, "first")
    assert not await store.replace_password_hash(added.id, added.password_hash, "second")
    assert await store.account(added.id) == replace(added, password_hash="first")


async def test_a_password_hash_stays_where_the_address_is_another_one_by_now(store: Store) -> None:
    added = await register(store, "ada")
    await store.set_email(added.id, "ada@new.example")
    known = await store.account(added.id)
    assert known is not None
    for then in (added, replace(known, email=None)):
        assert not await store.replace_password_hash(added.id, added.password_hash, "stronger", address_of=then)
    assert await store.account(added.id) == known
    assert await store.replace_password_hash(added.id, added.password_hash, "stronger", address_of=known)


async def test_a_password_hash_is_replaced_for_one_account_only(store: Store) -> None:
    added, other = await register(store, "ada"), await register(store, "other")
    assert await store.replace_password_hash(added.id, added.password_hash, "stronger")
    assert await store.account(other.id) == other


async def test_sign_ins_end_with_the_password_that_is_replaced_and_with_no_other(store: Store) -> None:
    ada, other = await register(store, "ada"), await register(store, "other")
    own = [replace(SIGN_IN, id=name, user_id=ada.id) for name in ("s1", "s2", "s3")]
    for each in (*own, replace(SIGN_IN, id="s4", user_id=other.id)):
        await store.add_sign_in(each)

    def ends(sign_in: SignIn) -> tuple[str, datetime] | None:
        return None if sign_in.id == "s1" else (f"sign-in {sign_in.id}", sign_in.expires_at)

    assert not await store.replace_password_hash(ada.id, "another", "stronger", ends=ends)
    assert (len(await store.sign_ins(ada.id, NOON)), await store.revoked_tokens(NOON)) == (3, {})
    assert await store.replace_password_hash(ada.id, ada.password_hash, "stronger", ends=ends)
    assert await store.sign_ins(ada.id, NOON) == own[:1]
    assert len(await store.sign_ins(other.id, NOON)) == 1
    assert await store.revoked_tokens(NOON) == {f"sign-in {each.id}": each.expires_at for each in own[1:]}
    assert not await store.renew_sign_in("s2", used_at=NOON, expires_at=NOON, key="sign-in s2")


async def test_a_password_hash_for_nobody_changes_nothing(store: Store) -> None:
    added = await register(store, "ada")
    assert not await store.replace_password_hash(added.id + 1, added.password_hash, "stronger")
    assert await store.account(added.id) == added


async def test_a_moment_comes_back_in_utc(store: Store) -> None:
    in_tokyo = NOON.astimezone(timezone(timedelta(hours=9)))
    added = await store.add_account(username="ada", email=None, password_hash="h", created_at=in_tokyo)
    read = await store.account(added.id)
    assert read is not None
    assert read.created_at.isoformat() == "2026-05-17T12:00:00.123456+00:00"
    assert added.created_at.isoformat() == read.created_at.isoformat()


@pytest.mark.parametrize("text", UNSTORABLE_TEXTS)
async def test_a_text_that_no_database_holds_is_refused(store: Store, text: str) -> None:
    with pytest.raises(StoreError, match="cannot be stored"):
        await register(store, text)


# Revoked tokens


async def test_a_revoked_token_is_remembered_until_it_ends(store: Store) -> None:
    ends = NOON + timedelta(days=7)
    await store.revoke_token("j1", ends)
    assert await store.revoked_tokens(NOON) == {"j1": ends}
    assert await store.revoked_tokens(ends - timedelta(microseconds=1)) == {"j1": ends}


async def test_a_revoked_token_that_has_ended_is_forgotten(store: Store) -> None:
    ends = NOON + timedelta(days=7)
    await store.revoke_token("j1", ends)
    assert await store.revoked_tokens(ends) == {}
    assert await store.revoked_tokens(NOON) == {}  # for good, not just left out


async def test_only_ended_tokens_are_forgotten(store: Store) -> None:
    for hours in range(1, 5):
        await store.revoke_token(f"j{hours}", NOON + timedelta(hours=hours))
    assert set(await store.revoked_tokens(NOON + timedelta(hours=2, minutes=30))) == {"j3", "j4"}


async def test_revoking_twice_keeps_the_later_end(store: Store) -> None:
    for key, (first, second) in {"j1": (1, 2), "j2": (2, 1)}.items():
        await store.revoke_token(key, NOON + timedelta(hours=first))
        await store.revoke_token(key, NOON + timedelta(hours=second))
    assert await store.revoked_tokens(NOON) == dict.fromkeys(("j1", "j2"), NOON + timedelta(hours=2))


async def test_what_is_revoked_for_ever_is_never_forgotten(store: Store) -> None:
    await store.revoke_token("j1", FOR_EVER)
    assert set(await store.revoked_tokens(NOON + timedelta(days=365_000))) == {"j1"}


async def test_a_token_revoked_many_times_at_once_is_one(store: Store) -> None:
    await asyncio.gather(*(store.revoke_token("j1", NOON + timedelta(hours=1)) for _ in range(20)))
    assert await store.revoked_tokens(NOON) == {"j1": NOON + timedelta(hours=1)}


async def test_the_end_of_a_token_comes_back_in_utc(store: Store) -> None:
    await store.revoke_token("j1", NOON.astimezone(timezone(timedelta(hours=-5))))
    assert (await store.revoked_tokens(NOON - timedelta(hours=1)))["j1"].utcoffset() == timedelta(0)


# Rooms


async def test_a_name_that_looks_like_another_one_is_refused(store: Store) -> None:
    await register(store, "Ill_0")
    with pytest.raises(UsernameLooksTaken):
        await register(store, "l1l_O")
    await register(store, "Ivy")


async def test_a_role_is_kept_and_taken_away(store: Store) -> None:
    ada = await register(store, "Ada")
    await store.set_role(ada.id, "admin")
    await store.set_role(ada.id + 1, "admin")
    assert (await store.account(ada.id)) == replace(ada, role="admin")
    await store.set_role(ada.id, None)
    assert (await store.account_by_login("ada")) == ada


async def test_sign_ins_of_a_user_come_as_they_were_added_the_one_used_last_first(store: Store) -> None:
    later = replace(SIGN_IN, id="s2", used_at=NOON + timedelta(hours=1))
    for each in (SIGN_IN, later, replace(SIGN_IN, id="s3", user_id=8)):
        await store.add_sign_in(each)
    assert await store.sign_ins(7, NOON) == [later, SIGN_IN]
    used_at, expires_at = NOON + timedelta(hours=2), NOON + timedelta(days=9)
    for name in ("s1", "none"):
        assert await store.renew_sign_in(name, used_at=used_at, expires_at=expires_at, key=f"sign-in {name}")
    assert await store.sign_ins(7, NOON + timedelta(days=8)) == [
        replace(SIGN_IN, used_at=used_at, expires_at=expires_at)
    ]


async def test_a_sign_in_ends_with_the_last_of_its_tokens_though_a_later_one_ends_sooner(store: Store) -> None:
    await store.add_sign_in(SIGN_IN)
    used_at = NOON + timedelta(hours=2)
    await store.renew_sign_in("s1", used_at=used_at, expires_at=NOON + timedelta(days=1), key="sign-in s1")
    assert await store.sign_ins(7, NOON) == [replace(SIGN_IN, used_at=used_at)]


async def test_a_sign_in_that_is_revoked_may_get_no_token(store: Store) -> None:
    await store.add_sign_in(SIGN_IN)
    await store.revoke_token("sign-in s1", NOON + timedelta(days=1))
    ends = NOON + timedelta(days=2)
    assert not await store.renew_sign_in("s1", used_at=NOON, expires_at=ends, key="sign-in s1")
    assert not await store.renew_sign_in("gone", used_at=NOON, expires_at=ends, key="sign-in s1")
    assert await store.renew_sign_in("s1", used_at=NOON, expires_at=ends, key="sign-in s2")


async def test_an_ended_sign_in_is_forgotten(store: Store) -> None:
    await store.add_sign_in(SIGN_IN)
    assert [await store.delete_sign_in("s1"), await store.delete_sign_in("s1")] == [True, False]
    assert await store.sign_ins(7, NOON) == []
    await store.add_sign_in(replace(SIGN_IN, expires_at=NOON + timedelta(hours=1)))
    await store.add_sign_in(replace(SIGN_IN, id="s2", created_at=NOON + timedelta(hours=2)))
    assert [each.id for each in await store.sign_ins(7, NOON)] == ["s2"]


async def test_sign_ins_of_all_users_that_ended_are_forgotten_so_many_at_a_time_and_no_others(store: Store) -> None:
    for number in range(5):
        ended = replace(SIGN_IN, id=f"ended {number}", user_id=number, expires_at=NOON + timedelta(seconds=number))
        await store.add_sign_in(ended)
    await store.add_sign_in(replace(SIGN_IN, id="holds", user_id=1))
    until = NOON + timedelta(seconds=3)
    assert [await store.forget_sign_ins_until(until, most=3) for _ in range(3)] == [3, 1, 0]
    left = [await store.sign_ins(number, NOON - timedelta(days=1)) for number in range(5)]
    assert [[each.id for each in of_user] for of_user in left] == [[], ["holds"], [], [], ["ended 4"]]


async def test_a_deleted_account_takes_along_all_that_is_kept_of_its_user_and_of_nobody_else(store: Store) -> None:
    ada, bob, cleo = [await register(store, name) for name in ("Ada", "Bob", "Cleo")]
    for user in (ada, bob):
        await store.add_sign_in(replace(SIGN_IN, id=f"of {user.username}", user_id=user.id))
        await store.add_chat_lines(
            [NewLine(channel="lobby", sender=user.user, text="hello", sent_at=NOON, is_withheld=False)]
        )
    for one, other in ((ada, bob), (bob, cleo)):
        await store.add_friend_request(one.user, other.user, NOON)
        assert await store.add_friendship(one.user, other.user, NOON)
    await store.add_friend_request(cleo.user, ada.user, NOON)
    await store.add_block(ada.id, cleo.user, NOON)
    for user, sender in ((ada, bob), (bob, ada), (bob, cleo)):
        await store.add_notification(
            user_id=user.id, kind="k", title="t", body="b", from_user_id=sender.id, created_at=NOON, is_delivered=False
        )
    await store.add_room(replace(ROOM, banned_user_ids=frozenset({ada.id, bob.id})))
    await store.delete_account(ada.id)
    assert await store.account(ada.id) is None
    assert await store.account_by_login("ada") is None
    assert (await store.sign_ins(ada.id, NOON), len(await store.sign_ins(bob.id, NOON))) == ([], 1)
    assert (await store.chat_lines_by(ada.id), len(await store.chat_lines_by(bob.id))) == ([], 1)
    assert {(each.user_id, each.friend.user.id) for each in await stored_friendships(store)} == {
        (bob.id, cleo.id), (cleo.id, bob.id),
    }  # fmt: skip
    assert (await store.friend_requests(), await store.blocks()) == ([], [])
    assert [each.from_user_id for each in await store.notifications(bob.id, before=None, most=9)] == [cleo.id]
    assert (await store.rooms())[0].banned_user_ids == {bob.id}
    again = await register(store, "Ada")
    assert again.id > cleo.id, "an id is never used again"


async def test_an_account_that_is_deleted_many_times_at_once_was_there_for_one_call(store: Store) -> None:
    ada, bob = await register(store, "Ada"), await register(store, "Bob")
    revokes = ("of ada", NOON + timedelta(hours=1))
    was_there = await asyncio.gather(*(store.delete_account(ada.id, revokes=revokes) for _ in range(20)))
    assert sorted(was_there) == [False] * 19 + [True]
    assert await store.revoked_tokens(NOON) == dict([revokes])
    assert await store.delete_account(bob.id)
    assert await store.revoked_tokens(NOON) == dict([revokes])


async def test_a_room_comes_back_as_it_was_added(store: Store) -> None:
    await store.add_room(ROOM)
    assert await store.rooms() == [ROOM]


async def test_a_room_without_what_is_optional_comes_back_as_it_was_added(store: Store) -> None:
    plain = replace(ROOM, map_name=None, version=None, is_public=False, host_user_id=LARGEST_USER_ID)
    await store.add_room(plain)
    assert await store.rooms() == [plain]


async def test_a_room_added_with_bans_comes_back_with_them(store: Store) -> None:
    room = replace(ROOM, banned_user_ids=frozenset({3, LARGEST_USER_ID}))
    await store.add_room(room)
    assert await store.rooms() == [room]


@pytest.mark.parametrize("text", AWKWARD_TEXTS)
async def test_any_text_is_kept_verbatim_in_a_room(store: Store, text: str) -> None:
    room = replace(ROOM, id=text, host_username=text, gamemode=text, map_name=text, version=text, name=text)
    await store.add_room(room)
    assert await store.rooms() == [room]


async def test_rooms_count_for_the_account_of_their_host_once(store: Store) -> None:
    ada = await register(store, "Ada")
    for room_id in ("r1", "r2"):
        await store.add_room(replace(ROOM, id=room_id, host_user_id=ada.id))
    await store.delete_room("r1")
    await store.add_room(replace(ROOM, id="r1", host_user_id=ada.id), is_again=True)
    assert (await store.account(ada.id)) == replace(ada, rooms_hosted=2)


async def test_room_that_is_kept_again_is_what_is_kept_then_and_the_others_stay(store: Store) -> None:
    rows = {"banned_user_ids": frozenset({3}), "invited_user_ids": frozenset({5})}
    before = replace(ROOM, invitations=(StoredInvitation(2, 5, lets_in=True),), name="before", **rows)
    other = replace(before, id="r2")
    for room in (before, other):
        await store.add_room(room)
    now = replace(
        ROOM, host_user_id=8, host_username="heir", gamemode="race", map_name=None, max_players=2, is_public=False,
        version=None, created_at=NOON - timedelta(minutes=1), player_ids=frozenset({4}),
        invitations=(StoredInvitation(2, 6, lets_in=True),), banned_user_ids=frozenset({7}),
    )  # fmt: skip
    for _ in range(2):
        await store.add_room(now, is_again=True)
        assert await store.rooms() == [now, other]


async def test_room_that_is_kept_if_missing_leaves_one_that_is_there_as_it_is(store: Store) -> None:
    rows = {"banned_user_ids": frozenset({3}), "invited_user_ids": frozenset({5})}
    there = replace(ROOM, invitations=(StoredInvitation(2, 5, lets_in=True),), name="there", **rows)
    older = replace(ROOM, invitations=(StoredInvitation(2, 6, lets_in=True),), banned_user_ids=frozenset({7}))
    await store.add_room(there)
    await store.add_room(older, is_again=True, only_if_missing=True)
    assert await store.rooms() == [there]
    await store.delete_room(ROOM.id)
    await store.add_room(older, is_again=True, only_if_missing=True)
    assert await store.rooms() == [older]


async def test_rooms_come_oldest_first(store: Store) -> None:
    for minute in (2, 0, 3, 1):
        await store.add_room(replace(ROOM, id=f"r{minute}", created_at=NOON + timedelta(minutes=minute)))
    assert [room.id for room in await store.rooms()] == ["r0", "r1", "r2", "r3"]


async def test_rooms_of_one_moment_come_in_the_same_order_from_every_store(store: Store) -> None:
    for room_id in ("b", "B", "a", "_", "é"):
        await store.add_room(replace(ROOM, id=room_id))
    assert [room.id for room in await store.rooms()] == ["B", "_", "a", "b", "é"]


async def test_a_moment_of_a_room_comes_back_in_utc(store: Store) -> None:
    await store.add_room(replace(ROOM, created_at=NOON.astimezone(timezone(timedelta(hours=9)))))
    assert (await store.rooms())[0].created_at.isoformat() == "2026-05-17T12:00:00.123456+00:00"


async def test_a_room_id_that_exists_is_refused_whole(store: Store) -> None:
    await store.add_room(ROOM)
    with pytest.raises(StoreError):
        await store.add_room(replace(ROOM, gamemode="other", banned_user_ids=frozenset({3})))
    assert await store.rooms() == [ROOM]


async def test_a_room_gets_another_host(store: Store) -> None:
    await store.add_room(ROOM)
    await store.set_room_host("r1", user_id=8, username="heir", version="2")
    assert await store.rooms() == [replace(ROOM, host_user_id=8, host_username="heir", version="2")]


async def test_another_host_without_version_leaves_none(store: Store) -> None:
    await store.add_room(ROOM)
    await store.set_room_host("r1", user_id=8, username="heir", version=None)
    assert (await store.rooms())[0].version is None


async def test_a_host_for_no_room_changes_nothing(store: Store) -> None:
    await store.add_room(ROOM)
    await store.set_room_host("r2", user_id=8, username="heir", version="2")
    assert await store.rooms() == [ROOM]


async def test_bans_add_up(store: Store) -> None:
    await store.add_room(ROOM)
    for user_id in (3, 5, 3):
        await store.ban("r1", user_id)
    assert (await store.rooms())[0].banned_user_ids == {3, 5}


async def test_a_ban_is_lifted_and_the_others_stay(store: Store) -> None:
    await store.add_room(replace(ROOM, banned_user_ids=frozenset({3, 5})))
    await store.unban("r1", 3)
    await store.unban("r1", 4)
    await store.unban("r2", 5)
    assert (await store.rooms())[0].banned_user_ids == {5}


async def test_invitations_into_a_room_come_and_go_one_by_one_and_keep_their_order(store: Store) -> None:
    invitations = tuple(StoredInvitation(sender, guest, sender == 9) for sender, guest in ((9, 3), (2, 5), (7, 3)))
    other = replace(ROOM, id="r2", invitations=invitations[:1])
    for room in (replace(ROOM, invitations=invitations), other):
        await store.add_room(room)
    assert [room.invitations for room in await store.rooms()] == [invitations, invitations[:1]]
    first, second, third = invitations
    new, shut = StoredInvitation(9, 8, lets_in=False), replace(first, lets_in=False)
    for ended, stand, left in (
        ([(1, 1)], [], invitations),
        ([], [new, shut], (shut, second, third, new)),
        ([], [second, first], (first, second, third, new)),
        ([(9, 3), (7, 3)], [], (second, new)),
        ([(2, 5)], [third, first], (new, third, first)),
        ([(9, 8)], [new], (third, first, new)),
        ([(7, 3), (9, 3), (9, 8)], [], ()),
        ([(7, 3)], [new], (new,)),
    ):
        await store.keep_invitations("r1", ended=ended, stand=stand)
        assert await store.rooms() == [replace(ROOM, invitations=left), other]
    await store.keep_invitations("r1", ended=[(9, 8)])
    await store.keep_invitations("r3", ended=[(9, 3)], stand=invitations)
    await store.delete_room("r2")
    await store.add_room(replace(other, invitations=()))
    assert [room.invitations for room in await store.rooms()] == [(), ()]


async def test_settings_of_a_room_are_changed_and_nothing_else(store: Store) -> None:
    other = replace(ROOM, id="r2")
    for room in (ROOM, other):
        await store.add_room(room)
    changed = replace(
        ROOM, name="friday", gamemode="race", map_name=None, max_players=2, is_public=False,
        player_ids=frozenset({3, LARGEST_USER_ID}),
    )  # fmt: skip
    await store.change_room(replace(changed, host_user_id=99, version="other", banned_user_ids=frozenset({9})))
    assert await store.rooms() == [changed, other]
    await store.change_room(replace(changed, name=None, player_ids=None))
    assert (await store.rooms())[0] == replace(changed, name=None, player_ids=None)
    await store.change_room(replace(ROOM, id="r3"))
    assert len(await store.rooms()) == 2


async def test_bans_belong_to_one_room(store: Store) -> None:
    await store.add_room(ROOM)
    await store.add_room(replace(ROOM, id="r2"))
    await store.ban("r1", 3)
    assert {room.id: room.banned_user_ids for room in await store.rooms()} == {"r1": {3}, "r2": frozenset()}


async def test_the_same_ban_many_times_at_once_is_one(store: Store) -> None:
    await store.add_room(ROOM)
    await asyncio.gather(*(store.ban("r1", 3) for _ in range(20)))
    assert (await store.rooms())[0].banned_user_ids == {3}


async def test_a_ban_from_no_room_changes_nothing(store: Store) -> None:
    await store.ban("r1", 3)
    await store.add_room(ROOM)
    assert await store.rooms() == [ROOM]


async def test_a_deleted_room_is_gone(store: Store) -> None:
    await store.add_room(ROOM)
    other = replace(ROOM, id="r2", banned_user_ids=frozenset({3}))
    await store.add_room(other)
    await store.delete_room("r1")
    assert await store.rooms() == [other]


async def test_bans_are_deleted_with_their_room(store: Store) -> None:
    await store.add_room(replace(ROOM, banned_user_ids=frozenset({3})))
    await store.delete_room("r1")
    await store.add_room(ROOM)
    assert await store.rooms() == [ROOM]


async def test_an_invitation_is_kept_with_its_room_and_goes_with_it(store: Store) -> None:
    await store.add_room(replace(ROOM, invited_user_ids=frozenset({3})))
    await store.invite_to_room("r1", [3, 4])
    await store.invite_to_room("r1", [])
    await store.invite_to_room("r2", [5])
    assert await store.rooms() == [replace(ROOM, invited_user_ids=frozenset({3, 4}))]
    await store.delete_room("r1")
    await store.add_room(ROOM)
    assert await store.rooms() == [ROOM]


async def test_deleting_no_room_changes_nothing(store: Store) -> None:
    await store.add_room(ROOM)
    await store.delete_room("r2")
    assert await store.rooms() == [ROOM]


async def test_bans_and_the_end_of_a_room_at_once_do_not_trip(store: Store) -> None:
    await store.add_room(ROOM)
    await asyncio.gather(*(store.ban("r1", n) for n in range(1, 20)), store.delete_room("r1"))
    assert await store.rooms() == []


# All of it


async def test_ping_returns(store: Store) -> None:
    await store.ping()


async def test_a_cancelled_call_leaves_a_store_that_works(store: Store) -> None:
    room = replace(ROOM, banned_user_ids=frozenset({3}))
    for hops in range(12):  # cut at another point each time
        call = asyncio.ensure_future(store.add_room(replace(room, id=f"cut{hops}")))
        for _ in range(hops):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    await store.add_room(room)
    kept = await store.rooms()
    assert all(each.banned_user_ids == {3} for each in kept)  # each of them whole or not there
    assert room in kept


async def test_a_closed_store_is_unavailable(store: Store) -> None:
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.ping()


async def test_closing_twice_is_fine(store: Store) -> None:
    await store.close()
    await store.close()


async def test_mark_only_goes_up(store: Store) -> None:
    assert await store.mark("m") == 0
    for value, kept in ((5, 5), (3, 5), (2**52, 2**52)):
        await store.raise_mark("m", value)
        assert await store.mark("m") == kept
    assert await store.mark("another") == 0
