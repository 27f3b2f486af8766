"""What one run measured, raw. Every figure, verdict and chart of a report is derived from it at any time.

Samples are kept every one, as `bench.record.samples` has them; `bench.record.files` keeps the whole in run.json.
"""

from __future__ import annotations

import msgspec

from bench.record.findings import Findings
from bench.record.profiles.profile import Profile

SCHEMA_VERSION = 3
"""Older ones are lifted to it when they are read (`bench.record.files.lift`)."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    cpu: str
    cores: int
    memory_bytes: int
    kernel: str
    python: str
    pinned: bool
    """Server and generator had a core each."""
    idle_slowdown: float | None = None
    """CPU time to touch memory that was idle for 0.3 s ÷ that of memory in use; ``None``: not measured."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run."""

    schema: int = SCHEMA_VERSION
    started_at: str
    """ISO 8601, UTC."""
    duration_s: float
    arguments: list[str]
    seed: int
    """Of all that was random."""
    commit: str
    dirty: bool
    machine: Machine
    versions: dict[str, str]
    profile: Profile
    findings: list[Findings] = msgspec.field(default_factory=list)
    """Of each scenario that was run, in the order of the report as far as they were run alone."""
    failures: dict[str, str] = msgspec.field(default_factory=dict)
    """Scenarios that could not be measured, and why."""
    is_whole: bool = True
    """Not broken off."""

    def found(self, name: str) -> Findings | None:
        """What a scenario measured; ``None`` where it did not run."""
        return next((each for each in self.findings if each.name == name), None)
