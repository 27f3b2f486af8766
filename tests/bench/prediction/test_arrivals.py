"""What it costs the lab's clients to come: theirs alone, and not the start of the process that they are in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench.load.clients.herd import Herd, WaysBack
from bench.prediction.fitting import fit
from bench.processes.cpu import CpuTimes
from bench.processes.lab import Lab, Server
from bench.record.profiles.sizes import CalibrationSizes
from bench.scenarios.prediction import arrivals, broadcasts
from bench.scenarios.prediction.turns import turn_curve
from bench.scenarios.prediction.watching import Counters, Measuring, Stretch
from tests.bench.prediction.models import a_cost

START_S, COMING_S, HEARING_US = 0.3, 140e-6, 4.0
COMERS, WRITES = 100, 250

OTHER_WORK = dict.fromkeys(
    ("upgrade", "handshake", "event", "send_base", "sent_byte", "fetch", "fetched_byte", "idle"), 0.0
)  # fmt: skip


class FakeHerd:
    """A process that starts when it is first called, as a real one works at its start until it can be."""

    pid = 1
    used_s = 0.0

    def __init__(self) -> None:
        self._is_begun = False

    def call(self, what: Any, *arguments: Any) -> Any:
        if not self._is_begun:
            self._is_begun, self.used_s = True, self.used_s + START_S
        if what is not Herd.come:
            return None
        self.used_s += COMERS * COMING_S + WRITES * HEARING_US / 1e6
        return WaysBack(listening_s=0.0, accepted_s=[], fresh_s=[1.0] * COMERS, failures=0)


def herds(monkeypatch: pytest.MonkeyPatch, *, used_s: float, turns: int = 0) -> Measuring:
    """What is measured of herds that are fresh after 1 s, have taken the server so much CPU, and woken it so often."""
    herd = FakeHerd()

    @contextlib.contextmanager
    def a_herd(*arguments: Any, **named: Any) -> Iterator[FakeHerd]:
        herd.__init__()  # type: ignore[misc]
        yield herd

    @contextlib.contextmanager
    def a_publisher(*arguments: Any) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(fill=lambda rooms: None, list_bytes=lambda: 1_000)

    @contextlib.contextmanager
    def watched(*arguments: Any) -> Iterator[Stretch]:
        yield Stretch(used_s=used_s, wall_s=1.0, counted=Counters(WRITES, 0.0, 0.0), turns=turns)

    monkeypatch.setattr(arrivals, "Publisher", a_publisher)
    monkeypatch.setattr(arrivals, "watched", watched)
    monkeypatch.setattr(arrivals, "read_cpu", lambda pid: CpuTimes(herd.used_s, 0.0))
    monkeypatch.setattr(arrivals, "time", SimpleNamespace(sleep=lambda time_s: None))
    lab = cast(Lab, SimpleNamespace(generator=a_herd))
    sizes = CalibrationSizes(repeats=2, comers=COMERS)
    curves = {**broadcasts.curves(sizes.idle_ms), "turn": turn_curve([0.001, 0.01])}
    measuring = Measuring(lab, sizes, lambda what: None, curves=curves)
    measuring.costs["sink"] = a_cost(HEARING_US, "µs")
    arrivals._herds(measuring, cast(Server, SimpleNamespace(pid=2, port=3, jwt_secret="")))
    return measuring


def test_cost_of_coming_has_neither_the_start_of_the_generator_nor_what_clients_hear(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measuring = herds(monkeypatch, used_s=0.01)
    assert measuring.costs["come"].value == pytest.approx(COMING_S * 1e6)
    assert measuring.costs["come"].n == 2 * arrivals.HERDS


def test_connection_of_a_herd_is_not_charged_with_writes_to_sessions_that_were_not_written_to_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each session has 2.5 writes within 1 s, every 400 ms. A forecast charges what they cost more cold by itself."""
    connection_s, cold_s = 20e-6, 5e-6
    measuring = herds(monkeypatch, used_s=COMERS * connection_s + WRITES * cold_s)
    steps = dict.fromkeys(measuring.cold("send", 1.0, 1.0), 0.0)
    found = fit(measuring.rows, given={**OTHER_WORK, **steps, "send after 50 ms": cold_s})
    assert found["connection"].value_s == pytest.approx(connection_s)


def test_connection_of_a_herd_is_not_charged_with_the_turns_that_others_of_it_woke_the_loop_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 1 s the server slept for 0.9 s, 60 times: 15 ms each time."""
    connection_s, turn_s = 20e-6, 100e-6
    measuring = herds(monkeypatch, used_s=COMERS * connection_s + 60 * turn_s, turns=60)
    steps = dict.fromkeys((*measuring.cold("send", 1.0, 1.0), *measuring.cold("turn", 1.0, 1.0)), 0.0)
    found = fit(measuring.rows, given={**OTHER_WORK, **steps, "turn after 10 ms": turn_s})
    assert found["connection"].value_s == pytest.approx(connection_s)
