"""Good clients beside a hostile one: what counts as a wait, and what as a loss."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bench.load import among
from bench.load.among import PINGS_PER_S, _Crowd, _Member
from bench.load.sockets.raw_client import OP_TEXT, Transport

ROUND_S = 0.01
PINGS = round(ROUND_S * PINGS_PER_S)


class Client:
    """Has a pong so long after each ping; None: never."""

    def __init__(self, pong_after_s: float | None) -> None:
        self._pong_after_s = pong_after_s
        self.on_frame: Any = None

    def data_received(self, data: bytes) -> None:
        pass

    def send(self, frame: bytes) -> None:
        if self._pong_after_s is not None:
            answer = b'{"type":"pong","data":{"ts":1}}'
            asyncio.get_running_loop().call_later(self._pong_after_s, self.on_frame, OP_TEXT, answer)


def crowd_of(pong_after_s: float | None) -> _Crowd:
    crowd = _Crowd(4711, "no secret", Transport.BARE)
    client: Any = Client(pong_after_s)
    crowd.members.append(_Member(client))
    return crowd


async def test_pong_that_comes_long_after_its_round_counts_with_its_time_and_is_no_loss() -> None:
    """A server, or a machine, that stands still for a moment loses nothing."""
    crowd = crowd_of(10 * ROUND_S)
    waits_ms = await crowd.ping_for(ROUND_S)
    assert len(waits_ms) == PINGS
    assert all(each >= 1000 * 10 * ROUND_S for each in waits_ms)
    assert crowd.lost == 0


async def test_ping_without_a_pong_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(among, "PONG_TIMEOUT_S", 0.02)
    crowd = crowd_of(None)
    assert await crowd.ping_for(ROUND_S) == []
    assert crowd.lost == PINGS
