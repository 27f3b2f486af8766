"""What tests have in place of a quiet machine: a stopwatch without the waits for a core, and measures that say when a
measurement was disturbed."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from _pytest.outcomes import Skipped

from bench.processes.cpu import CpuTimes
from bench.record.findings import Findings, Measured, Reading, Stretch
from tests import stopwatch
from tests.bench.load.disturbed import calm, disturbed, unless_disturbed
from tests.loadtest.held_up import doubts, held_up, unless_held_up
from tests.stopwatch import Stopwatch, stolen_s

HELD_UP = "worker 1 was delayed: 12.0% of its ticks were more than 0.1 s late"
STOOD = "the swarm itself stood still for 1.4 s: what it measured meanwhile is left out of the figures"
DOUBT = "no player was ever connected: nothing was judged"


@pytest.mark.parametrize(
    ("in_turn", "stolen", "took_s", "waited_s"),
    [(False, [[], []], 2.5, 0.5), (True, [[], []], 2.25, 0.75), (False, [[7.0, 8.0], [7.25, 8.0]], 2.25, 0.75)],
    ids=["side by side", "in turn", "without a core of the machine"],
)
def test_stopwatch_leaves_out_for_how_long_the_programs_waited_for_a_core(
    monkeypatch: pytest.MonkeyPatch, in_turn: bool, stolen: list[list[float]], took_s: float, waited_s: float
) -> None:
    moments, waits, thefts = iter([100.0, 103.0]), iter([1.0, 5.0, 1.5, 5.25]), iter(stolen)
    monkeypatch.setattr("tests.stopwatch.time", SimpleNamespace(monotonic=lambda: next(moments)))
    monkeypatch.setattr("tests.stopwatch.read_cpu", lambda pid: CpuTimes(0.0, next(waits)))
    monkeypatch.setattr("tests.stopwatch.stolen_s", lambda: next(thefts))
    with Stopwatch(4711, in_turn=in_turn) as watch:
        pass
    assert (watch.took_s, watch.waited_s) == (took_s, waited_s)


def test_time_that_a_core_was_another_machines_is_read_of_each_core(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stat = tmp_path / "stat"
    monkeypatch.setattr(stopwatch, "_STAT", stat)
    assert stolen_s() == []
    stat.write_text("cpu  1 2 3 4 5 6 7 300 9 0\ncpu0 1 2 3 4 5 6 7 100 9 0\ncpu1 1 2 3 4 5 6 7 200 9 0\nintr 5\n")
    ticks = os.sysconf("SC_CLK_TCK")
    assert stolen_s() == [100 / ticks, 200 / ticks]


def a_run(*reasons: str) -> dict[str, Any]:
    return {"validity": {"reasons": list(reasons)}}


def test_reasons_of_a_swarm_that_was_held_up_are_told_from_others() -> None:
    run = a_run(HELD_UP, DOUBT, STOOD)
    assert held_up(run) == [HELD_UP, STOOD]
    assert doubts(run) == [DOUBT]


def test_what_does_not_hold_fails_unless_the_swarm_was_held_up() -> None:
    with pytest.raises(AssertionError), unless_held_up(a_run(DOUBT)):
        raise AssertionError
    with pytest.raises(Skipped, match="was delayed: "), unless_held_up(a_run(), a_run(HELD_UP)):
        raise AssertionError
    with unless_held_up(a_run(HELD_UP)):
        pass


def found(*, waited_s: float = 0.0, late_ms: float = 0.0) -> Findings:
    stretch = Stretch(wall_s=1.0, server_cpu_s=0.1, generator_cpu_s=0.1, server_wait_s=waited_s)
    reading = Reading(1.0, stretch, late_ms)
    measured = Measured(name="bytes per client and hour", party="push", clients=1, unit="B", readings=[reading])
    return Findings(name="freshness", flags=[], measures=[measured], notes=[], faults=[])


def test_measurement_is_disturbed_by_other_work_and_by_a_late_publisher() -> None:
    assert disturbed(found()) == []
    assert disturbed(found(waited_s=0.3)) == ["other work had the cores, 75% of the time"]
    assert disturbed(found(late_ms=30.0)) == ["the publisher was late, up to 30 ms"]


def test_what_does_not_hold_fails_unless_the_measurement_was_disturbed() -> None:
    with pytest.raises(AssertionError), unless_disturbed(found()):
        raise AssertionError
    with pytest.raises(Skipped, match="other work"), unless_disturbed(found(waited_s=0.3)):
        raise AssertionError


def test_measurement_is_made_until_one_holds_and_three_times_at_most() -> None:
    waits = iter([0.3, 0.2, 0.0, 0.1])
    assert disturbed(calm(lambda: found(waited_s=next(waits)), lambda each: not disturbed(each))) == []
    assert next(waits) == 0.1
    made: list[Findings] = []
    assert calm(lambda: made.append(found()) or made[-1], lambda _: False) is made[2]
