"""What is told late, since the log was away: all of it, and for as long as it has to hold."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from lobby_server.core.refusal import Refusal, RefusalCode, TokenRefused
from lobby_server.service.accounts.hashing import Asker
from lobby_server.service.auth import Claims
from lobby_server.service.ports import StoreUnavailable
from lobby_server.service.writes.look import AGAIN_S
from tests.patience import PATIENCE_S
from tests.service.accounts.test_for_how_long import DAY_S, Lives, _started, forget_what_has_ended, holds
from tests.service.accounts.test_for_how_long import log_in as token_of_log_in
from tests.service.accounts.test_upkeep import PASSWORD, Plain, log_in
from tests.service.house import ANN, BOB, House


@contextmanager
def log_away(house: House, *, keeps: bool = False) -> Iterator[list[Any]]:
    """The log takes nothing. `keeps`: what it was given stands in it all the same, and is applied when it is back."""
    log: Any = house.app.replica.log
    kept: list[Any] = []

    def refuse() -> None:
        raise Refusal(RefusalCode.TRY_AGAIN_LATER)

    def append(command: Any, request: Any = None) -> None:
        if keeps:
            kept.append(command)
        refuse()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "append", append)
        patch.setattr(house.app.replica, "check", refuse)
        yield kept
    for command in kept:
        log.append(command)


async def soon(house: House) -> None:
    """The log is back, and what was missed is looked for."""
    house.clock.advance(AGAIN_S)
    await house.settle()


@pytest.fixture
async def lives() -> AsyncIterator[Lives]:
    lives = Lives(await _started(House(token_ttl_s=DAY_S)))
    yield lives
    await lives.house.stop()


async def log_out(house: House, claims: Claims) -> None:
    await house.app.sign_ins.log_out(claims)


async def end_all(house: House, claims: Claims) -> None:
    await house.app.sign_ins.end_all(claims.user)


@pytest.mark.parametrize("keeps", [False, True], ids=["the log has nothing of it", "the log has it"])
@pytest.mark.parametrize("end", [log_out, end_all], ids=lambda end: end.__name__)
async def test_copy_of_a_token_that_was_refreshed_before_the_log_was_back_never_holds_again(
    lives: Lives, monkeypatch: pytest.MonkeyPatch, end: Any, keeps: bool
) -> None:
    """While the database was away as well: then nobody can know."""
    house = lives.house
    claims = house.app.tokens.verify(await token_of_log_in(house))
    with log_away(house, keeps=keeps):
        with pytest.raises(Refusal):
            await end(house, claims)
        house.clock.advance(600.0)

        async def away(*_: Any, **__: Any) -> None:
            raise StoreUnavailable("The database is away.")

        with monkeypatch.context() as patch:
            patch.setattr(house.store, "renew_sign_in", away)
            fresh = await house.app.sign_ins.renew(claims)
    await soon(house)
    assert not holds(house, fresh)
    house = await lives.restart(after_s=DAY_S - 300.0, token_ttl_s=DAY_S)
    forget_what_has_ended(house)
    assert not holds(house, fresh)


@pytest.mark.parametrize("end", [log_out, end_all], ids=lambda end: end.__name__)
async def test_token_of_a_sign_in_of_which_the_store_alone_knows_that_it_ended_is_not_refreshed(
    house: House, end: Any
) -> None:
    claims, bystander = await log_in(house, ANN), await log_in(house, BOB)
    with log_away(house):
        with pytest.raises(Refusal):
            await end(house, claims)
        house.app.tokens.check_holds(claims)
        with pytest.raises(TokenRefused):
            await house.app.sign_ins.renew(claims)
        house.app.tokens.verify(await house.app.sign_ins.renew(bystander))


async def test_sign_out_that_is_refused_while_the_store_is_read_is_not_lost(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = await log_in(house, ANN)
    original, reads, goes_on = house.store.user_bans, asyncio.Event(), asyncio.Event()

    async def user_bans() -> Any:
        reads.set()
        await goes_on.wait()
        return await original()

    monkeypatch.setattr(house.store, "user_bans", user_bans)
    house.app.revocations.look_again()
    await asyncio.wait_for(reads.wait(), PATIENCE_S)
    with log_away(house), pytest.raises(Refusal):
        await house.app.sign_ins.end_all(ANN)
    goes_on.set()
    await soon(house)
    assert claims.sign_in_key in house.app.replica.books.revoked


async def test_fault_that_nobody_thought_of_ends_one_look_and_not_all(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    claims = await log_in(house, ANN)

    async def user_bans() -> Any:
        raise RuntimeError("a mistake")

    with monkeypatch.context() as patch, caplog.at_level(logging.CRITICAL, "lobby.store"):
        patch.setattr(house.store, "user_bans", user_bans)
        house.app.revocations.look_again()
        await house.settle()
    with log_away(house), pytest.raises(Refusal):
        await house.app.sign_ins.end_all(ANN)
    await soon(house)
    assert claims.sign_in_key in house.app.replica.books.revoked


async def test_thousands_of_keys_let_the_loop_go_on_between(house: House) -> None:
    ends = house.clock.utc_now().replace(year=2100)
    for number in range(5000):
        await house.store.revoke_token(f"t{number}", ends)
    await log_in(house, BOB)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while "t4999" not in house.app.replica.books.revoked:
            turns += 1
            await asyncio.sleep(0)

    going = asyncio.ensure_future(others())
    house.app.revocations.look_again()
    await asyncio.wait_for(going, PATIENCE_S)
    assert turns >= 5


async def delete_account(house: House, claims: Claims) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(house.app.accounts, "_passwords", Plain())
        await house.app.upkeep.delete(claims, password=PASSWORD, asker=Asker("127.0.0.1"))


@pytest.mark.parametrize("fault", [StoreUnavailable("The answer was lost."), asyncio.CancelledError()], ids=repr)
@pytest.mark.parametrize(
    ("end", "write"),
    [(log_out, "revoke_token"), (end_all, "revoke_token"), (delete_account, "delete_account")],
    ids=lambda part: part if isinstance(part, str) else part.__name__,
)
async def test_what_the_store_has_though_it_did_not_say_so_ends_on_the_nodes_without_another_try(
    house: House, monkeypatch: pytest.MonkeyPatch, end: Any, write: str, fault: BaseException
) -> None:
    claims, original = await log_in(house, ANN), getattr(house.store, write)
    asked: list[Callable[[], Any]] = []

    async def unanswered(*given: Any, **named: Any) -> Any:
        asked.append(lambda: original(*given, **named))
        raise fault

    with monkeypatch.context() as patch:
        patch.setattr(house.store, write, unanswered)
        with pytest.raises(type(fault)):
            await end(house, claims)
    await soon(house)
    house.app.tokens.check_holds(claims)
    for commit in asked:  # later than the first look
        await commit()
    house.clock.advance(2 * AGAIN_S)
    await house.settle()
    with pytest.raises(TokenRefused):
        house.app.tokens.check_holds(claims)


async def log_out_kept_in_part(house: House, claims: Claims, monkeypatch: pytest.MonkeyPatch, *, kept: int) -> None:
    """So many of its writes are kept, and the answer to the last of them is lost."""
    writes, revoke_token = 0, house.store.revoke_token

    async def loses_answers(*given: Any) -> None:
        nonlocal writes
        writes += 1
        await revoke_token(*given)
        if writes == kept:
            raise StoreUnavailable("The answer was lost.")

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "revoke_token", loses_answers)
        with pytest.raises(StoreUnavailable):
            await log_out(house, claims)


@pytest.mark.parametrize("kept", [1, 2], ids=["the first write is kept", "both are"])
async def test_log_out_that_is_kept_in_part_ends_the_other_tokens_of_its_sign_in(
    house: House, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    """Its caller is told to try again, and by then the token holds no more."""
    claims = await log_in(house, ANN)
    other = house.app.tokens.verify((await house.app.accounts.refresh(claims)).token)
    await log_out_kept_in_part(house, claims, monkeypatch, kept=kept)
    await soon(house)
    for each in (claims, other):
        with pytest.raises(TokenRefused):
            house.app.tokens.check_holds(each)


async def listed(house: House, claims: Claims) -> list[str]:
    """Ids of the sign-ins that a user sees."""
    return [each.id for each in (await house.app.sign_ins.overview(claims)).sign_ins]


@pytest.mark.parametrize("kept", [1, 2], ids=["the first write is kept", "both are"])
async def test_sign_in_whose_log_out_was_kept_in_part_is_listed_no_more(
    house: House, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    lost, here = await log_in(house, ANN), await log_in(house, ANN)
    await log_out_kept_in_part(house, lost, monkeypatch, kept=kept)
    assert lost.sign_in_id in await listed(house, here)  # nobody knows yet
    await soon(house)
    assert await listed(house, here) == [here.sign_in_id]


@pytest.mark.parametrize("end", [log_out, end_all], ids=lambda end: end.__name__)
async def test_end_of_a_sign_in_needs_no_other_try_though_the_database_is_away_for_the_last_write(
    house: House, monkeypatch: pytest.MonkeyPatch, end: Any
) -> None:
    """It holds on no node any more, so that another try would be refused."""
    claims = await log_in(house, ANN)

    async def away(*_: Any) -> bool:
        raise StoreUnavailable("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "delete_sign_in", away)
        await end(house, claims)
    with pytest.raises(TokenRefused):
        house.app.tokens.check_holds(claims)
    await house.settle()
    assert await house.store.sign_ins(ANN.id, house.clock.utc_now()) == []
