"""Forecasts against what was measured, how far measurements went, and what breaks first where ways are compared."""

from __future__ import annotations

from collections.abc import Callable

from bench.audit.arithmetic import median
from bench.audit.plain_json import Json
from bench.audit.raw import NotInRun, Raw
from bench.audit.validity import BUSY, generator_share, kind
from bench.audit.value import Value

SCENARIO = "prediction"
PREDICTED, MEASURED = ": predicted", ": measured"
USED = "forecast: {} used when something breaks"
RESOURCES = ("core", "bandwidth", "memory", "log", "balancer", "database")
LATE, CAME = (
    "forecast: p99 when something breaks",
    "forecast: clients that came to a change in time when something breaks",
)
FEWEST = "forecast: players with whom something breaks"
CAME_ENOUGH = 99.0


def errors(raw: Raw) -> list[tuple[str, str, float]]:
    """Quantity, case and error in %: of each that was measured, the prediction over the measurement less one; the
    median of the repeats. None where half of them or more are INVALID, as of any figure."""
    predicted = {
        (each["name"].removesuffix(PREDICTED), each["party"], each["clients"]): each["readings"][0]["value"]
        for each in raw.measured(SCENARIO)
        if each["name"].endswith(PREDICTED)
    }
    found = []
    for each in raw.measured(SCENARIO):
        key = (each["name"].removesuffix(MEASURED), each["party"], each["clients"])
        if not each["name"].endswith(MEASURED) or key not in predicted or not each["readings"]:
            continue
        counted = [it for it in each["readings"] if it["value"] > 0]
        if 2 * sum(is_spoiled(each, it) for it in counted) < len(counted):
            misses = [100 * (predicted[key] / it["value"] - 1) for it in counted]
            found.append((key[0], key[1], median(misses)))
    if not found:
        raise NotInRun("no forecast was measured")
    return found


def is_spoiled(each: Json, reading: Json) -> bool:
    """It is no measurement: by its scenario, or because the generator of a time was the limit."""
    if reading["invalid"]:
        return True
    stretch = reading["stretch"]
    return kind(each["name"], each["unit"]) == "time" and stretch is not None and generator_share(stretch) > BUSY


def _errors(raw: Raw, of: Json) -> Value:
    """``take``: median, worst or n."""
    sizes = [abs(value) for _, _, value in errors(raw)]
    if of["take"] == "n":
        return Value(len(sizes), "", "quantities predicted and measured")
    value = median(sizes) if of["take"] == "median" else max(sizes)
    return Value(value, "%", f"{of['take']} of {len(sizes)} errors {[round(each, 2) for each in sorted(sizes)]}")


def _extent(raw: Raw, of: Json) -> Value:
    sizes = raw.setting(SCENARIO)
    fitted = sizes["calibration"]
    held_out = max(sizes[name] for name in ("polling", "fetching", "deltas", "herd"))
    sessions = max([held_out, *fitted["clients"], *fitted["memory"]])
    processes = max([*sizes["nodes"], *fitted["nodes"]])
    values = {
        "held out": held_out, "sessions": sessions, "processes": processes,
        "players": max(sessions, sizes["broadcast"]),
        "changes_per_s": max(sizes["changes_per_s"]), "rooms": max([sizes["rooms"], *fitted["rooms"]]),
    }  # fmt: skip
    return Value(float(values[of["take"]]), "", "profile.prediction")


def worst(raw: Raw, _: Json) -> tuple[str, str]:
    """The quantity and the case that were missed by most."""
    name, case, value = max(errors(raw), key=lambda each: abs(each[2]))
    return f"{name} of “{case}”", f"{value:.4g} %"


def breaks_first(raw: Raw, of: Json) -> tuple[str, str]:
    """Of the resources above the ceiling the one that is used most; where none is, latency if that is missed."""
    scale = raw.setting(f"{SCENARIO}.scale")

    def value(name: str) -> float | None:
        for each in raw.measured(SCENARIO):
            if each["name"] == name and each["party"] == of["party"] and each["readings"]:
                return median([it["value"] for it in each["readings"]])
        return None

    if value(FEWEST) is None:
        raise NotInRun(f"nothing broke with {of['party']}")
    used = {resource: value(USED.format(resource)) for resource in RESOURCES}
    above = sorted(
        (-share, resource) for resource, share in used.items() if share is not None and share > 100 * scale["ceiling"]
    )
    words = ", ".join(f"{resource} {share:.4g} %" for resource, share in used.items() if share is not None)
    if above:
        return above[0][1], words
    late_ms, came = value(LATE), value(CAME)
    is_missed = (late_ms is not None and late_ms > scale["slo_ms"]) or (came is not None and came < CAME_ENOUGH)
    return ("latency" if is_missed else "nothing"), f"{words}; p99 {late_ms}, came {came}"


FORECASTS: dict[str, Callable[[Raw, Json], Value]] = {"forecast errors": _errors, "extent": _extent}
