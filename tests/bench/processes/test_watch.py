"""When a process has nothing more to do: by its CPU, on a clock of the test."""

from __future__ import annotations

import pytest

from bench.processes import watch
from bench.processes.cpu import CpuTimes
from bench.processes.watch import LOOK_EVERY_S, QUIET_S, until_quiet


class Machine:
    """A process that works until a moment, and then a little now and then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, works_until_s: float, idle_share: float = 0.01) -> None:
        self.now_s = 0.0
        self._works_until_s, self._idle_share = works_until_s, idle_share
        monkeypatch.setattr(watch, "read_cpu", self._read)
        monkeypatch.setattr(watch.time, "perf_counter", lambda: self.now_s)
        monkeypatch.setattr(watch.time, "sleep", self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def _read(self, pid: int) -> CpuTimes:
        worked_s = min(self.now_s, self._works_until_s)
        return CpuTimes(worked_s + self._idle_share * (self.now_s - worked_s), 0.0)


@pytest.mark.parametrize("works_until_s", [0.0, 1.0, 7.5])
def test_wait_ends_soon_after_the_work_has(monkeypatch: pytest.MonkeyPatch, works_until_s: float) -> None:
    machine = Machine(monkeypatch, works_until_s=works_until_s)
    assert until_quiet(1, most_s=30.0)
    assert machine.now_s == pytest.approx(works_until_s + QUIET_S, abs=2 * LOOK_EVERY_S)


def test_process_that_goes_on_working_is_waited_for_no_longer_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, works_until_s=1e9)
    assert not until_quiet(1, most_s=5.0)
    assert machine.now_s == pytest.approx(5.0, abs=2 * LOOK_EVERY_S)
