"""What a connection is while nothing happens on it, which a server holds tens of thousands of times."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import zlib
from collections.abc import Callable

import pytest

from lobby_server.web.websocket.connection import Connection
from lobby_server.web.websocket.wire import PlainWire
from tests.patience import PATIENCE_S
from tests.web.conftest import Lobby, StartLobby
from tests.web.websocket.ways import CLOSE, TEXT, Peer, masked, start_way, upgrade

MOST_BYTES = 112
"""Of a connection, and of its wire with the socket: more is another class of sizes, 16 bytes of each connection."""


async def until(condition: Callable[[], bool]) -> None:
    deadline_s = asyncio.get_running_loop().time() + PATIENCE_S
    while not condition():
        assert asyncio.get_running_loop().time() < deadline_s, "waited in vain"
        await asyncio.sleep(0.01)


def connection_of(lobby: Lobby) -> Connection:
    (session,) = lobby.server.app.sessions
    assert isinstance(session.transport, Connection)
    return session.transport


@pytest.mark.skipif(sys.implementation.name != "cpython" or sys.maxsize < 2**32, reason="counts bytes of CPython")
async def test_quiet_connection_is_two_small_objects_and_its_peer(lobby: Lobby) -> None:
    await Peer.open(lobby, token=lobby.token(1, "ann"))
    await until(lambda: bool(lobby.server.app.sessions))
    connection = connection_of(lobby)
    wire = connection._wire
    assert isinstance(wire, PlainWire)
    assert isinstance(wire, socket.socket)
    assert wire.socket is wire
    assert max(sys.getsizeof(connection), sys.getsizeof(wire)) <= MOST_BYTES
    own = [each for each in gc.get_referents(connection) if not isinstance(each, type)]
    shared = {"NoneType", "bool", "bytes"}
    assert {type(each).__name__ for each in own} - shared <= {"Connections", "PlainWire", "LobbyEndpoint", "Session"}


@pytest.mark.parametrize("way", ["bare", "tls", "deflate"])
async def test_connection_is_as_small_again_after_a_message_in_parts(start_lobby: StartLobby, way: str) -> None:
    lobby = await start_way(start_lobby, way)
    peer = await Peer.open(lobby, way)
    connection = connection_of(lobby)
    await peer.send(masked(b'{"type":"pi', 0x01))
    await until(lambda: connection._reader is not None)
    await peer.send(masked(b'ng","data":{}}', 0x80))
    opcode, payload = await peer.frame()
    assert (opcode, b"pong" in payload) == (TEXT, True)
    assert (connection._reader, connection._ending) == (None, None)


async def test_client_that_refers_to_its_earlier_messages_is_understood_over_many_reads(
    start_lobby: StartLobby,
) -> None:
    lobby = await start_way(start_lobby, "deflate")
    peer = await Peer.connect(lobby)
    await peer.send(upgrade("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"))
    assert (await peer.response_head())[0] == 101
    stream = zlib.compressobj(wbits=-10)
    for _ in range(3):
        message = stream.compress(b'{"type":"ping","data":{}}') + stream.flush(zlib.Z_SYNC_FLUSH)
        await peer.send(masked(message.removesuffix(b"\x00\x00\xff\xff"), TEXT | 0x40))
        await peer.expect("pong")
    reader = connection_of(lobby)._reader
    assert reader is not None
    assert (reader._data, len(reader.window)) == (b"", 75)


async def test_wire_that_is_closed_twice_lets_go_once(lobby: Lobby) -> None:
    peer = await Peer.open(lobby)
    wire = connection_of(lobby)._wire
    assert isinstance(wire, PlainWire)
    wire.close()
    wire.close()
    assert wire.fileno() == -1
    await peer.ended()


async def test_connection_that_has_ended_takes_everything_and_sends_nothing(lobby: Lobby) -> None:
    peer = await Peer.open(lobby)
    connection = connection_of(lobby)
    await peer.send(masked(b"\x03\xe8", CLOSE))
    assert await peer.closed() == 1000
    await until(lambda: connection._wire is None)
    assert connection.send(b"four") == 4
    connection.watch_writable(None)
    await asyncio.sleep(0)
