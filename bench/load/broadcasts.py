"""Broadcasts to sinks: rooms made at intended times, and who heard of each when. Used where only the fan-out counts."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from bench.load.changes.ledger import Entry, Receipts, account, total
from bench.load.changes.publisher import Publisher, schedule
from bench.load.sockets.sinks import Sinks
from bench.processes.cpu import read_cpu
from bench.processes.lab import Lab, Server
from bench.processes.remote import Remote
from bench.processes.watch import Watch
from bench.record.findings import Ledger, Stretch
from bench.stats import FloatArray, merge, percentile

PATTERN = b'"rooms_changed"'
USERS = 10
"""Sockets are dealt out among few users, so that connecting is no presence storm."""

LEAD_S = 0.1
SHORTEST_S = 0.02
RECEIPT_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Crowded:
    """A server with sinks on it and somebody who makes rooms."""

    server: Server
    sinks: Remote[Sinks]
    publisher: Publisher
    clients: int


@dataclass(frozen=True)
class Round:
    """What came of some broadcasts; latencies in s from the intended times, by receipt."""

    latencies_s: FloatArray
    lasts_s: list[float]
    """When the last client had it, one for each broadcast."""
    ledger: Ledger
    late_s: float
    stretch: Stretch
    """From the first intended time to the last receipt, and a little more."""
    busy_share: float
    """Of a core, what the generator used from each intended time until its last receipt, at most."""

    @property
    def p99_ms(self) -> float:
        return percentile(self.latencies_s, 99) * 1e3

    @property
    def last_ms(self) -> float:
        """Of the median broadcast."""
        return percentile(self.lasts_s, 50) * 1e3


@contextlib.contextmanager
def crowded(lab: Lab, clients: int, flags: Sequence[str]) -> Iterator[Crowded]:
    """A fresh server with so many accepted sinks."""
    with (
        lab.server(flags) as server,
        Publisher(server.port, server.jwt_secret) as publisher,
        lab.generator(Sinks, port=server.port, pattern=PATTERN, secret=server.jwt_secret, users=USERS) as sinks,
    ):
        sinks.call(Sinks.open, clients)
        sinks.call(Sinks.say_hello)
        sinks.call(Sinks.accepted, clients)
        yield Crowded(server, sinks, publisher, clients)
        sinks.call(Sinks.close)


def tell(crowd: Crowded, count: int, *, interval_s: float, chance: random.Random) -> Round:
    """Make so many rooms, each after everybody has heard of the one before."""
    crowd.sinks.call(Sinks.keep_stamps)
    heard_before = sum(crowd.sinks.call(Sinks.heard).events)
    times_s = schedule(
        count, interval_s=interval_s, start_s=perf_counter() + LEAD_S, jitters=[chance.random() for _ in range(count)]
    )
    watch = Watch(crowd.server.pid, crowd.sinks.pid)
    rooms, used_s = [], []
    for number, at_s in enumerate(times_s, 1):
        before = read_cpu(crowd.sinks.pid)
        rooms.append(crowd.publisher.publish(at_s))
        crowd.sinks.call(Sinks.hear, heard_before + number * crowd.clients, min(RECEIPT_TIMEOUT_S, interval_s * 2))
        used_s.append(read_cpu(crowd.sinks.pid).since(before).used_s)
    time.sleep(LEAD_S)
    stretch = watch.stretch()
    stamps = crowd.sinks.call(Sinks.heard).stamps
    receipts = Receipts(
        np.asarray([who for who, _ in stamps], dtype=np.int64), np.asarray([at_s for _, at_s in stamps])
    )
    entries: list[Entry] = account(
        receipts,
        intended_s=[room.intended_s for room in rooms],
        sent_s=[room.sent_s for room in rooms],
        expected=crowd.clients,
    )
    crowd.publisher.delete(rooms)
    crowd.sinks.call(Sinks.hear, 2**60, interval_s)  # what the deletions announce is over before the next
    return Round(
        latencies_s=merge([entry.latencies_s for entry in entries]),
        lasts_s=[float(entry.latencies_s.max()) for entry in entries if len(entry.latencies_s)],
        ledger=total(entries),
        late_s=max(room.sent_s - room.intended_s for room in rooms),
        stretch=stretch,
        busy_share=_busy_share(used_s, entries),
    )


def _busy_share(used_s: Sequence[float], entries: Sequence[Entry]) -> float:
    """Of all broadcasts that took long enough for the looking not to be most of it; 0 where none did."""
    shares = [
        min(1.0, cpu_s / float(entry.latencies_s.max()))
        for cpu_s, entry in zip(used_s, entries, strict=True)
        if len(entry.latencies_s) and entry.latencies_s.max() > SHORTEST_S
    ]
    return max(shares, default=0.0)
