"""A lab for scenarios of several nodes, without a command line."""

from __future__ import annotations

from contextlib import nullcontext

from bench.processes.cpu import NOT_PINNED, CpuPlan
from bench.processes.lab import Lab
from bench.processes.progress import PlainReporter
from bench.record.profiles.profile import Profile


def lab_of(profile: Profile, *, cpus: CpuPlan = NOT_PINNED) -> Lab:
    """Servers come from the scenario's own surroundings."""
    return Lab(
        profile=profile,
        seed=1,
        cpus=cpus,
        reporter=PlainReporter(),
        server_factory=lambda flags, **_: nullcontext(),  # type: ignore[arg-type,return-value]
    )
