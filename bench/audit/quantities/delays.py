"""Quantities of broadcasts and of polls: how long a change took to reach the clients, and whom it did not reach."""

from __future__ import annotations

import math
from collections.abc import Callable

from bench.audit.arithmetic import median, nearest_rank
from bench.audit.plain_json import Json
from bench.audit.raw import NotInRun, Raw, all_milliseconds, milliseconds
from bench.audit.value import Value


def alone(raw: Raw, name: str) -> list[Json]:
    """Series of broadcasts that had no stream of changes beside them, the smallest size first."""
    found = [each for each in raw.series("broadcast", name) if not each["changes_per_s"]]
    return sorted(found, key=lambda each: each["clients"])


def broadcasts(raw: Raw, of: Json) -> Json:
    for each in raw.series("broadcast", of["series"]):
        if (each["clients"], each["changes_per_s"]) == (of["clients"], of.get("changes_per_s", 0.0)):
            return each
    raise NotInRun(f"no series {of['series']} at {of['clients']} clients")


def lasts_ms(series: Json) -> list[float]:
    """When the last client had it, of each broadcast that anybody heard; ascending."""
    return sorted(milliseconds(group)[-1] for group in series["groups"] if milliseconds(group))


def lost(series: Json) -> int:
    return int(sum(each["expected"] for each in series["ledgers"])) - len(all_milliseconds(series))


def _broadcasts(raw: Raw, of: Json) -> Value:
    series, take = broadcasts(raw, of), of["take"]
    source = f"{len(series['groups'])} broadcasts of {of['series']} at {of['clients']} clients"
    if take == "broadcasts":
        return Value(len(series["groups"]), "", source)
    if take == "last":
        return Value(median(lasts_ms(series)), "ms", f"median last client of {source}")
    if take in ("repeats", "first herd", "later herds"):
        return _herds(series, take, source)
    if take == "slowest":
        return Value(max(lasts_ms(series), default=math.nan), "ms", f"the slowest of {source}")
    return Value(nearest_rank(all_milliseconds(series), int(take[1:])), "ms", f"all receipts of {source}")


def _herds(series: Json, take: str, source: str) -> Value:
    """Of the repeats that had several broadcasts: their number, and the median last client of each one's first
    broadcast, or of all the others."""
    first, later, begin = [], [], 0
    for number in series["repeats"]:
        own = [milliseconds(group)[-1] for group in series["groups"][begin : begin + number]]
        begin += number
        if number > 1:
            first.append(own[0])
            later += own[1:]
    if take == "repeats":
        return Value(len(first), "", f"repeats with {source}")
    return Value(median(first if take == "first herd" else later), "ms", f"{take} of {source}")


def _receipts(raw: Raw, of: Json) -> Value:
    """``take``: due or lost, over all sizes of all three kinds of broadcasts."""
    every = [series for name in ("announcement", "fresh list", "status") for series in alone(raw, name)]
    due = sum(each["expected"] for series in every for each in series["ledgers"])
    value = due if of["take"] == "due" else sum(lost(series) for series in every)
    return Value(value, "", "ledgers of announcement, fresh list and status")


def polled_ms(raw: Raw) -> list[float]:
    name = "age of a room when a poll first shows it"
    return sorted(value for series in raw.series("broadcast", name) for value in all_milliseconds(series))


def _polled(raw: Raw, of: Json) -> Value:
    ages = polled_ms(raw)
    return Value(nearest_rank(ages, int(of["take"][1:])), "ms", f"{len(ages)} ages of rooms at pollers")


DELAYS: dict[str, Callable[[Raw, Json], Value]] = {
    "broadcasts": _broadcasts,
    "receipts": _receipts,
    "polled": _polled,
}
