"""A run that is broken off, or of which a part fails, leaves what was measured."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import nullcontext

import pytest

from bench.measures import SLOWEST_PING
from bench.processes.again import calmly
from bench.processes.cpu import CpuPlan
from bench.processes.lab import Lab
from bench.processes.progress import PlainReporter, Plan, left_words
from bench.processes.target import TargetFailed
from bench.record.book import Book
from bench.record.findings import Findings, Stretch
from bench.record.profiles.profile import Profile, at_sizes, parts, wherever
from bench.record.profiles.sizes import MOST_CLIENTS
from bench.record.profiles.standard import FULL, QUICK, SMOKE
from bench.scenarios import runner
from bench.scenarios.registry import SCENARIOS, Scenario, planned_s
from bench.scenarios.runner import run_scenarios
from tests.patience import PATIENCE_S


@pytest.fixture(autouse=True)
def machine_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "idle_slowdown", lambda: 1.0)


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


def divide() -> None:
    1 / 0  # noqa: B018


def stop() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("together", [False, True])
def test_failing_scenario_is_named_and_takes_no_other_with_it(lab: Lab, together: bool) -> None:
    run = run_scenarios(lab, [measuring("bad", fail, together=together), measuring("good")], arguments=[])
    assert run.failures == {"bad": "no server"}
    assert {found.name for found in run.findings} == {"bad", "good"}  # with what the bad one had until then
    assert run.is_whole


@pytest.mark.parametrize("together", [False, True])
def test_defect_of_a_scenario_is_told_with_its_traceback_and_takes_no_other_with_it(
    lab: Lab, together: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_scenarios(lab, [measuring("bad", divide, together=together), measuring("good")], arguments=[])
    assert run.failures == {"bad": "division by zero"}
    assert {found.name for found in run.findings} == {"bad", "good"}
    assert "in divide" in capsys.readouterr().err


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


def total_s(profile: Profile) -> float:
    return sum(planned_s([each for each in SCENARIOS if each.is_reported(profile)], profile).values())


def test_reports_are_planned_within_their_times() -> None:
    """What is planned leaves time to measure something again, and the budget time to draw."""
    assert total_s(QUICK) <= QUICK.budget_s <= 170
    assert total_s(FULL) <= FULL.budget_s - 45
    assert FULL.budget_s <= 44 * 60


def test_plan_has_the_longer_lane_of_a_window_and_all_that_are_alone() -> None:
    def takes(name: str, duration_s: float, **more: bool) -> Scenario:
        return Scenario(name, lambda _: no_findings(stop), lambda _: duration_s, **more)

    bytes_of, turns = ("bytes", True), [takes("back", 20.0, shares_window=True), takes("life", 9.0, shares_window=True)]
    for counted_s, expected_s in ((25.0, 5.0 + 29.0), (40.0, 5.0 + 40.0)):
        window = takes(bytes_of[0], counted_s, shares_window=True, opens_window=bytes_of[1])
        assert sum(planned_s([takes("alone", 5.0), window, *turns], QUICK).values()) == expected_s


# -- what is beside what -------------------------------------------------------------------------------------------


def test_nothing_but_the_counting_of_bytes_is_ever_beside_another(lab: Lab) -> None:
    """Each notes who else is running when it begins and when it ends."""
    running: set[str] = set()
    beside: dict[str, set[str]] = {}
    first_turn = threading.Event()

    def noting(name: str) -> Callable[[Lab], Findings]:
        def run(lab: Lab) -> Findings:
            running.add(name)
            if name == "bytes":
                lab.window.set()
                assert first_turn.wait(PATIENCE_S)
            else:
                first_turn.set()
            beside[name] = running - {name}
            time.sleep(0.02)
            beside[name] |= running - {name}
            running.discard(name)
            return lab.book(name, ()).result(name, ())

        return run

    plan = [
        Scenario("alone", noting("alone"), lambda _: 1.0),
        Scenario("bytes", noting("bytes"), lambda _: 1.0, shares_window=True, opens_window=True),
        *(Scenario(name, noting(name), lambda _: 1.0, shares_window=True) for name in ("back", "flap", "life")),
    ]
    run_scenarios(lab, plan, arguments=[])
    assert beside["alone"] == set()
    for name in ("back", "flap", "life"):
        assert beside[name] <= {"bytes"}, beside


# -- measuring again -----------------------------------------------------------------------------------------------

DISTURBED = Stretch(wall_s=1.0, server_cpu_s=0.5, generator_cpu_s=0.1, server_wait_s=0.5)
QUIET = Stretch(wall_s=1.0, server_cpu_s=0.5, generator_cpu_s=0.1)


def points(stretches: list[Stretch], book: Book, *, fault: str = "") -> Callable[[Book], None]:
    """Attempts with these stretches, one after the other; the value is the number of the attempt."""
    left = list(enumerate(stretches, 1))

    def measure(attempt: Book) -> None:
        number, stretch = left.pop(0)
        attempt.add(SLOWEST_PING, float(number), clients=1, stretch=stretch)
        if fault:
            attempt.faults.append(fault)

    return measure


def kept(book: Book) -> list[float]:
    [measured] = book.result("x", ()).measures
    return [each.value for each in measured.readings]


@pytest.mark.parametrize(
    ("stretches", "value", "note"),
    [
        ([QUIET], 1.0, None),
        ([DISTURBED, QUIET], 2.0, "1 point measured again, because other work had the cores"),
        ([DISTURBED, DISTURBED, QUIET], 3.0, "1 point measured again, because other work had the cores"),
        ([DISTURBED] * 3, 3.0, "1 point measured again, because other work had the cores; 1 of them still suspect"),
    ],
)
def test_disturbed_point_is_measured_again_and_only_then_told_as_suspect(
    lab: Lab, stretches: list[Stretch], value: float, note: str | None
) -> None:
    lab.until_s = time.monotonic() + 1_000
    book = Book()
    calmly(lab, book, points(stretches, book))
    assert kept(book) == [value]
    assert book.result("x", ()).notes == ([note] if note else [])


def test_point_is_not_measured_again_without_time_for_it(lab: Lab) -> None:
    for until_s in (None, time.monotonic() - 1):
        lab.until_s = until_s
        book = Book()
        calmly(lab, book, points([DISTURBED, QUIET], book))
        assert kept(book) == [1.0]


def test_what_is_planned_and_not_done_has_its_time_first(lab: Lab) -> None:
    lab.reporter.plan({"later": 500.0})
    lab.until_s = time.monotonic() + 400
    assert not lab.has_time_for(1.0)
    lab.until_s = time.monotonic() + 600
    assert lab.has_time_for(1.0)


def test_attempt_with_a_fault_is_kept_whatever_disturbed_it(lab: Lab) -> None:
    lab.until_s = time.monotonic() + 1_000
    book = Book()
    calmly(lab, book, points([DISTURBED, QUIET], book, fault="a client heard it twice"))
    assert kept(book) == [1.0]
    assert book.faults == ["a client heard it twice"]


def test_sizes_of_the_command_line_reach_every_scenario() -> None:
    changed = at_sizes(parts(FULL), (300, 700))
    assert changed.broadcast.clients == changed.engine.fanout == changed.storms == [300, 700]
    assert changed.freshness.clients == changed.peers.clients == 700
    assert parts(FULL).storms == FULL.engine.storms
    assert at_sizes(FULL, ()) is FULL


def test_search_by_name_or_for_a_service_level_is_as_wide_as_there_are_descriptors() -> None:
    assert parts(QUICK).capacity.most == wherever(QUICK).capacity.most == MOST_CLIENTS
    assert at_sizes(parts(QUICK), (100, 300)).capacity.most == 300, "but where sizes were asked for"
    assert parts(SMOKE).capacity.most == SMOKE.capacity.most


def test_how_slow_memory_is_after_idleness_is_measured_first(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "idle_slowdown", lambda: 21.5)
    assert run_scenarios(lab, [measuring("storm")], arguments=[]).machine.idle_slowdown == 21.5
