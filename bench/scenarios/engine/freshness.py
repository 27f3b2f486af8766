"""How soon everybody holds the truth: with deltas, by fetching after one change, and under 20 changes per second.

Fresh is from the intended time of a change to the moment when a client holds a list with it. A base client fetches over
its kept-alive connection, never two at once (`bench.load.clients.fetcher`); a delta client has it with the message.
"""

from __future__ import annotations

import asyncio
import time
import urllib.request
from collections.abc import Mapping, Sequence
from time import perf_counter

import numpy as np

from bench.load.changes.change_stream import ChangeStream
from bench.load.changes.ledger import Entry, Receipts, account_states
from bench.load.changes.publisher import Published, Publisher, schedule
from bench.load.clients.crowd import Crowd
from bench.load.sockets.http_client import Response
from bench.load.sockets.sinks import Sinks
from bench.measures import (
    BASE_LAST,
    BASE_P50,
    BASE_P99,
    DELTA_LAST,
    DELTA_P50,
    DELTA_P99,
    FETCHES,
    LATEST_CHANGE,
    SLOWEST_CHANGE,
    STALENESS_UNDER_CHANGES,
    WRONG_LISTS,
    Measure,
)
from bench.processes.lab import Lab, Server
from bench.processes.remote import Remote
from bench.processes.server_flags import LASTING_ROOMS_S, lab_flags
from bench.processes.watch import Watch
from bench.record.book import Book
from bench.record.findings import Findings, Stretch
from bench.record.profiles.sizes import EngineSizes
from bench.stats import FloatArray, merge, percentile

FLAGS = lab_flags(empty_room_ttl_s=LASTING_ROOMS_S)
"""As it comes: conflation and the pacing of announcements are what is asked for here."""

ROOMS = 10
USERS = 10
CHANGES = 10
"""Lone ones, each with everybody fresh before the next."""
INTERVAL_S, INTERVAL_A_CLIENT_S = 0.5, 0.0005
CHANGE_RATE_PER_S = 20.0
QUIET_S, SETTLE_TIMEOUT_S = 1.0, 30.0
DELTA = {50: DELTA_P50, 99: DELTA_P99, 100: DELTA_LAST}
BASE = {50: BASE_P50, 99: BASE_P99, 100: BASE_LAST}


class TruthCrowd(Crowd):
    """A crowd that keeps the last list of everybody, to hold it against the truth."""

    _last: dict[int, bytes]
    fetches = 0
    last_list_s = 0.0

    async def begin(self, fetching: bool) -> None:
        await super().begin(fetching)
        self._last, self.fetches = {}, 0

    async def truth(self, body: bytes, quiet_s: float) -> tuple[int, int]:
        """How many hold exactly this list, and how many lists were fetched. Waits for fetches under way."""
        deadline_s = perf_counter() + SETTLE_TIMEOUT_S
        while perf_counter() - self.last_list_s < quiet_s and perf_counter() < deadline_s:
            await asyncio.sleep(quiet_s / 4)
        return sum(last == body for last in self._last.values()), self.fetches

    def on_list(self, index: int, response: Response) -> None:
        super().on_list(index, response)
        self._last[index] = response.body
        self.fetches += 1
        self.last_list_s = response.stamp_s


def run(lab: Lab, sizes: EngineSizes) -> Findings:
    """Two servers per repeat: one with delta clients, one with base clients."""
    book = lab.book("engine-freshness", FLAGS)
    with lab.reporter.stage("engine-freshness", 3 * sizes.ladder_repeats) as stage:
        for _ in range(sizes.ladder_repeats):
            stage.say(f"{sizes.fresh} rooms_delta clients")
            _delta(lab, book, sizes.fresh)
            stage.advance()
            stage.say(f"{sizes.fresh} base clients")
            _base(lab, book, sizes.fresh, sizes.changes)
            stage.advance(2)
    book.note(
        f"percentiles are over all clients of {CHANGES} lone changes, from the intended time; in the stream of changes "
        "only those that make a room are timed, while both kinds count"
    )
    return book.result("engine-freshness", FLAGS)


def _intervals(clients: int) -> float:
    return INTERVAL_S + INTERVAL_A_CLIENT_S * clients


def _delta(lab: Lab, book: Book, clients: int) -> None:
    with (
        lab.server(FLAGS) as server,
        Publisher(server.port, server.jwt_secret) as publisher,
        lab.generator(
            Sinks,
            port=server.port,
            pattern=b'"rooms_delta","data":{"base"',  # the acceptance names the feature, too
            secret=server.jwt_secret,
            users=USERS,
            features=("rooms_delta",),
        ) as sinks,
    ):
        publisher.fill(ROOMS)
        sinks.call(Sinks.open, clients)
        sinks.call(Sinks.say_hello)
        sinks.call(Sinks.accepted, clients)
        time.sleep(QUIET_S)
        sinks.call(Sinks.keep_stamps)
        watch = Watch(server.pid, sinks.pid)
        rooms = _publish(publisher, CHANGES, _intervals(clients))
        heard = sinks.call(Sinks.hear, CHANGES * clients, SETTLE_TIMEOUT_S)
        stretch = watch.stretch()
        if heard != CHANGES * clients:
            book.faults.append(f"{clients} delta clients heard {heard} deltas instead of {CHANGES * clients}")
        stamps_s = np.array([stamp_s for _, stamp_s in sinks.call(Sinks.heard).stamps])
        sent_s = np.array([room.sent_s for room in rooms])
        intended_s = np.array([room.intended_s for room in rooms])
        latencies_ms = (stamps_s - intended_s[np.searchsorted(sent_s, stamps_s) - 1]) * 1e3
        _add_latencies(book, DELTA, latencies_ms, clients, stretch)
        sinks.call(Sinks.close)


def _base(lab: Lab, book: Book, clients: int, changes: int) -> None:
    with (
        lab.server(FLAGS) as server,
        Publisher(server.port, server.jwt_secret) as publisher,
        lab.generator(
            TruthCrowd,
            ws_url=server.ws_url,
            port=server.port,
            secret=server.jwt_secret,
            clients_per_user=max(1, clients // USERS),
            seed=lab.seed,
        ) as crowd,
    ):
        publisher.fill(ROOMS)
        crowd.call(TruthCrowd.grow, clients)
        crowd.call(TruthCrowd.settle, QUIET_S, SETTLE_TIMEOUT_S)
        crowd.call(TruthCrowd.open_fetchers)
        _lone_changes(book, server, crowd, publisher, clients)
        crowd.call(TruthCrowd.open_fetchers)
        _stream(book, server, crowd, publisher, clients, changes)
        if losses := crowd.call(TruthCrowd.unexpected_losses):
            book.faults.append(f"clients were lost, by close code: {losses}")


def _lone_changes(book: Book, server: Server, crowd: Remote[TruthCrowd], publisher: Publisher, clients: int) -> None:
    first = publisher.next_number
    crowd.call(TruthCrowd.begin, True)
    watch = Watch(server.pid, crowd.pid)
    rooms = _publish(publisher, CHANGES, _intervals(clients))
    time.sleep(_intervals(clients))
    stretch = watch.stretch()
    entries = _accounted(crowd, [room.intended_s for room in rooms], first, clients)
    lost = sum(entry.lost for entry in entries)
    if lost:
        book.faults.append(f"{clients} base clients: {lost} times a client never held a list with the change")
    _add_latencies(book, BASE, merge([entry.latencies_s for entry in entries]) * 1e3, clients, stretch)


def _stream(
    book: Book, server: Server, crowd: Remote[TruthCrowd], publisher: Publisher, clients: int, changes: int
) -> None:
    first = publisher.next_number
    crowd.call(TruthCrowd.begin, True)
    watch = Watch(server.pid, crowd.pid)
    stream = ChangeStream(server.port, server.jwt_secret, first_room=first)
    made = asyncio.run(stream.run(_times(changes, 1 / CHANGE_RATE_PER_S)))
    crowd.call(TruthCrowd.settle, QUIET_S, SETTLE_TIMEOUT_S)
    stretch = watch.stretch()
    right, fetches = crowd.call(TruthCrowd.truth, _list_body(server), QUIET_S)
    rooms = [change.intended_s for change in made if change.room is not None]
    entries = _accounted(crowd, rooms, first, clients)
    staleness_s = percentile(merge([entry.latencies_s for entry in entries]), 99)
    late_s = max(change.sent_s - change.intended_s for change in made)
    answered_s = max(change.answered_s - change.sent_s for change in made)
    if never := sum(entry.lost for entry in entries):
        book.faults.append(f"{clients} base clients: {never} times a client never came to a list as new as a change")
    book.add(WRONG_LISTS, clients - right, clients=clients, stretch=stretch)
    book.add(FETCHES, fetches / (changes * clients), clients=clients, stretch=stretch)
    book.add(STALENESS_UNDER_CHANGES, staleness_s, clients=clients, stretch=stretch)
    book.add(LATEST_CHANGE, late_s * 1e3, clients=clients, stretch=stretch)
    book.add(SLOWEST_CHANGE, answered_s * 1e3, clients=clients, stretch=stretch)


def _accounted(crowd: Remote[TruthCrowd], intended_s: Sequence[float], first: int, clients: int) -> list[Entry]:
    """Latencies of each room, from its intended time; their numbers are consecutive from `first` on."""
    fresh = crowd.call(TruthCrowd.end).fresh
    states = Receipts(fresh.client, fresh.stamp_s, fresh.what - first)
    return account_states(states, intended_s=intended_s, expected=clients)


def _publish(publisher: Publisher, count: int, interval_s: float) -> list[Published]:
    return [publisher.publish(at_s) for at_s in _times(count, interval_s)]


def _times(count: int, interval_s: float) -> list[float]:
    jitters = np.random.default_rng(0).random(count).tolist()
    return schedule(count, interval_s=interval_s, start_s=perf_counter() + 0.1, jitters=jitters)


def _list_body(server: Server) -> bytes:
    """The truth: the list as the server gives it now."""
    with urllib.request.urlopen(f"{server.http_url}/api/rooms", timeout=SETTLE_TIMEOUT_S) as answer:
        body: bytes = answer.read()
        return body


def _add_latencies(
    book: Book, measures: Mapping[int, Measure], values_ms: FloatArray, clients: int, stretch: Stretch
) -> None:
    """By percentile; the hundredth is the last client."""
    for q, measure in measures.items():
        book.add(measure, percentile(values_ms, q), clients=clients, stretch=stretch)
