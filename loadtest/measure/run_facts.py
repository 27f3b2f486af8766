"""What is known of a run as a whole, beside what was recorded."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any


@dataclass
class ServerState:
    """What was seen of the server's process beside its CPU, in seconds of the run. Zero where it is not known."""

    watched_s: float = 0.0
    stopped_s: float = 0.0
    """It could not run: a signal, a debugger or a frozen container had stopped it."""
    gone_s: float = 0.0
    """There was no process."""
    on_disk_s: float = 0.0
    """It waited for a disk, which nothing interrupts."""
    throttled_s: float = 0.0
    """Its control group had used up its share of CPU."""
    overflows: int = 0
    """New connections that its queue of them (the backlog) had no room for; who asked tries again a second later."""
    restarts: int = 0
    is_away: bool = False
    """It ended, and nothing has taken its place yet."""


@dataclass
class FaultFacts:
    """A fault that the run brought about, in seconds of the run."""

    name: str
    kind: str
    pid: int | None
    began_s: float
    ended_s: float | None = None
    failure: str | None = None
    """Why it did not come about."""


@dataclass(frozen=True)
class Moment:
    """Something that a reader of a chart over time wants to know of."""

    at_s: float
    """In seconds of the run."""
    kind: str
    """One of `KINDS_OF_MOMENTS`."""
    text: str


KINDS_OF_MOMENTS = ("phase", "load", "workers", "restart", "role", "threshold")
MOMENTS_AT_MOST = 500
"""Of a run that is edited on and on, the first so many."""


@dataclass
class RunFacts:
    """About the run as a whole, as the process that leads it knows them."""

    host: str = ""
    seed: int = 0
    started_at: str = ""
    """ISO 8601, UTC."""
    duration_s: float = 0.0
    is_over: bool = True
    """False while it runs: the last reports are still to come."""
    users: dict[str, int] = field(default_factory=dict)
    """The most that ran at once, by class."""
    arguments: dict[str, Any] = field(default_factory=dict)
    has_lines: bool = False
    """Whether lines of players were emulated."""
    server_pid: int | None = None
    proxy: str = ""
    """Name of the proxy that listens in place of the server, which is not watched then."""
    server_cpu_shares: list[float] = field(default_factory=list)
    """Of a core, second by second; empty where the server's process is not known."""
    server_state: ServerState = field(default_factory=ServerState)
    faults: list[FaultFacts] = field(default_factory=list)
    """In the order in which they began."""
    history: list[dict[str, float]] = field(default_factory=list)
    """What went on when, for charts; `loadtest.measure.history`."""
    windows: list[dict[str, Any]] = field(default_factory=list)
    """Percentiles over time; `loadtest.measure.history`."""
    ended_by: dict[str, float] = field(default_factory=dict)
    """Thresholds that ended the run early, with what was found then."""
    moments: list[Moment] = field(default_factory=list)
    """In order of time, without the faults."""
    resets: int = 0
    """How often what was recorded was dropped; times count from the last one."""

    def reset(self) -> None:
        """Everything over time counts from now."""
        self.resets += 1
        self.history.clear()
        self.windows.clear()
        self.moments.clear()
        for each in fields(self.server_state):  # in place: whoever watches the server writes into it
            setattr(self.server_state, each.name, each.default)

    def note(self, at_s: float, kind: str, text: str) -> None:
        if len(self.moments) < MOMENTS_AT_MOST:
            self.moments.append(Moment(round(at_s, 3), kind, text))
