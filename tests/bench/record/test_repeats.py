"""Several runs of the same as one with repeats."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bench.measures import LAST_ACCEPTED, PEAK_RATE, SLOWEST_PING
from bench.record.book import Book
from bench.record.findings import Findings, Where
from bench.record.repeats import NotRepeats, as_repeats
from bench.record.run import Run
from tests.bench.runs import MACHINE, a_run


def storm(value: float, *, clients: int = 500, faults: tuple[str, ...] = ()) -> Findings:
    book = Book()
    book.add(LAST_ACCEPTED, value, clients=clients)
    book.add_series("accepted", [value], Where(clients))
    book.faults.extend(faults)
    return book.result("storm", ())


def values(run: Run, clients: int = 500) -> list[float]:
    [found] = [each for each in run.findings if each.name == "storm"]
    return [each.value for each in found.find(LAST_ACCEPTED, where=Where(clients))]


def test_one_run_is_itself() -> None:
    assert as_repeats([a_run(storm(0.3))]) == a_run(storm(0.3))


def test_readings_are_those_of_all_runs_in_their_order() -> None:
    assert values(as_repeats([a_run(storm(value)) for value in (0.3, 0.1, 0.2)])) == [0.3, 0.1, 0.2]


def test_readings_of_another_size_or_party_are_of_another_figure() -> None:
    pooled = as_repeats([a_run(storm(0.3)), a_run(storm(0.9, clients=1_500))])
    assert (values(pooled), values(pooled, 1_500)) == ([0.3], [0.9])


def test_figure_and_scenario_that_only_a_later_run_has_are_kept() -> None:
    book = Book()
    book.add(SLOWEST_PING, 9.0, clients=500)
    more = replace(storm(0.1), measures=[*storm(0.1).measures, *book.result("storm", ()).measures])
    book = Book()
    book.add(PEAK_RATE, 7.0, clients=500)
    pooled = as_repeats([a_run(storm(0.3)), a_run(more, book.result("flap", ()))])
    assert [each.name for each in pooled.findings] == ["storm", "flap"]
    assert [each.value for each in pooled.findings[0].find(SLOWEST_PING)] == [9.0]
    assert [each.value for each in pooled.findings[1].find(PEAK_RATE)] == [7.0]


def test_series_stay_those_of_the_first_run() -> None:
    pooled = as_repeats([a_run(storm(0.3)), a_run(storm(0.1))])
    assert pooled.findings[0].series == storm(0.3).series


def test_runs_that_were_pooled_are_left_as_they_were() -> None:
    first = a_run(storm(0.3))
    as_repeats([first, a_run(storm(0.1))])
    assert values(first) == [0.3]


def test_what_was_wrong_with_one_is_wrong_with_all() -> None:
    first = replace(a_run(storm(0.3, faults=("one",))), failures={"cost": "no server"})
    second = replace(a_run(storm(0.1, faults=("other",))), dirty=True, is_whole=False, failures={"flap": "no herd"})
    pooled = as_repeats([first, second])
    assert pooled.findings[0].faults == ["one", "other"]
    assert pooled.failures == {"cost": "no server", "flap": "no herd"}
    assert (pooled.dirty, pooled.is_whole, pooled.duration_s) == (True, False, 240.0)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"commit": "fedcba9876"}, "commits"),
        ({"machine": replace(MACHINE, cores=4)}, "machines"),
        ({"profile": replace(a_run().profile, name="full")}, "profiles"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_runs_of_different_things_are_refused_in_a_sentence(change: dict[str, Any], what: str) -> None:
    other = replace(a_run(storm(0.1)), started_at="2026-01-02T00:00:00Z", **change)
    with pytest.raises(NotRepeats) as refused:
        as_repeats([a_run(storm(0.3)), a_run(storm(0.2)), other])
    assert str(refused.value) == f"the runs of 2026-01-01T00:00:00Z and 2026-01-02T00:00:00Z have different {what}"
