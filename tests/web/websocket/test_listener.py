"""The way in: what is refused, with what words, and that those who say nothing keep nobody out."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from typing import Any

import pytest

from lobby_server.logs import fields_of
from lobby_server.process import listening
from lobby_server.service.watch.events import LogEvent
from lobby_server.settings import SettingsError
from lobby_server.web.origin import Origins
from lobby_server.web.websocket import handover, listener, places
from lobby_server.web.websocket.places import places_for
from tests.patience import PATIENCE_S
from tests.web.conftest import Lobby, StartLobby
from tests.web.websocket.ways import Peer, start_way, upgrade


async def answer(lobby: Lobby, request: bytes) -> tuple[int, dict[str, str], Any]:
    peer = await Peer.connect(lobby)
    await peer.send(request)
    return await peer.response()


async def test_upgrade_over_http_1_0_is_refused_with_the_name_of_the_proxys_setting_and_logged(
    lobby: Lobby, caplog: pytest.LogCaptureFixture
) -> None:
    status, fields, body = await answer(lobby, upgrade(version="HTTP/1.0"))
    assert (status, body["code"], fields["sec-websocket-version"]) == (426, "upgrade_required", "13")
    assert "proxy_http_version 1.1" in body["error"]
    (record,) = [record for record in caplog.records if getattr(record, "event", "") == LogEvent.UPGRADE_REFUSED]
    assert "proxy_http_version 1.1" in str(fields_of(record)["reason"])


@pytest.mark.parametrize(("waiting", "accepted"), [(12, listener.ACCEPTS_PER_TURN), (20, 20)])
async def test_queue_that_is_half_full_is_emptied_in_one_turn(
    start_lobby: StartLobby, monkeypatch: pytest.MonkeyPatch, waiting: int, accepted: int
) -> None:
    """Beyond its end clients would wait for a second."""
    monkeypatch.setattr(listening, "LISTEN_BACKLOG", 32)
    lobby = await start_lobby()
    way_in = lobby.server._listener
    assert way_in is not None
    clients = [socket.create_connection(("127.0.0.1", lobby.server.port), timeout=PATIENCE_S) for _ in range(waiting)]
    way_in._accept(way_in._sockets[0])
    assert len(way_in._newcomers) == accepted
    for client in clients:
        client.close()


@pytest.mark.parametrize("first_says", [True, False], ids=["request is there", "request is to come"])
async def test_request_is_looked_for_at_once_unless_it_was_in_vain_for_who_came_before(
    lobby: Lobby, first_says: bool
) -> None:
    way_in = lobby.server._listener
    assert way_in is not None
    clients = [socket.create_connection(("127.0.0.1", lobby.server.port), timeout=PATIENCE_S) for _ in range(3)]
    request = b"GET /healthz HTTP/1.1\r\nHost: lobby.test\r\n\r\n"
    for client in clients if first_says else clients[1:]:
        client.sendall(request)
    way_in._accept(way_in._sockets[0])
    assert len(way_in._newcomers) == (0 if first_says else 3)
    await asyncio.sleep(0)
    clients[0].sendall(b"" if first_says else request)
    loop = asyncio.get_running_loop()
    for client in clients:
        client.setblocking(False)
        answered = await asyncio.wait_for(loop.sock_recv(client, 12), PATIENCE_S)
        assert answered == b"HTTP/1.1 200"
        client.close()


async def test_connection_that_is_accepted_does_not_collect_small_writes(lobby: Lobby) -> None:
    way_in = lobby.server._listener
    assert way_in is not None
    client = socket.create_connection(("127.0.0.1", lobby.server.port), timeout=PATIENCE_S)
    way_in._accept(way_in._sockets[0])
    (newcomer,) = way_in._newcomers._open
    assert newcomer._wire.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    client.close()


async def test_rush_takes_no_more_than_there_are_places_for(
    start_lobby: StartLobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest that has not said what it wants gives way to each that comes."""
    monkeypatch.setattr(listening, "LISTEN_BACKLOG", 32)
    lobby = await start_lobby()
    way_in = lobby.server._listener
    assert way_in is not None
    way_in._places = places.Places(6 + len(way_in._http) - places.RESERVE)
    clients = [socket.create_connection(("127.0.0.1", lobby.server.port), timeout=PATIENCE_S) for _ in range(20)]
    way_in._accept(way_in._sockets[0])
    assert 0 < len(way_in._newcomers) <= 6
    assert [client.recv(1) for client in clients[:14]] == [b""] * 14
    for client in clients:
        client.close()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (upgrade().replace(b"Host: lobby", b"Host : lobby"), 400),
        (upgrade("X-Note: a\rb"), 400),
        (upgrade("X-Note: a\0b"), 400),
        (upgrade("X-Note: a", " folded"), 400),
        (upgrade("Host: other.test"), 400),
        (upgrade().replace(b"Host: lobby.test\r\n", b""), 400),
        (upgrade("Sec-WebSocket-Extensions: permessage-deflate; =;"), 400),
        (upgrade("Content-Length: 5"), 400),
        (upgrade().replace(b": 13", b": 8"), 426),
        (upgrade(version="HTTP/2.0"), 505),
        (upgrade("X-Long: " + "x" * 70_000), 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ],
)
async def test_request_that_is_not_well_formed_is_refused_in_json(lobby: Lobby, request_: bytes, status: int) -> None:
    told, fields, body = await answer(lobby, request_)
    assert (told, fields["connection"].split(",")[0]) == (status, "close")
    assert set(body) == {"error", "code"}


def post(*lines: str, body: bytes = b"") -> bytes:
    return "\r\n".join(["POST /api/auth/login HTTP/1.1", "Host: lobby.test", *lines, "", ""]).encode() + body


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (post("Content-Length: abc"), 400, "invalid_request"),
        (post("Content-Length: -1"), 400, "invalid_request"),
        (post("Content-Length: 2,"), 400, "invalid_request"),
        (post("Content-Length: 2", "Content-Length: 3"), 400, "invalid_request"),
        (post("Content-Length: 2", "Transfer-Encoding: chunked"), 400, "invalid_request"),
        (post("Content-Length: 1048577"), 413, "payload_too_large"),
        (post("Content-Length: " + "9" * 5000), 413, "payload_too_large"),
        (post("Transfer-Encoding: chunked", body=b"xyz\r\n"), 400, "invalid_request"),
        (post("Transfer-Encoding: chunked", body=b"0\r\nno field\r\n\r\n"), 400, "invalid_request"),
        (post("Transfer-Encoding: chunked", body=b"2\r\n{}XX"), 400, "invalid_request"),
        (post("Transfer-Encoding: chunked", body=b"100001\r\n"), 413, "payload_too_large"),
        (
            post("Connection: keep-alive", "Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n").replace(
                b"1.1", b"1.0"
            ),
            400,
            "invalid_request",
        ),
    ],
)
async def test_body_that_is_not_read_is_refused_in_json(lobby: Lobby, request_: bytes, status: int, code: str) -> None:
    ask = b"GET /healthz HTTP/1.1\r\nHost: lobby.test\r\n\r\n"
    for before in (b"", ask):  # as the first request of its connection, and behind another one
        peer = await Peer.connect(lobby)
        await peer.send(before)
        if before:
            assert (await peer.response())[0] == 200
        await peer.send(request_)
        told, fields, body = await peer.response()
        assert (told, body["code"], fields["connection"]) == (status, code, "close")


async def test_length_that_is_given_twice_is_one(lobby: Lobby) -> None:
    status, _, body = await answer(lobby, post("Content-Length: 02, 2", "Content-Length: 2", body=b"{}"))
    assert (status, body["code"]) == (400, "invalid_request")
    status, _, body = await answer(lobby, post("Content-Length: 2, 2", "Content-Length: 2", body=b"{}"))
    assert (status, list(body["fields"])) == (400, ["username", "password"])


@pytest.mark.parametrize(
    "request_",
    [
        upgrade().replace(b"Upgrade: websocket", b"Upgrade: h2c, WebSocket"),
        upgrade().replace(b"Connection: Upgrade", b"Connection: keep-alive\r\nConnection: upgrade"),
        upgrade(path="http://lobby.test/ws"),
        upgrade(path="/%77s?x=1"),
        b"\r\n" + upgrade(),
        upgrade("Sec-WebSocket-Extensions: unknown; a=1, permessage-deflate; server_max_window_bits=99"),
        upgrade("X-Note:"),
    ],
)
async def test_request_that_is_well_formed_in_another_way_is_upgraded(lobby: Lobby, request_: bytes) -> None:
    peer = await Peer.connect(lobby)
    await peer.send(request_)
    assert (await peer.response_head())[0] == 101


async def test_origin_that_is_refused_is_told_in_json_and_logged_with_both_values(
    lobby: Lobby, caplog: pytest.LogCaptureFixture
) -> None:
    status, _, body = await answer(lobby, upgrade("Origin: https://elsewhere.example"))
    assert (status, body["code"]) == (403, "forbidden_origin")
    (record,) = [record for record in caplog.records if getattr(record, "event", "") == LogEvent.UPGRADE_REFUSED]
    assert (fields_of(record)["origin"], fields_of(record)["host"]) == ("https://elsewhere.example", "lobby.test")


@pytest.mark.parametrize(
    ("allowed", "origin", "host", "is_allowed"),
    [
        ((), "https://game.example", "game.example:443", True),
        ((), "https://GAME.example:443", "game.example", True),
        ((), "http://game.example", "game.example:80", True),
        ((), "http://game.example", "game.example:443", False),
        ((), "https://game.example:8443", "game.example", False),
        ((), "http://[::1]:30820", "[::1]:30820", True),
        ((), "null", "game.example", False),
        ((), "https://game.example.evil", "game.example", False),
        ((), None, "game.example", True),
        (("https://game.example",), "https://game.example:443", "x", True),
        (("https://game.example:443",), "https://game.example", "x", True),
        (("https://game.example",), "http://game.example", "x", False),
        (("https://game.example",), "https://x", "x", False),
        (("capacitor://localhost", "null"), "capacitor://localhost", "x", True),
        (("capacitor://localhost", "null"), "null", "x", True),
        (("*",), "https://anything.example", "x", True),
    ],
)
def test_origins_are_compared_by_scheme_host_and_port(
    allowed: tuple[str, ...], origin: str | None, host: str, is_allowed: bool
) -> None:
    assert Origins(allowed).allows(origin, host) is is_allowed


@pytest.mark.parametrize(
    "allowed",
    [
        "game.example",
        "https://game.example/play",
        "https://",
        "https://a b",
        "https://game.example:99999",
        "https://*.game.example",
        "https://spël.example",
    ],
)
async def test_allowed_origin_that_no_browser_sends_is_refused_at_the_start(
    start_lobby: StartLobby, allowed: str
) -> None:
    with pytest.raises(SettingsError, match="--allowed-origins"):
        await start_lobby(allowed_origins=f"https://good.example, {allowed}")


async def test_half_requests_keep_neither_clients_nor_questions_after_the_health_out(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(max_connections=2, handshake_timeout_s=3600.0)  # so that none ends by itself
    halves = [await Peer.connect(lobby) for _ in range(places.RESERVE + 20)]
    for half in halves:
        await half.send(b"GET /ws HTTP/1.1\r\n")
    client = await lobby.connect(lobby.token())
    assert (await lobby.call("GET", "/readyz")).status == 200
    assert await client.fence() == []
    await halves[0].ended()  # the oldest had to give way


@pytest.mark.parametrize("way", ["bare", "tls"])
async def test_idle_connections_give_way_and_busy_ones_do_not(
    start_lobby: StartLobby, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(handover, "IDLE_S", 0.05)
    lobby = await start_way(start_lobby, way, max_connections=2)
    idle = [await Peer.connect(lobby) for _ in range(2)]
    for peer in idle:
        await peer.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await peer.response())[0] == 200
    await asyncio.sleep(0.1)
    clients = [await Peer.open(lobby, way) for _ in range(2)]
    for peer in idle:
        await peer.ended()
    status, fields, body = await answer(lobby, upgrade())
    assert (status, body["code"]) == (503, "try_again_later")
    assert int(fields["retry-after"]) > 0
    for client in clients:
        await client.say("ping")
        await client.expect("pong")


class Failing:
    """A listening socket that fails in one way to accept."""

    def __init__(self, number: int) -> None:
        self.fault = OSError(number, os.strerror(number))
        self.tries = 0

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        """Nobody waits in its queue."""
        return bytes(size)

    def accept_wire(self, loop: asyncio.AbstractEventLoop) -> tuple[socket.socket, Any]:
        self.tries += 1
        raise self.fault


async def test_accept_that_fails_for_good_pauses_and_is_told_once(
    lobby: Lobby, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listener, "OUT_OF_DESCRIPTORS_PAUSE_S", 0.05)
    accepting: Any = lobby.server._listener
    failing = Failing(errno.EPERM)  # a firewall may say so
    for _ in range(20):
        accepting._accept(failing)
    assert failing.tries == 20
    (told,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert told.getMessage() == "no more connections can be taken for the moment: Operation not permitted"
    assert told.exc_info is None
    caplog.clear()
    assert (await lobby.call("GET", "/healthz")).status == 200


@pytest.mark.parametrize("number", [errno.ECONNABORTED, errno.EPROTO, errno.ENETDOWN])
async def test_accept_whose_client_has_gone_goes_on_with_the_next_one(lobby: Lobby, number: int) -> None:
    accepting: Any = lobby.server._listener
    failing = Failing(number)
    accepting._accept(failing)
    assert failing.tries == listener.ACCEPTS_PER_TURN
    assert accepting._pause is None
    assert (await lobby.call("GET", "/healthz")).status == 200


def test_process_that_may_have_too_few_descriptors_says_so_and_takes_fewer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    limits = [(256, 1024)]
    monkeypatch.setattr(places.resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(places.resource, "setrlimit", lambda _, pair: limits.append(pair))
    with caplog.at_level(logging.WARNING):
        assert places_for(500).limit == 500
        assert limits[-1][0] > 500 + places.RESERVE  # raised, and no word said
        assert not caplog.messages
        few = places_for(5000).limit
    assert limits[-1] == (1024, 1024)
    assert 800 < few < 1024 - places.RESERVE
    assert "LimitNOFILE" in caplog.text
