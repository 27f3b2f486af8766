"""Turns of a server's loop, as the kernel counts them, and as rows have them."""

from __future__ import annotations

import os
import sys
import time

import pytest

from bench.scenarios.prediction.watching import SOONEST_S, Stretch, read_turns, turns_of


@pytest.mark.skipif(sys.platform != "linux", reason="the count is Linux's")
def test_process_that_slept_has_a_turn_more_for_each_time() -> None:
    before = read_turns(os.getpid())
    for _ in range(20):
        time.sleep(0.001)
    after = read_turns(os.getpid())
    assert before is not None
    assert after is not None
    assert after - before >= 20


def test_process_that_is_gone_has_no_count() -> None:
    assert read_turns(2**31 - 1) is None


@pytest.mark.parametrize(
    ("counted", "within_s", "idle_s", "turns"),
    [
        pytest.param(100, 1.0, 0.008, 100, id="each request woke the loop"),
        pytest.param(140, 1.0, 0.008, 100, id="other work woke it, too"),
        pytest.param(25, 1.0, 0.032, 25, id="four requests came together each time"),
        pytest.param(25, 0.1, SOONEST_S, 25, id="it was hardly idle, and was woken all the same"),
        pytest.param(25, 0.0, SOONEST_S, 25, id="all came together, and it was faster than they"),
        pytest.param(None, 1.0, 0.008, 100, id="not counted: each has one"),
        pytest.param(None, 0.0, 0.0, 100, id="not counted, and all came together: none is cold"),
        pytest.param(0, 1.0, 0.0, 0, id="it was never woken"),
    ],
)
def test_turns_are_those_in_which_requests_were_answered(
    counted: int | None, within_s: float, idle_s: float, turns: int
) -> None:
    """100 requests, for which 0.2 s of CPU were used."""
    stretch = Stretch(used_s=0.2, wall_s=1.5, turns=counted)
    assert turns_of(stretch, 100, within_s) == (pytest.approx(idle_s), turns)
