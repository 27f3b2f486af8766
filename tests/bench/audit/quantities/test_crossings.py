"""Where one way begins to cost more: on straight lines between cells, by hand, and by the auditor's own fit."""

from __future__ import annotations

import itertools
import math

import pytest
from msgspec.structs import replace

from bench.analysis.break_even import Point, surfaces_of
from bench.analysis.break_even import fit as lab_fit
from bench.analysis.crossings import measured_crossing as measured_by_the_lab
from bench.analysis.sources import crossing as quantity
from bench.audit.quantities.crossings import Cells, crossing, measured_crossing, order, side_by_side
from bench.audit.quantities.fits import fit
from bench.audit.raw import NotInRun, Raw
from bench.measures import (
    BYTES_PER_CLIENT_HOUR,
    CHANGES_PER_S,
    CPU_PER_CLIENT_HOUR,
    CPU_PER_PLAYER_HOUR,
    EVENTS_PER_CLIENT_HOUR,
    KIB_PER_PLAYER_HOUR,
)
from bench.record.book import Book
from bench.record.findings import Findings
from bench.record.profiles.sizes import BreakEvenSizes, FreshnessSizes
from bench.record.run import Run
from tests.bench.audit.documents import raw_of
from tests.bench.runs import a_group, a_run, an_idle_result

Cell = tuple[str, float, float]
"""Way, changes per second, what it costs."""


def cells(*found: Cell, clients: int = 100, measure: object = BYTES_PER_CLIENT_HOUR, name: str = "break-even",
          rooms: int = 50, achieved: dict[float, float] | None = None) -> Findings:  # fmt: skip
    book = Book()
    for way, rate, value in found:
        at = {"clients": clients, "rooms": rooms, "changes_per_s": rate, "party": way}
        book.add(measure, value, **at)  # type: ignore[arg-type]
        book.add(CHANGES_PER_S, (achieved or {}).get(rate, rate), **at)  # type: ignore[arg-type]
    return book.result(name, ())


def run_of(*found: Findings) -> Run:
    run = a_run(*found)
    sizes = BreakEvenSizes(rooms=50, poll_s=3.0)
    profile = replace(run.profile, break_even=sizes, freshness=FreshnessSizes(rooms=50, poll_s=3.0))
    return replace(run, profile=profile)


def raw(*found: Findings) -> Raw:
    return raw_of(run_of(*found))


def take(found: Raw, what: str, way: str = "push", rival: str = "polling", clients: int = 100) -> float:
    return crossing(found, quantity(BYTES_PER_CLIENT_HOUR, way, rival, clients, what)).value


POLLING: tuple[Cell, ...] = (("polling", 0.2, 60.0), ("polling", 1.0, 60.0))
PUSH: tuple[Cell, ...] = (("push", 0.0, 10.0), ("push", 0.2, 30.0), ("push", 1.0, 110.0))


# -- between the cells ---------------------------------------------------------------------------------------------


def test_crossing_is_on_the_line_between_the_cells_beside_it() -> None:
    """From 30 at 0.2 to 110 at 1: 60 at 0.5."""
    found = raw(cells(*PUSH, *POLLING))
    assert [take(found, what) for what in ("rate", "low", "high")] == pytest.approx([0.5, 0.2, 1.0])
    assert [take(found, what) for what in ("first", "last")] == pytest.approx([0.0, 1.0])


def test_crossing_is_at_the_rates_that_were_achieved() -> None:
    """Called 0.2, and 0.1 in the median of what was; so 60 lies on the line from 30 at 0.1 to 110 at 1."""
    found = raw(cells(*PUSH, *POLLING, achieved={0.2: 0.1}))
    assert take(found, "rate") == pytest.approx(0.1 + 0.9 * 30 / 80)


def test_of_several_crossings_the_first_counts() -> None:
    dear = (("push", 0.2, 10.0), ("push", 0.4, 90.0), ("push", 0.6, 10.0), ("push", 0.8, 90.0))
    found = raw(cells(*dear, *(("polling", rate, 50.0) for _, rate, _ in dear)))
    assert take(found, "rate") == pytest.approx(0.3)


def test_crossing_is_not_read_off_beyond_the_cells() -> None:
    found = raw(cells(("push", 0.2, 30.0), ("push", 1.0, 50.0), *POLLING))
    assert math.isnan(take(found, "rate"))


def test_rival_that_polls_plainly_costs_the_same_at_any_rate_and_another_one_only_where_it_was_measured() -> None:
    at_one = (("polling", 0.2, 60.0),)
    assert take(raw(cells(*PUSH, *at_one)), "rate") == pytest.approx(0.5)
    with_etag = raw(cells(*PUSH, ("polling_etag", 0.2, 60.0)))
    assert math.isnan(take(with_etag, "rate", rival="polling_etag"))


def test_other_sizes_play_no_part() -> None:
    many = cells(("push", 0.2, 1_000.0), ("push", 1.0, 9_000.0), clients=1_000)
    few = cells(*PUSH, *POLLING)
    both = replace(few, measures=[*few.measures, *many.measures])
    assert take(raw(both), "rate") == pytest.approx(0.5)


def test_ways_that_were_not_measured_are_not_in_the_run() -> None:
    with pytest.raises(NotInRun, match="no cells of push and polling"):
        take(raw(cells(*PUSH)), "rate")


def test_simple_model_is_one_fetch_per_change_against_one_per_period() -> None:
    assert take(raw(cells(*PUSH, *POLLING)), "simple") == pytest.approx(1 / 3)


@pytest.mark.system  # seconds: the fit is the auditor's own, of many starts
def test_fit_of_the_auditor_finds_a_crossing_that_is_known() -> None:
    """Push 10 + 100 λ, polling 60: equal at 0.5."""
    rates = (0.0, 0.1, 0.3, 1.0, 4.0)
    push = [("push", rate, 10.0 + 100 * rate) for rate in rates]
    polling = [("polling", rate, 60.0) for rate in rates]
    assert take(raw(cells(*push, *polling)), "model") == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("growth_s", [0.0, 4e-3], ids=["one", "grows"])
def test_fit_of_the_auditor_announces_changes_one_by_one_up_to_the_interval(growth_s: float) -> None:
    """28 + 9,840 λ = 540 + 2,620 · 3 λ, whatever is put together above 4, or with 1,000 clients 0.25 per second."""
    found = []
    for clients in (100, 1_000):
        most_per_s = 1 / max(0.25, growth_s * clients)
        for rate in (0.0, 0.1, 0.25, 1.0, 10.0):
            found.append((clients, "push", rate, 28.0 + 9_840 * min(rate, most_per_s)))
            found.append((clients, "polling_etag", rate, 540.0 + 2_620 * min(1.0, 3 * rate)))
    sizes = [
        cells(*((way, rate, value) for size, way, rate, value in found if size == clients), clients=clients)
        for clients in (100, 1_000)
    ]
    both = replace(sizes[0], measures=[*sizes[0].measures, *sizes[1].measures])
    assert take(raw(both), "model", rival="polling_etag") == pytest.approx(512 / (9_840 - 7_860), rel=0.005)


def test_fit_of_the_auditor_is_that_of_the_lab() -> None:
    """Of cells that are off, with an interval that is longer with more clients; found by another search."""
    signs = itertools.cycle((1.02, 0.97, 0.99, 1.03, 1.01))
    points = [
        Point(clients, rate, (20.0 + 600 * min(rate, 1 / max(0.25, 5e-4 * clients)) + 900 / clients) * next(signs))
        for clients in (100, 300, 1_000) for rate in (0.0, 0.25, 1.0, 10.0)
    ]  # fmt: skip
    lab = lab_fit("push", points, poll_s=3.0)
    own = fit("push", [(each.clients, each.changes_per_s, each.value) for each in points], poll_s=3.0,
              of_one_size=False)  # fmt: skip
    assert lab.constants[4] > 0, "the interval grows"
    for clients in (100, 1_000):
        for rate in (0.1, 1.0, 3.0, 10.0):
            assert own(rate, clients) == pytest.approx(float(lab(rate, clients)), rel=1e-4)


# -- the corner where changes begin to be announced together -------------------------------------------------------


def with_told(found: Findings, way: str, told: dict[float, float]) -> Findings:
    """With so many announcements per second in the cells of a way, by their rate."""
    book = Book()
    for rate, per_s in told.items():
        book.add(EVENTS_PER_CLIENT_HOUR, 3_600 * per_s, clients=100, rooms=50, changes_per_s=rate, party=way)
    return replace(found, measures=[*found.measures, *book.result("break-even", ()).measures])


BENDS = [
    pytest.param("push", "polling", {1.0: 1.0, 10.0: 4.0}, 1 + 3 * 200 / 300, id="at 4, where it costs 100 more"),
    pytest.param("rev", "polling_etag", {1.0: 1.0, 10.0: 4.0}, 1 + 3 * 200 / 300, id="with rev and ETag"),
    pytest.param("push", "polling", {1.0: 1.0, 10.0: 10.0}, 7.0, id="each change by itself"),
    pytest.param("push", "polling", {1.0: 0.5, 10.0: 4.0}, 7.0, id="together in the lower cell already"),
    pytest.param("push", "polling", {}, 7.0, id="not noted"),
    pytest.param("delta", "polling", {1.0: 1.0, 10.0: 4.0}, 7.0, id="a delta has all changes"),
    pytest.param("push", "polling_etag", {1.0: 1.0, 10.0: 0.3}, 7.0, id="below the cells"),
]
"""Of the first way 110 at 1 and 410 at 10 changes per second, of the other 310."""


@pytest.mark.parametrize(("way", "rival", "told", "right"), BENDS)
def test_line_ends_where_announcements_are_the_most(
    way: str, rival: str, told: dict[float, float], right: float
) -> None:
    both = cells((way, 0.0, 10.0), (way, 1.0, 110.0), (way, 10.0, 410.0),
                 *((rival, rate, 310.0) for rate in (0.0, 1.0, 10.0)))  # fmt: skip
    run = run_of(with_told(both, way, told))
    assert [take(raw_of(run), what, way, rival) for what in ("rate", "low", "high")] == pytest.approx([right, 1, 10])
    surfaces = {each.way: each for each in surfaces_of(run, BYTES_PER_CLIENT_HOUR)}
    found = measured_by_the_lab(surfaces[way], surfaces[rival], 100)
    assert found is not None
    assert (found.per_s, found.low_per_s, found.high_per_s) == pytest.approx((right, 1, 10))


def test_line_goes_on_while_polls_find_more_and_more_of_the_changes() -> None:
    """At 0.25 announcements per second and a poll every 3 s one poll in four finds nothing."""
    both = cells(("push", 0.1, 10.0), ("push", 1.0, 410.0), ("polling_etag", 0.1, 310.0), ("polling_etag", 1.0, 310.0))
    run = run_of(with_told(both, "push", {0.1: 0.1, 1.0: 0.25}))
    assert take(raw_of(run), "rate", rival="polling_etag") == pytest.approx(0.1 + 0.9 * 3 / 4)
    surfaces = {each.way: each for each in surfaces_of(run, BYTES_PER_CLIENT_HOUR)}
    found = measured_by_the_lab(surfaces["push"], surfaces["polling_etag"], 100)
    assert found is not None
    assert found.per_s == pytest.approx(0.1 + 0.9 * 3 / 4)


# -- what else stands in for a cell --------------------------------------------------------------------------------


def test_idle_sockets_of_all_ways_are_one_cell_their_mean() -> None:
    """Idle push of 10 and deltas of 50: 30 for both, and so for who has no idle cell of its own."""
    found = raw(cells(("push", 0.0, 10.0), ("delta", 0.0, 50.0), ("push", 1.0, 130.0), ("delta", 1.0, 70.0), *POLLING))
    assert take(found, "rate") == pytest.approx(0.3)


def test_idle_cell_is_taken_from_bandwidth_where_break_even_has_none() -> None:
    """An idle client of 400 bytes in a minute: 24,000 per hour."""
    found = raw(
        cells(("push", 1.0, 124_000.0), ("polling", 1.0, 74_000.0)),
        an_idle_result([a_group("push", requests=2, framed=150, wire=400)]),
    )
    assert take(found, "rate") == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("own", "player", "factor"),
    [(BYTES_PER_CLIENT_HOUR, KIB_PER_PLAYER_HOUR, 1024.0), (CPU_PER_CLIENT_HOUR, CPU_PER_PLAYER_HOUR, 1.0)],
    ids=str,
)
def test_idle_cell_is_taken_from_the_cost_of_most_players_where_nothing_else_has_one(
    own: object, player: object, factor: float
) -> None:
    book = Book()
    book.add(player, 90.0, clients=100, party="idle")  # type: ignore[arg-type]
    book.add(player, 10.0, clients=500, party="idle")  # type: ignore[arg-type]
    found = raw(
        cells(("push", 1.0, 110.0 * factor), ("polling", 1.0, 60.0 * factor), measure=own), book.result("cost", ())
    )
    of = quantity(own, "push", "polling", 100, "rate")  # type: ignore[arg-type]
    assert crossing(found, of).value == pytest.approx(0.5)


def test_freshness_gives_its_cells_where_list_and_period_are_the_same() -> None:
    beside = cells(("push", 0.5, 60.0), ("push", 0.5, 60.0), name="freshness")
    sparse = cells(("push", 0.2, 10.0), ("push", 1.0, 200.0), *POLLING)
    assert take(raw(sparse, beside), "rate") == pytest.approx(0.5)
    other_list = cells(("push", 0.5, 60.0), name="freshness", rooms=10)
    assert take(raw(sparse, other_list), "rate") == pytest.approx(0.2 + 0.8 * 50 / 190)


def test_way_of_polling_with_one_cell_has_what_bandwidth_counted_of_the_same_list() -> None:
    """A byte in a minute is 60 per hour: with ETag 60 at 0.1, 70 at 0.2 (its cell) and 60 at 1; push 30 and 110."""
    groups = [
        a_group("polling_etag", requests=2, framed=0, wire=wire, rooms=rooms, changes_per_s=rate)
        for rate, wire, rooms in ((0.1, 1, 50), (1.0, 1, 50), (1.0, 9_000, 10))
    ]
    own = cells(*PUSH, ("polling_etag", 0.2, 70.0))
    assert math.isnan(take(raw(own), "rate", rival="polling_etag"))
    found = raw(own, an_idle_result(groups))
    assert take(found, "rate", rival="polling_etag") == pytest.approx(0.2 + 0.8 * 40 / 90)


# -- ways that do not cross ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("push", "words"),
    [
        ((10.0, 20.0), "at no rate that was measured"),
        ((70.0, 80.0), "at every rate that was measured"),
        ((60.0, 80.0), "at every rate that was measured"),
        ((70.0, 20.0), "at some rates and not at higher ones"),
        ((20.0, 70.0), "nothing: they cross"),
    ],
)
def test_ways_that_do_not_cross_are_told_by_where_the_first_costs_more(push: tuple[float, float], words: str) -> None:
    found = raw(cells(("push", 0.2, push[0]), ("push", 1.0, push[1]), *POLLING))
    assert order(found, quantity(BYTES_PER_CLIENT_HOUR, "push", "polling", 100, "rate"))[0] == words


def test_ways_that_have_no_rate_in_common_are_not_measured_side_by_side() -> None:
    found = raw(cells(("push", 0.2, 1.0), ("push", 0.3, 1.0), ("delta", 1.0, 1.0), ("delta", 2.0, 1.0)))
    assert order(found, quantity(BYTES_PER_CLIENT_HOUR, "push", "delta", 100, "rate"))[0] == (
        "not measured side by side"
    )


# -- the pieces ----------------------------------------------------------------------------------------------------


def test_rates_that_are_all_but_one_are_one() -> None:
    """Achieved 1.00 and 1.04 of a rate that is called the same."""
    own, rival = Cells([(10, 1.00, 5.0)]), Cells([(10, 1.04, 3.0)])
    assert side_by_side(own, rival, 10, is_flat=False) == ([1.02], [2.0])
    apart = Cells([(10, 1.06, 3.0)])
    assert side_by_side(own, apart, 10, is_flat=False) == ([], [])


def test_line_is_the_mean_of_what_was_measured_at_one_rate_and_idle_cells_are_of_any_size() -> None:
    found = Cells([(10, 1.0, 4.0), (10, 1.0, 6.0), (99, 1.0, 900.0), (99, 0.0, 1.0)], [(2.0, 7.0)])
    assert found.line(10) == ([0.0, 1.0, 2.0], [1.0, 5.0, 7.0])


def test_equal_costs_are_a_crossing_and_dearer_from_the_start_is_none() -> None:
    assert measured_crossing([0.0, 1.0], [-1.0, 0.0]) == (1.0, 0.0, 1.0)
    assert measured_crossing([0.0, 1.0], [0.0, 1.0]) is None
