"""From which rate of changes on one way costs more bytes than others, by what the scenario bandwidth counted.

Of each way and list, a straight line between its points, at the rates that were achieved. A way crosses another where
it costs less at every measured rate below, and no less at every one above; between the two rates beside it the rate is
read off the lines. Where that is not so there is no crossover.
"""

from __future__ import annotations

import math

from bench.audit import validity
from bench.audit.plain_json import Json
from bench.audit.quantities.traffic import hourly
from bench.audit.raw import NotInRun, Raw
from bench.audit.value import Value

ACCEPTED = {"valid": (validity.VALID,), "not invalid": (validity.VALID, validity.SUSPECT)}


def crossover(raw: Raw, of: Json) -> Value:
    """The least of the rates from which on ``way`` costs more than one of ``among``."""
    rate, rival = first(raw, of)
    return Value(rate, "", f"bytes of {of['way']} and {rival} over their achieved rates, {of['rooms']} rooms")


def first(raw: Raw, of: Json) -> tuple[float, str]:
    """That rate, and which way costs less from there on. Raises `NotInRun` where none does."""
    found = [
        (rate, name)
        for name in of["among"]
        if not math.isnan(rate := _between(_points(raw, of, of["way"]), _points(raw, of, name)))
    ]
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


def _points(raw: Raw, of: Json, way: str) -> dict[float, float]:
    """Bytes per client-hour by achieved rate."""
    accepted = ACCEPTED[of.get("points", "not invalid")]
    window_s = raw.setting("bandwidth.window_s")
    return {
        group["changes"] / window_s: hourly(raw, group, "whole")
        for group in raw.groups()
        if (group["kind"], group["rooms"]) == (way, of["rooms"]) and validity.of_group(group) in accepted
    }


def _between(own: dict[float, float], other: dict[float, float]) -> float:
    """Where the first line goes from below the second to above it, for good; NaN where it does not."""
    rates = sorted(set(own) & set(other))
    cheaper = [own[rate] < other[rate] for rate in rates]
    if cheaper != sorted(cheaper, reverse=True) or len(set(cheaper)) < 2:
        return math.nan
    left, right = (rates[cheaper.index(False) + step] for step in (-1, 0))
    gap_left, gap_right = other[left] - own[left], own[right] - other[right]
    return left + (right - left) * gap_left / (gap_left + gap_right)
