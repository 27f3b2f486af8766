"""How soon everybody holds the truth: with deltas, by fetching after one change, and under 20 changes per second.

Fresh is from the intended time of a change to the moment when a client holds a list with it. A base client fetches over
its kept-alive connection, never two at once (`bench.load.clients.fetcher`); a delta client has it with the message.

Of several builds each has base clients of its own, all there at the same time: lone changes are made in turns.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from bench.processes.lab import Build, Lab, Server
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
LOOK_EVERY_S = 0.02
DELTA = {50: DELTA_P50, 99: DELTA_P99, 100: DELTA_LAST}
BASE = {50: BASE_P50, 99: BASE_P99, 100: BASE_LAST}


class TruthCrowd(Crowd):
    """A crowd that keeps the last list of everybody, to hold it against the truth."""

    _last: dict[int, bytes]
    _newest: dict[int, int]
    fetches = 0
    last_list_s = 0.0

    async def begin(self, fetching: bool) -> None:
        await super().begin(fetching)
        self._last, self._newest, self.fetches = {}, {}, 0

    async def come_to(self, number: int, clients: int) -> None:
        """Wait until so many have held the room of that number or a newer one, for at most `SETTLE_TIMEOUT_S`."""
        deadline_s = perf_counter() + SETTLE_TIMEOUT_S
        while sum(newest >= number for newest in self._newest.values()) < clients and perf_counter() < deadline_s:
            await asyncio.sleep(LOOK_EVERY_S)

    async def truth(self, body: bytes, clients: int, quiet_s: float) -> tuple[int, int]:
        """How many hold exactly this list, and how many lists were fetched. Waits until so many do and no list has come
        for `quiet_s`; who does not come to it within `SETTLE_TIMEOUT_S` does not hold it."""
        deadline_s = perf_counter() + SETTLE_TIMEOUT_S
        while not self._is_settled(body, clients, quiet_s) and perf_counter() < deadline_s:
            await asyncio.sleep(quiet_s / 4)
        return self._holding(body), self.fetches

    def _is_settled(self, body: bytes, clients: int, quiet_s: float) -> bool:
        return perf_counter() - self.last_list_s >= quiet_s and self._holding(body) >= clients

    def _holding(self, body: bytes) -> int:
        return sum(last == body for last in self._last.values())

    def on_list(self, index: int, response: Response) -> None:
        super().on_list(index, response)
        self._last[index], self._newest[index] = response.body, self._fresh.what[-1]
        self.fetches += 1
        self.last_list_s = response.stamp_s


def run(lab: Lab, sizes: EngineSizes) -> Findings:
    """Two servers per repeat: one with delta clients, one with base clients."""
    book = lab.book("engine-freshness", FLAGS)
    chance = random.Random(lab.seed)
    with lab.reporter.stage("engine-freshness", 3 * sizes.ladder_repeats * len(lab.builds)) as stage:
        for book.turn in range(sizes.ladder_repeats):
            for build in chance.sample(lab.builds, len(lab.builds)):
                stage.say(f"{sizes.fresh} rooms_delta clients of {build.party}")
                _delta(lab, book, sizes.fresh, build)
                stage.advance()
            stage.say(f"{sizes.fresh} base clients")
            _base(lab, book, sizes.fresh, sizes.changes, chance)
            stage.advance(2 * len(lab.builds))
    book.note(
        f"percentiles are over all clients of {CHANGES} lone changes, from the intended time; in the stream of changes "
        "only those that make a room are timed, while both kinds count"
    )
    return book.result("engine-freshness", FLAGS)


def _intervals(clients: int) -> float:
    return INTERVAL_S + INTERVAL_A_CLIENT_S * clients


def _delta(lab: Lab, book: Book, clients: int, build: Build) -> None:
    with (
        lab.server(FLAGS, build=build) as server,
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
        before = sum(sinks.call(Sinks.heard).events)
        watch = Watch(server.pid, sinks.pid)
        rooms: list[Published] = []
        heard = 0
        for at_s in _times(CHANGES, _intervals(clients)):  # two that fall together would be announced as one
            rooms.append(publisher.publish(at_s))
            heard = sinks.call(Sinks.hear, before + len(rooms) * clients, SETTLE_TIMEOUT_S) - before
            if heard < len(rooms) * clients:
                break
        stretch = watch.stretch()
        if heard != CHANGES * clients:
            book.faults.append(f"{clients} delta clients heard {heard} deltas instead of {CHANGES * clients}")
        stamps_s = np.array([stamp_s for _, stamp_s in sinks.call(Sinks.heard).stamps])
        sent_s = np.array([room.sent_s for room in rooms])
        intended_s = np.array([room.intended_s for room in rooms])
        latencies_ms = (stamps_s - intended_s[np.searchsorted(sent_s, stamps_s) - 1]) * 1e3
        _add_latencies(book, DELTA, latencies_ms, clients, stretch, build.party)
        sinks.call(Sinks.close)


@dataclass(frozen=True)
class _Crowded:
    """A server of one build, its base clients, and somebody who makes rooms."""

    party: str
    server: Server
    publisher: Publisher
    crowd: Remote[TruthCrowd]


def _base(lab: Lab, book: Book, clients: int, changes: int, chance: random.Random) -> None:
    with contextlib.ExitStack() as stack:
        parties = [_crowded(lab, stack, clients, build) for build in lab.builds]
        for party in parties:
            party.crowd.call(TruthCrowd.open_fetchers)
        _lone_changes(book, parties, clients, chance)
        for party in chance.sample(parties, len(parties)):
            party.crowd.call(TruthCrowd.open_fetchers)
            _stream(book, party, clients, changes)
            if losses := party.crowd.call(TruthCrowd.unexpected_losses):
                book.faults.append(f"{party.party}: clients were lost, by close code: {losses}")


def _crowded(lab: Lab, stack: contextlib.ExitStack, clients: int, build: Build) -> _Crowded:
    server = stack.enter_context(lab.server(FLAGS, build=build))
    publisher = stack.enter_context(Publisher(server.port, server.jwt_secret))
    crowd = stack.enter_context(
        lab.generator(
            TruthCrowd,
            ws_url=server.ws_url,
            port=server.port,
            secret=server.jwt_secret,
            clients_per_user=max(1, clients // USERS),
            seed=lab.seed,
        )
    )
    publisher.fill(ROOMS)
    crowd.call(TruthCrowd.grow, clients)
    crowd.call(TruthCrowd.settle, QUIET_S, SETTLE_TIMEOUT_S)
    return _Crowded(build.party, server, publisher, crowd)


def _lone_changes(book: Book, parties: Sequence[_Crowded], clients: int, chance: random.Random) -> None:
    firsts = [party.publisher.next_number for party in parties]
    for party in parties:
        party.crowd.call(TruthCrowd.begin, True)
    watches = [Watch(party.server.pid, party.crowd.pid) for party in parties]
    rooms: dict[str, list[Published]] = {party.party: [] for party in parties}
    turns = [party for _ in range(CHANGES) for party in chance.sample(parties, len(parties))]
    for party, at_s in zip(turns, _times(len(turns), _intervals(clients)), strict=True):
        rooms[party.party].append(party.publisher.publish(at_s))
    time.sleep(_intervals(clients))
    for party in parties:
        party.crowd.call(TruthCrowd.come_to, party.publisher.next_number - 1, clients)
    stretches = [watch.stretch() for watch in watches]
    for party, first, stretch in zip(parties, firsts, stretches, strict=True):
        intended_s = [room.intended_s for room in rooms[party.party]]
        entries = _accounted(party.crowd, intended_s, first, clients)
        if lost := sum(entry.lost for entry in entries):
            book.faults.append(
                f"{party.party}, {clients} base clients: {lost} times a client never held a list with the change"
            )
        latencies_ms = merge([entry.latencies_s for entry in entries]) * 1e3
        _add_latencies(book, BASE, latencies_ms, clients, stretch, party.party)


def _stream(book: Book, party: _Crowded, clients: int, changes: int) -> None:
    server, crowd, first = party.server, party.crowd, party.publisher.next_number
    crowd.call(TruthCrowd.begin, True)
    watch = Watch(server.pid, crowd.pid)
    stream = ChangeStream(server.port, server.jwt_secret, first_room=first)
    made = asyncio.run(stream.run(_times(changes, 1 / CHANGE_RATE_PER_S)))
    crowd.call(TruthCrowd.settle, QUIET_S, SETTLE_TIMEOUT_S)
    stretch = watch.stretch()
    right, fetches = crowd.call(TruthCrowd.truth, _list_body(server), clients, QUIET_S)
    rooms = [change.intended_s for change in made if change.room is not None]
    entries = _accounted(crowd, rooms, first, clients)
    staleness_s = percentile(merge([entry.latencies_s for entry in entries]), 99)
    late_s = max(change.sent_s - change.intended_s for change in made)
    answered_s = max(change.answered_s - change.sent_s for change in made)
    if never := sum(entry.lost for entry in entries):
        book.faults.append(
            f"{party.party}, {clients} base clients: {never} times a client never came to a list as new as a change"
        )
    for measure, value in (
        (WRONG_LISTS, clients - right),
        (FETCHES, fetches / (changes * clients)),
        (STALENESS_UNDER_CHANGES, staleness_s),
        (LATEST_CHANGE, late_s * 1e3),
        (SLOWEST_CHANGE, answered_s * 1e3),
    ):
        book.add(measure, value, clients=clients, stretch=stretch, party=party.party)


def _accounted(crowd: Remote[TruthCrowd], intended_s: Sequence[float], first: int, clients: int) -> list[Entry]:
    """Latencies of each room, from its intended time; their numbers are consecutive from `first` on."""
    fresh = crowd.call(TruthCrowd.end).fresh
    states = Receipts(fresh.client, fresh.stamp_s, fresh.what - first)
    return account_states(states, intended_s=intended_s, expected=clients)


def _times(count: int, interval_s: float) -> list[float]:
    jitters = np.random.default_rng(0).random(count).tolist()
    return schedule(count, interval_s=interval_s, start_s=perf_counter() + 0.1, jitters=jitters)


def _list_body(server: Server) -> bytes:
    """The truth: the list as the server gives it now."""
    with urllib.request.urlopen(f"{server.http_url}/api/rooms", timeout=SETTLE_TIMEOUT_S) as answer:
        body: bytes = answer.read()
        return body


def _add_latencies(
    book: Book, measures: Mapping[int, Measure], values_ms: FloatArray, clients: int, stretch: Stretch, party: str
) -> None:
    """By percentile; the hundredth is the last client."""
    for q, measure in measures.items():
        book.add(measure, percentile(values_ms, q), clients=clients, stretch=stretch, party=party)
