"""What becomes of a call about an account that waits for its hash while another one changes the account."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import argon2
import pytest

from lobby_server.service.auth import Passwords
from tests.web.api.test_upkeep import OTHER, PASSWORD, admin_of, cheap_hashes, holds, log_in, register
from tests.web.conftest import PATIENCE_S, Answer, Lobby
from tests.web.websocket.test_socket import wait_until

__all__ = ["cheap_hashes"]

THIRD = "a third good password"


class Held:
    """The first check of a password: it has its result, and tells it only when it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.has_begun, self._may_go_on = threading.Event(), threading.Event()
        original = Passwords.matches

        def matches(passwords: Passwords, password_hash: str | None, password: str) -> bool:
            is_first = not self.has_begun.is_set()
            self.has_begun.set()
            result = original(passwords, password_hash, password)
            if is_first:
                assert self._may_go_on.wait(PATIENCE_S)
            return result

        monkeypatch.setattr(Passwords, "matches", matches)

    async def log_in(self, lobby: Lobby) -> asyncio.Task[Answer]:
        """A log-in with the password as it is now, which waits."""
        task = asyncio.create_task(log_in(lobby, "ann"))
        await wait_until(self.has_begun.is_set)
        return task

    def let_go(self) -> None:
        self._may_go_on.set()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch, lobby: Lobby) -> Held:
    return Held(monkeypatch)


def two_at_once(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Neither of the next two calls ends before the other has begun."""
    both, original, count = threading.Barrier(2), getattr(Passwords, method), iter(range(2))

    def meet(passwords: Passwords, *arguments: Any) -> Any:
        if next(count, None) is not None:
            both.wait(PATIENCE_S)
        return original(passwords, *arguments)

    monkeypatch.setattr(Passwords, method, meet)


async def change_password(lobby: Lobby, token: str, *, new: str) -> Answer:
    body = {"current_password": PASSWORD, "new_password": new}
    return await lobby.call("POST", "/api/auth/password", body, token=token)


async def sign_ins(lobby: Lobby) -> int:
    return len(await lobby.server.app.store.sign_ins(1, lobby.server.app.clock.utc_now()))


async def weaken(lobby: Lobby) -> str:
    """Give the account a hash of its password that a log-in replaces; the hash."""
    store = lobby.server.app.store
    weak = argon2.PasswordHasher(memory_cost=32).hash(PASSWORD)
    assert await store.replace_password_hash(1, (await store.account(1)).password_hash, weak)
    return weak


async def test_log_in_with_a_password_that_is_changed_meanwhile_is_refused(lobby: Lobby, held: Held) -> None:
    here = (await register(lobby, "ann"))["token"]
    waiting = await held.log_in(lobby)
    assert (await change_password(lobby, here, new=OTHER)).status == 200
    held.let_go()
    refused = await waiting
    assert (refused.status, refused.body["code"]) == (401, "invalid_credentials")
    assert await sign_ins(lobby) == 1
    assert await holds(lobby, here)


async def test_log_in_that_renews_a_weak_hash_brings_no_old_password_back(lobby: Lobby, held: Held) -> None:
    here = (await register(lobby, "ann"))["token"]
    await weaken(lobby)
    waiting = await held.log_in(lobby)
    assert (await change_password(lobby, here, new=OTHER)).status == 200
    held.let_go()
    assert (await waiting).status == 401
    assert ((await log_in(lobby, "ann")).status, (await log_in(lobby, "ann", OTHER)).status) == (401, 200)


async def test_two_log_ins_that_renew_the_same_weak_hash_both_succeed(
    lobby: Lobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register(lobby, "ann")
    weak = await weaken(lobby)
    two_at_once(monkeypatch, "matches")
    answers = await asyncio.gather(log_in(lobby, "ann"), log_in(lobby, "ann"))
    assert [answer.status for answer in answers] == [200, 200]
    assert (await lobby.server.app.store.account(1)).password_hash != weak


async def test_log_in_of_an_administrator_who_is_none_any_more_brings_no_role(lobby: Lobby, held: Held) -> None:
    await register(lobby, "ann")
    roles = {"username": "ann", "role": "admin"}
    assert (await lobby.call("POST", "/api/admin/roles", roles, token=admin_of(lobby))).status == 200
    waiting = await held.log_in(lobby)
    assert (await lobby.call("POST", "/api/admin/roles", {"username": "ann"}, token=admin_of(lobby))).status == 200
    held.let_go()
    token = (await waiting).body["token"]
    refused = await lobby.call("POST", "/api/announcements", {"title": "hello"}, token=token)
    assert (refused.status, refused.body["code"]) == (403, "admin_required")


async def test_log_in_to_an_account_that_is_deleted_meanwhile_is_refused(lobby: Lobby, held: Held) -> None:
    here = (await register(lobby, "ann"))["token"]
    waiting = await held.log_in(lobby)
    assert (await lobby.call("POST", "/api/account/delete", {"password": PASSWORD}, token=here)).status == 200
    held.let_go()
    assert (await waiting).status == 401
    assert await sign_ins(lobby) == 0


async def test_reset_link_that_is_used_twice_at_once_works_once(lobby: Lobby, monkeypatch: pytest.MonkeyPatch) -> None:
    await register(lobby, "ann")
    made = await lobby.call("POST", "/api/admin/reset-links", {"username": "ann"}, token=admin_of(lobby))
    two_at_once(monkeypatch, "hash")
    bodies = [{"token": made.body["token"], "new_password": each} for each in (OTHER, THIRD)]
    answers = await asyncio.gather(*(lobby.call("POST", "/api/auth/reset", body) for body in bodies))
    assert sorted(answer.body.get("code", "") for answer in answers) == ["", "reset_link_invalid"]
    for answer, body in zip(answers, bodies, strict=True):
        works = (await log_in(lobby, "ann", body["new_password"])).status
        assert works == (200 if answer.status == 200 else 401)


async def test_password_that_is_changed_twice_at_once_is_the_one_that_was_confirmed(
    lobby: Lobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = (await register(lobby, "ann"))["token"]
    two_at_once(monkeypatch, "hash")
    answers = await asyncio.gather(*(change_password(lobby, here, new=each) for each in (OTHER, THIRD)))
    assert sorted(answer.status for answer in answers) == [200, 401]
    assert {answer.body.get("error") for answer in answers} == {None, "This is not your password."}
    for answer, password in zip(answers, (OTHER, THIRD), strict=True):
        assert (await log_in(lobby, "ann", password)).status == answer.status
