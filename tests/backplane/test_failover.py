"""A primary that becomes a replica: nodes follow the way that their URL names to the one that was promoted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest

from lobby_server.core.machine import commands
from lobby_server.core.presence import User
from tests.backplane.conftest import ENGINES, Nodes
from tests.backplane.engine import Engine
from tests.backplane.nodes import agree, until
from tests.backplane.test_contract import new_room, said

pytestmark = pytest.mark.system


class Way:
    """An address that leads to a server, and from some moment on to another one: connections stay where they are."""

    def __init__(self, to: Engine) -> None:
        self.to = to
        self.url = ""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._lead, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/0"

    async def end(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.to.port)
        for one, other in ((reader, back), (there, writer)):
            task = asyncio.create_task(_pass_on(one, other))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
    finally:
        writer.close()


@pytest.fixture(params=ENGINES)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Engine]]:
    """A primary, and a replica that has all it has."""
    kind = request.param
    primary = Engine(kind, tmp_path_factory.mktemp(kind), "--repl-diskless-sync-delay", "0")
    replica = Engine(kind, tmp_path_factory.mktemp(kind), "--replicaof", "127.0.0.1", str(primary.port))
    primary.start(), replica.start()
    yield primary, replica
    primary.kill(), replica.kill()


@pytest.fixture
async def way(pair: tuple[Engine, Engine]) -> AsyncIterator[Way]:
    way = Way(pair[0])
    await way.start()
    yield way
    await way.end()


async def test_nodes_go_on_with_the_replica_that_was_promoted(
    pair: tuple[Engine, Engine], way: Way, nodes: Nodes
) -> None:
    primary, replica = pair
    one, other = await nodes.start(way.url), await nodes.start(way.url)
    await one.replica.run(commands.CreateRoom(new_room("r", User(1, "ann"))))
    await one.replica.run(said("before"))
    await until(lambda: b"state=online" in primary.ask("INFO replication"))
    assert primary.ask("FAILOVER").startswith(b"+OK")
    await until(lambda: b"role:master" in replica.ask("INFO replication"))
    way.to = replica
    await until(lambda: all(node.log.outages and node.log.is_well for node in (one, other)))
    await other.replica.run(said("after"))
    await agree(one, other)
    assert one.heard == other.heard == ["before", "after"]
    assert (one.resets, other.resets, one.restored) == (0, 0, 1)
    newcomer = await nodes.start(way.url)
    assert newcomer.state.books.rooms.get("r") is not None
    assert replica.ask("EXISTS lobby:{" + nodes.cluster + "}:epoch").startswith(b":1")
