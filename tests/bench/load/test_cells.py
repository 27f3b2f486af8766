"""Staleness by hand, and the model of the break-even map on costs that are known."""

from __future__ import annotations

import numpy as np
import pytest

from bench.analysis.break_even import Point, fit
from bench.analysis.crossings import crossing_per_s
from bench.load.cells import staleness
from bench.load.changes.changes import evenly
from bench.load.changes.ledger import Receipts


def test_staleness_is_the_age_of_the_oldest_change_that_is_lacking() -> None:
    """Changes at 1 s and 3 s; the client has the first at 2 s and the second at 3.5 s, of a window from 0 to 4 s."""
    held = Receipts(np.array([0, 0]), np.array([2.0, 3.5]), np.array([0, 1]))
    found = staleness(held, intended_s=[1.0, 3.0], clients=1, start_s=0.0, end_s=4.0)
    moments = np.linspace(0, 4, len(found), endpoint=False)
    expected = np.select(
        [(moments >= 1) & (moments < 2), (moments >= 3) & (moments < 3.5)], [moments - 1, moments - 3], 0.0
    )
    assert found == pytest.approx(expected)
    assert found.mean() == pytest.approx((0.5 + 0.125) / 4, abs=0.02)


def test_client_that_never_hears_grows_staler_to_the_end() -> None:
    nobody = Receipts(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0, dtype=np.int64))
    assert staleness(nobody, intended_s=[1.0], clients=2, start_s=0.0, end_s=4.0).max() > 2.9
    assert staleness(nobody, intended_s=[], clients=2, start_s=0.0, end_s=4.0).max() == 0


def test_changes_fall_into_the_window_and_are_as_many_as_the_rate_says() -> None:
    times = evenly(0.5, start_s=10.0, window_s=8.0, jitters=[0.0, 1.0])
    assert len(times) == 4
    assert all(10.0 <= at_s < 18.0 for at_s in times)
    assert times == sorted(times)
    assert evenly(0.01, start_s=0.0, window_s=8.0, jitters=[0.0]) == []


def test_model_comes_through_the_cells_and_finds_the_line_of_the_simple_model() -> None:
    """Polling at 1/3 fetches a second against one fetch a change, the same price each: they are equal at 0.33."""
    rates, sizes = (0.0, 0.1, 0.33, 1.0, 4.0), (100, 1_000)
    push = fit("push", [Point(n, rate, 1.0 + 3600 * rate) for rate in rates for n in sizes], poll_s=3.0)
    polling = fit("polling", [Point(n, rate, 1.0 + 3600 / 3) for rate in rates for n in sizes], poll_s=3.0)
    assert max(push.errors) < 0.02
    assert max(polling.errors) < 0.02
    crossing = crossing_per_s(push, polling, 500)
    assert crossing == pytest.approx(1 / 3, rel=0.05)
    assert crossing_per_s(polling, push, 500) is None


def test_model_learns_that_announcements_are_made_together() -> None:
    rates, sizes = (0.0, 0.3, 1.0, 4.0, 20.0), (100, 1_000)
    cells = [Point(n, rate, 10.0 + 100 * min(rate, 1 / max(0.25, 0.0004 * n))) for rate in rates for n in sizes]
    push = fit("push", cells, poll_s=3.0)
    assert max(push.errors) < 0.03
    assert float(push(1e6, 100)) == pytest.approx(10.0 + 100 / 0.25, rel=0.03)


@pytest.mark.parametrize(("poll_s", "every_s"), [(3.0, 0.5), (3.0, 1.0), (0.5, 0.25)])
def test_staleness_of_polling_is_that_of_the_steady_state_from_the_first_moment_of_the_window_on(
    poll_s: float, every_s: float
) -> None:
    """Clients at phases spread evenly over a period, changes at even times that begin a period before the window.

    Between two polls a client lacks what came since the last, so its staleness grows from 0 to the period less the time
    to the first change: (T − δ)² / 2T in the mean over δ from 0 to the distance of two changes.
    """
    clients, window_s = 120, 2.0
    phases = [(each + 0.5) / clients * poll_s for each in range(clients)]
    times_s = evenly(1 / every_s, start_s=0.0, window_s=window_s, jitters=[0.0], lead_s=poll_s)
    polls = [(who, phase + lap * poll_s) for who, phase in enumerate(phases) for lap in range(-2, 10)]
    held = [(who, at_s, sum(made <= at_s for made in times_s) - 1) for who, at_s in polls]
    seen = sorted((each for each in held if each[2] >= 0), key=lambda each: each[1])
    receipts = Receipts(*(np.asarray([each[field] for each in seen]) for field in range(3)))
    found = staleness(receipts, intended_s=times_s, clients=clients, start_s=0.0, end_s=window_s)
    by_moment = found.reshape(clients, -1).mean(axis=0)
    deltas = np.linspace(0, every_s, 200)
    steady_s = float(np.mean((poll_s - deltas) ** 2) / (2 * poll_s))
    assert found.mean() == pytest.approx(steady_s, rel=0.06)
    assert by_moment[:40].mean() == pytest.approx(by_moment[-40:].mean(), rel=0.12), "no rise from a fresh start"
