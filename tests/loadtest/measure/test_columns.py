"""The ledger's entries as arrays: which spans saw what, and which part is judged now."""

import math
from array import array

import numpy as np
import pytest

from loadtest.measure.columns import Spans, are_different, take
from loadtest.measure.judging.entries import Pending
from loadtest.measure.ledger import SEES_PRESENCE, SEES_ROOMS, Ledger
from loadtest.wire.state import APART_S


class Clock:
    now_s = 10.0

    def __call__(self) -> float:
        return self.now_s


def ledger_with_spans(*spans: tuple[float, float]) -> Ledger:
    clock = Clock()
    ledger = Ledger(clock=clock)
    for user_id, (from_s, until_s) in enumerate(spans, start=1):
        clock.now_s = from_s
        span = ledger.open_span(user_id, handshake_s=0.0, accepted_s=None, sees=SEES_ROOMS)
        if until_s < math.inf:
            clock.now_s = until_s
            ledger.close_span(span, user_id, left_s=None, is_silent=False)
    return ledger


def test_a_span_that_is_open_has_stayed_until_now_and_no_longer():
    spans = Spans(ledger_with_spans((10.0, math.inf), (11.0, 12.0)), now_s=20.0, since_s=0.0)
    assert spans.stayed(10.5, 20.0).tolist() == [True, False]
    assert spans.stayed(10.5, 20.1).tolist() == [False, False]
    assert spans.is_open_at(11.5).tolist() == [True, True]
    assert spans.sees(SEES_ROOMS).tolist() == [True, True]
    assert spans.sees(SEES_PRESENCE).tolist() == [False, False]


@pytest.mark.parametrize(("since_s", "numbers"), [(0.0, [0, 1, 2, 3]), (5.0, [0, 1, 3]), (30.0, [])])
def test_places_are_those_of_the_spans_that_are_there_with_and_without_a_gap(since_s: float, numbers: list[int]):
    open_end = math.inf if numbers else 20.0
    ledger = ledger_with_spans((1.0, open_end), (2.0, open_end), (3.0, 4.0), (5.0, open_end))
    spans = Spans(ledger, now_s=30.0, since_s=since_s)
    assert spans.numbers.tolist() == numbers
    places, are_there = spans.places(np.array([3, 2, 1, 0, 3, 4, 7]))
    assert are_there.tolist() == [number in numbers for number in (3, 2, 1, 0, 3, 4, 7)]
    assert spans.numbers[places[are_there]].tolist() == [number for number in (3, 2, 1, 0, 3) if number in numbers]
    assert ((places >= 0) & (places < max(1, len(numbers)))).all(), "they may be used before they are looked at"


def test_spans_that_ended_before_are_left_out_of_the_masks_and_still_asked_for_by_number():
    spans = Spans(ledger_with_spans((1.0, 2.0), (3.0, math.inf)), now_s=20.0, since_s=5.0)
    assert spans.numbers.tolist() == [1]
    places, are_there = spans.places(spans.numbers[[0, 0]] - [0, 1])
    assert are_there.tolist() == [True, False]
    assert places[0] == 0
    assert spans.have_stayed(spans.numbers - 1, 1.0, 2.0).tolist() == [True]


def test_entries_are_taken_up_to_the_horizon_and_the_rest_stays():
    pending = Pending.empty()
    for user, span, time_s in ((2, 0, 1.0), (3, -1, 2.0), (4, 1, 3.0)):
        pending.receipt_users.append(user)
        pending.receipt_spans.append(span)
        pending.receipt_times_s.append(time_s)
    taken = take(pending, 2.5)
    assert (taken.receipt_users.tolist(), taken.receipt_times_s.tolist()) == ([2], [1.0]), "span -1: not accepted yet"
    assert pending.receipt_users.tolist() == [4]


def test_reads_are_taken_apart_when_they_are_due_and_the_others_wait():
    ledger = Ledger()
    watch = ledger.watch()
    watch.accepted(1, handshake_s=0.0)
    first, second = array("q", [4, 7, 9]).tobytes(), array("q", [11]).tobytes()
    for events, heard_s in ((first, 1.0), (second, 9.0), (first, 2.0), (second, 9.5)):
        watch.presence_many(events, heard_s)
    watch.presence(20, True, 1.5)
    taken = take(ledger.pending, 2.5)
    assert sorted(taken.receipt_users.tolist()) == sorted([4, 7, 9, 4, 7, 9, 41])
    assert set(taken.receipt_spans.tolist()) == {0}
    by_time = dict(zip(taken.receipt_times_s.tolist(), taken.receipt_users.tolist(), strict=True))
    assert [by_time[time_s] for time_s in sorted(by_time)] == [4, 7, 9, 41, 4, 7, 9], "in the order of arrival"
    assert len(ledger.pending.reads) == 1
    assert take(ledger.pending, 20.0).receipt_users.tolist() == [11, 11]
    assert take(ledger.pending, 20.0).receipt_users.tolist() == []


def test_what_came_in_one_read_beyond_the_horizon_waits():
    pending = Pending.empty()
    pending.reads.append(array("q", [1, 2, 3]).tobytes())
    pending.read_spans.append(0)
    pending.read_times_s.append(1.0)
    assert take(pending, 1.0 + 2.5 * APART_S).receipt_users.tolist() == [1, 2]
    assert take(pending, 2.0).receipt_users.tolist() == [3]


@pytest.mark.parametrize(("numbers", "are"), [([], True), ([7], True), ([9, -2, 4], True), ([9, 4, 9], False)])
def test_numbers_are_different_where_none_is_there_twice(numbers: list[int], are: bool):
    assert are_different(np.array(numbers, dtype=np.int64)) is are
