"""What a connection leaves behind: nothing, at once, without the help of Python's collector of cycles."""

from __future__ import annotations

import asyncio
import functools
import gc
from collections import Counter
from collections.abc import Iterator

import pytest

from lobby_server.service.session import Session
from lobby_server.web.sockets.ops import OpsViewer
from lobby_server.web.websocket import connection as connection_module
from lobby_server.web.websocket.connection import Connection
from lobby_server.web.websocket.newcomer import Newcomer
from tests.patience import PATIENCE_S
from tests.web.conftest import Client, Lobby, StartLobby
from tests.web.websocket.ways import CLOSE, WAYS, Peer, masked, start_way, upgrade

pytestmark = pytest.mark.system  # thousands of connections

CYCLES = 5
AGES_S = 3600.0


@pytest.fixture
def start_lobby(start_lobby: StartLobby, monkeypatch: pytest.MonkeyPatch) -> StartLobby:
    """Servers that let go of nothing because it is old: what is gone in the end went with its connection."""
    monkeypatch.setattr(connection_module, "CLOSE_PATIENCE_S", AGES_S)
    return functools.partial(start_lobby, heartbeat_timeout_s=AGES_S, handshake_timeout_s=AGES_S)


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive(lobby: Lobby) -> Counter[str]:
    """What of a server's sessions and connections something holds, by kind."""
    app = lobby.server.app
    return Counter(
        type(each).__name__
        for each in gc.get_objects()
        if (isinstance(each, Session) and each._rules is app.rules)
        or (isinstance(each, Connection) and each._shared is lobby.server._connections)
        or (isinstance(each, OpsViewer) and each._app is app)
        or (isinstance(each, Newcomer) and each._all.gate.shared is lobby.server._connections)
    )


async def nothing_is_left(lobby: Lobby) -> None:
    """Wait for the end of all sockets, then look."""
    assert lobby.server.app is not None
    deadline_s = asyncio.get_running_loop().time() + PATIENCE_S
    while lobby.server.app.sessions or (alive(lobby) and asyncio.get_running_loop().time() < deadline_s):
        await asyncio.sleep(0.01)
    assert not alive(lobby)


async def leave(client: Client) -> None:
    client.connection.close()
    await client.closed()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("settings", [{}, {"compression": True}], ids=["plain", "compression"])
class TestSessionsThatAreOver:
    async def test_accepted_and_closed_by_the_client(self, start_lobby: StartLobby, settings: dict[str, bool]) -> None:
        lobby = await start_lobby(**settings)
        for number in range(CYCLES):
            await leave(await lobby.connect(lobby.token(number, f"user{number}")))
        await nothing_is_left(lobby)

    async def test_accepted_with_features_whose_token_has_a_timer(
        self, start_lobby: StartLobby, settings: dict[str, bool]
    ) -> None:
        lobby = await start_lobby(**settings)
        for number in range(CYCLES):
            client = await lobby.connect()
            features = ["rev", "refresh", "presence_batch", "ack"]
            token = lobby.token(number, f"user{number}")
            await client.command("handshake", version="1", name="P", token=token, features=features)
            await client.expect("handshake_accepted")
            await leave(client)
        await nothing_is_left(lobby)

    async def test_never_accepted(self, start_lobby: StartLobby, settings: dict[str, bool]) -> None:
        lobby = await start_lobby(**settings)
        for _ in range(CYCLES):
            await leave(await lobby.connect())
        await nothing_is_left(lobby)

    async def test_lost_without_a_close_frame(self, start_lobby: StartLobby, settings: dict[str, bool]) -> None:
        lobby = await start_lobby(**settings)
        for number in range(CYCLES):
            client = await lobby.connect(lobby.token(number, f"user{number}"))
            client.stream.close()
        await nothing_is_left(lobby)

    async def test_refused_and_closed_by_the_server(self, start_lobby: StartLobby, settings: dict[str, bool]) -> None:
        lobby = await start_lobby(**settings)
        for _ in range(CYCLES):
            client = await lobby.connect()
            for _ in range(3):
                await client.handshake("nonsense")
            assert await client.closed() == 4501
        await nothing_is_left(lobby)

    async def test_were_in_a_room(self, start_lobby: StartLobby, settings: dict[str, bool]) -> None:
        lobby = await start_lobby(**settings, auth_rate_per_min=0.0)
        host_token = lobby.token(1000, "host")
        room = (await lobby.call("POST", "/api/rooms", {"gamemode": "duel"}, token=host_token)).body["room"]
        for number in range(CYCLES):
            client = await lobby.connect(lobby.token(number, f"user{number}"))
            await client.command("join_room", roomId=room["id"], version="13020", name="P")
            await client.expect("room_joined")
            await client.command("chat", text="hello")
            await client.expect("chat")
            if number % 2:
                await client.command("leave_room")
                await client.fence()
            await leave(client)
        await nothing_is_left(lobby)


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("way", WAYS)
class TestConnectionsThatAreOver:
    async def test_closed_by_either_side_or_lost(self, start_lobby: StartLobby, way: str) -> None:
        lobby = await start_way(start_lobby, way)
        for number in range(CYCLES):
            token = lobby.token(number, f"user{number}")
            closing, faulty, lost = [await Peer.open(lobby, way, token=token) for _ in range(3)]
            await closing.send(masked(b"\x03\xe8", CLOSE))
            assert await closing.closed() == 1000
            await faulty.send(b"\xff\xff")
            assert await faulty.closed() == 1002
            faulty.writer.transport.abort()
            await lost.send(b"\x81\xfe")
            lost.writer.transport.abort()
        await nothing_is_left(lobby)

    async def test_refused_or_given_up_before_the_upgrade(self, start_lobby: StartLobby, way: str) -> None:
        lobby = await start_way(start_lobby, way)
        for _ in range(CYCLES):
            refused = await Peer.connect(lobby)
            await refused.send(upgrade("Origin: https://elsewhere.example"))
            assert (await refused.response())[0] == 403
            await refused.ended()
            refused.writer.transport.abort()
            half = await Peer.connect(lobby)
            await half.send(b"GET /ws HTTP/1.1\r\n")
            half.writer.transport.abort()
        await nothing_is_left(lobby)

    async def test_viewers_of_the_figures(self, start_lobby: StartLobby, way: str) -> None:
        lobby = await start_way(start_lobby, way)
        for _ in range(CYCLES):
            token = lobby.token(900, "root", role="admin")
            viewer = await Peer.open(lobby, way, path="/ops/socket", token=token)
            await viewer.expect("ops_history")
            await viewer.send(masked(b"", CLOSE))
            assert await viewer.closed() == 1000
        await nothing_is_left(lobby)
