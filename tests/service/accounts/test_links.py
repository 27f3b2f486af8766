"""A link of a mail names the account as it was: it holds no more when that changes while the call by it waits. And what
becomes of another password when the nodes do not hear of the sign-ins that it ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lobby_server.core.refusal import Refusal, RefusalCode, TokenRefused
from lobby_server.service.accounts.hashing import Asker
from lobby_server.service.accounts.upkeep import fingerprint_of
from lobby_server.service.ports import Account, StoreUnavailable
from tests.service.accounts.test_revocations import soon
from tests.service.accounts.test_upkeep import PASSWORD, Plain, account_of, log_in
from tests.service.house import ANN, House
from tests.service.social.test_ties import log_takes_nothing

HERE, OLD, NEW, THIEF = "127.0.0.1", "old@example.org", "new@example.org", "thief@example.org"
NEW_PASSWORD = "another good password"


@pytest.fixture
async def house(house: House) -> House:
    """Ann's account has the address that she had first."""
    passwords: Any = Plain()
    house.app.accounts._passwords = passwords
    await account_of(house, ANN)
    await house.store.set_email(ANN.id, OLD)
    return house


def link_to(house: House, account: Account, email: str) -> str:
    """What a mail to an address brings."""
    ends_s = house.clock.utc_now().timestamp() + 600.0
    return house.app.tokens.issue_email(account.id, email, fingerprint_of(account), expires_at_s=ends_s)


def reset_link(house: House, account: Account) -> str:
    ends_s = house.clock.utc_now().timestamp() + 600.0
    return house.app.tokens.issue_reset(account.id, fingerprint_of(account), expires_at_s=ends_s)


async def changed_by_link(house: House) -> None:
    link = reset_link(house, await account_of(house, ANN))
    await house.app.upkeep.reset(token=link, new=NEW_PASSWORD, asker=Asker(HERE), client="")


async def changed_by_hand(house: House) -> None:
    claims = await log_in(house, ANN)
    await house.app.upkeep.change_password(claims, current=PASSWORD, new=NEW_PASSWORD, asker=Asker(HERE))
    house.app.tokens.check_holds(claims)


async def account_of_now(house: House) -> Account:
    account = await house.store.account(ANN.id)
    assert account is not None
    return account


async def code_of(call: Awaitable[Any]) -> RefusalCode:
    with pytest.raises(Refusal) as refused:
        await call
    return refused.value.code


def once_read(house: House, monkeypatch: pytest.MonkeyPatch, act: Callable[[], Awaitable[Any]]) -> None:
    """Do something as the account has been read for the next time."""
    read = house.store.account

    async def account(user_id: int) -> Account | None:
        found = await read(user_id)
        monkeypatch.setattr(house.store, "account", read)
        await act()
        return found

    monkeypatch.setattr(house.store, "account", account)


async def test_address_is_not_confirmed_when_the_password_is_changed_meanwhile(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = link_to(house, await account_of(house, ANN), THIEF)
    once_read(house, monkeypatch, lambda: house.store.replace_password_hash(ANN.id, PASSWORD, NEW_PASSWORD))
    assert await code_of(house.app.mailing.confirm(link)) is RefusalCode.EMAIL_LINK_INVALID
    account = await house.store.account(ANN.id)
    assert account is not None
    assert (account.email, account.password_hash) == (OLD, NEW_PASSWORD)


async def test_of_two_links_that_are_followed_at_once_the_second_is_over(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await account_of(house, ANN)
    first, second = link_to(house, account, NEW), link_to(house, account, THIEF)
    once_read(house, monkeypatch, lambda: house.app.mailing.confirm(first))
    assert await code_of(house.app.mailing.confirm(second)) is RefusalCode.EMAIL_LINK_INVALID
    assert (await account_of(house, ANN)).email == NEW


async def test_one_link_that_is_followed_twice_at_once_confirms_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = link_to(house, await account_of(house, ANN), NEW)
    once_read(house, monkeypatch, lambda: house.app.mailing.confirm(link))
    assert (await house.app.mailing.confirm(link)).email == NEW
    assert (await account_of(house, ANN)).email_confirmed


async def test_reset_link_is_over_when_its_address_is_taken_away_while_the_password_is_hashed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = reset_link(house, await account_of(house, ANN))
    run = house.app.accounts._hashing.run

    async def slowly(call: Callable[[], Any], asker: Asker) -> Any:
        found = await run(call, asker)
        await house.store.set_email(ANN.id, NEW)
        return found

    monkeypatch.setattr(house.app.accounts._hashing, "run", slowly)
    changing = house.app.upkeep.reset(token=link, new=NEW_PASSWORD, asker=Asker(HERE), client="")
    assert await code_of(changing) is RefusalCode.RESET_LINK_INVALID
    assert (await account_of(house, ANN)).password_hash == PASSWORD


@pytest.mark.parametrize("change", [changed_by_link, changed_by_hand], ids=lambda change: change.__name__)
async def test_password_that_is_another_one_is_no_failure_though_the_nodes_hear_late_of_the_sign_ins(
    house: House, change: Callable[[House], Awaitable[None]]
) -> None:
    elsewhere = await log_in(house, ANN)
    with log_takes_nothing(house):
        await change(house)
        with pytest.raises(TokenRefused):
            await house.app.sign_ins.renew(elsewhere)
    account = await house.store.account(ANN.id)
    assert account is not None
    assert account.password_hash == NEW_PASSWORD
    house.app.tokens.check_holds(elsewhere)
    await soon(house)
    with pytest.raises(TokenRefused):
        house.app.tokens.check_holds(elsewhere)


@pytest.mark.parametrize("change", [changed_by_link, changed_by_hand], ids=lambda change: change.__name__)
async def test_sign_ins_end_with_the_password_though_the_database_is_away_for_what_comes_next(
    house: House, monkeypatch: pytest.MonkeyPatch, change: Callable[[House], Awaitable[None]]
) -> None:
    elsewhere = await log_in(house, ANN)

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("The database is away.")

    with monkeypatch.context() as patched:
        for call in ("sign_ins", "revoke_token", "delete_sign_in"):
            patched.setattr(house.store, call, away)
        await change(house)
    await soon(house)
    assert (await account_of_now(house)).password_hash == NEW_PASSWORD
    with pytest.raises(TokenRefused):
        await house.app.sign_ins.renew(elsewhere)
    assert elsewhere.sign_in_id not in {each.id for each in await house.store.sign_ins(ANN.id, house.clock.utc_now())}


def away_after_a_commit(house: House) -> Callable[[int], Awaitable[Account | None]]:
    """`Store.account`, until Ann's password is another one."""
    read = house.store.account

    async def account(user_id: int) -> Account | None:
        found = await read(user_id)
        if found is not None and found.password_hash.startswith(NEW_PASSWORD):  # salted or not
            raise StoreUnavailable("The database is away.")
        return found

    return account


async def test_sign_ins_end_with_a_password_of_which_the_database_does_not_say_that_it_is_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, kept = await log_in(house, ANN), house.store.replace_password_hash

    async def unanswered(*given: Any, **named: Any) -> bool:
        await kept(*given, **named)
        raise StoreUnavailable("The answer was lost.")

    with monkeypatch.context() as patched:
        patched.setattr(house.store, "replace_password_hash", unanswered)
        patched.setattr(house.store, "account", away_after_a_commit(house))
        with pytest.raises(StoreUnavailable):
            await changed_by_hand(house)
    await soon(house)
    await soon(house)
    with pytest.raises(TokenRefused):
        house.app.tokens.check_holds(elsewhere)
