"""Properties of the accounts: whatever comes in whatever order, nobody is counted twice or forgotten."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.load.changes.ledger import (
    Entry,
    Log,
    Receipts,
    account,
    account_by_number,
    account_states,
    after_newer,
    total,
)
from bench.load.clients.crowd import Recording
from bench.record.findings import Stretch
from bench.record.wire import HEADER_BYTES, MSS_BYTES, ByteCount, exchange_wire_bytes, one_way_wire_bytes, segments
from bench.scenarios.broadcast import _with_busy

CLIENTS = 6

receipts_of = st.lists(
    st.tuples(st.integers(0, CLIENTS - 1), st.floats(min_value=0.0, max_value=4.0), st.integers(0, 3)), max_size=40
)


def receipts(found: list[tuple[int, float, int]]) -> Receipts:
    log = Log()
    for client, stamp_s, what in sorted(found, key=lambda each: each[1]):
        log.add(client, stamp_s, what)
    return log.receipts()


@given(receipts_of)
def test_every_client_is_received_or_lost_in_every_account(found: list[tuple[int, float, int]]) -> None:
    came = receipts(found)
    intended_s = [0.0, 1.0, 2.0, 3.0]
    for entries in (
        account(came, intended_s=intended_s, sent_s=intended_s, expected=CLIENTS),
        account_by_number(came, intended_s=intended_s, expected=CLIENTS),
        account_states(came, intended_s=intended_s, expected=CLIENTS),
    ):
        for entry in entries:
            assert len(entry.latencies_s) + entry.lost == CLIENTS
            assert sum(entry.lost_by.values()) == entry.lost
            assert entry.twice >= 0
        whole = total(entries)
        assert (whole.expected, whole.received) == (
            CLIENTS * len(entries), sum(len(entry.latencies_s) for entry in entries)
        )  # fmt: skip


@given(receipts_of)
def test_receipts_by_number_are_firsts_and_doubles_together(found: list[tuple[int, float, int]]) -> None:
    entries = account_by_number(receipts(found), intended_s=[0.0] * 4, expected=CLIENTS)
    for number, entry in enumerate(entries):
        assert len(entry.latencies_s) + entry.twice == sum(what == number for _, _, what in found)


@given(receipts_of)
def test_newer_state_makes_a_client_fresh_for_older_changes(found: list[tuple[int, float, int]]) -> None:
    lost = [entry.lost for entry in account_states(receipts(found), intended_s=[0.0] * 4, expected=CLIENTS)]
    assert lost == sorted(lost)


@given(receipts_of)
def test_first_receipt_of_a_client_is_never_out_of_order(found: list[tuple[int, float, int]]) -> None:
    came = receipts(found)
    behind = after_newer(came)
    seen: set[int] = set()
    for position, client in enumerate(came.client.tolist()):
        assert client in seen or not behind[position]
        seen.add(client)


def test_account_of_nothing_has_lost_everybody() -> None:
    [entry] = account_by_number(receipts([]), intended_s=[0.0], expected=CLIENTS)
    assert (entry.lost, entry.lost_by) == (CLIENTS, {"never": CLIENTS})


# -- bytes ---------------------------------------------------------------------------------------------------------

sizes = st.integers(min_value=0, max_value=10 * MSS_BYTES)


@given(sizes)
def test_segments_carry_all_and_not_one_is_empty(payload_bytes: int) -> None:
    number = segments(payload_bytes)
    assert number * MSS_BYTES >= payload_bytes
    assert (number - 1) * MSS_BYTES < payload_bytes or number == 0


@given(sizes, sizes)
def test_answer_costs_at_most_one_header_less_than_two_messages(request: int, response: int) -> None:
    apart = one_way_wire_bytes(request) + one_way_wire_bytes(response)
    assert apart - HEADER_BYTES <= exchange_wire_bytes(request, response) <= apart


counts = st.builds(ByteCount, **{each.name: st.integers(0, 10**6) for each in fields(ByteCount)})


@given(counts, counts)
def test_what_was_added_is_what_is_more(one: ByteCount, other: ByteCount) -> None:
    whole = ByteCount()
    whole.add(one)
    whole.add(other)
    assert whole.since(one) == other


# -- the generator while it mattered -------------------------------------------------------------------------------


def test_busy_is_from_each_intended_time_to_its_last_receipt() -> None:
    """The generator uses a fifth of its core all the while; two broadcasts take 0.5 s and 1.5 s."""
    nothing = receipts([])
    marks_s = np.arange(0.0, 10.1, 0.5)
    recording = Recording(nothing, nothing, nothing, frozenset(), marks_s, marks_s * 0.2)
    entries = [Entry(np.array([0.1, 0.5]), 0, 0), Entry(np.array([1.5]), 0, 0)]
    stretch = Stretch(wall_s=10.0, server_cpu_s=1.0, generator_cpu_s=2.0)
    found = _with_busy(stretch, recording, [1.0, 4.0], entries)
    assert found.busy_wall_s == pytest.approx(2.0)
    assert found.busy_generator_cpu_s == pytest.approx(0.4)
    assert found.generator_share == pytest.approx(0.2)


def test_fetches_make_a_broadcast_last_until_the_last_list() -> None:
    nothing = receipts([])
    marks_s = np.arange(0.0, 10.1, 0.5)
    recording = Recording(nothing, nothing, nothing, frozenset(), marks_s, marks_s)
    announced, fetched = Entry(np.array([0.5]), 0, 0), Entry(np.array([2.0]), 0, 0)
    stretch = Stretch(wall_s=10.0, server_cpu_s=1.0, generator_cpu_s=2.0)
    assert _with_busy(stretch, recording, [1.0], [announced, fetched]).busy_wall_s == pytest.approx(2.0)


def test_broadcast_that_nobody_heard_keeps_the_generator_busy_for_no_time() -> None:
    nothing = receipts([])
    recording = Recording(nothing, nothing, nothing, frozenset(), np.zeros(1), np.zeros(1))
    stretch = Stretch(wall_s=10.0, server_cpu_s=1.0, generator_cpu_s=2.0)
    assert _with_busy(stretch, recording, [1.0], [Entry(np.empty(0), 3, 0)]).busy_wall_s == 0.0
