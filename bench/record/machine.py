"""The bare facts that a figure means nothing without: machine, versions, commit."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata
from pathlib import Path

import psutil

from bench.record.run import Machine

PACKAGES = (
    "lobby-server", "tornado", "uvloop", "msgspec", "PyJWT", "SQLAlchemy", "picows", "locust", "gevent",
    "websocket-client", "numpy", "matplotlib",
)  # fmt: skip
"""What the measured code and the measuring code run on."""

UNKNOWN_COMMIT = "unknown"


def describe_machine(*, cores: int, pinned: bool) -> Machine:
    """`cores` are those that the run may use."""
    return Machine(
        cpu=_cpu_model(),
        cores=cores,
        memory_bytes=psutil.virtual_memory().total,
        kernel=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        pinned=pinned,
    )


def package_versions() -> dict[str, str]:
    """Of those that are installed."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def read_commit() -> tuple[str, bool]:
    """The commit of this checkout, and whether it has changes that are not committed; unknown outside of git."""
    short = _git("rev-parse", "--short=10", "HEAD")
    return (short, bool(_git("status", "--porcelain"))) if short else (UNKNOWN_COMMIT, False)


def _git(*arguments: str) -> str:
    here = Path(__file__).resolve().parent
    try:
        done = subprocess.run(
            ["git", "-C", str(here), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()
