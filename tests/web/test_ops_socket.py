"""``/ops/socket``: who gets in, what they hear, and how it ends."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from lobby_server.protocol.parts import MAX_MESSAGE_BYTES
from lobby_server.service.watch.ops_history import FIELDS, OpsHistory, Sample
from lobby_server.web.sockets import ops as ops_socket
from tests.web.conftest import Client, Lobby, StartLobby
from tests.web.websocket.ways import PING, WAYS, Peer, masked, start_way


async def viewer(lobby: Lobby, **claims: Any) -> Client:
    client = await lobby.connect(path="/ops/socket")
    await client.command("handshake", version="ops", name="ops", token=lobby.token(900, "root", **claims))
    return client


def sample_now(lobby: Lobby) -> None:
    """The moment of a sample comes, without the wait for it."""
    assert lobby.server.app is not None
    history = lobby.server.app.ops_history
    no_sample_by_itself(history)
    history._sample()
    no_sample_by_itself(history)


def no_sample_by_itself(history: OpsHistory) -> None:
    if history._timer is not None:
        history._timer.cancel()


async def test_administrator_gets_what_was_and_then_what_comes(lobby: Lobby) -> None:
    await asyncio.sleep(0.01)
    sample_now(lobby)
    assert lobby.server.app is not None
    while len(lobby.server.app.ops_history.samples) > 1:  # of a start that took a second
        lobby.server.app.ops_history.samples.popleft()
    client = await viewer(lobby, role="admin")
    accepted = await client.next()
    assert accepted["type"] == "handshake_accepted"
    assert accepted["data"]["heartbeat_s"] == 30
    history = (await client.next())["data"]
    assert history["fields"] == list(FIELDS)
    assert len(history["samples"]) == 1
    await lobby.connect(lobby.token())
    sample_now(lobby)
    sample = dict(zip(FIELDS, (await client.expect("ops_sample"))["sample"], strict=True))
    assert (sample["sockets"], sample["sessions"], sample["users_online"]) == (1, 1, 1)
    assert sample["logins_per_s"] > 0
    assert sample["bytes_out_per_s"] > 0
    assert sample["resident_bytes"] is None or sample["resident_bytes"] > 1 << 20
    await client.command("ping")
    assert (await client.expect("pong"))["ts"] > 0


@pytest.mark.parametrize(
    ("claims", "reason"),
    [({}, "admin_required"), ({"role": "user"}, "admin_required"), ({"role": "admin", "exp": 1}, "invalid_token")],
)
async def test_token_that_is_no_administrators_is_told_so_and_closed_for_good(
    lobby: Lobby, claims: dict[str, Any], reason: str
) -> None:
    client = await viewer(lobby, **claims)
    assert (await client.next())["data"] == {"reason": reason}
    assert await client.closed() == 4502


async def test_who_shows_no_token_gets_nothing(start_lobby: StartLobby) -> None:
    hurried: Lobby = await start_lobby(handshake_timeout_s=0.1)
    silent = await hurried.connect(path="/ops/socket")
    assert await silent.closed() == 4001
    lobby: Lobby = await start_lobby()
    for message in ("{", '{"type":"leave_room"}', '{"type":"nothing"}'):
        stranger = await lobby.connect(path="/ops/socket")
        await stranger.send(message)
        assert (await stranger.next())["type"] == "error"
        assert await stranger.closed() == 4501


async def test_token_that_is_signed_out_ends_the_view(lobby: Lobby) -> None:
    token = lobby.token(900, "root", role="admin")
    client = await lobby.connect(path="/ops/socket")
    await client.command("handshake", version="ops", name="ops", token=token)
    await client.expect("ops_history")
    assert (await lobby.call("POST", "/api/auth/logout", token=token)).status == 204
    sample_now(lobby)
    assert await client.closed() == 4502
    assert lobby.server.app is not None
    assert lobby.server.app.ops_history.listeners == 0


async def test_viewers_are_bounded_and_told_when_the_server_ends(lobby: Lobby, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops_socket, "MAX_VIEWERS", 2)
    clients = [await viewer(lobby, role="admin") for _ in range(2)]
    for client in clients:
        await client.expect("ops_history")
    with pytest.raises(HTTPClientError) as refused:
        await lobby.connect(path="/ops/socket")
    assert refused.value.code == 503
    await lobby.server.drain()
    assert [await client.closed() for client in clients] == [1001, 1001]


async def test_viewers_without_a_token_count_against_both_bounds(
    start_lobby: StartLobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ops_socket, "MAX_VIEWERS", 2)
    lobby: Lobby = await start_lobby(max_connections=3)
    for _ in range(2):
        await lobby.connect(path="/ops/socket")
    with pytest.raises(HTTPClientError) as refused:
        await lobby.connect(path="/ops/socket")
    assert refused.value.code == 503
    await lobby.connect()
    with pytest.raises(HTTPClientError) as refused:
        await lobby.connect()
    assert refused.value.code == 503


@pytest.mark.parametrize("path", ["/ops/socket", "/ws"])
@pytest.mark.parametrize("way", WAYS)
async def test_stranger_who_reads_nothing_is_closed_before_much_waits_for_them(
    start_lobby: StartLobby, way: str, path: str
) -> None:
    lobby = await start_way(start_lobby, way, command_rate_per_s=0.0)
    assert lobby.server.app is not None
    closes = lobby.server.app.metrics.closes
    deaf = await Peer.open(lobby, way, path=path)
    deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
    pings, sent = masked(b"x" * 125, PING) * 100, 0
    while not closes[4002] and sent < 200_000:  # the system takes some megabytes of pongs
        await deaf.send(pings)
        sent += 100
    assert closes[4002] == 1


async def test_history_comes_in_parts_that_fit_the_buffers_of_engines(lobby: Lobby) -> None:
    assert lobby.server.app is not None
    lobby.server.app.ops_history.stop()  # no sample comes meanwhile
    samples = lobby.server.app.ops_history.samples
    while len(samples) < (samples.maxlen or 0):
        samples.append(Sample(len(samples), *[float(2**53 - 1)] * (len(FIELDS) - 1)))  # type: ignore[arg-type]
    client = await viewer(lobby, role="admin")
    assert (await client.next())["type"] == "handshake_accepted"
    history, parts = [], 1
    while len(history) < len(samples):
        raw = await client.next_raw()
        assert raw is not None
        assert len(raw.encode()) <= MAX_MESSAGE_BYTES
        message = json.loads(raw)
        assert message["type"] == "ops_history"
        assert message["data"]["part"] == parts
        history += message["data"]["samples"]
        parts += 1
    assert message["data"]["of"] == parts - 1
    assert [sample[0] for sample in history] == list(range(len(samples)))


async def test_viewer_that_has_shown_no_token_is_told_when_the_server_ends(lobby: Lobby) -> None:
    stranger = await lobby.connect(path="/ops/socket")
    await lobby.server.drain()
    assert await stranger.closed() == 1001


async def test_page_of_another_origin_may_not_look(lobby: Lobby) -> None:
    url = f"ws://127.0.0.1:{lobby.server.port}/ops/socket"
    with pytest.raises(HTTPClientError) as refused:
        await websocket_connect(HTTPRequest(url, headers={"Origin": "https://elsewhere.example"}))
    assert refused.value.code == 403


async def test_address_without_an_upgrade_is_an_error_of_the_api(lobby: Lobby) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
    for headers, status in [({}, 426), (upgrade, 426), ({**upgrade, "Sec-WebSocket-Version": "13"}, 400)]:
        answer = await lobby.call("GET", "/ops/socket", headers=headers)
        assert (answer.status, "error" in answer.body) == (status, True)
