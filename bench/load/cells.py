"""One cell of a comparison of ways: clients of one way on a fresh server, so many changes a second, for a while.

What a cell gives is the same for every way: time to fresh of each change at each client, staleness over the window, the
server's CPU, and the bytes. Freshness, break-even and cost are made of cells.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from bench.load.changes.changes import Changes, Place, evenly
from bench.load.changes.ledger import Receipts, account_states, total
from bench.load.clients.population import Group, Population, Window
from bench.processes.lab import HOST, Lab
from bench.processes.watch import Watch
from bench.record.findings import Ledger, Stretch
from bench.stats import FloatArray, merge

FLAGS = ("--auth-rate-per-min", "0", "--log-level", "warning", "--empty-room-ttl-s", "3600")
"""As it comes: conflation and the pacing of announcements are part of what is compared."""

HEARTBEAT_S = 30.0
USERS = 10
LEAD_S = 0.2
AFTER_S = 1.0
"""After the last change, for those who do not poll."""

STALENESS_POINTS = 200
"""Moments of the window at which everybody's staleness is looked at."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What came of one. Times in s, from the intended times of the changes."""

    fresh_s: FloatArray
    """Time to fresh of every change at every client that came to it."""
    stale_s: FloatArray
    """Staleness at moments spread evenly over the window: the age of the oldest change that a client had not."""
    ledger: Ledger
    stretch: Stretch
    """Of the window alone."""
    late_s: float
    changes: int
    counted_s: float
    """The window and what came after it, which the bytes are of."""
    requests: int
    events: int
    framed_bytes: int
    wire_bytes: int
    """Of all clients, the window and what came after it."""
    losses: int


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
) -> Cell:
    """With a fresh server."""
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
            after_s = poll_s if way.startswith("polling") else AFTER_S
            end_s = population.call(Population.begin, window_s + after_s + LEAD_S, 0.0)
            start_s = end_s - window_s - after_s
            times_s = evenly(
                changes_per_s, start_s=start_s, window_s=window_s, jitters=[chance.random() for _ in range(97)]
            )
            watch = Watch(server.pid, population.pid)
            with ThreadPoolExecutor(1) as pool:
                made = pool.submit(changes.call, Changes.run, [times_s])
                _wait_until(start_s + window_s)
                stretch = watch.stretch()
                [done] = made.result()
            [window] = population.call(Population.end)
            [held] = population.call(Population.held)
    numbered = [change for change in done if change.number is not None]
    intended_s = [change.intended_s for change in numbered]
    first = numbered[0].number if numbered else 0
    states = Receipts(held.client, held.stamp_s, held.what - (first or 0))
    entries = account_states(states, intended_s=intended_s, expected=clients)
    return Cell(
        fresh_s=merge([entry.latencies_s for entry in entries]),
        stale_s=staleness(states, intended_s=intended_s, clients=clients, start_s=start_s, end_s=start_s + window_s),
        ledger=total(entries),
        stretch=stretch,
        late_s=max((change.sent_s - change.intended_s for change in done), default=0.0),
        changes=len(done),
        counted_s=window_s + after_s + LEAD_S,
        losses=window.losses,
        **_bytes(window),
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


def _bytes(window: Window) -> dict[str, int]:
    return {
        "requests": sum(client.requests for client in window.clients),
        "events": sum(client.events for client in window.clients),
        "framed_bytes": sum(client.framed_up_bytes + client.framed_down_bytes for client in window.clients),
        "wire_bytes": sum(client.wire_bytes for client in window.clients),
    }


def _wait_until(at_s: float) -> None:
    time.sleep(max(0.0, at_s - perf_counter()))
