"""A whole herd loses its server and comes back: all at once, and each by the policy of its retries.

Once by SIGTERM and once by kill -9, on the same port and data folder. All at once is the moment it listens again, retry
at 0, no jitter; time counts from the start of the new process, the start of its interpreter included, and the server's
CPU until all have been told of each other. By policy is the
specification's fixed five seconds against the jitter of the protocol contract, section 7; there time counts from the
stop. Every client has a user of its own, so coming back is a login storm, too: the price of a connection has its part
of it. Another build is priced, and comes back all at once, in turns with this one; by policy nobody comes back then.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import ceil

import numpy as np

from bench.load.changes.publisher import Publisher
from bench.load.changes.storm_ledger import storm_events
from bench.load.clients.herd import Herd, WaysBack
from bench.load.sockets.sinks import Sinks
from bench.measures import (
    ACCEPTED_AFTER,
    ACCEPTS_AGAIN,
    ALL_LOST,
    BACK_WITHIN,
    CONNECTIONS_AGAIN,
    CPU_PER_CONNECTION,
    CPU_PER_RETURN,
    FAILED_ATTEMPTS,
    FALSE_OFFLINE,
    FRESH_AFTER,
    KILL,
    LAST_FRESH,
    LISTENING_AFTER,
    PEAK_RATE,
    SHARES,
    SIGTERM,
)
from bench.processes.again import calmly
from bench.processes.lab import Build, Lab, Server
from bench.processes.progress import Stage
from bench.processes.remote import Remote
from bench.processes.server_flags import LASTING_ROOMS_S, lab_flags
from bench.processes.turns import in_turns
from bench.processes.watch import Watch, until_quiet
from bench.record.book import Book
from bench.record.findings import Findings, Stretch, Where
from bench.record.vocabulary import BACK_AND_FRESH, FIXED_RETRY, JITTER_RETRY
from bench.stats import FloatArray, percentile
from loadtest.client.reconnect import FixedReconnect, JitterReconnect, ReconnectPolicy

FLAGS = lab_flags(drain_s=10, empty_room_ttl_s=LASTING_ROOMS_S)
ROOMS = 10
"""In the list that the herd fetches."""
TIMEOUT_S = 30.0
PATTERN = b'"user_online"'
PRICED_OFTEN = 1_000
"""The size whose connections are priced in every repeat, the others once: the bigger it is, the more of a connection's
price are the events that it hears."""
POLICIES: dict[str, ReconnectPolicy] = {FIXED_RETRY: FixedReconnect(), JITTER_RETRY: JitterReconnect()}
POLICY_TIMEOUT_S = 60.0
QUIET_S = 0.5
"""After the herd has come, before anything is done to it."""
PEAK_WINDOW_S = 0.1
STOP_SIGNALS = ((SIGTERM, signal.SIGTERM), (KILL, signal.SIGKILL))


def run(lab: Lab, herds: Sequence[int]) -> Findings:
    """Both ways to lose it, one after the other, at each size; then the policies in turns."""
    book = lab.book("reconnect", FLAGS)
    returns, sizes = lab.profile.returns, lab.profile.engine
    chance = random.Random(lab.seed)
    plan = [
        (clients, name, number, repeat, build)
        for clients in herds
        for repeat in range(sizes.ladder_repeats)
        for name, number in STOP_SIGNALS
        for build in chance.sample(lab.builds, len(lab.builds))
    ]
    prices = [
        (clients, repeat, build)
        for clients in herds
        for repeat in range(sizes.repeats if clients == PRICED_OFTEN else 1)
        for build in chance.sample(lab.builds, len(lab.builds))
    ]
    by_policy = [] if len(lab.builds) > 1 else [(policy, way) for policy in POLICIES for way in STOP_SIGNALS]
    with lab.reporter.stage("reconnect", len(plan) + len(prices) + 4 * returns.repeats * len(by_policy)) as stage:

        def all_at_once() -> None:
            for clients, repeat, build in prices:
                with lab.hands:
                    stage.say(f"the price of a connection, {clients} clients, {build.party}")
                    calmly(lab, book, partial(_price, lab, clients, build), turn=repeat)
                stage.advance()
            for clients, name, number, repeat, build in plan:
                with lab.hands:
                    stage.say(f"{clients} clients, {name}, {build.party}")
                    calmly(lab, book, partial(measure_restart, lab, clients, name, number, build), turn=repeat)
                stage.advance()

        def restart(repeat: int, policy: str, way: tuple[str, int]) -> None:
            calmly(
                lab, book, partial(_restart_by_policy, lab, stage, returns.clients, repeat, policy, way), turn=repeat
            )
            stage.advance(4)

        turns = in_turns(by_policy, returns.repeats, random.Random(lab.seed))
        at_once(lab, [*(partial(restart, repeat, policy, way) for repeat, (policy, way) in turns), all_at_once])
    book.note(
        "a connection is priced without the fetch: all come at once with a user each, and its first broadcasts are the "
        "user_online of itself and of all who are accepted after it, N(N+1)/2 events together"
    )
    book.note(
        "all at once: times count from the start of the new process; 'listening' is when it took the first connection. "
        "By policy: times count from the stop of the old one"
    )
    return book.result("reconnect", FLAGS)


def at_once(lab: Lab, turns: Sequence[Callable[[], None]]) -> None:
    """Turns that wait most of their time: one after the other, or together where a run shares its window anyway."""
    with ThreadPoolExecutor(len(turns) if lab.profile.in_one_window else 1) as pool:
        for future in [pool.submit(turn) for turn in turns]:
            future.result()


@contextlib.contextmanager
def settled_herd(
    lab: Lab, flags: Sequence[str], *, clients: int, policy: str, repeat: int
) -> Iterator[tuple[Server, Remote[Herd]]]:
    """A server with some rooms, and a herd that is connected to it and fresh; its delays are the same in all turns of a
    repeat."""
    with contextlib.ExitStack() as stack:
        with lab.hands:
            server = stack.enter_context(lab.server(flags))
            herd = stack.enter_context(
                lab.generator(
                    Herd, port=server.port, secret=server.jwt_secret, clients=clients, policy=POLICIES[policy],
                    seed=lab.seed + repeat,
                )
            )  # fmt: skip
            with Publisher(server.port, server.jwt_secret) as publisher:
                publisher.fill(ROOMS)
            herd.call(Herd.come, TIMEOUT_S)
            time.sleep(QUIET_S)
        yield server, herd
        herd.call(Herd.close)


def _restart_by_policy(
    lab: Lab, stage: Stage, clients: int, repeat: int, policy: str, way: tuple[str, int], book: Book
) -> None:
    name, number = way
    with settled_herd(lab, FLAGS, clients=clients, policy=policy, repeat=repeat) as (server, herd):
        herd.call(Herd.ready)
        with lab.hands:
            stage.say(f"{clients} clients come back after {name}, {policy}")
            stop_s = time.perf_counter()
            os.kill(server.pid, number)
            server.stop()
            server.start()
        watch = Watch(server.pid, herd.pid)
        back = herd.call(Herd.come_back, POLICY_TIMEOUT_S)
        stretch = watch.stretch()
    party = f"{policy}, {name}"
    write_return(book, back, party=party, clients=clients, expected=clients, since_s=stop_s, stretch=stretch)
    book.add(ACCEPTS_AGAIN, back.listening_s - stop_s, clients=clients, party=party)


def write_return(
    book: Book, back: WaysBack, *, party: str, clients: int, expected: int, since_s: float, stretch: Stretch
) -> None:
    """When a herd was back and fresh, how fast it was let in, and what others were told for nothing."""
    fresh_s = np.asarray([at_s for at_s in back.fresh_s if at_s > since_s]) - since_s
    accepted_s = np.asarray([at_s for at_s in back.accepted_s if at_s > since_s])
    missing = not_back(back, expected=expected, since_s=since_s)
    if missing:
        book.faults.append(f"{party}: {missing}")
    for share, measure in BACK_WITHIN.items():
        if len(fresh_s) >= share / 100 * expected:
            at_s = float(np.sort(fresh_s)[max(0, ceil(share / 100 * expected) - 1)])
            book.add(measure, at_s, clients=clients, party=party, stretch=stretch)
    peak = peak_rate_per_s(accepted_s)
    book.add(PEAK_RATE, peak, clients=clients, party=party, stretch=stretch)
    # Those who stayed away were truly offline, and what they tried was in vain
    book.add(FALSE_OFFLINE, back.offline_events / max(1, clients), clients=clients, party=party, invalid=missing)
    book.add(FAILED_ATTEMPTS, back.failures / max(1, expected), clients=clients, party=party, invalid=missing)
    book.add_series(BACK_AND_FRESH, fresh_s, Where(clients), party=party)


def not_back(back: WaysBack, *, expected: int, since_s: float) -> str:
    """How many came back of those who should have; empty where all did."""
    came = sum(at_s > since_s for at_s in back.fresh_s)
    return f"only {came} of {expected} clients came back and were fresh" if came < expected else ""


def peak_rate_per_s(stamps_s: FloatArray) -> float:
    """The most that came within any `PEAK_WINDOW_S`, per second."""
    ordered = np.sort(stamps_s)
    if not len(ordered):
        return 0.0
    until = np.searchsorted(ordered, ordered + PEAK_WINDOW_S, side="right")
    return float((until - np.arange(len(ordered))).max()) / PEAK_WINDOW_S


def _price(lab: Lab, clients: int, build: Build, book: Book) -> None:
    with (
        lab.server(FLAGS, build=build) as server,
        lab.generator(Sinks, port=server.port, pattern=PATTERN, secret=server.jwt_secret) as sinks,
    ):
        watch = Watch(server.pid, sinks.pid)
        sinks.call(Sinks.open, clients, greet=True)
        heard = sinks.call(Sinks.hear, storm_events(clients), TIMEOUT_S)
        stretch = watch.stretch()
        due = storm_events(clients)
        untold = f"{heard:,} of {due:,} events were heard" if heard != due else ""
        if untold:
            book.faults.append(f"{clients} clients heard {heard} events instead of {due}")
        cpu_us = stretch.server_cpu_s / clients * 1e6
        book.add(CPU_PER_CONNECTION, cpu_us, clients=clients, stretch=stretch, party=build.party, invalid=untold)
        sinks.call(Sinks.close)


def measure_restart(lab: Lab, clients: int, name: str, number: int, build: Build, book: Book) -> None:
    """All clients of a server lose it by a signal and come to the next one in the moment in which it listens."""
    who = build.party
    with (
        lab.server(FLAGS, build=build) as server,
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
        not_there = ""
        if min(len(before.fresh_s), lost) < clients:
            not_there = f"{len(before.fresh_s):,} of {clients:,} clients came, {lost:,} lost it"
            book.faults.append(f"{who}, {clients} clients, {name}: {len(before.fresh_s)} came, {lost} lost it")
        start_s = time.perf_counter()
        server.start()
        watch = Watch(server.pid, herd.pid)
        back = herd.call(Herd.come, TIMEOUT_S)
        stretch = watch.stretch()
        is_quiet = until_quiet(server.pid, most_s=TIMEOUT_S)
        until_told = watch.stretch()
        if len(back.fresh_s) < clients:
            book.faults.append(
                f"{who}, {clients} clients, {name}: only {len(back.fresh_s)} were back within {TIMEOUT_S:g} s"
            )
        else:
            last_s = back.fresh_s[-1] - start_s
            book.add(LAST_FRESH[name], last_s, clients=clients, stretch=stretch, party=who, invalid=not_there)
        book.add(ALL_LOST[name], lost_s, clients=clients, party=who, invalid=not_there)
        book.add(LISTENING_AFTER[name], back.listening_s - start_s, clients=clients, party=who)
        not_accepted, not_fresh = (
            not_there or (f"only {len(moments):,} of {clients:,} clients were {did}" if len(moments) < clients else "")
            for moments, did in ((back.accepted_s, "accepted"), (back.fresh_s, "back and fresh"))
        )
        for measures, moments, invalid in (
            (ACCEPTED_AFTER, back.accepted_s, not_accepted), (FRESH_AFTER, back.fresh_s, not_fresh)
        ):  # fmt: skip
            for share in SHARES:
                at_s = percentile(moments, share) - start_s
                book.add(
                    measures[share, name], at_s, clients=clients, stretch=stretch, party=who, invalid=invalid
                )  # fmt: skip
        cpu_us = until_told.server_cpu_s / clients * 1e6
        untold = not_fresh or ("" if is_quiet else f"the server still worked after {TIMEOUT_S:g} s")
        book.add(CPU_PER_RETURN[name], cpu_us, clients=clients, stretch=until_told, party=who, invalid=untold)
        book.add(CONNECTIONS_AGAIN[name], back.failures, clients=clients, party=who)
        herd.call(Herd.close)
