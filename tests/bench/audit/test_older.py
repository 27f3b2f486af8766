"""Kept runs that counted over more than their window, mended by the auditor: by hand, and as the lab mends them."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bench.analysis import windows
from bench.audit.older import ACHIEVED, HALF_TIMED, WHY, over_the_window
from bench.measures import (
    BYTES_PER_CLIENT_HOUR,
    CHANGES_PER_S,
    CPU_PER_CLIENT_HOUR,
    EVENTS_PER_CLIENT_HOUR,
    EVENTS_PER_PLAYER_HOUR,
    FRESHER_THAN,
    KIB_PER_PLAYER_HOUR,
    MEAN_STALENESS,
    REQUESTS_PER_CLIENT_HOUR,
    REQUESTS_PER_PLAYER_HOUR,
    TIME_TO_FRESH_P50,
    Measure,
)
from bench.record.book import Book
from bench.record.findings import Stretch
from bench.record.profiles.sizes import CostSizes, FreshnessSizes
from bench.record.run import Run
from bench.record.vocabulary import ALL_CHANGES_TIMED
from tests.bench.audit.documents import document_of
from tests.bench.runs import a_run

WINDOW_S, LONG_S = 4.0, 5.2
"""The window, and it with the quiet beside it."""
IDLE_BYTES = 120 * 232

Told = tuple[str, float, Measure, float]
"""Party, changes per second, measure, value."""


def an_old_run(*told: Told, stretch: Stretch | None = None, scenario: str = "freshness") -> Run:
    book = Book()
    for party, rate, measure, value in told:
        book.add(measure, value, clients=10, rooms=10, changes_per_s=rate, party=party, stretch=stretch)
    run = a_run(book.result(scenario, ()))
    sizes = FreshnessSizes(clients=10, window_s=WINDOW_S, changes_per_s=1.0)
    return replace(run, profile=replace(run.profile, freshness=sizes, cost=CostSizes(window_s=WINDOW_S)))


def mended(run: Run) -> dict[tuple[str, float, str], dict[str, Any]]:
    """The first reading by party, rate and measure."""
    [found] = over_the_window(document_of(run))["findings"]
    return {(each["party"], each["changes_per_s"], each["name"]): each["readings"][0] for each in found["measures"]}


def value(run: Run, party: str, measure: Measure, rate: float = 1.0) -> float:
    found: float = mended(run)[party, rate, measure.name]["value"]
    return found


# -- what is mended ------------------------------------------------------------------------------------------------


def test_events_of_the_window_were_divided_by_more_than_it() -> None:
    """Four changes in 4 s, divided by 5.2 s."""
    run = an_old_run(("push", 1.0, EVENTS_PER_CLIENT_HOUR, 4 * 3_600 / LONG_S))
    assert value(run, "push", EVENTS_PER_CLIENT_HOUR) == pytest.approx(3_600)


def test_heartbeats_are_left_as_they_were() -> None:
    run = an_old_run(
        ("push", 1.0, BYTES_PER_CLIENT_HOUR, IDLE_BYTES + 4 * 1_000 * 3_600 / LONG_S),
        ("push", 1.0, REQUESTS_PER_CLIENT_HOUR, 120 + 4 * 3_600 / LONG_S),
    )
    assert value(run, "push", BYTES_PER_CLIENT_HOUR) == pytest.approx(IDLE_BYTES + 3_600_000)
    assert value(run, "push", REQUESTS_PER_CLIENT_HOUR) == pytest.approx(120 + 3_600)


def test_what_is_less_than_the_heartbeats_is_no_less_than_them() -> None:
    run = an_old_run(("push", 1.0, BYTES_PER_CLIENT_HOUR, IDLE_BYTES - 100.0))
    assert value(run, "push", BYTES_PER_CLIENT_HOUR) == pytest.approx(IDLE_BYTES)


def test_requests_of_deltas_are_heartbeats_alone() -> None:
    assert value(an_old_run(("delta", 1.0, REQUESTS_PER_CLIENT_HOUR, 130.0)), "delta", REQUESTS_PER_CLIENT_HOUR) == 130


def test_life_of_a_player_goes_by_its_way_and_in_kib() -> None:
    run = an_old_run(
        ("active, rooms_delta", 1.0, REQUESTS_PER_PLAYER_HOUR, 130.0),
        ("active, push with fetch", 1.0, KIB_PER_PLAYER_HOUR, IDLE_BYTES / 1024 + 100 / LONG_S),
        scenario="cost",
    )
    assert value(run, "active, rooms_delta", REQUESTS_PER_PLAYER_HOUR) == 130.0
    assert value(run, "active, push with fetch", KIB_PER_PLAYER_HOUR) == pytest.approx(IDLE_BYTES / 1024 + 25)


def test_cpu_goes_by_its_own_stretch_and_leaves_what_an_idle_socket_costs() -> None:
    """Counted over 6 s: of 1.0, what is beside 0.4 was half as much again in the window."""
    stretch = Stretch(wall_s=6.0, server_cpu_s=1.0, generator_cpu_s=0.1)
    busy = ("push", 1.0, CPU_PER_CLIENT_HOUR, 1.0)
    assert value(an_old_run(busy, stretch=stretch), "push", CPU_PER_CLIENT_HOUR) == pytest.approx(1.5)
    with_idle = an_old_run(("delta", 0.0, CPU_PER_CLIENT_HOUR, 0.4), busy, stretch=stretch)
    assert value(with_idle, "push", CPU_PER_CLIENT_HOUR) == pytest.approx(1.3)
    with_idle_poll = an_old_run(("polling", 0.0, CPU_PER_CLIENT_HOUR, 0.4), busy, stretch=stretch)
    assert value(with_idle_poll, "push", CPU_PER_CLIENT_HOUR) == pytest.approx(1.5)


def test_polling_is_left_as_it_was_and_with_etag_its_bytes_are_in_doubt() -> None:
    run = an_old_run(
        ("polling", 1.0, BYTES_PER_CLIENT_HOUR, 5_000.0),
        ("polling_etag", 1.0, BYTES_PER_CLIENT_HOUR, 5_000.0),
        ("polling_etag", 1.0, REQUESTS_PER_CLIENT_HOUR, 1_200.0),
    )
    found = mended(run)
    assert {each["value"] for key, each in found.items() if key[2] == BYTES_PER_CLIENT_HOUR.name} == {5_000.0}
    assert found["polling", 1.0, BYTES_PER_CLIENT_HOUR.name]["suspect"] == ""
    assert found["polling_etag", 1.0, BYTES_PER_CLIENT_HOUR.name]["suspect"] == WHY
    assert found["polling_etag", 1.0, REQUESTS_PER_CLIENT_HOUR.name]["suspect"] == ""


def test_cell_without_changes_is_left_as_it_was() -> None:
    assert value(an_old_run(("push", 0.0, BYTES_PER_CLIENT_HOUR, 9.0)), "push", BYTES_PER_CLIENT_HOUR, 0.0) == 9.0


@pytest.mark.parametrize(("rate", "achieved"), [(1.0, 1.0), (0.3, 0.25), (0.1, 0.0), (10.0, 10.0)])
def test_rate_that_there_was_is_a_whole_number_of_changes_in_the_window(rate: float, achieved: float) -> None:
    run = an_old_run(("push", rate, BYTES_PER_CLIENT_HOUR, 9_000_000.0))
    assert mended(run)["push", rate, ACHIEVED]["value"] == pytest.approx(achieved)


# -- what is not ---------------------------------------------------------------------------------------------------


def test_run_that_notes_its_rate_is_the_same_document() -> None:
    run = an_old_run(("push", 1.0, BYTES_PER_CLIENT_HOUR, 9.0), ("push", 1.0, CHANGES_PER_S, 1.0))
    document = document_of(run)
    assert over_the_window(document) is document


def test_document_itself_is_not_changed() -> None:
    document = document_of(an_old_run(("push", 1.0, EVENTS_PER_CLIENT_HOUR, 9.0)))
    before = document_of(an_old_run(("push", 1.0, EVENTS_PER_CLIENT_HOUR, 9.0)))
    assert over_the_window(document) != document
    assert document == before


def test_other_scenarios_are_left_alone() -> None:
    document = document_of(an_old_run(("lobby", 1.0, EVENTS_PER_CLIENT_HOUR, 9.0), scenario="storm"))
    assert over_the_window(document) is document


# -- staleness -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", [MEAN_STALENESS, FRESHER_THAN[0.5]], ids=str)
@pytest.mark.parametrize("is_told", [False, True])
def test_staleness_is_in_doubt_where_nothing_says_that_ends_of_rooms_were_timed(
    measure: Measure, is_told: bool
) -> None:
    run = an_old_run(("push", 1.0, measure, 9.0), ("push", 1.0, CHANGES_PER_S, 1.0))
    if is_told:
        run = replace(run, findings=[replace(run.findings[0], facts={ALL_CHANGES_TIMED: 1.0})])
    assert mended(run)["push", 1.0, measure.name]["suspect"] == ("" if is_told else HALF_TIMED)


def test_time_to_fresh_is_in_no_doubt_for_that() -> None:
    run = an_old_run(
        ("push", 1.0, MEAN_STALENESS, 9.0), ("push", 1.0, TIME_TO_FRESH_P50, 9.0), ("push", 1.0, CHANGES_PER_S, 1.0)
    )
    assert mended(run)["push", 1.0, TIME_TO_FRESH_P50.name]["suspect"] == ""


# -- beside the lab ------------------------------------------------------------------------------------------------


def test_lab_and_auditor_mend_a_run_in_the_same_way() -> None:
    stretch = Stretch(wall_s=6.0, server_cpu_s=1.0, generator_cpu_s=0.1)
    told: list[Told] = [
        (way, rate, measure, 1_000.0 * (1 + number))
        for number, measure in enumerate(
            (BYTES_PER_CLIENT_HOUR, REQUESTS_PER_CLIENT_HOUR, EVENTS_PER_CLIENT_HOUR, CPU_PER_CLIENT_HOUR,
             MEAN_STALENESS)
        )
        for way in ("polling", "polling_etag", "push", "rev", "delta")
        for rate in (0.0, 0.3, 2.0)
    ]  # fmt: skip
    run = an_old_run(*told, stretch=stretch)
    [ours] = document_of(windows.over_the_window(run))["findings"]
    [theirs] = over_the_window(document_of(run))["findings"]

    def by_place(found: dict[str, Any]) -> dict[tuple[str, float, str], tuple[Any, bool]]:
        return {
            (each["party"], each["changes_per_s"], each["name"]): (
                pytest.approx(each["readings"][0]["value"]), bool(each["readings"][0]["suspect"])
            )
            for each in found["measures"]
        }  # fmt: skip

    assert by_place(ours) == {
        key: (each["readings"][0]["value"], bool(each["readings"][0]["suspect"]))
        for each in theirs["measures"]
        for key in [(each["party"], each["changes_per_s"], each["name"])]
    }


def test_lab_and_auditor_mend_the_life_of_a_player_in_the_same_way() -> None:
    told: list[Told] = [
        (life, rate, measure, 500.0)
        for measure in (KIB_PER_PLAYER_HOUR, REQUESTS_PER_PLAYER_HOUR, EVENTS_PER_PLAYER_HOUR)
        for life, rate in (("idle", 0.0), ("active, push with fetch", 1.0), ("active, rooms_delta", 1.0))
    ]
    run = an_old_run(*told, scenario="cost")
    [ours] = document_of(windows.over_the_window(run))["findings"]
    [theirs] = over_the_window(document_of(run))["findings"]
    names = {(each["party"], each["name"]): each["readings"][0]["value"] for each in ours["measures"]}
    assert names == {
        (each["party"], each["name"]): pytest.approx(each["readings"][0]["value"]) for each in theirs["measures"]
    }
