"""Writes run.json: everything that a run recorded, for programs. `loadtest.results.run_json` has its keys."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import psutil

from loadtest.measure.metrics import METRICS, counts_of, errors_by_name, series_of
from loadtest.measure.reach import Account
from loadtest.measure.recorder import Recorder
from loadtest.measure.run_facts import RunFacts
from loadtest.measure.series import Series
from loadtest.measure.thresholds import Verdict
from loadtest.measure.validity import Judgement, healths
from loadtest.results import machine, run_json

PACKAGES = ("lobby-server", "locust", "gevent", "websocket-client", "geventhttpclient", "hdrhistogram", "numpy")


def as_json(
    recorder: Recorder, facts: RunFacts, judgement: Judgement, verdicts: tuple[Verdict, ...]
) -> run_json.RunFile:
    """The document of a run, finished or not."""
    checkout = machine.read_checkout()
    return run_json.RunFile(
        schema=run_json.SCHEMA,
        host=facts.host,
        seed=facts.seed,
        started_at=facts.started_at,
        duration_s=facts.duration_s,
        users=facts.users,
        arguments=facts.arguments,
        machine=_machine(),
        versions={"python": machine.python_version(), **machine.package_versions(PACKAGES)},
        commit=checkout.commit if checkout is not None else None,
        validity=run_json.RunValidity(
            level=judgement.level, reasons=list(judgement.reasons), bottleneck=judgement.bottleneck
        ),
        thresholds=[
            run_json.ThresholdResult(
                text=verdict.threshold.text,
                is_met=verdict.is_met,
                found=verdict.found,
                found_text=verdict.found_text,
            )
            for verdict in verdicts
        ],
        ledger=run_json.Ledger(
            settle_s=recorder.reach.settle_s, presence=_account(recorder.presence), rooms=_account(recorder.rooms)
        ),
        counts=counts_of(recorder, duration_s=facts.duration_s),
        errors=dict(sorted(errors_by_name(recorder).items())),
        metrics=[
            run_json.MetricRow(name=metric.name, title=metric.title, **_columns(series))
            for metric in METRICS
            if (series := series_of(recorder, metric)).count
        ],
        requests=[
            run_json.RequestRow(
                type=request_type,
                name=name,
                count=figures.count,
                failures=figures.failure_count,
                **figures.times.figures_ms(),
                errors=dict(figures.failures),
                histogram=figures.times.encode(),
            )
            for (request_type, name), figures in sorted(recorder.requests.items())
        ],
        series=[run_json.SeriesRow(name=name, **_columns(series)) for name, series in sorted(recorder.series.items())],
        events={name: number for name, number in sorted(recorder.events.items()) if number},
        generators={name: run_json.Generator(**health.as_dict()) for name, health in healths(recorder).items()},
        server=run_json.Server(pid=facts.server_pid, cpu_shares=[round(share, 4) for share in facts.server_cpu_shares]),
        history=facts.history,
    )


def as_text(document: run_json.RunFile) -> str:
    """JSON, indented, with a newline at its end."""
    return json.dumps(run_json.as_builtins(document), indent=1, ensure_ascii=False) + "\n"


def write_json(path: Path, document: run_json.RunFile) -> None:
    """Raises `OSError`."""
    path.write_text(as_text(document), encoding="utf-8")


def _machine() -> run_json.Machine:
    return run_json.Machine(
        name=platform.node(),
        system=machine.operating_system(),
        processor=machine.cpu_model(),
        cores=psutil.cpu_count(),
        memory_bytes=machine.memory_bytes(),
    )


def _account(account: Account) -> run_json.ReachAccount:
    return run_json.ReachAccount(**account.as_dict())


def _columns(series: Series) -> dict[str, Any]:
    return {
        "count": series.count,
        **series.figures_ms(),
        "mean_ms": series.mean_us / 1000,
        "clipped": series.clipped,
        "histogram": series.encode(),
    }
