"""Runs scenarios and puts what they measured together with the bare facts of the run.

A scenario that fails does not take the others with it, and Ctrl-C leaves what was measured until then.
"""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime, timezone

from bench.load.changes.publisher import PublishFailed
from bench.processes.cpu import pin
from bench.processes.influences.idleness import idle_slowdown
from bench.processes.lab import Lab
from bench.processes.peer import PeerFailed
from bench.processes.remote import GeneratorFailed
from bench.processes.target import TargetFailed
from bench.record.findings import Findings
from bench.record.machine import describe_machine, package_versions, read_commit
from bench.record.run import Run
from bench.scenarios.registry import SCENARIOS, Scenario, planned_s
from bench.words import without_folder

FAILURES = (TargetFailed, PublishFailed, PeerFailed, GeneratorFailed, TimeoutError, OSError, RuntimeError)
"""What can go wrong in a lab and is told in a sentence; `SwarmFailed` and `NamespaceFailed` are runtime errors. What
else a scenario raises is told with its traceback."""


NAMED_BUDGET = 1.5
"""Times what was planned, for scenarios that are run by name: so long they may go on measuring again."""


def run_scenarios(lab: Lab, scenarios: Sequence[Scenario], *, arguments: Sequence[str]) -> Run:
    """One after the other; in a short run some of them in the window in which another counts bytes.

    Raises the first failure, or `KeyboardInterrupt`, when nothing at all was measured; servers and generators are
    ended either way.
    """
    commit, dirty = read_commit()
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    started_at = datetime.now(timezone.utc)
    start_s = time.monotonic()
    pin(lab.cpus.generator)  # the publisher is this process: it keeps off the server's core
    try:
        slowdown = idle_slowdown()
        measured = _Measured(lab)
        measured.run(scenarios)
    finally:
        lab.dismiss()
        if lab.cpus.pinned:
            pin(tuple(cores))
    return Run(
        started_at=started_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        duration_s=round(time.monotonic() - start_s, 1),
        arguments=list(map(without_folder, arguments)),
        seed=lab.seed,
        commit=commit,
        dirty=dirty,
        machine=describe_machine(
            cores=len(cores) or os.cpu_count() or 1,
            pinned=lab.cpus.pinned,
            idle_slowdown=slowdown,
        ),
        versions=package_versions(),
        profile=lab.profile,
        findings=list(measured.results.values()),
        failures=measured.failures,
        is_whole=measured.is_whole,
    )


class _Measured:
    """What came of the scenarios so far."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._first: BaseException | None = None
        self.results: dict[str, Findings] = {}
        self.failures: dict[str, str] = {}
        self.is_whole = True

    def run(self, scenarios: Sequence[Scenario]) -> None:
        profile = self._lab.profile
        alone = [each for each in scenarios if each.is_alone(profile)]
        together = [each for each in scenarios if not each.is_alone(profile)]
        estimates_s = planned_s(scenarios, profile)
        self._lab.reporter.plan(estimates_s)
        if profile.budget_s:
            reported = {each.name for each in SCENARIOS if each.is_reported(profile)}
            is_report = reported <= {each.name for each in scenarios}
            for_it_s = profile.budget_s if is_report else NAMED_BUDGET * sum(estimates_s.values())
            self._lab.until_s = time.monotonic() + for_it_s
        try:
            for scenario in alone:
                try:
                    self.results[scenario.name] = scenario.run(self._lab)
                except Exception as error:
                    self._failed(scenario, error)
            self._together(together)
        except KeyboardInterrupt as stop:
            self.is_whole = False
            self._first = self._first or stop
            self.results = {**self._lab.broken_off(), **self.results}
        if not self.results and self._first is not None:
            raise self._first

    def _together(self, scenarios: Sequence[Scenario]) -> None:
        if not scenarios:
            return
        opens = [scenario for scenario in scenarios if scenario.opens_window]
        turns = [scenario for scenario in scenarios if not scenario.opens_window]
        with ThreadPoolExecutor(1) as beside, ThreadPoolExecutor(1) as pool:
            if not opens:
                self._lab.window.set()
            futures = {beside.submit(_in_window, scenario, self._lab): scenario for scenario in opens}
            futures |= {pool.submit(_in_window, scenario, self._lab): scenario for scenario in turns}
            try:
                wait(futures)
                for future, scenario in futures.items():
                    try:
                        self.results[scenario.name] = future.result()
                    except Exception as error:
                        self._failed(scenario, error)
            except BaseException:
                for executor in (beside, pool):
                    executor.shutdown(wait=False, cancel_futures=True)
                self._lab.window.set()
                self._lab.abort()
                raise

    def _failed(self, scenario: Scenario, error: Exception) -> None:
        self._first = self._first or error
        self.failures[scenario.name] = f"{error}".strip() or type(error).__name__
        details = ""
        if isinstance(error, GeneratorFailed):
            details = error.details
        elif not isinstance(error, FAILURES):
            details = "".join(traceback.format_exception(error))
        self._lab.reporter.note(f"{scenario.name} failed: {self.failures[scenario.name]} {details}".strip())
        so_far = self._lab.broken_off().get(scenario.name)
        if so_far is not None:
            self.results[scenario.name] = so_far


def _in_window(scenario: Scenario, lab: Lab) -> Findings:
    """The one that opens the window at once, the others when it is open; also when it could not be opened."""
    if not scenario.opens_window:
        lab.window.wait()
        return scenario.run(lab)
    try:
        return scenario.run(lab)
    finally:
        lab.window.set()
