"""What was committed and did not go through the log holds all the same once the log is back, and is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from lobby_server.core.machine import commands
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.requests import DEFAULT_AUDIENCE, Whom
from lobby_server.service.ports import StoreUnavailable
from lobby_server.service.social.ties import AGAIN_S
from tests.service.accounts.test_revocations import log_away, soon
from tests.service.house import ANN, BOB, CLEO, House

Call = Callable[[House], Awaitable[Any]]


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
        {(each.user_id, each.friend.user) for each in await store.friendships()},
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
@pytest.mark.parametrize("fault", [StoreUnavailable, asyncio.CancelledError], ids=["lost answer", "client gone"])
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


async def test_what_names_a_deleted_user_is_passed_over(house: House) -> None:
    house.app.replica.submit(commands.ForgetUser(CLEO.id, "0" * 16))
    await house.store.add_block(ANN.id, CLEO, house.clock.utc_now())
    house.app.social.ties.look_again()
    await soon(house)
    await soon(house)
    assert not house.app.social.ties._is_looking
