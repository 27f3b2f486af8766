"""What is between two users, and whom each lets know where they are, holds on all nodes as the store has it:
friendships, requests, blocks, whereabouts.

Each is committed first and goes through the log then. The log may take it not, or not in time; a commit may be answered
with a fault; or the server was ending meanwhile, or its node is gone. Whoever asked is told to try again then, and
need not: the store is looked at once more as soon as it is known what became of the entry, and what the books have
otherwise is made equal to it, by entries of the log like any other. When a node ends or comes back, the node that leads
looks as well, and so it finds what was decided in a log that is gone. Nothing is kept in memory that the store has.

Until then the books may be behind the store, and what they allow may go against what it has. So whoever commits asks
the store in the same transaction: it refuses a request between friends, and a friendship for which nobody has asked any
more. What got into it all the same, such as by an older version, a look takes out of it (`core/machine/void_ties.py`);
and what told of a request that goes so counts as read.

The two rows of a friendship are written and deleted together. Where one is missing all the same, such as after a part
of a backup was put back, they are friends, and the look writes the other row: as far as it is known what its user is
called, or else the two are friends no more. Nobody can show a friend without a name, and each may ask again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from lobby_server.core.friends import Friend, FriendRequest
from lobby_server.core.machine import commands
from lobby_server.core.machine.commands import Command
from lobby_server.core.machine.void_ties import VoidFriendship, VoidRequest, VoidTie, void_ties
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.requests import DEFAULT_AUDIENCE, Audience
from lobby_server.protocol.social_resources import NotificationKind
from lobby_server.service.ports import Clock, Store
from lobby_server.service.replica import Replica
from lobby_server.service.social.notifications import Notifications
from lobby_server.service.social.people import People
from lobby_server.service.social.ports import StoredBlock, StoredFriendship, TieStore
from lobby_server.service.writes.gated import GatedStore, Held
from lobby_server.service.writes.look import AGAIN_S, StoreLook
from lobby_server.service.writes.writer import StoreWriter

_PER_TURN = 1000
"""Rows, or comparisons: a millisecond or two of the loop."""
_Row = TypeVar("_Row")


@dataclass(frozen=True)
class _Kept:
    """What the store has."""

    friendships: dict[tuple[int, int], tuple[User, User, datetime]]
    """By the ids of the two, the smaller first: where at least one of the two rows is there."""
    halves: list[tuple[User, StoredFriendship]]
    """Rows without the other one, and whose they are; without a name where no row tells it."""
    requests: dict[int, FriendRequest]
    blocks: dict[tuple[int, int], StoredBlock]
    audiences: dict[int, Audience]


class Ties:
    """One per server."""

    def __init__(
        self,
        *,
        replica: Replica,
        people: People,
        notifications: Notifications,
        store: Store,
        writer: StoreWriter,
        clock: Clock,
    ) -> None:
        books = replica.books
        self._friends, self._blocks, self._audiences = books.friends, books.blocks, books.whereabouts
        self._replica = replica
        self._people = people
        self._notifications = notifications
        self._store = store
        self._gated: GatedStore[TieStore] = GatedStore(store, replica=replica, look_again=self.look_again)
        # At least so long between two looks: each reads all that is between users.
        self._look = StoreLook(self._make_up, replica=replica, writer=writer, clock=clock, after_s=AGAIN_S)

    def change(self) -> AbstractAsyncContextManager[Held[TieStore]]:
        """One change at a time, over all nodes: what it gives commits, and `tell` comes then. Raises `Refusal`
        (``try_again_later``), `StoreUnavailable`."""
        return self._gated.hold()

    async def tell(self, command: Command) -> None:
        """What the store says holds on all nodes. Raises `Refusal` (``try_again_later``) when it does not yet; it will,
        without another try."""
        await self._replica.run(command, settled=self.look_again)

    def behind(self) -> Refusal:
        """What is to be answered when the store has refused what the books allow: they follow it soon."""
        self.look_again()
        return Refusal(RefusalCode.TRY_AGAIN_LATER)

    async def restored(self) -> None:
        """At a start the books are as the store is: what is void in it goes from them at once, and from it soon. Two
        who have asked each other become friends as soon as the store has it, so that they are told.
        O(friendships, requests and blocks). Raises `StoreUnavailable`."""
        books, blocks = self._friends, self._blocks
        for user_id, friend in [each async for each in _in_turns(books.halves()) if each is not None]:
            user = await self._people.by_id(user_id)
            if user is None:
                books.part(user_id, friend.user.id)
            else:
                books.restore(friend.user.id, Friend(user, friend.since))
            self.look_again()
        found = void_ties(
            are_friends=books.are_friends,
            requests=books.requests(),
            blocks=((user_id, each.user.id) for user_id in blocks.user_ids() for each in blocks.blocked_by(user_id)),
        )
        for tie in [each async for each in _in_turns(found) if each is not None]:
            if isinstance(tie, VoidFriendship):
                books.part(tie.one_id, tie.other_id)
            else:
                books.remove_request(tie.request if isinstance(tie, VoidRequest) else tie.later)
            self.look_again()

    def look_again(self) -> None:
        """The books may not be as the store is: soon they are. O(friendships and blocks)."""
        self._look.again()

    @property
    def is_looking(self) -> bool:
        """Whether a look is under way, or will be."""
        return self._look.is_looking

    async def idle(self) -> None:
        """Return when no look is under way; one that waits for its time is none yet."""
        await self._look.idle()

    def stop(self) -> None:
        """The server ends: look no more."""
        self._look.stop()

    # -- private --------------------------------------------------------------------------------------------------

    async def _make_up(self) -> None:
        """Raises `Refusal` (``try_again_later``), `StoreUnavailable`."""
        if await self._is_otherwise():
            async with self._gated.hold() as held:  # nobody changes anything meanwhile
                kept = await self._read()
                void = [tie async for tie in _void(kept)]
                for tie in void:
                    await self._mend(tie, held)
                for user, half in kept.halves:
                    await self._complete(user, half, held)
                async for command in self._missing(await self._read() if void or kept.halves else kept):
                    held.check()  # what was read may be old
                    await self._run(command)

    async def _is_otherwise(self) -> bool:
        kept = await self._read()
        if kept.halves:
            return True
        async for _ in _void(kept):
            return True
        async for _ in self._missing(kept):
            return True
        return False

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

    async def _complete(self, user: User, half: StoredFriendship, held: Held[TieStore]) -> None:
        """As `_mend`; where the friendship gave way to a block just now, nothing is left to complete."""
        friend = half.friend
        found = user if user.username else await self._people.by_id(user.id)
        if found is None:
            await held.commit(lambda store: store.delete_friendship(user.id, friend.user.id))
        else:
            known = found
            await held.commit(lambda store: store.add_friendship(known, friend.user, friend.since))

    async def _run(self, command: Command) -> None:
        """Raises `Refusal` (``try_again_later``)."""
        try:
            await self._replica.run(command)
        except Refusal as refusal:
            if refusal.code is RefusalCode.TRY_AGAIN_LATER:
                raise
            # It names a user who is deleted: what the store has of them goes as well.

    async def _read(self) -> _Kept:
        """Each row of a friendship says what one of the two is called."""
        stored = await self._store.friendships()
        names: dict[int, User] = {}
        rows: set[tuple[int, int]] = set()
        async for each in _in_turns(stored):
            names[each.friend.user.id] = each.friend.user
            rows.add((each.user_id, each.friend.user.id))
        friendships: dict[tuple[int, int], tuple[User, User, datetime]] = {}
        halves: list[tuple[User, StoredFriendship]] = []
        async for each in _in_turns(stored):
            user, friend = names.get(each.user_id) or User(each.user_id, ""), each.friend.user
            is_half = (friend.id, user.id) not in rows
            if is_half:
                halves.append((user, each))
            if is_half or user.id < friend.id:
                one, other = (user, friend) if user.id < friend.id else (friend, user)
                friendships[one.id, other.id] = one, other, each.friend.since
        requests: dict[int, FriendRequest] = {}
        async for request in _in_turns(await self._store.friend_requests()):
            requests[request.id] = request
        blocks: dict[tuple[int, int], StoredBlock] = {}
        async for block in _in_turns(await self._store.blocks()):
            blocks[block.user_id, block.blocked.id] = block
        return _Kept(friendships, halves, requests, blocks, await self._store.whereabouts())

    async def _missing(self, kept: _Kept) -> AsyncIterator[Command]:
        """What makes the books as the store is: they are looked at as they are when each is asked for, for one may take
        others along."""
        compared = 0
        for find in (self._blocked, self._befriended, self._asked, self._shown):
            async for command in find(kept):
                if command is not None:
                    yield command
                compared += 1
                if not compared % _PER_TURN:
                    await asyncio.sleep(0)

    async def _blocked(self, kept: _Kept) -> AsyncIterator[Command | None]:
        missing = []
        for (user_id, other_id), block in kept.blocks.items():
            if not self._blocks.blocks(user_id, other_id):
                missing.append(block)
            yield None
        for block in sorted(missing, key=lambda each: each.since):
            yield commands.Block(await self._user(block.user_id), block.blocked, block.since)
        for user_id in list(self._blocks.user_ids()):
            for known in self._blocks.blocked_by(user_id):
                is_kept = (user_id, known.user.id) in kept.blocks
                yield None if is_kept else commands.Unblock(user_id, known.user.id)

    async def _befriended(self, kept: _Kept) -> AsyncIterator[Command | None]:
        friends = self._friends
        for one, other, since in kept.friendships.values():
            for user, friend in ((one, other), (other, one)):  # books of an older version may have one way only
                if friends.are_friends(user.id, friend.id):
                    yield None
                    continue
                asked = friends.request_between(user.id, friend.id) or friends.request_between(friend.id, user.id)
                befriended = asked or FriendRequest(0, user, friend, since)
                yield commands.Befriend(befriended, since, self._notifications.new_key())
        for one_id in list(friends.user_ids()):
            for other_id in list(friends.friend_ids(one_id)):
                is_kept = (min(one_id, other_id), max(one_id, other_id)) in kept.friendships
                yield None if is_kept else commands.PartFriends(one_id, other_id)

    async def _asked(self, kept: _Kept) -> AsyncIterator[Command | None]:
        """A request that is gone was declined or withdrawn, nobody knows which: of a no its sender is not told."""
        for request in self._friends.requests():
            is_kept = request.id in kept.requests
            yield None if is_kept else commands.CloseFriendRequest(request.id, request.receiver.id)
        for request in kept.requests.values():
            is_known = self._friends.request(request.id) is not None
            yield None if is_known else commands.AskFriend(request, self._notifications.new_key())

    async def _shown(self, kept: _Kept) -> AsyncIterator[Command | None]:
        for audiences in (kept.audiences, dict(self._audiences)):
            for user_id in audiences:
                audience = kept.audiences.get(user_id, DEFAULT_AUDIENCE)
                if self._audiences.get(user_id, DEFAULT_AUDIENCE) == audience:
                    yield None
                else:
                    yield commands.SetWhereabouts(await self._user(user_id), audience)

    async def _user(self, user_id: int) -> User:
        """One who is not known any more has no name. Raises `StoreUnavailable`."""
        return await self._people.by_id(user_id) or User(user_id, "")


async def _void(kept: _Kept) -> AsyncIterator[VoidTie]:
    def are_friends(one_id: int, other_id: int) -> bool:
        return (min(one_id, other_id), max(one_id, other_id)) in kept.friendships

    found = void_ties(are_friends=are_friends, requests=kept.requests.values(), blocks=kept.blocks)
    async for tie in _in_turns(found):
        if tie is not None:
            yield tie


async def _in_turns(rows: Iterable[_Row]) -> AsyncIterator[_Row]:
    """All of them; the loop goes on in between."""
    for number, row in enumerate(rows, 1):
        yield row
        if not number % _PER_TURN:
            await asyncio.sleep(0)
