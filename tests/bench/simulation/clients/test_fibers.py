"""What the client library runs on in virtual time: code that blocks, signals."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from greenlet import getcurrent

from bench.simulation.clients.fiber import MOST_IN_VAIN, Fiber
from bench.simulation.clients.signals import OrderedSignal, order_signals
from bench.simulation.outside.loop import GoesRound, World
from loadtest.client.sockets.connection import ConnectionManager


@pytest.fixture
def world() -> World:
    world = World()
    world.hub = getcurrent()
    return world


def parks(world: World, timeouts_s: list[float | None], noted: list[tuple[float, bool]]) -> Fiber:
    """Code that waits so long, one after the other, and notes when it went on and whether it was woken."""

    def run() -> None:
        for timeout_s in timeouts_s:
            is_woken = fiber.park(timeout_s)
            noted.append((round(world.now_s, 3), is_woken))

    fiber = Fiber(world, run)
    return fiber


def test_fiber_goes_on_when_its_time_is_over(world: World) -> None:
    noted: list[tuple[float, bool]] = []
    parks(world, [5.0, 1.0, 3.0], noted)
    world.run(20.0)
    assert noted == [(5.0, False), (6.0, False), (9.0, False)]


def test_fiber_goes_on_when_it_is_woken(world: World) -> None:
    noted: list[tuple[float, bool]] = []
    fiber = parks(world, [5.0, None, 5.0, 1.0], noted)
    for at_s in (1.0, 4.0, 4.5):
        world.call_at(at_s, fiber.wake)
    world.run(20.0)
    assert noted == [(1.0, True), (4.0, True), (4.5, True), (5.5, False)]


def test_fiber_that_is_woken_again_and_again_still_has_a_time_limit(world: World) -> None:
    noted: list[tuple[float, bool]] = []
    fiber = parks(world, [10.0] * 4, noted)
    for at_s in (1.0, 2.0, 3.0):
        world.call_at(at_s, fiber.wake)
    world.run(50.0)
    assert noted == [(1.0, True), (2.0, True), (3.0, True), (13.0, False)]
    assert not world.fibers


def test_wake_of_a_fiber_that_does_not_wait_is_nothing(world: World) -> None:
    noted: list[tuple[float, bool]] = []
    fiber = parks(world, [2.0], noted)
    fiber.wake()
    world.run(5.0)
    fiber.wake()
    assert noted == [(2.0, False)]


def test_greenlet_in_which_code_has_ended_takes_the_next(world: World) -> None:
    greenlets: list[object] = []
    for at_s in (1.0, 2.0):
        world.call_at(at_s, lambda: Fiber(world, lambda: greenlets.append(getcurrent())))
    world.run(3.0)
    assert len(greenlets) == 2
    assert greenlets[0] is greenlets[1]


def test_wake_of_code_that_has_ended_does_not_reach_the_next_in_its_greenlet(world: World) -> None:
    noted: list[tuple[float, bool]] = []
    ended = parks(world, [1.0], noted)
    world.call_at(2.0, lambda: parks(world, [5.0], noted))
    world.call_at(3.0, ended.wake)
    world.run(10.0)
    assert noted == [(1.0, False), (7.0, False)]


def test_code_that_is_ended_where_it_waits_does_not_go_on(world: World) -> None:
    noted: list[tuple[float, bool]] = []
    fiber = parks(world, [1.0, 5.0], noted)
    world.call_at(2.0, fiber.end)
    world.run(10.0)
    assert noted == [(1.0, False)]
    assert not world.fibers


def test_code_that_waits_for_no_time_again_and_again_is_noticed(world: World) -> None:
    parks(world, [0.0] * (MOST_IN_VAIN + 2), [])
    with pytest.raises(GoesRound, match="no time at all"):
        world.run(5.0)


def test_code_that_waits_for_no_time_between_other_waits_is_none(world: World) -> None:
    noted: list[tuple[float, bool]] = []
    parks(world, [*[0.0] * (MOST_IN_VAIN - 1), 1.0] * 2, noted)
    world.run(5.0)
    assert len(noted) == 2 * MOST_IN_VAIN


def test_listeners_hear_in_the_order_in_which_they_came() -> None:
    heard: list[int] = []

    def listener(number: int) -> Callable[[], None]:
        return lambda: heard.append(number)

    signal: OrderedSignal[[]] = OrderedSignal("it", heard.append)  # type: ignore[arg-type]
    for number in range(20):
        signal.connect(listener(number))
    signal.emit()
    assert heard == list(range(20))


def test_fault_of_a_listener_is_told_and_the_others_hear() -> None:
    faults: list[str] = []
    heard: list[int] = []
    signal: OrderedSignal[[int]] = OrderedSignal("it", faults.append)
    signal.connect(lambda number: number / 0)
    signal.connect(heard.append)
    signal.connect(heard.append)  # has no further effect
    signal.emit(3)
    signal.disconnect(heard.append)
    signal.emit(4)
    assert heard == [3]
    assert len(faults) == 2
    assert "ZeroDivisionError" in faults[0]


def test_all_signals_of_a_connection_are_ordered() -> None:
    connection = ConnectionManager()
    order_signals(connection, lambda fault: None)
    for name in ("message_received", "connection_lost", "connection_established", "rooms_announced"):
        assert isinstance(getattr(connection, name), OrderedSignal)
