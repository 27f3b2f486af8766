"""The lab's churn and its hostile clients: they do what they say, on a real server, bounded."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from bench.load.among import Among, among
from bench.load.churn import WAYS_IN, Churn, Cycle, WayIn, churn
from bench.load.clients.hostile import Hostile, be_hostile
from bench.load.sockets.raw_client import RawClient, Transport
from bench.processes.target import Target
from tests.conformance.case import Way
from tests.conformance.servers import servers
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.system  # servers and generators as processes


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with servers([Way.BARE]) as targets:
        yield targets[Way.BARE]


async def open_sessions(target: Target) -> float:
    client = await RawClient.connect(target.port, Transport.BARE)
    try:
        _, body = await client.request("GET", "/metrics")
    finally:
        client.abort()
    rows = dict(line.rsplit(b" ", 1) for line in body.splitlines() if not line.startswith(b"#"))
    return float(rows[b"lobby_sockets"])


async def wait_until_empty(target: Target) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while await open_sessions(target):
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.02)


BARE = [
    pytest.param(cycle, way, id=f"{cycle.value}-{way.name}")
    for way in WAYS_IN
    for cycle in Cycle
    if way.transport is Transport.BARE and way.takes(cycle)
]


@pytest.mark.parametrize(("cycle", "way"), BARE)
async def test_churn_does_each_cycle_as_often_as_asked_and_leaves_nobody(
    target: Target, cycle: Cycle, way: WayIn
) -> None:
    heard: list[int] = []
    seen = await churn(
        target,
        cycle,
        way,
        cycles=25,
        workers=4,
        sample_every=10,
        on_sample=lambda done, _: heard.append(done),
    )
    assert seen.done == (0, 10, 20, 25)
    assert heard == [10, 20, 25]
    assert all(kib > 10_000 for kib in seen.rss_kib)
    await wait_until_empty(target)


@pytest.mark.slow
@pytest.mark.parametrize("transport", [Transport.TLS, Transport.DEFLATE, Transport.TLS_DEFLATE])
async def test_churn_works_on_the_other_ways(transport: Transport) -> None:
    way = Way(transport.value)
    with servers([way]) as targets:
        for cycle in Cycle:
            seen = await churn(targets[way], cycle, WayIn(transport.value, transport), cycles=10, workers=4)
            assert seen.done[-1] == 10


def test_growth_counts_from_the_end_of_the_warm_up() -> None:
    seen = Churn(Cycle.ACCEPTED, WAYS_IN[0], (0, 10, 20, 30), (50, 100, 101, 110))
    assert seen.growth(10) == pytest.approx(0.10)
    assert seen.growth(15) == pytest.approx(110 / 101 - 1)
    with pytest.raises(ValueError, match="warm-up"):
        seen.growth(30)


@pytest.mark.parametrize("kind", list(Hostile))
async def test_hostile_client_holds_its_connections_and_lets_go_of_them(target: Target, kind: Hostile) -> None:
    server = psutil.Process(target.pid)
    wanted = 1 if kind is Hostile.ABANDONED_LOGINS else kind.connections
    most = 0

    async def look() -> None:
        nonlocal most
        while most < wanted:
            most = max(most, sum(each.status == "ESTABLISHED" for each in server.net_connections("tcp")))
            await asyncio.sleep(0.01)

    acts = asyncio.create_task(be_hostile(kind, target.port, Transport.BARE, seconds=PATIENCE_S))
    try:
        await asyncio.wait_for(look(), PATIENCE_S)
    finally:
        acts.cancel()
        await asyncio.gather(acts, return_exceptions=True)
    assert most >= wanted


async def test_among_takes_both_kinds_of_rounds_and_loses_nobody(target: Target) -> None:
    seen = await among(target, Hostile.IDLE_KEEP_ALIVES, Transport.BARE, good=20, rounds=1, round_s=0.5)
    assert (len(seen.undisturbed_ms), len(seen.disturbed_ms), seen.lost, seen.cut) == (200, 200, 0, 0)
    assert all(wait_ms > 0 for wait_ms in (*seen.undisturbed_ms, *seen.disturbed_ms))


def test_among_compares_the_p99_of_both() -> None:
    seen = Among(Hostile.PING_FLOOD, Transport.BARE, 1, (1.0,) * 99 + (2.0,), (3.0,) * 98 + (8.0,) * 2, 0, 0)
    assert seen.p99_ms == (1.0, 8.0)
    assert seen.ratio == 8.0


def test_hostile_client_says_nothing_of_what_it_writes_to_a_connection_that_has_ended() -> None:
    with servers([Way.TLS]) as targets:
        arguments = [Hostile.NEVER_READS.value, str(targets[Way.TLS].port), Transport.TLS.value, "3"]
        done = subprocess.run(
            [sys.executable, "-m", "bench.load.clients.hostile", *arguments],
            capture_output=True, text=True, timeout=PATIENCE_S, check=True,
        )  # fmt: skip
    assert (done.stdout, done.stderr) == (f"{Hostile.NEVER_READS.value}\n", "")
