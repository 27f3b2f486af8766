"""One cell of a comparison of ways: clients of one way on a fresh server, so many changes per second, for a while.

What a cell gives is the same for every way: time to fresh of each change at each client, staleness over the window, the
server's CPU, and the bytes. Freshness, break-even and cost are made of cells.

The window is cut out of a steady stream. Changes begin some time before it, at the same intervals, so that at its start
as much is on its way to the clients as at its end; the counts of the clients and the CPU of the server are read at both
edges, and what lies between two readings is divided by the time between them. Its length is a whole number of changes
(`whole_intervals_s`), and its edges lie at least half an interval behind a change. Behind the window
nothing is counted: that time is for clients to come to its last changes, which time to fresh is of.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from bench.load.changes.changes import Changes, Place, evenly, whole_intervals_s
from bench.load.changes.ledger import Receipts, account_states, total
from bench.load.clients.population import Group, Population, Window
from bench.processes.lab import HOST, Lab
from bench.processes.server_flags import LASTING_ROOMS_S, lab_flags
from bench.processes.watch import Watch
from bench.record.findings import Ledger, Stretch, sum_stretches
from bench.record.wire import HEARTBEAT_S, ByteCount
from bench.stats import FloatArray, merge

FLAGS = lab_flags(empty_room_ttl_s=LASTING_ROOMS_S)
"""As it comes: conflation and the pacing of announcements are part of what is compared."""

USERS = 10
READY_S = 0.2
"""From the beginning to the first change: all processes have their orders by then."""

AROUND_S = 1.0
"""Before the window and after the last change, for those who do not poll; for those who poll it is a period."""

STALENESS_POINTS = 200
"""Moments of the window at which everybody's staleness is looked at."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What came of one. Times in s, from the intended times of the changes."""

    clients: int
    fresh_s: FloatArray
    """Time to fresh of every change of the window at every client that came to it."""
    stale_s: FloatArray
    """Staleness at moments spread evenly over the window: the age of the oldest change that a client had not."""
    ledger: Ledger
    stretch: Stretch
    """Of the window alone."""
    parts: tuple[Stretch, ...] = ()
    """Of its parts, as long as each other."""
    late_s: float
    counted_s: float
    """Length of the window: between the two readings of the counts."""
    changes: int
    """Sent between the two readings."""
    count: ByteCount
    """Of all clients, between the two readings."""
    checked_bytes: int
    """Framed, from the beginning to the end, of the clients whose sockets the kernel counted all the while."""
    kernel_bytes: int
    """The kernel's count of the same."""
    losses: int

    @property
    def client_hours(self) -> float:
        return self.clients * self.counted_s / 3600

    @property
    def changes_per_s(self) -> float:
        """The rate that was achieved."""
        return self.changes / self.counted_s

    @property
    def lost(self) -> str:
        """Why nothing in it is per client: some were not there all the time; empty where all were."""
        return f"{self.losses:,} of {self.clients:,} clients lost their connection" if self.losses else ""


def around_s(way: str, changes_per_s: float, poll_s: float) -> float:
    """How long changes run before the window, and clients after it. Nothing comes to anybody where nothing changes."""
    if not changes_per_s:
        return 0.0
    return poll_s if way.startswith("polling") else AROUND_S


def measure_cell(
    lab: Lab,
    way: str,
    *,
    clients: int,
    changes_per_s: float,
    window_s: float,
    poll_s: float,
    rooms: int,
    chance: random.Random,
    parts: int = 1,
) -> Cell:
    """With a fresh server. `window_s` is about how long: it will be a whole number of changes. `parts`: in which CPU is
    read."""
    window_s = whole_intervals_s(changes_per_s, window_s)
    beside_s = around_s(way, changes_per_s, poll_s)
    with (
        lab.server(FLAGS) as server,
        lab.generator(Changes, places=[Place(server.port, server.jwt_secret)], living=[min(rooms, 10)]) as changes,
    ):
        changes.call(Changes.fill, [rooms])
        group = Group(way, HOST, server.port, server.jwt_secret, clients, 0, max(1, clients // USERS))
        with lab.generator(
            Population, groups=[group], poll_s=poll_s, heartbeat_s=HEARTBEAT_S, seed=chance.getrandbits(31)
        ) as population:
            population.call(Population.connect)
            end_s = population.call(Population.begin, READY_S + beside_s + window_s + beside_s, 0.0)
            start_s = end_s - beside_s - window_s
            over_s = start_s + window_s
            population.call(Population.read_at, start_s, over_s)
            times_s = evenly(
                changes_per_s, start_s=start_s, window_s=window_s, jitters=[chance.random() for _ in range(97)],
                lead_s=beside_s,
            )  # fmt: skip
            with ThreadPoolExecutor(1) as pool:
                made = pool.submit(changes.call, Changes.run, [times_s])
                _wait_until(start_s)
                stretches = []
                for part in range(1, parts + 1):
                    watch = Watch(server.pid, population.pid)
                    _wait_until(start_s + window_s * part / parts)
                    stretches.append(watch.stretch())
                [done] = made.result()
            [between] = population.call(Population.between)
            [window] = population.call(Population.end)
            [held] = population.call(Population.held)
    intended_s = [change.intended_s for change in done]
    first = done[0].number if done else 0
    states = Receipts(held.client, held.stamp_s, held.what - first)
    entries = [
        entry
        for at_s, entry in zip(
            intended_s, account_states(states, intended_s=intended_s, expected=clients), strict=True
        )
        if at_s >= start_s
    ]  # fmt: skip
    checked_bytes, kernel_bytes = _beside_the_kernel(window)
    return Cell(
        clients=clients,
        fresh_s=merge([entry.latencies_s for entry in entries]),
        stale_s=staleness(states, intended_s=intended_s, clients=clients, start_s=start_s, end_s=over_s),
        ledger=total(entries),
        stretch=sum_stretches(stretches),
        parts=tuple(stretches),
        late_s=max((change.sent_s - change.intended_s for change in done), default=0.0),
        counted_s=between.end_s - between.start_s,
        changes=sum(between.start_s <= change.sent_s < between.end_s for change in done),
        count=between.count,
        checked_bytes=checked_bytes,
        kernel_bytes=kernel_bytes,
        losses=window.losses,
    )


def staleness(
    states: Receipts, *, intended_s: Sequence[float], clients: int, start_s: float, end_s: float
) -> FloatArray:
    """Of every client at moments spread evenly over a window; 0 for one that has all changes so far.

    The age of the oldest change that it has not: for every way of propagation the same.
    """
    moments_s = np.linspace(start_s, end_s, STALENESS_POINTS, endpoint=False)
    made_s = np.asarray(intended_s)
    if not len(made_s):
        return np.zeros(clients * STALENESS_POINTS)
    found = []
    for client in range(clients):
        mine = states.client == client
        stamps_s, have = states.stamp_s[mine], states.what[mine]
        newest = np.concatenate([[-1], np.maximum.accumulate(have)]) if len(have) else np.array([-1])
        had = newest[np.searchsorted(stamps_s, moments_s, side="right")]
        oldest_lacking = np.clip(had + 1, 0, len(made_s) - 1)
        ages_s = moments_s - made_s[oldest_lacking]
        found.append(np.where(had + 1 < len(made_s), np.maximum(ages_s, 0.0), 0.0))
    return np.concatenate(found)


def _beside_the_kernel(window: Window) -> tuple[int, int]:
    """Framed bytes by our count and by the kernel's, of the clients that have both."""
    ours = theirs = 0
    for client in window.clients:
        if client.kernel_sent_bytes is not None and client.kernel_received_bytes is not None:
            ours += client.framed_up_bytes + client.framed_down_bytes
            theirs += client.kernel_sent_bytes + client.kernel_received_bytes
    return ours, theirs


def _wait_until(at_s: float) -> None:
    time.sleep(max(0.0, at_s - perf_counter()))
