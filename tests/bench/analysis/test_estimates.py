"""Overview from readings, what they may be believed, and what is no difference at all."""

from __future__ import annotations

import random

import pytest

from bench.analysis.estimates import Difference, estimate_readings, ratio
from bench.analysis.noise_floors import noise_floors
from bench.measures import CPU_PER_EVENT, CPU_PER_RECIPIENT, CPU_PER_REQUEST, LAST_ACCEPTED, Kind
from bench.processes.turns import in_turns
from bench.record.book import Book
from bench.record.findings import Reading, Stretch
from bench.stats import Interval
from loadtest.results.validity import Validity

CALM = Stretch(wall_s=1.0, server_cpu_s=0.5, server_wait_s=0.0, generator_cpu_s=0.5, generator_wait_s=0.0)
CROWDED = Stretch(wall_s=1.0, server_cpu_s=0.5, server_wait_s=0.5, generator_cpu_s=0.5, generator_wait_s=0.0)
FULL = Stretch(wall_s=1.0, server_cpu_s=0.5, server_wait_s=0.0, generator_cpu_s=0.95, generator_wait_s=0.0)


def test_figure_is_the_median_with_least_and_most_and_an_interval_from_six_readings_on() -> None:
    five = estimate_readings([Reading(value) for value in (3.0, 1.0, 9.0, 2.0, 4.0)], Kind.TIME)
    assert five is not None
    assert (five.value, five.low, five.high, five.n) == (3.0, 1.0, 9.0, 5)
    assert five.interval is None, "five readings cover the median with 93.8 % at most"
    six = estimate_readings([Reading(value) for value in (3.0, 1.0, 9.0, 2.0, 4.0, 3.5)], Kind.TIME)
    assert six is not None
    assert six.interval == Interval(1.0, 9.0)


def test_one_reading_has_no_interval_and_none_no_figure() -> None:
    found = estimate_readings([Reading(3.0)], Kind.TIME)
    assert found is not None
    assert found.interval is None
    assert estimate_readings([], Kind.TIME) is None


@pytest.mark.parametrize(
    ("stretches", "kind", "validity"),
    [
        ([CALM, CALM, CROWDED], Kind.CPU, Validity.VALID),  # the median does not see one of three
        ([CALM, CROWDED], Kind.CPU, Validity.SUSPECT),
        ([CROWDED, CROWDED, CALM], Kind.TIME, Validity.SUSPECT),
        ([FULL, FULL, CALM], Kind.TIME, Validity.INVALID),
        ([FULL, FULL, CALM], Kind.CPU, Validity.VALID),  # the generator's core says nothing about the server's CPU
        ([CROWDED, CROWDED], Kind.BYTES, Validity.VALID),
    ],
)
def test_figure_is_as_good_as_most_of_its_readings(stretches: list[Stretch], kind: Kind, validity: Validity) -> None:
    found = estimate_readings([Reading(1.0, stretch) for stretch in stretches], kind)
    assert found is not None
    assert found.judgement.validity is validity


def test_late_publisher_makes_a_time_suspect_and_a_reason_makes_it_invalid() -> None:
    late = estimate_readings([Reading(1.0, CALM, 50.0)], Kind.TIME)
    assert late is not None
    assert "late (up to 50 ms)" in str(late.judgement)
    bad = estimate_readings([Reading(1.0, CALM, invalid="the generator fell over")], Kind.TIME)
    assert bad is not None
    assert str(bad.judgement) == "INVALID: the generator fell over"


def a_comparison(own: list[float], other: list[float], floor: float) -> Difference:
    made = ratio([Reading(value) for value in own], [Reading(value) for value in other], Kind.TIME)
    assert made is not None
    return Difference(made, floor)


def test_difference_beyond_the_floor_is_told_and_one_below_is_none() -> None:
    beside, twice = [1.0, 1.01, 0.99, 1.0, 1.02], [2.0, 2.02, 1.98, 2.0, 2.04]
    assert a_comparison(twice, beside, 0.1).words() == "100% more"
    assert a_comparison(beside, twice, 0.1).words() == "50% less"
    assert a_comparison([10 * value for value in twice], beside, 0.1).words() == "20 times as much"
    assert a_comparison(twice, beside, 1.5).is_none
    assert a_comparison(beside, twice, 1.5).is_none  # half is as far from the same as double
    assert a_comparison(beside, [1.0, 1.0, 1.0, 1.0, 1.0], 0.0).is_none  # the interval has 1 in it
    assert a_comparison([2.0], [1.0], 0.1).words() == "not judged: 100% more in the one pair"


def test_difference_of_few_pairs_must_be_on_one_side_in_all_of_them() -> None:
    assert a_comparison([2.0, 2.0, 2.0], [1.0, 1.0, 1.0], 0.1).words() == "100% more"
    assert a_comparison([2.0, 2.0, 0.9], [1.0, 1.0, 1.0], 0.1).is_none


def test_noise_floor_is_how_far_two_equal_parties_came_apart() -> None:
    book = Book()
    for first, again in ((10.0, 12.5), (10.0, 8.0), (10.0, 10.0)):
        book.add(CPU_PER_RECIPIENT, first, clients=1)
        book.add(CPU_PER_RECIPIENT, again, clients=1, party="again")
        book.add(CPU_PER_REQUEST, first, clients=1)
        book.add(CPU_PER_REQUEST, first * 1.1, clients=1, party="again")
    floors = noise_floors(book.result("noise", ()), "again")
    assert floors.by_kind == {Kind.CPU: pytest.approx(0.25)}
    assert floors.of(CPU_PER_REQUEST) == pytest.approx(0.1), "by what it did itself"
    assert floors.of(CPU_PER_EVENT) == pytest.approx(0.25), "by the largest of its kind"
    assert floors.of(LAST_ACCEPTED) is None
    assert floors.words(["server CPU per request", "x"]) == "server CPU per request ±10%, other CPU ±25%"


def test_noise_of_what_was_not_the_same_work_is_no_floor() -> None:
    book, why = Book(), "7 receipts are missing"
    for _ in range(3):
        for measure, again, invalid in ((CPU_PER_RECIPIENT, 20.0, why), (CPU_PER_REQUEST, 11.0, "")):
            book.add(measure, 10.0, clients=1)
            book.add(measure, again, clients=1, party="again", invalid=invalid)
    floors = noise_floors(book.result("noise", ()), "again")
    assert floors.by_kind == {Kind.CPU: pytest.approx(0.1)}


def test_turns_give_everybody_one_a_repeat_in_changing_order() -> None:
    turns = list(in_turns("abcd", 20, random.Random(1)))
    orders = ["".join(party for number, party in turns if number == repeat) for repeat in range(20)]
    assert all(sorted(order) == list("abcd") for order in orders)
    assert len(set(orders)) > 5
