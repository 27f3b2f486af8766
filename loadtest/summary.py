"""The end of a run: the table under Locust's own, and the file for machines."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtest.recorder import Recorder

JSON_SCHEMA = 1


@dataclass
class RunFacts:
    """About the run as a whole, as the process that leads it knows them."""

    host: str = ""
    seed: int = 0
    started_at: str = ""
    """ISO 8601, UTC."""
    duration_s: float = 0.0
    users: dict[str, int] = field(default_factory=dict)
    """The most that ran at once, by class."""


def table(recorder: Recorder, facts: RunFacts) -> str:
    """Events and the durations that are no response times, for a terminal."""
    lines = [f"\nLobby swarm · seed {facts.seed} · {facts.duration_s:.1f} s"]
    lines += ["", f"{'Event':<40}{'count':>14}{'per s':>12}", "-" * 66]
    for name, number in sorted(recorder.events.items()):
        if number:
            rate = number / facts.duration_s if facts.duration_s else 0.0
            lines.append(f"{name:<40}{number:>14,}{rate:>12,.1f}")
    lines += ["", f"{'Series (ms)':<32}{'count':>10}{'p50':>12}{'p90':>12}{'p99':>12}{'max':>12}", "-" * 90]
    for name, series in sorted(recorder.series.items()):
        figures = series.figures_ms()
        cells = "".join(f"{figures[key]:>12,.2f}" for key in ("p50_ms", "p90_ms", "p99_ms", "max_ms"))
        lines.append(f"{name:<32}{series.count:>10,}{cells}")
    return "\n".join(lines) + "\n"


def as_json(recorder: Recorder, facts: RunFacts) -> dict[str, Any]:
    """Everything that was recorded: figures for reading, histograms (HDR V2, base64, µs) to derive others from."""
    return {
        "schema": JSON_SCHEMA,
        "host": facts.host,
        "seed": facts.seed,
        "started_at": facts.started_at,
        "duration_s": facts.duration_s,
        "users": facts.users,
        "requests": [
            {
                "type": request_type,
                "name": name,
                "count": figures.count,
                "failures": figures.failure_count,
                **figures.times.figures_ms(),
                "errors": dict(figures.failures),
                "histogram": figures.times.encode(),
            }
            for (request_type, name), figures in sorted(recorder.requests.items())
        ],
        "series": [
            {"name": name, "count": series.count, **series.figures_ms(), "histogram": series.encode()}
            for name, series in sorted(recorder.series.items())
        ],
        "events": {name: number for name, number in sorted(recorder.events.items()) if number},
    }


def write_json(path: Path, recorder: Recorder, facts: RunFacts) -> None:
    """Raises `OSError`."""
    path.write_text(json.dumps(as_json(recorder, facts), indent=1) + "\n", encoding="utf-8")
