from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.backplane.engine import Engine
from tests.cluster.lobby import LASTING, Lobby
from tests.cluster.patient import PATIENT
from tests.store.postgres import Postgres


def _lobby(postgres: Postgres, folders: pytest.TempPathFactory, database: str, **given: Any) -> Iterator[Lobby]:
    asyncio.run(postgres.run(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)"))
    asyncio.run(postgres.run(f"CREATE DATABASE {database}"))
    engine = Engine("valkey", folders.mktemp("valkey"))
    engine.start()
    lobby = Lobby(engine=engine, database_url=postgres.url(database), folder=folders.mktemp("nodes"), **given)
    try:
        yield lobby
    finally:
        lobby.end()
        engine.kill()


@pytest.fixture(scope="module")
def three_nodes(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lobby]:
    for lobby in _lobby(postgres, tmp_path_factory, "three_nodes", flags=LASTING, prefix=PATIENT):
        for _ in range(3):
            lobby.start()
        yield lobby


@pytest.fixture
def three(three_nodes: Lobby) -> Iterator[Lobby]:
    """Three nodes for the tests of a module, which leave them as they are. Each test has users of its own, and its
    sockets end with it, also where it fails."""
    yield three_nodes
    three_nodes.end_sockets()


@pytest.fixture
def lobby(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lobby]:
    """A lobby without nodes, for a test that kills some."""
    yield from _lobby(postgres, tmp_path_factory, "some_nodes")
