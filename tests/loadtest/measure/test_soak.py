"""Half an hour of recordings in virtual time: what is recorded of a soak takes as much memory at its end as after five
minutes."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path
from random import Random
from typing import Any

import pytest

import loadtest
from loadtest.measure.history import History, Windows
from loadtest.measure.recorder import LATENESS, LOOP_LAG, Recorder

pytestmark = pytest.mark.system

PLAYERS = 20
STEP_S = 4.0
BEATS = 8
MINUTES = 30
WARM_MINUTES = 5
MOST_GROWTH = 0.05
FRAMES = 6
"""Of an allocation: enough to see that the history asked for it."""
OURS = f"{Path(loadtest.__file__).parent}/"
BYTES_PER_SAMPLE = 2_000
BYTES_PER_WINDOW = 6_000


class Soak:
    """A swarm of `PLAYERS` on a clock of its own: in each step one loses its connection and comes back, all others hear
    of both, a room is made or deleted, and some hearts beat."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.rng = Random(5)
        self.recorder = Recorder(clock=lambda: self.now_s, settle_s=5.0)
        self.samples: list[dict[str, float]] = []
        self.windows: list[dict[str, Any]] = []
        self.history, self.over_time = History(self.samples, every_s=1.0), Windows(self.windows)
        self.watches = {user_id: self.recorder.ledger.watch() for user_id in range(1, PLAYERS + 1)}
        self.steps = 0
        for watch, user_id in zip(self.watches.values(), self.watches, strict=True):
            watch.accepted(user_id, handshake_s=0.002)
        self.now_s += 60.0
        self.recorder.begin_steady_state()

    def go_on(self, minutes: int) -> None:
        for _ in range(round(minutes * 60 / STEP_S)):
            self._step()

    def _step(self) -> None:
        recorder, began_s = self.recorder, self.now_s
        self.steps += 1
        flapper = self.steps % PLAYERS + 1
        self.watches[flapper].leaving()
        self.watches[flapper].lost()
        self._tell(flapper, is_online=False)
        self.now_s += 0.5
        self.watches[flapper].accepted(flapper, handshake_s=0.002)
        self._tell(flapper, is_online=True)
        sent_s, self.now_s = self.now_s, self.now_s + 0.003
        recorder.ledger.change(intended_s=sent_s, sent_s=sent_s, answered_s=self.now_s)
        for watch in self.watches.values():
            watch.rooms(heard_s=self.now_s)
        for _ in range(BEATS):
            recorder.record_request(("WS", "heartbeat"), self.rng.expovariate(100.0), None)
            recorder.record_request(("GET", "/api/rooms"), self.rng.expovariate(50.0), None)
        recorder.record("reconnect", 0.5)
        for _ in range(5):
            recorder.record(LATENESS, 0.0005)
            recorder.record(LOOP_LAG, 0.0001)
        recorder.connections.messages_in["user_online"] += PLAYERS - 1
        recorder.health.cpu_shares += [0.25] * round(STEP_S)
        self.now_s = began_s + STEP_S
        recorder.points.settle()
        recorder.reach.settle(self.now_s)
        self.history.look(recorder, t_s=self.steps * STEP_S)
        self.over_time.look(recorder, t_s=self.steps * STEP_S)

    def _tell(self, about: int, *, is_online: bool) -> None:
        heard_s = self.now_s + 0.01
        for user_id, watch in self.watches.items():
            if user_id != about:
                watch.presence(about, is_online, heard_s)


def held_bytes() -> tuple[int, int]:
    """By the history over time, which grows to a bound of its own; and by all else of the swarm. What other threads of
    this process take meanwhile is theirs."""
    gc.collect()
    of_history = of_all_else = 0
    for trace in tracemalloc.take_snapshot().traces:
        files = [frame.filename for frame in trace.traceback]
        if f"{OURS}measure/history.py" in files:
            of_history += trace.size
        elif any(file.startswith(OURS) for file in files):
            of_all_else += trace.size
    return of_history, of_all_else


def test_half_an_hour_takes_no_more_memory_than_five_minutes():
    tracemalloc.start(FRAMES)
    try:
        soak = Soak()
        soak.go_on(WARM_MINUTES)
        history, warm = held_bytes()
        samples, windows = len(soak.samples), len(soak.windows)
        soak.go_on(MINUTES - WARM_MINUTES)
        history_at_the_end, at_the_end = held_bytes()
    finally:
        tracemalloc.stop()
    steps = round(MINUTES * 60 / STEP_S)
    presence = soak.recorder.presence
    assert presence.reach == 1, "the ledger judged what it was told"
    assert presence.expected + presence.unjudged > 0.9 * 2 * steps * (PLAYERS - 1)
    assert presence.expected > presence.unjudged, "those who had just come or were about to leave"
    assert soak.recorder.reported(("WS", "heartbeat")).count == BEATS * steps
    assert len(soak.samples) == steps
    assert len(soak.windows) > MINUTES * 60 / 10
    print(f"recorder: {warm:,} → {at_the_end:,} B; history: {history:,} → {history_at_the_end:,} B")
    assert at_the_end <= warm * (1 + MOST_GROWTH)
    added = BYTES_PER_SAMPLE * (len(soak.samples) - samples) + BYTES_PER_WINDOW * (len(soak.windows) - windows)
    assert history_at_the_end - history <= added
