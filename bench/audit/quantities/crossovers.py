"""From which rate of changes on one way costs more bytes than others, by what the scenario bandwidth counted.

Of each way and list, a straight line between its points, at the rates that were achieved. A way crosses another where
it costs less at every measured rate below, and no less at every one above; between the two rates beside it the rate is
read off the lines. Where that is not so there is no crossover.

Where a client was told of each change by itself at the lower of the two and of several together at the upper, its line
goes on from the idle point through the lower one to as many changes per second as there were events at the upper one.
Polling with ETag costs at one change per poll what it costs at the upper one.
"""

from __future__ import annotations

import math

from bench.audit import validity
from bench.audit.arithmetic import between
from bench.audit.plain_json import Json
from bench.audit.quantities.traffic import hourly
from bench.audit.raw import NotInRun, Raw
from bench.audit.value import Value

SINGLY = 0.98
"""Events per change, of changes that are told one by one."""
HALVINGS = 60

ACCEPTED = {"valid": (validity.VALID,), "not invalid": (validity.VALID, validity.SUSPECT)}


def crossover(raw: Raw, of: Json) -> Value:
    """The least of the rates from which on ``way`` costs more than one of ``among``."""
    rate, rival = first(raw, of)
    return Value(rate, "", f"bytes of {of['way']} and {rival} over their achieved rates, {of['rooms']} rooms")


def first(raw: Raw, of: Json) -> tuple[float, str]:
    """That rate, and which way costs less from there on. Raises `NotInRun` where none does."""
    found = [(rate, name) for name in of["among"] if not math.isnan(rate := _rate(raw, of, name))]
    if not found:
        raise NotInRun(f"{of['way']} crosses none of {', '.join(of['among'])}")
    return min(found, key=lambda each: each[0])


def cheapest(raw: Raw, of: Json) -> tuple[str, str]:
    """The words where ``way`` costs no more than any of ``among`` at all rates below its first crossover."""
    try:
        limit, _ = first(raw, of)
    except NotInRun:
        limit = math.inf
    own = {rate: value for rate, value in _points(raw, of, of["way"]).items() if rate < limit}
    dearer = [
        f"{name} at {rate:.4g}: {value:.6g} against {own[rate]:.6g}"
        for name in of["among"]
        for rate, value in _points(raw, of, name).items()
        if rate in own and value < own[rate]
    ]
    if dearer or not own:
        return "nothing: it is not", "; ".join(dearer) or "no rate"
    return of["words"], f"bytes of {of['way']} and {', '.join(of['among'])} below {limit:.4g} changes per second"


def _points(raw: Raw, of: Json, way: str, layer: str = "whole") -> dict[float, float]:
    """Bytes, or what else is counted, per client-hour by achieved rate."""
    accepted = ACCEPTED[of.get("points", "not invalid")]
    return {
        group["changes"] / raw.setting("bandwidth.window_s"): hourly(raw, group, layer)
        for group in raw.groups()
        if (group["kind"], group["rooms"]) == (way, of["rooms"]) and validity.of_group(group) in accepted
    }


def _rate(raw: Raw, of: Json, rival: str) -> float:
    """Where the first line goes from below the second to above it, for good; NaN where it does not."""
    own, other = (_points(raw, of, way) for way in (of["way"], rival))
    rates = sorted(set(own) & set(other))
    cheaper = [own[rate] < other[rate] for rate in rates]
    if cheaper != sorted(cheaper, reverse=True) or len(set(cheaper)) < 2:
        return math.nan
    low, high = (rates[cheaper.index(False) + step] for step in (-1, 0))
    lines = [_line(raw, of, way, low, high) for way in (of["way"], rival)]
    stops = sorted({rate for line in lines for rate in line if rate > low})

    def gap(rate: float) -> float:
        dear, cheap = (between(rate, sorted(line), [line[each] for each in sorted(line)]) for line in lines)
        return dear - cheap

    stop = next(each for each in stops if gap(each) >= 0)
    start = max(each for each in [low, *stops] if each < stop)
    for _ in range(HALVINGS):
        middle = (start + stop) / 2
        start, stop = (middle, stop) if gap(middle) < 0 else (start, middle)
    return stop


def _line(raw: Raw, of: Json, way: str, low: float, high: float) -> dict[float, float]:
    """Bytes at two rates, and at the corner between them where there is one."""
    points = _points(raw, of, way)
    ends = {low: points[low], high: points[high]}
    if way.startswith("polling"):
        polls_per_s = _points(raw, of, way, "requests")[high] / 3600
        return {**ends, polls_per_s: points[high]} if way != "polling" and low < polls_per_s < high else ends
    if low == 0 or 0.0 not in points:
        return ends
    events = _points(raw, of, way, "events")
    per_change = {rate: events[rate] / 3600 / rate for rate in ends}
    corner = per_change[high] * high
    if not per_change[low] >= SINGLY > per_change[high] or corner <= low:
        return ends
    return {**ends, corner: points[0.0] + (points[low] - points[0.0]) / low * corner}
