"""Parts of the outside that stand still, and what lies there as they go on."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any, cast

import pytest
from greenlet import getcurrent

from bench.simulation.clients.fiber import Fiber
from bench.simulation.outside.loop import ProcessLoop, World
from bench.simulation.outside.machine import Machine
from bench.simulation.outside.store import Database, SimulatedStore
from bench.simulation.outside.stream import SimulatedStream
from bench.simulation.outside.valkey import Valkey
from bench.simulation.outside.wire import Wire
from lobby_server.backplane.errors import BackplaneError


@pytest.fixture
def world() -> World:
    world = World()
    world.hub = getcurrent()
    return world


@pytest.fixture
def loop(world: World) -> ProcessLoop:
    return ProcessLoop(world, booted_s=500.0, on_fault=lambda what: None)


class Server:
    """And a client that hears nothing."""

    def __init__(self, wire: Wire) -> None:
        self.got: list[bytes] = []
        self.received = self.got.append
        wire.served = self

    def ponged(self) -> None:
        pass

    def ended(self, *, abrupt: bool) -> None:
        pass


# -- clocks ------------------------------------------------------------------------------------------------------------


def test_timers_wait_for_as_long_as_their_monotonic_clock_stood_still(world: World, loop: ProcessLoop) -> None:
    made: list[tuple[str, float]] = []
    loop.call_later(1.0, lambda: made.append(("soon", world.now_s)))
    loop.call_later(7.0, lambda: made.append(("late", world.now_s)))
    cancelled = loop.call_later(2.0, lambda: made.append(("never", world.now_s)))
    world.run(0.5)
    loop.freeze(stops_clock=True)
    world.run(5.5)
    cancelled.cancel()
    loop.thaw()
    assert loop.time() == 500.5
    loop.call_at(loop.time() + 2.0, lambda: made.append(("new", world.now_s)))
    world.run(20.0)
    assert made == [("soon", 6.0), ("new", 7.5), ("late", 12.0)]
    assert loop.time() == world.now_s + 495.0


def test_others_are_called_at_their_time_while_one_stands_still(world: World, loop: ProcessLoop) -> None:
    made: list[float] = []
    other = ProcessLoop(world, booted_s=1.0, on_fault=lambda what: None)
    for at_s in (3.0, 1.0, 2.0):
        other.call_later(at_s, lambda: made.append(world.now_s))
        loop.call_later(at_s, lambda: made.append(-1.0))
    loop.freeze(stops_clock=True)
    world.run(10.0)
    assert made == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("stops_clock", [False, True])
def test_call_of_which_the_answer_came_meanwhile_is_answered_unless_its_time_is_over(
    world: World, loop: ProcessLoop, stops_clock: bool
) -> None:
    """A limit of time is by the clock of the process; what has come in is there as it goes on."""
    valkey, outcomes = Valkey(world), list[Any]()
    stream = SimulatedStream(valkey, loop, Random(1))

    async def ask() -> None:
        try:
            outcomes.append((await stream.epoch(), world.now_s))
        except BackplaneError:
            outcomes.append("too late")

    valkey.hang()
    loop.call_soon(lambda: loop.create_task(ask()))
    world.run(0.5)
    loop.freeze(stops_clock=stops_clock)
    world.run(8.0)
    valkey.go_on()
    world.run(9.0)
    assert outcomes == []
    loop.thaw()
    world.run(9.1)
    assert outcomes == ([(None, 9.0)] if stops_clock else ["too late"])


# -- sockets -----------------------------------------------------------------------------------------------------------


def test_what_came_while_a_process_stood_still_is_read_in_its_order_and_once(world: World, loop: ProcessLoop) -> None:
    wire = Wire(world, loop, Random(1))
    server = Server(wire)
    loop.freeze()
    for text in (b"1", b"2", b"3"):
        wire.say(text)
    world.run(1.0)
    read_ahead: list[list[bytes]] = []
    loop.call_soon(lambda: (wire.read_on(), read_ahead.append(list(server.got))))
    assert server.got == []
    loop.thaw()
    wire.say(b"4")
    world.run(2.0)
    assert server.got == [b"1", b"2", b"3", b"4"]
    assert read_ahead == [[b"1", b"2", b"3"]]


def test_what_is_sent_to_a_machine_that_is_away_comes_as_it_is_back(world: World, loop: ProcessLoop) -> None:
    wire = Wire(world, loop, Random(1))
    server = Server(wire)
    wire.lane_in.is_away = wire.lane_in.is_stalled = True
    wire.say(b"1")
    world.run(1.0)
    wire.lane_in.go_on()
    world.run(2.0)
    assert server.got == []
    wire.lane_in.come_back()
    wire.say(b"2")
    world.run(3.0)
    assert server.got == [b"1", b"2"]


# -- clients -----------------------------------------------------------------------------------------------------------


def test_clients_of_a_machine_do_late_what_fell_due_in_its_order(world: World) -> None:
    machine, made = Machine(world), list[tuple[str, float]]()
    here = cast(World, machine)

    def sleep() -> None:
        Fiber.current().sleep(2.0)
        made.append(("slept", world.now_s))

    def wait() -> None:
        is_woken = Fiber.current().park(None)
        made.append((f"woken: {is_woken}", world.now_s))

    Fiber(here, sleep)
    waiting = Fiber(here, wait)
    machine.call_later(1.0, lambda: made.append(("called", world.now_s)))
    world.run(0.5)
    machine.stand_still()
    world.run(1.5)
    waiting.wake()
    Fiber(here, lambda: made.append(("begun", world.now_s)), at_once=True)
    world.run(5.0)
    assert made == []
    machine.go_on()
    world.run(6.0)
    assert made == [("called", 5.0), ("woken: True", 5.0), ("begun", 5.0), ("slept", 5.0)]
    assert machine.now_s == 6.0


# -- database ----------------------------------------------------------------------------------------------------------


def test_calls_of_a_database_that_stands_still_are_done_as_it_goes_on(world: World, loop: ProcessLoop) -> None:
    database, done = Database(), list[float]()
    store: Any = SimulatedStore(database, loop, Random(1))

    async def ask() -> None:
        await store.changes()
        done.append(world.now_s)

    async def give_up() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(store.changes(), 0.5)
        done.append(-world.now_s)

    database.stand_still()
    for call in (ask(), give_up()):
        loop.call_soon(loop.create_task, call)
    world.run(5.0)
    assert done == [-0.5]
    database.go_on()
    world.run(6.0)
    assert [round(each, 1) for each in done] == [-0.5, 5.0]
