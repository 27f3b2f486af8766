"""A storm within a window of disturbance is kept read by read, and judged in parts."""

from __future__ import annotations

import math
from array import array

import numpy as np
import pytest

from loadtest.measure import reach as reach_module
from loadtest.measure.disturbed.told import LastTold, SpanSet, Told
from loadtest.measure.disturbed.views import Views
from loadtest.measure.ledger import Ledger
from loadtest.measure.presence.transitions import Transitions
from loadtest.measure.reach import FORGET_EVERY_S, REMEMBER_S, Reach, ReachTally
from loadtest.wire.messages.tape import Reel, Stretches

SETTLE_S = 0.5
PLAYERS = 40


def ints(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(numbers, dtype=np.int64)


# -- what is kept -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("numbers", [(), (7,), (3, 4, 5, 9), tuple(range(100, 300)), (5, 1_000_000), (0, 31, 64, 65)])
def test_set_of_spans_has_what_was_put_into_it_and_nothing_else(numbers: tuple[int, ...]):
    kept = SpanSet(ints(*numbers))
    asked = ints(*sorted({0, 1, 2, *numbers, *(number + 1 for number in numbers), 2_000_000}))
    assert asked[kept.have(asked)].tolist() == list(numbers)


def test_set_of_many_spans_takes_a_bit_for_each_and_one_of_few_that_are_far_apart_four_bytes():
    assert SpanSet(np.arange(1000, 9000)).size_bytes == 1000
    assert SpanSet(ints(5, 1_000_000)).size_bytes == 8


def test_what_was_told_of_a_user_is_in_the_order_of_the_observers_and_of_time_wherever_it_was_kept():
    told, reel = Told(), Reel()
    reel.events.extend([2, 3, 4])
    on_tape = Ledger(clock=lambda: 0.0).taped
    on_tape.add(Stretches(reel, [(0, 3)]), 8, 10.0)
    on_tape.set_aside(5.0, 11.0, told.taped)
    told.add(ints(3, 4), ints(8, 7), np.array([9.0, 9.5]))
    told.add(ints(2), ints(7), np.array([9.9]))
    of = dict(told.of([1, 2, 3], 0.0, 20.0))
    assert sorted(of) == [1, 2]
    assert list(zip(of[1].at.tolist(), of[1].kinds.tolist(), of[1].times_s.round(3).tolist(), strict=True)) == [
        (7, 0, 9.9), (8, 1, 9.0), (8, 0, 10.0), (8, 1, 10.0)
    ]  # fmt: skip
    assert of[1].last().kinds.tolist() == [0, 1]
    assert sorted(of[2].at.tolist()) == [7, 8], "online is of the same user as offline"
    assert told.users().tolist() == [1, 2]
    assert [user_id for user_id, _ in told.of([1, 2], 9.6, 9.95)] == [1]
    told.forget(9.7)
    assert dict(told.of([1], 0.0, 9.9))[1].at.tolist() == [7]
    told.forget(11.0)
    assert not told.taped
    assert told.users().tolist() == []


def test_user_of_whom_nothing_is_kept_was_told_to_nobody():
    offline, online = LastTold(1.0).of(5, ints(1, 2))
    assert not offline.any()
    assert not online.any()


def test_a_read_of_which_something_was_given_out_or_that_is_not_within_stays():
    reel = Reel()
    reel.events.extend([2, 4])
    taped, aside = Ledger(clock=lambda: 0.0).taped, Ledger(clock=lambda: 0.0).taped
    for span, heard_s in enumerate((10.0, 11.0, 12.0, 13.0)):
        taped.add(Stretches(reel, [(0, 2)]), span, heard_s)
    assert [at.tolist() for _, at, _ in taped.take([4], 11.5)] == [[0, 1]]
    assert taped.set_aside(10.5, 12.5, aside) == 2
    assert (len(taped), len(aside)) == (3, 1)
    assert [(users.tolist(), at.tolist()) for users, at, _ in aside.heard([2, 4], 0.0, 20.0)] == [
        ([2], [2]),
        ([4], [2]),
    ]
    assert sorted((int(users[0]), at.tolist()) for users, at, _ in taped.take([2, 4], 14.0)) == [
        (2, [0, 1, 3]),
        (4, [3]),
    ]


# -- how it is judged ---------------------------------------------------------------------------------------------


class Storm:
    """All come within a window, and each is told of all the others in one read, on one tape or one by one."""

    def __init__(self, *, is_taped: bool, leaves_out: frozenset[tuple[int, int]] = frozenset()) -> None:
        self.now_s = 1000.0
        self.ledger = Ledger(clock=lambda: self.now_s)
        self.reach = Reach(self.ledger, settle_s=SETTLE_S)
        self.is_taped = is_taped
        self.ledger.disturbances.tell(self.now_s, self.now_s + 4.0)
        self.reel = Reel()
        self.now_s += 2 * SETTLE_S
        self.watches = [self.ledger.watch() for _ in range(PLAYERS)]
        for user_id, watch in enumerate(self.watches):
            watch.accepted(user_id, handshake_s=0.0)
        self.now_s += 0.1
        self.tell(range(PLAYERS), leaves_out=leaves_out)

    def tell(self, users: range, *, leaves_out: frozenset[tuple[int, int]] = frozenset()) -> None:
        begin = len(self.reel.events)
        self.reel.events.extend(user_id * 2 + 1 for user_id in users)
        for own, watch in enumerate(self.watches):
            cuts = sorted(
                {place for place, user_id in enumerate(users) if user_id == own or (own, user_id) in leaves_out}
            )
            bounds = list(zip([0, *(cut + 1 for cut in cuts)], [*cuts, len(users)], strict=True))
            stretches = Stretches(self.reel, [(begin + first, begin + end) for first, end in bounds if first < end])
            heard = stretches if self.is_taped else array("q", stretches.to_bytes()).tobytes()
            watch.presence_many(heard, self.now_s)

    def settle(self) -> int:
        """In how many calls."""
        self.reach.settle(self.now_s)
        calls = 1
        while self.reach.is_behind:
            self.reach.settle(self.now_s)
            calls += 1
        return calls

    def wait(self, seconds: float) -> int:
        self.now_s += seconds
        return self.settle()


@pytest.mark.parametrize("pairs_at_once", [3 * PLAYERS, 10**9])
@pytest.mark.parametrize("is_taped", [False, True])
def test_who_comes_in_a_window_is_nobody_over_it_who_has_to_hear(
    pairs_at_once: int, is_taped: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reach_module, "PAIRS_AT_ONCE", pairs_at_once)
    storm = Storm(is_taped=is_taped, leaves_out=frozenset({(3, 7), (3, 8), (39, 0)}))
    storm.wait(4.0 + 4 * SETTLE_S)
    presence = storm.reach.presence
    # who comes in a window was not there when it began, so is nobody's observer over it
    assert (presence.expected, presence.lost, presence.excused) == (0, 0, PLAYERS)
    assert (presence.duplicates, presence.unexpected) == (0, 0)


class Newcomers(Storm):
    """They were there before the window, and are told of newcomers in it."""

    def __init__(self, *, is_taped: bool, leaves_out: frozenset[tuple[int, int]] = frozenset()) -> None:
        super().__init__(is_taped=is_taped)
        self.wait(60.0)
        self.reach.presence = ReachTally()
        self.ledger.disturbances.tell(self.now_s, self.now_s + 4.0)
        self.now_s += 2 * SETTLE_S
        self.newcomers = range(100, 100 + PLAYERS)
        for user_id in self.newcomers:
            self.ledger.watch().accepted(user_id, handshake_s=0.0)
        self.now_s += 0.1
        self.tell(self.newcomers, leaves_out=leaves_out)


@pytest.mark.parametrize("is_taped", [False, True])
def test_what_a_window_left_untold_is_lost_and_what_it_told_twice_a_duplicate(
    is_taped: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reach_module, "PAIRS_AT_ONCE", 3 * PLAYERS)
    storm = Newcomers(is_taped=is_taped, leaves_out=frozenset({(3, 107), (3, 108), (39, 100)}))
    storm.tell(range(110, 112))
    assert storm.wait(4.0 + 4 * SETTLE_S) > 20, "it is judged in parts"
    presence = storm.reach.presence
    assert (presence.expected, presence.lost, presence.duplicates) == (PLAYERS * PLAYERS, 3, 2 * PLAYERS)
    assert not storm.ledger.taped
    assert storm.reach.presence.booked == PLAYERS * PLAYERS - 3 + 2 * PLAYERS


def test_reads_within_a_window_are_not_taken_apart(monkeypatch: pytest.MonkeyPatch):
    one_by_one: list[int] = []
    take = Views.take

    def count(self: Views, users: object, at: object, times_s: object) -> object:
        one_by_one.append(len(times_s))  # type: ignore[arg-type]
        return take(self, users, at, times_s)  # type: ignore[arg-type]

    monkeypatch.setattr(Views, "take", count)
    storm = Newcomers(is_taped=True)
    storm.wait(4.0 + 4 * SETTLE_S)
    assert storm.reach.presence.received == PLAYERS * PLAYERS
    assert sum(one_by_one) == 0


def test_who_was_told_on_a_tape_in_a_window_is_told_again_when_it_comes_once_more_behind_it():
    storm = Newcomers(is_taped=True, leaves_out=frozenset({(5, 120)}))
    storm.wait(4.0 + 4 * SETTLE_S)
    storm.reach.presence = ReachTally()
    storm.tell(range(120, 121))
    storm.wait(3 * SETTLE_S)
    assert storm.reach.presence.duplicates == PLAYERS - 1, "all but the one that had not been told"


def test_once_a_fault_is_long_over_reads_stay_whole_until_what_they_tell_of_is_due(monkeypatch: pytest.MonkeyPatch):
    storm = Newcomers(is_taped=True)
    storm.wait(4.0 + 4 * SETTLE_S)
    storm.wait(REMEMBER_S + FORGET_EVERY_S)
    storm.wait(FORGET_EVERY_S + 1.0)
    looked_at: list[int] = []
    announced = Transitions.announced

    def count(self: Transitions, users: object, times_s: object) -> object:
        looked_at.append(len(times_s))  # type: ignore[arg-type]
        return announced(self, users, times_s)  # type: ignore[arg-type]

    monkeypatch.setattr(Transitions, "announced", count)
    storm.reach.presence = ReachTally()
    for user_id in range(200, 210):
        storm.ledger.watch().accepted(user_id, handshake_s=0.0)
    storm.now_s += 0.1
    storm.tell(range(200, 210))
    storm.wait(3 * SETTLE_S)
    assert storm.reach.presence.received == 10 * PLAYERS
    assert sum(looked_at) == 0


def test_last_judging_of_a_run_leaves_no_window_behind(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reach_module, "PAIRS_AT_ONCE", 3 * PLAYERS)
    storm = Newcomers(is_taped=True, leaves_out=frozenset({(3, 107)}))
    storm.ledger.disturbances.tell(storm.now_s + 10.0, storm.now_s + 12.0)
    storm.now_s += 20 * SETTLE_S
    storm.reach.settle(storm.now_s)
    assert storm.reach.is_behind, "one window is judged by half"
    storm.now_s += 2.0
    storm.reach.settle(storm.now_s, is_final=True)
    assert not storm.reach.is_behind
    assert storm.reach.presence.lost == 1
    assert storm.reach.presence.expected == PLAYERS * PLAYERS
    assert math.isinf(storm.reach._views.oldest_s)
