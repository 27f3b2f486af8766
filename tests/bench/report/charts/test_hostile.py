"""The chart of good clients beside a hostile one: a dot for each kind and way in."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure
from msgspec.structs import replace

from bench.measures import HOSTILE_KINDS, PONG_RATIO
from bench.record.book import Book
from bench.record.findings import Findings
from bench.record.profiles.sizes import HostileSizes
from bench.report.charts.colours import BLUE, GREEN, ORANGE
from bench.report.charts.hostile import hostile
from tests.bench.report.charts import drawn
from tests.bench.runs import OVERLOADED, a_run


def ratios(**by_party: tuple[float, ...]) -> Findings:
    book = Book()
    for party, values in by_party.items():
        for value in values:
            book.add(PONG_RATIO, value, clients=200, party=party)
    return book.result("hostile", ())


def draw(found: Findings) -> Figure:
    run = a_run(found)
    sizes = HostileSizes(good=2_000, rounds=5, round_s=2.0)
    return hostile(replace(run, profile=replace(run.profile, hostile=sizes)), found)


ROW = HOSTILE_KINDS.index("slow-heads")


def test_dot_is_the_median_and_its_line_goes_from_least_to_most() -> None:
    [axes] = draw(ratios(**{"slow-heads, TLS": (1.0, 4.0, 2.0)})).axes
    assert drawn.at(axes, "TLS") == [(2.0, ROW)]
    assert [(1.0, float(ROW)), (4.0, float(ROW))] in [drawn.points(line) for line in axes.get_lines()]


def test_ways_in_of_one_kind_stand_beside_each_other_in_their_colours() -> None:
    parties = ("slow-heads, plain", "slow-heads, TLS", "slow-heads, permessage-deflate")
    [axes] = draw(ratios(**dict.fromkeys(parties, (2.0,)))).axes
    ways = {"plain": BLUE, "TLS": ORANGE, "permessage-deflate": GREEN}
    rows = [drawn.at(axes, way)[0][1] for way in ways]
    assert rows == pytest.approx([ROW - 0.22, ROW, ROW + 0.22])
    assert [drawn.colour(drawn.lines(axes, way)[0]) for way in ways] == list(ways.values())
    assert drawn.legend_of(draw(ratios(**dict.fromkeys(parties, (2.0,))))) == ways


def test_every_kind_has_its_row_the_first_at_the_top() -> None:
    [axes] = draw(ratios(**{"slow-heads, TLS": (1.0,)})).axes
    assert [tick.replace("\n", " ") for tick in drawn.ticks(axes)] == list(HOSTILE_KINDS)
    assert axes.yaxis_inverted()


def test_no_difference_and_the_goal_are_lines_on_an_axis_of_multiples() -> None:
    [axes] = draw(ratios(**{"slow-heads, TLS": (1.0,)})).axes
    assert drawn.uprights(axes) == [1.0, 2.0]
    assert axes.get_xscale() == "log"
    assert "×2" in drawn.ticks(axes, "x")


@pytest.mark.parametrize("value", [0.2, 30.0])
def test_axis_goes_as_far_as_the_furthest_reading(value: float) -> None:
    [axes] = draw(ratios(**{"slow-heads, TLS": (1.0, 1.0, value)})).axes
    low, high = axes.get_xlim()
    assert low < value < high


def test_what_is_invalid_is_crossed_out_and_what_is_valid_is_not() -> None:
    book = Book()
    book.add(PONG_RATIO, 2.0, clients=200, party="slow-heads, TLS", stretch=OVERLOADED)
    invalid = draw(book.result("hostile", ()))
    assert "INVALID" in drawn.texts(invalid)
    assert "INVALID" not in drawn.texts(draw(ratios(**{"slow-heads, TLS": (2.0,)})))


def test_caption_says_how_many_clients_and_rounds() -> None:
    assert "n: 2,000 good clients, 5 pairs of rounds of 2 s per dot" in drawn.texts(
        draw(ratios(**{"slow-heads, TLS": (1.0,)}))
    )
