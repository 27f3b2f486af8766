"""A login storm: what goes into the book, with all accepted and with some who were not."""

from __future__ import annotations

import numpy as np
import pytest

from bench.load.sockets.probe import Probe
from bench.load.sockets.sinks import Heard, Sinks
from bench.measures import (
    ACCEPTED_WITHIN,
    CLOSED_BY_SERVER,
    CPU_IN_ALL,
    CPU_PER_EVENT,
    CPU_PER_UPGRADE,
    LAST_ACCEPTED,
    LAST_EVENT,
    PEAK_RATE,
    RECEIVED,
    SLOWEST_PING,
)
from bench.record.findings import Findings
from bench.record.vocabulary import ACCEPTED
from bench.scenarios import storm
from tests.bench.fake_lab import Stage, a_stage, a_stretch, readings, value

HELLO_S = 100.0
"""When the storm began."""
CLIENTS = 4
EVENTS = 10
"""4 + 3 + 2 + 1."""


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(storm, "closes_of", lambda url: {"1011": 2})
    monkeypatch.setattr(storm, "resident_kib", lambda pid, peak=False: 2_048)
    found = a_stage(monkeypatch, storm)
    found.script(Probe, end=[0.01, 0.04])
    return found


def run(stage: Stage, accepted_s: list[float], *, events: list[int] | None = None, lost: int = 0) -> Findings:
    heard = Heard(
        events=events or [4, 3, 2, 1], received_bytes=[500_000] * 4, accepted_s=accepted_s,
        last_event_s=HELLO_S + 0.9, lost=lost, streams=[], stamps=[],
    )  # fmt: skip
    stage.script(Sinks, say_hello=HELLO_S, heard=heard)
    return storm.run(stage.lab, [CLIENTS])


ALL = [HELLO_S + each for each in (0.4, 0.1, 0.3, 0.2)]
TWO = [HELLO_S + 0.1, 0.0, HELLO_S + 0.3, 0.0]
"""Two of four were accepted: 0 is one that was not."""


def test_times_count_from_the_first_hello(stage: Stage) -> None:
    found = run(stage, ALL)
    assert value(found, LAST_ACCEPTED) == pytest.approx(0.4)
    assert value(found, LAST_EVENT) == pytest.approx(0.9)
    assert [value(found, each) for each in ACCEPTED_WITHIN.values()] == pytest.approx([0.2, 0.4, 0.4])
    [series] = found.series_of(ACCEPTED)
    assert series.groups[0].values_ms().tolist() == pytest.approx([100, 200, 300, 400])


def test_cost_is_of_an_event_and_of_an_upgrade(stage: Stage) -> None:
    """0.2 s for four upgrades, and 0.5 s for ten events."""
    stage.stretches = [a_stretch(server_cpu_s=0.2), a_stretch(server_cpu_s=0.5)]
    found = run(stage, ALL)
    assert value(found, CPU_PER_UPGRADE) == pytest.approx(50_000)
    assert value(found, CPU_PER_EVENT) == pytest.approx(50_000)
    assert value(found, CPU_IN_ALL) == 0.5


def test_answers_bytes_and_closes_are_those_that_were_counted(stage: Stage) -> None:
    found = run(stage, ALL, lost=1)
    assert value(found, SLOWEST_PING) == pytest.approx(40.0)
    assert value(found, RECEIVED) == pytest.approx(2.0)
    assert value(found, CLOSED_BY_SERVER) == 3


def test_waiting_is_for_as_many_events_as_a_storm_has(stage: Stage) -> None:
    run(stage, ALL)
    assert [args[0] for args in stage.generator(Sinks).asked("hear")] == [EVENTS]


# -- somebody was not accepted -------------------------------------------------------------------------------------


def test_last_one_accepted_is_no_figure_where_somebody_was_not(stage: Stage) -> None:
    [reading] = readings(run(stage, TWO), LAST_ACCEPTED)
    assert reading.invalid == "2 of 4 clients were not accepted"


def test_share_that_was_reached_has_its_time_and_one_that_was_not_has_none(stage: Stage) -> None:
    """The second of four is the half of them."""
    found = run(stage, TWO)
    half, *rest = (readings(found, each)[0] for each in ACCEPTED_WITHIN.values())
    assert half.value == pytest.approx(0.3)
    assert not half.invalid
    assert {each.invalid for each in rest} == {"2 of 4 clients were not accepted"}


def test_series_has_those_who_were_accepted_and_nobody_from_before_the_storm(stage: Stage) -> None:
    [series] = run(stage, TWO).series_of(ACCEPTED)
    assert series.groups[0].values_ms().tolist() == pytest.approx([100, 300])
    assert series.clients == CLIENTS


def test_peak_is_of_those_who_were_accepted(stage: Stage) -> None:
    """Two within 0.05 s, and two who were not at all."""
    found = run(stage, [HELLO_S + 0.1, 0.0, HELLO_S + 0.15, 0.0])
    assert value(found, PEAK_RATE) == pytest.approx(20.0)


def test_storm_of_which_nobody_is_accepted_is_a_fault_and_no_figure(stage: Stage) -> None:
    found = run(stage, [0.0] * 4, events=[0] * 4)
    assert found.faults
    assert {readings(found, each)[0].invalid for each in (LAST_ACCEPTED, *ACCEPTED_WITHIN.values())} == {
        "4 of 4 clients were not accepted"
    }
    assert not np.any([group.values_ms() for group in found.series_of(ACCEPTED)[0].groups])


def test_cost_of_an_event_is_no_figure_where_events_are_missing(stage: Stage) -> None:
    found = run(stage, ALL, events=[4, 3, 2, 0])
    assert readings(found, CPU_PER_EVENT)[0].invalid == "9 of 10 events were heard"
    assert readings(found, LAST_EVENT)[0].invalid == "9 of 10 events were heard"
