"""Limits that nodes count together, and what each grants when it cannot ask."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from lobby_server.backplane.valkey import counting
from lobby_server.clock import LoopClock
from lobby_server.service.limits import Limit
from tests.backplane.conftest import ENGINES, Nodes
from tests.backplane.engine import Engine
from tests.backplane.nodes import Node, until
from tests.patience import PATIENCE_S
from tests.stopwatch import Stopwatch

pytestmark = pytest.mark.system


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that can ask waits for the answer, however late a busy machine gives it."""
    monkeypatch.setattr(counting, "LIMIT_WAIT_S", PATIENCE_S)


def limit_at(node: Node, *, rate_per_s: float = 0.1, burst: float = 6.0, nodes: int = 2) -> Limit:
    return Limit(
        "test",
        rate_per_s=rate_per_s,
        burst=burst,
        clock=LoopClock(asyncio.get_running_loop()),
        log=node.log,
        count_nodes=lambda: nodes,
    )


@pytest.fixture(params=ENGINES)
def shared(request: pytest.FixtureRequest) -> Engine:
    engine: Engine = request.getfixturevalue(f"{request.param}_engine")
    return engine


@pytest.mark.usefixtures("patient")
async def test_nodes_grant_the_burst_once_between_them(shared: Engine, nodes: Nodes) -> None:
    limits = [limit_at(await nodes.start(shared.url)) for _ in range(2)]
    began_s = time.monotonic()
    waits = [await limits[number % 2].take("ann") for number in range(8)]
    took_s = time.monotonic() - began_s
    assert waits[:6] == [0.0] * 6
    assert all(10.0 - took_s <= wait_s <= 10.0 for wait_s in waits[6:])
    assert await limits[0].take("bob") == 0.0


@pytest.mark.usefixtures("patient")
async def test_what_was_used_up_comes_back_at_the_rate(shared: Engine, nodes: Nodes) -> None:
    limit = limit_at(await nodes.start(shared.url), rate_per_s=20.0, burst=1.0)
    assert await limit.take("ann") == 0.0
    while not (wait_s := await limit.take("ann")):
        pass  # it came so late that one had come back
    assert wait_s <= 0.05
    await asyncio.sleep(wait_s)
    assert await limit.take("ann") == 0.0


async def test_node_that_cannot_ask_grants_its_share_and_answers_soon(nodes: Nodes, tmp_path: Path) -> None:
    engine = Engine("valkey", tmp_path)
    engine.start()
    try:
        node = await nodes.start(engine.url)
        limit = limit_at(node)
        assert await limit.take("ann") == 0.0
        engine.freeze()
        with Stopwatch() as watch:
            waits = [await limit.take("bob") for _ in range(5)]
        assert watch.took_s < 2.0
        assert waits[:3] == [0.0] * 3
        assert waits[3] > 10.0  # at half the rate
        engine.thaw()
        await until(lambda: node.log.is_well)
        assert await limit.take("cleo") == 0.0
    finally:
        engine.thaw()
        engine.kill()


async def test_one_process_counts_by_itself() -> None:
    limit = Limit(
        "test", rate_per_s=1.0, burst=2.0, clock=LoopClock(asyncio.get_running_loop()), log=None, count_nodes=lambda: 0
    )
    assert [await limit.take("ann") > 0 for _ in range(3)] == [False, False, True]
