"""How long a node waits for what others have counted: time in which its own loop stood still does not count."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from lobby_server.backplane.errors import BackplaneAway
from lobby_server.backplane.valkey import counting
from lobby_server.backplane.valkey.counting import LIMIT_WAIT_S

TURNS = 3
"""Before a question is sent, as with redis-py."""


class Valkey:
    """One that answers soon after the question is sent; or never, or that it is not there."""

    def __init__(self, *, answers: bool = True, fault: Exception | None = None) -> None:
        self._answers = answers
        self._fault = fault

    async def take(self, key: str, *, interval_us: int, tolerance_us: int) -> float:
        for _ in range(TURNS):
            await asyncio.sleep(0)
        await asyncio.sleep(0.002 if self._answers else 3600.0)
        if self._fault is not None:
            raise self._fault
        return 7.0


def asked(valkey: Valkey) -> asyncio.Future[float | None]:
    stream: Any = valkey
    return asyncio.ensure_future(counting.take(stream, "ann", rate_per_s=1.0, burst=1.0))


@pytest.mark.parametrize("turns", range(TURNS + 4))
async def test_answer_is_taken_though_the_loop_stood_still_for_longer_than_one_waits(turns: int) -> None:
    asking = asked(Valkey())
    for _ in range(turns):
        await asyncio.sleep(0)
    time.sleep(1.5 * LIMIT_WAIT_S)  # noqa: ASYNC251 - nothing else may go on
    assert await asking == 7.0


async def test_node_counts_alone_when_there_is_no_answer() -> None:
    began_s = time.monotonic()
    assert await asked(Valkey(answers=False)) is None
    assert time.monotonic() - began_s >= 0.9 * LIMIT_WAIT_S


async def test_node_counts_alone_when_valkey_is_away() -> None:
    assert await asked(Valkey(fault=BackplaneAway("gone"))) is None


async def test_fault_of_ours_is_not_taken_for_an_outage() -> None:
    with pytest.raises(KeyError):
        await asked(Valkey(fault=KeyError("a mistake")))
