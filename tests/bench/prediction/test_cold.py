"""What work costs more the longer ago it was done last: curves whose points are known."""

from __future__ import annotations

import pytest

from bench.prediction.cold import ALWAYS_WARM, Chill, shares


@pytest.mark.parametrize(
    ("idle_s", "reached"),
    [
        (0.0, [0.0, 0.0]),
        (0.001, [0.0, 0.0]),
        (0.01, [0.5, 0.0]),
        (0.1, [1.0, 0.0]),
        (0.3162277660168379, [1.0, 0.5]),
        (1.0, [1.0, 1.0]),
        (60.0, [1.0, 1.0]),
    ],
)
def test_share_of_a_step_goes_up_evenly_on_a_logarithmic_scale(idle_s: float, reached: list[float]) -> None:
    """Warm up to 1 ms, steps to 100 ms and to 1 s: 10 ms is half of the way up the first, 316 ms of the second."""
    assert shares(idle_s, 1.0, [100.0, 1_000.0]) == pytest.approx(reached)


@pytest.mark.parametrize(
    ("idle_s", "more_s"), [(0.0, 0.0), (0.001, 0.0), (0.01, 2.0), (0.1, 4.0), (1.0, 10.0), (1e9, 10.0)]
)
def test_curve_goes_through_its_points_and_is_level_beyond_the_last(idle_s: float, more_s: float) -> None:
    assert Chill(1.0, [100.0, 1_000.0], [4.0, 10.0]).more_s(idle_s) == pytest.approx(more_s)


def test_curve_without_points_is_always_warm() -> None:
    assert [ALWAYS_WARM.more_s(idle_s) for idle_s in (0.0, 1.0, 1e9)] == [0.0, 0.0, 0.0]
