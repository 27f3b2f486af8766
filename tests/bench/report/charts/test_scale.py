"""How far each way goes, as a reader sees it: marks where everything holds, strokes where it does not, no bars."""

from __future__ import annotations

from bench.report.charts.scale import Reach, at_scale, draw
from tests.bench.forecasts import BREAKS, a_forecast_run
from tests.bench.report.charts import drawn


def test_way_has_a_mark_where_it_holds_and_a_stroke_where_it_breaks_and_no_bar_on_a_log_axis() -> None:
    run = a_forecast_run()
    figure = at_scale(run, run.findings[0])
    [axes] = figure.axes
    marks = {line.get_marker(): drawn.points(line) for line in axes.get_lines() if len(drawn.points(line)) == 1}
    strokes = [drawn.points(line)[0] for line in axes.get_lines() if line.get_marker() == "|"]
    assert axes.get_xscale() == "log"
    assert not list(axes.patches)
    assert marks["o"] == [(40_000.0, 3.0)], "the first of three ways by deltas; each way has its own colour"
    assert strokes == [(10_000.0 * (row + 1) + 1_000, float(row)) for row in range(5)]
    assert all(breaks in drawn.texts(figure) for breaks in BREAKS)
    assert "60,000 and more" in drawn.texts(figure)


def test_dashed_line_stands_where_measurements_end_and_the_caption_says_so() -> None:
    run = a_forecast_run()
    figure = at_scale(run, run.findings[0])
    assert drawn.uprights(figure.axes[0]) == [2_500.0]
    assert "Beyond 2,500 players (dashed line) it is extrapolated." in str(figure.get_label())
    assert "50 rooms, 1 change of the list per second" in str(figure.get_label())


def test_way_that_holds_for_nobody_says_so() -> None:
    reach = Reach(name="polling", way="polling", holds=0, is_pushed=False, breaks="core", fails=1_000)
    figure = draw([reach], "on 1 node", 500, "a caption")
    assert "none · core" in drawn.texts(figure)
