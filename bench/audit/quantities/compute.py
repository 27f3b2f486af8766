"""Every kind of quantity that a report cites, computed from the raw readings. The kinds are stated in docs/lab.md."""

from __future__ import annotations

from collections.abc import Callable

from bench.audit.arithmetic import apart, median, ratio
from bench.audit.pairs import ratios
from bench.audit.plain_json import Json
from bench.audit.quantities.crossings import crossing
from bench.audit.quantities.crossovers import crossover
from bench.audit.quantities.delays import DELAYS
from bench.audit.quantities.forecasts import FORECASTS
from bench.audit.quantities.swarm import SWARM
from bench.audit.quantities.traffic import HEADER_BYTES, TRAFFIC
from bench.audit.quantities.whole_run import WHOLE_RUN, bounds_of_median
from bench.audit.raw import NotInRun, Raw
from bench.audit.validity import kind
from bench.audit.value import Value

HEARTBEAT_S = 30
HEARTBEAT_BYTES = 31 + 45 + 3 * HEADER_BYTES
"""A ping of 25 bytes and a pong of 43 in their frames, three packets."""


def compute(raw: Raw, quantity: Json) -> Value:
    """Raises `NotInRun` when the run has not what it takes, or the kind is not known here."""
    kind = quantity.get("of", "")
    if kind not in KINDS:
        raise NotInRun(f"the auditor knows no quantity {kind!r}")
    return KINDS[kind](raw, quantity)


def _number(raw: Raw, of: Json) -> Value:
    return Value(float(of["value"]), of.get("unit", ""), "the text itself")


def _setting(raw: Raw, of: Json) -> Value:
    value = raw.setting(of["path"])
    return Value(float(len(value) if isinstance(value, list) else value), of.get("unit", ""), f"profile.{of['path']}")


def _readings(raw: Raw, of: Json) -> Value:
    """``take``: median, least, most, n."""
    values = [each["value"] for each in raw.readings(of)]
    how: dict[str, Callable[[list[float]], float]] = {"median": median, "least": min, "most": max, "n": len}
    unit = "" if of["take"] == "n" else of["unit"]
    words = ", ".join(f"{value:.6g}" for value in values)
    return Value(how[of["take"]](values), unit, f"{of['take']} of {of['scenario']}: {of['name']} [{words}]")


def _paired(raw: Raw, of: Json) -> Value:
    """The median, least, most or number of the ratios of readings of the same turn."""
    own, other = (raw.readings({**of, "party": party}) for party in (of["party"], of["over"]))
    found = ratios(own, other, kind(of["name"], of["unit"]))
    if found is None:
        raise NotInRun(f"no pairs of {of['name']}, {of['party']} and {of['over']}")
    taken = {"median": found.middle, "least": found.least, "most": found.most, "n": float(found.n)}
    source = f"pairs of {of['name']}: {[round(each, 4) for each in found.each]}"
    return Value(taken[of["take"]], "×", source if found.each else f"medians of {of['name']}, which are not paired")


def _spent(raw: Raw, of: Json) -> Value:
    """What a scenario's stretch came to; ``take``: a field in s, told in ms or s, or a share of its wall time."""
    stretch = raw.scenario(of["scenario"]).get("stretch")
    if stretch is None:
        raise NotInRun(f"no stretch of {of['scenario']}")
    value = float(stretch[of["take"]])
    if of.get("share"):
        return Value(ratio(value, stretch["wall_s"]), "share", f"{of['scenario']}.stretch")
    return Value(value, "s", f"{of['scenario']}.stretch.{of['take']}")


def _saved(raw: Raw, of: Json) -> Value:
    own, other = compute(raw, of["own"]), compute(raw, of["other"])
    return Value(
        1 - ratio(own.base, other.base), "share", f"1 − {own.value:.6g} ({own.of}) / {other.value:.6g} ({other.of})"
    )


def _times(raw: Raw, of: Json) -> Value:
    own, other = compute(raw, of["own"]), compute(raw, of["other"])
    return Value(
        ratio(own.value, other.value),
        of.get("unit", ""),
        f"{own.value:.6g} ({own.of}) / {other.value:.6g} ({other.of})",
    )


def _product(raw: Raw, of: Json) -> Value:
    own, other = compute(raw, of["own"]), compute(raw, of["other"])
    return Value(own.value * other.value, of.get("unit", ""), f"{own.value:.6g} ({own.of}) × {other.value:.6g}")


def _at_rate(raw: Raw, of: Json) -> Value:
    """Bytes at another rate: what is beside the heartbeats grows with the rate."""
    own, here, there = (compute(raw, of[key]) for key in ("own", "from", "to"))
    idle = 3600 / HEARTBEAT_S * HEARTBEAT_BYTES
    value = idle + (own.base - idle) * ratio(there.value, here.value)
    return Value(value, "B", f"{own.of} at {there.value:.6g} changes per second")


def _furthest(raw: Raw, of: Json) -> Value:
    """Of all readings of a ratio, the one furthest from 1."""
    every = ratios_of(raw, of)
    if of.get("take") == "n":
        return Value(len(every), "", f"readings of {of['name']}")
    return Value(max(every, key=lambda each: apart(each[1]))[1], "×", f"{len(every)} readings of {of['name']}")


def ratios_of(raw: Raw, of: Json) -> list[tuple[str, float]]:
    """All readings of a measure of a scenario, with their parties."""
    measured = [each for each in raw.measured(of["scenario"]) if each["name"] == of["name"]]
    return [(each["party"], reading["value"]) for each in measured for reading in each["readings"]]


def _fetched(raw: Raw, of: Json) -> Value:
    """Fetches per announcement: requests beside the heartbeats, over events."""
    requests, events = compute(raw, of["requests"]), compute(raw, of["events"])
    value = ratio(requests.value - 3600 / HEARTBEAT_S, events.value)
    return Value(value, "", f"{requests.value:.6g} requests, {events.value:.6g} events")


def _bound(raw: Raw, of: Json) -> Value:
    low, high = bounds_of_median([each["value"] for each in raw.readings(of)])
    return Value(low if of["take"] == "low" else high, of["unit"], f"bounds of the median of {of['name']}")


def _least_of(raw: Raw, of: Json) -> Value:
    """The least or, as ``most of``, the most of several."""
    values = [compute(raw, each) for each in of["values"]]
    choose = min if of["of"] == "least of" else max
    return choose(values, key=lambda each: each.value)


KINDS: dict[str, Callable[[Raw, Json], Value]] = {
    **DELAYS,
    **FORECASTS,
    **TRAFFIC,
    **SWARM,
    **WHOLE_RUN,
    "number": _number,
    "setting": _setting,
    "readings": _readings,
    "paired": _paired,
    "spent": _spent,
    "crossing": crossing,
    "crossover": crossover,
    "saved": _saved,
    "times": _times,
    "product": _product,
    "at rate": _at_rate,
    "furthest": _furthest,
    "fetched": _fetched,
    "bound": _bound,
    "least of": _least_of,
    "most of": _least_of,
}
