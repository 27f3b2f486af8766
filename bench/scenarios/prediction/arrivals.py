"""What sessions cost that come, stay and go: upgrade, handshake, heartbeat, end; who hears of whom; and memory."""

from __future__ import annotations

import time

from bench.load.changes.storm_ledger import storm_events
from bench.load.clients.population import Group, Population
from bench.load.sockets.sinks import Sinks
from bench.measures import RSS_PER_CONNECTION
from bench.prediction.fitting import fit
from bench.processes.lab import HOST
from bench.record.book import Book
from bench.scenarios.engine.memory import measure_memory
from bench.scenarios.prediction.broadcasts import USERS
from bench.scenarios.prediction.lists import FLAGS
from bench.scenarios.prediction.watching import TIMEOUT_S, Measuring, read_counters, watched

PATTERN = b'"user_online"'
SETTLE_S = 0.3
GONE_S = 0.5
"""Until the server has seen that all are gone."""
PING_EVERY_S = 0.4
UNITS = {"upgrade": "µs", "handshake": "µs", "departure": "µs", "heartbeat": "µs", "event": "µs"}


def measure(measuring: Measuring) -> None:
    """Fresh servers for those who come and go, for a storm, and for heartbeats."""
    sizes = measuring.sizes
    for repeat in range(sizes.repeats):
        measuring.say(f"{sizes.comers} clients come and go")
        _come_and_go(measuring, repeat)
        measuring.say(f"{sizes.storm} users come, each told of all")
        _storm(measuring, repeat)
        measuring.say("heartbeats")
        _heartbeats(measuring, repeat)
    measuring.take(fit(measuring.rows, given=measuring.known), UNITS)
    measuring.say(f"memory, {', '.join(map(str, sizes.memory))} clients")
    book = Book()
    measure_memory(measuring.lab, book, sizes.memory)
    kib = [reading.value for each in book.result("", ()).measures if each.name == RSS_PER_CONNECTION.name
           for reading in each.readings]  # fmt: skip
    measuring.spread("session_kib", kib, "KiB", "clients that come")


def _come_and_go(measuring: Measuring, repeat: int) -> None:
    """Few users, so that nearly nobody is told of anybody."""
    lab, comers = measuring.lab, measuring.sizes.comers
    with (
        lab.server(FLAGS) as server,
        lab.generator(Sinks, port=server.port, pattern=PATTERN, secret=server.jwt_secret, users=USERS) as sinks,
    ):
        sinks.call(Sinks.open, USERS)  # finds everything cold, and brings all users online
        sinks.call(Sinks.say_hello)
        sinks.call(Sinks.accepted, USERS)
        time.sleep(SETTLE_S)
        with watched(server.pid, server.port) as stretch:
            sinks.call(Sinks.open, comers)
            time.sleep(SETTLE_S)
        measuring.row("upgrades", repeat, stretch.used_s, stretch.wall_s, upgrade=comers)
        with watched(server.pid, server.port) as stretch:
            sinks.call(Sinks.say_hello, USERS)
            sinks.call(Sinks.accepted, USERS + comers)
            time.sleep(SETTLE_S)
        measuring.row("handshakes", repeat, stretch.used_s, stretch.wall_s, handshake=comers)
        with watched(server.pid, server.port) as stretch:
            sinks.call(Sinks.close)
            time.sleep(GONE_S)
        counted = stretch.counted
        measuring.row(
            "departures", repeat, stretch.used_s, stretch.wall_s, departure=comers + USERS, event=USERS,
            send_base=counted.writes, sent_byte=counted.sent_bytes,
        )  # fmt: skip


def _storm(measuring: Measuring, repeat: int) -> None:
    lab, users = measuring.lab, measuring.sizes.storm
    with (
        lab.server(FLAGS) as server,
        lab.generator(Sinks, port=server.port, pattern=PATTERN, secret=server.jwt_secret) as sinks,
    ):
        sinks.call(Sinks.open, users)
        time.sleep(SETTLE_S)
        with watched(server.pid, server.port) as stretch:
            sinks.call(Sinks.say_hello)
            sinks.call(Sinks.hear, storm_events(users), TIMEOUT_S)
        counted = stretch.counted
        measuring.row(
            "a storm", repeat, stretch.used_s, stretch.wall_s, handshake=users, event=users, send_base=counted.writes,
            sent_byte=counted.sent_bytes,
        )  # fmt: skip
        sinks.call(Sinks.close)


def _heartbeats(measuring: Measuring, repeat: int) -> None:
    lab, sizes = measuring.lab, measuring.sizes
    clients = max(2, sizes.comers // 2)
    with lab.server(FLAGS) as server:
        group = Group("delta", HOST, server.port, server.jwt_secret, clients, 0, max(1, clients // USERS))
        with lab.generator(
            Population, groups=[group], poll_s=1.0, heartbeat_s=PING_EVERY_S, seed=lab.seed + repeat
        ) as population:
            population.call(Population.connect)
            time.sleep(SETTLE_S)
            read_counters(server.port)
            with watched(server.pid, server.port) as stretch:
                population.call(Population.begin, sizes.pings_s, 0.0)
                [window] = population.call(Population.end)
            pings = sum(client.requests for client in window.clients)
        measuring.row("heartbeats", repeat, stretch.used_s, stretch.wall_s, heartbeat=pings)
