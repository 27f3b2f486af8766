"""The parts of the swarm that need no Locust: options, pacing, identities, marks, figures."""

import json
from random import Random

import pytest

from loadtest.measure.recorder import Recorder
from loadtest.measure.series import LARGEST_US, Series


def test_a_series_keeps_microseconds_and_drops_nothing():
    series = Series()
    for duration_s in (0.000_012, 0.0123, 0.0, 1e9):
        series.record(duration_s)
    assert series.count == 4
    assert series.percentile_us(50) == 12
    assert series.max_us == pytest.approx(LARGEST_US, rel=1e-3)
    assert Series().percentiles_ms()["p99_ms"] == 0.0


def test_reports_of_workers_add_up_to_what_one_process_would_have():
    rng = Random(4)
    alone, master = Recorder(), Recorder()
    workers = [Recorder(), Recorder()]
    for round_number in range(3):
        for number in range(200):
            for recorder in (alone, workers[number % 2]):
                recorder.record("time to fresh, by push", number / 1000)
                recorder.record_request(
                    ("GET", "/api/rooms"), number / 10_000, "HTTP 500" if number % 50 == 0 else None
                )
                recorder.count("rooms made")
                recorder.connections.messages_in["rooms_changed"] += 2
                recorder.connections.bytes_in += 31
        order = rng.sample(workers, 2)
        for worker in order:
            report = json.loads(json.dumps(worker.take_report()))
            master.add_report(report)
        assert round_number < 3
    assert master.events == alone.events
    assert master.events["received rooms_changed"] == 1200
    for name, series in alone.series.items():
        assert master.series[name].count == series.count
        assert [master.series[name].percentile_us(p) for p in (1, 50, 99, 100)] == [
            series.percentile_us(p) for p in (1, 50, 99, 100)
        ]
    figures = master.requests[("GET", "/api/rooms")]
    assert figures.count == figures.times.count == 600
    assert figures.failures == {"HTTP 500": 12}


def test_a_reset_starts_from_zero():
    recorder = Recorder()
    recorder.connections.messages_in["rooms_changed"] = 7
    recorder.count("rooms made", 2)
    recorder.record("reconnect", 1.0)
    recorder.reach.presence.expected = 5
    recorder.reset()
    assert not recorder.events
    assert recorder.series["reconnect"].count == 0
    assert recorder.presence.expected == 0
    recorder.connections.messages_in["rooms_changed"] += 1
    recorder.count("rooms made")
    assert recorder.take_report()["events"] == {"received rooms_changed": 1, "rooms made": 1}


def test_an_empty_report_is_empty():
    recorder = Recorder()
    recorder.count("x")
    recorder.take_report()
    report = recorder.take_report()
    assert [report[kind] for kind in ("events", "series", "requests")] == [{}, {}, []]


def test_players_by_role_and_state_are_those_of_the_latest_reports_and_no_sum_over_time():
    master, worker = Recorder(), Recorder()
    for states in ({"active": 5}, {"active": 3, "paused": 2}):
        worker.count_attendance = lambda states=states: {"host": states}  # type: ignore[misc]
        master.add_report(worker.take_report(), worker="0")
    other = Recorder()
    other.count_attendance = lambda: {"host": {"active": 1}, "browser": {"away": 4}}
    master.add_report(other.take_report(), worker="1")
    assert master.attendance == {"host": {"active": 4, "paused": 2}, "browser": {"away": 4}}
