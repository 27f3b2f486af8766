"""The room list has the same answer on the loop as from Tornado's handler: every byte but the date, and every trace."""

from __future__ import annotations

import asyncio
import functools
import logging
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from lobby_server.core.presence import User
from lobby_server.logs import fields_of
from lobby_server.protocol.requests import RoomWish
from lobby_server.service.watch.events import LogEvent
from lobby_server.web.api.rooms import RoomsHandler
from lobby_server.web.lean.room_list import RoomListAnswers
from tests.patience import PATIENCE_S
from tests.web.conftest import Lobby, StartLobby
from tests.web.websocket.ways import Peer, start_way

GAMEMODES = ("ffa", "ctf", "Team Deathmatch", "größe", "ffa")
FENCE = b"GET /healthz HTTP/1.1\r\nHost: lobby.test\r\nConnection: close\r\n\r\n"
"""Behind each request, so that all of its answer is read, and that the connection goes on as it should."""
DATE = re.compile(rb"\r\nDate: [^\r]+")


def get(*lines: str, target: str = "/api/rooms", method: str = "GET", version: str = "1.1", body: str = "") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/{version}", "Host: lobby.test", *lines, "", body]).encode()


ON_THE_LOOP = {
    "bare": get(),
    "as a browser asks": get(
        "Accept: */*", "Accept-Encoding: gzip, deflate, br, zstd", "Connection: keep-alive", "Cookie: a=b",
        "Origin: http://elsewhere.test", "Sec-Fetch-Mode: cors",
    ),
    "gzip": get("Accept-Encoding: gzip"),
    "gzip by the star": get("Accept-Encoding: br;q=0.5, *"),
    "gzip refused": get("Accept-Encoding: gzip;q=0, *"),
    "coding in two lines": get("Accept-Encoding: br", "Accept-Encoding: gzip"),
    "unchanged": get("If-None-Match: {etag}"),
    "unchanged, weak and one of several": get('If-None-Match: "1", W/{etag}', "Accept-Encoding: gzip"),
    "unchanged, in two lines": get('If-None-Match: "1"', "If-None-Match: {etag}"),
    "whatever it is": get("If-None-Match: *"),
    "changed": get('If-None-Match: "1"'),
    "filter": get(target="/api/rooms?gamemode=ctf"),
    "filter, gzip": get("Accept-Encoding: gzip", target="/api/rooms?gamemode=ctf"),
    "filter, unchanged": get("If-None-Match: {etag}", target="/api/rooms?gamemode=ctf"),
    "filter in percents": get(target="/api/rooms?gamemode=gr%C3%B6%C3%9Fe"),
    "filter with a space": get(target="/api/rooms?gamemode=Team+Deathmatch"),
    "filter twice": get(target="/api/rooms?gamemode=ffa&gamemode=ctf"),
    "filter that nobody plays": get(target="/api/rooms?gamemode=nobody%20plays"),
    "filter with a space around it": get(target="/api/rooms?gamemode=%20ctf%20"),
    "empty filter": get(target="/api/rooms?gamemode="),
    "empty query": get(target="/api/rooms?"),
    "token that does not hold": get("Authorization: Bearer nonsense"),
    "the whole address": get(target="http://lobby.test/api/rooms"),
    "the end of the connection": get("Connection: close"),
    "the end of the connection among others": get("Connection: TE, Close", "TE: trailers"),
    "HTTP/1.0": get(version="1.0"),
    "HTTP/1.0 and the end": get("Connection: close", "If-None-Match: {etag}", version="1.0"),
    "empty lines before it": b"\r\n\r\n" + get(),
    "an offer of HTTP/2": get("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"),
}  # fmt: skip
BY_TORNADO = {
    "HEAD": get(method="HEAD"),
    "OPTIONS": get(method="OPTIONS"),
    "unknown method": get(method="BREW"),
    "body": get("Content-Length: 5", body="hello"),
    "body of nothing": get("Content-Length: 0"),
    "body in chunks": get("Transfer-Encoding: chunked", body="5\r\nhello\r\n0\r\n\r\n"),
    "expectation": get("Expect: 100-continue"),
    "another question": get(target="/api/rooms?mode=ctf"),
    "filter that is not UTF-8": get(target="/api/rooms?gamemode=%FF"),
    "path in percents": get(target="/api/room%73"),
    "slash at the end": get(target="/api/rooms/"),
    "HTTP/1.0 that goes on": get("Connection: keep-alive", version="1.0"),
}


@dataclass
class Seen:
    """What an answer was, and what it left behind."""

    answer: bytes
    answered: Counter[tuple[str, str, int]]
    served: Counter[str]
    lines: list[dict[str, Any]]
    by_handler: int


async def ask(lobby: Lobby, request: bytes, caplog: pytest.LogCaptureFixture, handled: list[str]) -> Seen:
    app, context = lobby.server.app, lobby.server._context
    assert app is not None
    assert context is not None
    answered, served = context.traffic.answered.copy(), app.metrics.room_list_served.copy()
    caplog.clear()
    handled.clear()
    peer = await Peer.connect(lobby)
    await peer.send(request.replace(b"{etag}", app.room_list.etag().encode()) + FENCE)
    answer = await asyncio.wait_for(peer.reader.read(), PATIENCE_S)
    calls = [fields_of(record) for record in caplog.records if getattr(record, "event", "") == LogEvent.CALL.value]
    return Seen(
        DATE.sub(b"", answer),
        context.traffic.answered - answered,
        Counter(app.metrics.room_list_served) - Counter(served),
        [{name: value for name, value in call.items() if name != "ms"} for call in calls],
        len(handled),
    )


@pytest.fixture
def handled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the handler was asked for."""
    calls: list[str] = []
    original = RoomsHandler.get

    @functools.wraps(original)
    async def counted(self: RoomsHandler) -> None:
        calls.append(self.request.uri or "")
        await original(self)

    monkeypatch.setattr(RoomsHandler, "get", counted)
    return calls


async def with_rooms(start_lobby: StartLobby, way: str = "bare", **settings: Any) -> Lobby:
    lobby = await start_way(start_lobby, way, access_log="all", **settings)
    for number, gamemode in enumerate(GAMEMODES):
        app = lobby.server.app
        assert app is not None
        await app.rooms.create_room(User(number, f"user{number}"), RoomWish(gamemode=gamemode))
    return lobby


def without_the_loop(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RoomListAnswers, "known", lambda self, raw: None)
    patch.setattr(RoomListAnswers, "read", lambda self, raw, head: None)


@pytest.mark.parametrize("settings", [{}, {"path_prefix": "/games/lobby"}], ids=["no prefix", "prefix"])
@pytest.mark.parametrize("name", [*ON_THE_LOOP, *BY_TORNADO])
async def test_answer_and_traces_are_the_same_from_both(
    start_lobby: StartLobby,
    caplog: pytest.LogCaptureFixture,
    handled: list[str],
    name: str,
    settings: dict[str, str],
) -> None:
    caplog.set_level(logging.INFO)
    lobby = await with_rooms(start_lobby, trusted_proxies="127.0.0.1", **settings)
    request = {**ON_THE_LOOP, **BY_TORNADO}[name]
    if settings:
        request = request.replace(b"/api/", b"/games/lobby/api/", 1)
    request = request.replace(b"Host: lobby.test\r\n", b"Host: lobby.test\r\nX-Forwarded-For: 203.0.113.9\r\n", 1)
    short, again = [await ask(lobby, request, caplog, handled) for _ in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        without_the_loop(patch)
        long = await ask(lobby, request, caplog, handled)
    assert short.answer == again.answer == long.answer
    assert short.answered == long.answered
    assert short.served == long.served
    assert short.lines == long.lines
    wanted = (0, 1) if name in ON_THE_LOOP else (long.by_handler, long.by_handler)
    assert (short.by_handler, long.by_handler) == wanted


@pytest.mark.parametrize("way", ["tls"])
async def test_answer_over_tls_is_the_same_from_both(
    start_lobby: StartLobby, caplog: pytest.LogCaptureFixture, handled: list[str], way: str
) -> None:
    lobby = await with_rooms(start_lobby, way)
    short = await ask(lobby, ON_THE_LOOP["gzip"], caplog, handled)
    with pytest.MonkeyPatch.context() as patch:
        without_the_loop(patch)
        long = await ask(lobby, ON_THE_LOOP["gzip"], caplog, handled)
    assert short.answer == long.answer
    assert (short.by_handler, long.by_handler) == (0, 1)


async def test_list_for_pages_of_allowed_origins_is_the_handlers(
    start_lobby: StartLobby, caplog: pytest.LogCaptureFixture, handled: list[str]
) -> None:
    lobby = await with_rooms(start_lobby, allowed_origins="https://game.example")
    seen = await ask(lobby, get("Origin: https://game.example"), caplog, handled)
    assert b"Access-Control-Allow-Origin: https://game.example" in seen.answer
    assert seen.by_handler == 1
