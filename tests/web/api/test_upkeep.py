"""What users do with their account: password, sign-ins, export, deletion, the way back in; names that look alike."""

from __future__ import annotations

import functools
from typing import Any

import argon2
import pytest

from tests.web.api.test_announcements import run
from tests.web.conftest import Answer, Lobby, StartLobby

PASSWORD, OTHER = "correct horse battery", "another good password"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same hashing at a thousandth of the cost."""
    cheap = functools.partial(argon2.PasswordHasher, time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(argon2, "PasswordHasher", cheap)


async def register(lobby: Lobby, username: str, **headers: str) -> Any:
    body = {"username": username, "password": PASSWORD}
    answer = await lobby.call("POST", "/api/auth/register", body, headers=headers)
    assert answer.status == 201, answer.body
    return answer.body


async def log_in(lobby: Lobby, username: str, password: str = PASSWORD, **headers: str) -> Answer:
    body = {"username": username, "password": password}
    return await lobby.call("POST", "/api/auth/login", body, headers=headers)


async def holds(lobby: Lobby, token: str) -> bool:
    return (await lobby.call("GET", "/api/auth/verify", token=token)).status == 200


def admin_of(lobby: Lobby) -> str:
    return lobby.token(99, "boss", role="admin")


# -- password -----------------------------------------------------------------------------------------------------


async def test_changed_password_is_the_one_that_counts_and_ends_the_other_sign_ins(lobby: Lobby) -> None:
    here = (await register(lobby, "ann"))["token"]
    there = (await log_in(lobby, "ann")).body["token"]
    socket = await lobby.connect(there)
    body = {"current_password": PASSWORD, "new_password": OTHER}
    assert (await lobby.call("POST", "/api/auth/password", body, token=here)).status == 200
    assert await socket.closed() == 4502
    assert (await holds(lobby, here), await holds(lobby, there)) == (True, False)
    assert (await log_in(lobby, "ann")).status == 401
    assert (await log_in(lobby, "ann", OTHER)).status == 200


async def test_password_is_not_changed_without_the_old_one_nor_to_a_bad_one(lobby: Lobby) -> None:
    token = (await register(lobby, "ann"))["token"]
    wrong = {"current_password": "not the password", "new_password": OTHER}
    refused = await lobby.call("POST", "/api/auth/password", wrong, token=token)
    assert (refused.status, refused.body["code"]) == (401, "invalid_credentials")
    short = {"current_password": PASSWORD, "new_password": "short"}
    refused = await lobby.call("POST", "/api/auth/password", short, token=token)
    assert (refused.status, list(refused.body["fields"])) == (400, ["new_password"])
    stranger = await lobby.call(
        "POST", "/api/auth/password", {**short, "new_password": OTHER}, token=lobby.token(5, "outside")
    )
    assert (stranger.status, stranger.body["code"]) == (404, "account_not_here")
    assert (await log_in(lobby, "ann")).status == 200


async def test_chosen_password_is_the_same_however_a_system_writes_its_characters(lobby: Lobby) -> None:
    composed, decomposed, third = "p\u00e4ssw\u00f6rd", "pa\u0308sswo\u0308rd", "sch\u00f6nes Pa\u00dfwort"
    token = (await register(lobby, "ann"))["token"]
    body = {"current_password": PASSWORD, "new_password": decomposed}
    assert (await lobby.call("POST", "/api/auth/password", body, token=token)).status == 200
    assert (await log_in(lobby, "ann", composed)).status == 200
    made = await lobby.call("POST", "/api/admin/reset-links", {"username": "ann"}, token=admin_of(lobby))
    body = {"token": made.body["token"], "new_password": third.replace("\u00f6", "o\u0308")}
    back = await lobby.call("POST", "/api/auth/reset", body)
    assert (back.status, (await log_in(lobby, "ann", third)).status) == (200, 200)
    deleted = await lobby.call("POST", "/api/account/delete", {"password": third}, token=back.body["token"])
    assert deleted.status == 200


async def test_reset_link_works_once_and_logs_in(lobby: Lobby) -> None:
    old = (await register(lobby, "ann"))["token"]
    made = await lobby.call("POST", "/api/admin/reset-links", {"username": "ANN"}, token=admin_of(lobby))
    assert (made.status, made.body["username"]) == (201, "ann")
    link = made.body["token"]
    assert not await holds(lobby, link), "it is no token to log in with"
    body = {"token": link, "new_password": OTHER}
    back = await lobby.call("POST", "/api/auth/reset", body)
    assert (back.status, back.body["user"]["username"]) == (200, "ann")
    assert (await holds(lobby, back.body["token"]), await holds(lobby, old)) == (True, False)
    assert (await log_in(lobby, "ann", OTHER)).status == 200
    again = await lobby.call("POST", "/api/auth/reset", body)
    assert (again.status, again.body["code"]) == (403, "reset_link_invalid")


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
async def test_token_that_is_no_reset_link_resets_nothing(lobby: Lobby, token: str) -> None:
    refused = await lobby.call("POST", "/api/auth/reset", {"token": token, "new_password": OTHER})
    assert refused.status == (403 if token else 400)
    login_token = (await register(lobby, "ann"))["token"]
    refused = await lobby.call("POST", "/api/auth/reset", {"token": login_token, "new_password": OTHER})
    assert (refused.status, refused.body["code"]) == (403, "reset_link_invalid")


async def test_reset_links_are_made_by_administrators_for_accounts_that_exist(lobby: Lobby) -> None:
    ann = (await register(lobby, "ann"))["token"]
    refused = await lobby.call("POST", "/api/admin/reset-links", {"username": "ann"}, token=ann)
    assert (refused.status, refused.body["code"]) == (403, "admin_required")
    refused = await lobby.call("POST", "/api/admin/reset-links", {"username": "nobody"}, token=admin_of(lobby))
    assert (refused.status, refused.body["code"]) == (404, "user_not_found")


# -- sign-ins -----------------------------------------------------------------------------------------------------


async def test_sign_ins_are_listed_with_their_client_and_ended_one_by_one_or_all_others(lobby: Lobby) -> None:
    here = (await register(lobby, "ann", **{"User-Agent": "Here/1"}))["token"]
    tokens = {name: (await log_in(lobby, "ann", **{"User-Agent": name})).body["token"] for name in ("phone", "pad")}
    listed = (await lobby.call("GET", "/api/auth/sign-ins", token=here)).body["sign_ins"]
    assert {(each["client"], each["is_current"]) for each in listed} == {
        ("Here/1", True), ("phone", False), ("pad", False),
    }  # fmt: skip
    phone = next(each["id"] for each in listed if each["client"] == "phone")
    socket = await lobby.connect(tokens["phone"])
    assert (await lobby.call("DELETE", f"/api/auth/sign-ins/{phone}", token=here)).status == 200
    assert await socket.closed() == 4502
    assert (await lobby.call("DELETE", f"/api/auth/sign-ins/{phone}", token=here)).status == 404
    assert [await holds(lobby, token) for token in (here, tokens["phone"], tokens["pad"])] == [True, False, True]
    ended = await lobby.call("DELETE", "/api/auth/sign-ins", token=here)
    assert ended.body == {"count": 1}
    assert (await holds(lobby, here), await holds(lobby, tokens["pad"])) == (True, False)


async def test_sign_in_of_another_user_is_not_theirs_to_end(lobby: Lobby) -> None:
    ann, bob = [(await register(lobby, name))["token"] for name in ("ann", "bob")]
    (own,) = (await lobby.call("GET", "/api/auth/sign-ins", token=ann)).body["sign_ins"]
    assert (await lobby.call("DELETE", f"/api/auth/sign-ins/{own['id']}", token=bob)).status == 404
    assert await holds(lobby, ann)


async def test_fresh_tokens_belong_to_the_sign_in_that_they_come_from_over_a_restart_too(
    start_lobby: StartLobby,
) -> None:
    lobby = await start_lobby(auth_rate_per_min=0.0)
    here = (await register(lobby, "ann"))["token"]
    first = (await log_in(lobby, "ann")).body["token"]
    fresh = (await lobby.call("POST", "/api/auth/refresh", token=first)).body["token"]
    assert (await lobby.call("DELETE", "/api/auth/sign-ins", token=here)).body == {"count": 1}
    assert [await holds(lobby, token) for token in (here, first, fresh)] == [True, False, False]
    data_dir = lobby.server.settings.data_dir
    await lobby.server.drain()
    lobby = await start_lobby(auth_rate_per_min=0.0, data_dir=data_dir)
    assert [await holds(lobby, token) for token in (here, first, fresh)] == [True, False, False]
    assert len((await lobby.call("GET", "/api/auth/sign-ins", token=here)).body["sign_ins"]) == 1


async def test_logout_ends_the_whole_sign_in(lobby: Lobby) -> None:
    first = (await register(lobby, "ann"))["token"]
    fresh = (await lobby.call("POST", "/api/auth/refresh", token=first)).body["token"]
    assert (await lobby.call("POST", "/api/auth/logout", token=fresh)).status == 204
    assert not await holds(lobby, first)


# -- export and deletion ------------------------------------------------------------------------------------------


async def befriended(lobby: Lobby) -> tuple[str, str]:
    """Ann and Bob, who are friends; Ann has said something."""
    ann, bob = [(await register(lobby, name))["token"] for name in ("ann", "bob")]
    await lobby.call("POST", "/api/friends/requests", {"to_username": "bob"}, token=ann)
    await lobby.call("POST", "/api/friends/requests", {"to_username": "ann"}, token=bob)
    socket = await lobby.connect(ann)
    await socket.command("chat_message", channel="lobby", text="remember me")
    await socket.expect("chat_message")
    await lobby.written()
    return ann, bob


async def test_export_has_all_that_is_kept_of_its_user_and_nothing_of_others(lobby: Lobby) -> None:
    ann, _ = await befriended(lobby)
    exported = (await lobby.call("GET", "/api/account/export", token=ann)).body
    assert exported["user"]["username"] == "ann"
    assert [friend["username"] for friend in exported["friends"]["friends"]] == ["bob"]
    assert [line["text"] for line in exported["chat"]] == ["remember me"]
    assert [each["is_current"] for each in exported["sign_ins"]] == [True]
    assert "password" not in str(exported)


async def test_export_has_the_room_the_bans_and_the_reports_of_its_user(lobby: Lobby) -> None:
    ann, bob = [(await register(lobby, name))["token"] for name in ("ann", "bob")]
    own = {"gamemode": "duel", "isPublic": False, "name": "Friday night"}
    room = (await lobby.call("POST", "/api/rooms", own, token=ann)).body["room"]
    other = (await lobby.call("POST", "/api/rooms", {"gamemode": "race"}, token=bob)).body["room"]
    host, guest = await lobby.connect(bob), await lobby.connect(ann)
    await host.command("create_room")
    await guest.command("join_room", roomId=other["id"], version="13020", name="P")
    entered = await guest.expect("room_joined")
    await host.command("kick", peerId=entered["peerId"])
    await guest.expect("kicked")
    await guest.command("create_room")
    await guest.expect("room_created")
    report = {"username": "bob", "text": "kicks without a word", "room_id": other["id"]}
    assert (await lobby.call("POST", "/api/reports", report, token=ann)).status == 201
    await lobby.written()
    exported = (await lobby.call("GET", "/api/account/export", token=ann)).body
    assert [(each["id"], each["name"], each["is_public"]) for each in exported["rooms"]] == [
        (room["id"], "Friday night", False)
    ]
    assert (exported["role"], exported["rooms_hosted"], exported["banned_from"]) == (None, 1, [other["id"]])
    (sent,) = exported["reports"]
    assert (sent["about_username"], sent["text"], sent["room_id"], sent["is_closed"]) == (*report.values(), False)
    assert (await lobby.call("POST", "/api/account/delete", {"password": PASSWORD}, token=ann)).status == 200
    waiting = (await lobby.call("GET", "/api/admin/reports", token=admin_of(lobby))).body
    assert (waiting["open"], waiting["reports"]) == (0, [])


async def test_deleted_account_leaves_nothing_and_frees_its_name(lobby: Lobby) -> None:
    ann, bob = await befriended(lobby)
    socket, friend = await lobby.connect(ann), await lobby.connect(bob)
    wrong = await lobby.call("POST", "/api/account/delete", {"password": "not the password"}, token=ann)
    assert (wrong.status, wrong.body["code"]) == (401, "invalid_credentials")
    assert (await lobby.call("POST", "/api/account/delete", {"password": PASSWORD}, token=ann)).status == 200
    assert await socket.closed() == 4502
    await friend.expect("friend_removed")
    assert not await holds(lobby, ann)
    assert (await log_in(lobby, "ann")).status == 401
    assert (await lobby.call("GET", "/api/friends", token=bob)).body["friends"] == []
    assert (await lobby.call("GET", "/api/chat/lobby", token=bob)).body["messages"] == []
    again = await register(lobby, "ann")
    exported = (await lobby.call("GET", "/api/account/export", token=again["token"])).body
    assert (exported["chat"], exported["friends"]["count"], exported["notifications"]) == ([], 0, [])


# -- names and roles ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Grace_I0", "grace_l0", "GRACE_1O", "_grace_lo", "grace__lo"])
async def test_name_that_looks_like_anothers_is_refused_with_a_sentence(lobby: Lobby, name: str) -> None:
    await register(lobby, "grace_lo")
    answer = await lobby.call("POST", "/api/auth/register", {"username": name, "password": PASSWORD})
    assert (answer.status, answer.body["code"]) == (409, "username_taken")
    assert "looks like" in answer.body["error"]


@pytest.mark.parametrize("name", ["adm1n", "M0derator", "_5upport_", "0fficial"])
async def test_name_that_looks_like_the_staffs_is_reserved(lobby: Lobby, name: str) -> None:
    answer = await lobby.call("POST", "/api/auth/register", {"username": name, "password": PASSWORD})
    assert (answer.status, list(answer.body["fields"])) == (400, ["username"])


async def test_role_of_an_account_is_in_its_next_token_and_taken_away_with_its_sign_ins(lobby: Lobby) -> None:
    before = (await register(lobby, "ann"))["token"]
    given = await lobby.call("POST", "/api/admin/roles", {"username": "ann", "role": "admin"}, token=admin_of(lobby))
    assert (given.status, given.body["role"]) == (200, "admin")
    title = {"title": "hello"}
    assert (await lobby.call("POST", "/api/announcements", title, token=before)).status == 403
    after = (await log_in(lobby, "ann")).body["token"]
    assert (await lobby.call("POST", "/api/announcements", title, token=after)).status == 201
    refused = await lobby.call("POST", "/api/admin/roles", {"username": "ann", "role": "king"}, token=after)
    assert (refused.status, list(refused.body["fields"])) == (400, ["role"])
    assert (await lobby.call("POST", "/api/admin/roles", {"username": "ann"}, token=after)).body["role"] is None
    assert not await holds(lobby, after)
    later = (await log_in(lobby, "ann")).body["token"]
    assert (await lobby.call("POST", "/api/announcements", title, token=later)).status == 403


# -- from the command line ----------------------------------------------------------------------------------------


async def test_commands_make_administrators_and_reset_links(lobby: Lobby) -> None:
    await register(lobby, "ann")
    port = str(lobby.server.port)
    sentence = "ann is an administrator from the next login on\n"
    assert await run("--port", port, "make-admin", "Ann") == (0, sentence)
    token = (await log_in(lobby, "ann")).body["token"]
    assert (await lobby.call("POST", "/api/announcements", {"title": "hello"}, token=token)).status == 201
    code, output = await run("--port", port, "reset-link", "ann", "--url", "https://lobby.example.org/")
    address, _, link = output.strip().partition("#reset=")
    assert (code, address) == (0, "https://lobby.example.org/")
    back = await lobby.call("POST", "/api/auth/reset", {"token": link, "new_password": OTHER})
    assert back.status == 200
    assert await run("--port", port, "make-admin", "ann", "--undo") == (0, "ann is no administrator any more\n")
    assert not await holds(lobby, back.body["token"])


@pytest.mark.parametrize("command", ["make-admin", "reset-link"])
async def test_command_for_nobody_says_so_and_fails(lobby: Lobby, command: str) -> None:
    code, output = await run("--port", str(lobby.server.port), command, "nobody")
    assert code == 1
    assert output.endswith("refused: There is nobody of that name or id here.\n")
