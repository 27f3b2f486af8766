"""What the HTTP API answers to what it cannot take: always JSON, always the right status, and the server goes on."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from lobby_server.backplane.wire import encode_command
from lobby_server.core.machine.commands import Command
from lobby_server.service.replica import Request
from tests.web.conftest import Answer, Lobby, StartLobby

POSTS_WITH_A_BODY = ["/api/auth/register", "/api/auth/login", "/api/rooms"]

NOT_AN_OBJECT = {
    "nothing": b"",
    "no JSON": b"username=ann&password=12345678",
    "cut off": b'{"username": "ann"',
    "trailing text": b'{"username": "ann"} x',
    "an array": b'["ann", "12345678"]',
    "a string": b'"ann"',
    "null": b"null",
    "not UTF-8": b'{"username": "\xff\xfe"}',
    "UTF-16": '{"username": "ann"}'.encode("utf-16"),
    "half of a surrogate pair": b'{"username": "\\ud800", "password": "\\udc00xxxxxxx", "gamemode": "\\ud800"}',
    "nested deeply": b'{"username":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "nested deeply without an end": b'{"a":' * 12_000,
    "a number without an end": b'{"maxPlayers": ' + b"9" * 60_000 + b"e" + b"9" * 400 + b"}",
    "NaN": b'{"maxPlayers": NaN}',
    "a comment": b'{"gamemode": "ctf" /* yes */}',
}


@pytest.mark.parametrize("path", POSTS_WITH_A_BODY)
async def test_body_that_is_no_json_object_is_400(lobby: Lobby, path: str) -> None:
    for name, raw in NOT_AN_OBJECT.items():
        answer = await lobby.call("POST", path, raw=raw, token=lobby.token())
        assert (answer.status, answer.body["code"]) == (400, "invalid_request"), name
        assert answer.body["error"].endswith("."), name
    assert (await lobby.call("GET", "/api/rooms")).body["count"] == 0


FAULTY_ACCOUNTS: list[tuple[dict[str, Any], set[str]]] = [
    ({}, {"username", "password"}),
    ({"username": "ann"}, {"password"}),
    ({"username": "ann", "password": None}, {"password"}),
    ({"username": 12345, "password": 12345678}, {"username", "password"}),
    ({"username": ["ann"], "password": {"a": 1}}, {"username", "password"}),
    ({"username": "an", "password": "12345678"}, {"username"}),
    ({"username": "a" * 21, "password": "1234567"}, {"username", "password"}),
    ({"username": "Robert'); DROP TABLE users;--", "password": "12345678"}, {"username"}),
    ({"username": "<script>alert(1)</script>", "password": "12345678"}, {"username"}),
    ({"username": "ann\n", "password": "12345678"}, {"username"}),
    ({"username": "ann", "password": "x" * 1025}, {"password"}),
    ({"username": "ann", "password": "12345678", "email": "nobody"}, {"email"}),
    ({"username": "ann", "password": "12345678", "email": "a\u0000b@c.d"}, {"email"}),
    ({"username": "ann", "password": "12345678", "email": 0}, {"email"}),
    ({"username": "ann", "password": "12345678", "email": False}, {"email"}),
    ({"username": "ann", "password": "12345678", "email": []}, {"email"}),
]


async def test_registration_with_faults_is_400_and_names_the_fields(lobby: Lobby) -> None:
    for body, fields in FAULTY_ACCOUNTS:
        answer = await lobby.call("POST", "/api/auth/register", body)
        assert (answer.status, answer.body.get("code")) == (400, "invalid_request"), body
        assert set(answer.body["fields"]) == fields, body
        assert all(sentence in answer.body["error"] for sentence in answer.body["fields"].values())


async def test_login_with_faults_is_400_and_names_the_fields(lobby: Lobby) -> None:
    for body, fields in [
        ({}, {"username", "password"}),
        ({"username": "ann", "password": ""}, {"password"}),
        ({"username": {"$ne": ""}, "password": {"$ne": ""}}, {"username", "password"}),
        ({"username": 5, "password": "12345678"}, {"username"}),
    ]:
        answer = await lobby.call("POST", "/api/auth/login", body)
        assert (answer.status, answer.body["code"]) == (400, "invalid_request")
        assert set(answer.body["fields"]) == fields


async def test_login_with_an_odd_name_is_nobody(lobby: Lobby) -> None:
    for login in ("' OR '1'='1", "ann\u0000", "'; DROP TABLE users; --", "%", "_", "x" * 50_000, "\u0130\u0131"):
        answer = await lobby.call("POST", "/api/auth/login", {"username": login, "password": "12345678' OR 1=1 --"})
        assert (answer.status, answer.body["code"]) == (401, "invalid_credentials"), login[:50]


async def test_room_without_a_gamemode_is_400(lobby: Lobby) -> None:
    for number, gamemode in enumerate([None, "", "   ", 5, ["ctf"], True, {}]):
        body = {"gamemode": gamemode} if number else {}
        answer = await lobby.call("POST", "/api/rooms", body, token=lobby.token())
        assert (answer.status, answer.body["code"]) == (400, "gamemode_required"), gamemode


FAULTY_ROOMS: list[tuple[dict[str, Any], str]] = [
    ({"gamemode": "x" * 65}, "gamemode"),
    ({"gamemode": "c\u0000tf"}, "gamemode"),
    ({"mapName": "x" * 65}, "mapName"),
    ({"mapName": "\u0000"}, "mapName"),
    ({"mapName": 5}, "mapName"),
    ({"mapName": {}}, "mapName"),
    ({"maxPlayers": 1}, "maxPlayers"),
    ({"maxPlayers": 65}, "maxPlayers"),
    ({"maxPlayers": 0}, "maxPlayers"),
    ({"maxPlayers": -8}, "maxPlayers"),
    ({"maxPlayers": 2**70}, "maxPlayers"),
    ({"maxPlayers": 8.5}, "maxPlayers"),
    ({"maxPlayers": 1e300}, "maxPlayers"),
    ({"maxPlayers": "8"}, "maxPlayers"),
    ({"maxPlayers": True}, "maxPlayers"),
    ({"isPublic": "no"}, "isPublic"),
    ({"isPublic": 0}, "isPublic"),
]


async def test_room_with_a_fault_is_400_and_names_the_field(lobby: Lobby) -> None:
    for body, field in FAULTY_ROOMS:
        answer = await lobby.call("POST", "/api/rooms", {"gamemode": "ctf", **body}, token=lobby.token())
        assert (answer.status, answer.body["code"]) == (400, "invalid_request"), body
        assert set(answer.body["fields"]) == {field}, body
    assert (await lobby.call("GET", "/api/rooms")).body["count"] == 0


HOSTILE_NAMES = [
    "'; DROP TABLE rooms; --",
    '" OR ""="',
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "{{7*7}} ${jndi:ldap://x} %s %n",
    "\\\"\\u0000 \\' `",
    " spaces around ",
    "na\u00efve \u4f60\u597d \U0001f600 \u202etxt.exe",
    "line\nbreak\ttab\x1b\x7f",
]


async def test_sql_and_html_in_names_are_kept_and_given_back_as_they_are(start_lobby: StartLobby) -> None:
    lobby = await start_lobby()
    room_ids = []
    for user_id, name in enumerate(HOSTILE_NAMES):
        body = {"gamemode": name, "mapName": name}
        made = await lobby.call("POST", "/api/rooms", body, token=lobby.token(user_id, name))
        assert (made.status, made.body["success"]) == (201, True), name
        assert names_of(made.body["room"]) == [name] * 3
        room_ids.append(made.body["room"]["id"])
    for _ in ("as made", "as stored"):
        listed = await lobby.call("GET", "/api/rooms")
        assert listed.headers["Content-Type"].startswith("application/json")  # never HTML to a browser
        assert listed.headers["X-Content-Type-Options"] == "nosniff"
        assert [names_of(room) for room in listed.body["rooms"]] == [[name] * 3 for name in reversed(HOSTILE_NAMES)]
        for room_id, name in zip(room_ids, HOSTILE_NAMES, strict=True):
            assert names_of((await lobby.call("GET", f"/api/rooms/{room_id}")).body) == [name] * 3
            filtered = await lobby.call("GET", f"/api/rooms?{urlencode({'gamemode': name})}")
            assert [room["id"] for room in filtered.body["rooms"]] == [room_id], name
        await lobby.server.drain()
        lobby = await start_lobby()


def names_of(room: dict[str, Any]) -> list[str]:
    return [room["host_username"], room["gamemode"], room["map_name"]]


# -- methods, addresses, sizes ------------------------------------------------------------------------------------

METHODS = {
    "/api/auth/register": {"POST"},
    "/api/auth/login": {"POST"},
    "/api/auth/verify": {"GET", "HEAD"},
    "/api/auth/refresh": {"POST"},
    "/api/auth/logout": {"POST"},
    "/api/rooms": {"GET", "HEAD", "POST"},
    "/api/rooms/some": {"GET", "HEAD", "DELETE", "PATCH"},
    "/api/users/online": {"GET", "HEAD"},
    "/healthz": {"GET", "HEAD"},
    "/readyz": {"GET", "HEAD"},
    "/metrics": {"GET", "HEAD"},
    "/": {"GET", "HEAD"},
    "/ws": {"GET", "HEAD"},
}


async def test_wrong_method_is_405_with_the_right_ones_in_allow(lobby: Lobby) -> None:
    for path, methods in METHODS.items():
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "BREW"} - methods:
            answer = await lobby.call(method, path, raw=b"{}" if method != "TRACE" else None, token=lobby.token())
            assert (answer.status, answer.body["code"]) == (405, "method_not_allowed"), (method, path)
            assert set(answer.headers["Allow"].split(", ")) == methods | {"OPTIONS"}, (method, path)


async def test_options_says_what_an_address_takes(lobby: Lobby) -> None:
    for path, methods in METHODS.items():
        answer = await lobby.call("OPTIONS", path)
        assert (answer.status, answer.body) == (204, b"")
        assert set(answer.headers["Allow"].split(", ")) == methods | {"OPTIONS"}, path
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_head_answers_as_get_does_without_the_body(lobby: Lobby) -> None:
    for path in ("/healthz", "/readyz", "/api/rooms", "/", "/api/users/online", "/api/rooms/none", "/ws"):
        with_body, without = [await lobby.call(method, path, token=lobby.token()) for method in ("GET", "HEAD")]
        assert (without.status, without.body) == (with_body.status, b""), path
        for name in ("Content-Type", "Content-Length", "ETag", "Cache-Control"):
            assert without.headers.get(name) == with_body.headers.get(name), (path, name)


UNKNOWN_ADDRESSES = [
    "/nothing",
    "/api",
    "/api/",
    "/api/rooms/",
    "/api/rooms/a/b",
    "/API/ROOMS",
    "/api/auth/register/",
    "/api/rooms;x=1",
    "//api/rooms",
    "/static/../server.py",
    "/..%2f..%2fetc%2fpasswd",
    "/index.html",
    "/%00",
    "/%ff",
    "/" + "x" * 20_000,
]


async def test_unknown_address_is_404_in_json_whatever_the_method(lobby: Lobby) -> None:
    for path in UNKNOWN_ADDRESSES:
        for method in ("GET", "POST", "DELETE", "OPTIONS"):
            answer = await lobby.call(method, path, raw=b"{" if method == "POST" else None)
            assert (answer.status, answer.body["code"]) == (404, "not_found"), (method, path[:50])


async def test_unknown_room_is_404(lobby: Lobby) -> None:
    for room_id in ("nope", "%00", "%27%20OR%201=1", "..", "x" * 5000, "%F0%9F%98%80", "a%2Fb"):
        for method in ("GET", "DELETE"):
            answer = await lobby.call(method, f"/api/rooms/{room_id}", token=lobby.token())
            assert (answer.status, answer.body["code"]) == (404, "room_not_found"), room_id[:50]


async def test_id_that_is_long_goes_to_no_other_node(lobby: Lobby, monkeypatch: pytest.MonkeyPatch) -> None:
    log = lobby.server.app.replica.log
    append = log.append
    appended: list[bytes] = []

    def note(command: Command, request: Request | None = None) -> None:
        appended.append(encode_command(command))
        append(command, request)

    monkeypatch.setattr(log, "append", note)
    for method, path, status in (
        ("POST", "/api/parties/{}/invites/decline", 404),
        ("POST", "/api/parties/{}/join", 404),
        ("POST", "/api/rooms/{}/party", 403),
        ("POST", "/api/rooms/{}/ready", 404),
        ("POST", "/api/codes/{}", 404),
    ):
        body = {"ready": True} if path.endswith("ready") else None
        answer = await lobby.call(method, path.format("x" * 30_000), body, token=lobby.token())
        assert answer.status == status, path
    assert len(appended) == 5
    assert max(map(len, appended)) < 500


async def test_address_that_is_not_utf8_is_400(lobby: Lobby) -> None:
    for path in ("/api/rooms/%ff", "/api/rooms?gamemode=%ff%fe"):
        answer = await lobby.call("GET", path)
        assert (answer.status, answer.body["code"]) == (400, "invalid_request")


async def test_body_over_the_limit_is_413_and_one_at_the_limit_is_read(lobby: Lobby) -> None:
    def body(size: int) -> bytes:
        shell = b'{"username": "ann", "password": "12345678", "more": ""}'
        return shell[:-2] + b"x" * (size - len(shell)) + shell[-2:]

    answers: list[Answer] = []
    for size in (64 * 1024, 64 * 1024 + 1, 1_000_000):
        answers.append(await lobby.call("POST", "/api/auth/login", raw=body(size)))
    assert [answer.status for answer in answers] == [401, 413, 413]
    assert answers[1].body["code"] == "payload_too_large"
    huge = await lobby.call("POST", "/api/auth/login", raw=body(2_000_000))
    assert huge.status in (400, 413, 599)  # the connection may be over before all of it is sent
    assert (await lobby.call("GET", "/healthz")).status == 200


async def test_unknown_fields_and_a_missing_content_type_do_no_harm(lobby: Lobby) -> None:
    body = json.dumps({"gamemode": "ctf", "id": "mine", "host_username": "eve", "__proto__": {"x": 1}}).encode()
    headers = {"Content-Type": "text/plain", "Authorization": f"Bearer {lobby.token()}"}
    answer = await lobby.call("POST", "/api/rooms", raw=body, headers=headers)
    assert answer.status == 201
    assert answer.body["room"]["id"] != "mine"
    assert answer.body["room"]["host_username"] == "ann"


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b'\xef\xbb\xbf{"username": "ann"}', "byte order mark"),
        (b'{"username": "ann"}\x00', "NUL byte"),
        (b"username=ann", "not JSON"),
    ],
)
async def test_body_that_cannot_be_read_says_what_is_wrong_with_it(lobby: Lobby, raw: bytes, what: str) -> None:
    answer = await lobby.call("POST", "/api/auth/login", raw=raw)
    assert (answer.status, answer.body["code"]) == (400, "invalid_request")
    assert what in answer.body["error"]


async def test_null_for_an_optional_field_is_the_same_as_leaving_it_out(lobby: Lobby) -> None:
    wish = {"gamemode": "ffa", "mapName": None, "maxPlayers": None, "isPublic": None}
    made = await lobby.call("POST", "/api/rooms", wish, token=lobby.token())
    assert (made.status, made.body["room"]["max_players"], made.body["room"]["map_name"]) == (201, 8, None)
    assert (await lobby.call("GET", "/api/rooms")).body["count"] == 1


@pytest.mark.parametrize(("literal", "status"), [("8.0", 201), ("8e0", 201), ("8.5", 400), ('"8"', 400), ("true", 400)])
async def test_whole_number_in_a_body_may_be_written_as_a_float(lobby: Lobby, literal: str, status: int) -> None:
    raw = b'{"gamemode":"ffa","maxPlayers":%b}' % literal.encode()
    made = await lobby.call("POST", "/api/rooms", raw=raw, token=lobby.token())
    assert made.status == status
    if status == 201:
        assert made.body["room"]["max_players"] == 8


async def test_user_id_in_a_body_may_be_written_as_a_float(lobby: Lobby) -> None:
    registered = await lobby.call("POST", "/api/auth/register", {"username": "bob", "password": "12345678"})
    user_id = registered.body["user"]["id"]
    raw = b'{"to_user_id":%d.0}' % user_id
    asked = await lobby.call("POST", "/api/friends/requests", raw=raw, token=lobby.token(900, "ann"))
    assert (asked.status, asked.body["request"]["to_user_id"]) == (201, user_id)


@pytest.mark.parametrize("before", ["", "-1", "1.0", "x", "٣", "1" * 19])
async def test_page_before_what_is_no_id_is_400(lobby: Lobby, before: str) -> None:
    for path in ("/api/notifications", "/api/chat/lobby"):
        answer = await lobby.call("GET", f"{path}?{urlencode({'before': before})}", token=lobby.token())
        assert (answer.status, answer.body["fields"]) == (400, {"before": "before is an id."})


@pytest.mark.parametrize(
    "body",
    [{}, {"to_user_id": None, "to_username": None}, {"to_user_id": 1, "to_username": 5}, {"to_user_id": 2**53}],
)
async def test_body_that_names_no_user_is_400(lobby: Lobby, body: dict[str, Any]) -> None:
    answer = await lobby.call("POST", "/api/friends/requests", body, token=lobby.token())
    assert (answer.status, answer.body["code"]) == (400, "invalid_request")
