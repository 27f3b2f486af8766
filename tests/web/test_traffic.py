"""What calls leave behind: counts by route and status, the access log, the security log. And never a token."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from lobby_server import __version__
from lobby_server.logs import JsonFormatter, TextFormatter
from lobby_server.protocol.codes import ApiCode, CloseCode
from lobby_server.service.watch.events import LogEvent
from lobby_server.service.watch.metrics import Metrics
from lobby_server.service.watch.security import BURST_OF_AN_ADDRESS, SecurityLog
from lobby_server.web.websocket import places
from tests.fakes.clock import VirtualClock
from tests.web.conftest import Lobby, StartLobby
from tests.web.websocket.ways import Peer, upgrade

CLIENT = "203.0.113.9"
FORWARDED = {"X-Forwarded-For": CLIENT}


def events(caplog: pytest.LogCaptureFixture, *names: LogEvent) -> list[dict[str, Any]]:
    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    return [line for line in lines if line.get("event") in [name.value for name in names]]


async def samples(lobby: Lobby, name: str) -> dict[tuple[str, ...], float]:
    text = (await lobby.call("GET", "/metrics")).body.decode()
    return {
        tuple(sample.labels.values()): sample.value
        for family in parse_text(text)
        for sample in family.samples
        if sample.name == name
    }


async def test_failed_login_is_logged_with_the_clients_address(
    start_lobby: StartLobby, caplog: pytest.LogCaptureFixture
) -> None:
    lobby = await start_lobby(trusted_proxies="127.0.0.1", auth_rate_per_min=2.0)
    body = {"username": "ann", "password": "a wrong password"}
    statuses = [(await lobby.call("POST", "/api/auth/login", body, headers=FORWARDED)).status for _ in range(3)]
    assert statuses == [401, 401, 429]
    failed = events(caplog, LogEvent.LOGIN_FAILED)
    assert [(line["address"], line["status"], line["level"]) for line in failed] == [(CLIENT, 401, "warning")] * 2
    (limited,) = events(caplog, LogEvent.RATE_LIMITED)
    assert (limited["address"], limited["route"], limited["code"]) == (CLIENT, "/api/auth/login", "rate_limited")
    assert "wrong password" not in caplog.text
    found = await samples(lobby, "lobby_security_events_total")
    assert found == {("login_failed",): 2.0, ("rate_limited",): 1.0}


WITH_A_PASSWORD = {
    "/api/auth/password": {"current_password": "a wrong password", "new_password": "a better password"},
    "/api/account/delete": {"password": "a wrong password"},
    "/api/account/email": {"password": "a wrong password"},
}


@pytest.mark.parametrize("path", WITH_A_PASSWORD)
async def test_password_that_is_guessed_with_somebodys_token_is_logged_like_a_log_in(
    start_lobby: StartLobby, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    lobby = await start_lobby(trusted_proxies="127.0.0.1")
    account = {"username": "ann", "password": "the right password"}
    token = (await lobby.call("POST", "/api/auth/register", account)).body["token"]
    assert (await lobby.call("POST", path, WITH_A_PASSWORD[path], token=token, headers=FORWARDED)).status == 401
    (failed,) = events(caplog, LogEvent.LOGIN_FAILED)
    assert (failed["address"], failed["route"], failed["user"]) == (CLIENT, path, 1)
    assert "wrong password" not in caplog.text


async def test_forbidden_call_is_logged_with_address_and_user_and_without_the_token(
    lobby: Lobby, caplog: pytest.LogCaptureFixture
) -> None:
    token, bad = lobby.token(7), lobby.token(8) + "x"
    await lobby.call("POST", "/api/announcements", {"title": "t", "body": "b"}, token=token)
    await lobby.call("GET", f"/api/rooms/{bad}", token=bad)
    await lobby.call("GET", "/api/users/online", token=bad)
    first, second = events(caplog, LogEvent.FORBIDDEN)
    assert (first["code"], first["user"], first["address"]) == ("admin_required", 7, "127.0.0.1")
    assert (second["code"], second["route"]) == ("invalid_token", "/api/users/online")
    assert "user" not in second
    assert token not in caplog.text
    assert bad not in caplog.text


BEFORE = {"first of its connection": b"", "behind another": b"GET /healthz HTTP/1.1\r\nHost: lobby.test\r\n\r\n"}


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
async def test_upgrade_that_is_refused_is_counted_and_logged_once_with_the_clients_address(
    start_lobby: StartLobby, caplog: pytest.LogCaptureFixture, before: bytes
) -> None:
    lobby = await start_lobby(trusted_proxies="127.0.0.1")
    peer = await Peer.connect(lobby)
    if before:
        await peer.send(before)
        assert (await peer.response())[0] == 200
    await peer.send(upgrade("Origin: https://elsewhere.example", f"X-Forwarded-For: 192.0.2.1, {CLIENT}"))
    assert (await peer.response())[0] == 403
    (refused,) = events(caplog, LogEvent.UPGRADE_REFUSED)
    assert (refused["address"], refused["status"], refused["code"]) == (CLIENT, 403, "forbidden_origin")
    assert await samples(lobby, "lobby_security_events_total") == {("upgrade_refused",): 1.0}
    assert (await samples(lobby, "lobby_http_requests_total"))["GET", "/ws", "403"] == 1


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (upgrade().replace(b"Host: lobby", b"Host : lobby"), 400),
        (upgrade(version="HTTP/2.0"), 505),
        (b"POST /api/rooms HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ],
)
async def test_request_that_is_refused_at_its_head_is_counted_and_logged_with_its_address(
    lobby: Lobby, caplog: pytest.LogCaptureFixture, before: bytes, request_: bytes, status: int
) -> None:
    peer = await Peer.connect(lobby)
    if before:
        await peer.send(before)
        assert (await peer.response())[0] == 200
    await peer.send(request_)
    told, _, body = await peer.response()
    assert told == status
    (refused,) = events(caplog, LogEvent.REQUEST_REFUSED)
    assert (refused["address"], refused["status"], refused["level"]) == ("127.0.0.1", status, "warning")
    assert refused["reason"] == body["error"]
    assert (await samples(lobby, "lobby_http_requests_total"))["other", "other", str(status)] == 1
    assert (await samples(lobby, "lobby_security_events_total"))["request_refused",] == 1


async def test_call_without_a_place_is_counted_by_its_status(lobby: Lobby, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lobby.server._listener is not None
    with monkeypatch.context() as full:
        full.setattr(lobby.server._listener._newcomers.gate, "_places", places.Places(-places.RESERVE))
        answer = await lobby.call("POST", "/api/auth/login", {})
    assert (answer.status, answer.body["code"]) == (503, "try_again_later")
    assert (await samples(lobby, "lobby_http_requests_total"))["POST", "other", "503"] == 1


async def test_origin_that_is_none_is_not_repeated_in_the_log(lobby: Lobby, caplog: pytest.LogCaptureFixture) -> None:
    peer = await Peer.connect(lobby)
    await peer.send(upgrade("Origin: a line that a stranger made up"))
    assert (await peer.response())[0] == 403
    (refused,) = events(caplog, LogEvent.UPGRADE_REFUSED)
    assert refused["origin"] == "unreadable"
    assert "stranger" not in caplog.text


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
async def test_session_has_the_address_that_the_proxy_names(start_lobby: StartLobby, before: bytes) -> None:
    lobby = await start_lobby(trusted_proxies="127.0.0.1")
    peer = await Peer.connect(lobby)
    if before:
        await peer.send(before)
        assert (await peer.response())[0] == 200
    await peer.send(upgrade(f"X-Forwarded-For: {CLIENT}"))
    assert (await peer.response_head())[0] == 101
    (session,) = lobby.server.app.sessions if lobby.server.app is not None else ()
    assert session.address == CLIENT


async def test_one_ipv6_network_is_one_for_the_limit(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(trusted_proxies="127.0.0.1", auth_rate_per_min=1.0)

    async def attempt(address: str) -> int:
        return (await lobby.call("POST", "/api/auth/login", {}, headers={"X-Forwarded-For": address})).status

    assert [await attempt(f"2001:db8::{number}") for number in (1, 2)] == [400, 429]
    assert [await attempt(address) for address in ("::ffff:192.0.2.1", "192.0.2.1")] == [400, 429]


@pytest.mark.parametrize("header", ["X-Real-Ip", "X-Scheme", "Forwarded", "X-Client-Ip", "True-Client-Ip"])
async def test_no_other_header_chooses_the_address(start_lobby: StartLobby, header: str) -> None:
    lobby = await start_lobby(trust_proxy_headers=True, auth_rate_per_min=1.0)
    made_up = ["192.0.2.1", "192.0.2.2"]
    answers = [
        await lobby.call("POST", "/api/auth/login", {}, headers={**FORWARDED, header: address}) for address in made_up
    ]
    assert [answer.status for answer in answers] == [400, 429]


async def test_calls_are_counted_by_route_and_status_however_many_addresses_there_are(lobby: Lobby) -> None:
    for number in range(20):
        await lobby.call("GET", f"/api/rooms/{number}")
        await lobby.call("GET", f"/nothing/{number}")
    await lobby.call("BREW", "/api/rooms")
    etag = (await lobby.call("GET", "/api/rooms")).headers["Etag"]
    await lobby.call("GET", "/api/rooms", headers={"If-None-Match": etag})
    await lobby.call("GET", "/api/rooms?gamemode=ctf")
    found = await samples(lobby, "lobby_http_requests_total")
    assert found["GET", "/api/rooms/{room_id}", "404"] == 20
    assert found["GET", "other", "404"] == 20
    assert found["other", "/api/rooms", "405"] == 1
    assert found["GET", "/api/rooms", "200"] == 2
    assert found["GET", "/api/rooms", "304"] == 1
    times = await samples(lobby, "lobby_http_request_duration_seconds_count")
    assert times[("/api/rooms/{room_id}",)] == 20


async def test_access_log_has_the_route_the_client_and_the_user(
    start_lobby: StartLobby, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    lobby = await start_lobby(access_log="calls", trusted_proxies="127.0.0.1")
    token = lobby.token(7)
    await lobby.call("POST", f"/api/parties?token={token}", {}, token=token, headers=FORWARDED)
    for path in ("/api/rooms", "/healthz", "/", "/static/icon.svg", "/metrics"):
        await lobby.call("GET", path)
    (line,) = events(caplog, LogEvent.CALL)
    assert line["ms"] >= 0
    wanted = {"method": "POST", "route": "/api/parties", "address": CLIENT, "user": 7, "logger": "lobby.access"}
    assert wanted.items() <= line.items()
    assert token not in caplog.text


@pytest.mark.parametrize(("choice", "lines"), [("off", 0), ("calls", 0), ("all", 3)])
async def test_room_list_is_logged_only_when_all_is_asked_for(
    start_lobby: StartLobby, caplog: pytest.LogCaptureFixture, choice: str, lines: int
) -> None:
    caplog.set_level(logging.INFO)
    lobby = await start_lobby(access_log=choice, trusted_proxies="127.0.0.1")
    etag = (await lobby.call("GET", "/api/rooms", headers=FORWARDED)).headers["Etag"]
    await lobby.call("GET", "/api/rooms", headers={**FORWARDED, "If-None-Match": etag})
    await lobby.call("GET", "/api/rooms?gamemode=ctf", headers=FORWARDED)
    found = events(caplog, LogEvent.CALL)
    assert [(line["address"], line["status"]) for line in found] == [(CLIENT, 200), (CLIENT, 304), (CLIENT, 200)][
        :lines
    ]


async def test_metrics_are_openmetrics_for_who_accepts_it_and_text_otherwise(lobby: Lobby) -> None:
    await lobby.call("GET", "/api/stats")
    prometheus = (
        "application/openmetrics-text;version=1.0.0;q=0.75,application/openmetrics-text;version=0.0.1;q=0.5,"
        "text/plain;version=0.0.4;q=0.25,*/*;q=0.1"
    )
    answer = await lobby.call("GET", "/metrics", headers={"Accept": prometheus})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    families = {family.name: family for family in parse_openmetrics(answer.body.decode())}
    assert families["lobby_build_info"].samples[0].labels["version"] == __version__
    assert "lobby_http_requests" in families
    for accept in ("", "*/*", "text/plain"):
        plain = await lobby.call("GET", "/metrics", headers={"Accept": accept})
        assert plain.headers["Content-Type"].startswith("text/plain; version=")
        assert "# EOF" not in plain.body.decode()


def test_security_log_is_bounded_per_address_and_counts_what_it_leaves_out(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    log = SecurityLog(clock=VirtualClock(), metrics=metrics)
    for number in range(1000):
        log.report(LogEvent.FORBIDDEN, "a call was forbidden", address=f"2001:db8::{number:x}")
    assert len(caplog.records) == BURST_OF_AN_ADDRESS
    log.report(LogEvent.FORBIDDEN, "a call was forbidden", address="192.0.2.1")
    log.report(LogEvent.LOGIN_FAILED, "a log-in failed", address="2001:db8::1")
    assert len(caplog.records) == BURST_OF_AN_ADDRESS + 2
    assert metrics.security_events == {"forbidden": 1001, "login_failed": 1}
    assert metrics.security_lines_left_out == 1000 - BURST_OF_AN_ADDRESS


def test_security_log_is_bounded_however_many_addresses_an_attack_has(caplog: pytest.LogCaptureFixture) -> None:
    log = SecurityLog(clock=VirtualClock(), metrics=Metrics())
    for number in range(5000):
        log.report(LogEvent.FORBIDDEN, "a call was forbidden", address=f"10.0.{number // 256}.{number % 256}")
    assert len(caplog.records) == 500


def test_line_of_text_shows_the_fields_and_stays_one_line() -> None:
    record = logging.makeLogRecord(
        {"name": "lobby", "levelname": "INFO", "msg": "x", "event": "call", "code": "a b\n", "user": 7, "none": ""}
    )
    line = TextFormatter().format(record)
    assert line.endswith('lobby: x [event=call code="a b\\n" user=7 none=""]')
    assert len(line.splitlines()) == 1


def test_codes_are_in_the_log_as_on_the_wire() -> None:
    given = {"code": ApiCode.INVALID_CREDENTIALS, "closed": CloseCode.SIGNED_OUT, "event": LogEvent.LOGIN_FAILED}
    record = logging.makeLogRecord({"name": "lobby", "levelname": "INFO", "msg": "x", **given})
    assert TextFormatter().format(record).endswith("[code=invalid_credentials closed=4502 event=login_failed]")
    line = json.loads(JsonFormatter().format(record))
    assert (line["code"], line["closed"], line["event"]) == ("invalid_credentials", 4502, "login_failed")


async def test_session_lines_have_fields(lobby: Lobby, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    client = await lobby.connect(lobby.token(7))
    for _ in range(200):
        await client.send("nonsense")
    assert await client.closed() in (4501, 4003)
    (entered,) = events(caplog, LogEvent.AUTHENTICATED)
    (closed,) = events(caplog, LogEvent.CLOSED_FOR_ABUSE)
    assert entered["address"] == closed["address"] == "127.0.0.1"
    assert entered["session"] == closed["session"]
    assert entered["user"] == closed["user"] == 7
    assert closed["code"] in (4501, 4003)
    assert closed["level"] == "warning"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x83\x80\0\0\0\0", 1002),  # an opcode that is not defined
        (b"\x81\x81\0\0\0\0\xff", 1007),
        (b"\x81\xfe\xff\xff\0\0\0\0", 1009),
    ],
)
async def test_socket_closed_for_bytes_that_are_no_messages_is_in_the_security_log(
    lobby: Lobby, caplog: pytest.LogCaptureFixture, sent: bytes, code: int
) -> None:
    peer = await Peer.open(lobby)
    await peer.send(sent)
    assert await peer.closed() == code
    (closed,) = events(caplog, LogEvent.CLOSED_FOR_ABUSE)
    assert (closed["code"], closed["address"], closed["level"]) == (code, "127.0.0.1", "warning")


async def test_handshake_that_is_refused_is_in_the_security_log(lobby: Lobby, caplog: pytest.LogCaptureFixture) -> None:
    client = await lobby.connect()
    token = lobby.token(7) + "x"
    assert (await client.handshake(token))["type"] == "error"
    (refused,) = events(caplog, LogEvent.HANDSHAKE_REFUSED)
    assert refused["code"] == "invalid_token"
    assert refused["session"] > 0
    assert token not in caplog.text
