"""Which scenarios are measured for which names, and what goes wrong in a lab in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bench.commands.errors import Failed, Misused
from bench.commands.measuring import SEED_BITS, measure
from bench.processes.lab import Lab
from bench.processes.remote import GeneratorFailed
from bench.processes.target import TargetFailed
from bench.record.profiles.standard import SMOKE
from bench.record.questions import NEEDED_FOR_PROMISES, QUESTIONS
from bench.record.run import Run
from bench.scenarios.registry import Scenario
from loadtest.results.exit_codes import ExitCode
from tests.bench.runs import a_run


class Runner:
    """In place of `run_scenarios`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fault: BaseException | None = None
        self.names: list[str] = []
        self.lab: Lab
        monkeypatch.setattr("bench.scenarios.runner.run_scenarios", self)

    def __call__(self, lab: Lab, scenarios: Sequence[Scenario], *, arguments: Sequence[str]) -> Run:
        if self.fault is not None:
            raise self.fault
        self.lab, self.names = lab, [each.name for each in scenarios]
        assert arguments[0] == "lobby-bench"
        return a_run()


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Runner:
    return Runner(monkeypatch)


def asked(*names: str, seed: int | None = 7) -> Run:
    return measure(names, profile=SMOKE, seed=seed)


@pytest.mark.parametrize(
    ("names", "scenarios"),
    [
        ((), [each for each in QUESTIONS if each not in SMOKE.left_out]),
        (("storm",), ["storm"]),
        (("swarm", "storm"), ["storm", "swarm"]),
        (("churn",), ["churn"]),
        (("promises",), list(NEEDED_FOR_PROMISES)),
        (("promises", "storm"), ["broadcast", "bandwidth", "storm", "reconnect"]),
    ],
    ids=lambda each: "+".join(each) or "report",
)
def test_names_are_measured_in_the_order_of_the_report(
    runner: Runner, names: Sequence[str], scenarios: list[str]
) -> None:
    asked(*names)
    assert runner.names == scenarios


def test_name_that_is_none_is_told_beside_those_that_are(runner: Runner) -> None:
    with pytest.raises(Misused, match="There is no scenario bandwith: there are promises, broadcast") as refused:
        asked("storm", "bandwith")
    assert refused.value.exit_code == ExitCode.USAGE
    assert runner.names == []


def test_seed_is_the_one_that_was_asked_for_or_drawn(runner: Runner) -> None:
    asked("storm", seed=7)
    assert runner.lab.seed == 7
    asked("storm", seed=None)
    assert 0 <= runner.lab.seed < 2**SEED_BITS


def test_profile_is_the_one_that_was_asked_for(runner: Runner) -> None:
    asked("storm")
    assert runner.lab.profile == SMOKE


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (TargetFailed("the server did not start"), "The run failed: the server did not start."),
        (GeneratorFailed("it ended", "Traceback"), "The run failed in the generator: it ended. Traceback"),
        (OSError("no descriptors"), "The run failed: no descriptors."),
    ],
)
def test_what_goes_wrong_in_a_lab_is_one_sentence(runner: Runner, fault: BaseException, says: str) -> None:
    runner.fault = fault
    with pytest.raises(Failed) as failed:
        asked("storm")
    assert failed.value.message == says
    assert failed.value.exit_code == ExitCode.FAILED


@pytest.mark.parametrize("fault", [ZeroDivisionError(), KeyboardInterrupt()], ids=repr)
def test_defect_and_interrupt_are_not_swallowed(runner: Runner, fault: Any) -> None:
    runner.fault = fault
    with pytest.raises(type(fault)):
        asked("storm")
