"""What a client of each of the six ways costs in bytes by formula, and a swarm whose players did it all, for
`tests.bench.modelled`.

Bytes are whole numbers per window, the same for every client and without noise: where two ways cost the same, and what
the first table says, can be computed by hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from msgspec.structs import replace
from scipy.optimize import brentq

from bench.record.book import Book
from bench.record.findings import Findings, Stretch, Swarm
from bench.record.profiles.sizes import BandwidthSizes
from bench.record.traffic import ClientBytes, TrafficGroup
from bench.record.vocabulary import ANNOUNCEMENTS_SENT, MATCH_INVITATIONS_SENT
from tests.bench.runs import an_idle_result

POLL_S, WINDOW_S = 3.0, 60.0
POLLS, HEARTBEATS = 20, 2
"""Per client in the window."""
HEARTBEAT_BYTES, EVENT_BYTES, REV_BYTES, DELTA_BYTES, UNCHANGED_BYTES = 232, 150, 170, 300, 400
LIST_BYTES = {10: 2_000, 50: 10_000}
GZIP = 4
"""A compressed list is a quarter of it."""

SIZES = BandwidthSizes(
    rooms=list(LIST_BYTES), clients=4, window_s=WINDOW_S, poll_s=POLL_S, heartbeat_s=30.0, time_scale=1.0,
    changes_per_s=[0.0, 0.1, 1.0, 10.0],
)  # fmt: skip


def _polled(changes: float, list_bytes: int) -> float:
    """With ETag: at most one list per poll."""
    changed = min(changes, POLLS)
    return changed * list_bytes + (POLLS - changed) * UNCHANGED_BYTES


def _pushed(changes: float, per_change: int) -> float:
    return HEARTBEATS * HEARTBEAT_BYTES + changes * per_change


BYTES: dict[str, Callable[[float, int], float]] = {
    "polling": lambda changes, list_bytes: POLLS * list_bytes,
    "polling_etag": _polled,
    "polling_gzip": lambda changes, list_bytes: _polled(changes, list_bytes // GZIP),
    "push": lambda changes, list_bytes: _pushed(changes, EVENT_BYTES + list_bytes),
    "rev": lambda changes, list_bytes: _pushed(changes, REV_BYTES + list_bytes),
    "delta": lambda changes, list_bytes: _pushed(changes, DELTA_BYTES),
}
"""With TCP/IP, of one client in the window, by changes in it and bytes of the list."""

STRETCH = Stretch(wall_s=WINDOW_S, server_cpu_s=0.5, generator_cpu_s=0.2)

PLAYED = {
    "connections established": 40, "received user_online": 390, "invitations sent": 9, "received party_invite": 9,
    "lines said": 30, "received chat_message": 90, "sent join_room": 25, "received rooms_changed": 800,
    "received match_invite": 6, "received announcement": 40,
}  # fmt: skip
P50_MS = {"fanout_presence": 3.5, "invitation": 4.5, "chat": 5.5, "fanout_rooms": 6.5}
DONE_BY_THE_LAB = {MATCH_INVITATIONS_SENT: 6.0, ANNOUNCEMENTS_SENT: 1.0}


def per_hour(way: str, rooms: int, changes_per_s: float) -> float:
    """Bytes of a client."""
    return BYTES[way](round(changes_per_s * WINDOW_S), LIST_BYTES[rooms]) * 3_600 / WINDOW_S


def bandwidth() -> Findings:
    """Of all ways, lists and rates; sizes of messages and handshakes are those of `tests.bench.runs`."""
    groups = [_group(way, rooms, rate) for rooms in SIZES.rooms for rate in SIZES.changes_per_s for way in BYTES]
    found = an_idle_result(groups)
    assert found.traffic is not None
    connects = [replace(found.traffic.connects[0], upgrade_request_bytes=150 + step) for step in (0, 20, 10)]
    return replace(found, traffic=replace(found.traffic, connects=connects))


def _group(way: str, rooms: int, rate: float) -> TrafficGroup:
    changes = round(rate * WINDOW_S)
    wire = round(BYTES[way](changes, LIST_BYTES[rooms]))
    polls = way.startswith("polling")
    framed = wire - 52 * 3 * (POLLS if polls else HEARTBEATS)
    client = ClientBytes(
        requests=POLLS if polls else HEARTBEATS + (changes if way in ("push", "rev") else 0),
        events=0 if polls else changes,
        message_bytes=framed // 2,
        framed_up_bytes=framed // 4,
        framed_down_bytes=framed - framed // 4,
        wire_bytes=wire,
        kernel_sent_bytes=framed // 4,
        kernel_received_bytes=framed - framed // 4,
        kernel_segments=6,
    )
    return TrafficGroup(
        kind=way, rooms=rooms, list_bytes=LIST_BYTES[rooms], clients=[client] * SIZES.clients, unexpected_losses=0,
        changes_per_s=rate, changes=changes,
    )  # fmt: skip


def swarm() -> Findings:
    """Everything that was done was heard, and three lost connections came back."""
    row = {"type": "GET", "name": "/api/rooms", "count": 3, "failures": 0, "p50_ms": 1.0, "p90_ms": 2.0, "p99_ms": 3.0,
           "max_ms": 4.0}  # fmt: skip
    document = {
        "duration_s": 5.0,
        "requests": [row],
        "series": [{"name": "time to fresh, by push", "count": 2, "p50_ms": 1.0, "p90_ms": 2.0, "p99_ms": 2.0,
                    "max_ms": 2.0}],
        "events": PLAYED,
        "counts": {"losses": 3, "gave_up": 0},
        "ledger": {"presence": {"expected": 390, "lost": 0}, "rooms": {"expected": 800, "lost": 0}},
        "metrics": [{"name": name, "count": 9, "p50_ms": p50, "p99_ms": 4 * p50}
                    for name, p50 in P50_MS.items()],
    }  # fmt: skip
    book = Book()
    for name, value in DONE_BY_THE_LAB.items():
        book.add_to_fact(name, value)
    stretch = Stretch(wall_s=5.0, server_cpu_s=0.1, generator_cpu_s=0.5)
    said = Swarm(command=["locust", "--headless"], exit_code=0, document=document)
    book.add_swarm(said, users=10, stretch=stretch, in_one_window=True)
    return book.result("swarm", ())


def crossover_per_s(own: str, rival: str, rooms: int) -> float:
    """By the formulas, between the two measured rates that have it between them; NaN where none have."""

    def apart(rate: float) -> float:
        changes = rate * WINDOW_S
        return BYTES[own](changes, LIST_BYTES[rooms]) - BYTES[rival](changes, LIST_BYTES[rooms])

    for low, high in pairwise(SIZES.changes_per_s):
        if apart(low) < 0 <= apart(high):
            return float(brentq(apart, low, high))
    return math.nan
