"""What is drawn: lines end where the figures are, axes say units, and what is invalid is crossed out. No warnings."""

from __future__ import annotations

import math

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from msgspec.structs import replace

from bench.analysis.comparison.compare import compare_runs
from bench.analysis.derived.overview import Overview, derive
from bench.measures import (
    ANNOUNCEMENT_P99,
    BYTES_PER_CLIENT_HOUR,
    CAPACITY,
    COLD_BROADCAST,
    CPU_PER_EVENT,
    CPU_PER_PLAYER_HOUR,
    CPU_PER_RECIPIENT,
    CPU_PER_REQUEST,
    KIB_PER_PLAYER_HOUR,
    RSS_PER_CONNECTION,
    SLAB_PER_SOCKET,
    TOLD_OFFLINE,
)
from bench.record.book import Book
from bench.record.findings import Findings, Ledger, Stretch, Where
from bench.record.profiles.sizes import FETCHING_LIFE, WAYS
from bench.record.run import Run
from bench.record.vocabulary import (
    ACCEPTED,
    BACK_AND_FRESH,
    FLOOR,
    LOBBY,
    LOBBY_AGAIN,
    MET,
    MISSED,
    NOT_MEASURED,
    STALENESS,
    TIME_TO_FRESH,
)
from bench.report.charts import BY_SCENARIO, CHARTS_OF, FIGURES, FOUND, draw_charts
from bench.report.charts.bandwidth import idle_bandwidth, traffic_by_cause, traffic_by_rate
from bench.report.charts.broadcast import latency_by_clients, latency_by_rate, latency_distribution
from bench.report.charts.colours import LIFE_COLOURS, WAY_COLOURS, size_colour
from bench.report.charts.compare import draw_comparison
from bench.report.charts.sheet import (
    CAPTION_CHARACTERS,
    PHONE,
    PHONE_WIDTH_IN,
    STYLE,
    bytes_tick,
    mark_invalid,
    nines,
    nines_axis,
    ratio_axis,
    render,
    sheet,
    wrapped,
)
from tests.bench.runs import OVERLOADED, a_broadcast_result, a_group, a_point, a_run, a_whole_run, an_idle_result, told

pytestmark = pytest.mark.system  # every chart is drawn

FULL = Stretch(wall_s=1.0, server_cpu_s=0.5, generator_cpu_s=0.95)


def labels(axes: Axes) -> list[str]:
    return [str(line.get_label()) for line in axes.get_lines() if not str(line.get_label()).startswith("_")]


def line(axes: Axes, label: str) -> tuple[list[float], list[float]]:
    """The points of the one line with this label."""
    [found] = [each for each in axes.get_lines() if each.get_label() == label]
    return [float(x) for x in found.get_xdata()], [float(y) for y in found.get_ydata()]  # type: ignore[union-attr]


def texts(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(mpl.text.Text))


def drawn(name: str, found: Findings, run: Run | None = None) -> Figure:
    """A chart of findings, drawn to the end, so that a warning of the layout is an error here, too."""
    of = run if run is not None else a_run(found)
    chart = render(name, name, "Lower is better.", lambda: FOUND[name].draw(of, found))
    assert chart.png.startswith(b"\x89PNG")
    return FOUND[name].draw(of, found)


# -- broadcasts ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def overview() -> Overview:
    return derive(a_whole_run())


def test_latency_lines_go_through_the_figures_of_each_size(overview: Overview) -> None:
    announced, fresh = latency_by_clients(overview).axes[:2]
    assert line(announced, "last client: median broadcast") == ([100, 500, 1_000], pytest.approx([4.0, 9.0, 25.0]))
    assert line(announced, "p50 of all receipts")[1] == pytest.approx([2.0, 4.5, 12.5])
    assert line(fresh, "last client: median broadcast")[1] == pytest.approx([20.0, 90.0, 1_400.0])


def test_every_broadcast_has_a_dot(overview: Overview) -> None:
    announced = latency_by_clients(overview).axes[0]
    assert len(line(announced, "last client: each broadcast")[0]) == 9


def test_axes_of_latencies_say_that_they_are_logarithmic_and_of_what(overview: Overview) -> None:
    announced = latency_by_clients(overview).axes[0]
    assert announced.get_xscale() == announced.get_yscale() == "log"
    assert announced.get_xlabel() == "clients connected (log scale)"
    assert "log scale" in announced.get_ylabel()


def test_overloaded_point_is_crossed_out() -> None:
    points = [a_point(100, last_ms=1.0, fresh_ms=2.0), a_point(500, last_ms=1.0, fresh_ms=2.0, stretch=OVERLOADED)]
    assert "INVALID" in texts(latency_by_clients(derive(a_run(a_broadcast_result(points)))))
    assert "INVALID" not in texts(latency_by_clients(derive(a_run(a_broadcast_result(points[:1])))))


def test_distribution_ends_at_the_slowest_receipt(overview: Overview) -> None:
    announced = latency_distribution(overview).axes[0]
    xs, heights = line(announced, "100 clients")
    assert max(xs) == pytest.approx(4.0)
    assert max(heights) == pytest.approx(nines(100 * (1 - 0.5 / 300)))
    assert heights == sorted(heights)


def test_rates_are_on_the_axis_where_they_were_measured() -> None:
    book = Book()
    for rate in (0.5, 4.0, 20.0):
        where = Where(100, 0, rate)
        book.add_broadcasts("announcement", [told(rate, clients=100)] * 3, where, stretch=OVERLOADED, interval_s=1.0)
    found = derive(a_run(book.result("broadcast", ())))
    [axes] = latency_by_rate(found).axes
    assert line(axes, "last client, median change") == ([0.5, 4.0, 20.0], pytest.approx([0.5, 4.0, 20.0]))
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0.5", "4", "20"]


# -- bytes ---------------------------------------------------------------------------------------------------------


def busy(way: str, rate: float, *, framed: int = 9_000) -> Findings:
    return an_idle_result([a_group(way, requests=20, framed=framed, wire=framed + 900, changes_per_s=rate)])


def test_idle_dots_stand_at_the_bytes_of_a_minute(overview: Overview) -> None:
    figure = idle_bandwidth(overview)
    at = {float(np.ravel(each.get_xdata())[0]) for axes in figure.axes for each in axes.get_lines()}
    assert any(math.isclose(each, 44_000, rel_tol=1e-6) for each in at), at
    assert "push" in texts(figure)


@pytest.mark.parametrize(("wires", "words"), [((990, 1_010), "black lines"), ((1_000, 1_001), "no two clients differ")])
def test_caption_names_the_black_lines_where_there_are_any(wires: tuple[int, int], words: str) -> None:
    one, other = (a_group("polling", requests=20, framed=900, wire=wire) for wire in wires)
    figure = idle_bandwidth(derive(a_run(an_idle_result([replace(one, clients=one.clients + other.clients)]))))
    assert words in str(figure.get_label())
    [axes] = figure.axes
    drawn_lines = [each for each in axes.get_lines() if each.get_color() == "black"]
    assert bool(drawn_lines) == (words == "black lines")


def test_line_of_a_way_goes_through_its_bytes_at_every_rate() -> None:
    groups = [
        a_group(
            "push", requests=2, framed=1_000 * (1 + round(rate)), wire=1_200 * (1 + round(rate)), changes_per_s=rate
        )
        for rate in (0.0, 1.0, 9.0)
    ]
    figure = traffic_by_rate(derive(a_run(an_idle_result(groups))))
    [found] = drawn_lines(figure.axes[0])
    assert marks_of(found) == pytest.approx([72_000, 144_000, 720_000])


def test_line_of_a_way_has_the_corner_by_which_crossovers_are_read() -> None:
    """A change has 100 bytes and is told by itself up to 3 per second, so that the line is level from there on."""
    groups = [
        a_group("push", requests=2, framed=9_000, wire=10_000 + 6_000 * events, changes_per_s=rate)
        for rate, events in ((0.0, 0), (1.0, 1), (9.0, 3))
    ]
    groups = [
        replace(group, clients=[replace(each, events=60 * events) for each in group.clients])
        for group, events in zip(groups, (0, 1, 3), strict=True)
    ]
    [found] = drawn_lines(traffic_by_rate(derive(a_run(an_idle_result(groups)))).axes[0])
    drawn_at = {round(float(x), 6): float(y) for x, y in zip(found.get_xdata(), found.get_ydata(), strict=True)}  # type: ignore[arg-type]
    marks = marks_of(found)
    assert len(marks) == 3, "the corner is no measured point"
    assert drawn_at[3.0] == pytest.approx(marks[2])


def drawn_lines(axes: Axes) -> list[Line2D]:
    return [each for each in axes.get_lines() if len(np.ravel(each.get_xdata())) > 1]


def marks_of(line: Line2D) -> list[float]:
    """Heights of what has a marker."""
    ys = np.asarray(line.get_ydata(), dtype=float)
    return [float(each) for each in ys[line.get_markevery()]]  # type: ignore[index]


def test_shares_of_a_bar_make_all_of_it() -> None:
    figure = traffic_by_cause(derive(a_run(busy("push", 1.0))))
    widths = [bar.get_width() for axes in figure.axes for bar in axes.patches]
    assert sum(widths) == pytest.approx(100 * len(figure.axes))


# -- findings ------------------------------------------------------------------------------------------------------


def test_storm_climbs_to_all_clients_at_the_last_acceptance() -> None:
    book = Book()
    book.add_series(ACCEPTED, [0.1, 0.2, 0.4, 0.8], Where(4))
    book.add(CPU_PER_EVENT, 0.2, clients=4)
    [axes] = drawn("storm", book.result("storm", ())).axes
    xs, shares = line(axes, "4 clients")
    assert (xs[-1], shares[-1]) == (pytest.approx(0.8), 100.0)
    assert shares == pytest.approx([0, 25, 50, 75, 100])


def test_line_of_a_restart_ends_below_all_where_somebody_was_left_out() -> None:
    book = Book()
    book.add_series(BACK_AND_FRESH, [1.0, 2.0, 3.0], Where(4), party="jitter, SIGTERM")
    book.add(CPU_PER_EVENT, 0.2, clients=4)
    [axes] = drawn("reconnect", book.result("reconnect", ())).axes
    assert line(axes, "jitter, SIGTERM")[1][-1] == 75.0


def test_flap_has_a_bar_of_those_who_were_told_offline() -> None:
    book = Book()
    for grace, value in ((0, 30.0), (10, 0.0)):
        party = f"jitter, grace {grace} s"
        book.add(TOLD_OFFLINE, value, clients=100, party=party)
        book.add_series(BACK_AND_FRESH, [1.0] * 30, Where(100), party=party)
    found = book.result("flap", ())
    run = a_run(found)
    returns = replace(run.profile.returns, flapping=100, flap_share=0.3)
    figure = drawn("flap", found, replace(run, profile=replace(run.profile, returns=returns)))
    assert sorted(bar.get_width() for bar in figure.axes[0].patches) == pytest.approx([0.0, 100.0])


def a_search(*steps: tuple[int, float, str], knee: int, note: str = "") -> Findings:
    book = Book()
    for clients, p99_ms, outcome in steps:
        book.add(ANNOUNCEMENT_P99, p99_ms, clients=clients)
        book.add_series("announcement", [p99_ms / 1e3], Where(clients), party=outcome)
    book.add(CAPACITY, knee, clients=0)
    if note:
        book.note(note)
    return book.result("capacity", ())


def test_steps_of_the_search_are_drawn_by_their_outcome() -> None:
    found = a_search((1_000, 100.0, MET), (2_000, 400.0, MISSED), (1_500, 300.0, NOT_MEASURED), knee=1_000)
    figure = drawn("capacity", found)
    [axes] = figure.axes
    assert line(axes, "met") == ([1_000], [100.0])
    assert line(axes, "missed") == ([2_000], [400.0])
    assert any(each.startswith("not measured: the generator") for each in labels(axes))
    assert "1,000 clients" in texts(figure)
    assert "at least" not in texts(figure)


def test_knee_that_is_a_lower_bound_says_so() -> None:
    found = a_search((1_000, 100.0, MET), knee=1_000, note="1,000 clients met it: the knee is at least there")
    assert "at least 1,000 clients" in texts(drawn("capacity", found))


def test_search_that_found_no_size_draws_its_steps_and_no_knee() -> None:
    figure = drawn("capacity", a_search((1_000, 400.0, MISSED), (500, 300.0, MISSED), knee=0))
    assert "service level, 250 ms" in texts(figure)
    assert not any(text.endswith(" 0 clients") for text in texts(figure).split("  "))


def test_cost_has_a_line_for_each_life_and_kind_of_memory() -> None:
    book = Book()
    for clients in (100, 1_000):
        for life, cpu_s in (("idle", 0.1), ("active, push with fetch", 2.0)):
            book.add(CPU_PER_PLAYER_HOUR, cpu_s * clients, clients=clients, party=life)
            book.add(KIB_PER_PLAYER_HOUR, 10.0, clients=clients, party=life)
        book.add(RSS_PER_CONNECTION, 9.0, clients=clients)
        book.add(SLAB_PER_SOCKET, 2.0, clients=clients)
    cpu, kib, memory = drawn("cost", book.result("cost", ())).axes
    assert line(cpu, "idle") == ([100, 1_000], pytest.approx([10.0, 100.0]))
    assert labels(kib) == ["idle", "active, push with fetch"]
    assert line(memory, "server, RSS")[1] == [9.0, 9.0]
    assert memory.get_ylim()[0] == 0, "bars and memory begin at nothing"


@pytest.mark.parametrize(("kib", "low", "high"), [(10.0, 0.0, 13.0), (0.0, 0.0, 1.0), (-4.0, -5.2, 1.0)])
def test_memory_that_does_not_grow_has_an_axis_all_the_same(kib: float, low: float, high: float) -> None:
    book = Book()
    book.add(RSS_PER_CONNECTION, kib, clients=300)
    for measure in (CPU_PER_PLAYER_HOUR, KIB_PER_PLAYER_HOUR):
        book.add(measure, 1.0, clients=300, party=FETCHING_LIFE)
    assert drawn("cost", book.result("cost", ())).axes[2].get_ylim() == pytest.approx((low, high))


def test_parties_stand_by_their_cost_and_the_lobby_is_set_apart() -> None:
    book = Book()
    for party, value in ((LOBBY, 10.0), (FLOOR, 8.0), ("naive Tornado", 30.0)):
        for measure in (CPU_PER_RECIPIENT, CPU_PER_EVENT, CPU_PER_REQUEST):
            book.add(measure, value, clients=400, party=party)
    axes = drawn("peers", book.result("peers", ())).axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [
        "floor: bare loop\nof sends",
        LOBBY,
        "naive Tornado",
    ]
    assert [bar.get_width() for bar in axes.patches] == [8.0, 10.0, 30.0]
    assert [tick.get_fontweight() for tick in axes.get_yticklabels()] == ["normal", "bold", "normal"]


def test_party_whose_figure_is_invalid_is_said_to_be() -> None:
    book = Book()
    for measure in (CPU_PER_RECIPIENT, CPU_PER_EVENT, CPU_PER_REQUEST):
        book.add(measure, 10.0, clients=400, invalid="nobody was answered")
    assert "INVALID" in texts(drawn("peers", book.result("peers", ())))


def test_pairs_of_equals_are_dots_around_one_and_the_cold_start_is_left_out() -> None:
    book = Book()
    for first, again in ((10.0, 11.0), (10.0, 9.0)):
        for measure in (CPU_PER_RECIPIENT, COLD_BROADCAST):
            book.add(measure, first, clients=10)
            book.add(measure, again, clients=10, party=LOBBY_AGAIN)
    [axes] = drawn("noise", book.result("noise", ())).axes
    dots = [each for each in axes.get_lines() if each.get_marker() == "o"]
    assert [[float(x) for x in each.get_xdata()] for each in dots] == [pytest.approx([1.1, 0.9])]  # type: ignore[union-attr]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["server CPU per recipient"]


def test_freshness_has_a_line_of_each_way_that_was_measured() -> None:
    book = Book()
    for way, fresh_s in (("push", 0.1), ("polling", 1.5)):
        ledger = Ledger(expected=4, received=4)
        book.add_series(TIME_TO_FRESH, [fresh_s * each for each in (1, 2, 3, 4)], Where(4), party=way, ledger=ledger)
        book.add_series(STALENESS, [0.0, fresh_s], Where(4), party=way)
        book.add(CPU_PER_EVENT, 0.1, clients=4, party=way)
    figure = drawn("freshness", book.result("freshness", ()))
    assert labels(figure.axes[0]) == ["polling", "push, then fetch"]
    assert "reach 100\N{NO-BREAK SPACE}%" in texts(figure)


# -- which are drawn -----------------------------------------------------------------------------------------------


def test_empty_run_has_no_charts() -> None:
    assert draw_charts(derive(a_run())) == []


def test_chart_is_drawn_where_its_series_was_measured() -> None:
    book = Book()
    book.add(CPU_PER_EVENT, 0.2, clients=4)
    without = a_run(book.result("storm", ()))
    assert draw_charts(derive(without)) == []
    book.add_series(ACCEPTED, [0.1], Where(4))
    assert [chart.name for chart in draw_charts(derive(a_run(book.result("storm", ()))))] == ["storm"]


@pytest.mark.parametrize(("sizes", "is_drawn"), [((1_000,), False), ((1_000, 2_000), True)])
def test_chart_over_clients_is_drawn_of_two_sizes_or_more(sizes: tuple[int, ...], is_drawn: bool) -> None:
    """Of one size the sentences and the table say all, and nothing can be seen to rise or to be flat."""
    book = Book()
    for clients in sizes:
        book.add(CPU_PER_PLAYER_HOUR, 0.1, clients=clients, party="idle")
        book.add(KIB_PER_PLAYER_HOUR, 10.0, clients=clients, party="idle")
        book.add(RSS_PER_CONNECTION, 9.0, clients=clients)
        book.add(SLAB_PER_SOCKET, 2.0, clients=clients)
    search = a_search(*((clients, 100.0, MET) for clients in sizes), knee=sizes[-1])
    names = [chart.name for chart in draw_charts(derive(a_run(book.result("cost", ()), search)))]
    assert names == (["cost", "capacity"] if is_drawn else [])


def test_every_chart_of_findings_is_named_by_its_section() -> None:
    sections = {chart: scenario for scenario, chart in BY_SCENARIO.items()}
    assert {name: CHARTS_OF[sections.get(name, name)] for name in FOUND} == {name: (name,) for name in FOUND}


# -- the sheet -----------------------------------------------------------------------------------------------------


def test_caption_says_what_to_know_and_where_it_was_measured() -> None:
    figure, _ = sheet(a_run(), "n: 5 broadcasts.", height_in=3.0)
    text = texts(figure)
    assert "n: 5 broadcasts." in text
    assert "a CPU, 2 cores" in text
    assert "commit 0123456789" in text


def test_long_caption_is_broken_into_lines_that_fit() -> None:
    figure, _ = sheet(a_run(), "word " * 100, height_in=3.0)
    [caption] = [text.get_text() for text in figure.findobj(mpl.text.Text) if "word word" in text.get_text()]
    assert max(map(len, caption.split("\n"))) <= CAPTION_CHARACTERS
    assert caption.count("word") == 100


@pytest.mark.parametrize(("percent", "height"), [(0, 0.0), (90, 1.0), (99, 2.0), (99.9, 3.0)])
def test_each_nine_is_as_high_as_the_one_before(percent: float, height: float) -> None:
    assert nines(percent) == pytest.approx(height)


def test_axis_of_nines_ends_with_the_last_that_its_samples_can_tell() -> None:
    _figure, [axes] = sheet(a_run(), " ", height_in=3.0)
    nines_axis(axes, most=2.0)
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["0 %", "50 %", "90 %", "99 %"]


@pytest.mark.parametrize(
    ("value", "words"), [(500, "500 B"), (2_000, "2 KB"), (3e6, "3 MB"), (4e9, "4 GB"), (1_500, "1.5 KB")]
)
def test_bytes_on_an_axis_are_in_thousands(value: float, words: str) -> None:
    assert bytes_tick(value, None) == words


def test_ratios_are_written_as_multiples() -> None:
    _figure, [axes] = sheet(a_run(), " ", height_in=3.0)
    axes.set_xscale("log")
    axes.set_xlim(0.5, 2.0)
    ratio_axis(axes)
    assert "×1" in [tick.get_text() for tick in axes.get_xticklabels()]
    assert "×0.5" in [tick.get_text() for tick in axes.get_xticklabels()]


def test_cross_stands_where_the_figure_is() -> None:
    figure, [axes] = sheet(a_run(), " ", height_in=3.0)
    with mpl.rc_context(STYLE):
        mark_invalid(axes, 3.0, 7.0)
    [cross] = axes.get_lines()
    assert (float(np.ravel(cross.get_xdata())[0]), float(np.ravel(cross.get_ydata())[0])) == (3.0, 7.0)
    assert "INVALID" in texts(figure)


def test_same_figure_is_rendered_to_the_same_bytes() -> None:
    def one() -> str:
        return render("one", "One", "", lambda: latency_by_clients(derive(a_whole_run()))).svg

    assert one() == one()


def test_title_of_a_chart_is_in_its_svg() -> None:
    chart = render("one", "How long", "", lambda: latency_by_clients(derive(a_whole_run())))
    assert "<dc:title>How long</dc:title>" in chart.svg


def test_chart_for_a_phone_has_its_panels_below_each_other_and_no_caption(overview: Overview) -> None:
    with mpl.rc_context(PHONE):
        figure = latency_by_clients(overview)
    assert figure.get_figwidth() == PHONE_WIDTH_IN
    above, below = figure.axes
    figure.draw_without_rendering()
    assert above.get_position().y0 > below.get_position().y1
    assert "commit" not in texts(figure)
    assert "n: 3 announcements" in str(figure.get_label())


@pytest.mark.parametrize("name", sorted({*FOUND, *(each.drawing.name for each in FIGURES)}))
def test_every_chart_has_one_message_and_says_what_to_see(name: str) -> None:
    [drawing] = [each.drawing for each in (*FIGURES, *FOUND.values()) if each.drawing.name == name]
    assert drawing.title[0].isupper()
    assert not drawing.title.endswith(".")
    assert drawing.see.endswith(".")


def test_no_bar_stands_on_a_logarithmic_axis() -> None:
    charts = [each.draw(derive(a_whole_run())) for each in FIGURES if each.is_there(derive(a_whole_run()))]
    for axes in (axes for figure in charts for axes in figure.axes):
        bars = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
        assert not bars or (axes.get_xscale(), axes.get_yscale()) == ("linear", "linear")


def a_map(*, is_right: bool) -> Run:
    """Push against polling where the model is right, and where nothing that is modelled is."""
    book = Book()
    for number, (clients, rate) in enumerate((n, rate) for n in (100, 1_000) for rate in (0.2, 1.0, 5.0)):
        where = {"clients": clients, "rooms": 10, "changes_per_s": rate}
        noise = 1.0 if is_right else (0.2, 5.0)[number % 2]
        book.add(BYTES_PER_CLIENT_HOUR, 1_000.0 * noise, party="polling", **where)  # type: ignore[arg-type]
        book.add(BYTES_PER_CLIENT_HOUR, 20.0 + 600 * rate * noise, party="push", **where)  # type: ignore[arg-type]
    return a_run(book.result("break-even", ()))


def test_map_has_areas_only_where_held_out_cells_confirm_the_model_and_between_cells() -> None:
    for is_right in (True, False):
        run = a_map(is_right=is_right)
        figure = FOUND["break-even"].draw(run, run.findings[0])
        bytes_map, *others = figure.axes
        assert bool(bytes_map.collections) is is_right
        assert not any(axes.collections for axes in others), "nothing was measured there"
        dots = [each for each in bytes_map.get_lines() if each.get_marker() == "o"]
        assert len(dots) == 6
        assert ("not confirmed" in texts(figure)) is not is_right
        if is_right:
            [area] = bytes_map.collections
            box = area.get_datalim(bytes_map.transData)
            assert (box.x0, box.x1) == pytest.approx((0.2, 5.0), rel=0.05)
            assert (box.y0, box.y1) == pytest.approx((100, 1_000), rel=0.05)


def test_map_names_the_ways_that_it_lacks() -> None:
    run = a_map(is_right=True)
    assert "Not measured in this run's cells: polling, ETag, polling, ETag + gzip" in texts(
        FOUND["break-even"].draw(run, run.findings[0])
    ).replace("\n", " ")


# -- colours -------------------------------------------------------------------------------------------------------


def test_size_has_its_colour_whatever_other_sizes_there_are() -> None:
    points = [a_point(n, last_ms=1.0, fresh_ms=2.0) for n in (100, 500, 1_000)]
    colours = []
    for some in (points, points[1:]):
        axes = latency_distribution(derive(a_run(a_broadcast_result(some)))).axes[0]
        colours.append({str(each.get_label()): each.get_color() for each in axes.get_lines()}["500 clients"])
    assert colours[0] == colours[1]


def test_every_way_and_life_has_a_colour_of_its_own() -> None:
    assert set(WAY_COLOURS) == set(WAYS)
    assert len(set(WAY_COLOURS.values())) == len(WAYS)
    assert LIFE_COLOURS[FETCHING_LIFE] == WAY_COLOURS["push"]
    assert size_colour(100) != size_colour(1_000)


# -- the comparison ------------------------------------------------------------------------------------------------


def test_comparison_is_drawn_of_what_changed() -> None:
    def run(factor: float) -> Run:
        book = Book()
        for value in (10.0, 10.1, 9.9):
            book.add(CPU_PER_RECIPIENT, factor * value, clients=10)
            book.add(CPU_PER_EVENT, value, clients=10)
        return a_run(book.result("peers", ()))

    chart = draw_comparison(compare_runs(run(1.0), run(2.0), limit=0.1))
    assert chart.name == "compare"
    assert chart.png.startswith(b"\x89PNG")


def test_comparison_without_anything_in_common_is_drawn_empty() -> None:
    assert draw_comparison(compare_runs(a_run(), a_run(), limit=0.1)).png.startswith(b"\x89PNG")


def test_name_that_is_too_long_for_a_phone_breaks_between_a_unit_and_what_follows() -> None:
    with mpl.rc_context(PHONE):
        assert [each.split("\n") for each in wrapped(["fixed 5 s, grace 0 s"])] == [
            ["fixed 5\N{NO-BREAK SPACE}s, grace", "0\N{NO-BREAK SPACE}s"]
        ]
