"""The stored baseline: ratios between parties of one run, which another machine shares, and how far they may go.

It is kept in the repository (`reports/baseline.json`), made of several runs by ``lobby-bench baseline``, and what
``lobby-bench gate`` holds a run against. There are no absolute times in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

BASELINE_FILE = "baseline.json"
SCHEMA = 1


class BaselineRatio(msgspec.Struct, frozen=True, kw_only=True):
    """One of them. Less is better for all."""

    name: str
    """Of a `bench.analysis.baseline.WATCHED`."""
    value: float
    """The median over the runs."""
    low: float
    high: float
    """Least and most of the runs."""
    limit: float
    """A run is worse above this."""


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    schema: int = SCHEMA
    made_at: str
    """Start of its last run: ISO 8601, UTC."""
    commits: Sequence[str]
    runs: int
    machine: str
    rule: str
    """How the limits were chosen."""
    ratios: Sequence[BaselineRatio]


class BaselineUnreadable(ValueError):
    """A file that is no baseline of this schema. The text is one sentence."""


def write_baseline(baseline: Baseline, path: Path) -> None:
    """Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(baseline), indent=2) + b"\n")


def read_baseline(path: Path) -> Baseline:
    """Raises `BaselineUnreadable`."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Baseline)
    except (OSError, msgspec.MsgspecError) as error:
        raise BaselineUnreadable(f"{path} is not a baseline: {error}") from error
    if found.schema != SCHEMA:
        raise BaselineUnreadable(f"{path} has schema {found.schema}, this lab reads {SCHEMA}: make it again")
    return found
