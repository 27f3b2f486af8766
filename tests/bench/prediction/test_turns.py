"""Turns of a server's loop, as the kernel counts them, and as rows have them."""

from __future__ import annotations

import io
import os
import sys
import time
import urllib.request
from typing import Any

import pytest

from bench.scenarios.prediction.turns import asking_s
from bench.scenarios.prediction.watching import SOONEST_S, Counters, Stretch, read_counters, read_turns, turns_of


@pytest.mark.skipif(sys.platform != "linux", reason="the count is Linux's")
def test_process_that_slept_has_a_turn_more_for_each_time() -> None:
    before = read_turns(os.getpid())
    for _ in range(20):
        time.sleep(0.01)  # who is put aside until it is over, as it begins, does not sleep
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


def test_clients_ask_while_they_hear_and_for_half_of_what_a_fetch_takes_them() -> None:
    """1,000 that heard for 20 ms, and fetched for 60 ms."""
    assert asking_s(0.08, 1_000, hear_us=20.0) == pytest.approx(0.05)
    assert asking_s(0.01, 1_000, hear_us=20.0) == pytest.approx(0.02)


METRICS = """# TYPE lobby_room_list_served_total counter
lobby_fan_out_writes_total 1200.0
lobby_sent_bytes_total 43200.0
lobby_room_list_served_total{answer="full"} 1199.0
lobby_room_list_served_total{answer="not_modified"} 7.0
"""


def test_lists_that_a_server_has_given_whole_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def urlopen(*_: Any, **__: Any) -> io.BytesIO:
        return io.BytesIO(METRICS.encode())

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    counted = read_counters(1)
    assert counted == Counters(writes=1_200.0, sent_bytes=43_200.0, entries=0.0, lists=1_199.0)
    assert counted.since(Counters(1_000.0, 0.0, 0.0, 999.0)).lists == 200.0
