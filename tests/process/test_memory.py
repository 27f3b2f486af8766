"""Memory of a real process: over thousands of clients that come and go what the warm-up took is all that it takes, and
a client that is idle takes no more than its bound."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest

from bench.load.churn import WAYS_IN, Cycle, WayIn, churn
from bench.load.sockets.raw_client import RawClient, client_frame
from bench.load.sockets.tokens import mint_receiver
from bench.processes.target import Target
from bench.processes.watch import resident_kib
from tests.conformance.case import Way
from tests.conformance.servers import flags_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WARM_UP, CYCLES = 8_000, 16_000
"""Rooms fill the pages of the database and of the journal for some 7,000 cycles."""
WORKERS = 32
LARGEST_GROWTH = 0.02
"""Of the memory after the warm-up. A server that keeps 0.8 KiB per client that ever was grows by 8 %."""
NO_LIMITS = ("--command-rate-per-s", "0", "--social-rate-per-min", "0")
PAIRS = [
    pytest.param(way, cycle, id=f"{way.name}-{cycle.value}") for way in WAYS_IN for cycle in Cycle if way.takes(cycle)
]


@pytest.mark.parametrize(("way", "cycle"), PAIRS)
async def test_sockets_that_come_and_go_leave_nothing_behind(way: WayIn, cycle: Cycle) -> None:
    with Target(flags=(*flags_of(Way(way.transport.value)), *NO_LIMITS)) as target:
        seen = await churn(target, cycle, way, cycles=CYCLES)
    assert seen.growth(WARM_UP) <= LARGEST_GROWTH, dict(zip(seen.done, seen.rss_kib, strict=True))


WARM_IDLE = 200
IDLE, USERS = 2_000, 50
"""Sockets, and users: few, since all are told of each. What a user takes besides is not in it."""
MOST_IDLE_KIB = {"plain": 2.2, "permessage-deflate": 24.0, "TLS": 40.0}


@pytest.mark.parametrize("way", [way for way in WAYS_IN if way.name in MOST_IDLE_KIB], ids=lambda way: way.name)
async def test_idle_connection_takes_no_more_than_its_bound(way: WayIn) -> None:
    with Target(flags=(*flags_of(Way(way.transport.value)), *NO_LIMITS)) as target:
        tokens = [mint_receiver(target.jwt_secret, number).token for number in range(USERS)]
        clients: list[RawClient] = []

        async def grow(to: int) -> None:
            while len(clients) < to:
                client = await RawClient.connect(target.port, way.transport)
                clients.append(client)
                assert await client.upgrade(way.path) == 101
                data = {"version": "13020", "name": "Idle", "token": tokens[len(clients) % USERS]}
                client.send(client_frame(json.dumps({"type": "handshake", "data": data}).encode()))
                await client.message(b"handshake_accepted")

        await grow(WARM_IDLE)
        before_kib = resident_kib(target.pid)
        await grow(WARM_IDLE + IDLE)
        taken_kib = (resident_kib(target.pid) - before_kib) / IDLE
        for client in clients:
            client.abort()
    assert taken_kib <= MOST_IDLE_KIB[way.name]


REQUESTS = {
    "list": b"GET /api/rooms HTTP/1.1\r\nHost: x\r\n\r\n",
    "call": b"GET /api/stats HTTP/1.1\r\nHost: x\r\n\r\n",
    "refused": b"GET /api/stats HTTP/1.1\r\nHost : x\r\n\r\n",
    "no upgrade": b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    "half": b"GET /api/rooms HTTP/1.1\r\nHost: x\r\n",
}


@pytest.mark.parametrize("kind", REQUESTS)
async def test_http_connections_that_come_and_go_leave_nothing_behind(kind: str) -> None:
    request = REQUESTS[kind]

    async def visit(port: int, count: int) -> None:
        for _ in range(count):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            if kind != "half":
                await reader.readuntil(b"\r\n\r\n")
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def visits(port: int, count: int) -> None:
        await asyncio.gather(*(visit(port, count // WORKERS) for _ in range(WORKERS)))

    with Target(flags=NO_LIMITS) as target:
        await visits(target.port, WARM_UP)
        before_kib = resident_kib(target.pid)
        await visits(target.port, CYCLES - WARM_UP)
        after_kib = resident_kib(target.pid)
    assert after_kib / before_kib - 1 <= LARGEST_GROWTH, (before_kib, after_kib)
