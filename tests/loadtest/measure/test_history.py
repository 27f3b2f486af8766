"""Rates over a run: exact between two looks, and bounded however long it lasts."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from loadtest.client import ServerTimers
from loadtest.measure.history import SAMPLES_AT_MOST, WINDOWS_AT_MOST, History, Windows
from loadtest.measure.ledger import PlayerWatch
from loadtest.measure.reach import PATIENCE_S, SETTLE_S
from loadtest.measure.recorder import Recorder


def test_a_rate_is_the_difference_of_two_looks_by_their_time():
    samples: list[dict[str, float]] = []
    recorder, history = Recorder(), History(samples, every_s=1.0)
    recorder.count("received pong", 10)
    history.look(recorder, t_s=2.0)
    recorder.count("received pong", 5)
    recorder.record_request(("WS", "heartbeat"), 0.001, "lost before the answer")
    history.look(recorder, t_s=4.5)
    assert [sample["t_s"] for sample in samples] == [2.0, 4.5]
    assert [sample["received_per_s"] for sample in samples] == [5.0, 2.0]
    assert (samples[1]["requests_per_s"], samples[1]["errors_per_s"]) == (0.4, 0.4)


def test_a_look_before_its_time_takes_no_sample():
    samples: list[dict[str, float]] = []
    history = History(samples, every_s=3.0)
    for t_s in (1.0, 2.9):
        history.look(Recorder(), t_s=t_s)
    assert samples == []


def test_a_soak_keeps_half_of_its_samples_and_looks_half_as_often():
    samples: list[dict[str, float]] = []
    recorder, history = Recorder(), History(samples, every_s=1.0)
    for second in range(1, SAMPLES_AT_MOST + 2):
        history.look(recorder, t_s=float(second))
    assert len(samples) == pytest.approx(SAMPLES_AT_MOST / 2, abs=1)
    history.look(recorder, t_s=SAMPLES_AT_MOST + 2.0)
    assert samples[-1]["t_s"] == SAMPLES_AT_MOST + 1.0 or samples[-1]["t_s"] == SAMPLES_AT_MOST
    history.look(recorder, t_s=SAMPLES_AT_MOST + 3.0)
    assert samples[-1]["t_s"] == SAMPLES_AT_MOST + 3.0


# -- percentiles over time ----------------------------------------------------------------------------------------


def beat(recorder: Recorder, times_s: list[float]) -> None:
    for time_s in times_s:
        recorder.record_request(("WS", "heartbeat"), time_s, None)


def test_a_window_has_the_percentiles_of_what_came_in_it():
    windows: list[dict[str, Any]] = []
    recorder, over_time = Recorder(), Windows(windows)
    beat(recorder, [0.010] * 99 + [0.500])
    over_time.look(recorder, t_s=5.0)
    beat(recorder, [0.100] * 10)
    over_time.look(recorder, t_s=10.0)
    first, second = (window["metrics"]["heartbeat"] for window in windows)
    assert (first["count"], second["count"]) == (100, 10)
    assert first["p50_ms"] == pytest.approx(10, rel=0.002)
    assert first["max_ms"] == pytest.approx(500, rel=0.002)
    assert second["p50_ms"] == second["max_ms"] == pytest.approx(100, rel=0.002)
    assert [(window["from_s"], window["until_s"]) for window in windows] == [(0.0, 5.0), (5.0, 10.0)]


def fan_out(recorder: Recorder, latency_s: float) -> None:
    """Judged now."""
    recorder.points.of("fan-out of rooms").add_many(np.full(10, latency_s), np.full(10, 1.0))


def test_what_the_ledger_judges_is_in_the_window_in_which_it_was_heard():
    windows: list[dict[str, Any]] = []
    recorder, over_time = Recorder(), Windows(windows, judged_after_s=11.0)
    for t_s in (5.0, 10.0, 15.0, 20.0, 25.0, 30.0):
        if t_s > 10.0:
            fan_out(recorder, (t_s - 12.5) / 1000)  # heard in the middle of the judging, less 10 s
        over_time.look(recorder, t_s=t_s)
    fan_out(recorder, 0.050)
    over_time.look(recorder, t_s=31.0, is_last=True)
    found = [window["metrics"].get("fanout_rooms") for window in windows]
    assert [each and round(each["p50_ms"], 1) for each in found] == [2.5, 7.5, 12.5, 17.5, None, 50.0, None]
    assert [window["until_s"] for window in windows] == [5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 31.0]


def test_what_is_judged_at_two_looks_and_was_heard_in_one_window_is_one_figure():
    windows: list[dict[str, Any]] = []
    recorder, over_time = Recorder(), Windows(windows, judged_after_s=11.0)
    over_time.look(recorder, t_s=5.0)
    for latency_s, t_s in ((0.010, 10.0), (0.020, 15.0)):  # of before the run began, as far as the time tells
        fan_out(recorder, latency_s)
        over_time.look(recorder, t_s=t_s)
    assert [window["metrics"].get("fanout_rooms", {}).get("count") for window in windows] == [20, None, None]
    assert windows[0]["metrics"]["fanout_rooms"]["max_ms"] == pytest.approx(20, rel=0.002)


GRACE_S, LATER_S = 8.0, 4.0
"""What the manual says: give or take so much."""


Event = Callable[[Recorder, dict[int, PlayerWatch]], object]


def where_it_stands(metric: str, events: dict[float, Event]) -> tuple[float, float]:
    """The window of what three players hear. `events`: by the second of the run."""
    windows: list[dict[str, Any]] = []
    now_s = -60.0
    recorder = Recorder(timers=ServerTimers(presence_grace_s=GRACE_S), clock=lambda: now_s)
    over_time = Windows(windows, judged_after_s=11.0)
    watches = {user_id: recorder.ledger.watch() for user_id in (1, 2, 3, 4)}
    for user_id, watch in watches.items():
        watch.accepted(user_id, handshake_s=0.001)
    recorder.reach.settle(now_s := -1.0)
    for now_s in np.arange(0.0, 80.0).tolist():
        if now_s in events:
            events[now_s](recorder, watches)
        if not now_s % 2:
            recorder.reach.settle(now_s)
        over_time.look(recorder, t_s=now_s)
    [found] = [window for window in windows if metric in window["metrics"]]
    return found["from_s"], found["until_s"]


def hear(user_id: int, watches: dict[int, PlayerWatch]) -> None:
    for number, heard_s in ((1, 10.0), (2, 10.0), (3, 11.0)):
        watches[number].presence(user_id, True, heard_s)


def somebody_comes(recorder: Recorder, watches: dict[int, PlayerWatch]) -> None:
    recorder.ledger.watch().accepted(5, handshake_s=0.001)
    hear(5, watches)


def another_is_cut_off(recorder: Recorder, watches: dict[int, PlayerWatch]) -> None:
    watches[4].lost()


def a_stranger_comes(recorder: Recorder, watches: dict[int, PlayerWatch]) -> None:
    hear(99, watches)


@pytest.mark.parametrize(
    ("metric", "events", "later_s"),
    [
        ("fanout_presence", {10.0: somebody_comes}, 0.0),
        ("fanout_presence", {10.0: somebody_comes, 19.0: another_is_cut_off}, SETTLE_S + GRACE_S),
        ("spread", {10.0: a_stranger_comes}, PATIENCE_S),
    ],
)
def test_what_is_judged_late_stands_no_later_than_the_manual_says(
    metric: str, events: dict[float, Event], later_s: float
):
    from_s, until_s = where_it_stands(metric, events)
    assert from_s <= 10.0 + later_s + LATER_S
    assert until_s >= 10.0 + later_s - LATER_S, "it is as much later, and the manual has to say so"


def test_a_window_without_anything_names_no_metric_and_the_last_one_may_be_short():
    windows: list[dict[str, Any]] = []
    over_time = Windows(windows)
    over_time.look(Recorder(), t_s=2.0)
    assert windows == []
    over_time.look(Recorder(), t_s=2.0, is_last=True)
    assert windows == [{"from_s": 0.0, "until_s": 2.0, "metrics": {}}]


def test_figures_that_were_reset_begin_anew():
    windows: list[dict[str, Any]] = []
    recorder, over_time = Recorder(), Windows(windows)
    beat(recorder, [0.010] * 5)
    over_time.look(recorder, t_s=5.0)
    recorder.reset()
    beat(recorder, [0.020] * 3)
    over_time.look(recorder, t_s=10.0)
    assert windows[-1]["metrics"]["heartbeat"]["count"] == 3


def test_windows_of_a_soak_grow_longer():
    windows: list[dict[str, Any]] = []
    over_time, recorder = Windows(windows), Recorder()
    for step in range(1, WINDOWS_AT_MOST * 4):
        over_time.look(recorder, t_s=step * 5.0)
    assert len(windows) < WINDOWS_AT_MOST * 2.6
    lengths = {round(window["until_s"] - window["from_s"]) for window in windows}
    assert lengths == {5, 10, 20}


def test_a_clock_that_is_set_back_with_its_figures_makes_samples_again_at_once():
    samples: list[dict[str, float]] = []
    recorder, history = Recorder(), History(samples, every_s=1.0)
    recorder.count("received pong", 100)
    history.look(recorder, t_s=50.0)
    recorder.reset()
    samples.clear()
    recorder.count("received pong", 4)
    history.look(recorder, t_s=2.0)
    assert [(sample["t_s"], sample["received_per_s"]) for sample in samples] == [(2.0, 2.0)]


def test_a_sample_has_the_busiest_generator_the_server_and_the_losses_of_the_ledger():
    samples: list[dict[str, float]] = []
    recorder, history = Recorder(), History(samples, every_s=1.0)
    for name, share in (("0", 0.2), ("1", 0.6)):
        recorder.expect_reports_of(name)
        recorder.workers[name].health.cpu_shares.append(share)
    recorder.reach.presence.expected, recorder.reach.presence.received = 10, 7
    history.look(recorder, t_s=2.0, server_cpu=[0.1, 0.4])
    [sample] = samples
    assert (sample["generator_cpu"], sample["server_cpu"], sample["events_lost"]) == (0.6, 0.4, 3)
