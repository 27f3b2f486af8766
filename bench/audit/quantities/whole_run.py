"""Quantities of the whole run: how many of its points may be believed, how noisy it was, who was lost and came back."""

from __future__ import annotations

import math
from collections.abc import Callable

from bench.audit import validity
from bench.audit.arithmetic import apart
from bench.audit.pairs import ratios
from bench.audit.plain_json import Json
from bench.audit.quantities.delays import alone
from bench.audit.quantities.traffic import pushing
from bench.audit.raw import NotInRun, Raw, milliseconds
from bench.audit.value import Value

FIXED_POLICY = "fixed 5 s"
AGAIN = "lobby again"
COLD = "first broadcast of a fresh server"
MEMORY = {"KiB": "memory", "MiB": "memory"}
ONE_SIDE = 0.025


def _connections(raw: Raw, of: Json) -> Value:
    """``take``: held (the clients of each repeat of broadcasts, and push clients), lost (unasked), or idle lost (push
    alone)."""
    idle_lost = sum(group["unexpected_losses"] for group in pushing(raw))
    if of["take"] == "idle lost":
        return Value(idle_lost, "", "unexpected losses of push clients")
    held, dropped = sum(len(group["clients"]) for group in pushing(raw)), float(idle_lost)
    if raw.has("broadcast"):
        for each in raw.series("broadcast", "announcement"):
            held += each["clients"] * (len(each["repeats"]) or len(each["groups"]))
        facts = raw.scenario("broadcast")["facts"]
        dropped += sum(value for name, value in facts.items() if name.startswith("connections lost unasked"))
    return Value(held if of["take"] == "held" else round(dropped), "", "broadcast and push clients")


def _returns(raw: Raw, of: Json) -> Value:
    """Clients with the fixed retry after a restart; ``take``: back, expected, restarts, or the last's wait."""
    waits, expected, restarts = [], 0, 0
    for series in raw.series("reconnect", "back and fresh"):
        if not series["party"].startswith(FIXED_POLICY):
            continue
        expected += series["clients"] * len(series["groups"])
        restarts += len(series["groups"])
        up = raw.readings({**series, "scenario": "reconnect", "name": "server accepts again"})
        for group, listening in zip(series["groups"], up, strict=False):
            waits += [max(0.0, at / 1000 - listening["value"]) for at in milliseconds(group)]
    value = {"back": len(waits), "expected": expected, "restarts": restarts, "last": max(waits, default=math.nan)}[
        of["take"]
    ]
    return Value(value, "s" if of["take"] == "last" else "", "back and fresh, less when the server accepts again")


def _flapped(raw: Raw, of: Json) -> Value:
    share = raw.setting("returns.flap_share") * raw.setting("returns.flapping")
    return Value(round(share), "", "profile.returns: flap_share × flapping")


def every_point(raw: Raw, scenarios: list[str] | None) -> list[str]:
    """The validity of each measure's readings; of all scenarios, or of these."""
    return [
        validity.of_readings(each["readings"], validity.kind(each["name"], each["unit"]))
        for found in raw.document["findings"]
        if scenarios is None or found["name"] in scenarios
        for each in found["measures"]
        if each["readings"] or scenarios is None
    ]


def _points(raw: Raw, of: Json) -> Value:
    """``take``: all, suspect or invalid. ``among``: readings (of one scenario or all), broadcasts, or groups."""
    among = of.get("among", "readings")
    if among == "broadcasts":
        judged = [
            validity.of_broadcasts(series)
            for name in ("announcement", "fresh list", "status")
            for series in alone(raw, name)
        ]
    elif among == "groups":
        judged = [validity.of_group(group) for group in raw.groups()]
    else:
        judged = every_point(raw, [of["scenario"]] if "scenario" in of else None)
    value = len(judged) if of["take"] == "all" else judged.count(of["take"])
    return Value(value, "", f"{len(judged)} points")


def _floor(raw: Raw, of: Json) -> Value:
    """The noise of a kind: the furthest that the A/A of one of its measures came from 1, by the bounds of its pairs."""
    furthest, source = 0.0, ""
    for each in raw.measured("noise"):
        is_kind = validity.kind(each["name"], each["unit"]) == of["kind"] or MEMORY.get(each["unit"]) == of["kind"]
        if each["party"] == AGAIN or not is_kind or each["name"].startswith(COLD):
            continue
        again = raw.readings({**each, "scenario": "noise", "party": AGAIN})
        found = ratios(again, each["readings"], validity.kind(each["name"], each["unit"]))
        if found is not None and found.n > 1 and found.validity != validity.INVALID:
            low, high = bounds_of_median(list(found.each)) if found.each else (found.least, found.most)
            floor = max(apart(low), apart(high))
            if floor >= furthest:
                furthest, source = floor, f"A/A of {each['name']}: {[round(ratio, 4) for ratio in found.each]}"
    if not source:
        raise NotInRun(f"no A/A of {of['kind']}")
    return Value(furthest, "share", source)


def bounds_of_median(values: list[float]) -> tuple[float, float]:
    """Least and most below six values; from there on the innermost order statistics that have the median in 95 %."""
    ascending, n = sorted(values), len(values)
    below, rank = 0.0, 0
    for k in range(n // 2):
        below += math.comb(n, k) / 2**n
        if below > ONE_SIDE:
            break
        rank = k
    return ascending[rank], ascending[n - 1 - rank]


WHOLE_RUN: dict[str, Callable[[Raw, Json], Value]] = {
    "connections": _connections,
    "returns": _returns,
    "flapped": _flapped,
    "points": _points,
    "floor": _floor,
}
