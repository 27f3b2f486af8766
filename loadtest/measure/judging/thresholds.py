"""Thresholds of a run: ``fanout.p99 < 250ms``, ``reach == 1``, ``errors.rate < 0.1%``.

An expression is a metric, a comparison and a value. Metrics are those of `loadtest.measure.metrics`: a series with
``.count``, ``.mean``, ``.p50``, ``.p90``, ``.p99``, ``.p99.9`` (any percentile) or ``.max``, or a single number. Units
are ``us``, ``ms``, ``s`` and ``%``; times need one. A threshold on something that was not measured is
missed.

With ``or stop`` behind it a threshold ends the run when it is missed, from the steady state on (from the beginning,
where the load has none), or from a time that is given: ``errors.rate < 5% or stop after 30s``.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from loadtest.measure.metrics import METRICS, counts_by_place, counts_of, series_of
from loadtest.measure.points import RAMP, RAMP_DOWN
from loadtest.measure.recorder import Recorder
from loadtest.results.exit_codes import UsageError

_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le, ">=": operator.ge, "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
_UNITS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "%": 0.01, "": 1.0}
_EXPRESSION = re.compile(
    r"\s*(?P<metric>[a-z][a-z0-9_]*(?:\.[a-z_0-9.]+)?)\s*(?P<comparison><=|>=|==|!=|<|>)\s*"
    r"(?P<value>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>us|µs|ms|s|%)?\s*"
    r"(?P<stops>or\s+stop\s*(?:after\s+(?P<after>[0-9]+(?:\.[0-9]+)?)\s*s\s*)?)?"
)
_STATISTIC = re.compile(r"count|mean|max|p(?:100|[0-9]{1,2}(?:\.[0-9]+)?)")


@dataclass(frozen=True)
class Threshold:
    text: str
    metric: str
    statistic: str
    """Empty for a single number."""
    comparison: str
    value: float
    """In seconds where it is a time; a share where it was given in percent."""
    stops: bool = False
    """It ends the run when it is missed."""
    after_s: float | None = None
    """From when on; None: from the steady state on."""

    @property
    def is_time(self) -> bool:
        return self.statistic not in ("", "count")


@dataclass(frozen=True)
class ThresholdResult:
    threshold: Threshold
    found: float | None
    """None: nothing was measured."""
    in_other_phases: int = 0
    """Durations of that series, of which none was in the phase that is reported."""

    @property
    def is_met(self) -> bool:
        if self.found is None:
            return False
        return _COMPARISONS[self.threshold.comparison](self.found, self.threshold.value)

    @property
    def found_text(self) -> str:
        if self.found is None and self.in_other_phases:
            return (
                f"nothing was measured in the steady state, {self.in_other_phases:,} before or after it (--phase all)"
            )
        if self.found is None:
            return "nothing was measured"
        if self.threshold.is_time:
            return in_time_units(self.found)
        return f"{self.found:.4%}" if "%" in self.threshold.text else f"{self.found:,.6g}"

    def __str__(self) -> str:
        return f"{'✓' if self.is_met else '✗'} {self.threshold.text}: {self.found_text}"


def read_threshold(text: str) -> Threshold:
    """Raises `UsageError`: one sentence that says what to write instead."""
    found = _EXPRESSION.fullmatch(text)
    if found is None:
        raise UsageError(f"Threshold {text.strip()!r} is none: write one as fanout.p99 < 250ms, or reach == 1.")
    metric, _, statistic = found["metric"].partition(".")
    unit = found["unit"] or ""
    threshold = Threshold(
        " ".join(text.split()),
        metric,
        statistic,
        found["comparison"],
        float(found["value"]) * _UNITS[unit],
        stops=found["stops"] is not None,
        after_s=float(found["after"]) if found["after"] is not None else None,
    )
    if found["metric"] in METRICS.count_names:
        if unit not in ("", "%"):
            raise UsageError(f"Threshold {threshold.text!r}: {found['metric']} is a number and has no unit of time.")
        if unit == "%" and not METRICS.is_share(found["metric"]):
            raise UsageError(
                f"Threshold {threshold.text!r}: {found['metric']} is a count or a rate, and no share: no %."
            )
        return replace(threshold, metric=found["metric"], statistic="")
    if metric not in METRICS:
        raise UsageError(f"Threshold {threshold.text!r}: there is no {metric}; there is {', '.join(known_names())}.")
    if _STATISTIC.fullmatch(statistic) is None:
        raise UsageError(f"Threshold {threshold.text!r}: say which figure of {metric}, as in {metric}.p99 or .max.")
    if threshold.is_time and unit not in ("us", "µs", "ms", "s"):
        raise UsageError(f"Threshold {threshold.text!r}: {metric} is a time; say us, ms or s after the number.")
    if not threshold.is_time and unit:
        raise UsageError(f"Threshold {threshold.text!r}: {metric}.count is a number without a unit.")
    return threshold


def read_thresholds(texts: Iterable[str], file: Path | None) -> tuple[Threshold, ...]:
    """Those of the options, then those of the file: one per line, ``#`` begins a comment. Raises `UsageError`."""
    lines = list(texts)
    if file is not None:
        try:
            lines += file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or error
            raise UsageError(f"--thresholds: {file} cannot be read: {why}.") from None
    stripped = (line.split("#", 1)[0].strip() for line in lines)
    return tuple(read_threshold(line) for line in stripped if line)


def check_thresholds(
    thresholds: Iterable[Threshold],
    recorder: Recorder,
    *,
    duration_s: float,
    ended_by: Mapping[str, float] | None = None,
) -> tuple[ThresholdResult, ...]:
    """What each threshold comes to, in their order. `ended_by`: those that ended the run, with what was found then,
    which stands whatever came after it."""
    counts, ended_by = counts_of(recorder, duration_s=duration_s), ended_by or {}
    return tuple(
        ThresholdResult(
            threshold,
            ended_by[threshold.text] if threshold.text in ended_by else _find(threshold, recorder, counts),
            _in_other_phases(threshold, recorder),
        )
        for threshold in thresholds
    )


def known_names() -> tuple[str, ...]:
    return (*METRICS, *METRICS.count_names)


def in_time_units(seconds: float) -> str:
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _in_other_phases(threshold: Threshold, recorder: Recorder) -> int:
    if not threshold.statistic or recorder.is_whole:
        return 0
    places = counts_by_place(recorder, METRICS[threshold.metric])
    return places[RAMP] + places[RAMP_DOWN]


def _find(threshold: Threshold, recorder: Recorder, counts: Mapping[str, float | None]) -> float | None:
    if not threshold.statistic:
        return counts[threshold.metric]
    series = series_of(recorder, METRICS[threshold.metric])
    if threshold.statistic == "count":
        return series.count
    if not series.count:
        return None
    if threshold.statistic == "max":
        return series.max_us / 1e6
    if threshold.statistic == "mean":
        return series.mean_us / 1e6
    return series.percentile_us(float(threshold.statistic[1:])) / 1e6
