"""Handshakes are taken in a bounded number a turn of the loop: nobody is forgotten, and first come is first served."""

from __future__ import annotations

import asyncio

import pytest

from lobby_server.web.websocket import entrance
from lobby_server.web.websocket.entrance import Entrance
from tests.web.conftest import Lobby


async def test_a_turn_has_its_share_and_the_next_turns_have_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrance, "HANDSHAKES_PER_TURN", 3)
    door, entered = Entrance(asyncio.get_running_loop()), list[int]()
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


async def test_who_comes_while_others_wait_does_not_get_in_before_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrance, "HANDSHAKES_PER_TURN", 1)
    door, entered = Entrance(asyncio.get_running_loop()), list[str]()
    assert door.enter()
    door.queue_up(lambda: entered.append("first"))
    door.queue_up(lambda: entered.append("second"))
    await asyncio.sleep(0)
    assert entered == ["first"]
    assert not door.enter()


async def test_clients_that_had_to_wait_are_accepted_and_those_that_left_meanwhile_harm_nobody(
    lobby: Lobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entrance, "HANDSHAKES_PER_TURN", 1)
    clients = [await lobby.connect() for _ in range(6)]
    for number, client in enumerate(clients):
        await client.command("handshake", version="1", name="P", token=lobby.token(number + 1, f"user{number}"))
    clients[2].connection.close()
    clients[4].stream.close()
    for number in (0, 1, 3, 5):
        await clients[number].expect("handshake_accepted", user_id=number + 1)
        await clients[number].expect("user_online", user_id=number + 1)
