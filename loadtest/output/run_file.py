"""run.json: everything that a run recorded, for programs. Figures for reading, and what to derive others from.

Schema 2. What schema 1 had is where it was (``requests``, ``series``, ``events`` and the run's own facts). Histograms
are HDR V2 in base64, in µs, and lossless: for several runs, merge histograms, never average percentiles.
"""

from __future__ import annotations

import json
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from loadtest.measure.metrics import METRICS, counts_of, errors_by_name, series_of
from loadtest.measure.recorder import Recorder
from loadtest.measure.series import Series
from loadtest.measure.thresholds import Verdict
from loadtest.measure.validity import Judgement, healths
from loadtest.output.summary import RunFacts

JSON_SCHEMA = 2
PACKAGES = ("lobby-server", "locust", "gevent", "websocket-client", "geventhttpclient", "hdrhistogram", "numpy")


def as_json(recorder: Recorder, facts: RunFacts, judgement: Judgement, verdicts: tuple[Verdict, ...]) -> dict[str, Any]:
    return {
        "schema": JSON_SCHEMA,
        "host": facts.host,
        "seed": facts.seed,
        "started_at": facts.started_at,
        "duration_s": facts.duration_s,
        "users": facts.users,
        "arguments": facts.arguments,
        "machine": machine(),
        "versions": versions(),
        "commit": commit(),
        "validity": {
            "level": judgement.level.value,
            "reasons": list(judgement.reasons),
            "bottleneck": judgement.bottleneck,
        },
        "thresholds": [
            {"text": verdict.threshold.text, "is_met": verdict.is_met, "found": verdict.found,
             "found_text": verdict.found_text}
            for verdict in verdicts
        ],
        "ledger": {
            "settle_s": recorder.reach.settle_s,
            "presence": recorder.presence.as_dict(),
            "rooms": recorder.rooms.as_dict(),
        },
        "counts": counts_of(recorder, duration_s=facts.duration_s),
        "errors": dict(sorted(errors_by_name(recorder).items())),
        "metrics": [
            {"name": metric.name, "title": metric.title, **_figures(series)}
            for metric in METRICS
            if (series := series_of(recorder, metric)).count
        ],
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
        "series": [{"name": name, **_figures(series)} for name, series in sorted(recorder.series.items())],
        "events": {name: number for name, number in sorted(recorder.events.items()) if number},
        "generators": {name: health.as_dict() for name, health in healths(recorder).items()},
        "server": {
            "pid": facts.server_pid,
            "cpu_shares": [round(share, 4) for share in facts.server_cpu_shares],
        },
        "history": facts.history,
    }  # fmt: skip


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Raises `OSError`."""
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    return {
        "name": platform.node(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": platform.processor() or platform.machine(),
        "cores": psutil.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
    }


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            pass  # the swarm may run from a checkout that nobody installed
    return found


def commit() -> str | None:
    """Of the checkout that the swarm runs from; None for an installed one."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None


def _figures(series: Series) -> dict[str, Any]:
    return {
        "count": series.count,
        **series.figures_ms(),
        "mean_ms": series.mean_us / 1000,
        "clipped": series.clipped,
        "histogram": series.encode(),
    }
