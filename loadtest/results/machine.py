"""The facts that a figure means nothing without: machine, versions of packages, commit."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil

_GIT_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Checkout:
    """Where the code came from."""

    commit: str
    """Hash of HEAD, 40 hex digits."""
    is_dirty: bool
    """Whether tracked or new files differ from it."""


def operating_system() -> str:
    """``Linux 6.1.0``: name and release of the kernel."""
    return f"{platform.system()} {platform.release()}"


def python_version() -> str:
    """``3.11.7``."""
    return platform.python_version()


def cpu_model() -> str:
    """The model name of the first core where the kernel tells it (Linux), else what Python knows of the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()


def memory_bytes() -> int:
    """Physical memory of this machine."""
    return int(psutil.virtual_memory().total)


def package_versions(names: Iterable[str]) -> dict[str, str]:
    """Versions of those distributions that are installed, in the order of `names`; the others are left out."""
    versions = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # for one, a checkout that nobody installed
    return versions


def read_checkout(folder: Path = Path(__file__).parent) -> Checkout | None:
    """The git checkout that holds `folder`, by default this code; None outside of git. Runs git, 10 s at most."""
    commit = _git(folder, "rev-parse", "HEAD")
    return Checkout(commit, is_dirty=bool(_git(folder, "status", "--porcelain"))) if commit else None


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=_GIT_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
