"""What a run does now and then: what is due is judged, and durations are put to their places, before it is too much at
once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
import pytest

from loadtest.measure import reach
from loadtest.measure.metrics import TCP_ROUND_TRIP
from loadtest.measure.recorder import Recorder
from loadtest.measure.run_facts import RunFacts
from loadtest.run import monitoring
from loadtest.run.monitoring import MANY_POINTS, RunMonitor
from loadtest.wire.shared import Wire
from tests.patience import PATIENCE_S


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def settle(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], object]]:
    """What the monitor of a run does a few times per second."""
    told: dict[str, Any] = {}
    monkeypatch.setattr(monitoring, "HealthMonitor", lambda recorder, **does: told.update(does))
    wire = Wire("ws://127.0.0.1:1/")
    swarm = SimpleNamespace(
        environment=SimpleNamespace(runner=None), facts=RunFacts(), recorder=recorder, ledger=recorder.ledger, wire=wire
    )
    steady_state: Any = SimpleNamespace(look=lambda now_s: None)
    RunMonitor(swarm, duration_s=lambda: 0.0, server_pid=None, steady_state=steady_state)  # type: ignore[arg-type]
    yield told["on_settle"]
    wire.close()


@pytest.mark.parametrize("names", [1, 3])
def test_durations_are_put_to_their_places_as_soon_as_they_are_many(
    recorder: Recorder, settle: Callable[[], object], names: int
) -> None:
    for name in range(names):
        recorder.points.of(name).add_each([0.001] * (MANY_POINTS // names), time.perf_counter())
    before = recorder.points.waiting
    settle()
    assert recorder.points.waiting == before, "few wait until there is time"
    recorder.record(TCP_ROUND_TRIP, 0.001)
    for name in range(names):
        recorder.points.of(name).add(0.001, time.perf_counter())
    settle()
    assert recorder.points.waiting == 0
    assert sum(recorder.points.of(name).count for name in range(names)) == before + names


def came_a_minute_ago(recorder: Recorder, players: int) -> None:
    """One after the other, so that their comings are due one by one."""
    now_s = time.perf_counter() - 60.0
    recorder.ledger.clock = lambda: now_s
    for user_id in range(players):
        recorder.ledger.watch().accepted(user_id, handshake_s=0.001)
        now_s += 0.01


def test_what_is_due_at_once_is_judged_in_slices_with_the_players_in_between(
    recorder: Recorder, settle: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "PAIRS_AT_ONCE", 30)
    monkeypatch.setattr(monitoring, "JUDGE_FOR_S", 60.0)
    came_a_minute_ago(recorder, 30)
    turns: list[int] = []

    def play() -> None:
        while True:
            turns.append(recorder.reach.presence.events)
            gevent.sleep(0.0001)

    player = gevent.spawn(play)
    settle()
    player.kill()
    assert recorder.reach.presence.events == 30
    assert len(set(turns)) > 5, "players had turns while some were judged and some were not"


def test_judging_that_takes_long_goes_on_the_next_time(
    recorder: Recorder, settle: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "PAIRS_AT_ONCE", 1)
    monkeypatch.setattr(monitoring, "JUDGE_FOR_S", 0.0)
    came_a_minute_ago(recorder, 5)
    judged = []
    while not judged or recorder.reach.is_behind:
        settle()
        judged.append(recorder.reach.presence.events)
    assert judged == [1, 2, 3, 4, 5]


def a_swarm(recorder: Recorder, wire: Wire) -> Any:
    """As much of one as a monitor looks at."""
    return SimpleNamespace(
        environment=SimpleNamespace(runner=None), facts=RunFacts(), recorder=recorder, ledger=recorder.ledger,
        wire=wire, places=SimpleNamespace(hosts=["http://127.0.0.1:1"]), requests=SimpleNamespace(flush=lambda: None),
    )  # fmt: skip


@pytest.mark.parametrize("is_behind_a_proxy", [False, True])
def test_what_listens_is_the_next_server_only_where_the_one_before_listened_there(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, is_behind_a_proxy: bool
) -> None:
    """Behind a proxy the port is the proxy's, which goes on when the server that it passes to has ended."""
    told: dict[str, Any] = {}
    monkeypatch.setattr(monitoring, "HealthMonitor", lambda recorder, **does: told.update(does))
    lobby = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    proxy = os.getpid()
    listening = proxy if is_behind_a_proxy else lobby.pid
    monkeypatch.setattr(monitoring, "find_server", lambda port: listening)
    wire = Wire("ws://127.0.0.1:1/")
    swarm = a_swarm(recorder, wire)
    state, steady_state = swarm.facts.server_state, SimpleNamespace(look=lambda now_s: None)
    monitor = RunMonitor(swarm, duration_s=lambda: 0.0, server_pid=lobby.pid, steady_state=steady_state)  # type: ignore[arg-type]
    try:
        monitor._watch_server()
        lobby.communicate(timeout=PATIENCE_S)
        listening = proxy
        with gevent.Timeout(PATIENCE_S):
            while not (state.gone_s if is_behind_a_proxy else state.restarts):
                told["on_settle"]()
                told["on_second"](time.perf_counter())
                gevent.sleep(0.05)
        assert state.restarts == (0 if is_behind_a_proxy else 1)
    finally:
        lobby.kill()
        lobby.wait()
        wire.close()


@pytest.mark.parametrize(
    ("listens", "is_named", "proxy"), [("nginx", False, "nginx"), ("nginx", True, ""), ("server", False, "")]
)
def test_a_proxy_that_listens_is_not_taken_for_the_server(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, listens: str, is_named: bool, proxy: str
) -> None:
    """It answers 502 and uses no CPU while the server behind it is gone. `is_named`: by --server-pid."""
    (tmp_path / listens).symlink_to(shutil.which("sleep") or "")
    monkeypatch.setattr(monitoring, "HealthMonitor", lambda recorder, **does: None)
    listening = subprocess.Popen([tmp_path / listens, "600"])
    monkeypatch.setattr(monitoring, "find_server", lambda port: listening.pid)
    wire = Wire("ws://127.0.0.1:1/")
    swarm = a_swarm(recorder, wire)
    named, watched = (os.getpid() if is_named else None), None if proxy else listening.pid
    monitor = RunMonitor(swarm, duration_s=lambda: 0.0, server_pid=named, steady_state=SimpleNamespace())  # type: ignore[arg-type]
    try:
        monitor._watch_server()
        assert swarm.facts.proxy == proxy
        assert swarm.facts.server_pid == (named or watched)
    finally:
        listening.kill()
        listening.wait()
        wire.close()


def test_a_named_server_that_the_run_starts_again_is_away_only_until_then(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a proxy: the port says nothing of it."""
    told: dict[str, Any] = {}
    monkeypatch.setattr(monitoring, "HealthMonitor", lambda recorder, **does: told.update(does))
    monkeypatch.setattr(monitoring, "find_server", lambda port: None)
    lobby = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started: dict[int, int] = {}
    wire = Wire("ws://127.0.0.1:1/")
    swarm = a_swarm(recorder, wire)
    state, steady_state = swarm.facts.server_state, SimpleNamespace(look=lambda now_s: None)
    monitor = RunMonitor(
        swarm, duration_s=lambda: 0.0, server_pid=lobby.pid, steady_state=steady_state,  # type: ignore[arg-type]
        in_place_of=started.get,
    )  # fmt: skip

    def look_until(holds: Callable[[], object]) -> None:
        with gevent.Timeout(PATIENCE_S):
            while not holds():
                told["on_settle"]()
                told["on_second"](time.perf_counter())
                gevent.sleep(0.05)

    try:
        monitor._watch_server()
        lobby.communicate(timeout=PATIENCE_S)
        look_until(lambda: state.gone_s)
        assert (state.restarts, swarm.facts.server_pid, state.is_away) == (0, lobby.pid, True)
        started[lobby.pid] = os.getpid()
        look_until(lambda: state.restarts)
        gone_s, watched_s = state.gone_s, state.watched_s
        look_until(lambda: state.watched_s > watched_s)
        assert (state.restarts, swarm.facts.server_pid, state.gone_s) == (1, os.getpid(), gone_s)
        assert not state.is_away
    finally:
        lobby.kill()
        lobby.wait()
        wire.close()
