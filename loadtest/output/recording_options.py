"""The options of a run beside its workload: thresholds, files, settling time, the server's process."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest.measure.judging.thresholds import Threshold, read_thresholds
from loadtest.measure.reach import SETTLE_S
from loadtest.output.live.collector import EXTRA, check_otlp
from loadtest.results.exit_codes import ExitCode, UsageError
from loadtest.workload.options import with_default
from loadtest.workload.roles.book import ROLES

_MISSED, _INVALID, _SUSPECT = ExitCode.THRESHOLD_MISSED.value, ExitCode.INVALID.value, ExitCode.SUSPECT.value
ALL_PHASES = "all"
PHASES = ("steady", ALL_PHASES)

HIGHEST_PORT = 65535

RUN_FILE, PAGE_FILE, JUNIT_FILE = "run.json", "run.html", "junit.xml"


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Construction checks; raises `UsageError`."""

    thresholds: tuple[Threshold, ...]
    folder: Path | None
    """Where run.json, its page and the JUnit file go; None: they are only in the web interface."""
    settle_s: float
    server_pid: int | None
    accepts_invalid: bool
    accepts_suspect: bool
    reports_all_phases: bool
    save_every_s: float = 60.0
    """How often run.json is written while the run goes on; 0: only at the end."""
    metrics_port: int | None = None
    """Where ``/metrics`` is beside the web interface; 0: at a free port. None: nowhere."""
    metrics_host: str = "127.0.0.1"
    otlp_endpoint: str = ""
    """The collector's address; empty: none."""
    signal_roles: tuple[str, ...] = ()
    """What SIGUSR1 pauses and SIGUSR2 lets go on; none: all roles."""

    def __post_init__(self) -> None:
        if self.metrics_port is not None and not 0 <= self.metrics_port <= HIGHEST_PORT:
            raise UsageError(f"--metrics-port must be from 0 to {HIGHEST_PORT}.")
        if self.otlp_endpoint:
            check_otlp(self.otlp_endpoint)
        for role in self.signal_roles:
            if role not in ROLES:
                raise UsageError(f"--signal-roles: {role} is no role: choose from {', '.join(ROLES.names)}.")
        if not 0 < self.settle_s < math.inf:
            raise UsageError("--settle-s must be above 0 seconds.")
        if not 0 <= self.save_every_s < math.inf:
            raise UsageError("--save-every-s must be 0 seconds or more.")
        if self.folder is not None:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UsageError(f"--run-dir: {self.folder} cannot be made: {error.strerror}.") from None


def add_run_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("lobby swarm: what is recorded")

    def add(flag: str, *, is_in_form: bool = False, **how: Any) -> None:
        action = group.add_argument(flag, **with_default(how))
        action.include_in_web_ui = is_in_form  # type: ignore[attr-defined]  # as in `loadtest.workload.options`

    # no percent sign in the help of what is in the form: argparse wants two of them, and the form shows both
    add("--threshold", metavar="EXPRESSION", action="append", default=[], is_in_form=True,
        help="fanout.p99 < 250ms, reach == 1 or errors.rate < 0.001: what the run has to reach; may be given several "
        f"times, in the web form separated by commas; exit code {_MISSED} when one is missed; with: or stop, or: or "
        "stop after 30s, one that is missed ends the run")  # fmt: skip
    add("--thresholds", metavar="FILE", default="", help="file with one threshold per line; # begins a comment")
    add("--run-dir", metavar="DIR", default="",
        help=f"folder for {RUN_FILE}, {PAGE_FILE} and {JUNIT_FILE}, written at the end; with the web interface in "
        "run-1, run-2 and so on, each when its run stops")  # fmt: skip
    add("--save-every-s", metavar="SECONDS", type=float, default=60.0,
        help=f"time between two writings of {RUN_FILE} while the run goes on, so that a killed run keeps what it had, "
        "in s; 0: only at the end")  # fmt: skip
    add("--settle-s", metavar="SECONDS", type=float, default=SETTLE_S, is_in_form=True,
        help="time after a change in which an announcement has to arrive, or it counts as lost, in s")  # fmt: skip
    add("--server-pid", metavar="PID", type=int, default=None,
        help="process of the server, to measure its CPU and to see whether it runs; default: the process that listens "
        "on the port of --host, where that is this machine and no proxy such as nginx")  # fmt: skip
    add("--metrics-port", metavar="PORT", type=int, default=None,
        help="serve the swarm's own series to Prometheus at /metrics on this port, 0: a free one; the web interface "
        "has /metrics, too")  # fmt: skip
    add("--metrics-host", metavar="HOST", default="127.0.0.1", help="address for --metrics-port")
    add("--otlp-endpoint", metavar="URL", default="",
        help="send the swarm's own series to this OpenTelemetry collector every 10 s, by OTLP over HTTP, as in "
        f"http://collector:4318; needs the extra {EXTRA}")  # fmt: skip
    add(
        "--signal-roles",
        metavar="ROLES",
        default="",
        help="roles, separated by commas, that SIGUSR1 pauses and SIGUSR2 resumes; without it, all of them",
    )
    add("--accept-invalid", action="store_true",
        help=f"an invalid or suspect run is reported as such without ending with exit code {_INVALID} or "
        f"{_SUSPECT}")  # fmt: skip
    add("--accept-suspect", action="store_true",
        help=f"a suspect run is reported as such without ending with exit code {_SUSPECT}")  # fmt: skip
    add("--phase", choices=PHASES, default=PHASES[0], is_in_form=True,
        help="figures of the steady state (from when all players are connected until they leave), or of all phases; "
        "run.json has the others apart")  # fmt: skip


def read_run_options(values: Mapping[str, Any]) -> RunOptions:
    """From the parsed command line as a mapping. Raises `UsageError`."""
    return RunOptions(
        thresholds=read_thresholds(
            values.get("threshold") or [], Path(values["thresholds"]) if values.get("thresholds") else None
        ),
        folder=Path(values["run_dir"]) if values.get("run_dir") else None,
        settle_s=float(values.get("settle_s", SETTLE_S)),
        server_pid=values.get("server_pid"),
        accepts_invalid=bool(values.get("accept_invalid")),
        accepts_suspect=bool(values.get("accept_suspect")),
        reports_all_phases=values.get("phase") == ALL_PHASES,
        save_every_s=float(values.get("save_every_s", 60.0)),
        metrics_port=values.get("metrics_port"),
        metrics_host=str(values.get("metrics_host") or "127.0.0.1"),
        otlp_endpoint=str(values.get("otlp_endpoint") or ""),
        signal_roles=tuple(role.strip() for role in str(values.get("signal_roles") or "").split(",") if role.strip()),
    )
