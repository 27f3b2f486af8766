"""A run that is broken off, or of which a part fails, leaves what was measured."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from bench.measures import SLOWEST_PING
from bench.processes.cpu import CpuPlan
from bench.processes.lab import Lab
from bench.processes.progress import PlainReporter, Plan, left_words
from bench.processes.target import TargetFailed
from bench.record.findings import Findings
from bench.record.profiles import FULL, QUICK, SMOKE, at_sizes, parts
from bench.scenarios.registry import SCENARIOS, Scenario
from bench.scenarios.runner import run_scenarios


@pytest.fixture
def lab() -> Lab:
    return Lab(
        profile=SMOKE,
        seed=1,
        cpus=CpuPlan(None, None),
        reporter=PlainReporter(),
        server_factory=lambda flags, **_: nullcontext(),  # type: ignore[arg-type,return-value]
    )


def measuring(name: str, then: Callable[[], None] = lambda: None, *, together: bool = False) -> Scenario:
    def run(lab: Lab) -> Findings:
        book = lab.book(name, ())
        book.add(SLOWEST_PING, 42.0, clients=1)
        then()
        return book.result(name, ())

    return Scenario(name, run, lambda _: 1.0, shares_window=together)


def no_findings(then: Callable[[], None]) -> Findings:
    then()
    raise AssertionError("not reached")


def fail() -> None:
    raise TargetFailed("no server")


def stop() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("together", [False, True])
def test_failing_scenario_is_named_and_takes_no_other_with_it(lab: Lab, together: bool) -> None:
    run = run_scenarios(lab, [measuring("bad", fail, together=together), measuring("good")], arguments=[])
    assert run.failures == {"bad": "no server"}
    assert {found.name for found in run.findings} == {"bad", "good"}  # with what the bad one had until then
    assert run.is_whole


def test_run_in_which_nothing_was_measured_is_an_error(lab: Lab) -> None:
    with pytest.raises(TargetFailed):
        run_scenarios(lab, [Scenario("bad", lambda _: no_findings(fail), lambda _: 1.0)], arguments=[])
    with pytest.raises(KeyboardInterrupt):
        run_scenarios(lab, [Scenario("bad", lambda _: no_findings(stop), lambda _: 1.0)], arguments=[])


def test_broken_off_run_keeps_what_was_measured_until_then(lab: Lab) -> None:
    run = run_scenarios(lab, [measuring("one"), measuring("two", stop), measuring("three")], arguments=["/a/b", "c"])
    assert not run.is_whole
    assert {found.name for found in run.findings} == {"one", "two"}
    assert run.arguments == ["b", "c"]


def test_time_left_shrinks_with_what_is_done() -> None:
    plan = Plan()
    plan.expect({"a": 100.0, "b": 300.0})
    assert plan.left_s() == 400
    plan.done("a", 1.0)
    plan.done("b", 0.5)
    assert (plan.left_s(), plan.share()) == (150, 0.625)
    assert (left_words(150), left_words(42)) == ("about 2 min left", "about 40 s left")


def total_s(profile: Any) -> float:
    reported = [each for each in SCENARIOS if each.in_report]
    alone = sum(each.estimate_s(profile) for each in reported if each.is_alone(profile))
    return alone + max((each.estimate_s(profile) for each in reported if not each.is_alone(profile)), default=0.0)


def test_reports_are_planned_within_their_times() -> None:
    assert total_s(QUICK) <= 180
    assert total_s(FULL) <= 45 * 60


def test_sizes_of_the_command_line_reach_every_scenario() -> None:
    changed = at_sizes(parts(FULL), (300, 700))
    assert changed.broadcast.clients == changed.engine.fanout == changed.storms == [300, 700]
    assert changed.freshness.clients == changed.peers.clients == 700
    assert parts(FULL).storms == FULL.engine.storms
    assert at_sizes(FULL, ()) is FULL
