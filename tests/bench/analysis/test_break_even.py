"""The model of the break-even map, fitted to cells whose costs are known by formula."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from bench.analysis.break_even import (
    CONFIRMED,
    Point,
    Surface,
    cells_of,
    fit,
    idle_of,
    rates_of_cells,
    simple_per_s,
    surfaces,
    surfaces_of,
)
from bench.analysis.crossings import crossing_per_s, measured_crossing, side_by_side
from bench.load.changes.changes import evenly
from bench.measures import (
    BYTES_PER_CLIENT_HOUR,
    CHANGES_PER_S,
    CPU_PER_CLIENT_HOUR,
    CPU_PER_PLAYER_HOUR,
    KIB_PER_PLAYER_HOUR,
    TIME_TO_FRESH_P50,
    Measure,
)
from bench.record.book import Book
from bench.record.findings import Findings
from bench.record.profiles.sizes import BreakEvenSizes, FreshnessSizes
from bench.record.run import Run
from loadtest.results.validity import Validity
from lobby_server.service.pacing import Paced
from tests.bench.runs import PROFILE, a_group, a_run, an_idle_result
from tests.fakes.clock import VirtualClock

RATES, CLIENTS = (0.2, 1.0, 5.0), (100, 1_000)
POLL_S = 3.0


def polling(rate: float, clients: int) -> float:
    return 1_000.0 + 2_000 / clients


def etag(rate: float, clients: int) -> float:
    """Changes that follow each other evenly: each is met by one poll, until there is one per period."""
    return 100.0 + 900 * min(1.0, rate * POLL_S)


def push(rate: float, clients: int) -> float:
    return 20.0 + 600 * rate


def cells(name: str, cost: object, clients: tuple[int, ...] = CLIENTS) -> Surface:
    points = [Point(n, rate, cost(rate, n)) for n in clients for rate in RATES]  # type: ignore[operator]
    return fit(name, points, poll_s=POLL_S)


@pytest.mark.parametrize(
    ("way", "cost"), [("polling", polling), ("polling_etag", etag), ("push", push)], ids=["polling", "etag", "push"]
)
def test_model_finds_the_costs_that_its_cells_were_made_of(way: str, cost: object) -> None:
    surface = cells(way, cost)
    for rate in (0.3, 2.0, 4.0):
        assert float(surface(rate, 500)) == pytest.approx(cost(rate, 500), rel=0.03)  # type: ignore[operator]
    assert max(surface.errors) < 0.02
    assert surface.is_determined


INTERVAL_S = 0.25
"""Between two announcements, as the server has it by itself."""


def conflated(rate: float, clients: int) -> float:
    """Push, where changes within an interval of the last announcement are announced together."""
    return 20.0 + 600 * min(rate, 1 / INTERVAL_S)


def herded(rate: float, clients: int) -> float:
    """The same, where everybody's fetches take half a millisecond each."""
    return 20.0 + 600 * min(rate, 1 / max(INTERVAL_S, 5e-4 * clients))


def noisy(cost: Callable[[float, int], float], *, off: float = 0.02) -> Callable[[float, int], float]:
    """Off by so much, up and down in turns."""
    signs = itertools.cycle((1, -1, -1, 1, 1, -1, 1))
    return lambda rate, clients: cost(rate, clients) * (1 + off * next(signs))


@pytest.mark.parametrize("rates", [(0.25, 1.0, 10.0), (0.1, 2.0, 6.0), (0.5, 3.0, 5.0, 20.0)], ids=str)
@pytest.mark.parametrize("cost", [conflated, herded])
def test_model_finds_the_interval_between_announcements(
    cost: Callable[[float, int], float], rates: tuple[float, ...]
) -> None:
    surface = fit("push", [Point(n, rate, cost(rate, n)) for n in CLIENTS for rate in (0.0, *rates)], poll_s=POLL_S)
    for clients in CLIENTS:
        for rate in (0.05, 0.7, 1.5, 4.0, 8.0, 30.0):
            assert float(surface(rate, clients)) == pytest.approx(cost(rate, clients), rel=0.001)


def test_interval_is_found_in_cells_that_are_off_and_grows_only_where_they_need_it() -> None:
    rates = (0.0, 0.25, 1.0, 10.0)
    cost = noisy(conflated)
    surface = fit("push", [Point(n, rate, cost(rate, n)) for n in CLIENTS for rate in rates], poll_s=POLL_S)
    assert surface.constants[3] == pytest.approx(INTERVAL_S, rel=0.06)
    assert surface.constants[4] == 0.0
    cost = noisy(herded)
    surface = fit("push", [Point(n, rate, cost(rate, n)) for n in CLIENTS for rate in rates], poll_s=POLL_S)
    assert surface.constants[4] * 1_000 == pytest.approx(0.5, rel=0.06)


def test_cells_in_which_every_change_is_announced_have_no_interval() -> None:
    assert list(cells("push", noisy(push)).constants[3:]) == [0.0, 0.0]


def test_interval_of_deltas_does_not_grow_for_nobody_fetches_on_one() -> None:
    points = [Point(n, rate, herded(rate, n)) for n in CLIENTS for rate in (0.0, 0.25, 1.0, 10.0)]
    assert fit("delta", points, poll_s=POLL_S).constants[4] == 0.0


@pytest.mark.parametrize("rate", [0.25, 1.0, 2.0, 3.5, 6.0, 10.0])
def test_announcements_of_the_model_are_those_that_the_server_makes_of_the_changes_of_the_lab(rate: float) -> None:
    """A window's changes, at the times at which the lab makes them, through the server's own pacing."""
    window_s, chance = 400.0, random.Random(5)
    clock, announced = VirtualClock(), []
    paced = Paced(clock, interval_s=lambda: INTERVAL_S, act=lambda: announced.append(clock.monotonic_s()))
    began_s = clock.monotonic_s()
    for at_s in evenly(rate, start_s=0.0, window_s=window_s, jitters=[chance.random() for _ in range(97)]):
        clock.advance(began_s + at_s - clock.monotonic_s())
        paced.wish()
    surface = fit("push", [Point(n, each, conflated(each, n)) for n in CLIENTS for each in (0.0, 0.25, 1.0, 10.0)],
                  poll_s=POLL_S)  # fmt: skip
    told_per_s = (float(surface(rate, 100)) - 20.0) / 600
    assert told_per_s == pytest.approx(len(announced) / window_s, rel=0.01)


def test_crossing_below_the_interval_is_that_of_changes_which_are_announced_one_by_one() -> None:
    """28 + 9,840 λ = 540 + 2,620 · 3 λ at 0.2586; a model that thins announcements out there has it at 0.19."""
    rates = (0.0, 0.25, 1.0, 10.0)
    told = [Point(n, rate, 28.0 + 9_840 * min(rate, 4.0)) for n in CLIENTS for rate in rates]
    polled = [Point(n, rate, 540.0 + 2_620 * min(1.0, 3 * rate)) for n in CLIENTS for rate in rates]
    surfaces_there = fit("push", told, poll_s=POLL_S), fit("polling_etag", polled, poll_s=POLL_S)
    assert crossing_per_s(*surfaces_there, 1_000) == pytest.approx(512 / (9_840 - 7_860), rel=0.005)


def test_polling_costs_the_same_whatever_changes() -> None:
    surface = cells("polling", polling)
    assert float(surface(0.01, 100)) == pytest.approx(float(surface(30.0, 100)))


def test_one_size_cannot_tell_what_depends_on_it() -> None:
    surface = cells("push", push, clients=(100,))
    assert float(surface(1.0, 100)) == pytest.approx(float(surface(1.0, 10_000)))


def test_fewer_cells_than_constants_make_no_error_to_speak_of() -> None:
    surface = fit("push", [Point(100, 1.0, 620.0)], poll_s=POLL_S)
    assert not surface.is_determined


def test_cell_that_cost_nothing_has_no_relative_error() -> None:
    surface = fit("push", [Point(100, 0.0, 0.0), Point(100, 1.0, 620.0)], poll_s=POLL_S)
    assert len(surface.errors) == 1


def test_crossing_is_where_both_cost_the_same() -> None:
    crossing = crossing_per_s(cells("push", push), cells("polling", polling), 1_000)
    assert crossing == pytest.approx((1_002 - 20) / 600, rel=0.05)


def test_way_that_is_always_dearer_or_never_has_no_crossing() -> None:
    dear = cells("push", lambda rate, n: 5_000.0 + rate)
    cheap = cells("push", lambda rate, n: 1.0 + 0.001 * rate)
    assert crossing_per_s(dear, cells("polling", polling), 100) is None
    assert crossing_per_s(cheap, cells("polling", polling), 100) is None


def test_measured_crossing_is_on_the_line_between_two_cells_of_that_size() -> None:
    found = measured_crossing(cells("push", push), cells("polling", polling), 1_000)
    assert found is not None
    assert found.per_s == pytest.approx((1_002 - 20) / 600)
    assert (found.low_per_s, found.high_per_s) == (1.0, 5.0)


def test_measured_crossing_of_a_size_without_cells_is_none() -> None:
    assert measured_crossing(cells("push", push), cells("polling", polling), 77) is None


@pytest.mark.parametrize(("poll_s", "per_s"), [(3.0, 1 / 3), (0.5, 2.0)])
def test_simple_model_breaks_even_at_one_change_per_period(poll_s: float, per_s: float) -> None:
    assert simple_per_s(poll_s) == pytest.approx(per_s)


# -- cells of a run ------------------------------------------------------------------------------------------------


def findings(name: str, *readings: tuple[Measure, str, float, float], rooms: int = 10, clients: int = 100) -> Findings:
    book = Book()
    for measure, party, rate, value in readings:
        book.add(measure, value, clients=clients, rooms=rooms, changes_per_s=rate, party=party)
    return book.result(name, ())


def run_of(*found: Findings, freshness_poll_s: float = POLL_S) -> Run:
    sizes = BreakEvenSizes(ways=["polling", "push"], clients=[100], rooms=10, poll_s=POLL_S)
    fresh = FreshnessSizes(poll_s=freshness_poll_s)
    return replace(a_run(*found), profile=replace(PROFILE, break_even=sizes, freshness=fresh))


CELL = (BYTES_PER_CLIENT_HOUR, "push", 1.0, 620.0)


def test_cells_of_freshness_count_where_list_and_period_are_the_same() -> None:
    own, beside = findings("break-even", CELL), findings("freshness", CELL)
    assert len(cells_of(run_of(own, beside))) == 2
    assert len(cells_of(run_of(own, beside, freshness_poll_s=1.0))) == 1
    assert len(cells_of(run_of(own, findings("freshness", CELL, rooms=50)))) == 1
    assert len(cells_of(run_of(own, findings("freshness", (BYTES_PER_CLIENT_HOUR, "rev", 1.0, 1.0))))) == 2
    assert len(cells_of(run_of(own, findings("freshness", (BYTES_PER_CLIENT_HOUR, "jitter", 1.0, 1.0))))) == 1


def test_run_without_break_even_has_no_cells() -> None:
    assert cells_of(run_of(findings("freshness", CELL))) == []


def test_rate_of_a_cell_is_the_achieved_one() -> None:
    own = findings("break-even", CELL, (CHANGES_PER_S, "push", 1.0, 0.98))
    [(party, rate)] = [(party, rate) for (party, _), rate in rates_of_cells(run_of(own)).items()]
    assert (party, rate) == ("push", 0.98)
    [surface] = surfaces_of(run_of(own), BYTES_PER_CLIENT_HOUR)
    assert [(each.changes_per_s, each.nominal_per_s) for each in surface.points if each.changes_per_s] == [(0.98, 1.0)]


def test_idle_cost_comes_from_bandwidth_at_true_length() -> None:
    idle = an_idle_result([a_group("push", requests=2, framed=152, wire=464)])
    run = run_of(idle)
    assert idle_of(run, BYTES_PER_CLIENT_HOUR) == pytest.approx(60 * 464)
    shortened = replace(run.profile.bandwidth, time_scale=12.0)
    assert idle_of(replace(run, profile=replace(run.profile, bandwidth=shortened)), BYTES_PER_CLIENT_HOUR) is None


def test_idle_cost_comes_from_the_scenario_cost_otherwise() -> None:
    book = Book()
    book.add(KIB_PER_PLAYER_HOUR, 27.0, clients=100, party="idle")
    book.add(KIB_PER_PLAYER_HOUR, 28.0, clients=1_000, party="idle")
    book.add(CPU_PER_PLAYER_HOUR, 0.5, clients=1_000, party="idle")
    run = run_of(book.result("cost", ()))
    assert idle_of(run, BYTES_PER_CLIENT_HOUR) == pytest.approx(28.0 * 1024), "of the largest size"
    assert idle_of(run, CPU_PER_CLIENT_HOUR) == 0.5
    assert idle_of(run, TIME_TO_FRESH_P50) is None
    assert idle_of(run_of(), BYTES_PER_CLIENT_HOUR) is None


def test_idle_cells_of_all_that_hold_a_socket_are_one() -> None:
    own = findings(
        "break-even",
        (BYTES_PER_CLIENT_HOUR, "push", 0.0, 10.0),
        (BYTES_PER_CLIENT_HOUR, "delta", 0.0, 30.0),
        (BYTES_PER_CLIENT_HOUR, "polling", 0.0, 999.0),
        *((BYTES_PER_CLIENT_HOUR, way, 1.0, 620.0) for way in ("push", "delta", "polling")),
    )
    by_way = {each.way: each for each in surfaces(own.measures, BYTES_PER_CLIENT_HOUR, poll_s=POLL_S)}
    idle = {way: next(p.value for p in each.points if not p.changes_per_s) for way, each in by_way.items()}
    assert idle == {"push": 20.0, "delta": 20.0, "polling": 999.0}


def test_idle_value_stands_in_where_no_idle_cell_was_measured() -> None:
    own = findings("break-even", CELL)
    [surface] = surfaces(own.measures, BYTES_PER_CLIENT_HOUR, poll_s=POLL_S, idle_value=25.0)
    assert [each.value for each in surface.points if not each.changes_per_s] == [25.0]


def test_points_are_as_valid_as_their_readings_and_the_idle_one_as_most_of_all() -> None:
    book = Book()
    for way, rate, suspect in (("push", 0.0, "late"), ("delta", 0.0, ""), ("rev", 0.0, ""), ("push", 1.0, "late")):
        at = {"clients": 100, "rooms": 10, "changes_per_s": rate, "party": way}
        book.add(BYTES_PER_CLIENT_HOUR, 9.0, suspect=suspect, **at)  # type: ignore[arg-type]
    by_way = {each.way: each for each in surfaces(book.result("break-even", ()).measures, BYTES_PER_CLIENT_HOUR,
                                                  poll_s=POLL_S)}  # fmt: skip
    validities = {each.changes_per_s: each.judgement.validity for each in by_way["push"].points}
    assert validities == {0.0: Validity.VALID, 1.0: Validity.SUSPECT}


def test_other_measures_make_no_surface_of_this_one() -> None:
    own = findings("break-even", (CPU_PER_CLIENT_HOUR, "push", 1.0, 0.5))
    assert surfaces(own.measures, BYTES_PER_CLIENT_HOUR, poll_s=POLL_S) == []


# -- cells that are held out ---------------------------------------------------------------------------------------


def test_model_of_the_right_shape_is_confirmed_by_cells_that_were_held_out() -> None:
    surface = cells("polling_etag", etag)
    assert len(surface.held_out) == len(RATES) * len(CLIENTS)
    assert surface.error == pytest.approx(0.0, abs=0.02)
    assert surface.is_confirmed


def test_model_of_the_wrong_shape_is_not_confirmed() -> None:
    surface = cells("polling", lambda rate, n: 100.0 * rate**2)  # what polls plainly does not depend on the rate
    assert surface.error is not None
    assert surface.error > CONFIRMED
    assert not surface.is_confirmed


def test_model_with_too_few_cells_to_hold_any_out_is_not_confirmed() -> None:
    surface = fit("push", [Point(100, 1.0, 620.0), Point(100, 5.0, 3_020.0)], poll_s=POLL_S)
    assert (surface.held_out, surface.error, surface.is_confirmed) == ([], None, False)


def test_polling_without_cells_has_the_bytes_that_bandwidth_counted() -> None:
    groups = [a_group("polling_gzip", requests=20, framed=900, wire=1_000, changes_per_s=rate) for rate in (0.5, 2.0)]
    groups += [a_group("rev", requests=2, framed=900, wire=1_000, changes_per_s=1.0)]
    fitted = surfaces_of(run_of(findings("break-even", CELL), an_idle_result(groups)), BYTES_PER_CLIENT_HOUR)
    assert {each.way for each in fitted} == {"push", "polling_gzip"}, "push with rev depends on how many there are"
    [gzip] = [each for each in fitted if each.way == "polling_gzip"]
    assert [(each.changes_per_s, each.value) for each in gzip.points] == [(0.5, 60_000.0), (2.0, 60_000.0)]


def test_polling_with_cells_at_one_rate_has_the_bytes_that_bandwidth_counted_too() -> None:
    groups = [a_group("polling_gzip", requests=20, framed=900, wire=1_000, changes_per_s=rate) for rate in (0.5, 4.0)]
    at_one = (BYTES_PER_CLIENT_HOUR, "polling_gzip", 2.0, 61_000.0)
    idle = an_idle_result(groups)
    [gzip] = [
        each
        for each in surfaces_of(run_of(findings("break-even", CELL, at_one), idle), BYTES_PER_CLIENT_HOUR)
        if each.way == "polling_gzip"
    ]
    assert [(each.changes_per_s, each.value, each.any_size) for each in gzip.points] == [
        (2.0, 61_000.0, False), (0.5, 60_000.0, True), (4.0, 60_000.0, True)]  # fmt: skip

    at_two = (BYTES_PER_CLIENT_HOUR, "polling_gzip", 0.5, 59_000.0)
    own = findings("break-even", CELL, at_one, at_two)
    [gzip] = [each for each in surfaces_of(run_of(own, idle), BYTES_PER_CLIENT_HOUR) if each.way == "polling_gzip"]
    assert not any(each.any_size for each in gzip.points), "its own cells make a line"


def test_bytes_of_any_size_tell_nothing_of_what_grows_with_the_clients() -> None:
    points = [Point(150, 2.0, 61_000.0), Point(4, 0.5, 90_000.0, any_size=True)]
    assert fit("polling", points, poll_s=POLL_S).constants[1] == 0.0


@pytest.mark.parametrize(("other", "is_there"), [(2.0019, True), (2.09, True), (2.2, False)])
def test_rates_that_differ_by_what_was_achieved_are_one(other: float, is_there: bool) -> None:
    push = fit("push", [Point(150, 0.5, 500.0), Point(150, 2.0, 2_000.0)], poll_s=POLL_S)
    etag = fit("polling_etag", [Point(150, other, 300.0)], poll_s=POLL_S)
    rates, apart = side_by_side(push, etag, 150)
    assert list(rates) == ([pytest.approx((2.0 + other) / 2)] if is_there else [])
    assert list(apart) == ([pytest.approx(1_700.0)] if is_there else [])


def test_bandwidth_with_another_list_makes_no_cells() -> None:
    groups = [a_group("polling_gzip", requests=20, framed=900, wire=1_000, rooms=50, changes_per_s=1.0)]
    fitted = surfaces_of(run_of(findings("break-even", CELL), an_idle_result(groups)), BYTES_PER_CLIENT_HOUR)
    assert {each.way for each in fitted} == {"push"}


def test_cell_that_is_invalid_is_no_part_of_a_surface() -> None:
    book = Book()
    for rate, value, invalid in ((0.2, 100.0, ""), (1.0, 9_999.0, "3 of 100 clients lost their connection")):
        book.add(CPU_PER_CLIENT_HOUR, value, clients=100, party="push", rooms=10, changes_per_s=rate, invalid=invalid)
    [surface] = surfaces(book.result("break-even", ()).measures, CPU_PER_CLIENT_HOUR, poll_s=POLL_S)
    assert [(each.changes_per_s, each.value) for each in surface.points] == [(0.2, 100.0)]
