"""The ledger and its judge on a clock of the test: what was told wrong is found, to the count."""

from __future__ import annotations

import math
import time
import tracemalloc
from array import array
from random import Random

import msgspec
import numpy as np
import pytest

from loadtest.client import Feature, ServerTimers
from loadtest.measure.ledger import SHAKING_S, Ledger, PlayerWatch
from loadtest.measure.reach import Reach, ReachTally
from loadtest.measure.series import Series

SETTLE_S = 5.0
ROUNDS = 3
"""Of which the least counts: nothing takes less than its own time."""
MOST_BARE = 12
"""Times what three appends take: some 2 µs. To write takes 1.3 times as long, to judge twice."""


class World:
    """A lobby of `size` players on a clock that only this test moves."""

    def __init__(
        self,
        size: int = 0,
        *,
        first_user: int = 1,
        features: frozenset[Feature] = frozenset(),
        timers: ServerTimers | None = None,
    ) -> None:
        self.now_s = 1000.0
        self.ledger = Ledger(clock=lambda: self.now_s, timers=timers)
        self.fan_out = {"presence": Series(), "rooms": Series(), "others": Series()}
        self.reach = Reach(
            self.ledger, settle_s=SETTLE_S, on_fan_out=lambda kind, taken_s, _: self.fan_out[kind].record_many(taken_s)
        )
        self.watches: dict[int, PlayerWatch] = {}
        for user_id in range(first_user, first_user + size):
            self.join(user_id, features=features)
            self.now_s += 0.01
        self.now_s += 60.0
        self.reach.settle(self.now_s)
        self.reach.presence = ReachTally()  # nobody announced these

    def join(self, user_id: int, *, features: frozenset[Feature] = frozenset(), handshake_s: float = 0.002) -> None:
        self.watches.setdefault(user_id, self.ledger.watch()).accepted(
            user_id, handshake_s=handshake_s, features=features
        )

    def leave(self, user_id: int, *, is_abrupt: bool = False, is_silent: bool = False) -> None:
        self.watches[user_id].leaving(is_abrupt=is_abrupt, is_silent=is_silent)
        self.watches[user_id].lost()

    def tell(self, user_id: int, is_online: bool, *, skip: frozenset[int] = frozenset(), times: int = 1) -> None:
        for observer, watch in self.watches.items():
            if observer != user_id and observer not in skip:
                for _ in range(times):
                    watch.presence(user_id, is_online)

    def change(self, *, takes_s: float = 0.001) -> None:
        self.ledger.change(intended_s=self.now_s, sent_s=self.now_s, answered_s=self.now_s + takes_s)

    def wait(self, seconds: float = 2 * SETTLE_S + 0.1) -> None:
        self.now_s += seconds
        self.reach.settle(self.now_s)


def test_a_known_delay_is_the_fan_out_and_everybody_is_reached():
    world = World(20)
    for user_id in (101, 102, 103):
        world.join(user_id)
        world.now_s += 0.048
        world.tell(user_id, True)
        world.wait()
    presence = world.reach.presence
    assert presence.expected == presence.received == 20 + 21 + 22
    assert presence.reach == 1.0
    assert world.fan_out["presence"].percentile_us(50) == pytest.approx(50_000, rel=1e-3)
    assert (presence.duplicates, presence.out_of_order, presence.unexpected, presence.strangers) == (0, 0, 0, 0)


def test_every_kth_event_dropped_is_lost_to_the_count():
    world = World(50)
    told = dropped = 0
    for user_id in range(100, 120):
        world.join(user_id)
        for observer in range(1, 51):
            told += 1
            if told % 7:
                world.watches[observer].presence(user_id, True)
            else:
                dropped += 1
        for other in range(100, user_id):
            world.watches[other].presence(user_id, True)
        world.wait(1)
    world.wait()
    assert world.reach.presence.lost == dropped == 1000 // 7
    assert world.reach.presence.expected == 1000 + sum(range(20))


def test_duplicates_are_counted_at_once_and_when_they_come_much_later():
    world = World(10)
    world.join(50)
    world.tell(50, True, times=2)
    world.wait()
    assert world.reach.presence.duplicates == 10
    world.tell(50, True)
    world.wait()
    assert world.reach.presence.duplicates == 20
    assert world.reach.presence.reach == 1.0


def test_what_comes_twice_after_the_settling_time_is_late_once_and_told_twice():
    world = World(10)
    world.join(50)
    world.wait()
    world.tell(50, True, times=2)
    world.wait()
    presence = world.reach.presence
    assert (presence.lost, presence.late, presence.duplicates) == (10, 10, 10)


def test_what_comes_after_the_settling_time_is_lost_and_late():
    world = World(10)
    world.join(50)
    world.wait(2 * SETTLE_S + 3)
    world.tell(50, True)
    world.wait()
    presence = world.reach.presence
    assert (presence.lost, presence.late, presence.duplicates) == (10, 10, 0)


def test_online_and_offline_in_the_wrong_order_are_out_of_order():
    world = World(10)
    world.join(50)
    world.now_s += 0.2
    world.leave(50)
    world.now_s += 0.2
    world.tell(50, False)
    world.now_s += 0.001
    world.tell(50, True)
    world.wait()
    presence = world.reach.presence
    assert presence.out_of_order == 10
    assert (presence.lost, presence.duplicates) == (0, 0)


def test_an_observer_that_comes_or_goes_meanwhile_is_not_expected_to_hear():
    world = World(3)
    world.join(50)
    world.join(60)  # accepted after the transition began, as 50 after that of 60: they may hear of one another or not
    world.leave(3)
    world.tell(50, True, skip=frozenset({60, 3}))
    world.tell(60, True, skip=frozenset({3}))
    world.tell(3, False, skip=frozenset({3}))
    world.wait()
    presence = world.reach.presence
    assert presence.expected == presence.received == 2 + 2 + 4
    assert presence.unexpected == 0


def test_the_end_of_a_run_expects_nothing_that_was_in_flight():
    world = World(10)
    world.join(50)
    world.tell(50, True, skip=frozenset(range(5)))
    world.now_s += 1
    for user_id in list(world.watches):
        world.leave(user_id)
    world.reach.settle(world.now_s, is_final=True)
    assert world.reach.presence.expected == 0
    assert world.reach.presence.duplicates == world.reach.presence.unexpected == 0


def test_announcements_that_nothing_explains_and_strangers_are_told_apart():
    world = World(4)
    world.watches[1].presence(2, False)
    world.watches[1].presence(999, True)
    world.wait(60)
    assert world.reach.presence.unexpected == 1
    assert world.reach.presence.strangers == 1


def test_an_announcement_before_its_players_own_acceptance_waits_for_it():
    world = World(4)
    world.tell(50, True)
    world.wait(7)
    assert world.reach.presence.strangers == 0
    world.join(50, handshake_s=8.0)
    world.wait()
    assert world.reach.presence.reach == 1.0
    assert world.reach.presence.strangers == 0


@pytest.mark.parametrize(("after_s", "is_certain"), [(64.0, False), (66.0, True)])
def test_after_a_silent_loss_a_user_is_uncertain_for_as_long_as_the_server_may_hold_the_connection(
    after_s: float, is_certain: bool
):
    now_s = 1000.0
    ledger = Ledger(clock=lambda: now_s, timers=ServerTimers(heartbeat_timeout_s=20.0))
    watch = ledger.watch()
    watch.accepted(5, handshake_s=0.002)
    watch.leaving(is_silent=True)
    watch.lost()
    now_s += after_s
    watch.accepted(5, handshake_s=0.002)
    assert ledger.transitions[-1].is_certain is is_certain


def test_a_silent_loss_excuses_what_the_server_says_or_does_not_say_of_it():
    world = World(5)
    world.leave(5, is_silent=True)
    world.now_s += 3
    world.join(5)
    world.wait()
    assert world.reach.presence.expected == 0
    assert world.reach.presence.excused == 2


def test_a_handshake_slower_than_the_settling_time_is_awaited_for_what_others_heard_of_it():
    world = World(10)
    world.join(101)
    world.tell(101, True)
    world.wait()
    world.leave(101)
    world.tell(101, False)
    world.wait()
    returning = world.watches.pop(101)
    returning.shaking(world.now_s)
    world.now_s += 0.01
    world.tell(101, True)
    for _ in range(30):
        world.wait(0.5)
    returning.accepted(101, handshake_s=15.01)
    world.wait()
    presence = world.reach.presence
    assert (presence.duplicates, presence.unexpected, presence.out_of_order, presence.late) == (0, 0, 0, 0)
    assert (presence.events, presence.lost, presence.received) == (3, 0, 30)


def test_another_process_hears_of_a_slow_handshake_before_it_judges():
    world = World(3)
    watch = world.ledger.watch()
    watch.shaking(world.now_s)
    sent_s = world.now_s
    world.now_s += 20.0
    assert world.ledger.take_entries()["until_s"] == sent_s
    world.now_s += 20.0
    assert world.ledger.take_entries()["until_s"] == world.now_s - SHAKING_S, "nobody waits so long"
    watch.lost()
    facts = world.ledger.take_entries()
    assert facts["until_s"] == facts["now_s"] == world.now_s


def test_who_left_before_the_answer_to_the_handshake_explains_what_others_heard():
    world = World(10)
    for user_id in (101, 101, 102):
        began_s = world.now_s
        world.now_s += 0.003
        world.tell(user_id, True)
        world.tell(user_id, False)
        world.ledger.watch().came_and_went(user_id, sent_s=began_s, left_s=began_s + 0.001)
        world.wait()
    presence = world.reach.presence
    assert (presence.unexpected, presence.strangers, presence.duplicates, presence.out_of_order) == (0, 0, 0, 0)
    assert (presence.excused, presence.expected) == (6, 0)


@pytest.mark.parametrize("is_told_again", [True, False], ids=["taken, dropped, taken again", "told once for both"])
@pytest.mark.parametrize("is_known", [True, False])
def test_a_handshake_that_the_server_took_after_its_client_gave_up_explains_what_others_heard(
    is_known: bool, is_told_again: bool
):
    world = World(10)
    watch = world.ledger.watch()
    if is_known:
        watch.accepted(101, handshake_s=0.001)
        world.tell(101, True)
        world.wait()
        watch.leaving()
        watch.lost()
        world.tell(101, False)
        world.wait()
    told = world.reach.presence.expected
    watch.shaking(world.now_s)
    world.wait(10)
    watch.lost()
    world.now_s += 0.5
    world.tell(101, True)
    if is_told_again:
        world.tell(101, False)
    world.now_s += 1
    watch.shaking(world.now_s)
    world.now_s += 0.002
    if is_told_again:
        world.tell(101, True)
    watch.accepted(101, handshake_s=0.002)
    for _ in range(10):
        world.wait()
    presence = world.reach.presence
    assert (presence.unexpected, presence.strangers, presence.duplicates, presence.out_of_order) == (0, 0, 0, 0)
    assert (presence.expected, presence.lost) == (told, 0), "nobody is expected to hear of what only the server knows"


def player_who_gave_up_and_came_again(world: World) -> PlayerWatch:
    """The next handshake of user 101 is accepted; whether the server has taken the one before is not known."""
    watch = world.ledger.watch()
    watch.shaking(world.now_s)
    world.wait(10)
    watch.lost()
    world.now_s += 1
    watch.shaking(world.now_s)
    world.now_s += 0.5
    watch.accepted(101, handshake_s=0.5)
    return watch


@pytest.mark.parametrize("late_s", [0.1, 3 * SETTLE_S, 60.0])
def test_a_handshake_that_the_server_takes_when_the_next_one_is_sent_is_no_duplicate_of_it(late_s: float):
    world = World(10)
    player_who_gave_up_and_came_again(world)
    world.wait(late_s)
    for is_online in (True, False, True):
        world.tell(101, is_online)
        world.now_s += 0.01
    for _ in range(10):
        world.wait()
    presence = world.reach.presence
    assert (presence.unexpected, presence.strangers, presence.duplicates, presence.out_of_order) == (0, 0, 0, 0)
    assert presence.booked == 30


@pytest.mark.parametrize("apart_s", [0.0, 3 * SETTLE_S])
def test_what_is_told_twice_in_a_row_of_a_user_in_doubt_is_a_duplicate(apart_s: float):
    world = World(10)
    player_who_gave_up_and_came_again(world)
    world.tell(101, True)
    world.wait(apart_s)
    world.now_s += 0.01
    world.tell(101, True)
    for _ in range(10):
        world.wait()
    assert world.reach.presence.duplicates == 10


def test_what_is_told_of_a_user_when_the_doubt_is_over_is_a_duplicate_as_ever():
    world = World(10)
    player_who_gave_up_and_came_again(world)
    world.tell(101, True)
    world.wait(world.ledger.ghost_s + 1)
    world.tell(101, True)
    world.wait()
    assert world.reach.presence.duplicates == 10


def test_a_user_who_is_in_doubt_for_ever_takes_no_more_memory_and_what_is_told_twice_is_still_found():
    world = World(10)
    user = world.watches.pop(10)
    kept = []
    for turn in range(40):  # 8 minutes
        user.leaving(is_silent=True)
        user.lost()
        world.now_s += 3.0
        world.tell(10, False, times=2 if turn == 35 else 1)
        user.accepted(10, handshake_s=0.002)
        world.now_s += 0.1
        world.tell(10, True)
        world.wait(9.0)
        (told,) = world.reach._doubtful._told.values()
        kept.append(sum(map(len, told.at)))
    for _ in range(3):
        world.wait()
    assert world.reach.presence.duplicates == 9
    assert max(kept) < 9 * 2 * 20, "of the last minutes"


def test_a_handshake_that_is_accepted_leaves_no_doubt():
    world = World(10)
    watch = world.ledger.watch()
    watch.shaking(world.now_s)
    world.now_s += 0.002
    watch.accepted(101, handshake_s=0.002)
    world.wait()
    watch.lost()
    world.wait()
    assert (world.reach.presence.events, world.reach.presence.excused) == (2, 0)


def test_who_left_so_and_has_another_tab_comes_and_goes_for_nobody():
    world = World(10)
    world.ledger.watch().came_and_went(1, sent_s=world.now_s - 0.002, left_s=world.now_s - 0.001)
    world.wait()
    assert world.reach.presence == ReachTally()


def test_a_second_tab_is_an_observer_and_no_transition():
    world = World(3)
    second = world.ledger.watch()
    second.accepted(1, handshake_s=0.001)
    world.watches[-1] = second
    world.wait(1)
    world.leave(1)
    world.join(50)
    world.tell(50, True, skip=frozenset({1}))
    world.wait()
    assert world.reach.presence.events == 1
    assert world.reach.presence.expected == world.reach.presence.received == 3


def test_in_batches_who_came_and_went_at_once_may_be_in_neither():
    world = World(5, features=frozenset({Feature.PRESENCE_BATCH}))
    world.join(50, features=frozenset({Feature.PRESENCE_BATCH}))
    world.now_s += 0.5
    world.leave(50)
    world.wait(10)
    assert world.reach.presence.expected == 0
    world.join(50, features=frozenset({Feature.PRESENCE_BATCH}))
    world.wait()
    assert world.reach.presence.lost == 5


def test_one_announcement_covers_the_changes_before_it_and_none_after():
    world = World(8)
    for _ in range(3):
        world.change()
        world.now_s += 0.1
    for watch in world.watches.values():
        watch.rooms()
    world.now_s += 0.01
    world.change()
    world.wait()
    rooms = world.reach.rooms
    assert (rooms.events, rooms.expected, rooms.received, rooms.lost) == (4, 32, 24, 8)
    assert world.fan_out["rooms"].count == 24
    assert world.fan_out["rooms"].max_us == pytest.approx(300_000, rel=1e-3)


def test_revisions_that_go_back_or_repeat_are_order_and_duplicates():
    world = World(1)
    for revision in (4, 5, 5, 4, 6):
        world.watches[1].rooms(revision)
    world.wait()
    assert world.reach.rooms.out_of_order == 1
    assert world.reach.rooms.duplicates == 1


def test_too_many_pairs_are_sampled_and_say_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("loadtest.measure.judging.changes.PAIRS_AT_ONCE", 50)
    world = World(20)
    for _ in range(10):
        world.change()
        for watch in world.watches.values():
            watch.rooms()
    world.wait()
    rooms = world.reach.rooms
    assert rooms.expected == rooms.received == 50
    assert rooms.sampled_out == 150


def test_connection_that_the_server_ended_in_another_process_is_judged_here_without_a_time():
    here, there = World(10), World(1, first_user=100)
    here.ledger.share()
    there.ledger.share()
    there.now_s = here.now_s
    there.join(101)
    here.tell(101, True)
    there.now_s = here.now_s = here.now_s + 20.0
    there.watches[101].lost()
    here.tell(101, False)
    told = msgspec.msgpack.decode(msgspec.msgpack.encode(there.ledger.take_entries()))
    here.ledger.add_entries(told)
    here.ledger.heard_until_s = here.now_s + 60.0
    here.wait()
    presence = here.reach.presence
    assert (presence.events, presence.received, presence.lost) == (2, 20, 0)
    assert here.fan_out["presence"].count == 10, "only of the coming"


@pytest.mark.parametrize("shift_s", [0.0, 0.1])
def test_two_processes_that_tell_each_other_are_as_one(shift_s: float):
    """The same life, lived in one process and in two; events at random, some lost, some twice."""
    rng = Random(7)
    alone, left, right = World(), World(), World()
    halves = (left, right)
    for half in halves:
        half.ledger.share()
    if shift_s:  # as if on another machine, its clock shifted back imperfectly
        right.ledger.clock_id = "other"
    online: set[int] = set()
    for _ in range(400):
        for world in (alone, *halves):
            world.now_s += 0.05
        user_id = rng.randrange(40)
        is_online = user_id not in online
        for world in (alone, halves[user_id % 2]):
            world.join(user_id) if is_online else world.leave(user_id)
        online ^= {user_id}
        fates = {observer: rng.choice((0, 1, 1, 1, 2)) for observer in online - {user_id}}
        for world in (alone, *halves):
            world.now_s += 0.3
        for observer, fate in fates.items():
            for world in (alone, halves[observer % 2]):
                for _ in range(fate):
                    world.watches[observer].presence(user_id, is_online)
        facts = [half.ledger.take_entries() for half in halves]
        left.ledger.add_entries(facts[1])
        right.ledger.add_entries(facts[0])
        for half, heard in ((left, facts[1]), (right, facts[0])):
            half.ledger.heard_until_s = heard["until_s"]
            half.reach.settle(half.now_s)
        alone.reach.settle(alone.now_s)
    both = ReachTally()
    for world in (alone, *halves):
        world.reach.settle(world.now_s, is_final=True)
    for half in halves:
        both.add(half.reach.presence)
    one = alone.reach.presence
    if shift_s:  # times that are wrong by as much as they may be cost pairs, never the truth about those that are left
        assert 0.97 * one.expected < both.expected < one.expected
        assert both.lost / both.expected == pytest.approx(one.lost / one.expected, rel=0.03)
    else:
        assert (both.expected, both.lost) == (one.expected, one.lost)
    assert both.duplicates == one.duplicates
    assert one.lost > 100
    assert one.duplicates > 100
    assert both.events == 2 * one.events, "each process judges all, for its own observers"
    if not shift_s:
        merged = left.fan_out["presence"]
        merged.add(right.fan_out["presence"])
        assert merged.count == alone.fan_out["presence"].count


def test_a_soak_forgets_what_is_long_past_and_counts_on():
    world = World(6)
    for _ in range(60):
        world.join(50)
        world.now_s += 0.01
        world.tell(50, True)
        world.wait(4)
        world.leave(50)
        world.now_s += 0.01
        world.tell(50, False, skip=frozenset({50}))
        world.wait(4)
    world.wait(20)
    presence = world.reach.presence
    assert presence.expected == presence.received == 60 * 2 * 6
    assert (presence.duplicates, presence.out_of_order, presence.unexpected) == (0, 0, 0)
    assert len(world.reach._entries) < 60, "two minutes of them, of eight"


def test_accounts_start_from_zero_when_they_are_taken():
    world = World(3)
    world.join(50)
    world.tell(50, True)
    world.wait()
    presence, _ = world.reach.take_tallies()
    assert presence.received == 3
    assert world.reach.presence == ReachTally()


def test_an_event_costs_the_player_and_the_judge_microseconds(capsys: pytest.CaptureFixture[str]):
    """Beside what three appends take in the same moment: on cores that others share, all of it takes longer."""
    written_s, judged_s, bare_s = (
        min(each) for each in zip(*(costs_of_an_event() for _ in range(ROUNDS)), strict=True)
    )
    with capsys.disabled():
        print(
            f"\nledger: {written_s * 1e6:.2f} µs to write a receipt, {judged_s * 1e6:.2f} to judge; three appends "
            f"{bare_s * 1e6:.2f}"
        )
    assert written_s < MOST_BARE * bare_s, "far above what it takes"
    assert judged_s < MOST_BARE * bare_s


def costs_of_an_event() -> tuple[float, float, float]:
    """CPU to write it, to judge it, and to append to three arrays, in s."""
    world = World(500)
    watches = list(world.watches.values())
    for user_id in range(1000, 1200):
        world.join(user_id)
        world.now_s += 0.001
    instant_s, world.ledger.clock = world.now_s, lambda: instant_s
    users, spans, times_s = array("q"), array("i"), array("d")

    def append(user_id: int, is_online: bool) -> None:
        users.append(user_id * 2 + is_online)
        spans.append(0)
        times_s.append(instant_s)

    began_s = time.thread_time()
    for user_id in range(1000, 1200):
        for watch in watches:
            watch.presence(user_id, True)
    written_s = time.thread_time()
    world.reach.settle(world.now_s + 60)
    judged_s = time.thread_time()
    for user_id in range(1000, 1200):
        for _ in watches:
            append(user_id, True)
    bare_s = time.thread_time()
    events = 200 * 500
    assert world.reach.presence.received == len(users) == events
    return (written_s - began_s) / events, (judged_s - written_s) / events, (bare_s - judged_s) / events


def test_percentiles_and_mean_are_those_of_hdrhistogram():
    series = Series()
    series.record_many(np.random.default_rng(5).exponential(0.02, 3000))
    theirs = series._read()
    for percent in (0.1, 1, 50, 90, 99, 99.9, 100):  # of 3,000, ranks that are whole numbers
        assert series.percentile_us(percent) == theirs.get_value_at_percentile(percent)
    assert series.mean_us == pytest.approx(theirs.get_mean_value(), rel=1e-12)
    assert Series().mean_us == 0
    assert series.share_within(0.02) == pytest.approx(1 - math.exp(-1), abs=0.03)
    assert (Series().percentile_us(50), Series().share_within(1.0)) == (0, 0.0)


def test_many_values_at_once_are_recorded_as_one_by_one():
    rng = np.random.default_rng(3)
    values_s = np.concatenate([rng.exponential(0.05, 5000), [0.0, -1.0, 5000.0, 0.002047, 0.002048, 0.002049]])
    at_once, one_by_one = Series(), Series()
    at_once.record_many(values_s)
    for value_s in values_s:
        one_by_one.record(float(value_s))
    assert at_once.count == one_by_one.count == len(values_s)
    assert at_once.clipped == one_by_one.clipped == 2
    assert at_once.encode() == one_by_one.encode()
    exact = np.sort(np.clip(values_s, 1e-6, 3600))
    for percent in (1, 50, 90, 99, 99.9):
        rank = math.ceil(percent / 100 * len(exact))
        assert at_once.percentile_us(percent) == pytest.approx(exact[rank - 1] * 1e6, rel=1.1e-3, abs=1)


# -- what others do -----------------------------------------------------------------------------------------------


def announce(world: World, *, skip: frozenset[int] = frozenset()) -> None:
    for observer, watch in world.watches.items():
        if observer not in skip:
            watch.rooms()


def test_a_change_by_others_is_judged_by_what_most_observers_heard():
    world = World(20)
    for dropped in (frozenset({1, 2}), frozenset({3})):
        announce(world, skip=dropped)
        world.wait(3 * SETTLE_S)
    world.wait()
    rooms = world.reach.rooms
    assert (rooms.events, rooms.others, rooms.expected, rooms.lost, rooms.missed) == (2, 2, 40, 3, 0)


def test_an_announcement_that_only_few_heard_is_no_evidence():
    world = World(20)
    announce(world, skip=frozenset(range(1, 15)))
    world.wait(3 * SETTLE_S)
    world.wait()
    assert (world.reach.rooms.others, world.reach.rooms.expected) == (0, 0)


def test_a_later_announcement_makes_a_dropped_one_a_miss_and_no_loss():
    world = World(20)
    for number in range(10):
        announce(world, skip=frozenset({number + 1}) if number < 7 else frozenset())
        world.now_s += 0.3
    world.wait()
    world.wait()
    rooms = world.reach.rooms
    assert (rooms.others, rooms.lost, rooms.missed) == (10, 0, 7)


def test_misses_are_found_beside_changes_of_the_swarm_itself():
    world = World(20)
    for number in range(5):
        world.change()
        world.now_s += 0.01
        announce(world, skip=frozenset({number + 1}))
        world.now_s += 0.4
    announce(world)
    world.wait()
    world.wait()
    rooms = world.reach.rooms
    assert (rooms.events, rooms.others, rooms.lost, rooms.missed) == (5, 0, 0, 5)


def test_a_stranger_whom_most_heard_of_should_have_been_heard_of_by_all():
    world = World(20)
    world.tell(9001, True, skip=frozenset({4, 5}))
    world.now_s += 1.0
    world.tell(9002, True)
    world.tell(9002, False)
    world.wait(60.0)
    world.wait()
    presence = world.reach.presence
    assert (presence.others, presence.expected, presence.lost) == (3, 60, 2)
    assert presence.strangers == 58


def test_a_user_whom_nobody_hears_of_is_counted_as_unheard():
    world = World(20)
    for user_id in (101, 102, 103):
        world.join(user_id)
        world.wait(1.0)
    world.wait()
    presence = world.reach.presence
    assert (presence.unheard, presence.received) == (3, 0)
    assert presence.unheard_by == presence.lost == 20 + 21 + 22


def test_a_coming_that_all_hear_of_too_late_is_late_and_not_unheard():
    world = World(20)
    world.join(101)
    for second in range(1, 40):
        world.wait(1.0)
        if second == SETTLE_S + 3.0:
            world.tell(101, True, skip=frozenset({1}))
        elif second == 3 * SETTLE_S:
            world.tell(101, True, skip=frozenset(range(2, 21)))
    presence = world.reach.presence
    assert (presence.lost, presence.late, presence.duplicates) == (20, 20, 0)
    assert (presence.unheard, presence.unheard_by) == (0, 0)


def test_a_coming_that_is_heard_of_when_it_was_reported_as_unheard_is_taken_back_in_the_next_report():
    world = World(20)
    world.join(101)
    world.wait()
    reported, _ = world.reach.take_tallies()
    world.tell(101, True)
    world.wait()
    assert (reported.unheard, reported.unheard_by) == (1, 20)
    reported.add(world.reach.presence)
    assert (reported.unheard, reported.unheard_by, reported.late) == (0, 0, 20)


def test_a_coming_that_the_only_observer_did_not_hear_of_is_a_loss_like_another():
    world = World(1)
    world.join(101)
    world.wait()
    presence = world.reach.presence
    assert (presence.lost, presence.unheard, presence.unheard_by) == (1, 0, 0)


def test_observers_who_came_or_left_at_the_same_moment_are_unjudged():
    world = World(20)
    world.join(101)
    world.tell(101, True)
    world.now_s += 1.0
    world.leave(3)
    world.tell(3, False)
    world.wait()
    assert world.reach.presence.unjudged > 0
    assert world.reach.presence.lost == 0


def test_receipts_of_a_transition_are_given_back_with_its_judgement_whatever_came_beside_them():
    """They are most of what a ramp takes of memory."""
    world = World(20)
    tracemalloc.start()
    try:
        world.join(101)
        world.tell(101, True, times=5_000)
        world.now_s += 1.0
        world.join(102)
        world.tell(102, True)
        world.wait(SETTLE_S + 0.1)  # both are taken out of the ledger
        of_both, _ = tracemalloc.get_traced_memory()
        world.wait(SETTLE_S - 0.5)  # the first is judged
        of_the_second, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert world.reach.presence.received == 20
    assert of_both > 1_000_000 > 5 * of_the_second


def test_receipts_that_are_read_in_another_order_than_they_arrived_are_all_judged():
    world = World(20)
    world.join(101)
    arrived_s = world.now_s + 0.05
    world.now_s += 1.5  # the process stood still, and reads them now
    for observer in range(20, 0, -1):
        world.watches[observer].presence(101, True, arrived_s + observer / 1000)
    world.wait()
    assert (world.reach.presence.expected, world.reach.presence.lost) == (20, 0)
    assert world.fan_out["presence"].max_us < 100_000, "when they arrived, not when they were read"
