"""A core is a queue: against a schedule made by hand, and against what queueing theory says of one."""

from __future__ import annotations

from random import Random

import pytest

from bench.prediction.cold import Chill
from bench.prediction.virtual.core import Core, Process
from bench.simulation.outside.loop import World


def test_calls_are_made_one_after_the_other_each_after_the_time_of_those_before() -> None:
    world = World()
    process = Process(Core(world))
    made: list[tuple[str, float, float]] = []

    def work(name: str, time_s: float) -> None:
        began_s = process.monotonic_s()
        process.spend(time_s)
        made.append((name, began_s, process.monotonic_s()))

    process.call_at(0.0, work, "first", 0.25)
    process.call_at(0.1, work, "second", 0.25)
    process.call_at(0.2, work, "third", 0.0)
    process.call_at(1.0, work, "fourth", 0.5)
    world.run(2.0)
    assert made == [
        ("first", 0.0, 0.25),
        ("second", 0.25, 0.5),
        ("third", 0.5, 0.5),
        ("fourth", 1.0, 1.5),
    ]
    assert process.used_s == process.core.busy_s == pytest.approx(1.0)


def test_what_a_call_asks_for_at_once_comes_after_what_fell_due_meanwhile() -> None:
    """So pings are answered between two slices of a fan-out."""
    world = World()
    process = Process(Core(world))
    made: list[tuple[str, float]] = []

    def slice_(left: int) -> None:
        made.append(("slice", process.monotonic_s()))
        process.spend(1.0)
        if left:
            process.call_later(0.0, slice_, left - 1)

    process.call_at(0.0, slice_, 1)
    process.call_at(0.5, lambda: made.append(("ping", process.monotonic_s())))
    world.run(5.0)
    assert made == [("slice", 0.0), ("ping", 1.0), ("slice", 1.0)]


def test_processes_on_one_core_wait_for_each_other_and_on_two_do_not() -> None:
    for shared, ended in ((True, [1.0, 2.0]), (False, [1.0, 1.0])):
        world = World()
        core = Core(world)
        processes = [Process(core), Process(core if shared else Core(world))]
        found: list[float] = []

        def work(process: Process, found: list[float] = found) -> None:
            process.spend(1.0)
            found.append(process.monotonic_s())

        for process in processes:
            process.call_at(0.0, work, process)
        world.run(5.0)
        assert found == ended
        assert [process.used_s for process in processes] == [1.0, 1.0]


def test_call_that_was_cancelled_while_it_waited_costs_nothing() -> None:
    world = World()
    process = Process(Core(world))
    process.call_at(0.0, process.spend, 1.0)
    process.call_at(0.5, process.spend, 1.0).cancel()
    world.run(5.0)
    assert process.used_s == 1.0


def test_core_knows_how_long_it_was_idle_before_each_call() -> None:
    """Calls of 0.25 s; the third waits for the second, and what takes no time is no work."""
    world = World()
    process = Process(Core(world))
    rested_s: list[float] = []

    def work(time_s: float) -> None:
        rested_s.append(process.core.rested_s)
        process.spend(time_s)

    for at_s, time_s in ((1.0, 0.25), (2.0, 0.25), (2.1, 0.25), (3.0, 0.0), (3.5, 0.25)):
        process.call_at(at_s, work, time_s)
    world.run(5.0)
    assert rested_s == pytest.approx([1.0, 0.75, 0.0, 0.5, 1.0])


@pytest.mark.parametrize(
    ("number", "used_s"),
    [
        pytest.param(1, 0.003, id="one alone, after 1 s: a turn, cold"),
        pytest.param(10, 0.03, id="ten, one each 0.1 s: ten such turns"),
        pytest.param(1_000, 0.5, id="a thousand, one each ms: turns of 0.5 ms"),
        pytest.param(1_000_000, 1.0, id="more than there was time for: as many as fill it"),
    ],
)
def test_requests_that_come_one_by_one_have_turns_of_their_own(number: int, used_s: float) -> None:
    """A turn takes 3 ms after 100 ms of idleness or more, 0.5 ms after 1 ms, 2 µs after 1 µs: a million of those are
    2 s, and the core was idle for one."""
    world = World()
    process = Process(Core(world))
    turn = Chill(1e-6, [1e-3, 1.0, 100.0], [0.000002, 0.0005, 0.003])
    process.call_at(1.0, process.spend_turns, turn, number)
    world.run(5.0)
    assert process.used_s == pytest.approx(used_s)


def test_requests_that_came_while_the_core_worked_have_no_turn() -> None:
    world = World()
    process = Process(Core(world))
    process.call_at(1.0, process.spend, 0.5)
    process.call_at(1.2, process.spend_turns, Chill(0.001, [1.0], [0.01]), 100)
    world.run(5.0)
    assert process.used_s == pytest.approx(0.5)


@pytest.mark.parametrize("load", [0.5, 0.8])
def test_mean_wait_is_that_of_a_queue_with_random_arrivals_and_equal_work(load: float) -> None:
    """M/D/1 waits for load · time / 2 (1 − load) on average (Pollaczek 1930, Khinchine 1932)."""
    world, chance, work_s, calls = World(), Random(7), 0.001, 60_000
    process = Process(Core(world))
    waited_s = 0.0

    def work(due_s: float) -> None:
        nonlocal waited_s
        waited_s += process.monotonic_s() - due_s
        process.spend(work_s)

    at_s = 0.0
    for _ in range(calls):
        at_s += chance.expovariate(load / work_s)
        process.call_at(at_s, work, at_s)
    world.run(at_s + 60.0)
    assert waited_s / calls == pytest.approx(load * work_s / (2 * (1 - load)), rel=0.06)
    assert process.used_s == pytest.approx(calls * work_s)
