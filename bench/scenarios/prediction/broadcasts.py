"""What a broadcast costs: a write, the bytes of it, and the comparison of the list for those who follow deltas.

Lone changes give short frames, changes in a row long ones; the server counts its writes and their bytes itself.
"""

from __future__ import annotations

import time
from statistics import median

from bench.load.changes.publisher import Publisher
from bench.load.sockets.sinks import Sinks
from bench.prediction.fitting import fit
from bench.processes.lab import Server
from bench.processes.remote import Remote
from bench.scenarios.engine.freshness import TruthCrowd
from bench.scenarios.prediction.lists import FLAGS
from bench.scenarios.prediction.watching import TIMEOUT_S, Measuring, watched

USERS = 10
"""Sockets are dealt out among few users, so that connecting is no presence storm."""
PATTERNS = {"send_base": b'"rooms_changed"', "send_features": b'"rooms_delta","data":{"base"'}
FEATURES: dict[str, tuple[str, ...]] = {"send_base": (), "send_features": ("rooms_delta",)}
FEW = 4
"""Clients where the length of the list is what matters."""
EVERY_S = 0.06
"""From one lone change to the next: three ticks."""
WARM_UP = 2
LONE = 20
"""Changes that one client hears, whose time is told."""
FETCHED_QUIET_S = 0.3
"""After the last list that a herd has fetched."""
UNITS = {
    "send_base": "µs", "send_features": "µs", "sent_byte": "ns", "announcement": "µs", "told_room": "µs", "fetch": "µs",
}  # fmt: skip


def measure(measuring: Measuring) -> None:
    """A fresh server for each number of clients and kind."""
    sizes = measuring.sizes
    plan = [(send, clients, sizes.rooms[0]) for clients in sizes.clients for send in PATTERNS]
    plan += [("send_features", FEW, rooms) for rooms in sizes.rooms]
    for send, clients, rooms in plan:
        words = ", ".join(FEATURES[send]) or "without features"
        measuring.say(f"broadcasts, {clients} clients {words}, {rooms} rooms")
        _measure(measuring, send, clients, rooms)
    for clients in sizes.clients:
        measuring.say(f"herds of {clients} fetches")
        _herds(measuring, clients)
    measuring.take(fit(measuring.rows, given=measuring.known), UNITS)
    measuring.spread("change_wait", _waits_ms(measuring), "ms", "a change and one client")


def _measure(measuring: Measuring, send: str, clients: int, rooms: int) -> None:
    lab, sizes = measuring.lab, measuring.sizes
    with (
        lab.server(FLAGS) as server,
        Publisher(server.port, server.jwt_secret) as publisher,
        lab.generator(
            Sinks, port=server.port, pattern=PATTERNS[send], secret=server.jwt_secret, users=USERS,
            features=FEATURES[send],
        ) as sinks,
    ):  # fmt: skip
        publisher.fill(rooms)
        connect(sinks, clients)
        heard = 0
        for repeat in range(-1, sizes.repeats):
            for lone in (True, False):
                if not lone and send == "send_base":
                    continue  # announcements without content are joined: nobody could tell when all are there
                number = (sizes.broadcasts if repeat >= 0 else WARM_UP) if lone else sizes.burst
                heard = _told(measuring, server, publisher, sinks, send, number, heard, clients, rooms, repeat, lone)
        sinks.call(Sinks.close)


def connect(sinks: Remote[Sinks], clients: int) -> None:
    """Accepted, and quiet."""
    sinks.call(Sinks.open, clients)
    sinks.call(Sinks.say_hello)
    sinks.call(Sinks.accepted, clients)
    time.sleep(0.5)


def _told(
    measuring: Measuring, server: Server, publisher: Publisher, sinks: Remote[Sinks], send: str, number: int,
    heard: int, clients: int, rooms: int, repeat: int, lone: bool,
) -> int:  # fmt: skip
    """So many changes, heard by all; what all have heard by then."""
    with watched(server.pid, server.port) as stretch:
        made = []
        for _ in range(number):
            made.append(publisher.publish(time.perf_counter()))
            heard += clients
            if lone:
                sinks.call(Sinks.hear, heard, TIMEOUT_S)
                time.sleep(EVERY_S)
        sinks.call(Sinks.hear, heard, TIMEOUT_S)
    counted = stretch.counted
    work = {
        send: counted.writes, "sent_byte": counted.sent_bytes, "change": float(number), "announcement": float(number),
    }  # fmt: skip
    if send == "send_features":
        work["told_room"] = float(number * rooms)
    if repeat >= 0:
        kind = "lone changes" if lone else "changes in a row"
        measuring.row(f"{kind}, {clients} clients", repeat, stretch.used_s, stretch.wall_s, **work)
    for room in made:  # each end is told, too; one at a time, so that none is joined with another
        publisher.delete([room])
        heard += clients
        sinks.call(Sinks.hear, heard, TIMEOUT_S)
        time.sleep(EVERY_S if clients <= FEW or send == "send_base" else 0.0)
    return heard


def _herds(measuring: Measuring, clients: int) -> None:
    """All clients fetch the list after each of a few lone changes."""
    lab, sizes = measuring.lab, measuring.sizes
    with (
        lab.server(FLAGS) as server,
        Publisher(server.port, server.jwt_secret) as publisher,
        lab.generator(
            TruthCrowd, ws_url=server.ws_url, port=server.port, secret=server.jwt_secret,
            clients_per_user=max(1, clients // USERS), seed=lab.seed,
        ) as crowd,
    ):  # fmt: skip
        publisher.fill(sizes.rooms[0])
        crowd.call(TruthCrowd.grow, clients)
        crowd.call(TruthCrowd.open_fetchers)
        time.sleep(FETCHED_QUIET_S)
        for repeat in range(-1, sizes.repeats):
            with watched(server.pid, server.port) as stretch:
                crowd.call(TruthCrowd.begin, True)
                publisher.publish(0.0)
                time.sleep(EVERY_S)
                fetches, give_up_s = 0, time.perf_counter() + TIMEOUT_S
                while fetches < clients and time.perf_counter() < give_up_s:
                    _, fetches = crowd.call(TruthCrowd.truth, b"", FETCHED_QUIET_S)
                crowd.call(TruthCrowd.end)
            if repeat >= 0:
                counted = stretch.counted
                measuring.row(
                    f"herds of {clients} fetches", repeat, stretch.used_s, stretch.wall_s, change=1.0, announcement=1.0,
                    send_base=counted.writes, sent_byte=counted.sent_bytes, fetch=fetches,
                    fetched_byte=fetches * publisher.list_bytes(), built_room=sizes.rooms[0],
                )  # fmt: skip


def _waits_ms(measuring: Measuring) -> list[float]:
    """From the sending of a change to the hearing of it, without what a core works."""
    lab, known = measuring.lab, measuring.known
    with (
        lab.server(FLAGS) as server,
        Publisher(server.port, server.jwt_secret) as publisher,
        lab.generator(
            Sinks, port=server.port, pattern=PATTERNS["send_base"], secret=server.jwt_secret, users=USERS
        ) as sinks,
    ):
        connect(sinks, 1)
        return heard_ms(
            measuring, publisher, sinks, less_s=known["change"] + known["announcement"] + known["send_base"]
        )


def heard_ms(measuring: Measuring, publisher: Publisher, sinks: Remote[Sinks], *, less_s: float) -> list[float]:
    """The median of each repeat, of one client."""
    found = []
    for repeat in range(-1, measuring.sizes.repeats):
        sinks.call(Sinks.keep_stamps)
        events = sum(sinks.call(Sinks.heard).events)
        sent_s = []
        for number in range(WARM_UP if repeat < 0 else LONE):
            time.sleep(EVERY_S)
            sent_s.append(publisher.publish(0.0).sent_s)
            sinks.call(Sinks.hear, events + number + 1, TIMEOUT_S)
        stamps = [stamp_s for _, stamp_s in sinks.call(Sinks.heard).stamps]
        if repeat >= 0:
            times_s = [stamp_s - at_s for stamp_s, at_s in zip(stamps, sent_s, strict=True)]
            found.append(max(0.0, median(times_s) - less_s) * 1e3)
    return found
