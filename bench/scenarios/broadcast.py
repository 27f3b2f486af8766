"""How long until a change has reached everybody: the socket's announcement, and the fresh list in the client's hands.

A fresh server and population for each size and repeat, sizes in random order. At each: broadcasts that are only
received; broadcasts after which every client fetches the list at once, as the specification's client does; and users
that come online one at a time. The first two are apart because the herd of fetches would be measured as the
announcement's latency otherwise. A few clients poll beside them all the time. Then streams of changes at several rates,
at one size.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import msgspec
import numpy as np

from bench.load.changes.change_stream import ChangeStream
from bench.load.changes.ledger import Entry, Receipts, account, account_by_number, account_states
from bench.load.changes.publisher import Published, Publisher, schedule
from bench.load.clients.crowd import Crowd, Recording
from bench.measures import LIST_BYTES, TIME_TO_CONNECT
from bench.processes.again import calmly
from bench.processes.contract import read_contract
from bench.processes.lab import Lab, Server
from bench.processes.progress import Stage
from bench.processes.remote import Remote
from bench.processes.server_flags import LASTING_ROOMS_S, lab_flags
from bench.processes.turns import in_turns
from bench.processes.watch import Watch
from bench.record.book import Book, Told
from bench.record.findings import Findings, Ledger, Stretch, Where
from bench.record.profiles.sizes import BroadcastSizes
from bench.record.samples import Samples
from bench.record.vocabulary import (
    ANNOUNCEMENT,
    CHANGE_ANSWERED,
    FETCHED_ANNOUNCEMENT,
    FRESH_LIST,
    LOST_BY_CODE,
    POLLED_AGE,
    STATUS,
)

_Done = TypeVar("_Done")

FLAGS = lab_flags(empty_room_ttl_s=LASTING_ROOMS_S)

CONNECT_STEP = 100
"""Clients that are asked for at once."""

RATE_STEPS = 8
"""What a rate counts for in the progress, beside single broadcasts."""

BEYOND_S = 0.15
"""Quiet is this much longer than the server puts announcements together; and more for more clients."""

SETTLE_TIMEOUT_S = 60.0
LEAD_S = 0.1
"""From the order to the first intended time."""


def run(lab: Lab) -> Findings:
    """Raises what the server or the generator raises; nothing is swallowed."""
    sizes = lab.profile.broadcast
    book = lab.book("broadcast", FLAGS)
    chance = random.Random(lab.seed)
    steps = sizes.notify_broadcasts + sizes.refetch_broadcasts + sizes.logins
    total = sizes.repeats * (len(sizes.clients) * steps + len(sizes.changes_per_s) * RATE_STEPS)
    with lab.reporter.stage("broadcast", total) as stage:
        for _, clients in in_turns(sizes.clients, sizes.repeats, chance):
            calmly(lab, book, partial(_point, lab, chance, stage, clients))
        for _, changes_per_s in in_turns(sizes.changes_per_s, sizes.repeats, chance):
            stage.say(f"{sizes.rate_clients} clients: {changes_per_s:g} changes per second")
            calmly(lab, book, partial(_rate, lab, chance, changes_per_s))
            stage.advance(RATE_STEPS)
    return book.result("broadcast", FLAGS)


def _point(lab: Lab, chance: random.Random, stage: Stage, clients: int, book: Book) -> None:
    sizes = lab.profile.broadcast
    with _surroundings(lab) as (server, crowd, publisher):
        publisher.fill(sizes.rooms)
        crowd.call(Crowd.start_pollers, sizes.pollers, sizes.poll_s)
        _Point(sizes, chance, server, crowd, publisher, stage, book).measure(clients)
        _count_losses(book, crowd)


def _rate(lab: Lab, chance: random.Random, changes_per_s: float, book: Book) -> None:
    sizes = lab.profile.broadcast
    with _surroundings(lab, ("rev",)) as (server, crowd, publisher):
        publisher.fill(sizes.rooms)
        _stream(book, sizes, chance, server, crowd, publisher, changes_per_s)
        _count_losses(book, crowd)


def quiet_of(server: Server) -> float:
    """How long nothing comes before all that was on its way has come."""
    return read_contract(server.http_url).rooms_notify_interval_s + BEYOND_S


def _count_losses(book: Book, crowd: Remote[Crowd]) -> None:
    for code, number in crowd.call(Crowd.unexpected_losses).items():
        book.add_to_fact(f"{LOST_BY_CODE}{code}", number)


@contextlib.contextmanager
def _surroundings(lab: Lab, features: tuple[str, ...] = ()) -> Iterator[tuple[Server, Remote[Crowd], Publisher]]:
    """A fresh server, nobody on it yet."""
    with (
        lab.server(FLAGS) as server,
        lab.generator(
            Crowd,
            ws_url=server.ws_url,
            port=server.port,
            secret=server.jwt_secret,
            clients_per_user=lab.profile.broadcast.clients_per_user,
            seed=lab.seed,
            features=features,
        ) as crowd,
        Publisher(server.port, server.jwt_secret) as publisher,
    ):
        yield server, crowd, publisher


def _stream(
    book: Book, sizes: BroadcastSizes, chance: random.Random, server: Server, crowd: Remote[Crowd],
    publisher: Publisher, changes_per_s: float,
) -> None:  # fmt: skip
    """A stream of changes, each told from the others by the revision that announcements carry."""
    quiet_s = quiet_of(server)
    crowd.call(Crowd.grow, sizes.rate_clients)
    crowd.call(Crowd.settle, quiet_s, SETTLE_TIMEOUT_S)
    first = publisher.revision() + 1
    count = max(2, round(changes_per_s * sizes.rate_s))
    jitters = [chance.random() * 5 for _ in range(count)]  # up to half an interval: a stream is not a drum
    crowd.call(Crowd.begin, False)
    watch, start_s = Watch(server.pid, crowd.pid), time.perf_counter()
    stream = ChangeStream(server.port, server.jwt_secret, living=count, first_room=publisher.next_number)
    times_s = schedule(count, interval_s=1 / changes_per_s, start_s=start_s + LEAD_S, jitters=jitters)
    made = asyncio.run(stream.run(times_s))
    time.sleep(quiet_s * 2)
    stretch, recording = watch.stretch(), crowd.call(Crowd.end)
    intended_s = [change.intended_s for change in made]
    states = _renumbered(recording.notified, first)
    entries = account_states(states, intended_s=intended_s, expected=sizes.rate_clients)
    told = [_told(entry, change.sent_s - change.intended_s) for change, entry in zip(made, entries, strict=True)]
    where = Where(sizes.rate_clients, 0, changes_per_s)
    book.add_broadcasts(ANNOUNCEMENT, told, where, stretch=stretch, interval_s=1 / changes_per_s)
    book.add_series(CHANGE_ANSWERED, [change.answered_s - change.intended_s for change in made], where)


def _told(entry: Entry, late_s: float) -> Told:
    ledger = Ledger(
        expected=len(entry.latencies_s) + entry.lost, received=len(entry.latencies_s), lost=entry.lost_by,
        twice=entry.twice, disordered=entry.disordered,
    )  # fmt: skip
    return Told(Samples.of_seconds(entry.latencies_s), ledger, late_s * 1e3)


class _Point:
    """One size of one repeat: a server, the clients on it, and the number of newcomers so far."""

    def __init__(
        self,
        sizes: BroadcastSizes,
        chance: random.Random,
        server: Server,
        crowd: Remote[Crowd],
        publisher: Publisher,
        stage: Stage,
        book: Book,
    ) -> None:
        self._sizes, self._chance, self._server = sizes, chance, server
        self._crowd, self._publisher, self._stage = crowd, publisher, stage
        self._book, self._quiet_s = book, quiet_of(server)
        self._clients = 0
        self._newcomers = 0

    def measure(self, clients: int) -> None:
        """Grow to that many clients and measure there."""
        sizes, where = self._sizes, Where(clients)
        self._book.add(TIME_TO_CONNECT, self._grow(clients), clients=clients)
        self._crowd.call(Crowd.polled)
        first_number = self._publisher.next_number
        fetches_s = clients * sizes.fetch_s
        spacing_s = min(fetches_s, sizes.most_spacing_s)
        made = told_rooms = self._changes(
            sizes.notify_broadcasts, sizes.notify_interval_s + spacing_s, "announcements", where, fetching=False
        )
        fetches = clients <= sizes.most_fetching
        if fetches:
            self._crowd.call(Crowd.open_fetchers)
            interval_s = sizes.refetch_interval_s + fetches_s
            what = "fetch after each announcement"
            made = told_rooms + self._changes(sizes.refetch_broadcasts, interval_s, what, where, fetching=True)
        self._book.add_series(CHANGE_ANSWERED, [room.answered_s - room.intended_s for room in made], where)
        polled = self._polled(told_rooms, first_number)
        seen_s = np.concatenate([entry.latencies_s for entry in polled])
        ledger = Ledger(expected=sizes.pollers * len(told_rooms), received=len(seen_s))
        self._book.add_series(POLLED_AGE, seen_s, where, ledger=ledger)
        self._book.add(LIST_BYTES, self._publisher.list_bytes(), clients=clients)
        self._publisher.delete(made)
        self._settle(fetches_s if fetches else spacing_s)
        self._logins(where)

    def _grow(self, clients: int) -> float:
        start_s = time.perf_counter()
        self._stage.say(f"connecting {clients} clients")
        while self._clients < clients:
            self._clients = min(clients, self._clients + CONNECT_STEP)
            self._crowd.call(Crowd.grow, self._clients)
        connect_s = time.perf_counter() - start_s
        self._settle(clients * self._sizes.login_s)
        return connect_s

    def _settle(self, slack_s: float) -> None:
        self._crowd.call(Crowd.settle, self._quiet_s + slack_s, SETTLE_TIMEOUT_S)

    def _changes(self, count: int, interval_s: float, what: str, where: Where, *, fetching: bool) -> list[Published]:
        """Broadcasts, and with `fetching` how long until each client held the list. The rooms are left in the list."""
        self._stage.say(f"{self._clients} clients: {what}")
        first_number = self._publisher.next_number

        def publish(intended_s: Sequence[float]) -> list[Published]:
            rooms = []
            for at_s in intended_s:
                rooms.append(self._publisher.publish(at_s))
                self._stage.advance()
            return rooms

        rooms, recording, stretch = self._record(count, interval_s, publish, fetching=fetching)
        intended_s = [room.intended_s for room in rooms]
        late_s = [room.sent_s - room.intended_s for room in rooms]
        received = account(
            recording.notified,
            intended_s=intended_s,
            sent_s=[room.sent_s for room in rooms],
            expected=self._clients,
            closed=recording.closed,
        )
        fresh: Sequence[Entry] = []
        if fetching:
            states = _renumbered(recording.fresh, first_number)
            fresh = account_states(states, intended_s=intended_s, expected=self._clients)
        stretch = _with_busy(stretch, recording, intended_s, [*received, *fresh])
        name = FETCHED_ANNOUNCEMENT if fetching else ANNOUNCEMENT
        for series, entries in ((name, received), (FRESH_LIST, fresh)):
            told = [_told(entry, late) for entry, late in zip(entries, late_s, strict=False)]
            self._book.add_broadcasts(series, told, where, stretch=stretch, interval_s=interval_s)
        return rooms

    def _logins(self, where: Where) -> None:
        """Users come online one at a time; everybody who was there before should hear of each."""
        count, slack_s = self._sizes.logins, self._clients * self._sizes.login_s
        interval_s = self._sizes.login_interval_s + slack_s
        self._stage.say(f"{self._clients} clients: users come online")
        first = self._newcomers
        self._newcomers += count
        self._crowd.call(Crowd.prepare_newcomers, first, count)
        intended: list[float] = []

        def log_in(intended_s: Sequence[float]) -> list[float]:
            intended.extend(intended_s)
            return self._crowd.call(Crowd.log_in, list(intended_s))

        sent_s, recording, stretch = self._record(count, interval_s, log_in, fetching=False)
        entries = account_by_number(_renumbered(recording.logins, first), intended_s=intended, expected=self._clients)
        self._crowd.call(Crowd.dismiss_newcomers)
        self._settle(slack_s)
        self._stage.advance(count)
        told = [_told(entry, sent - at) for sent, at, entry in zip(sent_s, intended, entries, strict=True)]
        stretch = _with_busy(stretch, recording, intended, entries)
        self._book.add_broadcasts(STATUS, told, where, stretch=stretch, interval_s=interval_s)

    def _record(
        self,
        count: int,
        interval_s: float,
        act: Callable[[Sequence[float]], list[_Done]],
        *,
        fetching: bool,
    ) -> tuple[list[_Done], Recording, Stretch]:
        """Let `act` do its changes at scheduled times, and record one interval beyond the last."""
        self._crowd.call(Crowd.begin, fetching)
        watch = Watch(self._server.pid, self._crowd.pid)
        jitters = [self._chance.random() for _ in range(count)]
        done = act(schedule(count, interval_s=interval_s, start_s=time.perf_counter() + LEAD_S, jitters=jitters))
        time.sleep(interval_s)
        stretch = watch.stretch()
        return done, self._crowd.call(Crowd.end), stretch

    def _polled(self, rooms: Sequence[Published], first_number: int) -> list[Entry]:
        """What the pollers saw of these rooms, once the slowest of them has had its turn."""
        over_s = rooms[-1].intended_s + self._sizes.poll_s + self._quiet_s
        time.sleep(max(0.0, over_s - time.perf_counter()))
        seen = _renumbered(self._crowd.call(Crowd.polled), first_number)
        return account_states(seen, intended_s=[room.intended_s for room in rooms], expected=self._sizes.pollers)


def _renumbered(receipts: Receipts, first: int) -> Receipts:
    return Receipts(receipts.client, receipts.stamp_s, receipts.what - first)


def _with_busy(
    stretch: Stretch, recording: Recording, intended_s: Sequence[float], entries: Sequence[Entry]
) -> Stretch:
    """Add the generator's CPU while it mattered: from each intended time to that broadcast's last receipt."""
    last_s = np.zeros(len(intended_s))
    for position, entry in enumerate(entries):
        number = position % len(intended_s)
        if len(entry.latencies_s):
            last_s[number] = max(last_s[number], float(entry.latencies_s.max()))
    begin_s = np.asarray(intended_s)
    at_begin = np.interp(begin_s, recording.mark_stamps_s, recording.mark_cpu_s)
    at_end = np.interp(begin_s + last_s, recording.mark_stamps_s, recording.mark_cpu_s)
    return msgspec.structs.replace(
        stretch, busy_wall_s=float(last_s.sum()), busy_generator_cpu_s=float((at_end - at_begin).sum())
    )
