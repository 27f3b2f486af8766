"""What a store promises of changes that one node at a time makes: each only after so many others, and it counts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from lobby_server.core.presence import User
from lobby_server.service.administration.ports import StoredUserBan
from lobby_server.service.ports import GatedStores, Overtaken, Store
from lobby_server.store.errors import UnstorableText
from tests.floors.test_gated import GATED
from tests.kept_ties import stored_friendships

NOON = datetime(2026, 5, 17, 12, tzinfo=timezone.utc)
ANN, BOB, CLEO, DAN, EVE = User(1, "ann"), User(2, "bob"), User(3, "cleo"), User(4, "dan"), User(5, "eve")

CHANGES: dict[str, Callable[[GatedStores, int], Awaitable[Any]]] = {
    "add_friend_request": lambda store, _: store.add_friend_request(ANN, BOB, NOON),
    "delete_friend_request": lambda store, request_id: store.delete_friend_request(request_id),
    "add_friendship": lambda store, _: store.add_friendship(CLEO, ANN, NOON),
    "delete_friendship": lambda store, _: store.delete_friendship(ANN.id, DAN.id),
    "add_block": lambda store, _: store.add_block(ANN.id, BOB, NOON),
    "delete_block": lambda store, _: store.delete_block(ANN.id, EVE.id),
    "set_whereabouts": lambda store, _: store.set_whereabouts(ANN.id, "nobody"),
    "keep_user_ban": lambda store, _: store.keep_user_ban(ban_of(BOB)),
    "delete_user_ban": lambda store, _: store.delete_user_ban(EVE.id),
}
"""Each changes what `prepared` has made; the number is that of the request there."""
each_change = pytest.mark.parametrize("name", sorted(GATED))


def ban_of(user: User) -> StoredUserBan:
    return StoredUserBan(user=user, reason="spam", until=None, created_at=NOON, by=DAN)


async def prepared(store: Store) -> int:
    await store.add_friend_request(DAN, ANN, NOON)
    await store.add_friendship(DAN, ANN, NOON)
    await store.add_block(ANN.id, EVE, NOON)
    await store.keep_user_ban(ban_of(EVE))
    request = await store.add_friend_request(CLEO, ANN, NOON)
    assert request is not None
    return request.id


async def stored(store: Store) -> list[Any]:
    return [
        sorted((each.user_id, each.friend.user.id) for each in await stored_friendships(store)),
        await store.friend_requests(),
        sorted((each.user_id, each.blocked.id) for each in await store.blocks()),
        await store.whereabouts(),
        await store.user_bans(),
    ]


@each_change
async def test_change_is_made_and_counted(store: Store, name: str) -> None:
    request_id = await prepared(store)
    before = await stored(store)
    for _ in range(2):  # the second time it may change nothing, and counts all the same
        changes = await store.changes()
        await CHANGES[name](store.fenced(changes), request_id)
        assert await store.changes() == changes + 1
    assert await stored(store) != before


@each_change
async def test_change_after_another_one_is_not_made(store: Store, name: str) -> None:
    request_id = await prepared(store)
    changes = await store.changes()
    await store.fenced(changes).set_whereabouts(BOB.id, "friends")
    before = await stored(store)
    for other in (changes, changes + 2):
        with pytest.raises(Overtaken):
            await CHANGES[name](store.fenced(other), request_id)
    assert await stored(store) == before
    assert await store.changes() == changes + 1


async def test_change_that_cannot_be_made_is_not_counted(store: Store) -> None:
    changes = await store.changes()
    with pytest.raises(UnstorableText):
        await store.fenced(changes).add_block(ANN.id, User(BOB.id, "\0"), NOON)
    assert await store.changes() == changes
    await store.fenced(changes).add_block(ANN.id, BOB, NOON)
