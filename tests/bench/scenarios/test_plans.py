"""What scenarios work out before and after they measure: searches, peaks, staleness of a herd, times of a plan."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.load.broadcasts import Round
from bench.load.clients.herd import WaysBack
from bench.measures import BACK_WITHIN, FAILED_ATTEMPTS, FALSE_OFFLINE, PEAK_RATE
from bench.processes.turns import in_turns
from bench.record.book import Book
from bench.record.findings import Findings, Ledger, Stretch, Where
from bench.record.profiles.profile import Profile, wherever
from bench.record.profiles.sizes import CapacitySizes
from bench.record.profiles.standard import FULL, QUICK, SMOKE
from bench.record.questions import ENGINE_QUESTIONS, QUESTIONS, question_of
from bench.record.vocabulary import BACK_AND_FRESH
from bench.scenarios.capacity import LEAST, Knee, StepOutcome, outcome_of, search, steps_about
from bench.scenarios.reconnect import peak_rate_per_s, write_return
from bench.scenarios.registry import SCENARIOS
from bench.scenarios.storm import frame_sizes

CALM = Stretch(wall_s=1.0, server_cpu_s=0.5, generator_cpu_s=0.1)
CROWDED = Stretch(wall_s=1.0, server_cpu_s=0.5, generator_cpu_s=0.1, server_wait_s=0.5)
SIZES = CapacitySizes(first=1_000, most=16_000, resolution=0.1)


# -- capacity ------------------------------------------------------------------------------------------------------


def told(p99_ms: float, *, lost: int = 0, busy: float = 0.1, stretch: Stretch = CALM) -> Round:
    ledger = Ledger(expected=100, received=100 - lost)
    return Round(np.full(100, p99_ms / 1e3), [p99_ms / 1e3], ledger, 0.0, stretch, busy)


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        (told(249.0), StepOutcome.MET),
        (told(249.0, busy=0.99, stretch=CROWDED), StepOutcome.MET),
        (told(250.0), StepOutcome.MISSED),
        (told(100.0, lost=1), StepOutcome.MISSED),
        (told(400.0, busy=0.91), StepOutcome.NOT_MEASURED),
        (told(400.0, stretch=CROWDED), StepOutcome.NOT_MEASURED),
    ],
    ids=["met", "met though disturbed", "at the limit", "somebody left out", "generator", "other work"],
)
def test_step_of_the_search_is_judged_by_level_reach_and_disturbance(step: Round, outcome: StepOutcome) -> None:
    assert outcome_of(step, SIZES) is outcome


def server_of(capacity: int) -> Callable[[int], StepOutcome]:
    return lambda clients: StepOutcome.MET if clients <= capacity else StepOutcome.MISSED


@given(st.integers(min_value=LEAST, max_value=16_000))
def test_knee_is_found_within_the_resolution_wherever_it_is(capacity: int) -> None:
    found = search(server_of(capacity), SIZES)
    if capacity < LEAST * 2:
        assert found.clients <= capacity
    else:
        assert found.clients <= capacity <= math.ceil(found.clients * (1 + SIZES.resolution)) + 1


def test_server_that_carries_all_has_a_knee_that_is_no_limit() -> None:
    assert search(server_of(10**6), SIZES) == Knee(16_000, is_limit=False)


def test_server_that_carries_nobody_has_no_knee() -> None:
    assert search(server_of(0), SIZES) == Knee(0, is_limit=True, fails_at=62)


@given(st.integers(min_value=2 * LEAST, max_value=15_999))
def test_size_that_fails_is_one_that_was_measured_and_next_to_the_knee(capacity: int) -> None:
    found = search(server_of(capacity), SIZES)
    assert found.fails_at is not None
    assert found.clients <= capacity < found.fails_at <= math.ceil(found.clients * (1 + SIZES.resolution)) + 1


def test_size_that_could_not_be_measured_has_not_failed() -> None:
    def step(clients: int) -> StepOutcome:
        if clients <= 2_000:
            return StepOutcome.MET
        return StepOutcome.MISSED if clients >= 4_000 else StepOutcome.NOT_MEASURED

    found = search(step, SIZES)
    assert (found.is_limit, found.fails_at) == (False, 4_000)


@pytest.mark.parametrize("knee", [70, 300, 2_500, 9_000, 17_000])
def test_search_for_a_service_level_finds_the_knee_wherever_it_is(knee: int) -> None:
    """From the first size of a quick report, which asks at most for twice as many."""
    sizes = wherever(QUICK).capacity
    found = search(server_of(knee), sizes)
    assert found.is_limit
    assert found.clients <= knee <= found.clients * (1 + sizes.resolution) + 1


def test_disturbed_step_is_no_limit_of_the_server() -> None:
    def step(clients: int) -> StepOutcome:
        return StepOutcome.MET if clients <= 2_000 else StepOutcome.NOT_MEASURED

    found = search(step, SIZES)
    assert not found.is_limit
    assert 2_000 * 0.9 <= found.clients <= 2_000


@given(st.integers(min_value=1_000, max_value=16_000))
def test_search_takes_about_as_many_steps_as_it_says(capacity: int) -> None:
    steps: list[int] = []

    def step(clients: int) -> StepOutcome:
        steps.append(clients)
        return server_of(capacity)(clients)

    search(step, SIZES)
    assert len(steps) <= steps_about(SIZES) + 1
    assert len(set(steps)) == len(steps), "no size is tried twice"


# -- coming back ---------------------------------------------------------------------------------------------------


def test_peak_is_the_most_within_a_tenth_of_a_second() -> None:
    stamps_s = np.array([0.0, 0.01, 0.02, 0.5, 0.55, 0.58, 0.599, 2.0])
    assert peak_rate_per_s(stamps_s) == pytest.approx(40.0)
    assert peak_rate_per_s(np.array([])) == 0.0


@given(st.lists(st.floats(min_value=0.0, max_value=10.0), min_size=1, max_size=40))
def test_peak_is_at_least_the_mean_and_at_most_all_at_once(stamps_s: list[float]) -> None:
    peak = peak_rate_per_s(np.array(stamps_s))
    assert 10.0 <= peak <= 10.0 * len(stamps_s)


def returned(
    fresh_s: list[float], *, expected: int, clients: int = 10, failures: int = 0, offline: int = 0
) -> Findings:
    book = Book()
    back = WaysBack(1.0, [at_s - 0.1 for at_s in fresh_s], fresh_s, failures, offline)
    write_return(book, back, party="jitter, SIGTERM", clients=clients, expected=expected, since_s=100.0, stretch=CALM)
    return book.result("reconnect", ())


def test_share_is_back_when_the_last_of_it_is() -> None:
    found = returned([101.0, 102.0, 104.0, 108.0], expected=4)
    values = {share: found.find(each, "jitter, SIGTERM")[0].value for share, each in BACK_WITHIN.items()}
    assert values == {50: 2.0, 90: 8.0, 99: 8.0, 100: 8.0}
    assert found.faults == []


def test_share_that_never_came_has_no_time_and_is_a_fault() -> None:
    found = returned([101.0, 102.0], expected=4)
    assert [share for share, each in BACK_WITHIN.items() if found.find(each, "jitter, SIGTERM")] == [50]
    assert found.faults == ["jitter, SIGTERM: only 2 of 4 clients came back and were fresh"]
    assert found.find(FALSE_OFFLINE, "jitter, SIGTERM")[0].invalid == "only 2 of 4 clients came back and were fresh"
    assert found.find(PEAK_RATE, "jitter, SIGTERM")[0].invalid == ""


def test_what_was_before_the_cut_is_no_return() -> None:
    found = returned([99.0, 101.0], expected=1)
    [series] = found.series_of(BACK_AND_FRESH)
    assert series.groups[0].values_ms().tolist() == [1_000.0]


def test_failures_are_per_client_that_should_have_come_and_events_per_client_that_heard() -> None:
    found = returned([101.0, 102.0], expected=2, clients=10, failures=4, offline=30)
    assert found.find(FAILED_ATTEMPTS, "jitter, SIGTERM")[0].value == 2.0
    assert found.find(FALSE_OFFLINE, "jitter, SIGTERM")[0].value == 3.0
    assert found.find(PEAK_RATE, "jitter, SIGTERM")[0].value == 10.0


# -- turns and plans -----------------------------------------------------------------------------------------------


@given(st.integers(min_value=1, max_value=6), st.integers(min_value=1, max_value=5), st.integers())
def test_every_repeat_has_every_party_once(parties: int, repeats: int, seed: int) -> None:
    turns = list(in_turns(range(parties), repeats, random.Random(seed)))
    for repeat in range(repeats):
        assert sorted(party for number, party in turns if number == repeat) == list(range(parties))
    assert [number for number, _ in turns] == sorted(number for number, _ in turns)


def test_same_seed_gives_the_same_turns() -> None:
    assert list(in_turns("abc", 5, random.Random(3))) == list(in_turns("abc", 5, random.Random(3)))


def test_every_scenario_has_a_question_and_every_question_a_scenario() -> None:
    assert [each.name for each in SCENARIOS] == [*QUESTIONS, *ENGINE_QUESTIONS]
    assert [each.name for each in SCENARIOS if each.in_report] == list(QUESTIONS)
    assert all(each.question.endswith("?") for each in SCENARIOS)
    assert question_of("of another lab") == "of another lab"


@pytest.mark.parametrize("profile", [SMOKE, QUICK, FULL], ids=lambda each: each.name)
def test_every_scenario_takes_some_time_in_every_profile(profile: Profile) -> None:
    assert all(1.0 < each.estimate_s(profile) < 45 * 60 for each in SCENARIOS if each.in_report)


def test_forecasts_are_in_a_full_report_and_in_no_short_one() -> None:
    [scenario] = [each for each in SCENARIOS if each.name == "prediction"]
    assert scenario.in_report
    assert [scenario.is_reported(each) for each in (SMOKE, QUICK, FULL)] == [False, False, True]


def test_more_repeats_take_longer() -> None:
    by_name = {each.name: each for each in SCENARIOS}
    once, twice = QUICK, replace(QUICK, freshness=replace(QUICK.freshness, repeats=2 * QUICK.freshness.repeats))
    assert by_name["freshness"].estimate_s(twice) == pytest.approx(2 * by_name["freshness"].estimate_s(once))


def test_scenarios_share_a_window_only_in_a_short_run() -> None:
    sharing = {each.name for each in SCENARIOS if not each.is_alone(QUICK)}
    assert sharing == {"bandwidth", "reconnect", "flap", "swarm"}
    assert {each.name for each in SCENARIOS if not each.is_alone(FULL)} == set()
    assert [each.name for each in SCENARIOS if each.opens_window] == ["bandwidth"]


def test_frames_of_a_storm_are_as_long_as_by_hand() -> None:
    event, accepted = frame_sizes()
    assert event == len('{"type":"user_online","data":{"user_id":110000,"username":"player10000"}}') + 2
    assert accepted > event


def test_place_is_told_from_others_by_all_three() -> None:
    assert Where(1) == Where(1, 0, 0.0)
    assert len({Where(1), Where(1, 2), Where(1, 2, 0.5)}) == 3
