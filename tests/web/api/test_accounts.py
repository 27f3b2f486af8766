"""The HTTP API of accounts: register, log in, verify, refresh, log out, and the tokens that they give and take."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import re
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import argon2
import jwt
import pytest

from lobby_server.service.accounts import hashing
from lobby_server.service.auth import Passwords
from tests.patience import PATIENCE_S
from tests.web.conftest import SECRET, Answer, Lobby, StartLobby
from tests.web.websocket.test_socket import BAD_TOKENS

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same hashing at a thousandth of the cost."""
    cheap = functools.partial(argon2.PasswordHasher, time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(argon2, "PasswordHasher", cheap)


async def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        await asyncio.sleep(0.01)


async def register(lobby: Lobby, username: str, **more: Any) -> Answer:
    return await lobby.call("POST", "/api/auth/register", {"username": username, "password": PASSWORD, **more})


async def log_in(lobby: Lobby, login: str, password: str = PASSWORD) -> Answer:
    return await lobby.call("POST", "/api/auth/login", {"username": login, "password": password})


# -- register and log in ------------------------------------------------------------------------------------------


async def test_registration_answers_201_with_a_token_and_the_user(lobby: Lobby) -> None:
    answer = await register(lobby, "Ann_1", email="ann@example.org")
    assert answer.status == 201
    assert list(answer.body) == ["token", "user"]
    user = answer.body["user"]
    assert list(user) == ["id", "username", "email", "created_at"]
    assert (user["username"], user["email"]) == ("Ann_1", "ann@example.org")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", user["created_at"])
    created_at = datetime.fromisoformat(user["created_at"].replace("Z", "+00:00"))
    assert abs(datetime.now(timezone.utc) - created_at) < timedelta(minutes=1)


async def test_token_of_a_registration_has_the_claims_of_the_contract_and_opens_a_socket(lobby: Lobby) -> None:
    answer = await register(lobby, "ann")
    claims = jwt.decode(answer.body["token"], SECRET, algorithms=["HS256"])
    assert set(claims) == {"userId", "username", "iat", "exp", "jti", "sid"}
    assert (claims["userId"], claims["username"]) == (answer.body["user"]["id"], "ann")
    assert claims["exp"] - claims["iat"] == 7 * 24 * 3600
    client = await lobby.connect()
    accepted = await client.handshake(answer.body["token"])
    assert accepted["data"] == {"peer_id": 0, "user_id": claims["userId"], "username": "ann"}


@pytest.mark.parametrize("email", [None, ""])
async def test_registration_without_an_email_has_null_there(lobby: Lobby, email: str | None) -> None:
    assert (await register(lobby, "ann", email=email)).body["user"]["email"] is None
    assert (await register(lobby, "bob", email=email)).status == 201  # two without one do not clash


async def test_taken_names_are_409_without_regard_to_case(lobby: Lobby) -> None:
    assert (await register(lobby, "ann", email="ann@example.org")).status == 201
    for username, email, code in [
        ("ann", None, "username_taken"),
        ("ANN", None, "username_taken"),
        ("bob", "ann@example.org", "email_taken"),
        ("bob", "Ann@Example.ORG", "email_taken"),
    ]:
        answer = await register(lobby, username, email=email)
        assert (answer.status, answer.body["code"]) == (409, code)
        assert list(answer.body) == ["error", "code"]
    assert (await log_in(lobby, "bob")).status == 401  # a refused registration left nothing behind


async def test_six_registrations_of_one_name_at_once_make_one_account(lobby: Lobby) -> None:
    answers = await asyncio.gather(*(register(lobby, "ann", email=f"a{number}@b.c") for number in range(6)))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 5


async def test_username_and_email_both_log_in(lobby: Lobby) -> None:
    registered = (await register(lobby, "ann", email="ann@example.org")).body["user"]
    for login in ("ann", "ANN", "ann@example.org", "Ann@Example.org"):
        answer = await log_in(lobby, login)
        assert answer.status == 200
        assert list(answer.body) == ["token", "user"]
        assert answer.body["user"] == registered


async def test_wrong_password_and_unknown_user_cannot_be_told_apart(
    lobby: Lobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords = lobby.server.app.accounts._passwords
    verified: list[str] = []
    verify, nobody = passwords._hasher.verify, passwords._nobody
    recorder = _Recorder(lambda known, password: verified.append(known) or verify(known, password), passwords._hasher)
    await register(lobby, "ann")
    monkeypatch.setattr(passwords, "_hasher", recorder)
    wrong, unknown = await log_in(lobby, "ann", "not the password"), await log_in(lobby, "nobody", "not the password")
    assert wrong.status == unknown.status == 401
    assert wrong.body == unknown.body
    assert wrong.body["code"] == "invalid_credentials"
    assert set(wrong.headers) == set(unknown.headers)
    # The same work is done for both: one verification of a hash with the same parameters.
    assert [known == nobody for known in verified] == [False, True]
    assert parameters_of(verified[0]) == parameters_of(verified[1])


class _Recorder:
    """A password hasher that tells whom it verified."""

    def __init__(self, verify: Any, hasher: Any) -> None:
        self.verify = verify
        self.check_needs_rehash = hasher.check_needs_rehash


def parameters_of(password_hash: str) -> list[str]:
    return password_hash.split("$")[:4]


async def test_password_is_kept_as_an_argon2id_hash_only(lobby: Lobby) -> None:
    await register(lobby, "ann")
    account = await lobby.server.app.store.account_by_login("ann")
    assert account is not None
    assert account.password_hash.startswith("$argon2id$")
    assert PASSWORD not in account.password_hash


async def test_login_renews_a_hash_of_weaker_parameters(lobby: Lobby) -> None:
    await register(lobby, "ann")
    store = lobby.server.app.store
    weak = argon2.PasswordHasher(memory_cost=8).hash(PASSWORD)
    assert await store.replace_password_hash(1, (await store.account(1)).password_hash, weak)
    assert (await log_in(lobby, "ann")).status == 200
    account = await store.account(1)
    assert parameters_of(account.password_hash) != parameters_of(weak)
    assert (await log_in(lobby, "ann")).status == 200


# -- verify and refresh -------------------------------------------------------------------------------------------


async def test_verify_gives_the_account_of_a_token(lobby: Lobby) -> None:
    registered = (await register(lobby, "ann", email="ann@example.org")).body
    answer = await lobby.call("GET", "/api/auth/verify", token=registered["token"])
    assert answer.status == 200
    assert answer.body == {"valid": True, "user": registered["user"]}


async def test_verify_of_a_token_of_an_outside_issuer_gives_what_the_token_says(lobby: Lobby) -> None:
    await register(lobby, "ann", email="ann@example.org")
    for token, user_id, username in [(lobby.token(4711, "eve"), 4711, "eve"), (lobby.token(1, "eve"), 1, "eve")]:
        answer = await lobby.call("GET", "/api/auth/verify", token=token)
        user = {"id": user_id, "username": username, "email": None, "created_at": None}
        assert answer.body == {"valid": True, "user": user}


async def test_verify_without_a_good_token_says_why(lobby: Lobby) -> None:
    missing = await lobby.call("GET", "/api/auth/verify")
    assert (missing.status, missing.body["valid"], missing.body["code"]) == (401, False, "authentication_required")
    expired = await lobby.call("GET", "/api/auth/verify", token=lobby.token(exp=int(time.time()) - 5))
    assert (expired.status, expired.body["valid"], expired.body["code"]) == (403, False, "invalid_token")
    assert set(expired.body) == {"valid", "error", "code"}


async def test_refresh_keeps_the_role(lobby: Lobby) -> None:
    answer = await lobby.call("POST", "/api/auth/refresh", token=lobby.token(role="admin"))
    assert (
        await lobby.call("POST", "/api/announcements", {"title": "t", "body": "b"}, token=answer.body["token"])
    ).status == 201
    plain = await lobby.call("POST", "/api/auth/refresh", token=lobby.token())
    assert (
        await lobby.call("POST", "/api/announcements", {"title": "t", "body": "b"}, token=plain.body["token"])
    ).status == 403


async def test_refresh_gives_a_fresh_token_of_the_same_user_and_the_old_one_still_holds(lobby: Lobby) -> None:
    old = lobby.token(5, "eve", exp=int(time.time()) + 60)
    answer = await lobby.call("POST", "/api/auth/refresh", token=old)
    assert answer.status == 200
    assert list(answer.body) == ["token"]
    fresh = jwt.decode(answer.body["token"], SECRET, algorithms=["HS256"])
    assert (fresh["userId"], fresh["username"]) == (5, "eve")
    assert fresh["exp"] > time.time() + 3600
    for token in (old, answer.body["token"]):
        assert (await lobby.call("GET", "/api/auth/verify", token=token)).status == 200


async def test_life_of_tokens_is_a_setting(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(token_ttl_s=120)
    claims = jwt.decode((await register(lobby, "ann")).body["token"], SECRET, algorithms=["HS256"])
    assert claims["exp"] - claims["iat"] == 120


# -- log out ------------------------------------------------------------------------------------------------------


async def test_logout_is_204_without_a_body_and_ends_that_token(lobby: Lobby) -> None:
    token = (await register(lobby, "ann")).body["token"]
    answer = await lobby.call("POST", "/api/auth/logout", token=token)
    assert (answer.status, answer.body) == (204, b"")
    assert "Content-Type" not in answer.headers
    for method, path in [("GET", "/api/auth/verify"), ("POST", "/api/auth/refresh"), ("POST", "/api/auth/logout")]:
        refused = await lobby.call(method, path, token=token)
        assert (refused.status, refused.body["code"]) == (403, "invalid_token")
    assert (await log_in(lobby, "ann")).status == 200  # the account is as it was


async def test_logout_holds_over_a_restart(start_lobby: StartLobby) -> None:
    before = await start_lobby()
    out, kept = before.token(1, "ann"), before.token(1, "ann")
    without_jti = before.token(2, "bob", jti=None)
    for token in (out, without_jti):
        assert (await before.call("POST", "/api/auth/logout", token=token)).status == 204
    await before.server.drain()
    after = await start_lobby()
    for token, status in [(out, 403), (without_jti, 403), (kept, 200)]:
        assert (await after.call("GET", "/api/auth/verify", token=token)).status == status
    client = await after.connect()
    assert (await client.handshake(out))["data"] == {"reason": "invalid_token"}


@pytest.mark.parametrize("jti", ["with\x00nul", "half a pair \ud800", "x" * 3000, 5, ""])
async def test_token_with_an_odd_id_can_be_logged_out_too(lobby: Lobby, jti: Any) -> None:
    token, other = lobby.token(1, "ann", jti=jti), lobby.token(2, "bob", jti=jti)
    assert (await lobby.call("POST", "/api/auth/logout", token=token)).status == 204
    assert (await lobby.call("GET", "/api/auth/verify", token=token)).status == 403
    assert (await lobby.call("GET", "/api/auth/verify", token=other)).status == (403 if jti == "x" * 3000 else 200)


# -- tokens that do not hold --------------------------------------------------------------------------------------

TOKEN_CALLS = [
    ("GET", "/api/auth/verify"),
    ("POST", "/api/auth/refresh"),
    ("POST", "/api/auth/logout"),
    ("POST", "/api/rooms"),
    ("DELETE", "/api/rooms/no"),
    ("GET", "/api/users/online"),
]


@pytest.mark.parametrize(("method", "path"), TOKEN_CALLS)
async def test_call_without_a_token_is_401_and_with_a_bad_one_403(lobby: Lobby, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Basic YTpi"}):
        missing = await lobby.call(method, path, {}, headers=headers)
        assert (missing.status, missing.body["code"]) == (401, "authentication_required")
        assert missing.headers["WWW-Authenticate"] == "Bearer"
    for name, token in BAD_TOKENS.items():
        if isinstance(token, str) and token:
            refused = await lobby.call(method, path, {}, token=token)
            assert (refused.status, refused.body["code"]) == (403, "invalid_token"), name


async def test_scheme_of_the_authorization_is_read_without_regard_to_case(lobby: Lobby) -> None:
    for scheme in ("bearer", "BEARER"):
        headers = {"Authorization": f"{scheme}  {lobby.token()} "}
        assert (await lobby.call("GET", "/api/auth/verify", headers=headers)).status == 200


# -- limits -------------------------------------------------------------------------------------------------------


async def test_attempts_over_the_rate_are_429_with_retry_after(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(auth_rate_per_min=3.0)
    for _ in range(3):  # an attempt counts whatever comes of it
        assert (await lobby.call("POST", "/api/auth/login", {})).status == 400
    for path in ("/api/auth/login", "/api/auth/register"):
        answer = await lobby.call("POST", path, {"username": "ann", "password": PASSWORD})
        assert (answer.status, answer.body["code"]) == (429, "rate_limited")
        assert 1 <= int(answer.headers["Retry-After"]) <= 21
    assert (await lobby.call("GET", "/api/auth/verify", token=lobby.token())).status == 200
    assert (await lobby.call("GET", "/api/rooms")).status == 200


async def test_rate_is_of_one_address_as_the_proxy_names_it(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(auth_rate_per_min=1.0, trust_proxy_headers=True)

    async def attempt(address: str) -> int:
        return (await lobby.call("POST", "/api/auth/login", {}, headers={"X-Forwarded-For": address})).status

    assert [await attempt("192.0.2.1"), await attempt("192.0.2.1"), await attempt("192.0.2.2")] == [400, 429, 400]


async def test_address_that_a_client_makes_up_is_not_believed_without_a_proxy(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(auth_rate_per_min=1.0)
    statuses = [
        (await lobby.call("POST", "/api/auth/login", {}, headers={"X-Forwarded-For": f"192.0.2.{number}"})).status
        for number in range(2)
    ]
    assert statuses == [400, 429]


async def test_logins_whose_client_is_gone_are_not_hashed(
    start_lobby: StartLobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    lobby = await start_lobby(auth_rate_per_min=0)
    release, hashed = threading.Event(), []

    def slow(self: Passwords, known_hash: str | None, password: str) -> bool:
        hashed.append(password)
        release.wait(PATIENCE_S)
        return False

    monkeypatch.setattr(Passwords, "matches", slow)
    body = json.dumps({"username": "ann", "password": "12345678"}).encode()
    request = b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    writers = []
    for _ in range(12):
        _, writer = await asyncio.open_connection("127.0.0.1", lobby.server.port)
        writer.write(request)
        writers.append(writer)
    queue = lobby.server.app.accounts._hashing
    await until(lambda: len(queue) == 10)
    for writer in writers:
        writer.close()
        await writer.wait_closed()
    await until(lambda: len(queue) == 0)
    release.set()
    assert (await lobby.call("POST", "/api/auth/login", {"username": "x", "password": "the last"})).status == 401
    assert hashed == ["12345678"] * 2 + ["the last"]


async def test_logins_past_the_bound_of_the_queue_are_503_with_a_time_to_come_back(
    start_lobby: StartLobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    lobby = await start_lobby(auth_rate_per_min=0)
    release = threading.Event()
    monkeypatch.setattr(Passwords, "matches", lambda *_: release.wait(PATIENCE_S) and False)
    monkeypatch.setattr(hashing, "MAX_WAITING_PER_ADDRESS", 3)
    credentials = {"username": "ann", "password": "12345678"}
    calls = [asyncio.ensure_future(lobby.call("POST", "/api/auth/login", credentials)) for _ in range(8)]
    await until(lambda: sum(call.done() for call in calls) == 3)
    refused = [call.result() for call in calls if call.done()]
    assert {(each.status, each.body["code"]) for each in refused} == {(503, "try_again_later")}
    assert all(int(each.headers["Retry-After"]) >= 1 for each in refused)
    release.set()
    assert sorted(answer.status for answer in await asyncio.gather(*calls)) == [401] * 5 + [503] * 3


HASHING: dict[str, dict[str, str]] = {
    "/api/auth/register": {"username": "bob", "password": PASSWORD},
    "/api/auth/login": {"username": "ann", "password": PASSWORD},
    "/api/auth/password": {"current_password": PASSWORD, "new_password": "another good password"},
    "/api/account/delete": {"password": PASSWORD},
    "/api/account/email": {"password": PASSWORD},
    "/api/auth/reset": {"token": "", "new_password": "another good password"},
}
"""All calls that hash, with their bodies; the token of the last is made."""


@pytest.mark.parametrize("path", HASHING)
async def test_every_call_that_hashes_is_503_once_the_queue_is_full(
    start_lobby: StartLobby, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    lobby = await start_lobby(auth_rate_per_min=0)
    token = (await register(lobby, "ann")).body["token"]
    admin = lobby.token(99, "boss", role="admin")
    link = (await lobby.call("POST", "/api/admin/reset-links", {"username": "ann"}, token=admin)).body["token"]
    release = threading.Event()
    monkeypatch.setattr(Passwords, "matches", lambda *_: release.wait(PATIENCE_S) and False)
    monkeypatch.setattr(hashing, "MAX_WAITING_PER_ADDRESS", 0)
    busy = [asyncio.ensure_future(log_in(lobby, "nobody")) for _ in range(2)]  # one for each thread
    await until(lambda: lobby.server.app.accounts._hashing._running == 2)
    body = {**HASHING[path], **({"token": link} if path == "/api/auth/reset" else {})}
    refused = await lobby.call("POST", path, body, token=token)
    release.set()
    assert (refused.status, refused.body["code"]) == (503, "try_again_later")
    assert int(refused.headers["Retry-After"]) >= 1
    assert [answer.status for answer in await asyncio.gather(*busy)] == [401, 401]


NFD, NFC = "pa\u0308sswo\u0308rd", "p\u00e4ssw\u00f6rd"


@pytest.mark.parametrize(
    ("typed", "again"), [(NFD, NFC), (NFC, NFD), ("pass\u00a0word", "pass word"), ("p\u212b" * 4, "p\u00c5" * 4)]
)
async def test_password_is_the_same_however_a_system_writes_its_characters(
    lobby: Lobby, typed: str, again: str
) -> None:
    registered = await lobby.call("POST", "/api/auth/register", {"username": "ann", "password": typed})
    assert registered.status == 201
    for password, status in ((typed, 200), (again, 200), (again.upper(), 401)):
        assert (await lobby.call("POST", "/api/auth/login", {"username": "ann", "password": password})).status == status


async def test_account_with_the_hash_of_what_was_typed_logs_in_and_gets_the_normal_one(lobby: Lobby) -> None:
    store = lobby.server.app.store
    await store.add_account(
        username="old",
        email=None,
        password_hash=Passwords(new_salt=os.urandom).hash(NFD),
        created_at=lobby.server.app.clock.utc_now(),
    )
    assert (await lobby.call("POST", "/api/auth/login", {"username": "old", "password": NFC})).status == 401
    for password in (NFD, NFC):  # the first log-in with what was typed replaces the hash
        assert (await lobby.call("POST", "/api/auth/login", {"username": "old", "password": password})).status == 200


@pytest.mark.parametrize("name", ["admin", "Administrator", "SYSTEM", "server", "mod_erator", "_root_"])
async def test_reserved_username_is_a_fault_of_that_field_and_its_account_keeps_it(lobby: Lobby, name: str) -> None:
    refused = await lobby.call("POST", "/api/auth/register", {"username": name, "password": "12345678"})
    assert (refused.status, refused.body["code"], list(refused.body["fields"])) == (
        400,
        "invalid_request",
        ["username"],
    )
    assert "reserved" in refused.body["fields"]["username"]
    await lobby.server.app.store.add_account(
        username=name,
        email=None,
        password_hash=Passwords(new_salt=os.urandom).hash("12345678"),
        created_at=lobby.server.app.clock.utc_now(),
    )
    assert (await lobby.call("POST", "/api/auth/login", {"username": name, "password": "12345678"})).status == 200


async def test_password_with_control_characters_is_a_fault(lobby: Lobby) -> None:
    refused = await lobby.call("POST", "/api/auth/register", {"username": "ann", "password": "1234\u00075678"})
    assert (refused.status, list(refused.body["fields"])) == (400, ["password"])


async def test_fresh_tokens_and_logouts_are_limited_by_user(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(auth_rate_per_min=3)
    for _ in range(3):
        assert (await lobby.call("POST", "/api/auth/refresh", token=lobby.token(1, "ann"))).status == 200
    for path in ("refresh", "logout"):
        over = await lobby.call("POST", f"/api/auth/{path}", token=lobby.token(1, "ann"))
        assert (over.status, over.body["code"]) == (429, "rate_limited")
        assert int(over.headers["Retry-After"]) >= 1
    assert (await lobby.call("POST", "/api/auth/logout", token=lobby.token(2, "bob"))).status == 204
