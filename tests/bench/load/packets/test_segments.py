"""Segments of captured packets, and one direction put in order."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.load.packets.segments import SYN, Ordered, read_segment
from tests.bench.load.packets.dialogue import CLIENT, PORT, SERVER, packet, stamp

TEXT = bytes(range(256)) * 3


def test_packet_of_a_client_is_a_segment_with_its_time() -> None:
    segment = read_segment(stamp(1_700_000_000.25), packet(CLIENT, 999, SERVER, PORT, 7, b"abc", 0x18), PORT)
    assert segment is not None
    assert (segment.is_up, segment.sequence, segment.is_syn, segment.payload) == (True, 7, False, b"abc")
    assert segment.at_s == pytest.approx(1_700_000_000.25, abs=1e-6)


def test_both_directions_name_the_same_client() -> None:
    up = read_segment(stamp(1.0), packet(CLIENT, 999, SERVER, PORT, 7, b"a", 0x18), PORT)
    down = read_segment(stamp(1.0), packet(SERVER, PORT, CLIENT, 999, 7, b"a", 0x18), PORT)
    assert up is not None
    assert down is not None
    assert (up.client, up.is_up, down.is_up) == (down.client, True, False)


def test_syn_takes_a_sequence_number_of_its_own() -> None:
    segment = read_segment(stamp(1.0), packet(CLIENT, 999, SERVER, PORT, (1 << 32) - 1, b"", SYN), PORT)
    assert segment is not None
    assert (segment.is_syn, segment.sequence) == (True, 0)


@pytest.mark.parametrize(
    "raw",
    [
        packet(CLIENT, 999, SERVER, PORT + 1, 7, b"abc", 0x18),
        packet(CLIENT, 999, SERVER, PORT, 7, b"abc", 0x18)[:-1],
        b"\x60" + packet(CLIENT, 999, SERVER, PORT, 7, b"abc", 0x18)[1:],
        packet(CLIENT, 999, SERVER, PORT, 7, b"abc", 0x18)[:9]
        + b"\x11"
        + packet(CLIENT, 999, SERVER, PORT, 7, b"abc", 0x18)[10:],
    ],
    ids=["another port", "cut off", "IPv6", "UDP"],
)
def test_packet_of_anything_else_is_none(raw: bytes) -> None:
    assert read_segment(stamp(1.0), raw, PORT) is None


@given(
    st.integers(0, (1 << 32) - 1),
    st.lists(st.integers(1, len(TEXT) - 1), max_size=8, unique=True),
    st.randoms(use_true_random=False),
)
def test_bytes_come_in_order_whatever_overtakes_or_is_sent_again(first: int, cuts: list[int], chance: object) -> None:
    edges = [0, *sorted(cuts), len(TEXT)]
    pieces = [(start, TEXT[start:end]) for start, end in itertools.pairwise(edges)]
    sent = [*pieces, *pieces[: len(pieces) // 2], (0, TEXT[: edges[1]])]
    chance.shuffle(sent)  # type: ignore[attr-defined]
    ordered = Ordered(first)
    ready = b"".join(ordered.take((first + start) % (1 << 32), payload) for start, payload in sent)
    assert ready == TEXT
    assert ordered.is_whole


def test_what_overtook_waits_for_what_was_before_it() -> None:
    ordered = Ordered(100)
    assert ordered.take(103, b"def") == b""
    assert not ordered.is_whole
    assert ordered.take(100, b"abc") == b"abcdef"
    assert ordered.is_whole
