"""A change that is made one at a time, over HTTP, while the one before it hangs."""

from __future__ import annotations

import asyncio

import pytest

from lobby_server.service.writes import gated, turns
from tests.web.conftest import StartLobby


async def test_calls_behind_one_that_hangs_are_503_with_a_time_to_come_back_and_change_nothing(
    start_lobby: StartLobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (turns, gated):
        monkeypatch.setattr(module, "BEGIN_S", 0.2)
    lobby = await start_lobby(social_rate_per_min=0.0)
    tokens = [lobby.token(number, f"player{number}") for number in range(1, 9)]
    change = ("PATCH", "/api/account", {"whereabouts": "nobody"})
    async with lobby.server.app.replica.gate():  # as one whose commit nobody answers
        answers = await asyncio.gather(*(lobby.call(*change, token=token) for token in tokens))
    assert {(each.status, each.body["code"]) for each in answers} == {(503, "try_again_later")}
    assert all(int(each.headers["Retry-After"]) >= 1 for each in answers)
    store = lobby.server.app.store
    assert (await store.whereabouts(), await store.changes()) == ({}, 0)
    assert (await lobby.call(*change, token=tokens[0])).status == 200
    assert await store.whereabouts() == {1: "nobody"}
