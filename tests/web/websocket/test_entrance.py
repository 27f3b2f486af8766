"""Handshakes are taken in a bounded number a turn of the loop: nobody is forgotten, and first come is first served."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from lobby_server.web.websocket.entrance import Entrance
from lobby_server.web.websocket.newcomer import PATIENT_TURNS, READS_PER_TURN, Newcomer
from lobby_server.web.websocket.wire import PlainWire
from tests.web.conftest import Lobby
from tests.web.websocket.ways import Peer, upgrade


async def test_a_turn_has_its_share_and_the_next_turns_have_theirs() -> None:
    door, entered = Entrance(asyncio.get_running_loop(), per_turn=3), list[int]()
    for number in range(8):
        if door.enter():
            entered.append(number)
        else:
            door.queue_up(lambda number=number: entered.append(number))
    seen = [len(entered)]
    while len(entered) < 8:
        await asyncio.sleep(0)
        seen.append(len(entered))
    assert entered == list(range(8))
    assert seen == [3, 6, 8]


async def test_who_takes_more_leaves_less_for_the_others_of_the_turn() -> None:
    door, entered = Entrance(asyncio.get_running_loop(), per_turn=4), list[int]()

    def come(number: int) -> None:
        entered.append(number)
        door.charge(1)

    for number in range(5):
        if door.enter():
            come(number)
        else:
            door.queue_up(lambda number=number: come(number))
    seen = [len(entered)]
    while len(entered) < 5:
        await asyncio.sleep(0)
        seen.append(len(entered))
    assert entered == list(range(5))
    assert seen == [2, 4, 5]


async def test_requests_that_come_together_are_read_over_several_turns_and_all_are_answered(
    lobby: Lobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn, in_turn = 0, Counter[int]()
    read = Newcomer._read

    def counted(self: Newcomer) -> None:
        in_turn[turn] += 1
        read(self)

    async def turns() -> None:
        nonlocal turn
        while True:
            await asyncio.sleep(0)
            turn += 1

    peers = [await Peer.connect(lobby) for _ in range((PATIENT_TURNS + 4) * READS_PER_TURN)]
    monkeypatch.setattr(Newcomer, "_read", counted)
    ticking = asyncio.create_task(turns())
    try:
        for number, peer in enumerate(peers):
            peer.writer.write(b"GET /healthz HTTP/1.1\r\nHost: lobby.test\r\n\r\n" if number % 2 else upgrade())
        peers[0].writer.transport.abort()
        statuses = [(await peer.response_head())[0] for peer in peers[1:]]
    finally:
        ticking.cancel()
    assert statuses == [200, 101] * (len(peers) // 2 - 1) + [200]
    assert max(in_turn.values()) <= READS_PER_TURN


async def test_newcomers_that_wait_for_a_few_turns_are_watched_all_the_time(
    lobby: Lobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To stop watching a socket and begin again costs as much as half of an upgrade."""
    callbacks: list[str] = []
    watch = PlainWire.watch_readable

    def noting(self: PlainWire, callback: Callable[[], None] | None) -> None:
        callbacks.append("" if callback is None else callback.__qualname__)
        watch(self, callback)

    peers = [await Peer.connect(lobby) for _ in range(PATIENT_TURNS * READS_PER_TURN)]
    monkeypatch.setattr(PlainWire, "watch_readable", noting)
    for peer in peers:
        peer.writer.write(upgrade())
    assert [(await peer.response_head())[0] for peer in peers] == [101] * len(peers)
    assert callbacks == ["Connection._readable"] * len(peers)


async def test_who_comes_while_others_wait_does_not_get_in_before_them() -> None:
    door, entered = Entrance(asyncio.get_running_loop(), per_turn=1), list[str]()
    assert door.enter()
    door.queue_up(lambda: entered.append("first"))
    door.queue_up(lambda: entered.append("second"))
    await asyncio.sleep(0)
    assert entered == ["first"]
    assert not door.enter()


async def test_clients_that_had_to_wait_are_accepted_and_those_that_left_meanwhile_harm_nobody(
    lobby: Lobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lobby.server._connections is not None
    monkeypatch.setattr(lobby.server._connections.entrance, "_per_turn", 1)
    monkeypatch.setattr(lobby.server._connections.entrance, "_left", 1)
    clients = [await lobby.connect() for _ in range(6)]
    for number, client in enumerate(clients):
        await client.command("handshake", version="1", name="P", token=lobby.token(number + 1, f"user{number}"))
    clients[2].connection.close()
    clients[4].stream.close()
    for number in (0, 1, 3, 5):
        await clients[number].expect("handshake_accepted", user_id=number + 1)
        await clients[number].expect("user_online", user_id=number + 1)
