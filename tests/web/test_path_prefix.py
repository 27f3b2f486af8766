"""Everything below a path prefix: pages, API, socket, documents. And behind a proxy that takes the prefix away."""

from __future__ import annotations

import pytest
from tornado.websocket import websocket_connect

from tests.web.conftest import Client, Lobby, StartLobby
from tests.web.websocket.ways import Peer, upgrade


@pytest.fixture
async def prefixed(start_lobby: StartLobby) -> Lobby:
    started: Lobby = await start_lobby(path_prefix="/games/lobby")
    return started


async def test_pages_and_api_are_below_the_prefix_and_nowhere_else(prefixed: Lobby) -> None:
    for path in ("/", "/ops", "/static/lobby.js", "/api/rooms", "/api/rooms?gamemode=ctf", "/api/stats", "/readyz"):
        assert (await prefixed.call("GET", f"/games/lobby{path}")).status == 200, path
    for path in ("/", "/ops", "/static/lobby.js", "/api/rooms", "/games", "/games/lobbyapi/rooms", "/games/lobbyx"):
        answer = await prefixed.call("GET", path)
        assert (answer.status, answer.body["code"]) == (404, "not_found"), path


async def test_bare_prefix_leads_to_the_page_with_its_slash(prefixed: Lobby) -> None:
    answer = await prefixed.call("GET", "/games/lobby")
    assert (answer.status, answer.headers["Location"]) == (308, "/games/lobby/")


async def test_probes_and_scrapers_need_no_prefix(prefixed: Lobby) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert (await prefixed.call("GET", path)).status == 200


@pytest.mark.parametrize("path", ["", "/", "/ws"])
async def test_socket_is_at_the_prefix(prefixed: Lobby, path: str) -> None:
    client: Client = await prefixed.connect(prefixed.token(), path=f"/games/lobby{path}")
    await client.command("ping")
    await client.expect("pong")


@pytest.mark.parametrize("path", ["", "/", "/ws", "/ops/socket"])
async def test_socket_at_the_prefix_may_come_behind_another_request(prefixed: Lobby, path: str) -> None:
    peer = await Peer.connect(prefixed)
    await peer.send(b"GET /games/lobby/api/stats HTTP/1.1\r\nHost: lobby.test\r\n\r\n")
    assert (await peer.response())[0] == 200
    await peer.send(upgrade(path=f"/games/lobby{path}"))
    assert (await peer.response_head())[0] == 101


async def test_socket_is_not_outside_the_prefix(prefixed: Lobby) -> None:
    with pytest.raises(Exception, match="404"):
        await websocket_connect(f"ws://127.0.0.1:{prefixed.server.port}/ws")


async def test_documents_name_the_prefix(prefixed: Lobby) -> None:
    protocol = (await prefixed.call("GET", "/games/lobby/api/protocol")).body
    assert protocol["transport"]["paths"] == ["/games/lobby/", "/games/lobby/ws"]
    openapi = (await prefixed.call("GET", "/games/lobby/api/openapi.json")).body
    assert openapi["servers"] == [{"url": "/games/lobby"}]


async def test_start_line_names_the_prefix(prefixed: Lobby) -> None:
    assert f":{prefixed.server.port}/games/lobby · " in prefixed.server.start_line
