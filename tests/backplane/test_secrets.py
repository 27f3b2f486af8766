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
from tests.service.house import SECRET

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
    monkeypatch.setattr(nodes, "LOOK_AT_SECRETS_AFTER_S", 0.5)
    houses = Houses(engine.url)
    yield houses
    await houses.end()


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The nodes that have looked at the secrets of another one."""
    found: set[str] = set()
    look = nodes.Nodes._look_at_secrets

    def noted(self: nodes.Nodes) -> None:
        look(self)
        if self._log.reports:
            found.add(self._log.node)

    monkeypatch.setattr(nodes.Nodes, "_look_at_secrets", noted)
    return found


def told(caplog: pytest.LogCaptureFixture) -> set[str]:
    """The nodes whose secret another one does not have, by the log."""
    lines = [line for line in caplog.records if getattr(line, "event", "") == LogEvent.SECRETS_DIFFER.value]
    return {line.getMessage().split()[1] for line in lines}


async def test_nodes_of_different_secrets_tell_of_each_other(
    houses: Houses, looked: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    one, other = await houses.start(), await houses.start(ANOTHER)
    names = {house.app.replica.log.node for house in (one, other)}
    await until(lambda: looked == names)
    assert told(caplog) == names
    assert not any(secret in caplog.text for secret in (SECRET, ANOTHER))
    caplog.clear()


@pytest.mark.parametrize("secrets", [(SECRET,), (ANOTHER, SECRET)], ids=["the same", "a newer one that signs"])
async def test_node_that_takes_the_tokens_of_another_one_tells_nothing_of_it(
    houses: Houses, looked: set[str], caplog: pytest.LogCaptureFixture, secrets: tuple[str, ...]
) -> None:
    one, other = await houses.start(SECRET, ANOTHER), await houses.start(*secrets)
    await until(lambda: looked == {house.app.replica.log.node for house in (one, other)})
    assert told(caplog) == set()
