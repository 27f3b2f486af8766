"""A model is fitted to real servers, and its forecasts are held against others: at a handful of clients, so that what
is looked at is whether everything is there, and not what it is.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.analysis.goals import check_goals
from bench.measures import AS_PREDICTED, FORECAST_ERROR, MEDIAN_ERROR, PREDICTED, WORST_ERROR
from bench.prediction.model import read_model, write_model
from bench.prediction.plan import Plan
from bench.prediction.steady import steady
from bench.prediction.virtual.setup import Setup
from bench.processes.cluster.surroundings import why_not
from bench.processes.cpu import plan_cpus
from bench.processes.lab import Lab, target_factory
from bench.processes.progress import PlainReporter
from bench.record.book import Book
from bench.record.profiles.standard import SMOKE
from bench.record.run import Run
from bench.scenarios.prediction import held_out
from bench.scenarios.prediction.calibration import calibrate
from bench.scenarios.prediction.kept import NAME, held_of, keep, model_of
from bench.scenarios.prediction.watching import of_values
from tests.bench.prediction.models import a_model
from tests.bench.runs import a_run


def a_lab() -> Lab:
    cpus = plan_cpus()
    return Lab(profile=SMOKE, seed=1, cpus=cpus, reporter=PlainReporter(), server_factory=target_factory(cpus))


@pytest.mark.system
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_model_of_this_machine_has_every_cost_and_makes_forecasts(tmp_path: Path) -> None:
    model = calibrate(a_lab())
    write_model(model, tmp_path / "model.json")
    assert read_model(tmp_path / "model.json") == model
    costs = model.costs
    for name in ("change", "poll", "fetch", "handshake", "upgrade", "heartbeat", "shared_change", "database_write"):
        assert 1.0 < getattr(costs, name).value < 50_000.0, name
    assert model.sizes.process_mib.value > 10.0
    assert model.waits.start.value > 100.0
    assert model.measured.sessions == 60
    found = steady(Plan(players=100), model, 1, window_s=4.0)
    assert 0.0 < found.shares["core"] < 1.0


@pytest.mark.system
@pytest.mark.slow
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_forecasts_are_made_before_they_are_measured_and_both_are_kept() -> None:
    lab = a_lab()
    found = held_out.run(lab)
    assert found.faults == []
    cases = {each.party for each in found.measures if each.name.endswith(": predicted")}
    assert len(cases) == 4 + 1 + 1
    for each in found.measures:
        if each.name.endswith(": measured"):
            name = each.name.removesuffix(": measured")
            [predicted] = found.find(PREDICTED[name], each.party)
            [error] = found.find(FORECAST_ERROR[name], each.party)
            assert error.value == pytest.approx((predicted.value / each.readings[0].value - 1) * 100)
    made = model_of(replace(a_run(), findings=[found], profile=SMOKE))
    assert made is not None
    assert made.costs.change.value > 0


def a_run_with_errors(*errors: float) -> Run:
    book = Book()
    for number, error in enumerate(errors):
        book.add(FORECAST_ERROR["time to fresh p50"], error, clients=100, party=f"case {number}")
        book.add(AS_PREDICTED["time to fresh p50"], 1.0, clients=100, party=f"case {number}")
    held_out.write_errors(book, [error / 100 for error in errors])
    return replace(a_run(), findings=[book.result(NAME, ())])


def test_median_and_worst_error_are_without_sign_and_are_goals() -> None:
    run = a_run_with_errors(-30.0, 5.0, 8.0)
    [found] = run.findings
    assert [reading.value for reading in found.find(MEDIAN_ERROR)] == [8.0]
    assert [reading.value for reading in found.find(WORST_ERROR)] == [30.0]
    assert [str(each.outcome.value) for each in check_goals(found)] == ["met", "missed"]


def test_forecast_of_each_kind_of_case_has_the_figures_that_are_measured_of_it() -> None:
    """Round costs: 300 polls of 1 ms in 3 s; a change and 60 writes of 10 µs on two processes of one core; a start of a
    second and 20 ms for ten clients."""
    model = a_model(
        poll=1_000.0, send_features=10.0, upgrade=1_000.0, handshake=1_000.0, engine_entry=2_000.0, start_wait=1_000.0
    )
    cell = held_out._of_cell(Setup(sessions=300, way="polling"), 4.0, model)
    assert cell["server CPU per poll"] == pytest.approx(1_000.0, rel=0.05)
    push = held_out._of_cell(Setup(sessions=300, presence="all"), 4.0, model)
    assert push["server CPU per change"] == pytest.approx(3.0, rel=0.01)
    shared = Setup(sessions=60, processes=2, presence="all", changes_per_s=2.0, shares_core=True, rooms_interval_s=0.0)
    nodes = held_out._of_nodes(shared, 5.0, model)
    assert nodes["server CPU per change"] == pytest.approx(30 * 0.01, rel=0.01)
    assert nodes["Valkey, CPU per change"] == pytest.approx(2.0, rel=0.01)
    back = held_out._of_restart(Setup(sessions=10, way="push", presence="all", changes_per_s=0.0), model)
    assert back["last one fresh after"] == pytest.approx(1.02, rel=0.01)
    assert back["server CPU per client that comes back"] == pytest.approx(2_000.0, rel=0.01)
    assert {*cell, *push, *nodes, *back} == set(PREDICTED)


def test_model_is_made_again_of_what_a_run_keeps() -> None:
    run = a_run_with_errors(5.0)
    model = a_model(change=400.0, sent_byte=0.5, log_wait=1.5)
    book = Book()
    keep(book, model)
    [found] = run.findings
    made = model_of(replace(run, findings=[replace(found, facts=book.facts)]))
    assert made is not None
    assert made.held is not None
    for name in ("change", "sent_byte", "idle"):
        own, kept = getattr(model.costs, name), getattr(made.costs, name)
        assert (own.value, own.unit, own.low, own.high, own.n) == (kept.value, kept.unit, kept.low, kept.high, kept.n)
    assert made.waits.log.value == 1.5


def test_run_says_what_was_held_out_and_how_far_it_went() -> None:
    held = held_of(a_run_with_errors(-30.0, 5.0, 8.0))
    assert held is not None
    assert (held.n, held.median_error, held.worst_error) == (3, pytest.approx(0.08), pytest.approx(0.3))
    assert held.extent.processes == 3
    assert held_of(a_run()) is None


def test_nothing_that_was_held_against_anything_is_a_fault() -> None:
    book = Book()
    held_out.write_errors(book, [])
    assert book.faults == ["no forecast was held against a measurement"]


def test_cost_that_is_measured_as_it_is_has_median_least_and_most() -> None:
    cost = of_values([3.0, 1.0, 2.0, 10.0], "ms", "by hand")
    assert (cost.value, cost.low, cost.high, cost.n) == (2.5, 1.0, 10.0, 4)
