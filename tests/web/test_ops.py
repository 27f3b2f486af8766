"""Liveness, readiness, metrics, the page, and who of the browsers may read: what runs beside the API."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from bench.simulation.outside.memory_store import MemoryStore
from tests.web.conftest import Lobby, StartLobby


@contextlib.contextmanager
def store_away(lobby: Lobby) -> Iterator[None]:
    """The database goes away and comes back: every call of the store says so."""
    app = lobby.server.app
    away = MemoryStore()
    away.is_away = True
    holders = [(app, "store"), (app.accounts, "_store"), (app.sign_ins, "_store"), (app.rooms, "_store")]
    present = [getattr(holder, name) for holder, name in holders]
    for holder, name in holders:
        setattr(holder, name, away)
    yield
    for (holder, name), store in zip(holders, present, strict=True):
        setattr(holder, name, store)


async def test_liveness_is_200_whatever_the_database_does(lobby: Lobby) -> None:
    with store_away(lobby):
        answer = await lobby.call("GET", "/healthz")
    assert (answer.status, answer.body) == (200, {"status": "ok"})


async def test_readiness_follows_the_database(lobby: Lobby) -> None:
    assert (await lobby.call("GET", "/readyz")).status == 200
    with store_away(lobby):
        answer = await lobby.call("GET", "/readyz")
        assert (answer.status, answer.body["code"]) == (503, "not_ready")
        assert int(answer.headers["Retry-After"]) > 0
    assert (await lobby.call("GET", "/readyz")).status == 200


async def test_readiness_is_503_while_draining(lobby: Lobby) -> None:
    lobby.server.app.drain.is_begun = True
    answer = await lobby.call("GET", "/readyz")
    assert (answer.status, answer.body["code"]) == (503, "not_ready")
    assert int(answer.headers["Retry-After"]) > 0
    with pytest.raises(HTTPClientError) as refused:
        await lobby.connect()
    assert refused.value.code == 503
    lobby.server.app.drain.is_begun = False  # so that the fixture drains


async def test_call_that_needs_the_database_is_503_with_retry_after_while_it_is_away(
    lobby: Lobby, caplog: pytest.LogCaptureFixture
) -> None:
    token = lobby.token()
    room = (await lobby.call("POST", "/api/rooms", {"gamemode": "ctf"}, token=token)).body["room"]
    account = {"username": "ann", "password": "12345678"}
    with store_away(lobby):
        for method, path, body, caller in [
            ("POST", "/api/auth/register", account, None),
            ("POST", "/api/auth/login", account, None),
            ("GET", "/api/auth/verify", None, token),
            ("POST", "/api/auth/logout", None, token),
            ("POST", "/api/rooms", {"gamemode": "ctf"}, lobby.token(2, "bob")),
            ("DELETE", f"/api/rooms/{room['id']}", None, token),
        ]:
            answer = await lobby.call(method, path, body, token=caller)
            assert (answer.status, answer.body["code"]) == (503, "try_again_later"), path
            assert int(answer.headers["Retry-After"]) > 0
        # What lives in memory goes on, and nothing changed.
        assert (await lobby.call("GET", "/api/rooms")).body["rooms"] == [room]
        await lobby.connect(token)
    expected = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [record.exc_info for record in expected] == [None] * 6  # a line each, no traceback
    caplog.clear()
    assert (await lobby.call("POST", "/api/rooms", {"gamemode": "a"}, token=lobby.token(2, "bob"))).status == 201


async def test_fault_of_the_server_is_500_without_a_word_of_what_it_was(
    lobby: Lobby, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("something private")

    monkeypatch.setattr(lobby.server.app.rooms, "room", fail)
    answer = await lobby.call("GET", "/api/rooms/some")
    assert (answer.status, answer.body["code"]) == (500, "internal_error")
    assert "private" not in str(answer.body)
    assert [record.levelname for record in caplog.records if record.exc_info] == ["ERROR"]
    caplog.clear()
    assert (await lobby.call("GET", "/healthz")).status == 200


async def test_metrics_parse_and_count_what_happened(lobby: Lobby) -> None:
    client = await lobby.connect(lobby.token())
    await client.send("{")
    await client.expect("error")
    await lobby.call("POST", "/api/rooms", {"gamemode": "ctf"}, token=lobby.token())
    listed = await lobby.call("GET", "/api/rooms")
    await lobby.call("GET", "/api/rooms", headers={"If-None-Match": listed.headers["ETag"]})
    answer = await lobby.call("GET", "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    families = list(text_string_to_metric_families(answer.body.decode()))
    values = {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}
    for name, value in {
        ("lobby_sockets",): 1,
        ("lobby_sessions",): 1,
        ("lobby_users_online",): 1,
        ("lobby_rooms",): 1,
        ("lobby_sockets_opened_total",): 1,
        ("lobby_handshakes_accepted_total",): 1,
        ("lobby_connections_refused_total",): 0,
        ("lobby_room_list_built_total",): 1,
        ("lobby_errors_out_total", "bad_json"): 1,
        ("lobby_events_published_total", "user_online"): 1,
        ("lobby_events_published_total", "rooms_changed"): 1,
        ("lobby_room_list_served_total", "full"): 1,
        ("lobby_room_list_served_total", "not_modified"): 1,
    }.items():
        assert values[name] == value, name
    for name in ("lobby_messages_in_total", "lobby_frames_out_total", "lobby_sent_bytes_total"):
        assert values[name,] > 0, name
    assert all(family.documentation for family in families)


async def test_page_is_shown_to_a_browser_and_a_socket_opened_for_a_client(lobby: Lobby) -> None:
    page = await lobby.call("GET", "/")
    assert page.status == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.body.startswith(b"<!doctype html>")
    assert (await lobby.connect(lobby.token(), path="/")).close_code is None


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Sec-WebSocket-Version": "13"}, 400, "invalid_request"),
        ({"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "c2hvcnQ="}, 400, "invalid_request"),
        ({"Sec-WebSocket-Version": "99", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}, 426, "upgrade_required"),
    ],
)
async def test_malformed_upgrade_is_an_error_of_the_api(
    lobby: Lobby, headers: dict[str, str], status: int, code: str
) -> None:
    answer = await lobby.call("GET", "/ws", headers={"Upgrade": "websocket", "Connection": "Upgrade", **headers})
    assert (answer.status, answer.body["code"]) == (status, code)
    if status == 426:
        assert answer.headers["Sec-WebSocket-Version"] == "13"


async def test_socket_path_without_an_upgrade_is_426(lobby: Lobby) -> None:
    for headers in ({}, {"Upgrade": "h2c"}, {"Upgrade": "websocket"}):  # the last as a proxy leaves it that knows none
        answer = await lobby.call("GET", "/ws", headers=headers)
        assert (answer.status, answer.body["code"]) == (426, "upgrade_required")
        assert answer.headers["Upgrade"] == "websocket"


async def test_server_does_not_say_what_it_runs_on(lobby: Lobby) -> None:
    for path in ("/", "/api/rooms", "/nothing"):
        assert "Server" not in (await lobby.call("GET", path)).headers


# -- browsers of other origins ------------------------------------------------------------------------------------

GAME = {"Origin": "https://game.example"}
EVIL = {"Origin": "https://evil.example"}


async def test_page_of_an_allowed_origin_reads_answers_and_errors(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(allowed_origins="https://other.example, https://game.example/")
    for method, path, status in [
        ("GET", "/api/rooms", 200),
        ("GET", "/api/rooms/none", 404),
        ("GET", "/nothing", 404),
        ("GET", "/api/users/online", 401),
        ("POST", "/api/auth/login", 400),
        ("PUT", "/api/rooms", 405),
        ("GET", "/ws", 426),
    ]:
        allowed = await lobby.call(method, path, {} if method != "GET" else None, headers=GAME)
        assert allowed.status == status
        assert allowed.headers["Access-Control-Allow-Origin"] == "https://game.example", path
        assert {"ETag", "Retry-After"} <= set(allowed.headers["Access-Control-Expose-Headers"].split(", ")), path
        assert "Origin" in allowed.headers["Vary"]
        refused = await lobby.call(method, path, {} if method != "GET" else None, headers=EVIL)
        assert "Access-Control-Allow-Origin" not in refused.headers
        assert "Origin" in refused.headers["Vary"]


async def test_browser_that_asks_first_is_told_methods_and_headers(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(allowed_origins="https://game.example")
    asks = {**GAME, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    answer = await lobby.call("OPTIONS", "/api/rooms", headers=asks)
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "https://game.example"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_no_origin_but_the_own_host_reads_where_none_is_allowed(lobby: Lobby) -> None:
    for origin in ("https://game.example", "null", lobby.url):
        answer = await lobby.call("GET", "/api/rooms", headers={"Origin": origin})
        assert answer.status == 200
        assert "Access-Control-Allow-Origin" not in answer.headers
    own = await websocket_connect(HTTPRequest(f"ws{lobby.url[4:]}/ws", headers={"Origin": lobby.url}))
    own.close()
    with pytest.raises(HTTPClientError) as refused:
        await websocket_connect(HTTPRequest(f"ws{lobby.url[4:]}/ws", headers=EVIL))
    assert refused.value.code == 403


async def test_star_allows_every_origin(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(allowed_origins="*")
    answer = await lobby.call("GET", "/api/rooms", headers=EVIL)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://evil.example"


async def test_metrics_show_what_clients_see(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(ack_percent=100.0)
    client = await lobby.connect()
    await client.command("handshake", version="1", name="P", token=lobby.token(1), features=["ack"])
    ack_id = (await client.expect("user_online"))["ack"]
    await client.command("ack", id=ack_id)
    await client.fence()
    text = (await lobby.call("GET", "/metrics")).body.decode()
    assert "lobby_acks_asked_total 1.0" in text
    assert "lobby_acks_missed_total 0.0" in text
    assert 'lobby_client_seen_latency_seconds_bucket{le="+Inf"} 1.0' in text
    assert "lobby_client_seen_latency_seconds_count 1.0" in text
