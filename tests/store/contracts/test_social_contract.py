"""What the social side of the store promises (`lobby_server.service.social.ports`), on every store there is."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from asyncpg.exceptions import LockNotAvailableError  # type: ignore[import-untyped]
from sqlalchemy import delete, event

from bench.simulation.outside.memory_store import MemoryStore
from lobby_server.core.friends import Friend
from lobby_server.core.presence import User
from lobby_server.service.ports import Store, StoreError
from lobby_server.service.social.ports import NewLine, StoredBlock, StoredFriendship, StoredNotification
from lobby_server.store import SqlStore, calls, open_store
from lobby_server.store.tables import friendships
from tests.kept_ties import stored_friendships
from tests.store.postgres import Postgres

NOON = datetime(2026, 5, 17, 12, 0, 0, 123_456, tzinfo=timezone.utc)
ANN, BOB, EVE = User(1, "ann"), User(2, "bob"), User(2**53 - 1, "Zoë 👩‍👩‍👧 \u202e")


async def friends(store: Store) -> set[tuple[int, str]]:
    return {(each.user_id, each.friend.user.username) for each in await stored_friendships(store)}


async def requests(store: Store) -> list[tuple[int, int]]:
    return [(each.sender.id, each.receiver.id) for each in await store.friend_requests()]


async def ask(store: Store, *pairs: tuple[User, User]) -> None:
    for sender, receiver in pairs:
        await store.add_friend_request(sender, receiver, NOON)


async def befriend(store: Store, *pairs: tuple[User, User]) -> None:
    """The second one says yes."""
    for asker, other in pairs:
        await ask(store, (asker, other))
        assert await store.add_friendship(asker, other, NOON) == NOON


# Friends and blocks


async def test_an_added_request_is_returned_as_it_is_read(store: Store) -> None:
    added = await store.add_friend_request(ANN, EVE, NOON)
    assert added is not None
    assert (added.sender, added.receiver, added.created_at) == (ANN, EVE, NOON)
    assert await store.friend_requests() == [added]


async def test_a_second_request_of_the_same_two_is_the_first(store: Store) -> None:
    first = await store.add_friend_request(ANN, BOB, NOON)
    assert await store.add_friend_request(ANN, BOB, NOON + timedelta(days=1)) == first
    assert await store.friend_requests() == [first]


async def test_a_request_is_refused_where_the_two_are_friends(store: Store) -> None:
    await befriend(store, (ANN, BOB), (EVE, ANN))
    for pair in ((ANN, BOB), (BOB, ANN), (ANN, EVE), (EVE, ANN)):
        assert await store.add_friend_request(*pair, NOON) is None
    assert await store.friend_requests() == []
    await store.delete_friendship(ANN.id, BOB.id)
    assert await store.add_friend_request(ANN, BOB, NOON) is not None


async def test_a_request_is_refused_where_the_other_one_has_asked(store: Store) -> None:
    await ask(store, (ANN, BOB))
    assert await store.add_friend_request(BOB, ANN, NOON) is None
    assert await requests(store) == [(ANN.id, BOB.id)]


async def test_who_blocks_another_asks_them_nothing_and_the_blocked_one_may(store: Store) -> None:
    await store.add_block(ANN.id, BOB, NOON)
    assert await store.add_friend_request(ANN, BOB, NOON) is None
    await ask(store, (BOB, ANN), (ANN, EVE))
    assert await requests(store) == [(BOB.id, ANN.id), (ANN.id, EVE.id)]


async def test_a_deleted_request_is_gone_and_its_id_is_not_used_again(store: Store) -> None:
    added = await store.add_friend_request(ANN, BOB, NOON)
    assert added is not None
    await store.delete_friend_request(added.id)
    await store.delete_friend_request(added.id)
    assert await store.friend_requests() == []
    again = await store.add_friend_request(ANN, BOB, NOON)
    assert again is not None
    assert again.id > added.id


async def test_a_friendship_goes_both_ways_and_ends_the_requests_between_the_two(store: Store) -> None:
    await ask(store, (ANN, BOB), (ANN, EVE))
    assert await store.add_friendship(ANN, BOB, NOON) == NOON
    assert await store.add_friendship(BOB, ANN, NOON + timedelta(days=1)) == NOON
    assert {each.user_id: each for each in await stored_friendships(store)} == {
        ANN.id: StoredFriendship(ANN.id, Friend(BOB, NOON)),
        BOB.id: StoredFriendship(BOB.id, Friend(ANN, NOON)),
    }
    assert await requests(store) == [(ANN.id, EVE.id)]


async def test_nobody_becomes_a_friend_who_does_not_ask_any_more(store: Store) -> None:
    await ask(store, (BOB, ANN))
    assert await store.add_friendship(ANN, BOB, NOON) is None
    [asked] = await store.friend_requests()
    await store.delete_friend_request(asked.id)
    assert await store.add_friendship(BOB, ANN, NOON) is None
    assert await friends(store) == set()


@pytest.mark.parametrize(("blocker", "blocked"), [(ANN, BOB), (BOB, ANN)], ids=["by the asked", "by the asker"])
async def test_nobody_becomes_a_friend_while_one_of_the_two_blocks_the_other(
    store: Store, blocker: User, blocked: User
) -> None:
    await ask(store, (BOB, ANN))
    await store.add_block(blocker.id, blocked, NOON)
    before = await requests(store)
    assert await store.add_friendship(BOB, ANN, NOON) is None
    assert await friends(store) == set()
    assert await requests(store) == before


async def test_an_ended_friendship_is_gone_both_ways(store: Store) -> None:
    await befriend(store, (ANN, BOB), (ANN, EVE))
    await store.delete_friendship(BOB.id, ANN.id)
    await store.delete_friendship(BOB.id, ANN.id)
    assert await friends(store) == {(ANN.id, EVE.username), (EVE.id, "ann")}


async def test_a_block_ends_a_friendship_and_what_the_blocker_had_asked(store: Store) -> None:
    zed = User(9, "zed")
    await befriend(store, (ANN, BOB))
    await ask(store, (ANN, EVE), (ANN, zed))
    assert await store.add_block(ANN.id, BOB, NOON) == NOON
    assert await store.add_block(ANN.id, BOB, NOON + timedelta(days=1)) == NOON
    await store.add_block(ANN.id, EVE, NOON)
    await store.add_block(zed.id, ANN, NOON)
    assert StoredBlock(ANN.id, BOB, NOON) in await store.blocks()
    assert await friends(store) == set()
    assert await requests(store) == [(ANN.id, zed.id)]


@pytest.mark.parametrize("half", [(ANN, EVE), (EVE, ANN)], ids=["of one", "of the other"])
async def test_half_a_friendship_is_one_and_is_made_whole(store: Store, half: tuple[User, User]) -> None:
    """One of the two rows is gone, nobody knows how."""
    await befriend(store, (ANN, EVE))
    await _delete_row(store, half[1], half[0])
    assert [each.user_id for each in await stored_friendships(store)] == [half[0].id]
    assert await store.add_friend_request(ANN, EVE, NOON) is None
    assert await store.add_friendship(*half, NOON + timedelta(days=1)) == NOON
    assert {each.user_id: each for each in await stored_friendships(store)} == {
        ANN.id: StoredFriendship(ANN.id, Friend(EVE, NOON)),
        EVE.id: StoredFriendship(EVE.id, Friend(ANN, NOON)),
    }
    await _delete_row(store, half[1], half[0])
    await store.delete_friendship(ANN.id, EVE.id)
    assert await stored_friendships(store) == []


async def _delete_row(store: Store, user: User, friend: User) -> None:
    if isinstance(store, MemoryStore):
        del store._friendships[user.id, friend.id]
        return
    assert isinstance(store, SqlStore)
    of_user = (friendships.c.user_id == user.id, friendships.c.friend_id == friend.id)
    await store._do(delete(friendships).where(*of_user))


@pytest.mark.parametrize("written", ["blocks", "friendships"])
async def test_nobody_takes_out_what_stands_before_it_is_answered_since_when(
    postgres: Postgres, tmp_path: Path, written: str
) -> None:
    """As the deletion of an account does, in another transaction that comes in between."""
    name = await postgres.database_without_rows()
    store = await open_store(postgres.url(name), tmp_path)
    came_between: list[str] = []

    async def take_out() -> None:
        async with postgres.connected(name) as connection:
            await connection.execute("SET lock_timeout = '100ms'")
            try:
                came_between.append(await connection.execute(f"DELETE FROM {written}"))
            except LockNotAvailableError:
                came_between.append("has to wait")

    def after_a_statement(*arguments: Any) -> None:
        if arguments[2].startswith(f"INSERT INTO {written}"):
            thread = threading.Thread(target=lambda: asyncio.run(take_out()))
            thread.start()
            thread.join()

    try:
        await befriend(store, (ANN, EVE))
        await store.add_block(ANN.id, BOB, NOON)
        engine: Any = store._database._engine  # type: ignore[attr-defined]
        event.listen(engine.sync_engine, "after_cursor_execute", after_a_statement)
        later = NOON + timedelta(days=1)
        if written == "blocks":
            assert await store.add_block(ANN.id, BOB, later) == NOON
        else:
            assert await store.add_friendship(ANN, EVE, later) == NOON
        assert came_between == ["has to wait"]
    finally:
        await store.close()


@pytest.mark.parametrize("most", [1, 2, 4, 1000])
async def test_what_is_read_in_pages_is_all_of_it_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(calls, "ROWS_PER_PAGE", most)
    pairs = [(ANN, BOB), (ANN, EVE), (BOB, EVE)]
    await befriend(store, *pairs)
    for one, other in pairs:
        await store.add_block(one.id, User(other.id + 10, "else"), NOON)
        await store.set_whereabouts(one.id, "nobody")
        await store.set_whereabouts(other.id, "nobody")
    dan, fay = User(8, "dan"), User(9, "fay")
    await ask(store, (EVE, dan), (dan, ANN), (fay, EVE))
    both_ways = [(one.id, other.id) for pair in pairs for one, other in (pair, pair[::-1])]
    assert sorted((each.user_id, each.friend.user.id) for each in await stored_friendships(store)) == sorted(both_ways)
    assert await requests(store) == [(EVE.id, dan.id), (dan.id, ANN.id), (fay.id, EVE.id)]
    blocked = sorted((each.user_id, each.blocked.id) for each in await store.blocks())
    assert blocked == sorted((one.id, other.id + 10) for one, other in pairs)
    assert await store.whereabouts() == {ANN.id: "nobody", BOB.id: "nobody", EVE.id: "nobody"}


async def test_a_lifted_block_is_gone(store: Store) -> None:
    await store.add_block(ANN.id, BOB, NOON)
    await store.add_block(BOB.id, ANN, NOON)
    await store.delete_block(ANN.id, BOB.id)
    await store.delete_block(ANN.id, BOB.id)
    assert await store.blocks() == [StoredBlock(BOB.id, ANN, NOON)]


async def test_many_requests_of_the_same_two_at_once_are_one(store: Store) -> None:
    made = await asyncio.gather(*(store.add_friend_request(ANN, BOB, NOON) for _ in range(10)))
    assert len({request and request.id for request in made}) == 1
    assert await store.friend_requests() == [made[0]]


# Chat


def line(text: str, channel: str = "lobby", *, sender: User = ANN, **more: Any) -> NewLine:
    return NewLine(channel=channel, sender=sender, text=text, **{"sent_at": NOON, **more})


async def texts(store: Store, channel: str = "lobby", *, reader: User = BOB, **how: Any) -> list[str]:
    found = await store.chat_lines(channel, reader_id=reader.id, **{"before": None, "most": 50, **how})
    return [each.text for each in found]


async def test_lines_are_numbered_in_their_order_and_returned_as_they_are_read(store: Store) -> None:
    first = await store.add_chat_lines([line(f"{n} <b>'); -- %s", sender=EVE) for n in range(60)])
    second = await store.add_chat_lines([line("60", sender=EVE)])
    ids = [each.id for each in first + second]
    assert ids == sorted(set(ids))
    assert await store.chat_lines("lobby", reader_id=1, before=None, most=100) == first + second
    assert await store.add_chat_lines([]) == []


async def test_history_is_read_backwards_in_pages_and_each_page_forwards(store: Store) -> None:
    added = await store.add_chat_lines([line(str(n)) for n in range(7)])
    assert await texts(store, most=3) == ["4", "5", "6"]
    assert await texts(store, most=3, before=added[4].id) == ["1", "2", "3"]
    assert await texts(store, most=3, before=added[1].id) == ["0"]
    assert await texts(store, before=added[0].id) == []


async def test_channels_are_apart(store: Store) -> None:
    await store.add_chat_lines([line("a"), line("b", "user:1:2"), line("c", "party:1")])
    assert await texts(store, "user:1:2") == ["b"]


async def test_a_withheld_line_is_read_by_its_sender_only(store: Store) -> None:
    await store.add_chat_lines([line("no", is_withheld=True), line("yes")])
    assert await texts(store, reader=BOB) == ["yes"]
    assert await texts(store, reader=ANN) == ["no", "yes"]


async def test_old_lines_are_deleted(store: Store) -> None:
    await store.add_chat_lines([line("old"), line("new", sent_at=NOON + timedelta(seconds=1))])
    await store.delete_chat_before(NOON + timedelta(seconds=1))
    assert await texts(store) == ["new"]


@pytest.mark.parametrize("text", ["nul \0", "half a pair \ud800"])
async def test_lines_with_one_that_cannot_be_stored_are_refused_together(store: Store, text: str) -> None:
    with pytest.raises(StoreError):
        await store.add_chat_lines([line("good"), line(text)])
    assert await texts(store) == []


# Notifications and announcements


async def notify(store: Store, user: User = ANN, **more: Any) -> StoredNotification:
    values = {"kind": "friend_request", "title": "T", "body": "B", "from_user_id": BOB.id, "is_delivered": False}
    return await store.add_notification(user_id=user.id, created_at=NOON, **{**values, **more})


async def unread(store: Store, user: User = ANN) -> int:
    return await store.unread_notifications(user.id)


async def test_an_added_notification_is_returned_as_it_is_read(store: Store) -> None:
    first, second = await notify(store), await notify(store, is_delivered=True, room_id="r1")
    await notify(store, BOB)
    assert (first.is_read, first.is_delivered, second.is_delivered) == (False, False, True)
    assert (first.room_id, second.room_id) == (None, "r1")
    assert await store.notifications(ANN.id, before=None, most=50) == [second, first]
    assert await store.notifications(ANN.id, before=second.id, most=50) == [first]
    assert await store.notifications(ANN.id, before=None, most=1) == [second]
    assert (await unread(store), await unread(store, BOB), await unread(store, EVE)) == (2, 1, 0)


async def test_a_notification_is_read_by_its_user_only(store: Store) -> None:
    added = await notify(store)
    assert await store.read_notification(BOB.id, added.id) is None
    assert await store.read_notification(ANN.id, added.id + 1000) is None
    assert await unread(store) == 1
    assert await store.read_notification(ANN.id, added.id) is True
    assert await store.read_notification(ANN.id, added.id) is False
    assert await unread(store) == 0
    (read,) = await store.notifications(ANN.id, before=None, most=50)
    assert read.is_read


async def test_what_was_not_told_is_known_until_it_is(store: Store) -> None:
    first, second, third = [await notify(store) for _ in range(3)]
    await notify(store, BOB, is_delivered=True)
    assert await store.users_with_undelivered_notifications() == {ANN.id}
    assert await store.undelivered_notifications(ANN.id, most=2) == [first, second]
    assert await store.set_delivered(ANN.id, up_to=first.id) == {first.id}
    assert await store.set_delivered(ANN.id, up_to=second.id) == {second.id}, "each is given to one call"
    assert await store.set_delivered(ANN.id, up_to=second.id) == set()
    assert await store.undelivered_notifications(ANN.id, most=2) == [third]
    await store.read_notification(ANN.id, third.id)  # over HTTP, before any login told it
    assert await store.users_with_undelivered_notifications() == set()
    assert first.id < second.id


async def test_whether_somebody_has_unread_word_of_somebody(store: Store) -> None:
    async def has(kind: str = "friend_request", from_user: User = BOB) -> bool:
        return await store.has_unread_notification(ANN.id, kind=kind, from_user_id=from_user.id)

    assert not await has()
    added = await notify(store)
    assert await has()
    assert not await has("match_invite")
    assert not await has(from_user=EVE)
    await store.read_notification(ANN.id, added.id)
    assert not await has()


async def test_old_notifications_are_deleted(store: Store) -> None:
    await notify(store)
    await store.delete_notifications_before(NOON)
    assert await unread(store) == 1
    await store.delete_notifications_before(NOON + timedelta(seconds=1))
    assert await unread(store) == 0


async def test_announcements_are_kept_newest_first(store: Store) -> None:
    added = [await store.add_announcement(title=f"{n}", body="<b>", author=EVE, created_at=NOON) for n in range(3)]
    assert await store.announcements(most=2) == added[:0:-1]
    for _ in range(2):
        await store.delete_announcement(added[1].id)
    assert await store.announcements(most=9) == [added[2], added[0]]
    assert added[0].author == EVE
