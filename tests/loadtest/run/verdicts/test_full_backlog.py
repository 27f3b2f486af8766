"""A whole run against a server whose backlog is full for a while: that is what is told, and no network is blamed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from loadtest.measure.processes.server_watch import ServerWatch
from loadtest.measure.recorder import ASKED_AGAIN
from tests.loadtest.faulty_lobby import Faults
from tests.loadtest.run.test_known_answers import PLAYERS, SAVED_OFTEN, Run, nursery
from tests.loadtest.swarms import Nursery

__all__ = ["nursery"]

pytestmark = pytest.mark.system

MANY = 3
"""SYNs that the kernel dropped: more than those of other tests that a few seconds may have."""
SECONDS = 4
"""Of the server's CPU: with fewer nothing is said of it."""


def has_seen_all(run: dict[str, Any]) -> bool:
    is_in = run["events"].get("connections established", 0) >= PLAYERS
    return bool(is_in and len(run["server"]["cpu_shares"]) >= SECONDS)


def test_a_server_whose_backlog_is_full_took_new_connections_too_late(nursery: Nursery, tmp_path: Path) -> None:
    """Locust starts a few players per second, and the first ones are followed by a stall of 2.5 s; or longer, where
    nobody else has come until then. This process is the server."""
    kernel = ServerWatch(os.getpid())

    def has_turned_some_away() -> bool:
        kernel.look(time.perf_counter())
        return kernel.state.overflows >= MANY

    faults = Faults(backlog=1, stall_after_s=0.3, stall_s=2.5, stall_until=has_turned_some_away)
    own = ("--heartbeat-interval-s", 0.2, "--server-pid", os.getpid(), *SAVED_OFTEN)
    run = Run(nursery, tmp_path / "run", faults, has_seen_all, *own)
    try:
        answer = run.answer()
    finally:
        run.end()
    said = answer.run["validity"]["bottleneck"]
    assert said.startswith("The server took new connections too late, and its backlog was full: "), said
    assert f"of {answer.run['events']['connection attempts']} new connections had to ask again" in said
    assert answer.run["events"][ASKED_AGAIN] > 0
    assert answer.run["server"]["overflows"] >= answer.run["events"][ASKED_AGAIN]
