"""A newcomer that is reset before its request is whole gives its place back at once, on every loop."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from lobby_server.server import LobbyServer
from lobby_server.settings import Settings
from lobby_server.web.websocket.entrance import Entrance
from lobby_server.web.websocket.newcomer import Newcomer, Newcomers
from tests.backplane.nodes import until
from tests.web.conftest import SECRET, made_tables, put_tables

HALF_A_HEAD = b"GET /ws HTTP/1.1\r\nHost: lobby"
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop,
}  # fmt: skip


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoop:
    return LOOPS[request.param]()


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


async def connected(server: LobbyServer, newcomers: Newcomers) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", server.port))
    await until(lambda: len(newcomers) == 1)
    return sock


async def with_newcomers(folder: Path, act: Callable[[LobbyServer, Newcomers], Awaitable[None]]) -> None:
    put_tables(await made_tables(), folder)
    server = LobbyServer(Settings(port=0, data_dir=folder, jwt_secret=SECRET, handshake_timeout_s=3600.0, drain_s=1.0))
    await server.start()
    try:
        assert server._listener is not None
        await act(server, server._listener._newcomers)
    finally:
        await server.drain()


@pytest.mark.parametrize("is_patient", [True, False], ids=["for its turn", "for a later turn"])
def test_newcomer_that_is_reset_while_it_waits_gives_its_place_back(
    loop: asyncio.AbstractEventLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_patient: bool
) -> None:
    asked = 0
    readable = Newcomer.readable

    def counted(self: Newcomer) -> None:
        nonlocal asked
        asked += 1
        readable(self)

    monkeypatch.setattr(Newcomer, "readable", counted)
    if not is_patient:
        monkeypatch.setattr("lobby_server.web.websocket.newcomer.PATIENT_TURNS", 0)

    async def act(server: LobbyServer, newcomers: Newcomers) -> None:
        entrance = newcomers.entrance
        sock = await connected(server, newcomers)
        with monkeypatch.context() as patch:
            patch.setattr(Entrance, "_turn", lambda self: None)  # until the test has one
            entrance.charge(entrance._left)
            sock.send(HALF_A_HEAD)
            await until(lambda: entrance._queue)
            before = asked
            reset(sock)
            if is_patient:  # it is told so, and does not listen yet
                await until(lambda: asked > before)
                for _ in range(10):
                    await asyncio.sleep(0)
        entrance._next_turn()
        await until(lambda: not len(newcomers))

    loop.run_until_complete(with_newcomers(tmp_path, act))
    loop.close()


def test_newcomer_that_is_reset_as_its_half_head_is_read_gives_its_place_back(
    loop: asyncio.AbstractEventLoop, tmp_path: Path
) -> None:
    async def act(server: LobbyServer, newcomers: Newcomers) -> None:
        sock = await connected(server, newcomers)
        sock.send(HALF_A_HEAD)
        reset(sock)
        await until(lambda: not len(newcomers))

    loop.run_until_complete(with_newcomers(tmp_path, act))
    loop.close()
