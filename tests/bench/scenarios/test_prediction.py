"""A model is fitted to real servers, and its forecasts are held against others: at a handful of clients, so that what
is looked at is whether everything is there, and not what it is.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace as replace_case
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from msgspec.structs import replace

from bench.analysis.goals import check_goals
from bench.load.changes.changes import whole_intervals_s
from bench.measures import (
    AS_PREDICTED,
    FORECAST_ERROR,
    MEDIAN_ERROR,
    PREDICTED,
    SCALE_BYTES,
    SCALE_DELAY,
    SCALE_HOLDS,
    WORST_ERROR,
)
from bench.prediction.comparison import Wall
from bench.prediction.model import SCHEMA, Clients, Coldness, read_model, write_model
from bench.prediction.plan import Plan
from bench.prediction.steady import steady
from bench.prediction.told import tell_basis, tell_model
from bench.prediction.virtual.setup import Setup
from bench.prediction.virtual.storms import restart
from bench.processes.cluster.surroundings import why_not
from bench.processes.cpu import plan_cpus
from bench.processes.lab import Lab, target_factory
from bench.processes.progress import PlainReporter
from bench.record.book import Book
from bench.record.findings import Stretch
from bench.record.profiles.profile import Profile, parts
from bench.record.profiles.standard import FULL, QUICK, SMOKE
from bench.record.run import Run
from bench.scenarios.prediction import arrivals, broadcasts, held_out, holding, lists, shared
from bench.scenarios.prediction.at_scale import write_walls
from bench.scenarios.prediction.calibration import calibrate
from bench.scenarios.prediction.estimate import calibration_s, held_out_s
from bench.scenarios.prediction.holding import Came, Case
from bench.scenarios.prediction.kept import NAME, held_of, keep, model_of
from bench.scenarios.prediction.turns import ASKING
from bench.scenarios.prediction.watching import of_values, spread_of
from bench.scenarios.registry import GENERATORS
from tests.bench.fake_lab import a_stretch
from tests.bench.prediction.models import a_model
from tests.bench.runs import a_run
from tests.installed import needed


def a_lab(profile: Profile = SMOKE, *, preload: Sequence[str] = ()) -> Lab:
    cpus = plan_cpus()
    return Lab(
        profile=profile, seed=1, cpus=cpus, reporter=PlainReporter(), server_factory=target_factory(cpus),
        preload=preload,
    )  # fmt: skip


@pytest.fixture
def cluster() -> None:
    """What several nodes need is there."""
    needed(why_not())


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long enough for a handful of clients."""
    for module, pauses in PAUSES.items():
        for name, value in pauses.items():
            assert getattr(module, name) > value
            monkeypatch.setattr(module, name, value)


LIST_BYTES = 1_000
"""About what five rooms take."""
PAUSES: dict[ModuleType, dict[str, float]] = {
    lists: {"IDLE_S": 0.3, "POLL_EVERY_S": 0.25},
    broadcasts: {"QUIET_S": 0.15, "FETCHED_QUIET_S": 0.15, "LONE": 5},
    arrivals: {"SETTLE_S": 0.1, "GONE_S": 0.2},
    shared: {"IDLE_S": 0.4},
}


@pytest.mark.system
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("cluster", "short_pauses")
def test_model_of_this_machine_has_every_cost_and_makes_forecasts(tmp_path: Path) -> None:
    prediction = replace(SMOKE.prediction, calibration=replace(SMOKE.prediction.calibration, pings_s=0.6))
    lab = a_lab(replace(SMOKE, prediction=prediction), preload=GENERATORS)
    try:
        model = calibrate(lab)
    finally:
        lab.dismiss()
    write_model(model, tmp_path / "model.json")
    assert read_model(tmp_path / "model.json") == model
    costs = model.costs
    for name in ("change", "shared_change", "database_write"):
        assert 1.0 < getattr(costs, name).value < 500_000.0, name
    assert model.coldness is not None
    for kind in Coldness.__struct_fields__:
        cold = getattr(model.coldness, kind)
        assert len(cold.after_ms) == len(cold.more) >= 1, kind
        assert all(0.0 <= more.low <= more.value <= more.high for more in cold.more), kind
    lone_poll_us = costs.poll.value + model.coldness.turn.more[-1].value  # which has a turn to itself
    assert 1.0 < lone_poll_us < 500_000.0
    assert model.clients is not None
    assert model.clients.asked_byte is not None
    list_us = model.clients.ask.value + model.clients.asked_byte.value * LIST_BYTES / 1e3
    for name in Clients.__struct_fields__:  # of so few clients, one part of a fetch may come out as the whole of it
        value = list_us if name in ASKING else getattr(model.clients, name).value
        assert 1.0 < value < 500_000.0, name
    for name in costs.__struct_fields__:  # of so few clients, what is left beside other work may come out as nothing
        cost = getattr(costs, name)
        assert 0.0 <= cost.low <= cost.value <= cost.high, name
        assert cost.n >= 1, name
    assert model.sizes.process_mib.value > 10.0
    assert model.waits.start.value > 100.0
    assert model.measured.sessions == 60
    found = steady(Plan(players=100), model, 1, window_s=4.0)
    assert 0.0 < found.shares["core"] <= 1.0


@pytest.mark.system
@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
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
    holding.write_errors(book)
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


def test_forecast_of_a_restart_counts_the_servers_cpu_as_long_as_its_measurement_does() -> None:
    """Until all have been told of each other: a thousand, in a write of 0.1 ms to each at least."""
    model = a_model(upgrade=100.0, handshake=100.0, send_base=100.0)
    setup = Setup(sessions=1_000, way="push", presence="all", changes_per_s=0.0)
    storm = restart(setup, model, policy=None)
    back = held_out._of_restart(setup, model)
    assert back["server CPU per client that comes back"] == pytest.approx(storm.cpu_s / 1_000 * 1e6)
    assert storm.cpu_s >= 1_000 * 0.0003


def test_model_is_made_again_of_what_a_run_keeps() -> None:
    run = a_run_with_errors(5.0)
    model = a_model(
        change=400.0, sent_byte=0.5, log_wait=1.5, hear=20.0, cold={"send": {2.5: 1.0, 1_000.0: 8.0}},
        spread={"change": [-1.0, 0.5], "shared_change": [float(each) for each in range(-4, 7)]},
    )  # fmt: skip
    model = replace(model, disturbed={"several processes": 0.12})
    book = Book()
    keep(book, model)
    [found] = run.findings
    made = model_of(replace(run, findings=[replace(found, facts=book.facts, notes=book.notes)]))
    assert made is not None
    assert made.held is not None
    assert made.disturbed == model.disturbed
    doubt = "in doubt: other work took 12% of the cores while “several processes” was measured for the model"
    assert doubt in book.notes
    assert doubt in tell_basis([], made, "a file", fetches=False)
    assert [line for line in tell_model(made) if "in doubt" in line] == [doubt]
    for name in ("change", "sent_byte", "idle"):
        own, kept = getattr(model.costs, name), getattr(made.costs, name)
        assert (own.value, own.unit, own.low, own.high, own.n) == (kept.value, kept.unit, kept.low, kept.high, kept.n)
    assert made.waits.log.value == 1.5
    assert made.spread == model.spread
    assert (made.schema, made.clients is not None and made.clients.hear.value) == (SCHEMA, 20.0)
    for name in Coldness.__struct_fields__:
        own, kept = getattr(model.coldness, name), getattr(made.coldness, name)
        assert (own.warm_ms, own.after_ms) == (kept.warm_ms, kept.after_ms)
        assert [each.value for each in own.more] == [each.value for each in kept.more]


def test_model_of_a_run_before_anything_was_measured_cold_is_an_older_one(tmp_path: Path) -> None:
    run = a_run_with_errors(5.0)
    book = Book()
    keep(book, replace(a_model(change=400.0), coldness=None, clients=None, spread=None))
    [found] = run.findings
    made = model_of(replace(run, findings=[replace(found, facts=book.facts)]))
    assert made is not None
    assert (made.schema, made.coldness, made.clients, made.spread) == (1, None, None, None)
    write_model(made, tmp_path / "model.json")
    assert read_model(tmp_path / "model.json") == made


def test_model_of_a_run_that_knew_nothing_of_clients_that_come_is_of_schema_2(tmp_path: Path) -> None:
    run = a_run_with_errors(5.0)
    own = a_model(ask=30.0)
    assert own.clients is not None
    book = Book()
    keep(book, replace(own, clients=replace(own.clients, asked_byte=None, come=None)))
    [found] = run.findings
    made = model_of(replace(run, findings=[replace(found, facts=book.facts)]))
    assert made is not None
    assert made.schema == 2
    write_model(made, tmp_path / "model.json")
    assert read_model(tmp_path / "model.json") == made


def test_spread_is_of_single_times_around_the_median_of_their_repeat() -> None:
    """Two repeats, one of which was 10 ms slower all the while: that is no spread of its changes."""
    repeats = [[4.0, 5.0, 5.0, 5.0, 9.0], [14.0, 15.0, 15.0, 15.0, 19.0]]
    assert spread_of(repeats) == [-1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0, 4.0]
    assert spread_of([[1.0, 2.0, 6.0]]) == [-1.0, 0.0, 4.0]
    assert len(spread_of([[float(each) for each in range(40)]])) == 10


def test_run_says_what_was_held_out_and_how_far_it_went() -> None:
    held = held_of(a_run_with_errors(-30.0, 5.0, 8.0))
    assert held is not None
    assert (held.n, held.median_error, held.worst_error) == (3, pytest.approx(0.08), pytest.approx(0.3))
    assert held.extent.processes == 3
    assert held_of(a_run()) is None


class Measured(Exception):
    """By what a cell was asked for."""


@pytest.mark.parametrize("rate_per_s", [0.3, 0.8, 1.0, 2.0, 10.0])
def test_window_of_a_cell_has_as_many_rooms_made_as_ended(rate_per_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The delta of a room that is made is three times as long as that of its end: of three changes, two are of one
    kind, and bytes per change were 15 % from those of an even number."""

    def measure_cell(lab: Lab, way: str, **asked: Any) -> None:
        raise Measured(asked["changes_per_s"] * whole_intervals_s(asked["changes_per_s"], asked["window_s"]))

    monkeypatch.setattr(held_out, "measure_cell", measure_cell)
    sizes = replace(SMOKE.prediction, changes_per_s=[rate_per_s], window_s=4.0)
    *cells, _ = held_out._alone(a_lab(), sizes, random.Random(1))
    assert len(cells) == 4
    for case in cells:
        with pytest.raises(Measured) as caught:
            case.measure()
        changes = caught.value.args[0]
        assert changes == pytest.approx(2 * round(changes / 2))
        assert changes >= 2


def test_rooms_of_several_processes_are_only_made_in_the_forecast_as_in_the_measurement() -> None:
    cases = held_out._together(a_lab(), SMOKE.prediction, lambda: pytest.fail("nothing is measured"))
    setups = [case.predict.args[0] for case in cases]  # type: ignore[attr-defined]
    assert [setup.processes for setup in setups] == list(SMOKE.prediction.nodes)
    assert {(setup.only_makes, setup.rooms) for setup in setups} == {(True, 0)}


def test_one_process_is_measured_before_there_is_a_valkey_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was calibrated: what else wakes its core is in no cost."""
    done: list[str] = []

    @contextlib.contextmanager
    def surroundings(**_: Any) -> Iterator[str]:
        done.append("surroundings")
        yield "a place"

    def measure(name: str) -> Callable[..., Came]:
        def measured(*arguments: Any) -> Came:
            if name == "processes":
                assert arguments[1]() == "a place"
            done.append(name)
            return Came({})

        return measured

    monkeypatch.setattr(held_out, "why_not", lambda: None)
    monkeypatch.setattr(held_out, "measure_model", lambda *arguments, **named: a_model())
    monkeypatch.setattr(held_out, "surroundings", surroundings)
    monkeypatch.setattr(held_out, "calmly", lambda lab, book, measure: measure(book))
    for function, name in (("_cell", "cell"), ("_restart", "restart"), ("_nodes", "processes")):
        monkeypatch.setattr(held_out, function, measure(name))
    sizes = replace(SMOKE.prediction, repeats=2, scale=None)
    held_out.run(a_lab(replace(SMOKE, prediction=sizes)))
    alone = ["cell"] * 4 + ["restart"]
    assert done == [*alone, *alone, "surroundings", "processes", "processes"]


def test_nothing_that_was_held_against_anything_is_a_fault() -> None:
    book = Book()
    holding.write_errors(book)
    assert book.faults == ["no forecast was held against a measurement"]


def a_case(value: float, stretch: Stretch | None = None, faults: Sequence[str] = ()) -> Case:
    return Case("a case", 100, lambda model: {}, lambda: Came({"time to fresh p50": value}, stretch, faults))


BUSY = a_stretch(wall_s=1.0, server_cpu_s=0.1, generator_cpu_s=0.95)
NEAR = a_stretch(wall_s=1.0, server_cpu_s=0.1, generator_cpu_s=0.8)
CROWDED = a_stretch(wall_s=1.0, server_cpu_s=0.5, server_wait_s=0.5)


@pytest.mark.parametrize(
    ("case", "invalid", "suspect"),
    [
        (a_case(50.0), "", ""),
        (a_case(50.0, BUSY), "the generator was the limit", ""),
        (a_case(50.0, NEAR), "", "the generator was near its limit"),
        (a_case(50.0, CROWDED), "", "other work had the cores"),
        (a_case(50.0, faults=["only 3 of 5 were back"]), "only 3 of 5 were back", ""),
    ],
    ids=["calm", "busy generator", "generator near its limit", "other work", "fault"],
)
def test_error_is_as_good_as_the_measurement_it_is_held_against(case: Case, invalid: str, suspect: str) -> None:
    book = Book()
    holding.hold_against(case, {"time to fresh p50": 60.0}, book)
    [reading] = book.result(NAME, ()).find(FORECAST_ERROR["time to fresh p50"], "a case")
    assert reading.value == pytest.approx(20.0)
    assert (reading.invalid, reading.suspect) == (invalid, suspect)


@pytest.mark.parametrize(
    ("rate_per_s", "window_s", "parts"), [(1.0, 6.0, 3), (0.8, 5.0, 2), (10.0, 6.0, 3), (2.0, 1.0, 1), (0.0, 4.0, 1)]
)
def test_parts_of_a_window_are_two_seconds_or_more_with_as_many_rooms_made_as_ended(
    rate_per_s: float, window_s: float, parts: int
) -> None:
    assert held_out.parts_of(rate_per_s, window_s) == parts
    pairs_per_part = window_s * rate_per_s / 2 / parts
    assert pairs_per_part == pytest.approx(round(pairs_per_part))


def of_parts(*cpu_ms: float, stretches: Sequence[Stretch] = ()) -> Book:
    """A case whose CPU is read in parts, and whose time is of all of it; 10 ms and 50 ms were predicted."""
    parts = [({"server CPU per change": value}, CALM) for value in cpu_ms]
    for place, stretch in enumerate(stretches):
        parts[place] = (parts[place][0], stretch)
    came = Came({"time to fresh p50": 50.0}, CALM, parts=parts)
    book = Book()
    case = Case("a case", 100, lambda model: {}, lambda: came)
    holding.hold_against(case, {"server CPU per change": 10.0, "time to fresh p50": 50.0}, book)
    return book


CALM = a_stretch(wall_s=2.0, server_cpu_s=0.1, generator_cpu_s=0.1)


def test_cpu_has_a_reading_and_an_error_of_each_part_and_a_time_has_one_of_all_of_it() -> None:
    found = of_parts(10.0, 8.0, 9.0).result(NAME, ())
    errors = found.find(FORECAST_ERROR["server CPU per change"], "a case")
    assert [each.value for each in errors] == pytest.approx([0.0, 25.0, 100 / 9])
    assert [each.value for each in found.find(AS_PREDICTED["server CPU per change"], "a case")] == [10.0, 8.0, 9.0]
    assert len(found.find(FORECAST_ERROR["time to fresh p50"], "a case")) == 1


def test_cpu_that_was_not_the_same_in_all_parts_is_suspect_and_the_time_beside_it_is_not() -> None:
    found = of_parts(10.0, 12.5).result(NAME, ())
    for measures in (AS_PREDICTED, FORECAST_ERROR):
        readings = found.find(measures["server CPU per change"], "a case")
        assert [each.suspect for each in readings] == ["its readings are more than 20 % apart"] * 2
    assert [each.suspect for each in found.find(FORECAST_ERROR["time to fresh p50"], "a case")] == [""]
    steady = of_parts(10.0, 11.9).result(NAME, ())
    assert [each.suspect for each in steady.find(FORECAST_ERROR["server CPU per change"], "a case")] == ["", ""]


@pytest.mark.parametrize(
    ("again_ms", "first", "suspect"),
    [
        pytest.param(59.0, CALM, "", id="the same again"),
        pytest.param(61.0, CALM, "its readings are more than 20 % apart", id="not the same again"),
        pytest.param(61.0, CROWDED, "", id="the first was disturbed, and is nothing to go by"),
    ],
)
def test_figure_that_a_second_round_does_not_find_again_is_suspect(
    again_ms: float, first: Stretch, suspect: str
) -> None:
    book, values = Book(), iter(((50.0, first), (again_ms, CALM)))
    case = replace_case(a_case(0.0), measure=lambda: Came(*_of_next(values)))
    for _ in range(2):
        holding.hold_against(case, {"time to fresh p50": 50.0}, book, before=holding.readings_before(book, case))
    readings = book.result(NAME, ()).find(FORECAST_ERROR["time to fresh p50"], "a case")
    assert readings[1].suspect == suspect
    holding.write_errors(book)
    [worst] = book.result(NAME, ()).find(WORST_ERROR)
    assert bool(worst.suspect) == (bool(suspect) or first is CROWDED)  # half of the readings in doubt is too many


def _of_next(values: Iterator[tuple[float, Stretch]]) -> tuple[dict[str, float], Stretch]:
    value, stretch = next(values)
    return {"time to fresh p50": value}, stretch


def test_parts_that_other_work_disturbed_are_left_out_unless_all_are() -> None:
    some = of_parts(10.0, 25.0, 10.5, stretches=[CALM, CROWDED, CALM]).result(NAME, ())
    kept = some.find(AS_PREDICTED["server CPU per change"], "a case")
    assert [(each.value, each.suspect) for each in kept] == [(10.0, ""), (10.5, "")]
    crowded = of_parts(10.0, 11.0, stretches=[CROWDED, CROWDED]).result(NAME, ())
    errors = crowded.find(FORECAST_ERROR["server CPU per change"], "a case")
    assert [each.suspect for each in errors] == ["other work had the cores"] * 2


def test_forecast_whose_measurement_is_none_counts_for_no_error() -> None:
    book = Book()
    for name, error, invalid in (("one", 4.0, ""), ("two", -8.0, ""), ("three", 300.0, "the generator was the limit")):
        book.add(FORECAST_ERROR["time to fresh p50"], error, clients=100, party=name, invalid=invalid)
    holding.write_errors(book)
    found = book.result(NAME, ())
    assert [each.value for each in found.find(WORST_ERROR)] == [8.0]
    assert [each.value for each in found.find(MEDIAN_ERROR)] == [6.0]
    assert "1 more could not be measured, and count for no error" in found.notes
    held = held_of(replace(a_run(), findings=[found]))
    assert held is not None
    assert held.n == 2
    assert held.worst_error == pytest.approx(0.08)


def test_quantity_that_was_measured_and_not_predicted_is_said_to_be_so() -> None:
    book = Book()
    holding.hold_against(a_case(50.0), {}, book)
    assert book.faults == ["a case: time to fresh p50 was not predicted"]


def test_worst_error_is_as_doubtful_as_what_it_is_of_and_the_median_as_most_of_them() -> None:
    book = Book()
    for name, error, suspect in (("one", 4.0, ""), ("two", -8.0, ""), ("three", 30.0, "other work had the cores")):
        book.add(FORECAST_ERROR["time to fresh p50"], error, clients=100, party=name, suspect=suspect)
    holding.write_errors(book)
    found = book.result(NAME, ())
    assert [each.suspect for each in found.find(WORST_ERROR)] == ["other work had the cores"]
    assert [each.suspect for each in found.find(MEDIAN_ERROR)] == [""]


def test_report_has_sizes_of_its_own_and_the_scenario_by_name_keeps_its_own() -> None:
    assert FULL.prediction_by_name is not None
    assert parts(FULL).prediction == FULL.prediction_by_name
    assert parts(QUICK).prediction == QUICK.prediction
    assert calibration_s(FULL.prediction.calibration) < 110.0
    assert calibration_s(FULL.prediction.calibration) + held_out_s(FULL.prediction) < 180.0
    assert FULL.prediction.scale is not None
    assert FULL.prediction.scale.for_s <= 60.0


def test_sizes_of_the_report_are_none_that_it_calibrates_with() -> None:
    sizes = FULL.prediction
    fitted = {*sizes.calibration.clients, *sizes.calibration.memory, sizes.calibration.comers, sizes.calibration.storm}
    assert not fitted & {sizes.polling, sizes.fetching, sizes.deltas, sizes.broadcast, sizes.herd}
    assert not set(sizes.nodes) & set(sizes.calibration.nodes)


def test_way_that_nothing_breaks_has_no_figures_of_its_end() -> None:
    book = Book()
    wall = Wall(
        name="polling", way="polling", presence="friends", holds=1_000, fails=None, breaks="", delay_ms=4.0,
        core_share=0.1, wire_bytes_per_player=50.0, is_cut=True,
    )  # fmt: skip
    write_walls(book, [wall])
    found = book.result(NAME, ())
    assert {each.name for each in found.measures} == {SCALE_HOLDS.name, SCALE_BYTES.name, SCALE_DELAY.name}
    assert "before it was known to 10 %: polling" in found.notes[0]


def test_cost_that_is_measured_as_it_is_has_median_least_and_most() -> None:
    cost = of_values([3.0, 1.0, 2.0, 10.0], "ms", "by hand")
    assert (cost.value, cost.low, cost.high, cost.n) == (2.5, 1.0, 10.0, 4)
