"""What sessions cost that come, stay and go: upgrade, handshake, end; who hears of whom; and memory."""

from __future__ import annotations

import time
from statistics import median

from bench.load.changes.publisher import Publisher
from bench.load.changes.storm_ledger import storm_events
from bench.load.clients.herd import Herd
from bench.load.sockets.sinks import Sinks
from bench.measures import RSS_PER_CONNECTION
from bench.prediction.fitting import fit
from bench.processes.cpu import read_cpu
from bench.processes.lab import Server
from bench.processes.remote import Remote
from bench.record.book import Book
from bench.scenarios.engine.memory import measure_memory
from bench.scenarios.prediction import broadcasts, lists
from bench.scenarios.prediction.lists import FLAGS, USERS
from bench.scenarios.prediction.watching import TIMEOUT_S, Measuring, Stretch, spread_of, turns_of, watched
from bench.scenarios.prediction.watching import UNITS as UNITS_OF_TIME

PATTERN = b'"user_online"'
SETTLE_S = 0.3
GONE_S = 0.5
"""Until the server has seen that all are gone."""
HERDS = 2
"""Of each repeat: of 18 herds of 300 on a busy machine, the server's CPU was 103 to 138 µs per client."""
UPGRADE_STEPS, HERD_STEPS = 2, 5
"""What a client does after one another for which the loop may be woken: it opens a connection and asks for the upgrade;
in a herd it also says hello, and does the same for the list."""
UNITS = {"upgrade": "µs", "handshake": "µs", "departure": "µs", "event": "µs", "connection": "µs"}


def measure(measuring: Measuring) -> None:
    """One server for all who come, and one whose memory is looked at."""
    lab, sizes = measuring.lab, measuring.sizes
    with lab.server(FLAGS) as server:
        measuring.say(f"{sizes.comers} clients come and go")
        _come_and_go(measuring, server)
        measuring.say(f"{sizes.storm} users come, each told of all")
        _storms(measuring, server)
        measuring.say(f"herds of {sizes.comers} who come for the list")
        _herds(measuring, server)
    measuring.take(fit(measuring.rows), {**lists.UNITS, **broadcasts.UNITS, **UNITS})
    known = measuring.known
    cold_s = sum(measuring.more_s(kind, broadcasts.EVERY_S) for kind in ("change", "send"))
    work_ms = (known["change"] + known["announcement"] + known["send_base"] + cold_s) * 1e3
    waits_ms = [max(0.0, median(each) - work_ms) for each in measuring.heard_ms]
    measuring.spread("change_wait", waits_ms, "ms", "a change and one client")
    measuring.spreads["change"] = spread_of(measuring.heard_ms)
    measuring.say(f"memory, {', '.join(map(str, sizes.memory))} clients")
    book = Book()
    measure_memory(lab, book, sizes.memory)
    kib = [
        reading.value
        for each in book.result("", ()).measures
        if each.name == RSS_PER_CONNECTION.name
        for reading in each.readings
    ]
    measuring.spread("session_kib", kib, "KiB", "clients that come")


def _come_and_go(measuring: Measuring, server: Server) -> None:
    """Few users, so that nearly nobody is told of anybody."""
    comers, accepted = measuring.sizes.comers, 0
    with measuring.lab.generator(
        Sinks, port=server.port, pattern=PATTERN, secret=server.jwt_secret, users=USERS
    ) as sinks:
        for repeat in range(measuring.sizes.repeats):
            sinks.call(Sinks.open, USERS)  # brings all users online, and the first time finds everything cold
            sinks.call(Sinks.say_hello)
            accepted += USERS
            sinks.call(Sinks.accepted, accepted)
            time.sleep(SETTLE_S)
            with watched(server.pid, server.port) as stretch:
                took_s = sinks.call(Sinks.open, comers)
                time.sleep(SETTLE_S)
            row_of_upgrades(measuring, repeat, stretch, comers, took_s)
            with watched(server.pid, server.port) as stretch:
                sinks.call(Sinks.say_hello, USERS)
                accepted += comers
                sinks.call(Sinks.accepted, accepted)
                time.sleep(SETTLE_S)
            turns = measuring.cold("turn", *turns_of(stretch, comers, 0.0))
            measuring.row("handshakes", repeat, stretch.used_s, stretch.wall_s, handshake=comers, **turns)
            with watched(server.pid, server.port) as stretch:
                sinks.call(Sinks.close)
                time.sleep(GONE_S)
            counted = stretch.counted
            measuring.row(
                "departures", repeat, stretch.used_s, stretch.wall_s, departure=comers + USERS, event=USERS,
                send_base=counted.writes, sent_byte=counted.sent_bytes,
            )  # fmt: skip


def row_of_upgrades(measuring: Measuring, repeat: int, stretch: Stretch, comers: int, took_s: float) -> None:
    """They come as fast as they are let in, which takes the lab's clients longer than the server: it sleeps until the
    next connection, and until the request on it."""
    turns = measuring.cold("turn", *turns_of(stretch, UPGRADE_STEPS * comers, took_s))
    measuring.row("upgrades", repeat, stretch.used_s, stretch.wall_s, upgrade=comers, **turns)


def _storms(measuring: Measuring, server: Server) -> None:
    users, heard = measuring.sizes.storm, 0
    with measuring.lab.generator(Sinks, port=server.port, pattern=PATTERN, secret=server.jwt_secret) as sinks:
        for repeat in range(measuring.sizes.repeats):
            sinks.call(Sinks.open, users)
            time.sleep(SETTLE_S)
            with watched(server.pid, server.port) as stretch:
                sinks.call(Sinks.say_hello)
                heard += storm_events(users)
                sinks.call(Sinks.hear, heard, TIMEOUT_S)
            counted = stretch.counted
            measuring.row(
                "a storm", repeat, stretch.used_s, stretch.wall_s, handshake=users, event=users,
                send_base=counted.writes, sent_byte=counted.sent_bytes,
                **measuring.cold("send", stretch.wall_s * users / max(1.0, counted.writes), counted.writes),
            )  # fmt: skip
            sinks.call(Sinks.close)
            time.sleep(GONE_S)


def _herds(measuring: Measuring, server: Server) -> None:
    """All come in one moment, as after a restart, and each fetches the list on a connection of its own."""
    comers = measuring.sizes.comers
    with Publisher(server.port, server.jwt_secret) as publisher:
        publisher.fill(measuring.sizes.rooms[0])
        list_bytes = publisher.list_bytes()
    coming_us = []
    for repeat in range(measuring.sizes.repeats):
        with measuring.lab.generator(Herd, port=server.port, secret=server.jwt_secret, clients=comers) as herd:
            herd.call(Herd.ready)  # so that its start and its tokens are over
            for _ in range(HERDS):
                coming_us.append(_herd(measuring, server, herd, repeat, list_bytes))
    measuring.spread("come", coming_us, "µs", "herds that come")


def _herd(measuring: Measuring, server: Server, herd: Remote[Herd], repeat: int, list_bytes: float) -> float:
    """What coming cost each of the clients, in µs, without what they heard meanwhile."""
    before = read_cpu(herd.pid)
    with watched(server.pid, server.port) as stretch:
        back = herd.call(Herd.come, TIMEOUT_S)
        time.sleep(SETTLE_S)
    used_s = read_cpu(herd.pid).since(before).used_s
    herd.call(Herd.close)
    time.sleep(GONE_S)
    counted, came = stretch.counted, len(back.fresh_s)
    took_s = max(back.fresh_s, default=back.listening_s) - back.listening_s
    measuring.row(
        "herds that come", repeat, stretch.used_s, stretch.wall_s, upgrade=came, handshake=came, event=came,
        send_base=counted.writes, sent_byte=counted.sent_bytes, fetch=came, fetched_byte=came * list_bytes,
        connection=came, **measuring.cold("send", took_s * came / max(1.0, counted.writes), counted.writes),
        **measuring.cold("turn", *turns_of(stretch, HERD_STEPS * came, took_s)),
    )  # fmt: skip
    told_s = counted.writes * measuring.costs["sink"].value / UNITS_OF_TIME["µs"]
    return max(0.0, used_s - told_s) / max(1, came) * UNITS_OF_TIME["µs"]
