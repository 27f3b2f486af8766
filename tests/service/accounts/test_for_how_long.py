"""For how long a sign-out is remembered: until no token can come back that it ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import jwt
import pytest

from lobby_server.core.machine.commands import RevokeTokens
from lobby_server.core.machine.presence import FORGET_AT_LEAST
from lobby_server.core.presence import User
from lobby_server.core.refusal import TokenRefused
from lobby_server.service.accounts.hashing import Asker
from lobby_server.service.auth import ADMIN_ROLE, Claims
from tests.fakes.clock import VirtualClock
from tests.service.accounts.test_upkeep import PASSWORD, Plain, account_of
from tests.service.house import ANN, SECRET, House

DAY_S = 86_400
WEEK_S, YEAR_S = 7 * DAY_S, 365 * DAY_S


class Lives:
    """A server that is started again with other settings, and time that passes."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def restart(self, *, after_s: float = 0.0, **settings: Any) -> House:
        await self.house.stop()
        clock = VirtualClock()
        clock._start = self.house.clock.utc_now() + timedelta(seconds=after_s)
        self.house = await _started(House(store=self.house.store, clock=clock, **settings))
        return self.house


async def _started(house: House) -> House:
    await house.start()
    passwords: Any = Plain()
    house.app.accounts._passwords = passwords
    return house


@pytest.fixture
async def lives() -> AsyncIterator[Lives]:
    lives = Lives(await _started(House(token_ttl_s=YEAR_S)))
    yield lives
    await lives.house.stop()


async def log_in(house: House) -> str:
    return await house.app.sign_ins.begin(await account_of(house, ANN), client="")


async def delete(house: House, token: str) -> None:
    claims = house.app.tokens.verify(token)
    await house.app.upkeep.delete(claims, password=PASSWORD, asker=Asker("127.0.0.1"))


def holds(house: House, token: str) -> bool:
    try:
        house.app.tokens.verify(token)
    except TokenRefused:
        return False
    return True


def forget_what_has_ended(house: House) -> None:
    """As by and by it is."""
    revoked = house.app.replica.books.revoked
    now_s = house.clock.utc_now().timestamp()
    others = [f"another {number}" for number in range(FORGET_AT_LEAST - len(revoked))]
    house.app.replica.submit(RevokeTokens(tuple((key, now_s + 1.0) for key in others), now_s))
    assert len(revoked) <= FORGET_AT_LEAST


async def test_token_of_a_longer_lifetime_stays_ended_though_a_shorter_one_of_its_sign_in_came_later(
    lives: Lives,
) -> None:
    first = await log_in(lives.house)
    house = await lives.restart(token_ttl_s=DAY_S)
    shorter = await house.app.sign_ins.renew(house.app.tokens.verify(first))
    await house.app.sign_ins.end_all(ANN)
    house = await lives.restart(after_s=2 * WEEK_S, token_ttl_s=DAY_S)
    forget_what_has_ended(house)
    assert (holds(house, first), holds(house, shorter)) == (False, False)


async def test_log_out_by_a_shorter_token_ends_the_longer_one_of_its_sign_in_for_good(lives: Lives) -> None:
    first = await log_in(lives.house)
    house = await lives.restart(token_ttl_s=DAY_S)
    shorter = await house.app.sign_ins.renew(house.app.tokens.verify(first))
    await house.app.sign_ins.log_out(house.app.tokens.verify(shorter))
    house = await lives.restart(after_s=2 * WEEK_S, token_ttl_s=DAY_S)
    forget_what_has_ended(house)
    assert not holds(house, first)


@pytest.mark.parametrize("role", [None, ADMIN_ROLE])
async def test_no_token_of_a_deleted_user_ever_holds_again_whoever_made_it(lives: Lives, role: str | None) -> None:
    long = await log_in(lives.house)
    house = await lives.restart(token_ttl_s=DAY_S)
    ends_s = house.clock.utc_now().timestamp() + 20 * YEAR_S
    made = {"userId": ANN.id, "username": ANN.username, "exp": ends_s, "role": role}
    outside = jwt.encode({key: value for key, value in made.items() if value is not None}, SECRET, "HS256")
    stranger = jwt.encode({**made, "username": "ann of elsewhere", "role": "player"}, SECRET, "HS256")
    await delete(house, await log_in(house))
    for after_s in (0.0, 2 * WEEK_S, 10 * YEAR_S):
        house = await lives.restart(after_s=after_s, token_ttl_s=DAY_S)
        forget_what_has_ended(house)
        assert (holds(house, long), holds(house, outside), holds(house, stranger)) == (False, False, True)


async def test_name_of_a_deleted_user_is_not_kept(lives: Lives) -> None:
    await delete(lives.house, await log_in(lives.house))
    kept = await lives.house.store.revoked_tokens(lives.house.clock.utc_now())
    assert len(kept) == 1
    assert not any(ANN.username in key for key in kept)


async def test_sign_out_of_a_token_is_remembered_for_the_longest_end_that_was_said(lives: Lives) -> None:
    house, user = lives.house, User(900, "outside")
    now_s = house.clock.utc_now().timestamp()
    for ends_s in (now_s + YEAR_S, now_s + DAY_S):
        await house.app.sign_ins.log_out(Claims(user, "one", ends_s))
    assert house.app.replica.books.revoked["one"] == now_s + YEAR_S
    kept = await house.store.revoked_tokens(house.clock.utc_now() + timedelta(days=2))
    assert set(kept) == {"one"}
