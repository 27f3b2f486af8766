"""Charts as SVG: every point inside of the frame, whatever the data."""

import math
import re

import pytest

from loadtest.output.svg import Axis, Line, chart

TIME = Axis(title="time (s)")


@pytest.mark.parametrize("points", [[], [(3.0, 7.0)]], ids=["none", "one"])
def test_a_line_needs_two_points(points: list[tuple[float, float]]):
    assert chart("empty", [Line("a", points)], x=TIME, y=TIME) == ""


@pytest.mark.parametrize("is_log", [False, True])
@pytest.mark.parametrize("points", [[(0, 1), (1, 5), (2, 3)], [(0, 2), (1, 2)]], ids=["rising", "flat"])
def test_every_point_is_inside_of_the_frame(points: list[tuple[float, float]], is_log: bool):
    drawn = chart("some", [Line("a", points)], x=TIME, y=Axis(title="ms", is_log=is_log))
    width, height = (float(number) for number in re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn)[0])
    [line] = re.findall(r'<polyline points="([^"]+)"', drawn)
    for pair in line.split():
        x, y = (float(number) for number in pair.split(","))
        assert math.isfinite(x)
        assert 0 <= x <= width
        assert 0 <= y <= height


def test_names_are_escaped():
    assert "<b>" not in chart("<b>", [Line("<b>", [(0, 1), (1, 2)])], x=TIME, y=TIME)
