"""Pings while a server is busy: each answer has its time, and one that never comes has the time until now."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bench.load.sockets import probe, sinks
from bench.load.sockets.probe import ACCEPTED, PONG, Probe
from bench.load.sockets.sinks import masked_text
from bench.record.wire import PING_MESSAGE
from tests.patience import PATIENCE_S

SECRET = "a secret of the tests, thirty-two bytes or more"
PING = masked_text(PING_MESSAGE)


class Server:
    """Upgrades, accepts, and answers pings as it is told: what it writes, piece by piece; None: it hangs up."""

    def __init__(self, *answers: tuple[bytes, ...] | None) -> None:
        self.answers = list(answers)
        self.pings = 0
        self.serving: set[asyncio.Task[Any]] = set()
        self.said = asyncio.Event()
        """All answers that were given it are out."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            self.serving.add(task)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        await reader.read(4096)  # the hello
        writer.write(b"\x81\x00{" + ACCEPTED)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                assert await reader.readexactly(len(PING)) == PING
                self.pings += 1
                if not self.answers:
                    self.said.set()
                    continue
                pieces = self.answers.pop(0)
                if pieces is None:
                    writer.close()
                    self.said.set()
                    return
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0.01)
                if not self.answers:
                    self.said.set()
        writer.close()


@contextlib.asynccontextmanager
async def probing(server: Server, connections: list[socket.socket]) -> AsyncIterator[Probe]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listening:
        found = Probe(port=listening.sockets[0].getsockname()[1], secret=SECRET)
        await found.begin()
        yield found
        for task in asyncio.all_tasks() - {asyncio.current_task()} - server.serving:
            task.cancel()  # in a process of its own they end with it
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for connection in connections:
            connection.close()
        await asyncio.gather(*server.serving)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "INTERVAL_S", 0.0)


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """Those of the probe, which leaves them to the end of its process."""
    found: list[socket.socket] = []
    connect = sinks.connect

    async def connected(port: int) -> socket.socket:
        found.append(await connect(port))
        return found[-1]

    monkeypatch.setattr(probe, "connect", connected)
    return found


async def until(holds: Callable[[], bool]) -> None:
    async def wait() -> None:
        while not holds():
            await asyncio.sleep(0.001)

    await asyncio.wait_for(wait(), PATIENCE_S)


async def test_every_answered_ping_has_its_round_trip(connections: list[socket.socket]) -> None:
    server = Server((PONG,), (PONG,), (PONG,))
    async with probing(server, connections) as found:
        await until(lambda: server.pings == 4)
        rtts_s = await found.end()
    assert len(rtts_s) == 4, "three answers, and the one that is still out"
    assert all(each > 0 for each in rtts_s)


async def test_ping_without_an_answer_counts_with_its_time_until_now(connections: list[socket.socket]) -> None:
    async with probing(server := Server(), connections) as found:
        await server.said.wait()
        await asyncio.sleep(0.05)
        [waited_s] = await found.end()
    assert waited_s >= 0.05


async def test_lost_socket_counts_with_its_time_until_now(connections: list[socket.socket]) -> None:
    async with probing(server := Server(None), connections) as found:
        await server.said.wait()
        await asyncio.sleep(0.05)
        [waited_s] = await found.end()
    assert waited_s >= 0.05


async def test_answer_that_comes_in_two_pieces_is_one(connections: list[socket.socket]) -> None:
    server = Server((PONG[:6], PONG[6:]))
    async with probing(server, connections) as found:
        await until(lambda: server.pings == 2)
        first_s, *_ = await found.end()
    assert first_s >= 0.01, "it counts when it is whole"


async def test_events_before_an_answer_are_no_answer(connections: list[socket.socket]) -> None:
    server = Server((b'{"type":"user_online"', b'{"type":"user_online"', PONG))
    async with probing(server, connections) as found:
        await until(lambda: server.pings == 2)
        first_s, *_ = await found.end()
    assert first_s >= 0.02
