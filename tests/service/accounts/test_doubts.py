"""A password that was kept though the database did not say so: whoever tries again is not told that theirs is wrong."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from lobby_server.core.refusal import RefusalCode, TokenRefused
from lobby_server.service.accounts.doubts import KEPT_S, MOST, PasswordsInDoubt
from lobby_server.service.accounts.hashing import Asker
from lobby_server.service.accounts.revocations import LONGEST_PAUSE_S
from lobby_server.service.auth import Claims
from lobby_server.service.ports import StoreUnavailable
from lobby_server.service.writes.look import AGAIN_S
from tests.service.accounts.test_links import (
    HERE,
    NEW_PASSWORD,
    account_of_now,
    away_after_a_commit,
    code_of,
    reset_link,
)
from tests.service.accounts.test_revocations import soon
from tests.service.accounts.test_upkeep import PASSWORD, account_of, log_in
from tests.service.house import ANN, House

OTHER = "yet another password"
SALT = " salted "


class Salted:
    """Passwords with a number behind them: no two hashes are equal, be it of one password."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def hash(self, password: str) -> str:
        return f"{password}{SALT}{next(self._numbers)}"

    def matches(self, password_hash: str | None, password: str) -> bool:
        return password_of(password_hash) == password

    def is_outdated(self, password_hash: str) -> bool:
        return False


def password_of(password_hash: str | None) -> str | None:
    return None if password_hash is None else password_hash.partition(SALT)[0]


async def password_of_now(house: House) -> str | None:
    return password_of((await account_of_now(house)).password_hash)


@pytest.fixture
async def house(house: House) -> House:
    passwords: Any = Salted()
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


def raising(fault: BaseException) -> Callable[..., Awaitable[Any]]:
    async def call(*_: Any, **__: Any) -> Any:
        raise fault

    return call


async def in_doubt(house: House, monkeypatch: pytest.MonkeyPatch, call: Callable[[], Awaitable[Any]]) -> None:
    """A call by which Ann gets the new password, though it is told that the database is away."""
    with monkeypatch.context() as patch:
        lose_answer(house, patch, StoreUnavailable("The answer was lost."))
        patch.setattr(house.store, "account", away_after_a_commit(house))
        with pytest.raises(StoreUnavailable):
            await call()
    assert await password_of_now(house) == NEW_PASSWORD


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
    assert await password_of_now(house) == NEW_PASSWORD
    await soon(house)
    await soon(house)
    house.app.tokens.check_holds(claims)
    with pytest.raises(TokenRefused):
        house.app.tokens.check_holds(elsewhere)


class Late:
    """A password that is on its way into the store, while its caller was told that the database is away."""

    def __init__(self, house: House) -> None:
        self.write = house.store.replace_password_hash
        self.asked: tuple[tuple[Any, ...], dict[str, Any]] | None = None

    async def ask(self, *given: Any, **named: Any) -> bool:
        """In place of `Store.replace_password_hash`."""
        self.asked = given, named
        raise StoreUnavailable("The answer was lost.")

    async def commit(self) -> None:
        assert self.asked is not None
        given, named = self.asked
        assert await self.write(*given, **named)


async def late(house: House, monkeypatch: pytest.MonkeyPatch, call: Callable[[], Awaitable[Any]]) -> Late:
    """A call by which Ann gets the new password later than the first look finds what has ended."""
    found = Late(house)
    with monkeypatch.context() as patch:
        patch.setattr(house.store, "replace_password_hash", found.ask)
        with pytest.raises(StoreUnavailable):
            await call()
    await soon(house)
    return found


def tries(house: House, way: str, claims: Claims, link: str) -> Callable[[], Awaitable[Any]]:
    """One call, to be made as often as it takes."""
    if way == "reset":
        return lambda: reset(house, link, NEW_PASSWORD)
    return lambda: change(house, claims, PASSWORD, NEW_PASSWORD)


@pytest.mark.parametrize("is_overtaken", [True, False], ids=["during the second try", "before the second try"])
@pytest.mark.parametrize("way", ["change", "reset"])
async def test_second_try_after_a_late_commit_of_the_first_is_answered_once_all_other_sign_ins_have_ended(
    house: House, monkeypatch: pytest.MonkeyPatch, way: str, *, is_overtaken: bool
) -> None:
    """The first has another hash of the same password: only the commit that comes first replaces the old one."""
    link = reset_link(house, await account_of(house, ANN))
    elsewhere, claims = await log_in(house, ANN), await log_in(house, ANN)
    call = tries(house, way, claims, link)
    first = await late(house, monkeypatch, call)

    async def overtaken(*given: Any, **named: Any) -> bool:
        await first.commit()
        return await first.write(*given, **named)

    if is_overtaken:
        monkeypatch.setattr(house.store, "replace_password_hash", overtaken)
    else:
        await first.commit()
    house.app.tokens.check_holds(elsewhere)
    await call()
    with pytest.raises(TokenRefused):
        house.app.tokens.check_holds(elsewhere)
    if way == "change":
        house.app.tokens.check_holds(claims)


async def test_sign_ins_end_with_a_password_that_is_kept_late_though_nobody_tries_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, claims = await log_in(house, ANN), await log_in(house, ANN)
    first = await late(house, monkeypatch, lambda: change(house, claims, PASSWORD, NEW_PASSWORD))
    house.clock.advance(20.0)
    await first.commit()
    house.clock.advance(LONGEST_PAUSE_S)
    await house.settle()
    house.app.tokens.check_holds(claims)
    with pytest.raises(TokenRefused):
        house.app.tokens.check_holds(elsewhere)


async def test_looks_for_a_late_commit_begin_anew_with_the_next_one_and_end(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = list[float]()
    monkeypatch.setattr(house.app.revocations, "look_again", lambda: looks.append(house.clock.monotonic_s() - begun_s))
    begun_s = house.clock.monotonic_s()
    for _ in range(3):  # calls in quick succession put nothing off
        house.app.revocations.look_soon()
        house.clock.advance(AGAIN_S / 4)
    house.clock.advance(4.0)
    house.app.revocations.look_soon()
    house.clock.advance(600.0)
    assert looks == [1.0, 3.0, 5.75, 7.75, 11.75, 19.75, 35.75, 67.75]


@pytest.mark.parametrize(
    ("way", "code"), [("change", RefusalCode.INVALID_CREDENTIALS), ("reset", RefusalCode.RESET_LINK_INVALID)]
)
async def test_second_try_is_refused_when_the_password_becomes_another_one_while_it_waits_for_its_last_hash(
    house: House, monkeypatch: pytest.MonkeyPatch, way: str, code: RefusalCode
) -> None:
    link = reset_link(house, await account_of(house, ANN))
    call = tries(house, way, await log_in(house, ANN), link)
    await in_doubt(house, monkeypatch, call)
    run, known = house.app.accounts._hashing.run, (await account_of_now(house)).password_hash

    async def slowly(check: Any, asker: Asker) -> Any:
        found = await run(check, asker)
        if check.args == (known, NEW_PASSWORD):
            assert await house.store.replace_password_hash(ANN.id, known, OTHER)
        return found

    monkeypatch.setattr(house.app.accounts._hashing, "run", slowly)
    assert await code_of(call()) is code
    assert await password_of_now(house) == OTHER


@pytest.mark.parametrize("fault", [StoreUnavailable("The database is away."), asyncio.CancelledError()], ids=repr)
async def test_reset_link_works_until_the_login_behind_it_is_answered(
    house: House, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    link = reset_link(house, await account_of(house, ANN))
    for _ in range(2):  # the second time it is a login alone
        with monkeypatch.context() as patch:
            patch.setattr(house.store, "add_sign_in", raising(fault))
            with pytest.raises(type(fault)):
                await reset(house, link, NEW_PASSWORD)
    assert await password_of_now(house) == NEW_PASSWORD
    assert await code_of(reset(house, link, OTHER)) is RefusalCode.RESET_LINK_INVALID
    assert (await reset(house, link, NEW_PASSWORD)).user.username == ANN.username


@pytest.mark.parametrize("way", ["change", "reset"])
async def test_caller_who_goes_while_the_nodes_are_told_may_try_again(
    house: House, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    link = reset_link(house, await account_of(house, ANN))
    elsewhere, claims = await log_in(house, ANN), await log_in(house, ANN)
    call = tries(house, way, claims, link)
    with monkeypatch.context() as patch:
        patch.setattr(house.app.revocations, "tell", raising(asyncio.CancelledError()))
        with pytest.raises(asyncio.CancelledError):
            await call()
    await call()
    with pytest.raises(TokenRefused):
        house.app.tokens.check_holds(elsewhere)


async def test_reset_link_works_once_when_the_database_says_at_the_second_asking_that_it_kept_the_password(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = reset_link(house, await account_of(house, ANN))
    with monkeypatch.context() as patch:
        lose_answer(house, patch, StoreUnavailable("The answer was lost."))
        await reset(house, link, NEW_PASSWORD)
    assert await code_of(reset(house, link, NEW_PASSWORD)) is RefusalCode.RESET_LINK_INVALID


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
    assert await password_of_now(house) == NEW_PASSWORD


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
    assert await password_of_now(house) == NEW_PASSWORD


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
