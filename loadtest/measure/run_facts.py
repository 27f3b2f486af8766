"""What is known of a run as a whole, beside what was recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


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
    server_pid: int | None = None
    server_cpu_shares: list[float] = field(default_factory=list)
    """Of a core, second by second; empty where the server's process is not known."""
    history: list[dict[str, float]] = field(default_factory=list)
    """What went on when, for charts; `loadtest.measure.history`."""
