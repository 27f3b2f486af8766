"""Writes run.json: everything that a run recorded, for programs. `loadtest.results.run_json` has its keys."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import psutil

from loadtest.measure.judging.tally import ReachTally
from loadtest.measure.judging.thresholds import ThresholdResult
from loadtest.measure.judging.validity import RunValidity, healths
from loadtest.measure.metrics import METRICS, counts_of, errors_by_name, series_at, series_of
from loadtest.measure.points import DELAYED, RAMP, RAMP_DOWN, REPORTED
from loadtest.measure.recorder import Recorder
from loadtest.measure.run_facts import RunFacts
from loadtest.measure.series import Series
from loadtest.output.felt_faults import felt_faults
from loadtest.results import machine, run_json

PACKAGES = ("lobby-server", "locust", "gevent", "websocket-client", "geventhttpclient", "hdrhistogram", "numpy")


def as_json(
    recorder: Recorder, facts: RunFacts, validity: RunValidity, threshold_results: tuple[ThresholdResult, ...]
) -> run_json.RunFile:
    """The document of a run, finished or not."""
    checkout = _checkout()
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
            level=validity.level,
            reasons=list(validity.reasons),
            bottleneck=validity.bottleneck,
            notes=list(validity.notes),
        ),
        thresholds=[
            run_json.ThresholdResult(
                text=result.threshold.text,
                is_met=result.is_met,
                found=result.found,
                found_text=result.found_text,
            )
            for result in threshold_results
        ],
        ledger=run_json.Ledger(
            settle_s=recorder.reach.settle_s,
            presence=_tally(recorder.presence),
            rooms=_tally(recorder.rooms),
            own={name: _tally(tally) for name, tally in recorder.own.items()},
        ),
        counts=counts_of(recorder, duration_s=facts.duration_s),
        errors=dict(sorted(errors_by_name(recorder).items())),
        metrics=[
            run_json.MetricRow(name=metric.name, title=metric.title, **_columns(series))
            for metric in METRICS.values()
            if (series := series_of(recorder, metric)).count
        ],
        requests=[
            run_json.RequestRow(
                type=request_type,
                name=name,
                count=figures.count,
                failures=figures.failure_count,
                **figures.times.percentiles_ms(),
                errors=dict(figures.failures),
                histogram=figures.times.encode(),
            )
            for (request_type, name), figures in sorted(recorder.requests.items())
        ],
        series=[run_json.SeriesRow(name=name, **_columns(series)) for name, series in sorted(recorder.series.items())],
        events={name: number for name, number in sorted(recorder.events.items()) if number},
        generators={name: run_json.Generator(**health.as_dict()) for name, health in healths(recorder).items()},
        server=_server(facts),
        history=facts.history,
        faults=felt_faults(facts),
        reported="all" if recorder.is_whole else REPORTED,
        phases=_phases(recorder),
        not_understood=dict(sorted(recorder.not_understood.items())),
        is_over=facts.is_over,
        windows=msgspec.convert(facts.windows, list[run_json.Window]),
        ended_by=facts.ended_by,
        moments=[run_json.Moment(at_s=moment.at_s, kind=moment.kind, text=moment.text) for moment in facts.moments],
    )


def _server(facts: RunFacts) -> run_json.Server:
    state = facts.server_state
    return run_json.Server(
        pid=facts.server_pid,
        cpu_shares=[round(share, 4) for share in facts.server_cpu_shares],
        stopped_s=round(state.stopped_s, 3),
        gone_s=round(state.gone_s, 3),
        on_disk_s=round(state.on_disk_s, 3),
        throttled_s=round(state.throttled_s, 3),
        overflows=state.overflows,
        restarts=state.restarts,
    )


def _phases(recorder: Recorder) -> dict[str, list[run_json.MetricRow]]:
    places = (DELAYED,) if recorder.is_whole else (RAMP, RAMP_DOWN, DELAYED)
    rows = {
        place: [
            run_json.MetricRow(name=metric.name, title=metric.title, **_columns(series))
            for metric in METRICS.values()
            if (series := series_at(recorder, metric, place)).count
        ]
        for place in places
    }
    return {place: found for place, found in rows.items() if found}


def as_text(document: run_json.RunFile) -> str:
    """JSON, indented, with a newline at its end."""
    return json.dumps(run_json.as_builtins(document), indent=1, ensure_ascii=False) + "\n"


def write_json(path: Path, document: run_json.RunFile) -> None:
    """Raises `OSError`."""
    write_whole(path, as_text(document))


def write_whole(path: Path, text: str) -> None:
    """The file holds all of the text, or what it held before. Raises `OSError` that names the file."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None


@cache  # a page may ask for run.json again and again
def _checkout() -> machine.Checkout | None:
    """As it was when first asked for."""
    return machine.read_checkout()


def _machine() -> run_json.Machine:
    return run_json.Machine(
        name=platform.node(),
        system=machine.operating_system(),
        processor=machine.cpu_model(),
        cores=psutil.cpu_count(),
        memory_bytes=machine.memory_bytes(),
    )


def _tally(tally: ReachTally) -> run_json.ReachTally:
    return run_json.ReachTally(**tally.as_dict())


def _columns(series: Series) -> dict[str, Any]:
    return {
        "count": series.count,
        **series.percentiles_ms(),
        "mean_ms": series.mean_us / 1000,
        "clipped": series.clipped,
        "histogram": series.encode(),
    }
