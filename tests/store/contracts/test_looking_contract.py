"""What the store promises a look at all that is between users, by pages and by pairs, on every store there is."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest

from bench.simulation.outside import social_memory
from lobby_server.core.friends import Friend
from lobby_server.core.presence import User
from lobby_server.service.ports import Store
from lobby_server.service.social.ports import (
    FriendIdsPage,
    StoredBlock,
    StoredFriendship,
    StoredTies,
    pages_of_friendships,
)
from lobby_server.store.sql import friends as sql_friends
from tests.store.contracts.test_social_contract import ANN, BOB, EVE, NOON, ask, befriend

CLEO, ZED = User(3, "cleo"), User(0, "zed")


async def paged(store: Store) -> list[dict[int, dict[int, None]]]:
    pages: list[dict[int, dict[int, None]]] = []
    last_id, has_more = -1, True
    while has_more:
        page = await store.friend_ids_after(last_id)
        if page.by_user:  # the last one may have nobody
            pages.append(page.by_user)
            last_id = max(page.by_user)
        has_more = page.has_more
    return pages


async def test_pages_of_friends_have_each_user_once_and_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (social_memory, sql_friends):
        monkeypatch.setattr(module, "ROWS_PER_PAGE", 2)
    await befriend(store, (ANN, BOB), (ANN, CLEO), (ANN, EVE), (BOB, EVE), (CLEO, ZED))
    pages = await paged(store)
    assert [min(page) for page in pages] == sorted(min(page) for page in pages)
    assert [user_id for page in pages for user_id in sorted(page)] == [ZED.id, ANN.id, BOB.id, CLEO.id, EVE.id]
    assert {user_id: list(kept) for page in pages for user_id, kept in page.items()} == {
        ZED.id: [CLEO.id],
        ANN.id: [BOB.id, CLEO.id, EVE.id],
        BOB.id: [ANN.id, EVE.id],
        CLEO.id: [ZED.id, ANN.id],
        EVE.id: [ANN.id, BOB.id],
    }
    assert all(len(page) == 1 or sum(map(len, page.values())) <= 2 for page in pages)


async def test_there_is_no_page_without_friends(store: Store) -> None:
    nobody = FriendIdsPage({}, has_more=False)
    assert await store.friend_ids_after(-1) == nobody
    await befriend(store, (ANN, BOB))
    assert await store.friend_ids_after(-1) == FriendIdsPage(
        {ANN.id: {BOB.id: None}, BOB.id: {ANN.id: None}}, has_more=False
    )
    assert await store.friend_ids_after(BOB.id) == nobody


async def test_friendships_come_by_pages_of_a_bound_each_direction_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the last page is a full one, and where no friendship is left."""
    for module in (social_memory, sql_friends):
        monkeypatch.setattr(module, "DIRECTIONS_PER_PAGE", 2)
    later = NOON + timedelta(microseconds=1)
    await befriend(store, (ANN, BOB))
    await store.delete_friendship(ANN.id, BOB.id)
    assert [list(rows) async for rows in pages_of_friendships(store)] == [[]]
    await ask(store, (CLEO, ZED))
    assert await store.add_friendship(CLEO, ZED, later.astimezone(timezone(timedelta(hours=5)))) == later
    await befriend(store, (ANN, EVE), (BOB, ANN))
    pages = [rows async for rows in pages_of_friendships(store)]
    assert all(len(rows) <= 2 for rows in pages)
    assert [len(rows) for rows in pages if rows] == [2, 2, 2]
    rows = sorted(row for page in pages for row in page)
    assert rows == [
        (ZED.id, CLEO.id, CLEO.username, later),
        (ANN.id, BOB.id, BOB.username, NOON),
        (ANN.id, EVE.id, EVE.username, NOON),
        (BOB.id, ANN.id, ANN.username, NOON),
        (CLEO.id, ZED.id, ZED.username, later),
        (EVE.id, ANN.id, ANN.username, NOON),
    ]
    assert {row[3].utcoffset() for row in rows} == {timedelta(0)}


async def test_ties_are_those_between_the_two_of_each_pair(store: Store) -> None:
    await befriend(store, (ANN, BOB), (ANN, CLEO))
    await ask(store, (BOB, EVE), (ZED, BOB))
    await store.add_block(EVE.id, ANN, NOON)
    await store.add_block(ANN.id, EVE, NOON)
    await store.add_block(ANN.id, ZED, NOON)
    asked = next(each for each in await store.friend_requests() if each.receiver == EVE)
    assert await store.ties_between([(ANN.id, BOB.id), (BOB.id, EVE.id), (CLEO.id, EVE.id), (ANN.id, EVE.id)]) == (
        StoredTies(
            [StoredFriendship(ANN.id, Friend(BOB, NOON)), StoredFriendship(BOB.id, Friend(ANN, NOON))],
            [asked],
            [StoredBlock(ANN.id, EVE, NOON), StoredBlock(EVE.id, ANN, NOON)],
        )
    )
    assert await store.ties_between([]) == StoredTies([], [], [])


async def test_whereabouts_are_those_of_the_users_that_were_asked_for(store: Store) -> None:
    for user, audience in ((ANN, "nobody"), (BOB, "friends"), (EVE, "everybody")):
        await store.set_whereabouts(user.id, audience)  # type: ignore[arg-type]
    assert await store.whereabouts_of([ANN.id, CLEO.id, EVE.id]) == {ANN.id: "nobody", EVE.id: "everybody"}
    assert await store.whereabouts_of([]) == {}
