"""Verdicts follow from figures by rule."""

from __future__ import annotations

import pytest

from bench.analysis.verdicts import (
    NOT_MEASURED,
    Verdict,
    rule,
    rule_about,
    rule_at_most,
    rule_cost_of_old,
    rule_up_to,
)


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [(500.0, Verdict.HOLDS), (375.0, Verdict.HOLDS), (625.0, Verdict.HOLDS), (374.0, Verdict.DOES_NOT_HOLD),
     (626.0, Verdict.DOES_NOT_HOLD), (None, Verdict.NOT_MEASURED)],
)  # fmt: skip
def test_about_is_within_a_quarter_either_way(measured: float | None, verdict: Verdict) -> None:
    assert rule_about(measured, 500.0).verdict is verdict


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [(1.0, Verdict.HOLDS), (62.5, Verdict.HOLDS), (63.0, Verdict.DOES_NOT_HOLD), (None, Verdict.NOT_MEASURED)],
)
def test_cost_below_the_claim_breaks_no_promise(measured: float | None, verdict: Verdict) -> None:
    assert rule_at_most(measured, 50.0).verdict is verdict


def test_holds_when_every_size_is_below_the_limit() -> None:
    assert rule_up_to([(100, 1.0), (500, 9.9)], 10.0).verdict is Verdict.HOLDS


def test_holds_up_to_the_last_size_below_the_limit() -> None:
    ruling = rule_up_to([(2000, 30.0), (100, 1.0), (1000, 11.0), (500, 9.0)], 10.0)
    assert (ruling.verdict, ruling.up_to) == (Verdict.HOLDS_UP_TO, 500)
    assert str(ruling) == "holds up to 500 clients"


def test_a_size_above_the_limit_is_not_outweighed_by_a_bigger_one_below() -> None:
    assert rule_up_to([(100, 1.0), (500, 11.0), (1000, 9.0)], 10.0).up_to == 100


def test_does_not_hold_when_the_smallest_size_is_above_the_limit() -> None:
    assert rule_up_to([(100, 10.0), (500, 1.0)], 10.0).verdict is Verdict.DOES_NOT_HOLD


def test_size_without_a_figure_has_neither_held_nor_failed() -> None:
    assert rule_up_to([(100, 1.0), (500, None), (1000, 1.0)], 10.0) == rule(True)
    assert rule_up_to([(100, None), (500, 1.0)], 10.0) == rule(True)
    assert rule_up_to([(100, None)], 10.0) == NOT_MEASURED


def test_claim_whose_next_size_gave_no_figure_holds_as_far_as_measured() -> None:
    ruling = rule_up_to([(100, 1.0), (500, None)], 10.0)
    assert (ruling.verdict, str(ruling)) == (Verdict.HOLDS, "holds as far as measured, 100 clients")


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [
        ([500.0, 620.0], Verdict.HOLDS),
        ([2_000.0, 38_000.0], Verdict.UNDERSTATES),
        ([100.0], Verdict.DOES_NOT_HOLD),
        ([], Verdict.NOT_MEASURED),
    ],
)
def test_old_way_that_costs_more_than_claimed_understates_the_gain(measured: list[float], verdict: Verdict) -> None:
    assert rule_cost_of_old(measured, 500.0).verdict is verdict


def test_nothing_measured_is_no_verdict() -> None:
    assert rule_up_to([], 10.0) == NOT_MEASURED
    assert rule(None) == NOT_MEASURED


def test_somebody_left_out_is_above_every_limit() -> None:
    assert rule_up_to([(100, float("inf"))], 10.0).verdict is Verdict.DOES_NOT_HOLD
