"""A sign-out that the store has holds on every node, by itself: also one that was refused because the log was away, or
of a node that ended before it could tell."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from bench.simulation.outside.memory_store import MemoryStore
from lobby_server.backplane.log import ValkeyLog
from lobby_server.backplane.place.epochs import NEWCOMER_WAITS_S
from lobby_server.backplane.valkey.stream import Stream
from lobby_server.clock import LoopClock
from lobby_server.core.bans import PAST_BANS_S
from lobby_server.core.machine import commands
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode, TokenRefused
from lobby_server.service.accounts.hashing import Asker
from lobby_server.service.administration.ports import StoredUserBan
from lobby_server.service.auth import Claims
from tests.backplane.engine import Engine
from tests.backplane.nodes import NODE_TIMEOUT_S, until
from tests.fakes.clock import VirtualClock
from tests.service.accounts.test_upkeep import PASSWORD, Plain, account_of
from tests.service.house import ANN, BOB, Client, House, token_of

pytestmark = pytest.mark.system

BOSS = User(9, "boss")
_clusters, _names = itertools.count(1), itertools.count(1)


class Houses:
    """Services with a store and a log in common, over a real clock."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._cluster = f"signouts{next(_clusters)}"
        self._store = MemoryStore()
        self.all: list[House] = []

    async def start(self, *secrets: str) -> House:
        """`secrets`: of the tokens, if not those of the others."""
        clock: Any = LoopClock(asyncio.get_running_loop())
        log = ValkeyLog(
            Stream(self._url, cluster=self._cluster),
            name="node",
            clock=clock,
            new_incarnation=lambda: f"i{next(_names)}",
            node_timeout_s=NODE_TIMEOUT_S,
            newcomer_waits_s=NEWCOMER_WAITS_S if self.all else 0.0,
        )
        house = House(clock=cast(VirtualClock, clock), store=self._store, shared_log=log)
        if secrets:
            house.app.tokens.use(*secrets)
        await house.start()
        passwords: Any = Plain()
        house.app.accounts._passwords = passwords
        self.all.append(house)
        return house

    async def kill(self, house: House) -> None:
        """It is gone, and tells nobody."""
        self.all.remove(house)
        log: Any = house.app.replica.log

        async def tell_nobody(node: str) -> None:
            pass

        log._stream.forget = tell_nobody
        await _end(house)

    async def end(self) -> None:
        for house in self.all:
            await _end(house)


async def _end(house: House) -> None:
    house.app.stop()
    house.app.heartbeat.stop()
    await house.app.writer.stop(patience_s=5.0)
    assert house.app.nodes is not None
    await house.app.nodes.close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """One that the test kills."""
    engine = Engine("valkey", tmp_path)
    engine.start()
    yield engine
    engine.kill()


@pytest.fixture
async def houses(engine: Engine) -> AsyncIterator[Houses]:
    houses = Houses(engine.url)
    yield houses
    await houses.end()


async def log_in(house: House, user: User) -> Claims:
    token = await house.app.sign_ins.begin(await account_of(house, user), client="")
    return house.app.tokens.verify(token)


def holds(house: House, claims: Claims) -> bool:
    try:
        house.app.tokens.check_holds(claims)
    except TokenRefused:
        return False
    return True


async def log_out(house: House, claims: Claims) -> None:
    await house.app.sign_ins.log_out(claims)


async def end_elsewhere(house: House, claims: Claims) -> None:
    await house.app.sign_ins.end_all(claims.user)


async def delete(house: House, claims: Claims) -> None:
    await house.app.upkeep.delete(claims, password=PASSWORD, asker=Asker("127.0.0.1"))


async def ban(house: House, claims: Claims) -> None:
    await house.app.administration.ban(BOSS, claims.user.username, reason="spam", ends_in_s=None)


End = Callable[[House, Claims], Awaitable[None]]
COMMITS: dict[End, str] = {
    log_out: "revoke_token", end_elsewhere: "revoke_token", delete: "delete_account", ban: "keep_user_ban",
}  # fmt: skip
"""By which call of the store each is durable."""
each_end = pytest.mark.parametrize("end", COMMITS, ids=lambda end: end.__name__)


@each_end
async def test_sign_out_that_is_refused_as_the_log_goes_away_holds_everywhere_once_it_is_back(
    houses: Houses, engine: Engine, end: End, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await houses.start(), await houses.start()
    claims = await log_in(one, ANN)
    original = getattr(one.store, COMMITS[end])

    async def commits_last(*args: Any, **named: Any) -> Any:
        result = await original(*args, **named)
        engine.kill()
        await until(lambda: not one.app.replica.log.takes_part)
        return result

    monkeypatch.setattr(one.store, COMMITS[end], commits_last)
    with pytest.raises(Refusal) as refused:
        await end(one, claims)
    assert refused.value.code is RefusalCode.TRY_AGAIN_LATER
    assert (holds(one, claims), holds(other, claims)) == (True, True)
    if COMMITS[end] == "revoke_token":
        with pytest.raises(TokenRefused):
            await other.app.sign_ins.renew(claims)
    monkeypatch.setattr(one.store, COMMITS[end], original)
    engine.start()
    await until(lambda: not holds(one, claims) and not holds(other, claims))


async def test_log_out_while_the_log_is_away_is_stored_holds_once_it_is_back_and_closes_the_sockets(
    houses: Houses, engine: Engine
) -> None:
    one, other = await houses.start(), await houses.start()
    claims, bystander = (one.app.tokens.verify(token_of(user)) for user in (ANN, BOB))
    there = Client(other, ANN)
    there.handshake()
    await until(lambda: there.session.is_accepted)
    engine.kill()
    await until(lambda: not one.app.replica.log.takes_part)
    waiting = one.app.replica.log.waiting  # type: ignore[attr-defined]
    for _ in range(50):  # a client that tries again
        with pytest.raises(Refusal):
            await log_out(one, claims)
    assert one.app.replica.log.waiting == waiting, "the store has it, and nothing else keeps it"  # type: ignore[attr-defined]
    engine.start()
    await until(lambda: not holds(other, claims) and there.transport.closed is not None)
    assert holds(other, bystander)


@each_end
async def test_sign_out_of_a_node_that_ended_before_it_could_tell_is_told_by_another(
    houses: Houses, end: End, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader, ends = await houses.start(), await houses.start()
    claims = await log_in(leader, ANN)
    committed = asyncio.Event()
    original = getattr(leader.store, COMMITS[end])

    async def commits_last(*args: Any, **named: Any) -> Any:
        await original(*args, **named)
        committed.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(leader.store, COMMITS[end], commits_last)
    call = asyncio.ensure_future(end(ends, claims))
    await committed.wait()
    monkeypatch.setattr(leader.store, COMMITS[end], original)
    call.cancel()  # it gets no further
    await asyncio.gather(call, return_exceptions=True)
    await houses.kill(ends)
    assert holds(leader, claims)
    await until(lambda: not holds(leader, claims))


async def test_ban_that_was_lifted_by_a_node_that_ended_is_lifted_by_another(houses: Houses) -> None:
    leader, ends = await houses.start(), await houses.start()
    claims = await log_in(leader, ANN)
    now = leader.app.clock.utc_now()
    await ban(leader, claims)
    again = await log_in_after_ban(leader)
    await leader.store.delete_user_ban(ANN.id)
    await leader.store.keep_user_ban(StoredUserBan(user=BOB, reason="spam", until=None, created_at=now, by=BOSS))
    await houses.kill(ends)
    await until(lambda: holds(leader, again) and BOB.id in leader.app.replica.books.user_bans)


async def log_in_after_ban(house: House) -> Claims:
    """A token that nothing but the ban keeps from holding."""
    app = house.app
    ban = app.replica.books.user_bans.pop(ANN.id)
    claims = app.tokens.verify(app.tokens.issue(ANN))
    app.replica.books.user_bans[ANN.id] = ban
    assert not holds(house, claims)
    return claims


async def test_ban_that_is_long_over_is_forgotten_by_all_nodes_and_unknown_to_one_that_follows(houses: Houses) -> None:
    leader, other = await houses.start(), await houses.start()
    ended_s = leader.app.clock.utc_now().timestamp() - PAST_BANS_S - 1.0
    for user, until_s in ((ANN, ended_s), (BOB, ended_s + 3600.0)):
        await leader.app.replica.run(commands.BanUser(user, "spam", until_s))
    books = [house.app.replica.books.user_bans for house in (leader, other)]
    await until(lambda: all(set(each) == {ANN.id, BOB.id} for each in books))
    other.app.retention.start()
    leader.app.retention.start()
    await until(lambda: all(set(each) == {BOB.id} for each in books))
    follows = await houses.start()
    assert set(follows.app.replica.books.user_bans) == {BOB.id}
