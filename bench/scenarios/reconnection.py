"""A whole herd loses its server, and comes back the moment it listens again: retry at 0, no jitter.

Once by SIGTERM and once by kill -9, on the same port and data folder. Time counts from the start of the new process,
the start of its interpreter included. Every client has a user of its own, so coming back is a login storm, too: the
price of a connection has its part of it.
"""

from __future__ import annotations

import os
import signal
import time

from bench.engine_ledger import storm_events
from bench.engine_results import Book, EngineResult
from bench.goals import ALL_FRESH, CPU_A_CONNECTION, CPU_BACK_AND_FRESH
from bench.herd import Herd
from bench.lab import Lab
from bench.publisher import Publisher
from bench.scenarios.engine import EngineSizes
from bench.sinks import Sinks
from bench.stats import percentile
from bench.watch import Watch

FLAGS = ("--auth-rate-per-min", "0", "--log-level", "warning", "--drain-s", "10", "--empty-room-ttl-s", "3600")
ROOMS = 10
"""In the list that the herd fetches."""
TIMEOUT_S = 30.0
PATTERN = b'"user_online"'
PRICED_OFTEN = 1_000
"""The size whose connections are priced in every repeat, the others once: the bigger it is, the more of a connection's
price are the events that it hears."""
WAYS = (("SIGTERM", signal.SIGTERM), ("kill -9", signal.SIGKILL))


def run(lab: Lab, sizes: EngineSizes) -> EngineResult:
    """Both ways to lose it, one after the other, at each size."""
    book = Book()
    plan = [(clients, name, number) for clients in sizes.returns for name, number in WAYS * sizes.ladder_repeats]
    prices = [each for each in sizes.returns for _ in range(sizes.repeats if each == PRICED_OFTEN else 1)]
    with lab.reporter.stage("reconnect", len(plan) + len(prices)) as stage:
        for clients in prices:
            stage.say(f"the price of a connection, {clients} clients")
            _price(lab, book, clients)
            stage.advance()
        for clients, name, number in plan:
            stage.say(f"{clients} clients, {name}")
            _restart(lab, book, clients, name, number)
            stage.advance()
    book.note(
        "a connection is priced without the fetch: all come at once with a user each, and its first broadcasts are the "
        "user_online of itself and of all who are accepted after it, N(N+1)/2 events together"
    )
    book.note("times count from the start of the new process; 'listening' is when it took the first connection")
    return book.result("reconnect", FLAGS)


def _price(lab: Lab, book: Book, clients: int) -> None:
    with (
        lab.server(FLAGS) as server,
        lab.generator(Sinks, port=server.port, pattern=PATTERN, secret=server.jwt_secret) as sinks,
    ):
        watch = Watch(server.pid, sinks.pid)
        sinks.call(Sinks.open, clients, greet=True)
        heard = sinks.call(Sinks.hear, storm_events(clients), TIMEOUT_S)
        stretch = watch.stretch()
        if heard != storm_events(clients):
            book.faults.append(f"{clients} clients heard {heard} events instead of {storm_events(clients)}")
        cpu_us = stretch.server_cpu_s / clients * 1e6
        book.add(CPU_A_CONNECTION, cpu_us, clients=clients, unit="µs", stretch=stretch)
        sinks.call(Sinks.close)


def _restart(lab: Lab, book: Book, clients: int, name: str, number: int) -> None:
    with (
        lab.server(FLAGS) as server,
        lab.generator(Herd, port=server.port, secret=server.jwt_secret, clients=clients) as herd,
    ):
        with Publisher(server.port, server.jwt_secret) as publisher:
            publisher.fill(ROOMS)
        before = herd.call(Herd.come, TIMEOUT_S)
        time.sleep(0.5)
        os.kill(server.pid, number)
        stop_s = time.perf_counter()
        lost = herd.call(Herd.all_lost, TIMEOUT_S)
        lost_s = time.perf_counter() - stop_s
        server.stop()
        if min(len(before.fresh_s), lost) < clients:
            book.faults.append(f"{clients} clients, {name}: {len(before.fresh_s)} came, {lost} lost it")
        start_s = time.perf_counter()
        server.start()
        watch = Watch(server.pid, herd.pid)
        back = herd.call(Herd.come, TIMEOUT_S)
        stretch = watch.stretch()
        if len(back.fresh_s) < clients:
            book.faults.append(f"{clients} clients, {name}: only {len(back.fresh_s)} were back within {TIMEOUT_S:g} s")
        else:
            book.add(ALL_FRESH.format(name), back.fresh_s[-1] - start_s, clients=clients, unit="s", stretch=stretch)
        book.add(f"until all had lost it, {name}", lost_s, clients=clients, unit="s")
        book.add(f"listening, {name}", back.listening_s - start_s, clients=clients, unit="s")
        for share in (50, 90, 99):
            for what, moments in (("accepted", back.accepted_s), ("fresh", back.fresh_s)):
                at_s = percentile(moments, share) - start_s
                book.add(f"{share} % {what}, {name}", at_s, clients=clients, unit="s", stretch=stretch)
        cpu_us = stretch.server_cpu_s / clients * 1e6
        book.add(CPU_BACK_AND_FRESH.format(name), cpu_us, clients=clients, unit="µs", stretch=stretch)
        book.add(f"connections made again, {name}", back.failures, clients=clients, unit="")
        herd.call(Herd.close)
