"""What is suspected to be otherwise in the books than in the store is settled behind the lock of all nodes: read again,
when nobody changes it, and made equal, by entries of the log like any other.

The lock is held for a few pairs of users at a time, and read is what is between those alone. A lock lasts some seconds
(`lobby_server.backplane.node.gate`), and everybody who changes something waits for it: a read of all friendships may
take longer, so that nothing read behind it could be believed any more. Who is settled is suspected no more: whatever
keeps this from going on, the next time it goes on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from itertools import islice

from lobby_server.core.friends import FriendRequest
from lobby_server.core.machine import commands
from lobby_server.core.machine.commands import Command
from lobby_server.core.machine.void_ties import VoidFriendship, VoidRequest, VoidTie, void_ties
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.requests import DEFAULT_AUDIENCE
from lobby_server.protocol.social_resources import NotificationKind
from lobby_server.service.ports import Clock, Store
from lobby_server.service.replica import Replica
from lobby_server.service.social.looking.suspects import Pair, Suspects, pair_of
from lobby_server.service.social.notifications import Notifications
from lobby_server.service.social.people import People
from lobby_server.service.social.ports import StoredFriendship, StoredTies, TieStore
from lobby_server.service.writes.gated import GatedStore, Held

PER_HOLD = 100
"""Pairs, or users: so many are read at once."""
HOLD_S = 0.5
"""Whoever else wants the lock gives up after 5 s."""
PAUSE_S = 0.05
"""Without the lock, longer than those who wait for it pause between two tries."""


class Settling:
    """One per server."""

    def __init__(
        self,
        *,
        replica: Replica,
        people: People,
        notifications: Notifications,
        store: Store,
        gated: GatedStore[TieStore],
        clock: Clock,
    ) -> None:
        books = replica.books
        self._friends, self._blocks, self._audiences = books.friends, books.blocks, books.whereabouts
        self._replica = replica
        self._people = people
        self._notifications = notifications
        self._store = store
        self._gated = gated
        self._clock = clock

    async def settle(self, suspects: Suspects) -> None:
        """All of them; each is taken out as it is settled. Raises `Refusal` (``try_again_later``),
        `StoreUnavailable`: what is left is to be settled later."""
        while suspects.pairs or suspects.user_ids:
            async with self._gated.hold() as held:  # nobody changes anything meanwhile
                ends_s = self._clock.monotonic_s() + HOLD_S
                if suspects.pairs:
                    await self._settle_some_pairs(suspects, held, ends_s=ends_s)
                else:
                    await self._settle_some_users(suspects, held, ends_s=ends_s)
            if suspects.pairs or suspects.user_ids:
                await asyncio.sleep(PAUSE_S)

    # -- two users ------------------------------------------------------------------------------------------------

    async def _settle_some_pairs(self, suspects: Suspects, held: Held[TieStore], *, ends_s: float) -> None:
        pairs = list(islice(suspects.pairs, PER_HOLD))
        kept = await self._read(pairs)
        for pair in pairs:
            is_last_try = pair in suspects.nameless
            if await self._settle_pair(pair, kept[pair], held, is_last_try=is_last_try):
                del suspects.pairs[pair]
            else:  # who it is may be known when the others are settled
                suspects.nameless.add(pair)
                del suspects.pairs[pair]
                suspects.pairs[pair] = None
            if self._clock.monotonic_s() >= ends_s:
                return

    async def _settle_pair(self, pair: Pair, kept: _Kept, held: Held[TieStore], *, is_last_try: bool) -> bool:
        """False: it has to be tried once more, when more names are known."""
        void, halves = list(kept.void()), kept.halves
        for tie in void:
            await self._mend(tie, held)
        for half in halves:
            if not await self._complete(half, held, is_last_try=is_last_try):
                return False
        if void or halves:
            kept = (await self._read([pair]))[pair]
        async for command in self._missing(pair, kept):
            held.check()  # what was read may be old
            await self._run(command)
        return True

    async def _read(self, pairs: Sequence[Pair]) -> dict[Pair, _Kept]:
        stored = await self._store.ties_between(pairs)
        parts = {pair: StoredTies([], [], []) for pair in pairs}
        for row in stored.friendships:
            parts[pair_of(row.user_id, row.friend.user.id)].friendships.append(row)
        for request in stored.requests:
            parts[pair_of(request.sender.id, request.receiver.id)].requests.append(request)
        for block in stored.blocks:
            parts[pair_of(block.user_id, block.blocked.id)].blocks.append(block)
        return {pair: _Kept(part) for pair, part in parts.items()}

    async def _mend(self, tie: VoidTie, held: Held[TieStore]) -> None:
        """The store has it no more. Raises `Refusal` (``try_again_later``), `StoreUnavailable`."""
        over: list[FriendRequest] = []
        if isinstance(tie, VoidFriendship):
            one_id, other_id = tie.one_id, tie.other_id
            await held.commit(lambda store: store.delete_friendship(one_id, other_id))
        elif isinstance(tie, VoidRequest):
            request, over = tie.request, [tie.request]
            await held.commit(lambda store: store.delete_friend_request(request.id))
        else:
            asked, since, over = tie.earlier, tie.later.created_at, [tie.earlier, tie.later]
            await held.commit(lambda store: store.add_friendship(asked.sender, asked.receiver, since))
        for each in over:  # the books may not have it, so that no entry says so
            self._notifications.close_here(each.receiver.id, NotificationKind.FRIEND_REQUEST, each.sender.id)

    async def _complete(self, half: StoredFriendship, held: Held[TieStore], *, is_last_try: bool) -> bool:
        """As `_mend`; where the friendship gave way to a block just now, nothing is left to complete. False: nobody
        knows what its user is called, and nothing is done; at the last try the two are friends no more."""
        friend = half.friend
        found = await self._people.by_id(half.user_id)
        if found is not None:
            known = found
            await held.commit(lambda store: store.add_friendship(known, friend.user, friend.since))
        elif is_last_try:
            await held.commit(lambda store: store.delete_friendship(half.user_id, friend.user.id))
        return found is not None or is_last_try

    async def _missing(self, pair: Pair, kept: _Kept) -> AsyncIterator[Command]:
        """What makes the books as the store is: they are looked at as they are when each is asked for, for one may take
        others along."""
        ways = (pair, pair[::-1])
        for block in sorted(kept.ties.blocks, key=lambda each: each.since):
            if not self._blocks.blocks(block.user_id, block.blocked.id):
                yield commands.Block(await self._user(block.user_id), block.blocked, block.since)
        for user_id, other_id in ways:
            if self._blocks.blocks(user_id, other_id) and not kept.blocks(user_id, other_id):
                yield commands.Unblock(user_id, other_id)
        for command in self._missing_friendship(ways, kept):
            yield command
        # A request that is gone was declined or withdrawn, nobody knows which: of a no its sender is not told.
        for user_id, other_id in ways:
            request = self._friends.request_between(user_id, other_id)
            if request is not None and all(request.id != each.id for each in kept.ties.requests):
                yield commands.CloseFriendRequest(request.id, request.receiver.id)
        for request in kept.ties.requests:
            if self._friends.request(request.id) is None:
                yield commands.AskFriend(request, self._notifications.new_key())

    def _missing_friendship(self, ways: tuple[Pair, Pair], kept: _Kept) -> Iterator[Command]:
        friends = self._friends
        for user_id, friend_id in ways:  # books of an older version may have one way only
            if not kept.are_friends(user_id, friend_id):
                if friends.are_friends(user_id, friend_id):
                    yield commands.PartFriends(user_id, friend_id)
            elif not friends.are_friends(user_id, friend_id):
                asked = friends.request_between(user_id, friend_id) or friends.request_between(friend_id, user_id)
                user, friend, since = kept.friendship(user_id, friend_id)
                befriended = asked or FriendRequest(0, user, friend, since)
                yield commands.Befriend(befriended, since, self._notifications.new_key())

    # -- whom users let know where they are -----------------------------------------------------------------------

    async def _settle_some_users(self, suspects: Suspects, held: Held[TieStore], *, ends_s: float) -> None:
        user_ids = list(islice(suspects.user_ids, PER_HOLD))
        kept = await self._store.whereabouts_of(user_ids)
        for user_id in user_ids:
            audience = kept.get(user_id, DEFAULT_AUDIENCE)
            if self._audiences.get(user_id, DEFAULT_AUDIENCE) != audience:
                command = commands.SetWhereabouts(await self._user(user_id), audience)
                held.check()
                await self._run(command)
            del suspects.user_ids[user_id]
            if self._clock.monotonic_s() >= ends_s:
                return

    # -- both -----------------------------------------------------------------------------------------------------

    async def _run(self, command: Command) -> None:
        """Raises `Refusal` (``try_again_later``)."""
        try:
            await self._replica.run(command)
        except Refusal as refusal:
            if refusal.code is RefusalCode.TRY_AGAIN_LATER:
                raise
            # It names a user who is deleted: what the store has of them goes as well.

    async def _user(self, user_id: int) -> User:
        """One who is not known any more has no name. Raises `StoreUnavailable`."""
        return await self._people.by_id(user_id) or User(user_id, "")


class _Kept:
    """What the store has between two users."""

    def __init__(self, ties: StoredTies) -> None:
        self.ties = ties
        self._rows = {(row.user_id, row.friend.user.id): row for row in ties.friendships}
        self.halves = [row for way, row in self._rows.items() if way[::-1] not in self._rows]
        """A row without the other one."""

    def are_friends(self, one_id: int, other_id: int) -> bool:
        """By either of the two rows."""
        return (one_id, other_id) in self._rows or (other_id, one_id) in self._rows

    def friendship(self, one_id: int, other_id: int) -> tuple[User, User, datetime]:
        """Of two who are friends: each row says what one of the two is called."""
        to_other, to_one = self._rows.get((one_id, other_id)), self._rows.get((other_id, one_id))
        row = to_other or to_one
        assert row is not None
        one = User(one_id, "") if to_one is None else to_one.friend.user
        other = User(other_id, "") if to_other is None else to_other.friend.user
        return one, other, row.friend.since

    def blocks(self, user_id: int, other_id: int) -> bool:
        return any((each.user_id, each.blocked.id) == (user_id, other_id) for each in self.ties.blocks)

    def void(self) -> Iterator[VoidTie]:
        blocks = [(each.user_id, each.blocked.id) for each in self.ties.blocks]
        found = void_ties(are_friends=self.are_friends, requests=self.ties.requests, blocks=blocks)
        return (tie for tie in found if tie is not None)
