"""How long until a change has reached everybody: the socket's announcement, and the fresh list in the client's hands.

A fresh server and population for each size and repeat, sizes in random order. At each: broadcasts that are only
received; broadcasts after which every client fetches the list at once, as the seed's client does; and users that come
online one at a time. The first two are apart because the herd of fetches would be measured as the announcement's
latency otherwise. A few clients poll beside them all the time. Then streams of changes at several rates, at one size.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec
import numpy as np

from bench.load.changes.change_stream import ChangeStream
from bench.load.changes.ledger import Entry, Receipts, account, account_by_number, account_states
from bench.load.changes.publisher import Published, Publisher, schedule
from bench.load.clients.crowd import Crowd, Recording
from bench.processes.cpu import read_cpu
from bench.processes.lab import Lab, Server
from bench.processes.progress import Stage
from bench.processes.remote import Remote
from bench.processes.turns import in_turns
from bench.processes.watch import Watch
from bench.record.profiles import BroadcastSizes
from bench.record.results import Broadcast, BroadcastPoint, BroadcastResult, Load, Phase, RatePoint
from bench.record.samples import Samples

_Done = TypeVar("_Done")

FLAGS = ("--auth-rate-per-min", "0", "--empty-room-ttl-s", "3600", "--log-level", "warning")
"""No rooms may vanish by themselves: the hosts of the lab hold no sockets."""

CONNECT_STEP = 100
"""Clients that are asked for at once."""

RATE_STEPS = 8
"""What a rate counts for in the progress, beside single broadcasts."""

QUIET_S = 0.4
"""Longer than the server's shortest conflation (250 ms); more for more clients."""

SETTLE_TIMEOUT_S = 60.0
NOBODY_FETCHED = Phase(interval_s=0.0, broadcasts=[], load=Load(wall_s=0.0, server_cpu_s=0.0, generator_cpu_s=0.0))
LEAD_S = 0.1
"""From the order to the first intended time."""


def run(lab: Lab) -> BroadcastResult:
    """Raises what the server or the generator raises; nothing is swallowed."""
    sizes = lab.profile.broadcast
    chance = random.Random(lab.seed)
    points: list[BroadcastPoint] = []
    rates: list[RatePoint] = []
    losses: Counter[str] = Counter()

    def so_far() -> BroadcastResult | None:
        if not points:
            return None
        return BroadcastResult(
            flags=list(FLAGS), points=sorted(points, key=lambda point: point.clients),
            rates=sorted(rates, key=lambda point: point.changes_per_s), unexpected_losses=dict(losses),
        )  # fmt: skip

    lab.keep("broadcast", so_far)
    steps = sizes.notify_broadcasts + sizes.refetch_broadcasts + sizes.logins
    total = sizes.repeats * (len(sizes.clients) * steps + len(sizes.changes_per_s) * RATE_STEPS)
    with lab.reporter.stage("broadcast", total) as stage:
        for _, clients in in_turns(sizes.clients, sizes.repeats, chance):
            with _surroundings(lab) as (server, crowd, publisher):
                publisher.fill(sizes.rooms)
                crowd.call(Crowd.start_pollers, sizes.pollers, sizes.poll_s)
                points.append(_Bench(sizes, chance, server, crowd, publisher, stage).point(clients))
                losses.update(crowd.call(Crowd.unexpected_losses))
        for _, changes_per_s in in_turns(sizes.changes_per_s, sizes.repeats, chance):
            stage.say(f"{sizes.rate_clients} clients: {changes_per_s:g} changes a second")
            with _surroundings(lab, ("rev",)) as (server, crowd, publisher):
                publisher.fill(sizes.rooms)
                rates.append(_rate_point(sizes, chance, server, crowd, publisher, changes_per_s))
                losses.update(crowd.call(Crowd.unexpected_losses))
            stage.advance(RATE_STEPS)
    result = so_far()
    assert result is not None
    return result


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


def _rate_point(
    sizes: BroadcastSizes, chance: random.Random, server: Server, crowd: Remote[Crowd], publisher: Publisher,
    changes_per_s: float,
) -> RatePoint:  # fmt: skip
    """A stream of changes, each told from the others by the revision that announcements carry."""
    crowd.call(Crowd.grow, sizes.rate_clients)
    crowd.call(Crowd.settle, QUIET_S, SETTLE_TIMEOUT_S)
    first = publisher.revision() + 1
    count = max(2, round(changes_per_s * sizes.rate_s))
    jitters = [chance.random() * 5 for _ in range(count)]  # up to half an interval: a stream is not a drum
    crowd.call(Crowd.begin, False)
    watch, start_s = Watch(server.pid, crowd.pid), time.perf_counter()
    stream = ChangeStream(server.port, server.jwt_secret, living=count)
    times_s = schedule(count, interval_s=1 / changes_per_s, start_s=start_s + LEAD_S, jitters=jitters)
    made = asyncio.run(stream.run(times_s, publisher.next_number))
    time.sleep(QUIET_S * 2)
    stretch, recording = watch.stretch(), crowd.call(Crowd.end)
    intended_s = [change.intended_s for change in made]
    states = _renumbered(recording.notified, first)
    entries = account_states(states, intended_s=intended_s, expected=sizes.rate_clients)
    load = Load(
        wall_s=stretch.wall_s, server_cpu_s=stretch.server_cpu_s, generator_cpu_s=stretch.generator_cpu_s,
        server_wait_s=stretch.server_wait_s, generator_wait_s=stretch.generator_wait_s,
    )  # fmt: skip
    broadcasts = [
        _broadcast(entry, late_s=change.sent_s - change.intended_s, answered_s=change.answered_s - change.intended_s)
        for change, entry in zip(made, entries, strict=True)
    ]
    phase = Phase(interval_s=1 / changes_per_s, broadcasts=broadcasts, load=load)
    return RatePoint(clients=sizes.rate_clients, changes_per_s=changes_per_s, phase=phase)


def _broadcast(
    entry: Entry, *, late_s: float, answered_s: float | None = None, fresh: Entry | None = None
) -> Broadcast:
    return Broadcast(
        late_us=round(late_s * 1e6),
        answered_us=round(answered_s * 1e6) if answered_s is not None else None,
        expected=len(entry.latencies_s) + entry.lost,
        lost=entry.lost,
        twice=entry.twice,
        lost_by=entry.lost_by,
        disordered=entry.disordered,
        received=Samples.of_seconds(entry.latencies_s),
        fresh=Samples.of_seconds(fresh.latencies_s) if fresh is not None else None,
    )


class _Bench:
    """The parts of one run of the scenario, and the number of newcomers so far."""

    def __init__(
        self,
        sizes: BroadcastSizes,
        chance: random.Random,
        server: Server,
        crowd: Remote[Crowd],
        publisher: Publisher,
        stage: Stage,
    ) -> None:
        self._sizes, self._chance, self._server = sizes, chance, server
        self._crowd, self._publisher, self._stage = crowd, publisher, stage
        self._clients = 0
        self._newcomers = 0

    def point(self, clients: int) -> BroadcastPoint:
        """Grow to that many clients and measure there."""
        sizes = self._sizes
        connect_s = self._grow(clients)
        self._crowd.call(Crowd.polled)
        first_number = self._publisher.next_number
        fetches_s = clients * sizes.fetch_s
        spacing_s = min(fetches_s, sizes.most_spacing_s)
        notify, notify_rooms = self._changes(
            sizes.notify_broadcasts, sizes.notify_interval_s + spacing_s, "announcements", fetching=False
        )
        fetches = clients <= sizes.most_fetching
        if fetches:
            self._crowd.call(Crowd.open_fetchers)
            refetch, refetch_rooms = self._changes(
                sizes.refetch_broadcasts,
                sizes.refetch_interval_s + fetches_s,
                "fetch after each announcement",
                fetching=True,
            )
        else:
            refetch, refetch_rooms = NOBODY_FETCHED, []
        polled = self._polled(notify_rooms, first_number)
        list_bytes = self._publisher.list_bytes()
        self._publisher.delete(notify_rooms + refetch_rooms)
        self._settle(fetches_s if fetches else spacing_s)
        presence = self._logins()
        return BroadcastPoint(
            clients=clients,
            connect_s=connect_s,
            notify=notify,
            refetch=refetch,
            presence=presence,
            polled=Samples.of_seconds(np.concatenate([entry.latencies_s for entry in polled])),
            polled_expected=sizes.pollers * len(notify_rooms),
            list_bytes=list_bytes,
        )

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
        self._crowd.call(Crowd.settle, QUIET_S + slack_s, SETTLE_TIMEOUT_S)

    def _changes(self, count: int, interval_s: float, what: str, *, fetching: bool) -> tuple[Phase, list[Published]]:
        self._stage.say(f"{self._clients} clients: {what}")
        first_number = self._publisher.next_number

        def publish(intended_s: Sequence[float]) -> list[Published]:
            rooms = []
            for at_s in intended_s:
                rooms.append(self._publisher.publish(at_s))
                self._stage.advance()
            return rooms

        rooms, recording, load = self._record(count, interval_s, publish, fetching=fetching)
        intended_s = [room.intended_s for room in rooms]
        received = account(
            recording.notified,
            intended_s=intended_s,
            sent_s=[room.sent_s for room in rooms],
            expected=self._clients,
            closed=recording.closed,
        )
        fresh: Sequence[Entry | None] = [None] * count
        if fetching:
            states = _renumbered(recording.fresh, first_number)
            fresh = account_states(states, intended_s=intended_s, expected=self._clients)
        broadcasts = [
            _broadcast(
                entry, late_s=room.sent_s - room.intended_s, answered_s=room.answered_s - room.intended_s,
                fresh=list_entry,
            )
            for room, entry, list_entry in zip(rooms, received, fresh, strict=True)
        ]  # fmt: skip
        load = _with_busy(load, recording, intended_s, [*received, *(e for e in fresh if e is not None)])
        return Phase(interval_s=interval_s, broadcasts=broadcasts, load=load), rooms

    def _logins(self) -> Phase:
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

        sent_s, recording, load = self._record(count, interval_s, log_in, fetching=False)
        entries = account_by_number(_renumbered(recording.logins, first), intended_s=intended, expected=self._clients)
        self._crowd.call(Crowd.dismiss_newcomers)
        self._settle(slack_s)
        self._stage.advance(count)
        broadcasts = [
            _broadcast(entry, late_s=sent - at) for sent, at, entry in zip(sent_s, intended, entries, strict=True)
        ]
        load = _with_busy(load, recording, intended, entries)
        return Phase(interval_s=interval_s, broadcasts=broadcasts, load=load)

    def _record(
        self,
        count: int,
        interval_s: float,
        act: Callable[[Sequence[float]], list[_Done]],
        *,
        fetching: bool,
    ) -> tuple[list[_Done], Recording, Load]:
        """Let `act` do its changes at scheduled times, and record one interval beyond the last."""
        self._crowd.call(Crowd.begin, fetching)
        server, generator = read_cpu(self._server.pid), read_cpu(self._crowd.pid)
        start_s = time.perf_counter()
        jitters = [self._chance.random() for _ in range(count)]
        done = act(schedule(count, interval_s=interval_s, start_s=time.perf_counter() + LEAD_S, jitters=jitters))
        time.sleep(interval_s)
        wall_s = time.perf_counter() - start_s
        server, generator = read_cpu(self._server.pid).since(server), read_cpu(self._crowd.pid).since(generator)
        load = Load(
            wall_s=wall_s,
            server_cpu_s=server.used_s,
            generator_cpu_s=generator.used_s,
            server_wait_s=server.waited_s,
            generator_wait_s=generator.waited_s,
        )
        return done, self._crowd.call(Crowd.end), load

    def _polled(self, rooms: Sequence[Published], first_number: int) -> list[Entry]:
        """What the pollers saw of these rooms, once the slowest of them has had its turn."""
        over_s = rooms[-1].intended_s + self._sizes.poll_s + QUIET_S
        time.sleep(max(0.0, over_s - time.perf_counter()))
        seen = _renumbered(self._crowd.call(Crowd.polled), first_number)
        return account_states(seen, intended_s=[room.intended_s for room in rooms], expected=self._sizes.pollers)


def _renumbered(receipts: Receipts, first: int) -> Receipts:
    return Receipts(receipts.client, receipts.stamp_s, receipts.what - first)


def _with_busy(load: Load, recording: Recording, intended_s: Sequence[float], entries: Sequence[Entry]) -> Load:
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
        load, busy_wall_s=float(last_s.sum()), busy_generator_cpu_s=float((at_end - at_begin).sum())
    )
