"""What the books may have otherwise than the store: found without the lock of all nodes, however long that takes.

Others change things meanwhile, so a difference is a suspicion: what was committed behind the row that is read, and told
before it is compared, looks like one. Each is looked at again behind the lock (`settling`), a few at a time. What is
otherwise when this begins, and stays so, is found, whatever else changes.

Rows of friendships are compared page by page and not kept: a million friendships are two million rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from lobby_server.core.machine.books import Books
from lobby_server.core.machine.void_ties import VoidFriendship, VoidRequest, VoidTie, void_ties
from lobby_server.protocol.requests import DEFAULT_AUDIENCE
from lobby_server.service.social.ports import FriendStore

_PER_TURN = 1000
"""Rows, or comparisons: a millisecond or two of the loop."""
USERS_PER_TURN = 50
"""Of whom all friends are looked at: as much."""
_Row = TypeVar("_Row")
Pair = tuple[int, int]
"""The ids of two users, the smaller first."""


@dataclass
class Suspects:
    """Where books and store are to be compared behind the lock. Who has done so takes them out."""

    pairs: dict[Pair, None] = field(default_factory=dict)
    """Friendships, requests and blocks of two users; in the order in which they were found."""
    user_ids: dict[int, None] = field(default_factory=dict)
    """Whereabouts."""
    nameless: set[Pair] = field(default_factory=set)
    """Pairs that were put off, since nobody knew yet what one of the two is called."""

    def add(self, one_id: int, other_id: int) -> None:
        self.pairs[pair_of(one_id, other_id)] = None


def pair_of(one_id: int, other_id: int) -> Pair:
    return (one_id, other_id) if one_id < other_id else (other_id, one_id)


async def find_suspects(store: FriendStore, books: Books) -> Suspects:
    """O(friendships, requests, blocks and whereabouts); memory is for users and suspects, not for friendships. Raises
    `StoreUnavailable`."""
    found = Suspects()
    await _compare_friends(found, store, books)
    await _compare_requests(found, store, books)
    await _compare_blocks(found, store, books)
    await _compare_whereabouts(found, store, books)
    blocks = books.blocks
    void = void_ties(
        are_friends=books.friends.are_friends,
        requests=books.friends.requests(),
        blocks=[(user_id, each.user.id) for user_id in blocks.user_ids() for each in blocks.blocked_by(user_id)],
    )
    async for tie in in_turns(void):  # in both alike, perhaps
        if tie is not None:
            found.add(*_users_of(tie))
    return found


async def in_turns(rows: Iterable[_Row], *, per_turn: int = _PER_TURN) -> AsyncIterator[_Row]:
    """All of them; the loop goes on in between."""
    for number, row in enumerate(rows, 1):
        yield row
        if not number % per_turn:
            await asyncio.sleep(0)


# -- private ----------------------------------------------------------------------------------------------------------


async def _compare_friends(found: Suspects, store: FriendStore, books: Books) -> None:
    """A row without the other one is missing in the store or in the books, or in both."""
    friends, seen, last_id, has_more = books.friends, set[int](), -1, True
    while has_more:  # not until a page is empty: new users could go on behind the last one for ever
        page = await store.friend_ids_after(last_id)
        for user_id, kept in page.by_user.items():
            for friend_id in kept:
                if not (friends.are_friends(user_id, friend_id) and friends.are_friends(friend_id, user_id)):
                    found.add(user_id, friend_id)
            for friend_id in friends.friend_ids(user_id):
                if friend_id not in kept:
                    found.add(user_id, friend_id)
        seen.update(page.by_user)
        last_id, has_more = max(page.by_user, default=last_id), page.has_more
        await asyncio.sleep(0)
    async for user_id in in_turns(list(friends.user_ids())):
        if user_id not in seen:
            for friend_id in friends.friend_ids(user_id):
                found.add(user_id, friend_id)


async def _compare_requests(found: Suspects, store: FriendStore, books: Books) -> None:
    kept = set[int]()
    async for request in in_turns(await store.friend_requests()):
        kept.add(request.id)
        if books.friends.request(request.id) is None:
            found.add(request.sender.id, request.receiver.id)
    async for request in in_turns(books.friends.requests()):
        if request.id not in kept:
            found.add(request.sender.id, request.receiver.id)


async def _compare_blocks(found: Suspects, store: FriendStore, books: Books) -> None:
    kept = set[tuple[int, int]]()
    async for block in in_turns(await store.blocks()):
        kept.add((block.user_id, block.blocked.id))
        if not books.blocks.blocks(block.user_id, block.blocked.id):
            found.add(block.user_id, block.blocked.id)
    async for user_id in in_turns(list(books.blocks.user_ids())):
        for other_id in books.blocks.hidden_from(user_id):
            if (user_id, other_id) not in kept:
                found.add(user_id, other_id)


async def _compare_whereabouts(found: Suspects, store: FriendStore, books: Books) -> None:
    kept = await store.whereabouts()
    for user_ids in (kept, list(books.whereabouts)):
        async for user_id in in_turns(user_ids):
            if kept.get(user_id, DEFAULT_AUDIENCE) != books.whereabouts.get(user_id, DEFAULT_AUDIENCE):
                found.user_ids[user_id] = None


def _users_of(tie: VoidTie) -> tuple[int, int]:
    if isinstance(tie, VoidFriendship):
        return tie.one_id, tie.other_id
    request = tie.request if isinstance(tie, VoidRequest) else tie.earlier
    return request.sender.id, request.receiver.id
