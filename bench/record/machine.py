"""The bare facts that a figure means nothing without: machine, versions, commit."""

from __future__ import annotations

import platform
from pathlib import Path

from bench.record.run import Machine
from loadtest.results import machine

PACKAGES = (
    "lobby-server", "tornado", "uvloop", "msgspec", "PyJWT", "SQLAlchemy", "picows", "locust", "gevent",
    "websocket-client", "numpy", "matplotlib",
)  # fmt: skip
"""What the measured code and the measuring code run on."""

UNKNOWN_COMMIT = "unknown"
"""Outside of git."""

COMMIT_DIGITS = 10
"""Hex digits of a commit that a run keeps."""


def describe_machine(*, cores: int, pinned: bool, idle_slowdown: float | None = None) -> Machine:
    """`cores` are those that the run may use; `idle_slowdown` as `bench.processes.influences.idleness` finds it."""
    return Machine(
        cpu=machine.cpu_model(),
        cores=cores,
        memory_bytes=machine.memory_bytes(),
        kernel=machine.operating_system(),
        python=f"{platform.python_implementation()} {machine.python_version()}",
        pinned=pinned,
        idle_slowdown=None if idle_slowdown is None else round(idle_slowdown, 1),
    )


def package_versions() -> dict[str, str]:
    """Of those that are installed."""
    return machine.package_versions(PACKAGES)


def read_commit() -> tuple[str, bool]:
    """The commit of this checkout, shortened, and whether it has changes that are not committed."""
    checkout = machine.read_checkout(Path(__file__).parent)
    return (UNKNOWN_COMMIT, False) if checkout is None else (checkout.commit[:COMMIT_DIGITS], checkout.is_dirty)
