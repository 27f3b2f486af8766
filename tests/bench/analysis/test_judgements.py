"""Which reading may be believed, which difference is one, and what claims are held against, rule by rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.analysis.derived.overview import derive
from bench.analysis.estimates import Difference, distance, estimate_readings, ratio
from bench.analysis.promises import Promise, rule_on_promises
from bench.analysis.validity import VALID, Judgement, Reason, judge_all, judge_reading, worse_of
from bench.analysis.verdicts import Verdict
from bench.measures import Kind
from bench.record.findings import Findings, Reading, Stretch
from bench.record.run import Run
from bench.record.vocabulary import HEARTBEAT_TIMEOUT
from loadtest.results.validity import Validity
from tests.bench.runs import PROFILE, a_broadcast_result, a_group, a_point, a_run, a_whole_run, an_idle_result

LEVELS = (Validity.VALID, Validity.SUSPECT, Validity.INVALID)


def stretch(*, generator: float = 0.1, server_waits: float = 0.0, generator_waits: float = 0.0) -> Stretch:
    """One second in which the server used half of its core; waits are parts of what a process was ready for."""

    def wait_s(share: float, cpu_s: float) -> float:
        return cpu_s * share / (1 - share)

    return Stretch(
        wall_s=1.0, server_cpu_s=0.5, generator_cpu_s=generator, server_wait_s=wait_s(server_waits, 0.5),
        generator_wait_s=wait_s(generator_waits, generator),
    )  # fmt: skip


# -- readings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "of", "validity"),
    [
        (Kind.TIME, stretch(), Validity.VALID),
        (Kind.TIME, stretch(generator=0.76), Validity.SUSPECT),
        (Kind.TIME, stretch(generator=0.91), Validity.INVALID),
        (Kind.RATE, stretch(generator=0.91), Validity.INVALID),
        (Kind.CPU, stretch(generator=0.91), Validity.VALID),
        (Kind.BYTES, stretch(generator=0.91), Validity.VALID),
        (Kind.TIME, stretch(server_waits=0.19), Validity.VALID),
        (Kind.TIME, stretch(server_waits=0.21), Validity.SUSPECT),
        (Kind.TIME, stretch(generator_waits=0.21), Validity.SUSPECT),
        (Kind.CPU, stretch(server_waits=0.09), Validity.VALID),
        (Kind.CPU, stretch(server_waits=0.11), Validity.SUSPECT),
        (Kind.MEMORY, stretch(server_waits=0.9), Validity.VALID),
        (Kind.HARM, stretch(generator=0.99, server_waits=0.9), Validity.VALID),
        (Kind.SHARE, stretch(generator=0.99), Validity.VALID),
    ],
)
def test_generator_spoils_times_and_rates_and_other_work_times_and_costs(
    kind: Kind, of: Stretch, validity: Validity
) -> None:
    assert judge_reading(Reading(1.0, of), kind).validity is validity


@pytest.mark.parametrize(
    ("kind", "late_ms", "validity"),
    [(Kind.TIME, 10.0, Validity.VALID), (Kind.TIME, 10.1, Validity.SUSPECT), (Kind.CPU, 99.0, Validity.VALID)],
)
def test_late_publisher_is_part_of_a_time_alone(kind: Kind, late_ms: float, validity: Validity) -> None:
    assert judge_reading(Reading(1.0, late_ms=late_ms), kind).validity is validity


def test_scenario_that_knows_better_is_believed() -> None:
    assert str(judge_reading(Reading(1.0, invalid="nobody was answered"), Kind.BYTES)) == "INVALID: nobody was answered"
    assert str(judge_reading(Reading(1.0, suspect="not checked"), Kind.BYTES)) == "suspect: not checked"


def test_all_doubts_are_told() -> None:
    judgement = judge_reading(Reading(1.0, stretch(generator=0.8, server_waits=0.3), late_ms=12.0), Kind.TIME)
    assert [reason.what for reason in judgement.reasons] == [
        "the generator was near its limit", "other work had the cores", "the publisher was late"
    ]  # fmt: skip


def test_reading_of_which_nothing_else_is_known_is_valid() -> None:
    assert judge_reading(Reading(1.0), Kind.TIME) == VALID


judgements = st.lists(st.sampled_from([Judgement(each, (Reason(each.value),)) for each in LEVELS]), max_size=8)


@given(judgements)
def test_repeats_together_are_as_bad_as_half_of_them(several: list[Judgement]) -> None:
    found = judge_all(several).validity
    invalid = sum(each.validity is Validity.INVALID for each in several)
    doubtful = sum(each.validity is not Validity.VALID for each in several)
    wanted = Validity.VALID
    if several and 2 * doubtful >= len(several):
        wanted = Validity.SUSPECT
    if several and 2 * invalid >= len(several):
        wanted = Validity.INVALID
    assert found is wanted


@given(st.sampled_from(LEVELS), st.sampled_from(LEVELS))
def test_worse_of_two_is_the_worse_whichever_is_first(one: Validity, other: Validity) -> None:
    found = worse_of(Judgement(one), Judgement(other)).validity
    assert found is max((one, other), key=LEVELS.index)
    assert found is worse_of(Judgement(other), Judgement(one)).validity


# -- differences ---------------------------------------------------------------------------------------------------

positive = st.floats(min_value=1e-3, max_value=1e3)


@given(positive)
def test_half_and_double_are_as_far_from_one(value: float) -> None:
    assert distance(value) == pytest.approx(distance(1 / value))
    assert distance(value) >= 0.0


def test_nothing_is_infinitely_far() -> None:
    assert distance(0.0) == float("inf")


@given(st.lists(st.tuples(positive, positive), min_size=1, max_size=7))
def test_ratio_of_swapped_parties_is_the_inverse_for_an_odd_number_of_pairs(pairs: list[tuple[float, float]]) -> None:
    pairs = pairs if len(pairs) % 2 else pairs[:-1] or pairs
    own, other = ([Reading(each[side]) for each in pairs] for side in (0, 1))
    forth, back = ratio(own, other, Kind.COUNT), ratio(other, own, Kind.COUNT)
    assert forth is not None
    assert back is not None
    if len(pairs) % 2:
        assert forth.value * back.value == pytest.approx(1.0)


def test_pair_whose_other_side_is_zero_is_left_out() -> None:
    found = ratio([Reading(1.0), Reading(4.0)], [Reading(0.0), Reading(2.0)], Kind.COUNT)
    assert found is not None
    assert (found.value, found.n) == (2.0, 1)
    assert ratio([Reading(1.0)], [Reading(0.0)], Kind.COUNT) is None


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ((11.0, 11.0, 11.0), "no difference beyond the noise"),
        ((15.0, 15.0, 15.0), "50% more"),
        ((5.0, 5.0, 5.0), "50% less"),
        ((40.0, 40.0, 40.0), "4.0 times as much"),
        ((9.0, 20.0, 15.0), "no difference beyond the noise"),
    ],
    ids=["within the floor", "more", "less", "many times", "interval around one"],
)
def test_difference_is_told_where_it_is_beyond_interval_and_noise(own: tuple[float, ...], words: str) -> None:
    found = ratio([Reading(each) for each in own], [Reading(10.0)] * 3, Kind.CPU)
    assert found is not None
    assert Difference(found, floor=0.2).words() == words


def test_estimate_of_no_readings_is_none() -> None:
    assert estimate_readings([], Kind.TIME) is None


# -- claims --------------------------------------------------------------------------------------------------------


def claim(run: Run, words: str) -> Promise:
    [found] = [each for each in rule_on_promises(derive(run)) if words in each.claim]
    return found


def with_window(found: Findings, window_s: float, *, timeout_s: float | None = None) -> Run:
    facts = {HEARTBEAT_TIMEOUT: timeout_s} if timeout_s is not None else {}
    run = a_run(replace(found, facts=facts))
    return replace(run, profile=replace(PROFILE, bandwidth=replace(PROFILE.bandwidth, window_s=window_s)))


@pytest.mark.parametrize(
    ("window_s", "timeout_s", "verdict"),
    [
        (60.0, None, Verdict.NOT_MEASURED),
        (80.0, None, Verdict.HOLDS),
        (60.0, 50.0, Verdict.HOLDS),
        (80.0, 90.0, Verdict.NOT_MEASURED),
    ],
    ids=["shorter than usual", "longer than usual", "the server's is shorter", "the server's is longer"],
)
def test_heartbeats_are_judged_by_the_timeout_of_the_very_server(
    window_s: float, timeout_s: float | None, verdict: Verdict
) -> None:
    run = with_window(an_idle_result(), window_s, timeout_s=timeout_s)
    assert claim(run, "prevents idle timeouts").ruling.verdict is verdict


def test_idle_client_that_was_lost_breaks_the_claim_on_heartbeats() -> None:
    lost = an_idle_result([a_group("push", requests=2, framed=150, wire=400, losses=1)])
    assert claim(with_window(lost, 80.0), "prevents idle timeouts").ruling.verdict is Verdict.DOES_NOT_HOLD


@pytest.mark.parametrize(("losses", "verdict"), [(0, Verdict.HOLDS), (2, Verdict.DOES_NOT_HOLD)])
def test_socket_that_closed_unasked_breaks_the_claim_on_connections(losses: int, verdict: Verdict) -> None:
    run = a_run(a_broadcast_result([a_point(100, last_ms=1.0, fresh_ms=2.0)], losses=losses))
    found = claim(run, "Connection maintained")
    assert found.ruling.verdict is verdict
    assert found.measured == f"{losses} of 100 connections lost unasked"


def test_event_at_an_idle_client_breaks_the_claim_of_silence() -> None:
    group = a_group("push", requests=2, framed=150, wire=400)
    noisy = replace(group, clients=[replace(group.clients[0], events=1), *group.clients[1:]])
    assert claim(a_run(an_idle_result([group])), "only when changes occur").ruling.verdict is Verdict.HOLDS
    found = claim(a_run(an_idle_result([noisy])), "only when changes occur")
    assert found.ruling.verdict is Verdict.DOES_NOT_HOLD
    assert found.measured == "1 event at 4 idle clients"


def test_polling_that_is_as_fresh_as_the_slowest_push_is_no_gain() -> None:
    slow = a_run(a_broadcast_result([a_point(100, last_ms=1.0, fresh_ms=1_600.0)]))
    assert claim(slow, "No 3-second delay").ruling.verdict is Verdict.DOES_NOT_HOLD
    assert claim(a_whole_run(), "No 3-second delay").ruling.verdict is Verdict.HOLDS
