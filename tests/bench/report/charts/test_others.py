"""Charts of scenarios that leave findings: what a wrong drawing would have a reader conclude."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from msgspec.structs import replace

from bench.measures import (
    ANNOUNCEMENT_P99,
    CAPACITY,
    CPU_PER_EVENT,
    CPU_PER_PLAYER_HOUR,
    CPU_PER_RECIPIENT,
    CPU_PER_REQUEST,
    KIB_PER_PLAYER_HOUR,
    RSS_PER_CONNECTION,
    SLAB_PER_SOCKET,
    TIME_TO_FRESH_P50,
    TOLD_OFFLINE,
)
from bench.record.book import Book
from bench.record.findings import Findings, Ledger, Stretch, Where
from bench.record.profiles.sizes import CapacitySizes, CostSizes, ReturnSizes
from bench.record.run import Run
from bench.record.vocabulary import (
    ACCEPTED,
    ANNOUNCEMENT,
    BACK_AND_FRESH,
    FLOOR,
    LOBBY,
    LOBBY_AGAIN,
    MET,
    MISSED,
    STALENESS,
    TIME_TO_FRESH,
)
from bench.report.charts import others
from bench.report.charts.colours import BLUE, LIFE_COLOURS, POLICY_COLOURS, SKY, WAY_COLOURS, size_colour
from bench.report.charts.sheet import FEW_POINTS
from tests.bench.report.charts import drawn
from tests.bench.runs import OVERLOADED, a_run


def of(found: Findings, **sizes: object) -> Run:
    run = a_run(found)
    return replace(run, profile=replace(run.profile, **sizes))


# -- capacity ------------------------------------------------------------------------------------------------------


def searches(*steps: tuple[int, float, str], knees: tuple[int, ...], note: str = "") -> Figure:
    """Clients, p99 in ms, outcome."""
    book = Book()
    for clients, p99_ms, outcome in steps:
        book.add(ANNOUNCEMENT_P99, p99_ms, clients=clients)
        book.add_series(ANNOUNCEMENT, [0.001, p99_ms / 1e3], Where(clients), party=outcome)
    for knee in knees:
        book.add(CAPACITY, knee, clients=0)
    if note:
        book.note(note)
    found = book.result("capacity", ())
    return others.capacity(of(found, capacity=CapacitySizes(slo_ms=250.0, repeats=len(knees))), found)


def test_size_that_met_the_level_in_one_search_and_missed_it_in_another_has_a_dot_of_each() -> None:
    [axes] = searches((1_000, 200.0, MET), (1_000, 300.0, MISSED), (2_000, 900.0, MISSED), knees=(1_000, 500)).axes
    assert drawn.at(axes, MET) == [(1_000, 200.0)]
    assert drawn.at(axes, MISSED) == [(1_000, 300.0), (2_000, 900.0)]


def test_knee_is_the_median_of_the_searches_and_its_shade_goes_from_least_to_most() -> None:
    figure = searches((1_000, 200.0, MET), (2_000, 900.0, MISSED), knees=(900, 1_000, 1_400))
    [axes] = figure.axes
    assert drawn.uprights(axes) == [1_000.0]
    assert drawn.shades(axes) == [pytest.approx((900.0, 1_400.0))]
    assert "1,000 clients" in drawn.texts(figure)


@pytest.mark.parametrize(
    ("sizes", "angle"), [((9_000, 18_000), 0), ((1_000, 2_000, 4_000, 8_000), 0), ((8_000, 16_000, 17_000), 45)]
)
def test_sizes_are_level_unless_their_labels_would_touch(sizes: tuple[int, ...], angle: float) -> None:
    [axes] = searches(*((clients, 100.0, MET) for clients in sizes), knees=(sizes[-1],)).axes
    axes.figure.draw_without_rendering()
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {angle}


def test_step_that_nobody_heard_has_no_dot() -> None:
    book = Book()
    book.add(ANNOUNCEMENT_P99, float("nan"), clients=1_000)
    book.add(ANNOUNCEMENT_P99, 100.0, clients=500)
    book.add_series(ANNOUNCEMENT, [], Where(1_000), party=MISSED)
    book.add_series(ANNOUNCEMENT, [0.1], Where(500), party=MET)
    found = book.result("capacity", ())
    [axes] = others.capacity(of(found), found).axes
    assert drawn.lines(axes, MISSED) == []
    assert drawn.at(axes, MET) == [(500, 100.0)]


# -- login storm and restart ---------------------------------------------------------------------------------------


def test_storm_of_which_somebody_was_left_out_ends_below_all() -> None:
    book = Book()
    book.add_series(ACCEPTED, [0.1, 0.2, 0.3], Where(4))
    found = book.result("storm", ())
    [axes] = others.storm(of(found), found).axes
    assert drawn.at(axes, "4 clients")[-1] == pytest.approx((0.3, 75.0))


def test_repeats_of_a_storm_have_a_line_each_in_the_colour_of_their_size_and_one_name() -> None:
    book = Book()
    for clients, last_s in ((100, 0.5), (100, 0.7), (20, 0.1)):
        book.add_series(ACCEPTED, [last_s] * clients, Where(clients))
    found = book.result("storm", ())
    figure = others.storm(of(found), found)
    [axes] = figure.axes
    assert [str(line.get_label())[0] for line in axes.get_lines()] == ["2", "1", "_"]
    colours = [size_colour(20).upper(), size_colour(100).upper(), size_colour(100).upper()]
    assert [drawn.colour(line) for line in axes.get_lines()] == colours
    assert "n: 1, 2 storms by size" in drawn.texts(figure)


def test_policies_of_a_restart_have_their_colours() -> None:
    book = Book()
    for party in ("jitter, SIGTERM", "fixed 5 s, kill -9"):
        book.add_series(BACK_AND_FRESH, [1.0, 2.0], Where(2), party=party)
    found = book.result("reconnect", ())
    [axes] = others.reconnect(of(found), found).axes
    for party, policy in (("jitter, SIGTERM", "jitter"), ("fixed 5 s, kill -9", "fixed 5 s")):
        [line] = drawn.lines(axes, party)
        assert drawn.colour(line) == POLICY_COLOURS[policy].upper()
    assert axes.get_ylim() == (0, 103)


def test_few_that_come_back_late_are_where_they_were_and_the_last_one_has_a_dot() -> None:
    """990 of 1,000 are back within 5 s, one more each second from then on: at 14.9 s one is away."""
    book = Book()
    book.add_series(BACK_AND_FRESH, [*np.linspace(0.1, 5, 990), *np.arange(6.0, 16.0)], Where(1_000), party="jitter")
    found = book.result("reconnect", ())
    [axes] = others.reconnect(of(found), found).axes
    [line] = drawn.lines(axes, "jitter")
    times_s, shares = np.transpose(drawn.points(line))
    for time_s, share in ((5.5, 99.0), (8.5, 99.3), (14.9, 99.9)):
        drawn_share = shares[np.searchsorted(times_s, time_s, side="right") - 1]
        assert drawn_share == pytest.approx(share, abs=0.05), time_s
    assert (times_s[-1], shares[-1]) == (15.0, 100.0)
    assert (line.get_marker(), line.get_markevery()) == ("o", [-1])
    assert len(times_s) <= FEW_POINTS + 1, "and the beginning"


# -- flap ----------------------------------------------------------------------------------------------------------


def test_flap_counts_those_who_were_told_offline_of_those_who_were_cut() -> None:
    """Of 50 players 20 are cut, and 5 of them are told offline: a quarter."""
    book = Book()
    for grace_s, told in ((0, (4.0, 5.0, 6.0)), (10, (0.0,))):
        for value in told:
            book.add(TOLD_OFFLINE, value, clients=50, party=f"jitter, grace {grace_s} s")
        book.add_series(BACK_AND_FRESH, [1.0] * 10, Where(50), party=f"jitter, grace {grace_s} s")
    found = book.result("flap", ())
    figure = others.flap(of(found, returns=ReturnSizes(flapping=50, flap_share=0.4)), found)
    left, right = figure.axes
    assert drawn.widths(left) == [25.0, 0.0]
    assert "25 %" in drawn.texts(figure)
    assert drawn.at(right, "jitter")[-1] == (1.0, 50.0), "half of those who were cut came back"
    assert len(right.get_lines()) == 1, "when players are back does not depend on the grace"
    assert "20 of 50 sockets are reset" in drawn.texts(figure)


def crosses(axes: Axes) -> list[tuple[float, float]]:
    return [drawn.points(line)[0] for line in axes.get_lines() if line.get_marker() == "x"]


def test_flap_from_which_not_all_came_back_is_crossed_out() -> None:
    book = Book()
    for party, invalid in (("fixed 5 s, grace 0 s", ""), ("jitter, grace 0 s", "only 7 of 20 clients came back")):
        book.add(TOLD_OFFLINE, 5.0, clients=50, party=party, invalid=invalid)
        book.add_series(BACK_AND_FRESH, [1.0] * 10, Where(50), party=party)
    found = book.result("flap", ())
    figure = others.flap(of(found, returns=ReturnSizes(flapping=50, flap_share=0.4)), found)
    assert crosses(figure.axes[0]) == [(25.0, 1.0)]
    assert drawn.texts(figure).count("INVALID") == 1
    assert drawn.texts(figure).count("25 %") == 1, "a figure that is none is not told beside its bar"


# -- cost ----------------------------------------------------------------------------------------------------------


def test_point_of_cost_is_the_median_with_a_bar_from_least_to_most_in_the_colour_of_the_life() -> None:
    book = Book()
    for clients, values in ((100, (1.0, 4.0, 2.0)), (1_000, (8.0,))):
        for value in values:
            for measure in (CPU_PER_PLAYER_HOUR, KIB_PER_PLAYER_HOUR):
                book.add(measure, value, clients=clients, party="idle")
        for measure in (RSS_PER_CONNECTION, SLAB_PER_SOCKET):
            book.add(measure, 5.0, clients=clients)
    found = book.result("cost", ())
    left, _, right = others.cost(of(found, cost=CostSizes(clients=[100, 1_000])), found).axes
    assert drawn.at(left, "idle") == [(100, 2.0), (1_000, 8.0)]
    [bar] = [line for line in left.get_lines() if drawn.points(line) == [(100, 1.0), (100, 4.0)]]
    assert drawn.colour(bar) == drawn.colour(drawn.lines(left, "idle")[0]) == LIFE_COLOURS["idle"].upper()
    assert (left.get_xscale(), left.get_yscale(), right.get_yscale()) == ("log", "log", "linear")
    assert drawn.ticks(left, "x") == ["100", "1,000"]


def test_memory_of_a_server_and_of_the_kernel_are_two_lines() -> None:
    book = Book()
    for measure in (CPU_PER_PLAYER_HOUR, KIB_PER_PLAYER_HOUR):
        book.add(measure, 1.0, clients=100, party="idle")
    book.add(RSS_PER_CONNECTION, 9.0, clients=100)
    book.add(SLAB_PER_SOCKET, 2.0, clients=100)
    found = book.result("cost", ())
    right = others.cost(of(found, cost=CostSizes(clients=[100])), found).axes[2]
    assert (drawn.at(right, "server, RSS"), drawn.at(right, "kernel, per socket")) == ([(100, 9.0)], [(100, 2.0)])


# -- peers and noise -----------------------------------------------------------------------------------------------


def peers(*told: tuple[str, float]) -> Findings:
    book = Book()
    for party, value in told:
        for measure in (CPU_PER_RECIPIENT, CPU_PER_EVENT, CPU_PER_REQUEST):
            book.add(measure, value, clients=100, party=party)
    return book.result("peers", ())


def test_bar_that_is_suspect_has_a_mark_that_is_explained() -> None:
    book = Book()
    book.add(CPU_PER_RECIPIENT, 8.0, clients=100, party=FLOOR, suspect="other work had the cores")
    book.add(CPU_PER_RECIPIENT, 10.0, clients=100, party=LOBBY)
    found = book.result("peers", ())
    told = drawn.texts(others.peers(of(found), found))
    assert "8.00 *" in told
    assert "10.0 *" not in told
    assert "*: suspect" in told
    valid = peers((LOBBY, 10.0), (FLOOR, 8.0))
    assert "*" not in drawn.texts(others.peers(of(valid), valid))


def test_bars_of_peers_begin_at_nothing_and_the_lobby_has_a_colour_of_its_own() -> None:
    found = peers((LOBBY, 10.0), (FLOOR, 8.0), (LOBBY, 14.0), (FLOOR, 6.0))
    figure = others.peers(of(found), found)
    for axes in figure.axes:
        assert drawn.widths(axes) == [7.0, 12.0]
        assert [to_hex(bar.get_facecolor()).upper() for bar in axes.patches] == [SKY.upper(), BLUE.upper()]
        assert axes.get_xlim()[0] == 0
        assert axes.get_xlim()[1] > 14.0


def test_cost_that_comes_out_below_nothing_has_no_bar_and_its_figure() -> None:
    found = peers((LOBBY, -2.0), (FLOOR, 8.0))
    figure = others.peers(of(found), found)
    assert drawn.widths(figure.axes[0]) == [0.0, 8.0]
    assert "-2.00" in drawn.texts(figure)


def test_shade_of_noise_is_as_far_as_the_furthest_pair_either_way() -> None:
    book = Book()
    for first, again in ((10.0, 8.0), (10.0, 10.5)):
        book.add(CPU_PER_RECIPIENT, first, clients=10)
        book.add(CPU_PER_RECIPIENT, again, clients=10, party=LOBBY_AGAIN)
    found = book.result("noise", ())
    [axes] = others.noise(of(found), found).axes
    [dots] = [line for line in axes.get_lines() if line.get_marker() == "o"]
    assert [x for x, _ in drawn.points(dots)] == pytest.approx([0.8, 1.05])
    [shade] = axes.collections
    xs = np.asarray(shade.get_paths()[0].vertices)[:, 0].tolist()
    assert (min(xs), max(xs)) == pytest.approx((0.8, 1.25))


def test_noise_of_what_not_all_heard_is_crossed_out_and_has_no_shade() -> None:
    book = Book()
    for measure, invalid in ((CPU_PER_RECIPIENT, "7 receipts are missing"), (CPU_PER_REQUEST, "")):
        for first, again in ((10.0, 8.0), (10.0, 10.5)):
            book.add(measure, first, clients=10)
            book.add(measure, again, clients=10, party=LOBBY_AGAIN, invalid=invalid)
    found = book.result("noise", ())
    figure = others.noise(of(found), found)
    [axes] = figure.axes
    assert crosses(axes) == [(pytest.approx(0.925), 0.0)]
    assert drawn.texts(figure).count("INVALID") == 1


# -- freshness -----------------------------------------------------------------------------------------------------


def test_way_whose_generator_was_the_limit_is_called_invalid_in_the_legend() -> None:
    book = Book()
    for way, stretch in (("delta", OVERLOADED), ("polling", None)):
        book.add(TIME_TO_FRESH_P50, 200.0, clients=4, party=way, stretch=stretch)
        book.add_series(TIME_TO_FRESH, [0.1, 0.2, 0.3], Where(4), party=way)
    found = book.result("freshness", ())
    left, _ = others.freshness(of(found), found).axes
    assert [line.get_label() for line in left.get_lines()] == ["polling", "rooms_delta – INVALID"]


def test_staleness_is_the_share_of_time_below_it_and_each_way_has_its_colour() -> None:
    book = Book()
    for way in ("delta", "polling"):
        ledger = Ledger(expected=4, received=3)
        book.add_series(TIME_TO_FRESH, [0.1, 0.2, 0.3], Where(4), party=way, ledger=ledger)
        book.add_series(STALENESS, [3.0, 0.0, 1.0, 2.0], Where(4), party=way)
    found = book.result("freshness", ())
    figure = others.freshness(of(found), found)
    left, right = figure.axes
    assert [drawn.colour(line) for line in right.get_lines()] == [
        WAY_COLOURS[way].upper() for way in ("polling", "delta")
    ]
    assert drawn.points(right.get_lines()[0]) == [(0.0, 25.0), (1.0, 50.0), (2.0, 75.0), (3.0, 100.0)]
    assert (left.get_xscale(), right.get_xscale()) == ("log", "linear")
    assert right.get_ylim() == (0, 101)
    assert "reach 75\N{NO-BREAK SPACE}%" in drawn.texts(figure)


def test_invalid_point_of_cost_is_crossed_out() -> None:
    book = Book()
    for measure in (CPU_PER_PLAYER_HOUR, KIB_PER_PLAYER_HOUR):
        book.add(measure, 1.0, clients=100, party="idle", invalid="nobody played")
    book.add(RSS_PER_CONNECTION, 9.0, clients=100)
    found = book.result("cost", ())
    figure = others.cost(of(found, cost=CostSizes(clients=[100])), found)
    assert drawn.texts(figure).count("INVALID") == 2


def test_peer_whose_generator_was_busy_is_dear_and_no_less_valid() -> None:
    """What a server's CPU costs does not go with the generator's."""
    book = Book()
    stretch = Stretch(wall_s=1.0, server_cpu_s=0.5, generator_cpu_s=OVERLOADED.generator_cpu_s)
    for measure in (CPU_PER_RECIPIENT, CPU_PER_EVENT, CPU_PER_REQUEST):
        book.add(measure, 10.0, clients=100, stretch=stretch)
    found = book.result("peers", ())
    assert "INVALID" not in drawn.texts(others.peers(of(found), found))
