"""A login storm: N sockets say hello in one moment, and everybody hears of everybody who was accepted after.

The sockets are upgraded before, so what is measured is acceptance and fan-out; the upgrade's own price stands beside.
Meanwhile a client in another process, accepted before, pings and hears it all. Afterwards the ledger is checked to the
event and to the byte.
"""

from __future__ import annotations

import random
import re
import time
import urllib.request
from collections.abc import Sequence
from functools import partial
from math import ceil

import numpy as np

from bench.load.changes.storm_ledger import audit_storm, storm_events
from bench.load.sockets.probe import Probe
from bench.load.sockets.sinks import FIRST_INDEX, Sinks
from bench.load.sockets.tokens import RECEIVERS_FROM
from bench.measures import (
    ACCEPTED_WITHIN,
    CLOSED_BY_SERVER,
    CPU_IN_ALL,
    CPU_PER_EVENT,
    CPU_PER_UPGRADE,
    LAST_ACCEPTED,
    LAST_EVENT,
    PEAK_RATE,
    PEAK_RSS,
    PINGER_WAITED,
    RECEIVED,
    SLOWEST_PING,
)
from bench.processes.again import calmly
from bench.processes.cpu import read_cpu
from bench.processes.lab import Build, Lab
from bench.processes.server_flags import lab_flags
from bench.processes.watch import Watch, resident_kib
from bench.record.book import Book
from bench.record.findings import Findings, Where
from bench.record.vocabulary import ACCEPTED
from bench.scenarios.reconnect import peak_rate_per_s
from lobby_server.protocol.messages import HandshakeAccepted, UserOnline, encode_frame

FLAGS = lab_flags(handshake_timeout_s=60, heartbeat_timeout_s=600)
"""The hellos are held back until all sockets are there; no protocol-level pings, so that every byte has its event."""

PATTERN = b'"user_online"'
TIMEOUT_S = 60.0
STREAMS = 5
"""Kept whole, to compare their order."""
SMALL = 2_000
"""Storms up to this size are repeated often, bigger ones as the ladder says."""

CLOSES = re.compile(r'^lobby_closes_total\{code="(\d+)"\} (\d+)', re.MULTILINE)


def run(lab: Lab, storms: Sequence[int]) -> Findings:
    """A server for each storm; of several builds, which take turns."""
    sizes = lab.profile.engine
    book = lab.book("storm", FLAGS)
    chance = random.Random(lab.seed)
    plan = [
        (clients, repeat, build)
        for clients in storms
        for repeat in range(sizes.storm_repeats if clients <= SMALL else sizes.ladder_repeats)
        for build in chance.sample(lab.builds, len(lab.builds))
    ]
    with lab.reporter.stage("storm", len(plan)) as stage:
        for clients, repeat, build in plan:
            stage.say(f"{clients} clients log in" + (f", {build.party}" if len(lab.builds) > 1 else ""))
            calmly(lab, book, partial(_storm, lab, clients, build), turn=repeat)
            stage.advance()
    book.note(
        "a client hears of itself and of those accepted after it, nothing from before its acceptance (protocol "
        "contract 2.2-2.3): N(N+1)/2 events in all; 10^8 of them take N = 14,142, and N = 10,000 makes 5.0 x 10^7"
    )
    return book.result("storm", FLAGS)


def _storm(lab: Lab, clients: int, build: Build, book: Book) -> None:
    party = build.party
    with (
        lab.server(FLAGS, build=build) as server,
        lab.generator(Sinks, port=server.port, pattern=PATTERN, secret=server.jwt_secret) as sinks,
        lab.generator(Probe, port=server.port, secret=server.jwt_secret) as probe,
    ):
        opening = Watch(server.pid, sinks.pid)
        sinks.call(Sinks.open, clients)
        stretch = opening.stretch()
        upgrade_us = stretch.server_cpu_s / clients * 1e6
        book.add(CPU_PER_UPGRADE, upgrade_us, party=party, clients=clients, stretch=stretch)
        sinks.call(Sinks.keep_streams, STREAMS)
        probe.call(Probe.begin)
        time.sleep(0.3)
        watch, pinger = Watch(server.pid, sinks.pid), read_cpu(probe.pid)
        start_s = sinks.call(Sinks.say_hello)
        sinks.call(Sinks.hear, storm_events(clients), TIMEOUT_S)
        stretch = watch.stretch()
        pinger_waited_ms = read_cpu(probe.pid).since(pinger).waited_s * 1e3
        rtts_s = probe.call(Probe.end)
        heard = sinks.call(Sinks.heard)
        event_bytes, accepted_bytes = frame_sizes()
        book.faults += audit_storm(heard, clients=clients, event_bytes=event_bytes, accepted_bytes=accepted_bytes)
        closes = sum(closes_of(server.http_url).values()) + heard.lost
        cpu_s, events, told = stretch.server_cpu_s, storm_events(clients), sum(heard.events)
        accepted_s = np.sort([at_s for at_s in heard.accepted_s if at_s]) - start_s
        left_out = _left_out(len(accepted_s), clients)
        untold = f"{told:,} of {events:,} events were heard" if told != events else ""
        for measure, value, invalid in (
            (CPU_IN_ALL, cpu_s, ""),
            (CPU_PER_EVENT, cpu_s / events * 1e6, untold),
            (LAST_ACCEPTED, float(accepted_s[-1]) if len(accepted_s) else 0.0, left_out),
            (LAST_EVENT, heard.last_event_s - start_s, untold),
            (SLOWEST_PING, max(rtts_s, default=float("nan")) * 1e3, ""),
            (PINGER_WAITED, pinger_waited_ms, ""),
            (CLOSED_BY_SERVER, closes, ""),
            (RECEIVED, sum(heard.received_bytes) / 1e6, ""),
        ):
            book.add(measure, value, party=party, clients=clients, stretch=stretch, invalid=invalid)
        for share, measure in ACCEPTED_WITHIN.items():
            number = max(1, ceil(share / 100 * clients))
            is_reached = number <= len(accepted_s)
            at_s = float(accepted_s[number - 1]) if is_reached else 0.0
            book.add(
                measure, at_s, party=party, clients=clients, stretch=stretch, invalid="" if is_reached else left_out
            )
        book.add(PEAK_RATE, peak_rate_per_s(accepted_s), party=party, clients=clients, stretch=stretch)
        book.add_series(ACCEPTED, accepted_s, Where(clients), party=party)
        book.add(PEAK_RSS, resident_kib(server.pid, peak=True) / 1024, party=party, clients=clients)
        sinks.call(Sinks.close)


def _left_out(accepted: int, clients: int) -> str:
    """Why there is no time by which all were accepted; empty where there is one."""
    return f"{clients - accepted:,} of {clients:,} clients were not accepted" if accepted < clients else ""


def frame_sizes() -> tuple[int, int]:
    """Bytes of a `user_online` and of a `handshake_accepted` frame, the same for every user of the sinks."""
    user_id, username = RECEIVERS_FROM + FIRST_INDEX, f"player{FIRST_INDEX}"
    return (
        len(encode_frame(UserOnline(user_id=user_id, username=username))),
        len(encode_frame(HandshakeAccepted(peer_id=0, user_id=user_id, username=username))),
    )


def closes_of(http_url: str) -> dict[str, int]:
    """Closes that the server began, by code, from its metrics."""
    with urllib.request.urlopen(f"{http_url}/metrics", timeout=30) as answer:
        return {code: int(number) for code, number in CLOSES.findall(answer.read().decode())}
