"""Small runs of known figures, made by hand, to derive from."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from bench.analysis.figures import FIXED, LISTENING
from bench.record.findings import Book, Findings, Where
from bench.record.profiles import QUICK
from bench.record.results import (
    BandwidthGroup,
    BandwidthResult,
    Broadcast,
    BroadcastPoint,
    BroadcastResult,
    ClientBytes,
    Connect,
    Load,
    Machine,
    MessageSize,
    Phase,
    Run,
    SwarmResult,
)
from bench.record.samples import Samples
from bench.scenarios.herds import BACK_SHARE

MACHINE = Machine(cpu="a CPU", cores=2, memory_bytes=8 * 2**30, kernel="Linux 6", python="CPython 3.11", pinned=True)

PROFILE = replace(QUICK, bandwidth=replace(QUICK.bandwidth, window_s=60.0))
"""An idle window of a minute, so that its figures are what a client counted."""

CALM = Load(wall_s=10.0, server_cpu_s=1.0, generator_cpu_s=1.0, busy_wall_s=1.0, busy_generator_cpu_s=0.5)
"""The generator used half of a core while it mattered."""

OVERLOADED = Load(wall_s=10.0, server_cpu_s=1.0, generator_cpu_s=1.0, busy_wall_s=1.0, busy_generator_cpu_s=0.95)


def a_broadcast(last_ms: float, *, clients: int, fresh_ms: float | None = None, lost: int = 0) -> Broadcast:
    """Receipts evenly spread up to the last."""
    return Broadcast(
        late_us=100,
        answered_us=2_000,
        expected=clients,
        lost=lost,
        twice=0,
        received=Samples.of_seconds(_up_to(last_ms, clients - lost)),
        fresh=Samples.of_seconds(_up_to(fresh_ms, clients)) if fresh_ms is not None else None,
    )


def _up_to(last_ms: float, number: int) -> list[float]:
    return [last_ms * (index + 1) / number / 1e3 for index in range(number)]


def a_phase(broadcasts: Sequence[Broadcast], *, load: Load = CALM) -> Phase:
    return Phase(interval_s=1.0, broadcasts=list(broadcasts), load=load)


def a_point(clients: int, *, last_ms: float, fresh_ms: float, load: Load = CALM, lost: int = 0) -> BroadcastPoint:
    """Three broadcasts of each kind, all the same; the status changes take as long as the announcements."""
    told = a_broadcast(last_ms, clients=clients, lost=lost)
    fetched = a_broadcast(last_ms, clients=clients, fresh_ms=fresh_ms)
    return BroadcastPoint(
        clients=clients,
        connect_s=0.5,
        notify=a_phase([told] * 3, load=load),
        refetch=a_phase([fetched] * 3, load=load),
        presence=a_phase([told] * 3, load=load),
        polled=Samples.of_seconds([index / 100 for index in range(301)]),
        polled_expected=301,
        list_bytes=2_000,
    )


def a_group(kind: str, *, requests: int, framed: int, wire: int, rooms: int = 10, losses: int = 0) -> BandwidthGroup:
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
    return BandwidthGroup(kind=kind, rooms=rooms, list_bytes=2_000, clients=[client] * 4, unexpected_losses=losses)


def an_idle_result(groups: Sequence[BandwidthGroup] = ()) -> BandwidthResult:
    return BandwidthResult(
        flags=[],
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
        load=Load(wall_s=60.0, server_cpu_s=0.5, generator_cpu_s=0.2),
    )


def a_reconnect_result(back_s: Sequence[float] = (5.01, 5.02), up_again_s: float = 1.0, lost: int = 0) -> Findings:
    """Clients with the fixed retry, back so long after the stop; `lost` more never came."""
    book, clients = Book(), len(back_s) + lost
    party = f"{FIXED}, SIGTERM"
    book.add_series("back and fresh", list(back_s), Where(clients), party=party)
    book.add(LISTENING, up_again_s, clients=clients, unit="s", party=party)
    if not lost:
        book.add(BACK_SHARE.format(100), max(back_s), clients=clients, unit="s", party=party)
    return book.result("reconnect", ())


def a_swarm_result() -> SwarmResult:
    row = {"type": "GET", "name": "/api/rooms", "count": 3, "failures": 0, "p50_ms": 1.0, "p90_ms": 2.0, "p99_ms": 3.0,
           "max_ms": 4.0}  # fmt: skip
    series = {"name": "time to fresh, by push", "count": 2, "p50_ms": 1.0, "p90_ms": 2.0, "p99_ms": 2.0, "max_ms": 2.0}
    return SwarmResult(
        flags=[],
        command=["locust", "--headless"],
        exit_code=0,
        swarm={"duration_s": 5.0, "requests": [row], "series": [series], "events": {"rooms made": 1}},
        load=Load(wall_s=5.0, server_cpu_s=0.1, generator_cpu_s=0.5),
    )


def a_run(
    *,
    broadcast: BroadcastResult | None = None,
    bandwidth: BandwidthResult | None = None,
    reconnect: Findings | None = None,
    swarm: SwarmResult | None = None,
) -> Run:
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
        broadcast=broadcast,
        bandwidth=bandwidth,
        swarm=swarm,
        findings=[reconnect] if reconnect is not None else [],
    )


def a_broadcast_result(points: Sequence[BroadcastPoint], losses: int = 0) -> BroadcastResult:
    return BroadcastResult(flags=[], points=list(points), unexpected_losses={"None": losses} if losses else {})


def a_whole_run() -> Run:
    """Good up to 500 clients, then slower; every scenario is there."""
    return a_run(
        broadcast=a_broadcast_result(
            [
                a_point(100, last_ms=4.0, fresh_ms=20.0),
                a_point(500, last_ms=9.0, fresh_ms=90.0),
                a_point(1000, last_ms=25.0, fresh_ms=1_400.0),
            ]
        ),
        bandwidth=an_idle_result(),
        reconnect=a_reconnect_result(),
        swarm=a_swarm_result(),
    )
