"""Log-ins that come in the very moments in which a user is deleted, banned, or gets another password: whichever call is
at which step, no token holds after the answer that should not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.store.postgres import Postgres
from tests.web.api.test_upkeep import OTHER, PASSWORD, admin_of, cheap_hashes, holds, log_in, register
from tests.web.conftest import Answer, Client, Lobby, StartLobby

__all__ = ["cheap_hashes"]

MANY = 20
End = Callable[[Lobby, str, str], Awaitable[Answer]]
"""Ends what tokens a user has but that one: the lobby, its user's name, the token that is shown."""


async def delete(lobby: Lobby, username: str, token: str) -> Answer:
    return await lobby.call("POST", "/api/account/delete", {"password": PASSWORD}, token=token)


async def change_password(lobby: Lobby, username: str, token: str) -> Answer:
    body = {"current_password": PASSWORD, "new_password": OTHER}
    return await lobby.call("POST", "/api/auth/password", body, token=token)


async def ban(lobby: Lobby, username: str, token: str) -> Answer:
    body = {"username": username, "reason": "spam"}
    return await lobby.call("POST", "/api/admin/bans", body, token=admin_of(lobby))


@pytest.fixture(params=["sqlite", "postgresql"])
async def lobby(request: pytest.FixtureRequest, start_lobby: StartLobby) -> Lobby:
    kept: dict[str, Any] = {}
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        kept["database_url"] = postgres.url(await postgres.database_without_rows())
    started: Lobby = await start_lobby(auth_rate_per_min=0.0, **kept)
    return started


Step = tuple[str, int, bool]
"""A method of the store, which call of it, counted from 1, and whether that has been made."""


def during(lobby: Lobby, step: Step, act: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Do something while another call is at that step. What is returned ends the watch."""
    store, (name, time, is_after) = lobby.server.app.store, step
    original, times = getattr(store, name), 0

    async def watched(*args: Any, **named: Any) -> Any:
        nonlocal times
        times += 1
        is_now = times == time
        if is_now and not is_after:
            await act()
        result = await original(*args, **named)
        if is_now and is_after:
            await act()
        return result

    setattr(store, name, watched)
    return lambda: setattr(store, name, original)


@dataclass
class Newcomer:
    """A log-in, and a socket with its token."""

    lobby: Lobby
    username: str
    has_come: bool = False
    token: str | None = None
    socket: Client | None = None

    async def come(self) -> None:
        self.has_come = True
        answer = await log_in(self.lobby, self.username)
        if answer.status == 200:
            self.token = answer.body["token"]
            socket = await self.lobby.connect()
            if (await socket.handshake(self.token))["type"] == "handshake_accepted":
                self.socket = socket

    async def is_in(self) -> bool:
        """Whether what it got is worth anything, on either way in."""
        if self.token is None:
            return False
        reply = await (await self.lobby.connect()).handshake(self.token)
        if await holds(self.lobby, self.token) or reply["data"] != {"reason": "invalid_token"}:
            return True
        return self.socket is not None and await self.socket.closed() not in (4502, 4503)


ENDS: dict[End, tuple[tuple[str, int], ...]] = {
    delete: (("account", 1), ("account", 2), ("delete_account", 1)),
    ban: (("account_by_login", 1), ("keep_user_ban", 1), ("sign_ins", 1), ("delete_sign_in", 1)),
    change_password: (("account", 1), ("account", 2), ("replace_password_hash", 1)),
}
"""Which calls of the store each makes."""
LOG_IN = (("account_by_login", 1), ("account", 1), ("add_sign_in", 1), ("account", 2))
NAMES = [f"user_{letter}x" for letter in "abcdefghjk"]
"""None of which looks like another one."""
either_end = pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)


def steps(calls: tuple[tuple[str, int], ...]) -> list[tuple[str, Step]]:
    """Before and after each call, with the name of a user for each."""
    found = [(name, time, is_after) for name, time in calls for is_after in (False, True)]
    assert len(found) <= len(NAMES), "a step without a name would not be tried"
    return list(zip(NAMES, found, strict=False))


@either_end
async def test_log_in_while_a_user_is_put_out_leaves_no_token_that_holds(lobby: Lobby, end: End) -> None:
    let_through = []
    for username, step in steps(ENDS[end]):
        here = (await register(lobby, username))["token"]
        newcomer = Newcomer(lobby, username)
        stop_watching = during(lobby, step, newcomer.come)
        answer = await end(lobby, username, here)
        stop_watching()
        assert (answer.status in (200, 201), newcomer.has_come) == (True, True), (step, answer.body)
        if await newcomer.is_in():
            let_through.append(step)
    assert let_through == []


@either_end
async def test_user_who_is_put_out_during_a_log_in_gets_no_token_that_holds(lobby: Lobby, end: End) -> None:
    let_through = []
    for username, step in steps(LOG_IN):
        here = (await register(lobby, username))["token"]
        statuses: list[int] = []

        async def put_out(username: str = username, here: str = here, statuses: list[int] = statuses) -> None:
            statuses.append((await end(lobby, username, here)).status)

        newcomer = Newcomer(lobby, username)
        stop_watching = during(lobby, step, put_out)
        await newcomer.come()
        stop_watching()
        assert statuses in ([200], [201]), step
        if await newcomer.is_in():
            let_through.append(step)
    assert let_through == []


async def test_log_in_of_a_user_who_is_banned_meanwhile_says_so(lobby: Lobby) -> None:
    made = await register(lobby, "ann")

    async def put_out() -> None:
        assert (await ban(lobby, "ann", made["token"])).status == 201

    stop_watching = during(lobby, ("add_sign_in", 1, True), put_out)
    refused = await log_in(lobby, "ann")
    assert (refused.status, refused.body["code"]) == (403, "user_banned")
    stop_watching()
    app = lobby.server.app
    assert await app.store.sign_ins(made["user"]["id"], app.clock.utc_now()) == []


async def test_account_that_is_deleted_many_times_at_once_is_deleted_once(lobby: Lobby) -> None:
    here = (await register(lobby, "ann"))["token"]
    answers = await asyncio.gather(*(delete(lobby, "ann", here) for _ in range(MANY)))
    refused = [(answer.status, answer.body["code"]) for answer in answers if answer.status != 200]
    assert refused == [(403, "invalid_token")] * (MANY - 1)


@pytest.mark.parametrize("end", [delete, change_password], ids=lambda end: end.__name__)
async def test_token_that_is_signed_out_while_its_password_is_checked_changes_nothing(lobby: Lobby, end: End) -> None:
    here = (await register(lobby, "ann"))["token"]
    there = (await log_in(lobby, "ann")).body["token"]

    async def sign_out() -> None:
        assert (await lobby.call("DELETE", "/api/auth/sign-ins", token=there)).status == 200

    stop_watching = during(lobby, ("account", 2, True), sign_out)
    refused = await end(lobby, "ann", here)
    stop_watching()
    assert (refused.status, refused.body["code"]) == (403, "invalid_token")
    assert (await log_in(lobby, "ann")).status == 200


async def test_refresh_of_a_token_that_is_signed_out_meanwhile_is_refused(lobby: Lobby) -> None:
    here = (await register(lobby, "ann"))["token"]
    there = (await log_in(lobby, "ann")).body["token"]

    async def sign_out() -> None:
        assert (await lobby.call("DELETE", "/api/auth/sign-ins", token=there)).status == 200

    stop_watching = during(lobby, ("renew_sign_in", 1, True), sign_out)
    refused = await lobby.call("POST", "/api/auth/refresh", token=here)
    stop_watching()
    assert (refused.status, refused.body["code"]) == (403, "invalid_token")


async def test_token_of_no_sign_in_goes_with_the_account_over_a_restart_too(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(auth_rate_per_min=0.0)
    here = (await register(lobby, "ann"))["token"]
    outside, stranger = lobby.token(1, "ann"), lobby.token(1, "ann of elsewhere")
    socket = await lobby.connect(outside)
    assert (await delete(lobby, "ann", here)).status == 200
    assert await socket.closed() == 4502
    assert [await holds(lobby, token) for token in (here, outside, stranger)] == [False, False, True]
    data_dir = lobby.server.settings.data_dir
    await lobby.server.drain()
    lobby = await start_lobby(auth_rate_per_min=0.0, data_dir=data_dir)
    assert [await holds(lobby, token) for token in (here, outside, stranger)] == [False, False, True]
