"""What becomes of an account and its sign-ins while others are at work, and while the log takes nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode, TokenRefused
from lobby_server.protocol.requests import Whom
from lobby_server.service.accounts.hashing import Asker
from lobby_server.service.auth import Claims, revocation_key
from lobby_server.service.ports import Account
from tests.service.house import ANN, BOB, CLEO, House

PASSWORD = "correct horse battery"


class Plain:
    """Passwords that are their own hashes."""

    def hash(self, password: str) -> str:
        return password

    def matches(self, password_hash: str | None, password: str) -> bool:
        return password_hash == password

    def is_outdated(self, password_hash: str) -> bool:
        return False


@pytest.fixture
def house(house: House) -> House:
    passwords: Any = Plain()
    house.app.accounts._passwords = passwords
    return house


async def account_of(house: House, user: User) -> Account:
    account = await house.store.account(user.id)
    assert account is not None
    if account.password_hash != PASSWORD:
        assert await house.store.replace_password_hash(user.id, account.password_hash, PASSWORD)
    account = await house.store.account(user.id)
    assert account is not None
    return account


async def log_in(house: House, user: User) -> Claims:
    token = await house.app.sign_ins.begin(await account_of(house, user), client="")
    return house.app.tokens.verify(token)


async def delete(house: House, claims: Claims) -> None:
    await house.app.upkeep.delete(claims, password=PASSWORD, asker=Asker("127.0.0.1"))


async def befriend(house: House, one: User, other: User) -> None:
    await house.app.social.friends.ask(one, Whom(other.id))
    await house.app.social.friends.ask(other, Whom(one.id))


async def test_friend_who_ends_the_friendship_during_a_deletion_does_not_stop_it(house: House) -> None:
    claims = await log_in(house, ANN)
    for friend in (BOB, CLEO):
        await befriend(house, ANN, friend)
    original, ending = house.store.delete_friendship, list[asyncio.Future[None]]()

    async def delete_friendship(one_id: int, other_id: int) -> None:
        if not ending:  # waits for the gate, which the deletion holds for one friend at a time
            ending.append(asyncio.ensure_future(house.app.social.friends.remove(CLEO, ANN.id)))
            await asyncio.sleep(0)
        await original(one_id, other_id)

    house.store.delete_friendship = delete_friendship  # type: ignore[method-assign]
    await delete(house, claims)
    await asyncio.gather(*ending)
    assert await house.store.account(ANN.id) is None
    assert house.app.social.friends.overview(CLEO).count == 0


async def test_what_others_have_of_a_deleted_user_goes_at_once_and_not_with_the_next_start_only(house: House) -> None:
    claims = await log_in(house, ANN)
    await house.app.social.friends.ask(BOB, Whom(ANN.id))
    await house.app.social.blocks.add(ANN, BOB.id)  # hides the request
    await house.app.social.blocks.add(CLEO, ANN.id)
    await delete(house, claims)
    assert house.app.social.friends.overview(BOB).outgoing == []
    assert house.app.social.blocks.overview(CLEO).blocks == []
    assert (await house.store.friend_requests(), await house.store.blocks()) == ([], [])


async def test_friend_request_that_comes_during_a_deletion_goes_as_well(house: House) -> None:
    claims = await log_in(house, ANN)
    original = house.store.delete_account

    async def delete_account(user_id: int, **named: Any) -> bool:
        await house.app.social.friends.ask(BOB, Whom(ANN.id))
        return await original(user_id, **named)

    house.store.delete_account = delete_account  # type: ignore[method-assign]
    await delete(house, claims)
    assert house.app.social.friends.overview(BOB).outgoing == []


async def test_user_who_is_banned_while_the_password_is_checked_keeps_the_account_and_the_ban(house: House) -> None:
    claims = await log_in(house, ANN)
    original, times = house.store.account, 0

    async def account(user_id: int) -> Account | None:
        nonlocal times
        times += 1
        if times == 2:
            house.store.account = original  # type: ignore[method-assign]
            await house.app.administration.ban(BOB, "ann", reason="spam", ends_in_s=None)
        return await original(user_id)

    house.store.account = account  # type: ignore[method-assign]
    with pytest.raises(TokenRefused) as refused:
        await delete(house, claims)
    assert refused.value.code in (RefusalCode.USER_BANNED, RefusalCode.INVALID_TOKEN)
    assert await house.store.account(ANN.id) is not None


async def test_sign_in_that_ended_in_the_store_ends_in_the_log_though_nobody_could_wait_for_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = await log_in(house, ANN)
    append, log = house.app.replica.log.append, house.app.replica.log

    def refuse_once(command: Any, request: Any = None) -> None:
        monkeypatch.setattr(log, "append", append)
        raise Refusal(RefusalCode.TRY_AGAIN_LATER)

    monkeypatch.setattr(log, "append", refuse_once)
    with pytest.raises(Refusal):
        await house.app.sign_ins.end_all(ANN)
    await house.settle()
    with pytest.raises(TokenRefused):
        house.app.tokens.check_holds(claims)


@pytest.mark.parametrize("change", ["change", "reset", "delete"])
async def test_nothing_is_written_of_an_account_while_the_log_takes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    claims, upkeep = await log_in(house, ANN), house.app.upkeep
    link = (await upkeep.reset_link("ann")).token

    def refuse() -> None:
        raise Refusal(RefusalCode.TRY_AGAIN_LATER)

    monkeypatch.setattr(house.app.replica, "check", refuse)
    asker = Asker("127.0.0.1")
    call = {
        "change": lambda: upkeep.change_password(claims, current=PASSWORD, new="another password", asker=asker),
        "reset": lambda: upkeep.reset(token=link, new="another password", asker=asker, client=""),
        "delete": lambda: upkeep.delete(claims, password=PASSWORD, asker=asker),
    }[change]
    before = await house.store.account(ANN.id)
    with pytest.raises(Refusal):
        await call()
    assert await house.store.account(ANN.id) == before
    house.app.tokens.check_holds(claims)


async def test_sign_in_of_a_longer_lifetime_stays_ended_for_as_long_as_its_tokens_last(house: House) -> None:
    claims = await log_in(house, ANN)
    shorter = House(store=house.store, clock=house.clock, token_ttl_s=60)
    await shorter.start()
    await shorter.app.sign_ins.end_all(ANN)
    kept = await house.store.revoked_tokens(house.app.sign_ins._clock.utc_now())
    assert claims.sign_in_id is not None
    assert kept[revocation_key(claims.sign_in_id)].timestamp() >= claims.expires_at_s
    assert kept[revocation_key(claims.sign_in_id)] > house.app.sign_ins._clock.utc_now() + timedelta(days=1)
    await shorter.stop()


async def test_sign_in_that_is_refused_by_the_log_keeps_no_other_from_ending(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a password was changed: who knew the old one may have any of them."""
    for _ in range(3):
        await log_in(house, ANN)
    ids = [each.id for each in await house.store.sign_ins(ANN.id, house.app.sign_ins._clock.utc_now())]
    append, log = house.app.replica.log.append, house.app.replica.log

    def refuse_once(command: Any, request: Any = None) -> None:
        monkeypatch.setattr(log, "append", append)
        raise Refusal(RefusalCode.TRY_AGAIN_LATER)

    monkeypatch.setattr(log, "append", refuse_once)
    with pytest.raises(Refusal):
        await house.app.sign_ins.end_all(ANN)
    revoked = await house.store.revoked_tokens(house.app.sign_ins._clock.utc_now())
    assert {revocation_key(each) for each in ids} <= set(revoked)


async def test_deletion_that_the_log_refuses_once_the_account_is_gone_is_made_up_for_by_itself(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = await log_in(house, ANN)
    await befriend(house, ANN, BOB)
    await house.app.social.blocks.add(CLEO, ANN.id)
    await house.settle()
    append, log = house.app.replica.log.append, house.app.replica.log

    def refuse_once(command: Any, request: Any = None) -> None:
        monkeypatch.setattr(log, "append", append)
        raise Refusal(RefusalCode.TRY_AGAIN_LATER)

    monkeypatch.setattr(log, "append", refuse_once)
    with pytest.raises(Refusal):
        await delete(house, claims)
    await house.settle()
    assert await house.store.account(ANN.id) is None
    with pytest.raises(TokenRefused):
        house.app.tokens.check_holds(claims)
    assert house.app.social.blocks.overview(CLEO).blocks == []
    assert house.app.social.friends.overview(BOB).count == 0
