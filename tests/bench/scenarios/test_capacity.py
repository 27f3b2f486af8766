"""The search for the knee, on servers whose knee is known."""

from __future__ import annotations

import pytest

from bench.record.profiles.sizes import CapacitySizes
from bench.scenarios.capacity import StepOutcome, search

SIZES = CapacitySizes(first=1_000, most=16_000, resolution=0.1)


def steps(knee: int, *, blind_from: int = 10**9) -> tuple[list[int], object]:
    tried: list[int] = []

    def step(clients: int) -> StepOutcome:
        tried.append(clients)
        if clients <= knee:
            return StepOutcome.MET
        return StepOutcome.NOT_MEASURED if clients >= blind_from else StepOutcome.MISSED

    return tried, step


@pytest.mark.parametrize("knee", [70, 300, 999, 1_000, 1_700, 5_000, 9_999, 15_000])
def test_knee_is_found_to_the_resolution(knee: int) -> None:
    tried, step = steps(knee)
    found = search(step, SIZES)  # type: ignore[arg-type]
    assert found.is_limit
    assert found.clients <= knee <= found.clients * 1.1 + 1
    assert len(tried) <= 10


def test_everything_met_is_no_knee_but_at_least_the_most() -> None:
    _, step = steps(50_000)
    found = search(step, SIZES)  # type: ignore[arg-type]
    assert (found.clients, found.is_limit) == (16_000, False)


def test_where_not_even_50_are_met_the_knee_is_0() -> None:
    tried, step = steps(10)
    found = search(step, SIZES)  # type: ignore[arg-type]
    assert (found.clients, found.is_limit, tried) == (0, True, [1_000, 500, 250, 125, 62])


def test_step_that_was_not_measured_bounds_the_search_but_is_no_limit() -> None:
    _, step = steps(3_000, blind_from=3_001)
    found = search(step, SIZES)  # type: ignore[arg-type]
    assert not found.is_limit
    assert 2_700 <= found.clients <= 3_000
