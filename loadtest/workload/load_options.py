"""How much load, and how it changes: closed users or open arrivals, and their shape over the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from loadtest.results.exit_codes import UsageError

NONE, RAMP, STEPS, SPIKE, SOAK, RESTART = "none", "ramp", "steps", "spike", "soak", "restart"
SHAPES = (NONE, RAMP, STEPS, SPIKE, SOAK, RESTART)


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """Times in seconds. Construction checks; raises `UsageError`."""

    shape: str = NONE
    arrivals_per_s: float = 0.0
    """0: closed users."""
    ramp_s: float = 30.0
    steps: int = 5
    spike_at_s: float = 60.0
    spike_s: float = 60.0
    spike_base: float = 0.1
    restart_at_s: float = 60.0
    restart_command: str = ""
    restart_pid: int | None = None

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise UsageError(f"--shape must be one of {', '.join(SHAPES)}.")
        for flag, number in (
            ("--arrivals-per-s", self.arrivals_per_s),
            ("--ramp-s", self.ramp_s),
            ("--spike-at-s", self.spike_at_s),
            ("--spike-s", self.spike_s),
            ("--restart-at-s", self.restart_at_s),
        ):
            if not 0 <= number < float("inf"):
                raise UsageError(f"{flag} must be 0 or more.")
        if not 0 <= self.spike_base <= 1:
            raise UsageError("--spike-base must be a share from 0 to 1.")
        if not 1 <= self.steps <= 1000:
            raise UsageError("--steps must be from 1 to 1000.")
        if self.restart_command and self.restart_pid is not None:
            raise UsageError(
                "--restart-command and --restart-pid both say how to restart the server: give one of them."
            )
        if self.shape != RESTART and (self.restart_command or self.restart_pid is not None):
            raise UsageError("--restart-command and --restart-pid are for --shape restart: give that, too.")

    def level(self, at_s: float, run_s: float | None) -> float:
        """The share of the full load at that time of a run of `run_s` (None: it has no end), from 0 to 1."""
        if self.shape == RAMP and run_s:
            return min(1.0, at_s / run_s)
        if self.shape == STEPS and run_s:
            return min(self.steps, int(at_s / run_s * self.steps) + 1) / self.steps
        if self.shape == SPIKE:
            return 1.0 if self.spike_at_s <= at_s < self.spike_at_s + self.spike_s else self.spike_base
        if self.shape == SOAK and self.ramp_s:
            return min(1.0, at_s / self.ramp_s)
        return 1.0


def add_load_options(add: Callable[..., None]) -> None:
    """What restarts a server is not in the web form: it is a command."""
    add("--arrivals-per-s", metavar="RATE", type=float, default=0.0,
        help="open workload, needs --session-s: mean number of sessions that arrive per second (Poisson process), on "
        "the seats of -u that are free; 0: closed workload")  # fmt: skip
    add("--shape", choices=SHAPES, default=NONE,
        help="load over the run; ramp: from 0 to all users over -t; steps: --steps equal steps over -t; spike: launch "
        "day; soak: all users after --ramp-s; restart: the server restarts at --restart-at-s")  # fmt: skip
    add("--ramp-s", metavar="SECONDS", type=float, default=30.0,
        help="soak: time until all users are there, in s")  # fmt: skip
    add("--steps", metavar="NUMBER", type=int, default=5, help="steps: number of steps")
    add("--spike-at-s", metavar="SECONDS", type=float, default=60.0,
        help="spike: start, in s after the start of the run")  # fmt: skip
    add("--spike-s", metavar="SECONDS", type=float, default=60.0, help="spike: length, in s")
    add("--spike-base", metavar="SHARE", type=float, default=0.1,
        help="spike: share (0 to 1) of the users before and after it")  # fmt: skip
    add("--restart-at-s", metavar="SECONDS", type=float, default=60.0,
        help="restart: time of the restart, in s after the start of the run")  # fmt: skip
    add("--restart-command", metavar="COMMAND", default="", is_in_form=False,
        help="restart: command that restarts the server; without it and --restart-pid the operator is told when to "
        "restart it")  # fmt: skip
    add("--restart-pid", metavar="PID", type=int, default=None, is_in_form=False,
        help="restart: process to end with SIGTERM and to start again with its own command line")  # fmt: skip


def read_load_options(values: Mapping[str, Any]) -> LoadOptions:
    """Raises `UsageError`."""

    def number(name: str, kind: type[Any]) -> Any:
        try:
            return kind(values[name])
        except (TypeError, ValueError):
            raise UsageError(f"--{name.replace('_', '-')} is {values[name]!r}: give a number.") from None

    pid = values.get("restart_pid")
    return LoadOptions(
        shape=str(values["shape"]),
        arrivals_per_s=number("arrivals_per_s", float),
        ramp_s=number("ramp_s", float),
        steps=number("steps", int),
        spike_at_s=number("spike_at_s", float),
        spike_s=number("spike_s", float),
        spike_base=number("spike_base", float),
        restart_at_s=number("restart_at_s", float),
        restart_command=str(values.get("restart_command") or ""),
        restart_pid=None if pid in (None, "") else number("restart_pid", int),
    )
