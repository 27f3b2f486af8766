"""What is left of a run that is killed, and runs that a threshold ends: Locust processes against a real server."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.processes.target import Target
from loadtest.results.exit_codes import ExitCode
from tests.loadtest.fakes import wait_for
from tests.loadtest.held_up import unless_held_up
from tests.loadtest.swarms import RUN_TIMEOUT_S, Nursery

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Masters say that all players have come before any worker has told of its own, as when workers are busy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCUST_WAIT_FOR_WORKERS_REPORT_AFTER_RAMP_UP", "0")
        with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
            yield nursery


@pytest.fixture(scope="module")
def given() -> Iterator[tuple[object, ...]]:
    with Target() as target:
        yield (
            "--host", target.http_url, "--jwt-secret", target.jwt_secret, "-u", 4, "-r", 100, "--mix", "browser=1",
            "--heartbeat-interval-s", 0.5,
        )  # fmt: skip


def read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text())) if path.exists() else {}


@pytest.mark.parametrize("workers", [(), ("--processes", 2)], ids=["alone", "with workers"])
def test_a_killed_run_keeps_what_it_had(
    nursery: Nursery, given: tuple[object, ...], tmp_path: Path, workers: tuple[object, ...]
):
    swarm = nursery.start(*given, *workers, "--run-dir", tmp_path, "--save-every-s", 1)
    kept = tmp_path / "run.json"

    def has_heartbeats_of_all() -> bool:
        run = read(kept)
        has_heartbeats = any(row["name"] == "heartbeat" for row in run.get("metrics", ()))
        all_are_there = run.get("events", {}).get("connections established") == 4
        return has_heartbeats and all_are_there and run["users"] == {"browser": 4}

    wait_for(has_heartbeats_of_all, deadline_s=RUN_TIMEOUT_S, what="heartbeats and all players in the file")
    swarm.stop(signal.SIGKILL)
    swarm.end()
    run = read(kept)
    assert run["is_over"] is False
    assert run["events"]["connections established"] == 4
    assert not (tmp_path / "run.html").exists(), "the page is of a run that has ended"


def test_a_threshold_with_stop_ends_the_run_and_is_missed(nursery: Nursery, given: tuple[object, ...], tmp_path: Path):
    began_s = time.monotonic()
    threshold = "heartbeat.max < 1us or stop"
    done = nursery.run(*given, "-t", "10m", "--run-dir", tmp_path, "--threshold", threshold)
    assert time.monotonic() - began_s < RUN_TIMEOUT_S
    assert done.code == ExitCode.THRESHOLD_MISSED, done.errors
    run = read(tmp_path / "run.json")
    assert run["is_over"] is True
    assert list(run["ended_by"]) == [threshold]
    assert run["thresholds"][0]["is_met"] is False
    assert any(
        f"ended early, at {run['duration_s']:.0f} s, by {threshold}" in note for note in run["validity"]["notes"]
    )
    assert "The run ends early" in done.errors


def has_lost_and_heard(run: dict[str, Any]) -> bool:
    """Each line was lost once, and every series has something."""
    series = {row["name"] for row in run["metrics"]}
    lost = run["events"].get("connections lost by the emulated line", 0)
    return (
        lost >= 4 and {"upgrade", "handshake", "heartbeat", "fetch", "fanout_presence", "poll", "room_create"} <= series
    )


def test_a_run_over_a_slow_line_shows_its_trips_and_its_windows(
    nursery: Nursery, given: tuple[object, ...], tmp_path: Path
):
    done = nursery.run_until(
        has_lost_and_heard, tmp_path, *given, "-r", 2, "--phase", "all",
        "--network", "rtt_s=0.2;loss_interval_s=fixed:3", "--settle-s", 1,
        "--mix", "browser=2,host=1,poller=1", "--poll-interval-s", "1",
        "--room-interval-s", "fixed:1.5", "--room-lifetime-s", "fixed:0.7",
    )  # fmt: skip
    assert done.code == ExitCode.GOOD, done.errors
    run = read(tmp_path / "run.json")
    times = {row["name"]: row for row in run["metrics"]}
    assert times["upgrade"]["p50_ms"] >= 400
    assert times["handshake"]["p50_ms"] >= 200
    assert times["heartbeat"]["p50_ms"] >= 200
    assert times["fetch"]["p50_ms"] >= 200
    assert times["poll"]["p50_ms"] >= 200, "a call that was due counts to the player's end of the line, too"
    assert times["room_create"]["p50_ms"] >= 200
    assert times["fanout_presence"]["p50_ms"] >= 100
    assert run["events"]["connections lost by the emulated line"] >= 4
    with unless_held_up(run):
        assert run["ledger"]["presence"]["lost"] == 0
    assert [window["from_s"] for window in run["windows"]] == sorted(window["from_s"] for window in run["windows"])
    assert sum(window["metrics"].get("heartbeat", {}).get("count", 0) for window in run["windows"]) == pytest.approx(
        times["heartbeat"]["count"], abs=4
    )


def test_a_run_on_phones_has_the_trips_of_its_profile(nursery: Nursery, given: tuple[object, ...], tmp_path: Path):
    def has_all_trips(run: dict[str, Any]) -> bool:
        counts = {row["name"]: row["count"] for row in run["metrics"]}
        return {"upgrade", "tcp_round_trip"} <= counts.keys() and counts.get("heartbeat", 0) >= 24

    done = nursery.run_until(
        has_all_trips, tmp_path, *given, "-u", 6, "--phase", "all", "--network", "mobile-3g", "--seed", 3,
        "--heartbeat-interval-s", 1,
    )  # fmt: skip
    assert done.code == ExitCode.GOOD, done.errors
    run = read(tmp_path / "run.json")
    times = {row["name"]: row for row in run["metrics"]}
    assert run["arguments"]["network"] == "mobile-3g"
    assert times["heartbeat"]["p50_ms"] >= 150, "about 300 ms, other for each player"
    assert times["upgrade"]["p50_ms"] >= 2 * 150
    assert times["tcp_round_trip"]["p50_ms"] < 50, "the line is emulated here, and the network quick"


def test_a_run_without_fetches_makes_none_and_judges_the_announcements(
    nursery: Nursery, given: tuple[object, ...], tmp_path: Path
):
    done = nursery.run_until(
        lambda run: run["ledger"]["rooms"]["expected"] > 0 and run["events"].get("received rooms_changed", 0) > 0,
        tmp_path, *given, "--phase", "all", "--no-fetch", "--mix", "browser=3,host=1",
        "--room-interval-s", "fixed:1", "--room-lifetime-s", "fixed:0.5", "--settle-s", 1,
    )  # fmt: skip
    assert done.code == ExitCode.GOOD, done.errors
    run = read(tmp_path / "run.json")
    assert "GET" not in {row["type"] for row in run["requests"]}
    assert run["events"]["received rooms_changed"] > 0
    assert run["ledger"]["rooms"]["expected"] > 0
