"""A node that stalled and lost the lock of all nodes commits nothing of what another node has decided otherwise since;
and a commit that was late, or answered by nobody, holds in the books as the store has it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest

from lobby_server.backplane.node.gate import HELD_S, Gate
from lobby_server.core.machine.commands import Command
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.requests import Whom
from lobby_server.service.administration.ports import StoredUserBan
from lobby_server.service.ports import StoreUnavailable
from lobby_server.service.replica import Request
from tests.fakes.clock import VirtualClock
from tests.kept_ties import stored_friendships
from tests.service.accounts.test_revocations import soon
from tests.service.accounts.test_upkeep import log_in
from tests.service.house import ANN, BOB, House

Act = Callable[[House], Awaitable[Any]]
BOSS = User(9, "boss")


class Lock:
    """The lock in Valkey, as `lobby_server.backplane.valkey.stream.Stream` has it."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._holder, self._until_s = "", 0.0
        self._tokens = itertools.count(1)

    async def take_gate(self, token: str, *, for_s: float) -> bool:
        if self._holder and self._clock.monotonic_s() < self._until_s:
            return False
        self._holder, self._until_s = token, self._clock.monotonic_s() + for_s
        return True

    async def release_gate(self, token: str) -> None:
        if self._holder == token:
            self._holder = ""

    def give(self, house: House, stall: Callable[[], Awaitable[None]] | None = None) -> None:
        """A house takes this lock from now on. `stall`: what happens between taking it and what follows."""

        async def pass_barrier(request: Request) -> None:
            if stall is not None:
                await stall()
            request.applied()

        def append(command: Command, request: Request) -> None:
            passing.append(asyncio.ensure_future(pass_barrier(request)))

        passing: list[asyncio.Future[None]] = []
        stream: Any = self
        gate = Gate(
            stream,
            append=append,
            new_token=lambda: f"token{next(self._tokens)}",
            clock=self._clock,
        )
        house.app.replica.gate = gate.hold  # type: ignore[method-assign]


# -- what is decided --------------------------------------------------------------------------------------------------


async def ban(house: House) -> None:
    await house.app.administration.ban(BOSS, BOB.username, reason="spam", ends_in_s=None)


async def unban(house: House) -> None:
    await house.app.administration.unban(BOSS, BOB.id)


async def ask(house: House) -> None:
    await house.app.social.friends.ask(ANN, Whom(BOB.id))


async def be_asked(house: House) -> None:
    await house.app.social.friends.ask(BOB, Whom(ANN.id))


async def accept(house: House) -> None:
    [request] = house.app.social.friends.overview(ANN).incoming
    await house.app.social.friends.accept(ANN, request.request_id)


async def decline(house: House) -> None:
    [request] = house.app.social.friends.overview(ANN).incoming
    await house.app.social.friends.decline(ANN, request.request_id)


async def remove(house: House) -> None:
    await house.app.social.friends.remove(ANN, BOB.id)


async def block(house: House) -> None:
    await house.app.social.blocks.add(ANN, BOB.id)


async def unblock(house: House) -> None:
    await house.app.social.blocks.remove(ANN, BOB.id)


async def be_blocked(house: House) -> None:
    await house.app.social.blocks.add(BOB, ANN.id)


async def hide(house: House) -> None:
    await house.app.social.whereabouts.choose(ANN, "nobody")


async def show(house: House) -> None:
    await house.app.social.whereabouts.choose(ANN, "everybody")


DECIDED: dict[str, tuple[tuple[Act, ...], Act, tuple[Act, ...]]] = {
    "a ban": ((), ban, (ban, unban)),
    "the end of a ban": ((ban,), unban, (unban, ban)),
    "a friend request": ((), ask, (be_blocked,)),
    "a friend request that answers another one": ((be_asked,), ask, (be_blocked,)),
    "a friendship": ((be_asked,), accept, (be_blocked,)),
    "a no": ((be_asked,), decline, (accept,)),
    "the end of a friendship": ((be_asked, accept), remove, (remove, be_asked, accept)),
    "a block": ((be_asked, accept), block, (block, unblock, be_asked, accept)),
    "the end of a block": ((block,), unblock, (unblock, block)),
    "who may know where one is": ((), hide, (show,)),
}
"""By what is committed behind the lock: what comes before, the call of the node that stalls, and what another node
decides in that time."""
each_commit = pytest.mark.parametrize("what", DECIDED)


async def stored(house: House) -> list[Any]:
    """All that is changed behind the lock, as the store has it."""
    store = house.store
    return [
        sorted((each.user_id, each.friend.user.id) for each in await stored_friendships(store)),
        [(each.sender, each.receiver) for each in await store.friend_requests()],
        [(each.user_id, each.blocked) for each in await store.blocks()],
        await store.whereabouts(),
        [each.user for each in await store.user_bans()],
    ]


async def prepared(house: House, what: str) -> None:
    for act in DECIDED[what][0]:
        await act(house)
    await house.settle()


def overtaken_by(
    other: House, acts: Iterable[Callable[[House], Awaitable[Any]]], decided: list[Any]
) -> Callable[[], Awaitable[None]]:
    """A stall that outlasts the lock, in which the other node decides; `decided` is what is stored then."""

    async def stall() -> None:
        other.clock.advance(HELD_S + 0.1)
        for act in acts:
            await act(other)
        decided.extend(await stored(other))

    return stall


@each_commit
async def test_node_that_lost_the_lock_in_a_stall_commits_nothing(house: House, what: str) -> None:
    await prepared(house, what)
    _, call, of_another_node = DECIDED[what]
    lock, decided = Lock(house.clock), list[Any]()
    other = await House(store=house.store, clock=house.clock).start()
    lock.give(other)

    stall = overtaken_by(other, of_another_node, decided)
    lock.give(house, stall)
    with pytest.raises(Refusal) as refused:
        await call(house)
    assert refused.value.code is RefusalCode.TRY_AGAIN_LATER
    assert decided
    assert await stored(house) == decided
    await other.stop()


class Stalls:
    """Calls of a store that stand still before they are made."""

    def __init__(self, store: Any, stall: Callable[[], Awaitable[None]]) -> None:
        self._store = store
        self._stall = stall

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*arguments: Any) -> Any:
            await self._stall()
            return await getattr(self._store, name)(*arguments)

        return call


@each_commit
async def test_node_that_loses_the_lock_while_its_commit_stalls_commits_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    await prepared(house, what)
    _, call, of_another_node = DECIDED[what]
    lock, decided, fenced = Lock(house.clock), list[Any](), house.store.fenced
    other = await House(store=house.store, clock=house.clock).start()
    lock.give(other)
    lock.give(house)

    stall = overtaken_by(other, of_another_node, decided)

    def stalling(after: int) -> Stalls:
        monkeypatch.setattr(house.store, "fenced", fenced)
        return Stalls(fenced(after), stall)

    monkeypatch.setattr(house.store, "fenced", stalling)
    with pytest.raises(Refusal) as refused:
        await call(house)
    assert refused.value.code is RefusalCode.TRY_AGAIN_LATER
    assert decided
    assert await stored(house) == decided
    await other.stop()


@each_commit
async def test_node_that_stalled_for_less_commits(house: House, what: str) -> None:
    await prepared(house, what)
    before = await stored(house)

    async def stall() -> None:
        house.clock.advance(0.7 * HELD_S)

    Lock(house.clock).give(house, stall)
    await DECIDED[what][1](house)
    assert await stored(house) != before


async def test_sign_in_that_two_nodes_end_at_once_is_ended_by_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = await log_in(house, ANN)
    assert claims.sign_in_id is not None
    sign_in_id = claims.sign_in_id
    other = await House(store=house.store, clock=house.clock).start()
    revoke = house.store.revoke_token

    async def meanwhile(*arguments: Any) -> None:
        monkeypatch.setattr(house.store, "revoke_token", revoke)
        house.clock.advance(HELD_S + 0.1)
        await other.app.sign_ins.end(ANN, sign_in_id)
        await revoke(*arguments)

    monkeypatch.setattr(house.store, "revoke_token", meanwhile)
    with pytest.raises(Refusal) as refused:
        await house.app.sign_ins.end(ANN, sign_in_id)
    assert refused.value.code is RefusalCode.SIGN_IN_NOT_FOUND
    assert claims.sign_in_key in house.app.replica.books.revoked
    await other.stop()


# -- bans whose commit is late, or answered by nobody; of what is between users see `social/test_ties.py` ------------


def bans(house: House) -> list[int]:
    return sorted(house.app.replica.books.user_bans)


async def test_ban_whose_commit_outlasts_the_lock_holds_as_the_store_has_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, keep = Lock(house.clock), house.store.keep_user_ban
    lock.give(house)

    async def slowly(*arguments: Any) -> None:
        await keep(*arguments)
        house.clock.advance(HELD_S + 0.1)
        await house.store.delete_user_ban(BOB.id)  # by another node, which has told so already

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "keep_user_ban", slowly)
        await ban(house)
    await soon(house)
    assert bans(house) == []


@pytest.mark.parametrize(("what", "banned"), [("a ban", [BOB.id]), ("the end of a ban", [])])
async def test_ban_whose_commit_was_answered_by_nobody_holds(
    house: House, monkeypatch: pytest.MonkeyPatch, what: str, banned: list[int]
) -> None:
    await prepared(house, what)
    name = "delete_user_ban" if what == "the end of a ban" else "keep_user_ban"
    commit = getattr(house.store, name)

    async def lose(*arguments: Any) -> None:
        await commit(*arguments)
        raise StoreUnavailable("The database closed the connection before it answered.")

    with monkeypatch.context() as patch:
        patch.setattr(house.store, name, lose)
        with pytest.raises(StoreUnavailable):
            await DECIDED[what][1](house)
    assert bans(house) != banned
    await soon(house)
    assert bans(house) == banned


async def test_look_at_bans_that_outlasts_the_lock_puts_nobody_out_whose_ban_was_lifted_since(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    Lock(house.clock).give(house)
    bob, read = house.connect(BOB), house.store.user_bans
    banned = StoredUserBan(user=BOB, reason="spam", until=None, created_at=house.clock.utc_now(), by=BOSS)
    await house.store.keep_user_ban(banned)  # by another node, which was not heard
    reads = itertools.count(1)

    async def slowly() -> list[StoredUserBan]:
        found = await read()
        if next(reads) == 2:  # behind the lock
            house.clock.advance(HELD_S + 0.1)
            await house.store.delete_user_ban(BOB.id)
        return found

    monkeypatch.setattr(house.store, "user_bans", slowly)
    house.app.revocations.look_again()
    await house.settle()
    await soon(house)
    assert next(reads) > 3
    assert (bans(house), bob.transport.closed) == ([], None)
