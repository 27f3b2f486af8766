"""A password that was kept though the database did not say so: whoever tries again is not told that theirs is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from lobby_server.core.refusal import RefusalCode, TokenRefused
from lobby_server.service.accounts.doubts import KEPT_S, MOST, PasswordsInDoubt
from lobby_server.service.accounts.hashing import Asker
from lobby_server.service.auth import Claims
from lobby_server.service.ports import StoreUnavailable
from tests.service.accounts.test_links import (
    HERE,
    NEW_PASSWORD,
    account_of_now,
    away_after_a_commit,
    code_of,
    reset_link,
)
from tests.service.accounts.test_revocations import soon
from tests.service.accounts.test_upkeep import PASSWORD, Plain, account_of, log_in
from tests.service.house import ANN, House

OTHER = "yet another password"


@pytest.fixture
async def house(house: House) -> House:
    passwords: Any = Plain()
    house.app.accounts._passwords = passwords
    await account_of(house, ANN)
    return house


def change(house: House, claims: Claims, current: str, new: str) -> Awaitable[None]:
    return house.app.upkeep.change_password(claims, current=current, new=new, asker=Asker(HERE))


def reset(house: House, link: str, new: str) -> Awaitable[Any]:
    return house.app.upkeep.reset(token=link, new=new, asker=Asker(HERE), client="")


def lose_answer(house: House, patch: pytest.MonkeyPatch, fault: BaseException, *, is_kept: bool = True) -> None:
    """The next password is kept, or is not, and the database does not say so."""
    write = house.store.replace_password_hash

    async def unanswered(*given: Any, **named: Any) -> bool:
        if is_kept:
            await write(*given, **named)
        raise fault

    patch.setattr(house.store, "replace_password_hash", unanswered)


async def in_doubt(house: House, monkeypatch: pytest.MonkeyPatch, call: Callable[[], Awaitable[Any]]) -> None:
    """A call by which Ann gets the new password, though it is told that the database is away."""
    with monkeypatch.context() as patch:
        lose_answer(house, patch, StoreUnavailable("The answer was lost."))
        patch.setattr(house.store, "account", away_after_a_commit(house))
        with pytest.raises(StoreUnavailable):
            await call()
    assert (await account_of_now(house)).password_hash == NEW_PASSWORD


async def test_password_that_was_kept_is_answered_so_once_the_database_is_asked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, claims = await log_in(house, ANN), await log_in(house, ANN)
    with monkeypatch.context() as patch:
        lose_answer(house, patch, StoreUnavailable("The answer was lost."))
        await change(house, claims, PASSWORD, NEW_PASSWORD)
    house.app.tokens.check_holds(claims)
    with pytest.raises(TokenRefused):
        house.app.tokens.check_holds(elsewhere)


@pytest.mark.parametrize("is_kept", [True, False])
async def test_second_try_after_a_lost_answer_succeeds(
    house: House, monkeypatch: pytest.MonkeyPatch, *, is_kept: bool
) -> None:
    elsewhere, claims = await log_in(house, ANN), await log_in(house, ANN)
    if is_kept:
        await in_doubt(house, monkeypatch, lambda: change(house, claims, PASSWORD, NEW_PASSWORD))
    else:
        with monkeypatch.context() as patch:
            lose_answer(house, patch, StoreUnavailable("The database is away."), is_kept=False)
            with pytest.raises(StoreUnavailable):
                await change(house, claims, PASSWORD, NEW_PASSWORD)
    for _ in range(2 if is_kept else 1):
        await change(house, claims, PASSWORD, NEW_PASSWORD)
    assert (await account_of_now(house)).password_hash == NEW_PASSWORD
    await soon(house)
    await soon(house)
    house.app.tokens.check_holds(claims)
    with pytest.raises(TokenRefused):
        house.app.tokens.check_holds(elsewhere)


async def test_second_try_that_overtakes_the_commit_of_the_first_succeeds(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first has another hash of the same password: only the commit that comes first replaces the old one."""
    claims, write = await log_in(house, ANN), house.store.replace_password_hash
    with monkeypatch.context() as patch:
        lose_answer(house, patch, StoreUnavailable("The answer was lost."), is_kept=False)
        with pytest.raises(StoreUnavailable):
            await change(house, claims, PASSWORD, NEW_PASSWORD)

    async def overtaken(user_id: int, known: str, fresh: str, **named: Any) -> bool:
        assert await write(user_id, known, NEW_PASSWORD)
        return await write(user_id, known, fresh, **named)

    monkeypatch.setattr(house.store, "replace_password_hash", overtaken)
    await change(house, claims, PASSWORD, NEW_PASSWORD)


async def test_caller_who_was_gone_before_the_answer_may_try_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = await log_in(house, ANN)
    with monkeypatch.context() as patch:
        lose_answer(house, patch, asyncio.CancelledError())
        with pytest.raises(asyncio.CancelledError):
            await change(house, claims, PASSWORD, NEW_PASSWORD)
    await change(house, claims, PASSWORD, NEW_PASSWORD)


@pytest.mark.parametrize(
    ("current", "new"), [(OTHER, NEW_PASSWORD), (PASSWORD, OTHER), (PASSWORD, PASSWORD), (OTHER, OTHER)]
)
async def test_neither_the_old_password_nor_the_new_one_is_enough_for_the_second_try(
    house: House, monkeypatch: pytest.MonkeyPatch, current: str, new: str
) -> None:
    claims = await log_in(house, ANN)
    await in_doubt(house, monkeypatch, lambda: change(house, claims, PASSWORD, NEW_PASSWORD))
    assert await code_of(change(house, claims, current, new)) is RefusalCode.INVALID_CREDENTIALS
    assert (await account_of_now(house)).password_hash == NEW_PASSWORD


async def test_password_that_was_in_doubt_is_replaced_like_any_other_and_the_one_before_is_worth_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = await log_in(house, ANN)
    await in_doubt(house, monkeypatch, lambda: change(house, claims, PASSWORD, NEW_PASSWORD))
    await change(house, claims, NEW_PASSWORD, OTHER)
    assert await code_of(change(house, claims, PASSWORD, NEW_PASSWORD)) is RefusalCode.INVALID_CREDENTIALS
    assert await code_of(change(house, claims, PASSWORD, OTHER)) is RefusalCode.INVALID_CREDENTIALS


async def test_wrong_password_takes_one_hash_where_nothing_is_in_doubt(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it does not take longer when the new one that comes with it happens to be the password."""
    claims, passwords, tried = await log_in(house, ANN), house.app.accounts._passwords, list[str]()
    matches = passwords.matches
    monkeypatch.setattr(passwords, "matches", lambda known, typed: tried.append(typed) or matches(known, typed))
    assert await code_of(change(house, claims, OTHER, PASSWORD)) is RefusalCode.INVALID_CREDENTIALS
    assert tried == [OTHER]


async def test_second_try_of_a_reset_link_after_a_lost_answer_logs_in(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = reset_link(house, await account_of(house, ANN))
    await in_doubt(house, monkeypatch, lambda: reset(house, link, NEW_PASSWORD))
    assert await code_of(reset(house, link, OTHER)) is RefusalCode.RESET_LINK_INVALID
    assert (await reset(house, link, NEW_PASSWORD)).user.username == ANN.username
    assert (await account_of_now(house)).password_hash == NEW_PASSWORD


async def test_reset_link_that_was_answered_works_once(house: House) -> None:
    link = reset_link(house, await account_of(house, ANN))
    await reset(house, link, NEW_PASSWORD)
    assert await code_of(reset(house, link, NEW_PASSWORD)) is RefusalCode.RESET_LINK_INVALID


async def test_doubt_is_forgotten_after_an_hour_and_the_oldest_of_many_first(house: House) -> None:
    account = await account_of(house, ANN)
    doubts = PasswordsInDoubt(clock=house.clock)
    for number in range(MOST + 1):
        doubts.note(account, f"hash {number}")
    assert len(doubts) == MOST
    before = [doubts.before(with_hash(account, f"hash {number}")) for number in (0, 1, MOST)]
    assert before == [None, account, account]
    house.clock.advance(KEPT_S)
    assert doubts.before(with_hash(account, f"hash {MOST}")) is None
    doubts.note(account, "another one")
    assert len(doubts) == 1


def with_hash(account: Any, password_hash: str) -> Any:
    return replace(account, password_hash=password_hash)
