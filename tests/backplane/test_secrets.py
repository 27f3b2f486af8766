"""Nodes whose tokens have different secrets: each says so, as their players would be refused at random."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from lobby_server.service import nodes
from lobby_server.service.watch.events import LogEvent
from tests.backplane.engine import Engine
from tests.backplane.nodes import until
from tests.backplane.test_sign_outs import Houses
from tests.service.house import SECRET, House

pytestmark = pytest.mark.system

ANOTHER = "another secret of the tests, thirty-two bytes or more"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine("valkey", tmp_path)
    engine.start()
    yield engine
    engine.kill()


@pytest.fixture
async def houses(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Houses]:
    monkeypatch.setattr(nodes, "SECRETS_DIFFER_FOR_S", 0.0)
    houses = Houses(engine.url)
    yield houses
    await houses.end()


def told(caplog: pytest.LogCaptureFixture) -> set[str]:
    """The nodes whose secret another one does not have, by the log."""
    lines = [line for line in caplog.records if getattr(line, "event", "") == LogEvent.SECRETS_DIFFER.value]
    return {line.getMessage().split()[1] for line in lines}


def names(*houses: House) -> set[str]:
    return {house.app.replica.log.node for house in houses}


def have_compared(*houses: House) -> bool:
    """Whether each has heard what the others sign with: it compares in that same turn."""
    nodes = [house.app.nodes for house in houses]
    return all(node is not None and len(node.readings()) == len(houses) - 1 for node in nodes)


async def test_nodes_of_different_secrets_tell_of_each_other(houses: Houses, caplog: pytest.LogCaptureFixture) -> None:
    one, other = await houses.start(), await houses.start(ANOTHER)
    await until(lambda: told(caplog) == names(one, other))
    assert not any(secret in caplog.text for secret in (SECRET, ANOTHER))
    caplog.clear()


async def test_secret_that_is_read_later_is_told_of(houses: Houses, caplog: pytest.LogCaptureFixture) -> None:
    one, other = await houses.start(SECRET, ANOTHER), await houses.start()
    await until(lambda: have_compared(one, other))
    assert told(caplog) == set()
    one.app.tokens.use(ANOTHER, SECRET)
    await until(lambda: told(caplog) == names(one))
    caplog.clear()


@pytest.mark.parametrize("secrets", [(SECRET,), (ANOTHER, SECRET)], ids=["the same", "a newer one that signs"])
async def test_node_that_takes_the_tokens_of_another_one_tells_nothing_of_it(
    houses: Houses, caplog: pytest.LogCaptureFixture, secrets: tuple[str, ...]
) -> None:
    one, other = await houses.start(SECRET, ANOTHER), await houses.start(*secrets)
    await until(lambda: have_compared(one, other))
    assert told(caplog) == set()
