"""Deadlines after a stall of the loop: what lies in a socket by then was in time, and is read before they strike.

No time passes here: bytes are written, and in the same turn of the loop all deadlines strike.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from lobby_server.protocol.codes import CloseCode
from lobby_server.service.pacing import Patience
from tests.web.conftest import Lobby, StartLobby
from tests.web.websocket.test_socket import wait_until
from tests.web.websocket.ways import CLOSE, WAYS, Peer, masked, start_way, upgrade

every_way = pytest.mark.parametrize("way", WAYS)
LONG_S = 600.0
"""Nobody's own deadline strikes in the test."""


def strike(patience: Patience[Any]) -> None:
    """The time of all that wait is over."""
    for item in list(patience._due_s):
        patience.discard(item)
        patience._act(item)


def handshake(lobby: Lobby) -> bytes:
    data = {"version": "1", "name": "P", "token": lobby.token()}
    return masked(json.dumps({"type": "handshake", "data": data}).encode())


@every_way
async def test_handshake_that_lies_in_the_socket_is_accepted_and_silence_is_closed(
    start_lobby: StartLobby, way: str
) -> None:
    lobby = await start_way(start_lobby, way, handshake_timeout_s=LONG_S)
    assert lobby.server.app is not None
    in_time, silent = await Peer.open(lobby, way), await Peer.open(lobby, way)
    await wait_until(lambda: len(lobby.server.app.sessions) == 2)
    in_time.writer.write(handshake(lobby))
    strike(lobby.server.app.rules.patience)
    assert (await in_time.expect("handshake_accepted"))["user_id"] == 1
    assert await silent.closed() == CloseCode.HANDSHAKE_TIMEOUT


@pytest.mark.parametrize("way", ["bare", "tls"])
@pytest.mark.parametrize("first", [upgrade(), b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"], ids=["upgrade", "call"])
async def test_first_request_that_lies_in_the_socket_is_answered_and_silence_ends(
    start_lobby: StartLobby, way: str, first: bytes
) -> None:
    lobby = await start_way(start_lobby, way, handshake_timeout_s=LONG_S)
    assert lobby.server._listener is not None
    newcomers = lobby.server._listener._newcomers
    in_time, silent = await Peer.connect(lobby), await Peer.connect(lobby)
    await wait_until(lambda: len(newcomers) == 2)
    in_time.writer.write(first)
    strike(newcomers._patience)
    status, _ = await in_time.response_head()
    assert status == (101 if first == upgrade() else 200)
    await silent.ended()
    if status == 101:
        await in_time.send(handshake(lobby))
        await in_time.expect("handshake_accepted")


@every_way
async def test_answer_to_our_close_that_lies_in_the_socket_is_no_cut(start_lobby: StartLobby, way: str) -> None:
    lobby = await start_way(start_lobby, way, handshake_timeout_s=LONG_S)
    assert lobby.server.app is not None
    assert lobby.server._connections is not None
    polite, rude = await Peer.open(lobby, way), await Peer.open(lobby, way)
    await wait_until(lambda: len(lobby.server.app.sessions) == 2)
    for session in tuple(lobby.server.app.sessions):
        session.close(CloseCode.GOING_AWAY, "for the test")
    polite.writer.write(masked(b"\x03\xe9", CLOSE))
    strike(lobby.server._connections.closing)
    assert lobby.server._connections.cut == 1
    assert [await peer.closed() for peer in (polite, rude)] == [CloseCode.GOING_AWAY] * 2
    for peer in (polite, rude):
        await peer.ended()


@pytest.mark.parametrize("way", ["bare", "tls"])
async def test_next_request_for_the_list_that_lies_in_the_socket_is_answered_and_silence_ends(
    start_lobby: StartLobby, way: str
) -> None:
    lobby = await start_way(start_lobby, way)
    assert lobby.server._callers is not None
    in_time, silent = await Peer.connect(lobby), await Peer.connect(lobby)
    request = b"GET /api/rooms HTTP/1.1\r\nHost: x\r\n\r\n"
    for peer in (in_time, silent):
        await peer.send(request)
        assert (await peer.response())[0] == 200
    in_time.writer.write(request)
    strike(lobby.server._callers.idle)
    assert (await in_time.response())[0] == 200
    await silent.ended()
