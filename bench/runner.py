"""Runs scenarios and puts what they measured together with the bare facts of the run."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from datetime import datetime, timezone
from typing import Any

from bench.cpu import pin
from bench.lab import Lab
from bench.machine import describe_machine, package_versions, read_commit
from bench.results import Run
from bench.scenarios.registry import Scenario


def run_scenarios(lab: Lab, scenarios: Sequence[Scenario], *, arguments: Sequence[str]) -> Run:
    """Those that must be alone one after the other, then the rest at the same time.

    The first error ends the run, as Ctrl-C does; servers and generators are ended either way.
    """
    commit, dirty = read_commit()
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    started_at = datetime.now(timezone.utc)
    start_s = time.monotonic()
    pin(lab.cpus.generator)  # the publisher is this process: it keeps off the server's core
    try:
        results: dict[str, Any] = {s.name: s.run(lab) for s in scenarios if s.alone}
        results |= _together(lab, [scenario for scenario in scenarios if not scenario.alone])
    finally:
        if lab.cpus.pinned:
            pin(tuple(cores))
    return Run(
        started_at=started_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        duration_s=round(time.monotonic() - start_s, 1),
        arguments=list(arguments),
        seed=lab.seed,
        commit=commit,
        dirty=dirty,
        machine=describe_machine(cores=len(cores) or os.cpu_count() or 1, pinned=lab.cpus.pinned),
        versions=package_versions(),
        profile=lab.profile,
        **results,
    )


def _together(lab: Lab, scenarios: Sequence[Scenario]) -> dict[str, Any]:
    if not scenarios:
        return {}
    with ThreadPoolExecutor(len(scenarios)) as pool:
        futures = {scenario.name: pool.submit(scenario.run, lab) for scenario in scenarios}
        try:
            done, _ = wait(futures.values(), return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BaseException:
            lab.abort()
            raise
    return {name: future.result() for name, future in futures.items()}
