"""Receipts on a tape are judged as the same receipts one by one are, whatever is read when."""

from __future__ import annotations

from array import array
from random import Random
from typing import Any

import numpy as np
import pytest

from loadtest.client import ServerTimers
from loadtest.measure import reach as reach_module
from loadtest.measure.ledger import Ledger
from loadtest.measure.presence import taped as taped_module
from loadtest.measure.presence.stragglers import Stragglers
from loadtest.measure.presence.taped import TapedReceipts
from loadtest.measure.presence.transitions import Transitions
from loadtest.measure.reach import Reach
from loadtest.wire.messages import tape as tape_module
from loadtest.wire.messages.memo import Memo
from loadtest.wire.messages.tape import Reel, Stretches, Tape
from loadtest.wire.state import APART_S
from lobby_server.protocol.messages import UserOffline, UserOnline, encode_frame

SETTLE_S = 0.5


def reel_of(*events: int) -> Reel:
    reel = Reel()
    reel.events.extend(events)
    return reel


def taken(taped: TapedReceipts, users: list[int], until_s: float) -> list[tuple[int, int, float]]:
    return flat(taped.take(users, until_s))


def flat(receipts: object) -> list[tuple[int, int, float]]:
    return sorted(
        (user, span, round(time_s, 8))
        for part in receipts  # type: ignore[attr-defined]
        for user, span, time_s in zip(*(column.tolist() for column in part), strict=True)
    )


# -- one receipt is handed out once -------------------------------------------------------------------------------


def test_who_heard_of_an_event_and_when_comes_out_of_the_stretches_that_have_it():
    taped, reel = TapedReceipts(), reel_of(2, 4, 6, 8)
    assert taped.add(Stretches(reel, [(0, 2), (3, 4)]), 7, 10.0)
    assert taped.add(Stretches(reel, [(1, 4)]), 9, 11.0)
    assert taken(taped, [4, 8], 12.0) == [
        (4, 7, round(10.0 + 2 * APART_S, 8)), (4, 9, round(11.0 + APART_S, 8)),
        (8, 7, round(10.0 + 3 * APART_S, 8)), (8, 9, round(11.0 + 3 * APART_S, 8)),
    ]  # fmt: skip
    assert taken(taped, [4, 8], 13.0) == [], "given out"
    assert flat(taped.retire(13.0)) == [(2, 7, round(10.0 + APART_S, 8)), (6, 9, round(11.0 + 2 * APART_S, 8))]
    assert not taped


def test_what_is_heard_later_of_the_same_event_is_given_out_later():
    taped, reel = TapedReceipts(), reel_of(2, 4)
    taped.add(Stretches(reel, [(0, 2)]), 1, 10.0)
    assert [span for _, span, _ in taken(taped, [2], 11.0)] == [1]
    assert taped.add(Stretches(reel, [(0, 2)]), 2, 11.0), "not before what was asked for"
    assert [span for _, span, _ in taken(taped, [2], 12.0)] == [2]
    assert [(user, span) for user, span, _ in flat(taped.retire(12.0))] == [(4, 1), (4, 2)]


def test_what_is_read_so_late_that_its_time_was_given_out_is_not_kept():
    taped, reel = TapedReceipts(), reel_of(2)
    assert taken(taped, [2], 11.0) == []
    assert not taped.add(Stretches(reel, [(0, 1)]), 1, 10.9)
    assert not taped


def test_an_event_that_was_told_again_has_several_places_and_so_has_one_of_two_tapes():
    taped, first, second = TapedReceipts(), reel_of(2, 3, 2), reel_of(3, 2)
    taped.add(Stretches(first, [(0, 3)]), 1, 10.0)
    taped.add(Stretches(second, [(0, 2)]), 2, 11.0)
    assert [(user, span) for user, span, _ in taken(taped, [2], 12.0)] == [(2, 1), (2, 1), (2, 2)]
    assert [(user, span) for user, span, _ in flat(taped.retire(12.0))] == [(3, 1), (3, 2)]


def test_a_read_that_is_not_over_yet_stays_and_gives_out_what_is():
    taped, reel = TapedReceipts(), reel_of(2, 4, 6)
    taped.add(Stretches(reel, [(0, 3)]), 1, 10.0)
    until_s = 10.0 + 1.5 * APART_S
    assert flat(taped.retire(until_s)) == []
    assert [user for user, _, _ in taken(taped, [2, 4, 6], until_s)] == [2]
    assert [user for user, _, _ in flat(taped.retire(11.0))] == [4, 6]


@pytest.mark.parametrize("seed", range(5))
def test_receipts_come_out_alike_whether_stretches_are_looked_at_or_sorted(seed: int, monkeypatch: pytest.MonkeyPatch):
    chance, taken_of = Random(seed), []
    reel = reel_of(*(chance.randrange(30) for _ in range(60)))
    heard = [sorted(chance.sample(range(61), 2)) for _ in range(200)]
    wanted = [[chance.randrange(30) for _ in range(7)] for _ in range(4)]
    for looks in (0, 10**9):
        monkeypatch.setattr(taped_module, "LOOKS_PER_RECEIPT", looks)
        taped = TapedReceipts()
        for span, (first, last) in enumerate(heard):
            taped.add(Stretches(reel, [(first, last)]), span, 10.0 + span / 100)
        parts = [
            (users.tolist(), at.tolist(), times_s.tolist())
            for number, users_of in enumerate(wanted, 1)
            for users, at, times_s in taped.take(users_of, 10.0 + number / 2)
        ]
        taken_of.append(parts)
    assert taken_of[0] == taken_of[1]
    assert sum(len(at) for _, at, _ in taken_of[0]) > 100


def test_many_receipts_retire_in_parts_that_have_a_bound(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(taped_module, "AT_ONCE", 100)
    taped, reel = TapedReceipts(), reel_of(*range(0, 80, 2))
    for span in range(50):
        taped.add(Stretches(reel, [(0, 40)]), span, 10.0)
    parts = [len(users) for users, _, _ in taped.retire(11.0)]
    assert sum(parts) == 50 * 40
    assert max(parts) <= 100 + 40


def test_what_came_when_no_connection_was_accepted_is_left_out():
    taped = TapedReceipts()
    assert taped.add(Stretches(reel_of(2), [(0, 1)]), -1, 10.0)
    assert not taped


# -- the same tallies ---------------------------------------------------------------------------------------------


class World:
    """Two ledgers of the same players, one of which has what it can on a tape."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.now_s = 1000.0
        self.tape = Tape(Memo())
        timers = ServerTimers(presence_grace_s=2.0)
        self.ledgers = [Ledger(clock=lambda: self.now_s, timers=timers) for _ in range(2)]
        self.fan_out: list[list[float]] = [[], []]
        self.reaches = [
            Reach(
                ledger, settle_s=SETTLE_S,
                on_fan_out=lambda kind, taken_s, heard_s, into=into: into.extend(np.round(taken_s, 7).tolist()),
            )
            for ledger, into in zip(self.ledgers, self.fan_out, strict=True)
        ]  # fmt: skip
        self.watches = [{user_id: ledger.watch() for user_id in range(1, 25)} for ledger in self.ledgers]
        self.online: set[int] = set()
        self.stream: list[tuple[int, bool]] = []
        """What the server tells everybody, in its order."""
        self.heard: dict[int, int] = {}
        """How much of it each player has read."""

    def come_or_go(self, user_id: int) -> None:
        is_abrupt = self.chance.random() < 0.1
        is_silent = is_abrupt and self.chance.random() < 0.2
        for watches in self.watches:
            watch = watches[user_id]
            if user_id not in self.online:
                watch.accepted(user_id, handshake_s=0.002)
            else:
                watch.leaving(is_abrupt=is_abrupt, is_silent=is_silent)
                watch.lost()
        self.online ^= {user_id}
        self.heard[user_id] = len(self.stream)
        for _ in range(1 if self.chance.random() < 0.97 else self.chance.choice((0, 2))):
            self.stream.append((user_id, user_id in self.online))
        if self.chance.random() < 0.05:
            self.stream.append((self.chance.choice((500, 501)), self.chance.random() < 0.5))  # strangers

    def read(self, user_id: int) -> None:
        told = self.stream[self.heard[user_id] :]
        self.heard[user_id] = len(self.stream)
        told = [each for each in told if each[0] != user_id and self.chance.random() < 0.98]
        if not told:
            return
        data = b"".join(
            encode_frame((UserOnline if is_online else UserOffline)(user_id=whom, username="ada"))
            for whom, is_online in told
        )
        run = self.tape.read(data)
        assert run is not None
        assert run.end == len(data)
        heard_s = self.now_s - (
            self.chance.random() * 1.5 if self.chance.random() < 0.03 else self.chance.random() / 100
        )
        one_by_one, on_tape = self.watches
        one_by_one[user_id].presence_many(array("q", [whom * 2 + kind for whom, kind in told]).tobytes(), heard_s)
        on_tape[user_id].presence_many(run.presence, heard_s)

    def settle(self, *, is_final: bool = False) -> None:
        for reach in self.reaches:
            reach.settle(self.now_s, is_final=is_final)
            while reach.is_behind and not is_final:
                reach.settle(self.now_s)


@pytest.mark.parametrize("seed", range(12))
def test_a_run_is_judged_alike_whether_it_is_on_a_tape_or_not(seed: int, monkeypatch: pytest.MonkeyPatch):
    """With losses, duplicates, strangers, reads that come late, faults, and more due at once than one call judges."""
    monkeypatch.setattr(reach_module, "PAIRS_AT_ONCE", 60)
    monkeypatch.setattr(taped_module, "AT_ONCE", 50)
    monkeypatch.setattr(tape_module, "MOST_BYTES", 4_000 if seed % 2 else 100_000)
    world = World(seed)
    most_taped = 0
    for step in range(1200):
        world.now_s += world.chance.random() * (0.2 if step % 100 > 30 else 0.01)
        if world.chance.random() < 0.3:
            world.come_or_go(world.chance.randrange(1, 25))
        for user_id in sorted(world.online):
            if world.chance.random() < 0.3:
                world.read(user_id)
        if seed % 3 == 0 and step in (500, 900):
            for ledger in world.ledgers:
                ledger.disturbances.tell(world.now_s - 0.5, world.now_s + 1.0)
        most_taped = max(most_taped, len(world.ledgers[1].taped))
        if world.chance.random() < 0.1:
            world.settle()
    for user_id in sorted(world.online):
        world.read(user_id)
    if seed % 2:
        world.now_s += 60.0
        world.settle()
    world.settle(is_final=True)
    one_by_one, on_tape = world.reaches
    assert on_tape.presence == one_by_one.presence
    assert sorted(world.fan_out[1]) == sorted(world.fan_out[0])
    assert one_by_one.presence.received > 1000
    assert one_by_one.presence.lost > 10
    assert one_by_one.presence.duplicates > 10
    assert one_by_one.presence.strangers > 10
    assert most_taped > 10
    assert not world.ledgers[1].taped, "nothing is kept when all is judged"


def test_what_is_due_at_once_is_judged_in_several_calls_and_comes_to_the_same(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reach_module, "PAIRS_AT_ONCE", 200)
    world = World(1)
    for user_id in range(1, 21):
        world.come_or_go(user_id)
        world.now_s += 0.001
    world.stream = [(user_id, True) for user_id in range(1, 21)]
    for user_id in range(1, 21):
        world.read(user_id)
    world.now_s += 3 * SETTLE_S
    judged: list[int] = []
    reach = world.reaches[1]
    while not judged or reach.is_behind:
        reach.settle(world.now_s)
        judged.append(reach.presence.events)
    assert judged == [10, 20]


def test_last_call_of_a_run_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reach_module, "PAIRS_AT_ONCE", 2)
    world = World(1)
    for user_id in range(1, 5):
        world.come_or_go(user_id)
        world.now_s += 0.001
    world.now_s += 3 * SETTLE_S
    reach = world.reaches[1]
    reach.settle(world.now_s)
    assert reach.is_behind
    reach.settle(world.now_s, is_final=True)
    assert not reach.is_behind
    assert reach.presence.events == 4


class Storm:
    """Observers of users beyond them, all of whom are told of in one read to each observer, on one tape."""

    def __init__(self, observers: int) -> None:
        self.now_s = 1000.0
        self.ledger = Ledger(clock=lambda: self.now_s)
        self.reach = Reach(self.ledger, settle_s=SETTLE_S)
        self.watches = [self.ledger.watch() for _ in range(observers)]
        for user_id, watch in enumerate(self.watches, 1):
            watch.accepted(user_id, handshake_s=0.0)
        self.wait()
        self.reach.take_tallies()

    def wait(self, seconds: float = 10 * SETTLE_S) -> None:
        self.now_s += seconds
        self.reach.settle(self.now_s)

    def tell(self, users: range) -> None:
        reel = reel_of(*(user * 2 + 1 for user in users))
        for watch in self.watches:
            watch.presence_many(Stretches(reel, [(0, len(users))]), self.now_s)


def test_late_receipts_of_one_transition_are_accounted_for_together(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(taped_module, "AT_ONCE", 10)
    storm = Storm(50)
    calls: list[object] = []
    newcomers = [storm.ledger.watch() for _ in range(3)]
    for user_id, watch in enumerate(newcomers, 100):
        watch.accepted(user_id, handshake_s=0.0)
        watch.excused()
    storm.wait()
    account = Stragglers._account

    def count(self: Stragglers, *told: Any) -> None:
        calls.append(told[0])
        account(self, *told)

    monkeypatch.setattr(Stragglers, "_account", count)
    storm.tell(range(100, 103))
    storm.wait()
    assert storm.reach.presence.late == 3 * 50
    assert storm.reach.presence.duplicates == 0
    assert len(calls) == 3


def test_receipts_that_wait_are_looked_at_when_something_new_may_explain_them(monkeypatch: pytest.MonkeyPatch):
    """Of users who are not of the swarm: not again with each part of what lies on the tape, nor with each call."""
    monkeypatch.setattr(taped_module, "AT_ONCE", 10)
    storm = Storm(20)
    looked_at: list[int] = []
    announced = Transitions.announced

    def count(self: Transitions, users: Any, times_s: Any) -> Any:
        looked_at.append(len(users))
        return announced(self, users, times_s)

    monkeypatch.setattr(Transitions, "announced", count)
    storm.tell(range(500, 510))
    for _ in range(5):
        storm.wait(2 * SETTLE_S)
    assert sum(looked_at) == 20 * 10
    assert storm.reach.presence.strangers == 0, "they may yet have a player here"
    storm.wait(60.0)
    assert storm.reach.presence.strangers == 20 * 10


def test_player_whose_acceptance_is_read_late_explains_what_was_told_of_it():
    storm = Storm(20)
    storm.tell(range(500, 501))
    told_s = storm.now_s
    storm.wait(4 * SETTLE_S)
    storm.ledger.watch().accepted(500, handshake_s=storm.now_s - told_s + 0.1)
    storm.wait()
    assert storm.reach.presence.strangers == storm.reach.presence.unexpected == 0
    assert storm.reach.presence.received == 20


def test_pairs_of_a_storm_take_no_memory_until_they_are_judged():
    """Of 400 who hear of each other in few reads: what is kept is by read."""
    tape, ledger = Tape(Memo()), Ledger(clock=lambda: 1000.0)
    frames = [encode_frame(UserOnline(user_id=user_id, username="ada")) for user_id in range(400)]
    for own in range(400):
        watch = ledger.watch()
        watch.accepted(own, handshake_s=0.0)
        run = tape.read(b"".join(frames[:own] + frames[own + 1 :]))
        assert run is not None
        watch.presence_many(run.presence, 1001.0)
    assert len(ledger.taped) <= 3 * 400
    assert ledger.pending.entries == 0
