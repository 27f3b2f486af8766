"""A part of a calibration that other work disturbed is measured again, in the time that there is, whatever it found."""

from __future__ import annotations

import time
from collections.abc import Collection

import pytest

from bench.processes.cpu import NOT_PINNED, CpuPlan
from bench.processes.lab import Lab, target_factory
from bench.processes.progress import PlainReporter
from bench.record.profiles.standard import SMOKE
from bench.scenarios.prediction import calibration
from bench.scenarios.prediction.calibration import MOST_AGAIN, MOST_OTHER_WORK, measured_calmly
from bench.scenarios.prediction.watching import Measuring

BUSY, CALM = MOST_OTHER_WORK * 2, MOST_OTHER_WORK / 2


@pytest.fixture
def measuring() -> Measuring:
    lab = Lab(
        profile=SMOKE, seed=1, cpus=NOT_PINNED, reporter=PlainReporter(), server_factory=target_factory(NOT_PINNED)
    )
    found = Measuring(lab, SMOKE.prediction.calibration, say=print)
    found.row("before", 0, 1.0, 1.0)
    return found


def the_cores_have(monkeypatch: pytest.MonkeyPatch, *shares: float) -> None:
    """Of others, attempt by attempt."""
    left = list(shares)

    class Told:
        def __init__(self, cores: Collection[int]) -> None:
            assert cores

        def share(self) -> float:
            return left.pop(0)

    monkeypatch.setattr(calibration, "OtherWork", Told)


@pytest.mark.parametrize(
    ("shares", "kept_attempt"),
    [((CALM,), 1), ((BUSY, CALM), 2), ((BUSY, BUSY, CALM), 3), ((BUSY,) * (MOST_AGAIN + 1), 1),
     ((2 * BUSY, BUSY, 3 * BUSY), 2), ((BUSY, 3 * BUSY, 2 * BUSY), 1)],
)  # fmt: skip
def test_a_part_is_measured_until_nobody_else_works_and_the_calmest_is_kept(
    measuring: Measuring, monkeypatch: pytest.MonkeyPatch, shares: tuple[float, ...], kept_attempt: int
) -> None:
    the_cores_have(monkeypatch, *shares)
    made = []

    def part(into: Measuring) -> None:
        made.append(into)
        into.row(f"attempt {len(made)}", 0, 1.0, 1.0)
        into.known["a cost"] = float(len(made))

    kept, share = measured_calmly(measuring, part, until_s=time.monotonic() + 3600)
    assert (len(made), share) == (len(shares), min(shares))
    assert [row.source for row in kept.rows] == ["before", f"attempt {kept_attempt}"]
    assert kept.known == {"a cost": float(kept_attempt)}
    assert [row.source for row in measuring.rows] == ["before"]


def test_only_cores_on_which_something_is_measured_are_looked_at(
    measuring: Measuring, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[Collection[int]] = []

    class Told:
        def __init__(self, cores: Collection[int]) -> None:
            looked_at.append(cores)

        def share(self) -> float:
            return CALM

    monkeypatch.setattr(calibration, "OtherWork", Told)
    measuring.lab.cpus = CpuPlan((0,), (1,), tuple(range(2, 32)))
    measured_calmly(measuring, lambda _: None, until_s=time.monotonic())
    assert looked_at == [{0, 1}]


def test_nothing_is_measured_again_that_would_end_too_late(
    measuring: Measuring, monkeypatch: pytest.MonkeyPatch
) -> None:
    the_cores_have(monkeypatch, BUSY)
    made: list[Measuring] = []
    _, share = measured_calmly(measuring, made.append, until_s=time.monotonic())
    assert (len(made), share) == (1, BUSY)


def test_a_report_without_time_to_spare_measures_nothing_again(
    measuring: Measuring, monkeypatch: pytest.MonkeyPatch
) -> None:
    the_cores_have(monkeypatch, BUSY)
    measuring.lab.until_s = time.monotonic()
    made: list[Measuring] = []
    measured_calmly(measuring, made.append, until_s=time.monotonic() + 3600)
    assert len(made) == 1
