"""A broadcast to many sockets of a real server, which are written to in one call where the system has such a call."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import pytest

from lobby_server.process.kernel_writes import KernelWrites, open_kernel_writes
from lobby_server.service.fanout.writes import LEAST_AT_ONCE
from tests.web.conftest import Client, Lobby, StartLobby
from tests.web.test_tls import CERTS, connect

CLIENTS = 2 * LEAST_AT_ONCE

pytestmark = pytest.mark.skipif(open_kernel_writes() is None, reason="this system has no such calls")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """To how many sockets each call wrote."""
    counts: list[int] = []
    write = KernelWrites.write

    def counting(self: KernelWrites, descriptors: array[int], data: bytes) -> Sequence[tuple[int, int]]:
        counts.append(len(descriptors))
        return write(self, descriptors, data)

    monkeypatch.setattr(KernelWrites, "write", counting)
    return counts


async def make_room(lobby: Lobby, clients: Sequence[Client]) -> None:
    made = await lobby.call("POST", "/api/rooms", {"gamemode": "duel"}, token=lobby.token(1, "u1"))
    assert made.status == 201
    for client in clients:
        await client.expect("rooms_changed")


async def test_everybody_hears_of_a_room_by_one_call_for_all(start_lobby: StartLobby, written: list[int]) -> None:
    lobby = await start_lobby(auth_rate_per_min=0.0)
    clients = [await lobby.connect(lobby.token(user_id, f"u{user_id}")) for user_id in range(1, CLIENTS + 1)]
    for client in clients:
        await client.fence()  # who came before is told to everybody
    written.clear()
    await make_room(lobby, clients)
    assert written == [CLIENTS]


async def test_over_tls_each_session_has_a_call_of_its_own(start_lobby: StartLobby, written: list[int]) -> None:
    lobby = await start_lobby(
        tls_cert=str(CERTS / "cert.pem"), tls_key=str(CERTS / "key.pem"), address="localhost", auth_rate_per_min=0.0
    )
    written.clear()
    clients = [await connect(lobby) for _ in range(CLIENTS)]
    for user_id, client in enumerate(clients, 1):
        await client.handshake(lobby.token(user_id, f"u{user_id}"))
    app = lobby.server.app
    assert app is not None
    app.announcer.rooms_changed()
    for client in clients:
        await client.expect("rooms_changed")
    assert written == []
