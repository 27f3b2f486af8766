"""Whole runs against servers whose database waits for a slow disk in each commit: that is what is told, of the writes.

The disk is slow in the calls of the program that writes (`tests.loadtest.servers.slow_disk`): in the flush of every
commit of PostgreSQL, and in every write of the lobby's own SQLite, which leaves the flush to the kernel. Nothing else
was as good: `commit_delay` of PostgreSQL sleeps for 0.1 s at most and only beside other transactions, a process that
holds SQLite's lock makes others wait for it and not for the disk.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.processes.cluster.postgres import NO_POSTGRES, Postgres, find_postgres
from bench.processes.target import Target
from tests.installed import missing
from tests.loadtest.held_up import unless_held_up
from tests.loadtest.run.test_conclusions import NO_LIMIT, Runs, heartbeats, nursery
from tests.loadtest.servers.slow_disk import FLUSHES, WRITES, SlowDisk, why_not
from tests.loadtest.swarms import Enough, Nursery

__all__ = ["nursery"]

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can")]

FLUSH_S = 0.4
WRITE_S = 0.1
"""Several of them are a commit."""
MADE = 40
"""Rooms that a swarm has made when it has seen enough."""
CREATORS = ("--mix", "browser=1,host=1", "--room-interval-s", "fixed:0.6", "--room-lifetime-s", "fixed:0.3")


@contextmanager
def on_postgres() -> Iterator[tuple[Target, SlowDisk]]:
    programs = find_postgres()
    assert programs is not None
    with ExitStack() as stack:
        disk = stack.enter_context(SlowDisk(FLUSHES))
        folder = Path(tempfile.mkdtemp(prefix="lobby-slow-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = Postgres(programs, folder)
        postgres.make()
        postgres._as = {**postgres._as, "preexec_fn": disk.enter}
        stack.callback(postgres.stop)
        postgres.start()
        postgres.make_database("slow")
        yield stack.enter_context(Target(flags=[*NO_LIMIT, "--database-url", postgres.url("slow")])), disk


@contextmanager
def on_sqlite() -> Iterator[tuple[Target, SlowDisk]]:
    with SlowDisk(WRITES) as disk, Target(flags=NO_LIMIT, prefix=disk.prefix) as target:
        yield target, disk


SERVERS = {"on_postgres": (on_postgres, FLUSH_S), "on_sqlite": (on_sqlite, WRITE_S)}
"""With how long each call takes that waits for the disk."""


@dataclass(frozen=True)
class Slow:
    run: dict[str, Any]
    served: int
    """Calls that waited for the disk."""


@pytest.fixture(scope="module")
def endings(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Slow]:
    """Of all servers that can be had here, each with a swarm of its own: side by side, for they wait most of the
    time."""
    here = {name: each for name, each in SERVERS.items() if name != "on_postgres" or find_postgres() is not None}
    runs = Runs(nursery, tmp_path_factory.mktemp("swarms"))
    endings: dict[str, Slow] = {}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(server()) for name, (server, _) in here.items()}
        for name, (target, _) in servers.items():
            runs.start(name, target.http_url, "--jwt-secret", target.jwt_secret, *CREATORS)
        quick: dict[str, int] = {}
        for name, (_, disk) in servers.items():
            runs.until(name, lambda run: heartbeats(run) > 0)
            disk.delay_s = here[name][1]
            quick[name] = rooms_made(runs.now(name))
        for name, (_, disk) in servers.items():
            endings[name] = Slow(runs.end(name, has_made_rooms(besides=quick[name])).run, disk.served)
            disk.delay_s = 0.0
    return endings


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_with_a_slow_disk_is_said_to_wait_in_its_writes(endings: dict[str, Slow], server: str) -> None:
    if server not in endings:
        missing(NO_POSTGRES)
    run, delay_s = endings[server].run, SERVERS[server][1]
    said = run["validity"]["bottleneck"]
    assert endings[server].served > 0
    times = {row["name"]: row for row in run["metrics"]}
    assert times["room_create"]["p50_ms"] >= 1000 * delay_s
    with unless_held_up(run):
        assert times["heartbeat"]["p50_ms"] < 100, "who waits for nothing that is written is answered at once"
        assert said.startswith("The server was waiting in its writes: "), said
        found = re.search(r"writes: ([0-9.]+)% of ([0-9]+) answers took more than 250 ms.*, (\S+ m?s) at p50 and", said)
        assert found is not None, said
        assert float(found[1]) > 50
        assert int(found[2]) >= MADE
        assert "the other " in said
        assert max(run["server"]["cpu_shares"]) < 0.9, "it was not busy"


def rooms_made(run: dict[str, Any]) -> int:
    return int(run["events"].get("rooms made", 0))


def has_made_rooms(*, besides: int) -> Enough:
    """`besides`: those that were made before the disk was slow, of which there are to be more than twice as many."""
    made = max(MADE, 2 * besides + MADE // 4)
    return lambda run: rooms_made(run) >= made and len(run["server"]["cpu_shares"]) >= 4
