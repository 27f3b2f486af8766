"""A herd that comes back by itself, by what it says of the server that it came back to."""

from __future__ import annotations

import asyncio

from bench.load.clients.herd import Herd
from loadtest.client.reconnect import FixedReconnect
from tests.bench.fake_lobby import SECRET, fake_lobby
from tests.bench.load.test_clients import until
from tests.patience import PATIENCE_S


async def test_server_that_has_let_a_client_in_was_listening_by_then() -> None:
    """Whoever asks for it may be late: nobody looks until all are back by themselves."""
    with fake_lobby() as lobby:
        herd = Herd(port=lobby.port, secret=SECRET, clients=2, policy=FixedReconnect(interval_s=0.01))
        before = await herd.come(PATIENCE_S)
        await herd.ready()
        await asyncio.to_thread(lobby.stop)
        lobby.start()
        await until(lambda: (herd.lost, herd.fresh) == (2, 2))
        back = await herd.come_back(PATIENCE_S)
        await herd.close()
    assert before.listening_s <= before.accepted_s[0]
    assert before.fresh_s[-1] < back.listening_s == back.accepted_s[0]


async def test_client_that_never_lost_it_says_nothing_of_when_it_was_there_again() -> None:
    with fake_lobby() as lobby:
        herd = Herd(port=lobby.port, secret=SECRET, clients=2, policy=FixedReconnect(interval_s=0.01))
        await herd.come(PATIENCE_S)
        cut_s, cut = await herd.cut(0.5)
        back = await herd.come_back(PATIENCE_S)
        await herd.close()
    assert cut == 1
    assert back.accepted_s[0] < cut_s < back.listening_s
