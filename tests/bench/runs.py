"""Small runs of known figures, made by hand, to derive from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from bench.measures import ACCEPTS_AGAIN, BACK_WITHIN, LIST_BYTES
from bench.record.book import Book, Told
from bench.record.findings import Findings, Ledger, Stretch, Swarm, Where
from bench.record.profiles.standard import QUICK
from bench.record.run import Machine, Run
from bench.record.samples import Samples
from bench.record.traffic import ClientBytes, Connect, MessageSize, Traffic, TrafficGroup
from bench.record.vocabulary import (
    ANNOUNCEMENT,
    BACK_AND_FRESH,
    FIXED_RETRY,
    FRESH_LIST,
    LOST_BY_CODE,
    POLLED_AGE,
    STATUS,
)

MACHINE = Machine(cpu="a CPU", cores=2, memory_bytes=8 * 2**30, kernel="Linux 6", python="CPython 3.11", pinned=True)

PROFILE = replace(QUICK, bandwidth=replace(QUICK.bandwidth, window_s=60.0))
"""An idle window of a minute, so that its figures are what a client counted."""

CALM = Stretch(wall_s=10.0, server_cpu_s=1.0, generator_cpu_s=1.0, busy_wall_s=1.0, busy_generator_cpu_s=0.5)
"""The generator used half of a core while it mattered."""

OVERLOADED = Stretch(wall_s=10.0, server_cpu_s=1.0, generator_cpu_s=1.0, busy_wall_s=1.0, busy_generator_cpu_s=0.95)


class Point(NamedTuple):
    """Three broadcasts of each kind at one size, all the same."""

    clients: int
    last_ms: float
    fresh_ms: float
    stretch: Stretch
    lost: int


def a_point(clients: int, *, last_ms: float, fresh_ms: float, stretch: Stretch = CALM, lost: int = 0) -> Point:
    """The status changes take as long as the announcements; `lost` clients hear no announcement."""
    return Point(clients, last_ms, fresh_ms, stretch, lost)


def told(last_ms: float, *, clients: int, lost: int = 0, twice: int = 0, late_ms: float = 0.1) -> Told:
    """One broadcast, with receipts evenly spread up to the last."""
    heard = clients - lost
    samples = Samples.of_seconds([last_ms * (index + 1) / heard / 1e3 for index in range(heard)])
    ledger = Ledger(expected=clients, received=heard, lost={"never": lost} if lost else {}, twice=twice)
    return Told(samples, ledger, late_ms)


def a_broadcast_result(points: Sequence[Point], losses: int = 0) -> Findings:
    book = Book()
    for point in points:
        where, stretch = Where(point.clients), point.stretch
        announced = [told(point.last_ms, clients=point.clients, lost=point.lost)] * 3
        fetched = [told(point.fresh_ms, clients=point.clients)] * 3
        for name, broadcasts in ((ANNOUNCEMENT, announced), (FRESH_LIST, fetched), (STATUS, announced)):
            book.add_broadcasts(name, broadcasts, where, stretch=stretch, interval_s=1.0)
        book.add(LIST_BYTES, 2_000, clients=point.clients)
        ages_s = [index / 100 for index in range(301)]
        book.add_series(POLLED_AGE, ages_s, where, ledger=Ledger(expected=301, received=301))
    if losses:
        book.add_to_fact(f"{LOST_BY_CODE}None", losses)
    return book.result("broadcast", ())


def a_group(
    kind: str, *, requests: int, framed: int, wire: int, rooms: int = 10, losses: int = 0, changes_per_s: float = 0.0
) -> TrafficGroup:
    """Four clients, all the same, whose bytes the kernel confirms."""
    client = ClientBytes(
        requests=requests,
        events=0,
        message_bytes=framed // 2,
        framed_up_bytes=framed // 4,
        framed_down_bytes=framed - framed // 4,
        wire_bytes=wire,
        kernel_sent_bytes=framed // 4,
        kernel_received_bytes=framed - framed // 4,
        kernel_segments=6,
    )
    return TrafficGroup(
        kind=kind, rooms=rooms, list_bytes=2_000, clients=[client] * 4, unexpected_losses=losses,
        changes_per_s=changes_per_s, changes=round(60 * changes_per_s),
    )  # fmt: skip


def an_idle_result(groups: Sequence[TrafficGroup] = ()) -> Findings:
    traffic = Traffic(
        groups=list(groups)
        or [
            a_group("polling", requests=20, framed=40_000, wire=44_000),
            a_group("polling_etag", requests=20, framed=6_000, wire=9_000),
            a_group("push", requests=2, framed=150, wire=400),
        ],
        sizes=[
            MessageSize(name="ping", n=8, message_bytes=25),
            MessageSize(name="pong", n=8, message_bytes=43),
            MessageSize(name="rooms_changed", n=4, message_bytes=34),
            MessageSize(name="user_online", n=4, message_bytes=120),
        ],
        connects=[
            Connect(
                upgrade_request_bytes=150,
                upgrade_response_bytes=130,
                handshake_message_bytes=330,
                accepted_message_bytes=90,
            )
        ],
        polling_request="GET /api/rooms HTTP/1.1\r\nHost: a\r\n\r\n",
        etag_request='GET /api/rooms HTTP/1.1\r\nHost: a\r\nIf-None-Match: "1"\r\n\r\n',
    )
    book = Book()
    book.add_traffic(traffic, window_s=PROFILE.bandwidth.window_s)
    book.stretch = Stretch(wall_s=60.0, server_cpu_s=0.5, generator_cpu_s=0.2)
    return book.result("bandwidth", ())


def a_reconnect_result(back_s: Sequence[float] = (5.01, 5.02), up_again_s: float = 1.0, lost: int = 0) -> Findings:
    """Clients with the fixed retry, back so long after the stop; `lost` more never came."""
    book, clients = Book(), len(back_s) + lost
    party = f"{FIXED_RETRY}, SIGTERM"
    book.add_series(BACK_AND_FRESH, list(back_s), Where(clients), party=party)
    book.add(ACCEPTS_AGAIN, up_again_s, clients=clients, party=party)
    if not lost:
        book.add(BACK_WITHIN[100], max(back_s), clients=clients, party=party)
    return book.result("reconnect", ())


def a_swarm_result() -> Findings:
    row = {"type": "GET", "name": "/api/rooms", "count": 3, "failures": 0, "p50_ms": 1.0, "p90_ms": 2.0, "p99_ms": 3.0,
           "max_ms": 4.0}  # fmt: skip
    series = {"name": "time to fresh, by push", "count": 2, "p50_ms": 1.0, "p90_ms": 2.0, "p99_ms": 2.0, "max_ms": 2.0}
    swarm = Swarm(
        command=["locust", "--headless"],
        exit_code=0,
        document={"duration_s": 5.0, "requests": [row], "series": [series], "events": {"rooms made": 1}},
    )
    book = Book()
    stretch = Stretch(wall_s=5.0, server_cpu_s=0.1, generator_cpu_s=0.5)
    book.add_swarm(swarm, users=10, stretch=stretch, in_one_window=True)
    return book.result("swarm", ())


def a_run(*found: Findings) -> Run:
    return Run(
        started_at="2026-01-01T00:00:00Z",
        duration_s=120.0,
        arguments=["lobby-bench", "report"],
        seed=1,
        commit="0123456789",
        dirty=False,
        machine=MACHINE,
        versions={"tornado": "6.6"},
        profile=PROFILE,
        findings=list(found),
    )


def a_whole_run() -> Run:
    """Good up to 500 clients, then slower; the scenarios that the claims need are there, and the swarm."""
    return a_run(
        a_broadcast_result(
            [
                a_point(100, last_ms=4.0, fresh_ms=20.0),
                a_point(500, last_ms=9.0, fresh_ms=90.0),
                a_point(1000, last_ms=25.0, fresh_ms=1_400.0),
            ]
        ),
        an_idle_result(),
        a_reconnect_result(),
        a_swarm_result(),
    )
