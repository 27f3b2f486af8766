from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.backplane.engine import Engine
from tests.backplane.nodes import Node

_clusters = itertools.count(1)


def _running(kind: str, folders: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(kind, folders.mktemp(kind))
    engine.start()
    yield engine
    engine.kill()


@pytest.fixture(scope="module")
def valkey_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One for all tests of a module, which leave it as it is."""
    yield from _running("valkey", tmp_path_factory)


@pytest.fixture(scope="module")
def redis_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One for all tests of a module, which leave it as it is."""
    yield from _running("redis", tmp_path_factory)


ENGINES = ["valkey", pytest.param("redis", marks=pytest.mark.slow)]
"""Both speak one protocol: the contract runs on both by default, faults of nodes and servers on one of them."""


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One that a test may kill, freeze and start again."""
    yield from _running(request.param, tmp_path_factory)


class Nodes:
    """The nodes of one test, of a cluster of their own."""

    def __init__(self) -> None:
        self.cluster = f"test{next(_clusters)}"
        self.all: list[Node] = []

    async def start(self, url: str | None, *, name: str = "node", database: str | None = None) -> Node:
        node = Node(url, cluster=self.cluster, name=name, is_first=not self.all, database=database)
        self.all.append(node)
        return await node.start()


@pytest.fixture
async def nodes() -> AsyncIterator[Nodes]:
    nodes = Nodes()
    yield nodes
    for node in nodes.all:
        await node.end()
