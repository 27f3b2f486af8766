"""Costs that were planted in measurements are found again, and what cannot be told apart is said to be so."""

from __future__ import annotations

import random

import pytest

from bench.prediction.fitting import NotDetermined, Row, fit

PLANTED = {"send": 7e-6, "byte": 2e-10, "change": 4e-4}


def rows_of(
    costs: dict[str, float], works: list[dict[str, float]], *, repeats: int = 1, noise: float = 0.0
) -> list[Row]:
    chance = random.Random(1)
    return [
        Row(
            source="planted",
            repeat=repeat,
            used_s=sum(costs[name] * often for name, often in work.items()) * (1 + noise * chance.uniform(-1, 1)),
            work=work,
        )
        for repeat in range(repeats)
        for work in works
    ]


WORKS = [
    {"change": 10},
    {"change": 10, "send": 5_000, "byte": 200_000},
    {"change": 10, "send": 20_000, "byte": 8_000_000},
    {"change": 24, "send": 4_000, "byte": 16_000_000},
]  # type: list[dict[str, float]]


def test_planted_costs_are_recovered_exactly_from_measurements_without_noise() -> None:
    found = fit(rows_of(PLANTED, WORKS))
    assert {name: each.value_s for name, each in found.items()} == pytest.approx(PLANTED)
    assert found["send"].n == 3
    assert found["change"].n == 4
    assert found["send"].sources == ("planted",)


def test_planted_costs_are_recovered_within_the_noise_and_lie_in_their_spread() -> None:
    found = fit(rows_of(PLANTED, WORKS, repeats=5, noise=0.02))
    for name, each in found.items():
        assert each.value_s == pytest.approx(PLANTED[name], rel=0.1), name
        assert each.low_s <= PLANTED[name] * 1.02
        assert each.high_s >= PLANTED[name] * 0.98
        assert each.low_s <= each.value_s <= each.high_s


def test_what_is_given_is_taken_off_and_not_fitted() -> None:
    found = fit(rows_of(PLANTED, WORKS), given={"change": PLANTED["change"]})
    assert set(found) == {"send", "byte"}
    assert found["send"].value_s == pytest.approx(PLANTED["send"])


def test_no_cost_is_below_nothing() -> None:
    """By the first two alone a byte would cost less than nothing."""
    rows = [
        Row(source="a", repeat=0, used_s=1.0, work={"send": 100}),
        Row(source="a", repeat=0, used_s=0.9, work={"send": 100, "byte": 1_000}),
    ]
    assert fit(rows)["byte"].value_s == 0.0


def test_costs_that_always_come_together_are_not_told_apart() -> None:
    rows = rows_of({"send": 1e-6, "byte": 1e-9}, [{"send": 10, "byte": 400}, {"send": 20, "byte": 800}])
    with pytest.raises(NotDetermined, match="byte, send"):
        fit(rows)


def test_measurements_without_any_work_are_refused() -> None:
    with pytest.raises(NotDetermined, match="no measurement"):
        fit([Row(source="a", repeat=0, used_s=1.0, work={})])
