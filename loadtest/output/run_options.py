"""What a run should record, reach and leave behind: options beside `loadtest.workload.options`."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest.measure.reach import SETTLE_S
from loadtest.measure.thresholds import Threshold, read_thresholds
from loadtest.results.exit_codes import ExitCode, UsageError

RUN_FILE, PAGE_FILE, JUNIT_FILE = "run.json", "run.html", "junit.xml"


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Construction checks; raises `UsageError`."""

    thresholds: tuple[Threshold, ...]
    folder: Path | None
    """Where run.json, its page and the JUnit file go; None: they are only in the web interface."""
    settle_s: float
    server_pid: int | None
    is_exit_code_4_off: bool

    def __post_init__(self) -> None:
        if not 0 < self.settle_s < math.inf:
            raise UsageError("--settle-s must be above 0 seconds.")
        if self.folder is not None:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UsageError(f"--run-dir: {self.folder} cannot be made: {error.strerror}.") from None


def add_run_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("lobby swarm: what is recorded")
    add = group.add_argument
    add("--threshold", metavar="EXPRESSION", action="append", default=[],
        help="what the run has to reach, as 'fanout.p99 < 250ms', 'reach == 1' or 'errors.rate < 0.1%%'; may be given "
        f"again; exit code {ExitCode.THRESHOLD_MISSED.value} when one is missed")  # fmt: skip
    add("--thresholds", metavar="FILE", default="", help="the same, one a line")
    add("--run-dir", metavar="DIR", default="", help=f"write {RUN_FILE}, {PAGE_FILE} and {JUNIT_FILE} there at the end")
    add("--settle-s", type=float, default=SETTLE_S,
        help="how long after a change an announcement may take before it counts as lost (s)")  # fmt: skip
    add("--server-pid", type=int, default=None,
        help="process of the server, for its CPU; default: what listens on the host's port here")  # fmt: skip
    add("--accept-invalid", action="store_true",
        help=f"an invalid run is said to be one, but does not end with exit code {ExitCode.INVALID.value}")  # fmt: skip


def read_run_options(values: Mapping[str, Any]) -> RunOptions:
    """From the parsed command line as a mapping. Raises `UsageError`."""
    return RunOptions(
        thresholds=read_thresholds(
            values.get("threshold") or [], Path(values["thresholds"]) if values.get("thresholds") else None
        ),
        folder=Path(values["run_dir"]) if values.get("run_dir") else None,
        settle_s=float(values.get("settle_s", SETTLE_S)),
        server_pid=values.get("server_pid"),
        is_exit_code_4_off=bool(values.get("accept_invalid")),
    )
