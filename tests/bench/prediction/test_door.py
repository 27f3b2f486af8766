"""The way into a process in virtual time: who is let in when, against turns made by hand; the server's own numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.prediction.cold import ALWAYS_WARM, Chill
from bench.prediction.virtual.core import Core, Process
from bench.prediction.virtual.door import ACCEPTS_IN_A_RUSH, ACCEPTS_PER_TURN, BACKLOG, Door
from bench.prediction.virtual.lobby import Lobby
from bench.prediction.virtual.setup import Setup
from bench.prediction.virtual.storms import log_in, restart
from bench.simulation.outside.loop import World
from lobby_server.process.listening import LISTEN_BACKLOG
from lobby_server.web.websocket import listener
from tests.bench.prediction.models import a_model


def test_door_takes_as_many_per_turn_as_the_servers_does() -> None:
    assert listener.ACCEPTS_PER_TURN == ACCEPTS_PER_TURN
    assert listener.ACCEPTS_IN_A_RUSH == ACCEPTS_IN_A_RUSH
    assert LISTEN_BACKLOG == BACKLOG


class Entered:
    """A process of which each connection takes 1 ms, and what was done when."""

    def __init__(self, turn: Chill = ALWAYS_WARM) -> None:
        self.world = World()
        self.process = Process(Core(self.world))
        self.door = Door(self.process, turn)
        self.made: list[tuple[str, float]] = []

    def do(self, name: str, number: int = 1) -> None:
        self.process.spend(number * 0.001)
        self.made.append((name, round(self.process.monotonic_s(), 6)))


def test_connections_are_taken_first_come_first_served_and_others_have_their_turn_in_between() -> None:
    """Twenty: eight, then somebody who is connected, then eight, then four."""
    it = Entered()
    for number in range(20):
        it.door.knock_at(0.0, 1, it.do, str(number))
    it.process.call_at(0.004, it.do, "a ping")
    it.world.run(1.0)
    names = [name for name, _ in it.made]
    assert names == [*map(str, range(8)), "a ping", *map(str, range(8, 20))]
    assert it.made[-1] == ("19", 0.021)


def test_connections_that_come_several_at_once_are_taken_together() -> None:
    it = Entered()
    for name in "abc":
        it.door.knock_at(0.0, 5, it.do, name, 5)
    it.process.call_at(0.001, it.do, "a ping")
    it.world.run(1.0)
    assert [name for name, _ in it.made] == ["a", "b", "a ping", "c"]


def test_many_are_taken_in_a_turn_while_the_queue_is_half_full() -> None:
    for waiting, first in ((BACKLOG // 2, ACCEPTS_PER_TURN), (BACKLOG // 2 + 1, ACCEPTS_IN_A_RUSH)):
        it = Entered()
        for number in range(waiting):
            it.door.knock_at(0.0, 1, it.do, str(number))
        it.process.call_at(0.001, it.do, "a ping")
        it.world.run(10.0)
        assert [name for name, _ in it.made].index("a ping") == first


@pytest.mark.parametrize(("busy_s", "in_s"), [(0.9, 1.2), (1.5, 3.2), (4.0, 7.2)])
def test_connection_that_finds_the_queue_full_tries_again_after_1_3_and_7_seconds(busy_s: float, in_s: float) -> None:
    """The loop is busy, and takes nobody; the queue has room for all of the first but one."""
    it = Entered()
    it.process.call_at(0.0, it.do, "something long", round(1000 * busy_s))
    it.door.knock_at(0.1, BACKLOG - 1, it.do, "many", 0)
    for name in ("the last", "one too many"):
        it.door.knock_at(0.2, 1, it.do, name)
    it.world.run(10.0)
    assert [name for name, _ in it.made[1:]] == ["many", "the last", "one too many"]
    assert [at_s for _, at_s in it.made[1:]] == pytest.approx([busy_s, busy_s + 0.001, in_s + 0.001])


def test_more_at_once_than_the_queue_of_one_process_has_room_for_are_there_a_second_later() -> None:
    """6,000 of 0.1 ms: about the first 4,096 are in after 0.4 s, the others find room after 1 s. Those of two processes
    find it at once."""
    model, setup = a_model(upgrade=100.0), Setup(sessions=6_000, presence="friends")
    one, two = (log_in(replace(setup, processes=n), model).accepted for n in (1, 2))
    for part, least_s, most_s in ((60, 0.2, 0.5), (80, 1.0, 1.2), (100, 1.0, 1.2)):
        in_s = one.percentile(part)
        assert in_s is not None
        assert least_s <= in_s <= most_s
    assert two.percentile(100) == pytest.approx(0.3, rel=0.05)


def test_connection_that_finds_the_loop_asleep_wakes_it_and_those_that_come_with_it_do_not() -> None:
    for numbers, used_s in (((1,), 0.003), ((1, 1, 1), 0.005)):
        it = Entered(Chill(1.0, [10.0], [0.002]))
        for number in numbers:
            it.door.knock_at(0.5, number, it.do, "one")
        it.world.run(1.0)
        assert it.process.used_s == pytest.approx(used_s)


def test_clients_that_come_fetch_their_list_behind_all_who_were_there_before_them() -> None:
    """400 of 1 ms to be upgraded, 1 ms to be accepted and 1 ms to fetch. Each opens a connection for the list when it
    is accepted, which waits behind the 400 of the upgrades: nobody has the list before these are all in."""
    model = a_model(upgrade=1_000.0, handshake=1_000.0, connection=500.0, fetch=500.0)
    storm = log_in(Setup(sessions=400, way="push", presence="friends"), model)
    first_s, upgraded_s = storm.fresh.percentile(1), 0.4
    assert first_s is not None
    assert first_s > upgraded_s
    half_s = storm.fresh.percentile(50)
    assert half_s is not None
    assert half_s > 0.8  # of 1.2 s


def test_player_who_comes_alone_wakes_the_loop() -> None:
    """Two per second, of 1 ms to come and a turn of 2 ms; who leave cost nothing."""
    setup = Setup(sessions=10, presence="friends", changes_per_s=0.0, logins_per_s=2.0, heartbeat_s=1e6)
    coming = {"upgrade": 500.0, "handshake": 500.0}
    used, warm = (
        Lobby(setup, model).steady(10.0).process
        for model in (a_model(**coming, cold={"turn": {2.0: 2_000.0}}), a_model(**coming))
    )
    assert warm == pytest.approx(0.002, rel=0.01)
    assert used == pytest.approx(0.006, rel=0.01)


def test_herd_that_keeps_the_core_busy_pays_no_turns() -> None:
    setup = Setup(sessions=400, way="push", presence="friends", changes_per_s=0.0)
    costs = {"upgrade": 100.0, "handshake": 100.0, "fetch": 100.0}
    with_turns = restart(setup, a_model(**costs, cold={"turn": {2.0: 500.0}}), policy=None)
    without = restart(setup, a_model(**costs), policy=None)
    assert with_turns.cpu_s == pytest.approx(without.cpu_s, rel=0.02)
