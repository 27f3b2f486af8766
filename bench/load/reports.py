"""What load generators say of the times that they measured, in the forms that they say it in: the percentiles in ms of
each series, under the names that the swarm's metrics have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bench.stats import percentile
from loadtest.measure.points import DELAYED
from loadtest.measure.series import Series
from loadtest.results.run_json import MetricRow, RunFile, read_run_json

_OF_THE_RECIPE = {"upgrade": "upgrade", "pong": "heartbeat"}


@dataclass(frozen=True)
class Percentiles:
    """In ms."""

    count: int
    p50: float
    p99: float
    left_out: int = 0
    """Durations that the tool measured and does not tell, since it stood still meanwhile."""
    whole_p50: float | None = None
    whole_p99: float | None = None
    """With them; None: there are none."""


Reported = Mapping[str, Percentiles]


class NothingReported(RuntimeError):
    """It ended without its figures."""


def reported_of_the_swarm(file: Path) -> Reported:
    """Of all phases, if it was told to report those. Raises `NothingReported`."""
    run = run_of_the_swarm(file)
    delayed = {row.name: row for row in run.phases.get(DELAYED, []) if row.count}
    return {row.name: _with_delayed(row, delayed.get(row.name)) for row in run.metrics if row.count}


def _with_delayed(row: MetricRow, delayed: MetricRow | None) -> Percentiles:
    if delayed is None:
        return Percentiles(row.count, row.p50_ms, row.p99_ms)
    whole = Series()
    for part in (row, delayed):
        whole.add_encoded(part.histogram)
    figures = whole.percentiles_ms()
    return Percentiles(row.count, row.p50_ms, row.p99_ms, delayed.count, figures["p50_ms"], figures["p99_ms"])


def run_of_the_swarm(file: Path) -> RunFile:
    """Raises `NothingReported`."""
    try:
        return read_run_json(file)
    except (OSError, msgspec.DecodeError) as error:
        raise NothingReported(f"the swarm left no results: {error}") from None


def reported_in_words(words: Path) -> Reported:
    """Of the scripts written by hand, which print ``times {"upgrade": [count, p50, p99], …}`` at the end. Raises
    `NothingReported`."""
    text = words.read_text(errors="replace")
    found = re.search(r"^times (\{.*\})$", text, re.MULTILINE)
    if found is None:
        raise NothingReported("it printed no times")
    return {name: Percentiles(*figures) for name, figures in json.loads(found[1]).items()}


def reported_of_locust(words: Path) -> Reported:
    """Of ``--json``: Locust's table, whose times are rounded to two digits. Raises `NothingReported`."""
    text = words.read_text(errors="replace")
    found = re.search(r"^\[$.*?^\]$", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise NothingReported("it printed no table")
    rows: list[dict[str, Any]] = json.loads(found[0])
    return {
        _OF_THE_RECIPE[row["name"]]: _of_counts(row["response_times"])
        for row in rows
        if row["name"] in _OF_THE_RECIPE and row["response_times"]
    }


def _of_counts(counts: Mapping[str, int]) -> Percentiles:
    """How often each time, in ms, was."""
    times = [float(time_ms) for time_ms, number in counts.items() for _ in range(number)]
    return Percentiles(len(times), percentile(times, 50), percentile(times, 99))
