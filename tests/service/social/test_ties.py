"""What was committed and did not go through the log holds all the same once the log is back, and is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from lobby_server.core.machine import commands
from lobby_server.core.machine.deleted import mark_of
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.requests import DEFAULT_AUDIENCE, Whom
from lobby_server.service.ports import StoreUnavailable
from lobby_server.service.writes.look import AGAIN_S
from tests.kept_ties import stored_friendships
from tests.patience import PATIENCE_S
from tests.service.accounts.test_revocations import log_away, soon
from tests.service.house import ANN, BOB, CLEO, House

Call = Callable[[House], Awaitable[Any]]
DAN = User(4, "dan")


async def ask(house: House) -> None:
    await house.app.social.friends.ask(CLEO, Whom(ANN.id))


async def accept(house: House) -> None:
    [request] = house.app.social.friends.overview(CLEO).incoming
    await house.app.social.friends.accept(CLEO, request.request_id)


async def decline(house: House) -> None:
    [request] = house.app.social.friends.overview(CLEO).incoming
    await house.app.social.friends.decline(CLEO, request.request_id)


async def remove(house: House) -> None:
    await house.app.social.friends.remove(ANN, BOB.id)


async def block(house: House) -> None:
    await house.app.social.blocks.add(ANN, BOB.id)


async def unblock(house: House) -> None:
    await house.app.social.blocks.remove(CLEO, ANN.id)


async def hide(house: House) -> None:
    await house.app.social.whereabouts.choose(ANN, "nobody")


async def show(house: House) -> None:
    await house.app.social.whereabouts.choose(BOB, "everybody")


CALLS: dict[Call, tuple[str, dict[str, Any]]] = {
    ask: ("friend_request", {"from_user_id": 3, "to_user_id": 1, "from_username": "cleo"}),
    accept: ("friend_accepted", {"user_id": 3, "username": "cleo"}),
    decline: ("", {}),
    remove: ("friend_removed", {"user_id": 2}),
    block: ("user_blocked", {"user_id": 2, "username": "bob"}),
    unblock: ("", {}),
    hide: ("whereabouts_changed", {"whereabouts": "nobody"}),
    show: ("", {}),
}
"""What becomes of each, and what a client of Ann hears of it; nothing: it is not hers."""
each_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)


@pytest.fixture
async def house(house: House) -> House:
    """Ann and Bob are friends; Bob has asked Cleo to be his; Cleo blocks Ann; nobody knows where Bob is."""
    social = house.app.social
    await social.friends.ask(ANN, Whom(BOB.id))
    [request] = social.friends.overview(BOB).incoming
    await social.friends.accept(BOB, request.request_id)
    await social.friends.ask(BOB, Whom(CLEO.id))
    await social.whereabouts.choose(BOB, "nobody")
    await house.settle()
    return house


async def stored(house: House) -> list[Any]:
    """What is between users, as the store has it."""
    store = house.store
    return [
        {(each.user_id, each.friend.user) for each in await stored_friendships(store)},
        {(each.id, each.sender, each.receiver) for each in await store.friend_requests()},
        {(each.user_id, each.blocked) for each in await store.blocks()},
        {user_id: each for user_id, each in (await store.whereabouts()).items() if each != DEFAULT_AUDIENCE},
    ]


def known(house: House) -> list[Any]:
    """The same, as the books have it."""
    books = house.app.replica.books
    return [
        {(user_id, each.user) for user_id in books.friends.user_ids() for each in books.friends.friends_of(user_id)},
        {(each.id, each.sender, each.receiver) for each in books.friends.requests()},
        {(user_id, each.user) for user_id in books.blocks.user_ids() for each in books.blocks.blocked_by(user_id)},
        {user_id: each for user_id, each in books.whereabouts.items() if each != DEFAULT_AUDIENCE},
    ]


async def prepared(house: House, call: Call) -> None:
    """So that it has something to do."""
    if call is unblock:
        await house.app.social.blocks.add(CLEO, ANN.id)
    if call is accept:  # of Ann
        await house.app.social.friends.decline(CLEO, house.app.social.friends.overview(CLEO).incoming[0].request_id)
        await house.app.social.friends.ask(ANN, Whom(CLEO.id))
    await house.settle()


@contextlib.contextmanager
def log_takes_nothing(house: House) -> Iterator[None]:
    """Though it seems well."""

    def append(command: Any, request: Any = None) -> None:
        raise Refusal(RefusalCode.TRY_AGAIN_LATER)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(house.app.replica.log, "append", append)
        yield


@contextlib.contextmanager
def after(house: House, monkeypatch: pytest.MonkeyPatch, fault: type[BaseException]) -> Iterator[None]:
    """Whatever is committed is answered with a fault."""
    names = (
        "add_friend_request", "add_friendship", "delete_friend_request", "delete_friendship", "add_block",
        "delete_block", "set_whereabouts",
    )  # fmt: skip

    def losing(act: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def lose(*arguments: Any) -> None:
            await act(*arguments)
            raise fault

        return lose

    with monkeypatch.context() as patch:
        for name in names:
            patch.setattr(house.store, name, losing(getattr(house.store, name)))
        yield


@each_call
async def test_what_the_log_did_not_take_holds_and_is_told_once_it_is_back(house: House, call: Call) -> None:
    await prepared(house, call)
    ann = house.connect(ANN, "own_changes")
    before = known(house)
    with log_takes_nothing(house), pytest.raises(Refusal):
        await call(house)
    assert known(house) == before
    assert await stored(house) != before
    await soon(house)
    assert known(house) == await stored(house)
    type_, data = CALLS[call]
    told = dict(ann.told())
    if type_:
        assert {name: told[type_][name] for name in data} == data
    house.clock.advance(2 * AGAIN_S)
    await house.settle()
    assert ann.told() == [], "once"


@each_call
@pytest.mark.parametrize("fault", [StoreUnavailable, asyncio.CancelledError], ids=["lost answer", "server ending"])
async def test_what_was_committed_though_the_call_failed_holds(
    house: House, monkeypatch: pytest.MonkeyPatch, call: Call, fault: type[BaseException]
) -> None:
    await prepared(house, call)
    before = known(house)
    with after(house, monkeypatch, fault), pytest.raises(fault):
        await call(house)
    assert known(house) == before
    await soon(house)
    assert known(house) == await stored(house) != before


async def test_store_is_looked_at_as_soon_as_the_log_is_back_and_not_before(house: House) -> None:
    with log_away(house):
        with pytest.raises(Refusal):
            await block(house)
        await soon(house)
        assert not house.app.replica.books.blocks.blocks(ANN.id, BOB.id)
    await soon(house)
    assert house.app.replica.books.blocks.blocks(ANN.id, BOB.id)


async def test_entry_that_comes_late_undoes_nothing_that_came_after_it(house: House) -> None:
    """A block that was said to have failed, and stands in the log behind its end."""
    log: Any = house.app.replica.log
    late: list[Any] = []

    def hold(command: Any, request: Any = None) -> None:
        late.append((command, request))
        request.given_up()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "append", hold)
        with pytest.raises(Refusal):
            await block(house)
    await house.store.delete_block(ANN.id, BOB.id)  # on another node
    log.append(*late[0])
    assert house.app.replica.books.blocks.blocks(ANN.id, BOB.id)
    await soon(house)
    assert known(house) == await stored(house)


async def test_nothing_is_done_where_books_and_store_agree(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    appended: list[Any] = []
    monkeypatch.setattr(house.app.replica.log, "append", lambda command, request=None: appended.append(command))
    house.app.social.ties.look_again()
    await soon(house)
    assert appended == []


async def test_store_that_is_away_is_asked_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.store.add_block(ANN.id, CLEO, house.clock.utc_now())

    async def away() -> None:
        raise StoreUnavailable("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "blocks", away)
        house.app.social.ties.look_again()
        await soon(house)
        assert not house.app.replica.books.blocks.blocks(ANN.id, CLEO.id)
    house.app.writer.is_away = False
    await soon(house)
    assert house.app.replica.books.blocks.blocks(ANN.id, CLEO.id)


async def test_nothing_of_a_deleted_user_comes_back(house: House) -> None:
    """Written by a node that had not heard of it, and with their name gone from where it is looked for."""
    store, now = house.store, house.clock.utc_now()
    await store.delete_account(ANN.id)
    house.app.replica.submit(commands.ForgetUser(ANN.id, mark_of(ANN.username)))
    await house.settle()
    await store.add_block(ANN.id, BOB, now)
    await store.add_block(BOB.id, ANN, now)
    for user in (CLEO, DAN):
        await store.add_friend_request(user, ANN, now)
    await store.add_friendship(DAN, ANN, now)
    del store._friendships[DAN.id, ANN.id]  # the row that has the name
    await store.set_whereabouts(ANN.id, "nobody")
    house.app.social.ties.look_again()
    await soon(house)
    await soon(house)
    assert not house.app.social.ties.is_looking
    books = house.app.replica.books
    assert not books.blocks.blocks(ANN.id, BOB.id)
    assert not books.blocks.blocks(BOB.id, ANN.id)
    assert not books.friends.are_friends(ANN.id, DAN.id)
    assert books.friends.request_between(CLEO.id, ANN.id) is None
    assert ANN.id not in books.whereabouts
    assert known(house) == await stored(house), "the store has nothing of them either"


@pytest.mark.parametrize("call", [ask, accept, block], ids=lambda call: call.__name__)
async def test_entry_that_comes_after_the_look_is_not_told_again(house: House, call: Call) -> None:
    await prepared(house, call)
    log: Any = house.app.replica.log
    late: list[Any] = []

    def hold(command: Any, request: Any = None) -> None:
        late.append((command, request))
        request.given_up()

    ann = house.connect(ANN, "own_changes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "append", hold)
        with pytest.raises(Refusal):
            await call(house)
    house.app.social.ties.look_again()  # for another reason
    await soon(house)
    assert CALLS[call][0] in dict(ann.told())
    kept = len(house.store._notifications)
    [(command, request)] = late
    log.append(command, request)
    await soon(house)
    await house.settle()
    assert ann.told() == []
    assert len(house.store._notifications) == kept
    assert known(house) == await stored(house)


@pytest.mark.parametrize("read", ["friend_ids_after", "user_bans"])
async def test_chat_does_not_wait_for_a_look_at_the_store(
    house: House, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    ann, reads, goes_on = house.connect(ANN), asyncio.Event(), asyncio.Event()
    original = getattr(house.store, read)

    async def hanging(*arguments: Any) -> Any:
        reads.set()
        await goes_on.wait()
        return await original(*arguments)

    monkeypatch.setattr(house.store, read, hanging)
    (house.app.social.ties if read == "friend_ids_after" else house.app.revocations).look_again()
    house.clock.advance(AGAIN_S)
    await asyncio.wait_for(reads.wait(), PATIENCE_S)
    ann.say("chat_message", channel="lobby", text="hello")
    await asyncio.wait_for(house.app.writer.idle(), PATIENCE_S)
    assert ("chat_message", "hello") in [(type_, data.get("text")) for type_, data in ann.told()]
    goes_on.set()
    await house.settle()


async def test_end_of_the_server_ends_a_look_and_none_begins_after_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ties, reads = house.app.social.ties, asyncio.Event()

    async def hanging(user_id: int) -> Any:
        reads.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(house.store, "friend_ids_after", hanging)
    ties.look_again()
    house.clock.advance(AGAIN_S)
    await asyncio.wait_for(reads.wait(), PATIENCE_S)
    house.app.stop()
    await asyncio.wait_for(ties.idle(), PATIENCE_S)
    reads.clear()
    ties.look_again()
    await soon(house)
    assert not reads.is_set()
