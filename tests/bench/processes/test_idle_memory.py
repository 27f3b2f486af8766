"""How much slower memory is after idleness: reckoned from the CPU time of the same work."""

from __future__ import annotations

from itertools import chain

import pytest

from bench.processes.influences.idleness import IDLE_S, ROUNDS, idle_slowdown


def test_slowdown_is_the_median_ratio_of_the_work_after_sleep_to_the_work_right_after_it() -> None:
    slept: list[float] = []
    works_s = chain.from_iterable([(0.30, 0.10), (0.80, 0.10), (0.50, 0.10)])
    moments, now_s = [], 0.0
    for work_s in works_s:
        moments += [now_s, now_s + work_s]
        now_s += work_s
    clock = iter(moments)
    assert idle_slowdown(slept.append, lambda: next(clock)) == pytest.approx(5.0)
    assert slept == [IDLE_S] * ROUNDS


def test_slowdown_of_work_that_takes_no_time_is_a_number() -> None:
    assert idle_slowdown(lambda _: None, lambda: 1.0) == 0.0
