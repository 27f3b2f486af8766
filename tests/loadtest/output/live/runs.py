"""A run that is filled by hand, and what is asked of Locust's web interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response

from loadtest.measure.recorder import Recorder
from loadtest.measure.run_facts import FaultFacts, RunFacts
from loadtest.output.conclusion import Conclusion, conclude
from loadtest.output.recording_options import read_run_options

HEARTBEATS_S = (0.001, 0.004, 0.0041, 0.2, 70.0)


def recorded() -> Recorder:
    """Heartbeats in the ramp, a steady state with two more, one of which failed; 10 receipts of which one was lost."""
    now_s = 1000.0
    recorder = Recorder(clock=lambda: now_s)
    for time_s in HEARTBEATS_S:
        recorder.record_request(("WS", "heartbeat"), time_s, None)
    recorder.points.settle()
    recorder.begin_steady_state()
    now_s = 1100.0
    recorder.record_request(("WS", "heartbeat"), 0.010, None)
    recorder.record_request(("WS", "heartbeat"), None, "not answered")
    recorder.record("fan-out of presence", 0.030)
    recorder.connections.messages_in["user_online"] = 9
    recorder.connections.established, recorder.connections.losses = 12, 2
    recorder.reach.presence.expected, recorder.reach.presence.received = 10, 9
    recorder.count_attendance = lambda: {"browser": {"active": 7, "connecting": 1}, "host": {"paused": 2}}
    recorder.health.cpu_shares[:] = [0.2, 0.35]
    recorder.health.rss_bytes = 90_000_000
    return recorder


def concluded(*thresholds: str, **facts: Any) -> Conclusion:
    known: dict[str, Any] = {
        "host": "http://x", "seed": 3, "started_at": "2026-01-01T00:00:00Z", "duration_s": 30.0, "is_over": False,
        "faults": [FaultFacts("valkey", "restart", 1, 5.0, 7.0)], "server_cpu_shares": [0.5], "users": {"browser": 8},
    }  # fmt: skip
    return conclude(recorded(), RunFacts(**{**known, **facts}), read_run_options({"threshold": list(thresholds)}))


class FakeWebUi:
    """What is used of Locust's: an application, arguments of the page, a login that lets all in."""

    def __init__(self) -> None:
        self.app = Flask("fake")
        self.template_args: dict[str, Any] = {"extended_tabs": [{"title": "Lobby", "key": "lobby-times"}]}

    def auth_required_if_enabled(self, view_func: Callable[[], Response]) -> Callable[[], Response]:
        return view_func
