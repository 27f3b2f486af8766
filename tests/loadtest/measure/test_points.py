"""Points by phase, and those that the generator delayed, on a clock of the test."""

from __future__ import annotations

import numpy as np
import pytest

from loadtest.measure import points
from loadtest.measure.judging.thresholds import check_thresholds, read_threshold
from loadtest.measure.judging.validity import validity_of
from loadtest.measure.metrics import METRICS, counts_by_place, series_of
from loadtest.measure.points import PointsOf, Stalls
from loadtest.measure.recorder import LATENESS, LOOP_LAG, Recorder
from loadtest.measure.run_facts import RunFacts
from loadtest.output.run_file import as_json


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def phased(**options: bool) -> Recorder:
    """Heartbeats of 90 ms in the ramp, 5 ms in the steady state, 70 ms while players leave; a handshake in the ramp."""
    clock = Clock()
    recorder = Recorder(clock=clock, **options)
    recorder.record_request(("WS", "handshake"), 0.040, None)
    for _ in range(10):
        clock.now_s += 1.0
        recorder.record_request(("WS", "heartbeat"), 0.090, None)
        recorder.record(LATENESS, 0.002)
    recorder.begin_steady_state()
    clock.now_s += 0.05
    recorder.record_request(("WS", "heartbeat"), 0.090, None)  # it had begun before
    for _ in range(10):
        clock.now_s += 1.0
        recorder.record_request(("WS", "heartbeat"), 0.005, None)
    recorder.end_steady_state()
    clock.now_s += 1.0
    recorder.record_request(("WS", "heartbeat"), 0.070, None)
    return recorder


@pytest.mark.parametrize("block", [1, 3, 7, 20_000])
def test_points_have_the_same_places_however_many_are_worked_on_together(block: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(points, "BLOCK", block)
    stalls, chance = Stalls(), np.random.default_rng(4)
    for from_s in (10.0, 14.0, 18.0):
        stalls.add(from_s, from_s + 0.5)
    ends_s, durations_s = 5.0 + 20.0 * chance.random(300), chance.random(300)
    found = PointsOf(is_own=False, is_split=True)
    found.add_many(durations_s, ends_s)
    found.settle(stalls, steady_from_s=8.0, steady_until_s=20.0)
    begins_s = ends_s - durations_s
    within_s = sum(
        np.maximum(0.0, np.minimum(ends_s, from_s + 0.5) - np.maximum(begins_s, from_s))
        for from_s in (10.0, 14.0, 18.0)
    )
    is_delayed = (within_s > 0) & (within_s >= points.DELAYED_PART * durations_s)
    is_ramp = ~is_delayed & (begins_s < 8.0)
    is_ramp_down = ~is_delayed & ~is_ramp & (ends_s > 20.0)
    assert {place: found.count_at(place) for place in points.PLACES} == {
        points.DELAYED: np.count_nonzero(is_delayed), points.RAMP: np.count_nonzero(is_ramp),
        points.RAMP_DOWN: np.count_nonzero(is_ramp_down),
        points.REPORTED: np.count_nonzero(~(is_delayed | is_ramp | is_ramp_down)),
    }  # fmt: skip
    assert min(found.count_at(place) for place in points.PLACES) > 5


def test_the_steady_state_is_reported_and_the_ramp_kept_apart():
    recorder = phased()
    heartbeats = series_of(recorder, METRICS["heartbeat"])
    assert (heartbeats.count, heartbeats.percentile_us(100) // 10) == (10, 500)
    places = counts_by_place(recorder, METRICS["heartbeat"])
    assert (places["ramp"], places["steady"], places["ramp-down"]) == (11, 10, 1)
    assert series_of(recorder, METRICS["handshake"]).count == 1, "connecting is what a ramp is asked about"
    assert recorder.requests["WS", "heartbeat"].count == 22, "requests are of the whole run"
    assert recorder.series[LATENESS].count == 10


def test_all_phases_are_reported_when_that_is_asked_for():
    heartbeats = series_of(phased(reports_all_phases=True), METRICS["heartbeat"])
    assert (heartbeats.count, heartbeats.percentile_us(99) // 1000) == (22, 90)


def test_a_run_without_a_steady_state_reports_all_of_it():
    recorder = Recorder()
    recorder.record_request(("WS", "heartbeat"), 0.090, None)
    assert recorder.is_whole
    assert series_of(recorder, METRICS["heartbeat"]).count == 1


def test_thresholds_are_on_the_steady_state():
    thresholds = [read_threshold("heartbeat.p99 < 50ms"), read_threshold("handshake.count == 1")]
    assert [result.is_met for result in check_thresholds(thresholds, phased(), duration_s=20.0)] == [True, True]
    whole = check_thresholds(thresholds, phased(reports_all_phases=True), duration_s=20.0)
    assert [result.is_met for result in whole] == [False, True]


def test_the_file_has_the_other_phases_apart():
    recorder = phased()
    run = as_json(recorder, RunFacts(duration_s=20.0), validity_of(recorder), ())
    assert run.reported == "steady"
    [heartbeat] = [row for row in run.metrics if row.name == "heartbeat"]
    assert (heartbeat.count, round(heartbeat.max_ms, 1)) == (10, 5.0)
    apart = {place: {row.name: row.count for row in rows} for place, rows in run.phases.items()}
    assert apart == {"ramp": {"heartbeat": 11}, "ramp-down": {"heartbeat": 1}}


@pytest.mark.parametrize("reports_all_phases", [False, True])
def test_the_file_has_what_the_swarm_itself_delayed_whatever_phases_it_reports(reports_all_phases: bool):
    recorder = phased(reports_all_phases=reports_all_phases)
    now_s = recorder._clock()
    recorder.points.stalls.add(now_s - 0.3, now_s - 0.1)
    recorder.record_request(("WS", "heartbeat"), 0.25, None)
    run = as_json(recorder, RunFacts(duration_s=20.0), validity_of(recorder), ())
    assert {row.name: row.count for row in run.phases["delayed"]} == {"heartbeat": 1}


def test_phases_cross_from_workers_to_their_master():
    worker, master = phased(), Recorder()
    master.add_report(worker.take_report(is_last=True), worker="0")
    assert not master.unreconciled
    assert not master.is_whole
    assert counts_by_place(master, METRICS["heartbeat"]) == {"ramp": 11, "steady": 10, "ramp-down": 1, "delayed": 0}
    slow = Recorder()
    master.add_report(slow.take_report(is_last=True), worker="1")
    assert master.is_whole, "its players are not all there yet"


def test_only_a_stall_that_takes_much_of_a_duration_leaves_it_out():
    clock = Clock()
    recorder = Recorder(clock=clock)
    recorder.points.stalls.add(clock.now_s - 0.3, clock.now_s - 0.1)
    recorder.record_request(("WS", "heartbeat"), 0.4, None)
    recorder.record_request(("WS", "heartbeat"), 1.4, None)  # the server stood still for longer
    recorder.record_request(("WS", "heartbeat"), 0.05, None)
    recorder.record(LOOP_LAG, 0.2)
    assert series_of(recorder, METRICS["heartbeat"]).count == 2
    assert counts_by_place(recorder, METRICS["heartbeat"])["delayed"] == 1
    assert recorder.series[LOOP_LAG].count == 1, "the stall is what that shows"


def test_points_wait_while_a_stall_may_not_be_told_yet():
    clock = Clock()
    recorder = Recorder(clock=clock)
    recorder.points.looks_at_s = clock.now_s + 0.05
    clock.now_s += 1.4  # the process stood still, and this is the first that it does
    recorder.record_request(("WS", "heartbeat"), 1.38, None)
    assert recorder.requests["WS", "heartbeat"].times.count == 0
    recorder.points.stalls.add(100.05, clock.now_s)
    recorder.points.looks_at_s = clock.now_s + 0.05
    assert counts_by_place(recorder, METRICS["heartbeat"])["delayed"] == 1
    assert recorder.requests["WS", "heartbeat"].times.count == 0
