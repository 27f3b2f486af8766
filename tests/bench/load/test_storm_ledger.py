"""The ledger of a login storm: exact to the event, to the byte and in order."""

from __future__ import annotations

import pytest

from bench.load.changes.storm_ledger import audit_order, audit_storm, storm_events
from bench.load.sockets.sinks import Heard

EVENT_BYTES, ACCEPTED_BYTES = 78, 90


def heard(events: list[int], *, extra_bytes: int = 0, streams: list[bytes] | None = None) -> Heard:
    sizes = [ACCEPTED_BYTES + count * EVENT_BYTES for count in events]
    sizes[0] += extra_bytes
    return Heard(
        events=events,
        received_bytes=sizes,
        accepted_s=[1.0] * len(events),
        last_event_s=2.0,
        lost=0,
        streams=streams or [],
        stamps=[],
    )


def audit(what: Heard, clients: int) -> list[str]:
    return audit_storm(what, clients=clients, event_bytes=EVENT_BYTES, accepted_bytes=ACCEPTED_BYTES)


def stream(*users: int) -> bytes:
    return b"".join(b'\x81\x4c{"type":"user_online","data":{"user_id":%d,"username":"x"}}' % user for user in users)


def test_storm_of_the_issue_is_ten_to_the_eighth_events() -> None:
    assert storm_events(1) == 1
    assert storm_events(10_000) == 50_005_000
    assert storm_events(14_142) == pytest.approx(1e8, rel=1e-4)


def test_exact_storm_has_no_fault_whatever_the_order_of_acceptance() -> None:
    assert audit(heard([3, 1, 4, 2]), 4) == []


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([4, 3, 2, 0], "9 events instead of 10"),
        ([4, 3, 3, 1], "11 events instead of 10"),
        ([4, 4, 1, 1], "order of acceptance"),
    ],
)
def test_lost_doubled_or_misplaced_event_is_found(events: list[int], words: str) -> None:
    assert any(words in fault for fault in audit(heard(events), 4))


def test_stream_with_a_torn_frame_is_found() -> None:
    assert any("whole frames" in fault for fault in audit(heard([2, 1], extra_bytes=5), 2))


def test_streams_must_be_ends_of_one_sequence() -> None:
    assert audit_order([stream(3), stream(1, 2, 3), stream(2, 3)]) == []
    assert audit_order([stream(1, 2, 3), stream(3, 2)]) == ["two clients heard of users in different orders"]
    assert audit_order([stream(1, 2, 1)]) == ["a client heard of a user twice"]
