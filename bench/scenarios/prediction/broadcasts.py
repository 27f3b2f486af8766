"""What a broadcast costs: a write, the bytes of it, and the comparison of the list for those who follow deltas.

Lone changes give short frames, changes in a row long ones; the server counts its writes and their bytes itself.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence

from bench.load.changes.publisher import Publisher
from bench.load.sockets.sinks import Sinks
from bench.processes.cpu import read_cpu
from bench.processes.lab import Server
from bench.processes.remote import Remote
from bench.scenarios.engine.freshness import TruthCrowd
from bench.scenarios.prediction.lists import FLAGS, USERS
from bench.scenarios.prediction.watching import TIMEOUT_S, Measuring, Stretch, turns_of, watched

PATTERNS = {"send_base": b'"rooms_changed"', "send_features": b'"rooms_delta","data":{"base"'}
FEATURES: dict[str, tuple[str, ...]] = {"send_base": (), "send_features": ("rooms_delta",)}
WARM_MS = {"change": 3.0, "send": 10.0}
"""Changes in a row begin so soon after one another, about. Sessions of a crowd are not written to more often, because a
fan-out rests."""
FEW = 4
"""Clients where the length of the list is what matters."""
EVERY_S = 0.06
"""From one lone change to the next: three ticks."""
WARM_UP = 2
LONE = 20
"""Changes that one client hears, whose time is told."""
QUIET_S = 0.4
FETCHED_QUIET_S = 0.3
"""After the last list that a herd has fetched."""
UNITS = {
    "send_base": "µs", "send_features": "µs", "sent_byte": "ns", "announcement": "µs", "told_room": "µs", "fetch": "µs",
}  # fmt: skip


def curves(idle_ms: Sequence[float]) -> dict[str, tuple[float, tuple[float, ...]]]:
    """Of changes and of writes."""
    return {kind: curve_of(warm_ms, idle_ms) for kind, warm_ms in WARM_MS.items()}


def curve_of(warm_ms: float, after_ms: Sequence[float]) -> tuple[float, tuple[float, ...]]:
    """Without times after which the work is warm."""
    return warm_ms, tuple(each for each in after_ms if each > warm_ms)


def measure(measuring: Measuring) -> None:
    """A server for sessions without features, one for those that follow deltas, and one for those that fetch.

    The rows are left to `bench.scenarios.prediction.arrivals`: only a storm has frames that are long enough for their
    bytes to be told apart from their writes.
    """
    measuring.heard_ms = _base(measuring)
    _features(measuring)
    measuring.say(f"herds of {', '.join(map(str, measuring.sizes.clients))} fetches")
    _herds(measuring)


def _base(measuring: Measuring) -> list[list[float]]:
    """Few and many; before that, when a single one hears of a change, in ms."""
    with _crowd(measuring, "send_base") as (server, publisher, sinks):
        publisher.fill(measuring.sizes.rooms[0])
        connect(sinks, 1)
        heard = heard_ms(measuring, publisher, sinks)
        for clients in (FEW, *measuring.sizes.clients):
            _tell(measuring, server, publisher, sinks, "send_base", clients, measuring.sizes.rooms[0])
        sinks.call(Sinks.close)
    return heard


def _features(measuring: Measuring) -> None:
    """Few with each length of the list, then many with the last of them."""
    filled = 0
    with _crowd(measuring, "send_features") as (server, publisher, sinks):
        for rooms in measuring.sizes.rooms:
            publisher.fill(rooms - filled)
            filled = rooms
            _tell(measuring, server, publisher, sinks, "send_features", FEW, rooms)
            if rooms == measuring.sizes.rooms[-1]:
                _cold(measuring, server, publisher, sinks, FEW, rooms)
            if rooms != measuring.sizes.rooms[-1]:
                sinks.call(Sinks.close)  # else they would be told of each room that is filled in
                time.sleep(QUIET_S)
        hearing_us: list[float] = []
        for clients in measuring.sizes.clients:
            connect(sinks, clients)
            hearing_us = _cold(measuring, server, publisher, sinks, clients, filled)
        measuring.spread("sink", hearing_us, "µs", "changes after idleness")
        sinks.call(Sinks.close)


@contextlib.contextmanager
def _crowd(measuring: Measuring, send: str) -> Iterator[tuple[Server, Publisher, Remote[Sinks]]]:
    lab = measuring.lab
    with (
        lab.server(FLAGS) as server,
        Publisher(server.port, server.jwt_secret) as publisher,
        lab.generator(
            Sinks, port=server.port, pattern=PATTERNS[send], secret=server.jwt_secret, users=USERS,
            features=FEATURES[send],
        ) as sinks,
    ):  # fmt: skip
        yield server, publisher, sinks


def _tell(
    measuring: Measuring, server: Server, publisher: Publisher, sinks: Remote[Sinks], send: str, clients: int,
    rooms: int,
) -> None:  # fmt: skip
    """As many more as it takes to be so many, and what they cost that hear of changes."""
    sizes = measuring.sizes
    measuring.say(f"broadcasts, {clients} clients {', '.join(FEATURES[send]) or 'without features'}, {rooms} rooms")
    connect(sinks, clients)
    for repeat in range(-1, sizes.repeats):
        for lone in (True, False):
            if not lone and send == "send_base":
                continue  # announcements without content are joined: nobody could tell when all are there
            number = (sizes.broadcasts if repeat >= 0 else WARM_UP) if lone else sizes.burst
            _told(measuring, server, publisher, sinks, send, number, clients, rooms, repeat, lone)


def _cold(
    measuring: Measuring, server: Server, publisher: Publisher, sinks: Remote[Sinks], clients: int, rooms: int
) -> list[float]:
    """Changes, each after a time in which the server had nothing to do, for several such times. What hearing one took a
    sink, in µs."""
    sizes, hearing_us = measuring.sizes, []
    number = 2 * sizes.cold_changes
    measuring.say(f"changes after idleness, {clients} clients")
    heard = sinks.call(Sinks.hear, 0, 0.0)
    for repeat in range(sizes.repeats):
        for idle_ms in sizes.idle_ms:
            made = publisher.publish(0.0)  # so that what counts has one before it
            heard += clients
            sinks.call(Sinks.hear, heard, TIMEOUT_S)
            before = read_cpu(sinks.pid)
            with watched(server.pid, server.port) as stretch:
                began_s = time.perf_counter()
                for _ in range(sizes.cold_changes):
                    time.sleep(idle_ms / 1e3)
                    publisher.delete([made])
                    heard += clients
                    sinks.call(Sinks.hear, heard, TIMEOUT_S)
                    time.sleep(idle_ms / 1e3)
                    made = publisher.publish(0.0)
                    heard += clients
                    sinks.call(Sinks.hear, heard, TIMEOUT_S)
                took_s = time.perf_counter() - began_s
            hearing_us.append(read_cpu(sinks.pid).since(before).used_s / number / clients * 1e6)
            publisher.delete([made])
            heard += clients
            sinks.call(Sinks.hear, heard, TIMEOUT_S)
            row_of_told(
                measuring, "changes after idleness", repeat, stretch, send="send_features", number=number,
                clients=clients, rooms=rooms, took_s=took_s,
            )  # fmt: skip
    return hearing_us


def row_of_told(
    measuring: Measuring, source: str, repeat: int, stretch: Stretch, *, send: str, number: int, clients: int,
    rooms: int, took_s: float, first_s: float | None = None,
) -> None:  # fmt: skip
    """`number` changes that so many clients heard, in `took_s` from the first to the last, evenly. `first_s`: they were
    made in a row, and the first of them began so long after the one before it."""
    counted = stretch.counted
    work = {
        send: counted.writes, "sent_byte": counted.sent_bytes, "change": float(number), "announcement": float(number),
    }  # fmt: skip
    if send == "send_features":
        work["told_room"] = float(number * rooms)
    if first_s is None:
        work |= measuring.cold("change", took_s / number, number)
    else:
        work |= measuring.cold("change", first_s, 1.0)
    if counted.writes:  # what is told in a row is joined, so that a session is written to less often
        work |= measuring.cold("send", took_s * clients / counted.writes, counted.writes)
    measuring.row(source, repeat, stretch.used_s, stretch.wall_s, **work)


def connect(sinks: Remote[Sinks], clients: int) -> None:
    """Until there are so many: accepted, and quiet."""
    heard = sinks.call(Sinks.heard)
    here, before = len(heard.events), sinks.call(Sinks.accepted, 0)
    sinks.call(Sinks.open, clients - here)
    sinks.call(Sinks.say_hello, here)
    sinks.call(Sinks.accepted, before + clients - here)
    time.sleep(QUIET_S)


def _told(
    measuring: Measuring, server: Server, publisher: Publisher, sinks: Remote[Sinks], send: str, number: int,
    clients: int, rooms: int, repeat: int, lone: bool,
) -> None:  # fmt: skip
    """So many changes, heard by all."""
    heard = sinks.call(Sinks.hear, 0, 0.0)
    made = []
    before_s = time.perf_counter()
    if not lone:
        made.append(publisher.publish(before_s))  # finds everything cold
        heard += clients
        sinks.call(Sinks.hear, heard, TIMEOUT_S)
    with watched(server.pid, server.port) as stretch:
        began_s = time.perf_counter()
        for _ in range(number):
            made.append(publisher.publish(time.perf_counter()))
            heard += clients
            if lone:
                sinks.call(Sinks.hear, heard, TIMEOUT_S)
                time.sleep(EVERY_S)
        sinks.call(Sinks.hear, heard, TIMEOUT_S)
        took_s = time.perf_counter() - began_s
    if repeat >= 0:
        row_of_told(
            measuring, "lone changes" if lone else "changes in a row", repeat, stretch, send=send, number=number,
            clients=clients, rooms=rooms, took_s=took_s, first_s=None if lone else began_s - before_s,
        )  # fmt: skip
    for room in made:  # each end is told, too; one at a time, so that none is joined with another
        publisher.delete([room])
        heard += clients
        sinks.call(Sinks.hear, heard, TIMEOUT_S)
        time.sleep(EVERY_S if clients <= FEW or send == "send_base" else 0.0)


def _herds(measuring: Measuring) -> None:
    """All clients fetch the list after each of a few lone changes."""
    lab, sizes = measuring.lab, measuring.sizes
    with (
        lab.server(FLAGS) as server,
        Publisher(server.port, server.jwt_secret) as publisher,
        lab.generator(
            TruthCrowd, ws_url=server.ws_url, port=server.port, secret=server.jwt_secret,
            clients_per_user=max(1, sizes.clients[-1] // USERS), seed=lab.seed,
        ) as crowd,
    ):  # fmt: skip
        publisher.fill(sizes.rooms[0])
        for clients in sizes.clients:
            crowd.call(TruthCrowd.grow, clients)
            crowd.call(TruthCrowd.open_fetchers)
            time.sleep(QUIET_S)
            for repeat in range(-1, sizes.repeats):
                _herd(measuring, server, publisher, crowd, clients, repeat)


def _herd(
    measuring: Measuring, server: Server, publisher: Publisher, crowd: Remote[TruthCrowd], clients: int, repeat: int
) -> None:
    before = read_cpu(crowd.pid)
    with watched(server.pid, server.port) as stretch:
        crowd.call(TruthCrowd.begin, True)
        made = publisher.publish(0.0)
        time.sleep(EVERY_S)
        fetches, give_up_s = 0, time.perf_counter() + TIMEOUT_S
        while fetches < clients and time.perf_counter() < give_up_s:
            _, fetches = crowd.call(TruthCrowd.truth, b"", 0, FETCHED_QUIET_S)
        crowd.call(TruthCrowd.end)
    asking_s = read_cpu(crowd.pid).since(before).used_s  # one after the other, on one core
    list_bytes = publisher.list_bytes()
    publisher.delete([made])
    time.sleep(QUIET_S)
    if repeat >= 0:
        counted = stretch.counted
        measuring.row(
            "herds of fetches", repeat, stretch.used_s, stretch.wall_s, change=1.0, announcement=1.0,
            send_base=counted.writes, sent_byte=counted.sent_bytes, fetch=fetches, fetched_byte=fetches * list_bytes,
            built_room=measuring.sizes.rooms[0],
            **measuring.cold("turn", *turns_of(stretch, fetches, asking_s)),
            **measuring.cold("change", QUIET_S, 1.0),
            **measuring.cold("send", QUIET_S, counted.writes),
        )  # fmt: skip


def heard_ms(measuring: Measuring, publisher: Publisher, sinks: Remote[Sinks]) -> list[list[float]]:
    """From the sending of a change to the hearing of it by one client, CPU included: of each repeat, of each change."""
    found = []
    for repeat in range(-1, measuring.sizes.repeats):
        sinks.call(Sinks.keep_stamps)
        events = sinks.call(Sinks.hear, 0, 0.0)
        sent_s = []
        for number in range(WARM_UP if repeat < 0 else LONE):
            time.sleep(EVERY_S)
            sent_s.append(publisher.publish(0.0).sent_s)
            sinks.call(Sinks.hear, events + number + 1, TIMEOUT_S)
        stamps = [stamp_s for _, stamp_s in sinks.call(Sinks.heard).stamps]
        if repeat >= 0:
            found.append([(stamp_s - at_s) * 1e3 for stamp_s, at_s in zip(stamps, sent_s, strict=True)])
    return found
