"""Freshness, break-even and cost: what goes into the book for a cell whose counts are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.load.cells import Cell
from bench.measures import (
    BYTES_PER_CLIENT_HOUR,
    CHANGES_PER_S,
    CPU_PER_CLIENT_HOUR,
    CPU_PER_PLAYER_HOUR,
    EVENTS_PER_CLIENT_HOUR,
    EVENTS_PER_PLAYER_HOUR,
    FRAMED_OVER_KERNEL,
    FRESHER_THAN,
    KIB_PER_PLAYER_HOUR,
    MEAN_STALENESS,
    REQUESTS_PER_CLIENT_HOUR,
    REQUESTS_PER_PLAYER_HOUR,
    TIME_TO_FRESH_LAST,
    TIME_TO_FRESH_P50,
    TIME_TO_FRESH_P99,
)
from bench.record.book import Book
from bench.record.findings import Findings, Ledger, Where
from bench.record.profiles.sizes import COST_ROOMS, BreakEvenSizes, CostSizes, FreshnessSizes
from bench.record.vocabulary import ALL_CHANGES_TIMED, STALENESS, TIME_TO_FRESH
from bench.record.wire import ByteCount
from bench.scenarios import break_even, cost, freshness
from tests.bench.fake_lab import Stage, a_stage, a_stretch, readings, value

CLIENTS = 10
WHERE = Where(CLIENTS, 4, 2.0)


def a_cell(**changes: Any) -> Cell:
    """Ten clients for 36 s, a tenth of a client-hour; of the CPU of their server, 2 s in 18 s, each has a tenth."""
    values: dict[str, Any] = {
        "clients": CLIENTS, "fresh_s": np.array([0.1, 0.2, 0.3, 4.0]), "stale_s": np.array([0.0, 0.05, 0.4, 3.55]),
        "ledger": Ledger(expected=5, received=4), "stretch": a_stretch(wall_s=18.0, server_cpu_s=2.0), "late_s": 0.004,
        "counted_s": 36.0, "changes": 54, "count": ByteCount(requests=30, events=40, wire_bytes=102_400),
        "checked_bytes": 1_000, "kernel_bytes": 1_000, "losses": 0,
    }  # fmt: skip
    return Cell(**{**values, **changes})


def written(cell: Cell, **more: bool) -> Findings:
    book = Book()
    freshness.write_cell(book, "push", cell, WHERE, **more)
    return book.result("freshness", ())


# -- one cell ------------------------------------------------------------------------------------------------------


def test_times_to_fresh_are_of_all_changes_at_all_clients() -> None:
    found = written(a_cell())
    times = (TIME_TO_FRESH_P50, TIME_TO_FRESH_P99, TIME_TO_FRESH_LAST)
    assert [value(found, each, "push", WHERE) for each in times] == pytest.approx([200, 4_000, 4_000])
    [reading] = readings(found, TIME_TO_FRESH_P50, "push")
    assert reading.late_ms == pytest.approx(4.0)
    assert reading.ledger == Ledger(expected=5, received=4)


def test_staleness_is_a_mean_and_shares_of_time() -> None:
    found = written(a_cell())
    assert value(found, MEAN_STALENESS, "push") == pytest.approx(1_000)
    shares = {within_s: value(found, each, "push") for within_s, each in FRESHER_THAN.items()}
    assert shares == {0.1: 50.0, 0.5: 75.0, 1.0: 75.0, 3.0: 75.0}


def test_costs_are_per_client_hour() -> None:
    """2 s in 18 s are 400 s an hour, of ten clients 40; bytes, requests and events are of a tenth of an hour."""
    found = written(a_cell())
    assert value(found, CPU_PER_CLIENT_HOUR, "push") == pytest.approx(40.0)
    assert value(found, BYTES_PER_CLIENT_HOUR, "push") == pytest.approx(1_024_000)
    assert value(found, REQUESTS_PER_CLIENT_HOUR, "push") == pytest.approx(300)
    assert value(found, EVENTS_PER_CLIENT_HOUR, "push") == pytest.approx(400)
    assert value(found, CHANGES_PER_S, "push") == pytest.approx(1.5)


def test_cell_that_lost_clients_has_no_figure_per_client() -> None:
    found = written(a_cell(losses=3))
    assert found.faults == ["push: 3 of 10 clients lost their connection"]
    told = {reading.invalid for each in found.measures for reading in each.readings}
    assert told == {"3 of 10 clients lost their connection"}
    assert {reading.invalid for each in written(a_cell()).measures for reading in each.readings} == {""}


def test_kernel_is_told_where_it_counted() -> None:
    assert value(written(a_cell(checked_bytes=999)), FRAMED_OVER_KERNEL, "push") == pytest.approx(0.999)
    assert readings(written(a_cell(checked_bytes=0, kernel_bytes=0)), FRAMED_OVER_KERNEL, "push") == []


def test_client_that_was_lost_is_a_fault() -> None:
    assert written(a_cell(losses=2)).faults == ["push: 2 of 10 clients lost their connection"]
    assert written(a_cell()).faults == []


def test_cell_in_which_nothing_changed_has_costs_and_no_time_to_fresh() -> None:
    found = written(a_cell(fresh_s=np.empty(0), stale_s=np.zeros(4), changes=0))
    assert readings(found, TIME_TO_FRESH_P50, "push") == []
    assert value(found, MEAN_STALENESS, "push") == 0.0
    assert value(found, BYTES_PER_CLIENT_HOUR, "push") > 0


def test_series_are_kept_only_where_they_are_asked_for() -> None:
    assert {each.name for each in written(a_cell()).series} == {TIME_TO_FRESH, STALENESS}
    assert written(a_cell(), series=False).series == []


def test_staleness_that_is_kept_goes_from_least_to_most_and_is_thinned() -> None:
    stale_s = np.arange(20_000)[::-1] / 1_000
    [series] = written(a_cell(stale_s=stale_s)).series_of(STALENESS)
    kept_ms = series.groups[0].values_ms()
    assert len(kept_ms) == 2_000
    assert (kept_ms[0], kept_ms[1]) == (0.0, 10.0)


# -- the plans -----------------------------------------------------------------------------------------------------


class Cells:
    """In place of `measure_cell`: what was asked for."""

    def __init__(self, **changes: Any) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.changes = changes

    def __call__(self, lab: object, way: str, **asked: Any) -> Cell:
        self.asked.append((way, asked))
        return a_cell(**self.changes)


def a_plan(monkeypatch: pytest.MonkeyPatch, module: Any, **profile: Any) -> tuple[Stage, Cells]:
    cells = Cells()
    monkeypatch.setattr(module, "measure_cell", cells)
    return a_stage(monkeypatch, **profile), cells


def test_freshness_has_each_way_in_each_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = FreshnessSizes(ways=["push", "polling"], clients=CLIENTS, repeats=3, rooms=4, changes_per_s=2.0)
    stage, cells = a_plan(monkeypatch, freshness, freshness=sizes)
    found = freshness.run(stage.lab)
    assert [sorted(way for way, _ in cells.asked[at : at + 2]) for at in (0, 2, 4)] == [["polling", "push"]] * 3
    assert len(readings(found, TIME_TO_FRESH_P50, "polling", WHERE)) == 3
    assert found.facts == {ALL_CHANGES_TIMED: 1.0}


def test_break_even_has_every_cell_once_and_idle_ones_at_the_first_size_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = BreakEvenSizes(ways=["push", "polling"], clients=[10, 20], changes_per_s=[1.0, 4.0], rooms=7, has_idle=True)
    stage, cells = a_plan(monkeypatch, break_even, break_even=sizes)
    found = break_even.run(stage.lab)
    asked = [(way, each["clients"], each["changes_per_s"]) for way, each in cells.asked]
    assert sorted(asked) == sorted(
        (way, clients, rate)
        for way in ("push", "polling")
        for clients, rates in ((10, (0.0, 1.0, 4.0)), (20, (1.0, 4.0)))
        for rate in rates
    )
    assert {each["rooms"] for _, each in cells.asked} == {7}
    assert len(readings(found, BYTES_PER_CLIENT_HOUR, "push", Where(20, 7, 4.0))) == 1
    assert found.series == []
    assert found.facts == {ALL_CHANGES_TIMED: 1.0}


def test_break_even_without_idle_cells_has_the_rates_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = BreakEvenSizes(ways=["push"], clients=[10], changes_per_s=[1.0])
    stage, cells = a_plan(monkeypatch, break_even, break_even=sizes)
    break_even.run(stage.lab)
    assert [each["changes_per_s"] for _, each in cells.asked] == [1.0]


def test_cost_is_of_a_life_its_way_and_its_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = CostSizes(lives=["idle", "active, rooms_delta"], clients=[CLIENTS], repeats=2, changes_per_s=3.0)
    stage, cells = a_plan(monkeypatch, cost, cost=sizes)
    looked: list[list[int]] = []
    monkeypatch.setattr(cost, "measure_memory", lambda lab, book, sizes: looked.append(list(sizes)))
    found = cost.run(stage.lab)
    assert sorted((way, each["changes_per_s"], each["rooms"]) for way, each in cells.asked) == [
        ("delta", 3.0, COST_ROOMS), ("delta", 3.0, COST_ROOMS), ("push", 0.0, COST_ROOMS), ("push", 0.0, COST_ROOMS),
    ]  # fmt: skip
    assert looked == [[CLIENTS], [CLIENTS]], "memory once in each repeat"
    active = Where(CLIENTS, 0, 3.0)
    assert [
        each.value for each in readings(found, CPU_PER_PLAYER_HOUR, "active, rooms_delta", active)
    ] == pytest.approx([40.0, 40.0])
    assert [each.value for each in readings(found, KIB_PER_PLAYER_HOUR, "idle", Where(CLIENTS))] == [1_000.0] * 2
    assert readings(found, REQUESTS_PER_PLAYER_HOUR, "idle")[0].value == pytest.approx(300)
    assert readings(found, EVENTS_PER_PLAYER_HOUR, "idle")[0].value == pytest.approx(400)
    assert readings(found, CHANGES_PER_S, "active, rooms_delta")[0].value == pytest.approx(1.5)


def test_disturbed_cell_is_measured_again_where_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    crowded = a_cell(stretch=a_stretch(wall_s=18.0, server_cpu_s=2.0, server_wait_s=2.0))
    outcomes = [crowded, a_cell(fresh_s=np.array([0.7]))]
    sizes = FreshnessSizes(ways=["push"], clients=CLIENTS, rooms=4, changes_per_s=2.0)
    stage, _ = a_plan(monkeypatch, freshness, freshness=sizes)
    monkeypatch.setattr(freshness, "measure_cell", lambda *_, **__: outcomes.pop(0))
    monkeypatch.setattr(stage.lab, "has_time_for", lambda duration_s: True)
    found = freshness.run(stage.lab)
    assert value(found, TIME_TO_FRESH_P50, "push") == pytest.approx(700)
    assert any(note.startswith("1 point measured again, because other work had the cores") for note in found.notes)
