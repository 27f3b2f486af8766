"""A login storm: N sockets say hello in one moment, and everybody hears of everybody who was accepted after.

The sockets are upgraded before, so what is measured is acceptance and fan-out; the upgrade's own price stands beside.
Meanwhile a client in another process, accepted before, pings and hears it all. Afterwards the ledger is checked to the
event and to the byte.
"""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Sequence

import numpy as np

from bench.analysis.goals import CLOSED, CPU_AN_EVENT, CPU_IN_ALL, LAST_ACCEPTED, PEAK_RSS, SLOWEST_PING
from bench.load.changes.storm_ledger import audit_storm, storm_events
from bench.load.sockets.probe import Probe
from bench.load.sockets.sinks import FIRST_INDEX, Sinks
from bench.load.sockets.tokens import RECEIVERS_FROM
from bench.processes.cpu import read_cpu
from bench.processes.lab import Lab
from bench.processes.watch import Watch, resident_kib
from bench.record.findings import Book, Findings, Where
from bench.scenarios.herds import PEAK_RATE, peak_rate_per_s
from bench.stats import percentile
from lobby_server.protocol.messages import HandshakeAccepted, UserOnline, encode_frame

FLAGS = (
    "--auth-rate-per-min", "0", "--log-level", "warning",
    "--handshake-timeout-s", "60", "--heartbeat-timeout-s", "600",
)  # fmt: skip
"""The hellos are held back until all sockets are there; no protocol-level pings, so that every byte has its event."""

ACCEPTED_SHARE = "{} % accepted"
PATTERN = b'"user_online"'
TIMEOUT_S = 60.0
STREAMS = 5
"""Kept whole, to compare their order."""
SMALL = 2_000
"""Storms up to this size are repeated often, bigger ones as the ladder says."""

CLOSES = re.compile(r'^lobby_closes_total\{code="(\d+)"\} (\d+)', re.MULTILINE)


def run(lab: Lab, storms: Sequence[int]) -> Findings:
    """A server a storm."""
    sizes = lab.profile.engine
    book = lab.book("storm", FLAGS)
    plan = [
        clients for clients in storms for _ in range(sizes.storm_repeats if clients <= SMALL else sizes.ladder_repeats)
    ]
    with lab.reporter.stage("storm", len(plan)) as stage:
        for clients in plan:
            stage.say(f"{clients} clients log in")
            _storm(lab, book, clients)
            stage.advance()
    book.note(
        "a client hears of itself and of those accepted after it, nothing from before its acceptance (protocol "
        "contract 2.2-2.3): N(N+1)/2 events in all; 10^8 of them take N = 14,142, and N = 10,000 makes 5.0 x 10^7"
    )
    return book.result("storm", FLAGS)


def _storm(lab: Lab, book: Book, clients: int) -> None:
    with (
        lab.server(FLAGS) as server,
        lab.generator(Sinks, port=server.port, pattern=PATTERN, secret=server.jwt_secret) as sinks,
        lab.generator(Probe, port=server.port, secret=server.jwt_secret) as probe,
    ):
        opening = Watch(server.pid, sinks.pid)
        sinks.call(Sinks.open, clients)
        stretch = opening.stretch()
        upgrade_us = stretch.server_cpu_s / clients * 1e6
        book.add("server CPU an upgrade", upgrade_us, clients=clients, unit="µs", stretch=stretch)
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
        cpu_s, events = stretch.server_cpu_s, storm_events(clients)
        for name, value, unit in (
            (CPU_IN_ALL, cpu_s, "s"),
            (CPU_AN_EVENT, cpu_s / events * 1e6, "µs"),
            (LAST_ACCEPTED, max(heard.accepted_s) - start_s, "s"),
            ("until the last event", heard.last_event_s - start_s, "s"),
            (SLOWEST_PING, max(rtts_s, default=float("nan")) * 1e3, "ms"),
            ("pinger kept from its core, in all", pinger_waited_ms, "ms"),
            (CLOSED, closes, ""),
            ("received", sum(heard.received_bytes) / 1e6, "MB"),
        ):
            book.add(name, value, clients=clients, unit=unit, stretch=stretch)
        accepted_s = np.asarray(heard.accepted_s) - start_s
        for share in (50, 90, 99):
            book.add(
                ACCEPTED_SHARE.format(share), percentile(accepted_s, share), clients=clients, unit="s", stretch=stretch
            )
        book.add(PEAK_RATE, peak_rate_per_s(accepted_s), clients=clients, unit="1/s", stretch=stretch)
        book.add_series("accepted", accepted_s, Where(clients))
        book.add(PEAK_RSS, resident_kib(server.pid, peak=True) / 1024, clients=clients, unit="MiB")
        sinks.call(Sinks.close)


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
