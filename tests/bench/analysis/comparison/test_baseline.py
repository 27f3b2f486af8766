"""The stored baseline: what it is made of, what it finds, what it does not call worse, and how the gate ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from bench import cli
from bench.analysis.comparison.baseline import (
    FEWEST_RUNS,
    WATCHED,
    check,
    in_question,
    make_baseline,
    ratios_of,
    verdict,
)
from bench.measures import CPU_PER_RECIPIENT, Kind
from bench.record.book import Book
from bench.record.files.baseline import Baseline, read_baseline, write_baseline
from bench.record.files.run_file import write_run
from bench.record.findings import Stretch
from bench.record.profiles.standard import SMOKE
from bench.record.run import Run
from tests.bench.runs import a_run

STORED = Path(__file__).parents[4] / "reports" / "baseline.json"
CROWDED = Stretch(wall_s=1.0, server_cpu_s=0.5, generator_cpu_s=0.1, server_wait_s=0.5)
FLOOR_RATIO = next(str(each) for each in WATCHED if each.measure == CPU_PER_RECIPIENT and each.over == "floor")


def a_gate(
    factors: Mapping[str, float] | None = None, *, without: str = "", fault: str = "", stretch: Stretch | None = None
) -> Run:
    """Every party at the value 10, and the first of each ratio that `factors` names at so many times that."""
    books: dict[str, Book] = {}
    values: dict[tuple[str, str, str], float] = {}
    for watched in WATCHED:
        if str(watched) != without:
            values.setdefault((watched.scenario, watched.measure.name, watched.over), 10.0)
            own = (watched.scenario, watched.measure.name, watched.party)
            values[own] = max(values.get(own, 0.0), 10.0 * (factors or {}).get(str(watched), 1.0))
    measures = {(each.scenario, each.measure.name): each.measure for each in WATCHED}
    for (scenario, name, party), value in values.items():
        book = books.setdefault(scenario, Book())
        for _ in range(3):
            book.add(measures[scenario, name], value, clients=100, party=party, stretch=stretch)
    if fault:
        next(iter(books.values())).faults.append(fault)
    return a_run(*(book.result(name, ()) for name, book in books.items()))


def a_baseline(spread: Sequence[float] = (1.0, 1.0, 1.0, 1.0, 1.0)) -> Baseline:
    return make_baseline([a_gate({FLOOR_RATIO: each}) for each in spread])


def limit_of(baseline: Baseline) -> float:
    return next(each.limit for each in baseline.ratios if each.name == FLOOR_RATIO)


def test_limit_is_twice_the_largest_run_from_the_median_and_at_least_that_of_its_kind() -> None:
    assert limit_of(a_baseline()) == pytest.approx(1.75)
    assert limit_of(a_baseline((1.0, 1.0, 1.0, 1.0, 1.5))) == pytest.approx(2.0)
    assert limit_of(a_baseline((0.5, 1.0, 1.0, 1.0, 1.0))) == pytest.approx(1.75), "less is no reason to allow more"


def test_every_watched_ratio_is_stored_with_its_spread() -> None:
    made = a_baseline((1.0, 1.1, 1.2, 1.3, 1.4))
    assert [each.name for each in made.ratios] == [str(each) for each in WATCHED]
    floor = next(each for each in made.ratios if each.name == FLOOR_RATIO)
    assert (floor.value, floor.low, floor.high) == pytest.approx((1.2, 1.0, 1.4))
    assert made.runs == 5


def test_few_runs_or_an_incomplete_one_make_no_baseline() -> None:
    with pytest.raises(ValueError, match="takes 5 runs or more, and there are 4"):
        make_baseline([a_gate()] * (FEWEST_RUNS - 1))
    with pytest.raises(ValueError, match="missing or INVALID"):
        make_baseline([*[a_gate()] * FEWEST_RUNS, a_gate(without=FLOOR_RATIO)])


def test_planted_ratio_is_worse_and_an_equal_run_is_not() -> None:
    stored = a_baseline()
    assert verdict(check(stored, [a_gate()])) == 0
    planted = check(stored, [a_gate({FLOOR_RATIO: 1.8})])
    assert verdict(planted) == 3
    assert next(each.stored.name for each in planted if each.is_worse) == FLOOR_RATIO


def test_ratio_is_worse_only_if_it_is_so_in_every_attempt() -> None:
    stored, worse = a_baseline(), a_gate({FLOOR_RATIO: 3.0})
    assert verdict(check(stored, [worse, worse])) == 3
    assert verdict(check(stored, [worse, worse, a_gate()])) == 0


def test_ratio_that_was_not_measured_is_no_verdict() -> None:
    assert verdict(check(a_baseline(), [a_gate(without=FLOOR_RATIO)])) == 4
    assert verdict(check(a_baseline(), [a_run()])) == 4
    assert verdict([]) == 4


def test_ratio_above_its_limit_while_other_work_had_the_cores_is_no_verdict() -> None:
    stored = a_baseline()
    busy, calm = a_gate({FLOOR_RATIO: 3.0}, stretch=CROWDED), a_gate({FLOOR_RATIO: 3.0})
    assert verdict(check(stored, [busy, busy, busy])) == 4
    assert verdict(check(stored, [busy, calm, busy])) == 3, "once it was calm, and above"
    assert verdict(check(stored, [a_gate(stretch=CROWDED)])) == 0, "within the limit whatever the other work"


def test_ratio_above_its_limit_on_another_processor_is_no_verdict_and_on_another_kernel_is_one() -> None:
    stored, worse = a_baseline(), a_gate({FLOOR_RATIO: 3.0})
    elsewhere = replace(worse, machine=replace(worse.machine, cpu="another processor"))
    newer = replace(worse, machine=replace(worse.machine, kernel="Linux 99"))
    assert verdict(check(stored, [elsewhere])) == 4
    assert verdict(check(stored, [newer])) == 3
    good = a_gate()
    assert verdict(check(stored, [replace(good, machine=replace(good.machine, cpu="another processor"))])) == 0


def test_ratio_that_is_worse_is_told_before_one_that_was_not_measured() -> None:
    other = next(str(each) for each in WATCHED if each.scenario == "rooms-get")
    assert verdict(check(a_baseline(), [a_gate({FLOOR_RATIO: 3.0}, without=other)])) == 3


def test_scenarios_in_question_are_those_with_a_ratio_above_its_limit_or_without_one() -> None:
    stored = a_baseline()
    other = next(str(each) for each in WATCHED if each.scenario == "rooms-get")
    assert in_question(check(stored, [a_gate()])) == []
    assert in_question(check(stored, [a_gate({FLOOR_RATIO: 3.0})])) == ["peers"]
    assert in_question(check(stored, [a_gate({FLOOR_RATIO: 3.0}, without=other)])) == ["peers", "rooms-get"]


def other_machine(run: Run) -> Run:
    return replace(run, machine=replace(run.machine, cpu="another"))


@pytest.mark.parametrize(
    ("last", "says"),
    [
        (a_gate(fault="3 clients did not hear it"), "a run has a fault: 3 clients did not hear it"),
        (replace(a_gate(), is_whole=False), "a run was broken off"),
        (other_machine(a_gate()), "the runs are of different machines"),
        (replace(a_gate(), profile=SMOKE), "the runs are of different sizes: quick; smoke"),
    ],
    ids=["fault", "broken off", "machines", "sizes"],
)
def test_runs_that_are_not_alike_and_good_make_no_baseline(last: Run, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make_baseline([*[a_gate()] * (FEWEST_RUNS - 1), last])


def test_limits_are_by_hand_those_of_the_rule() -> None:
    """Medians 1.2 and 1.5; the largest runs 50 % and 4 % above; bytes have at least 10 %, CPU 75 %."""
    of_bytes = next(str(each) for each in WATCHED if each.measure.kind is Kind.BYTES)
    pairs = zip((1.0, 1.1, 1.2, 1.3, 1.8), (1.48, 1.5, 1.5, 1.5, 1.56), strict=True)
    made = make_baseline([a_gate({FLOOR_RATIO: cpu, of_bytes: size}) for cpu, size in pairs])
    limits = {each.name: each.limit for each in made.ratios}
    assert limits[FLOOR_RATIO] == pytest.approx(1.2 * 2.0)
    assert limits[of_bytes] == pytest.approx(1.5 * 1.1)


def test_other_work_on_the_machine_is_no_reason_to_have_no_ratio() -> None:
    """It falls on both parties; what it does to their ratio is in the limit."""
    assert set(ratios_of(a_gate(stretch=CROWDED))) == {str(each) for each in WATCHED}


def test_machine_that_is_twice_as_slow_changes_no_ratio() -> None:
    run = a_gate()
    slow = replace(run, findings=[
        replace(found, measures=[
            replace(each, readings=[replace(it, value=2 * it.value) for it in each.readings]) for each in found.measures
        ])
        for found in run.findings
    ])  # fmt: skip
    assert ratios_of(slow) == ratios_of(run)


def test_baseline_of_the_repository_watches_what_this_lab_measures_and_has_no_absolute_times() -> None:
    stored = read_baseline(STORED)
    assert [each.name for each in stored.ratios] == [str(each) for each in WATCHED]
    assert all("÷" in each.name for each in stored.ratios)
    assert stored.runs >= FEWEST_RUNS
    least = {Kind.BYTES: 1.1, Kind.CPU: 1.75}
    for watched, each in zip(WATCHED, stored.ratios, strict=True):
        assert each.low <= each.value <= each.high <= each.limit
        assert each.limit >= least[watched.measure.kind] * each.value * 0.999


# -- the commands --------------------------------------------------------------------------------------------------


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Run]:
    """The runs that the gate will measure, one after the other."""
    runs: list[Run] = []
    monkeypatch.setattr("bench.commands.comparing.measure", lambda *_, **__: runs.pop(0))
    write_baseline(a_baseline(), tmp_path / "baseline.json")
    return runs


def run_gate(tmp_path: Path, *more: str) -> Result:
    return CliRunner().invoke(cli.main, ["gate", "--baseline", str(tmp_path / "baseline.json"), *more])


def test_gate_ends_after_one_good_attempt(gate: list[Run], tmp_path: Path) -> None:
    gate += [a_gate(), a_gate()]
    result = run_gate(tmp_path, "--output", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    assert len(gate) == 1
    assert "1 of at most 3 attempts" in result.output
    assert (tmp_path / "out" / "run1" / "run.json").exists()


def test_gate_ends_with_3_when_three_attempts_are_worse(gate: list[Run], tmp_path: Path) -> None:
    gate += [a_gate({FLOOR_RATIO: 2.0}), a_gate({FLOOR_RATIO: 1.8}), a_gate({FLOOR_RATIO: 2.2})]
    result = run_gate(tmp_path)
    assert result.exit_code == 3, result.output
    assert "worse" in result.output
    assert "1.80" in result.output, "the best of them is told"


def test_gate_measures_again_what_is_in_question_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Sequence[str]] = []
    runs = [a_gate({FLOOR_RATIO: 2.0}), a_gate()]

    def measured(names: Sequence[str], **_: object) -> Run:
        asked.append(list(names))
        return runs.pop(0)

    monkeypatch.setattr("bench.commands.comparing.measure", measured)
    write_baseline(a_baseline(), tmp_path / "baseline.json")
    assert run_gate(tmp_path).exit_code == 0
    assert asked == [["peers", "rooms-get", "freshness"], ["peers"]]


def test_gate_on_a_busy_machine_has_no_verdict(gate: list[Run], tmp_path: Path) -> None:
    gate += [a_gate({FLOOR_RATIO: 2.0}, stretch=CROWDED)] * 3
    result = run_gate(tmp_path)
    assert result.exit_code == 4, result.output
    assert "no verdict" in result.output
    assert gate == []


def test_gate_whose_scenario_failed_each_time_has_failed(gate: list[Run], tmp_path: Path) -> None:
    other = next(str(each) for each in WATCHED if each.scenario == "rooms-get")
    gate += [replace(a_gate(without=other), failures={"rooms-get": "the server ended"})] * 3
    result = run_gate(tmp_path)
    assert result.exit_code == 1
    assert "A scenario failed, rooms-get: the server ended." in result.output


def test_gate_that_is_interrupted_measures_nothing_more(gate: list[Run], tmp_path: Path) -> None:
    gate += [replace(a_gate(), is_whole=False), a_gate()]
    result = run_gate(tmp_path)
    assert result.exit_code == 1
    assert "Interrupted" in result.output
    assert len(gate) == 1


def test_gate_of_a_ratio_that_nothing_measures_ends_without_a_verdict(gate: list[Run], tmp_path: Path) -> None:
    stored = a_baseline()
    first = replace(stored.ratios[0], name="peers: of another lab")
    write_baseline(replace(stored, ratios=[first, *stored.ratios[1:]]), tmp_path / "baseline.json")
    gate += [a_gate(), a_gate()]
    assert run_gate(tmp_path).exit_code == 4
    assert len(gate) == 1


def test_gate_forgives_noise_that_does_not_come_again(gate: list[Run], tmp_path: Path) -> None:
    gate += [a_gate({FLOOR_RATIO: 9.0}), a_gate()]
    assert run_gate(tmp_path).exit_code == 0


def test_gate_forgives_no_fault_of_a_ledger(gate: list[Run], tmp_path: Path) -> None:
    gate += [a_gate(fault="3 clients did not hear it")]
    result = run_gate(tmp_path)
    assert result.exit_code == 1
    assert "3 clients did not hear it" in result.output


def test_gate_without_a_baseline_is_misuse(tmp_path: Path) -> None:
    result = run_gate(tmp_path)
    assert result.exit_code == 2
    assert "is not a baseline" in result.output


def test_baseline_is_made_from_a_folder_of_runs(tmp_path: Path) -> None:
    for number in range(FEWEST_RUNS):
        (tmp_path / "runs" / f"run{number}").mkdir(parents=True)
        write_run(a_gate(), tmp_path / "runs" / f"run{number}" / "run.json")
    output = tmp_path / "made.json"
    result = CliRunner().invoke(cli.main, ["baseline", str(tmp_path / "runs"), "--output", str(output)])
    assert result.exit_code == 0, result.output
    assert read_baseline(output) == a_baseline()
    few = CliRunner().invoke(cli.main, ["baseline", str(tmp_path / "runs" / "run0"), "--output", str(output)])
    assert few.exit_code == 2
    assert "takes 5 runs or more" in few.output
