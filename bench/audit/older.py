"""Runs that counted bytes, requests and events over more than their window, made those of the window alone.

Known by what they lack, the achieved rate of changes. The method states the rules:

* the rate that there was: a whole number of changes in the window over the window;
* for a client that holds a socket, counts were divided by the window and 1.2 s of quiet: what is beside the heartbeats
  is multiplied by that over the window, and a heartbeat's pace is what it was;
* server CPU, in the same way, by the length of its stretch; what a socket costs while nothing changes is left as it is;
* for a client that polls whatever changes, nothing has to be mended; the bytes of one with ETag are suspect;
* where nothing says that all changes were timed, only the makings of rooms were: staleness is suspect.
"""

from __future__ import annotations

from copy import deepcopy

from bench.audit.arithmetic import median
from bench.audit.plain_json import Json

SCENARIOS = {"freshness": "freshness", "break-even": "break_even", "cost": "cost"}
ACHIEVED = "changes per second, achieved"
QUIET_S = 1.2
WHY = "counted over the window and the quiet behind it"
ALL_CHANGES_TIMED = "all changes timed"
HALF_TIMED = "taken without the ends of rooms"
PER_HOUR = 120.0
HEARTBEAT_BYTES = 232
IDLE_PART = {
    "bytes per client-hour, with TCP/IP (model)": PER_HOUR * HEARTBEAT_BYTES,
    "KiB per player-hour, with TCP/IP (model)": PER_HOUR * HEARTBEAT_BYTES / 1024,
    "requests per client-hour": PER_HOUR,
    "requests and heartbeats per player-hour": PER_HOUR,
    "events per client-hour": 0.0,
    "events per player-hour": 0.0,
}
CPU = ("server CPU per client-hour", "server CPU per player-hour")
REQUESTS = ("requests per client-hour", "requests and heartbeats per player-hour")
EVENTS = ("events per client-hour", "events per player-hour")
WAYS_OF_LIVES = {"idle": "push", "active, push with fetch": "push", "active, rooms_delta": "delta"}


def over_the_window(document: Json) -> Json:
    """A copy with mended readings; the same document where nothing has to be."""
    old = [
        found
        for found in document["findings"]
        if found["name"] in SCENARIOS
        and found["measures"]
        and all(each["name"] != ACHIEVED for each in found["measures"])
    ]
    half_timed = [
        found["name"]
        for found in document["findings"]
        if ALL_CHANGES_TIMED not in found["facts"] and any(_is_of_staleness(each) for each in found["measures"])
    ]
    if not old and not half_timed:
        return document
    names = [found["name"] for found in old]
    mended = deepcopy(document)
    for found in mended["findings"]:
        for each in found["measures"] if found["name"] in half_timed else ():
            for reading in each["readings"] if _is_of_staleness(each) else ():
                reading["suspect"] = HALF_TIMED
        if found["name"] in names:
            window_s = mended["profile"][SCENARIOS[found["name"]]]["window_s"]
            before = deepcopy(found["measures"])
            for each in found["measures"]:
                _mend(each, before, window_s)
            found["measures"] += _rates(before, window_s)
    return mended


def _is_of_staleness(measured: Json) -> bool:
    name: str = measured["name"]
    return name == "mean staleness" or name.startswith("time that a client is fresher than ")


def _mend(measured: Json, beside: list[Json], window_s: float) -> None:
    name, way = measured["name"], str(WAYS_OF_LIVES.get(measured["party"], measured["party"]))
    if not measured["changes_per_s"] or name not in (*IDLE_PART, *CPU):
        return
    if way.startswith("polling"):
        if way != "polling" and name not in (*CPU, *REQUESTS, *EVENTS):
            for reading in measured["readings"]:
                reading["suspect"] = WHY
        return
    if way == "delta" and name in REQUESTS:
        return
    idle = _idle_cpu(measured, beside) if name in CPU else IDLE_PART[name]
    for reading in measured["readings"]:
        long_s = window_s + QUIET_S
        if name in CPU and reading["stretch"] is not None:
            long_s = reading["stretch"]["wall_s"]
        reading["value"] = idle + max(0.0, reading["value"] - idle) * long_s / window_s


def _idle_cpu(measured: Json, beside: list[Json]) -> float:
    for each in beside:
        same = (each["name"], each["clients"]) == (measured["name"], measured["clients"])
        if same and not each["changes_per_s"] and not each["party"].startswith("polling") and each["readings"]:
            return median([reading["value"] for reading in each["readings"]])
    return 0.0


def _rates(before: list[Json], window_s: float) -> list[Json]:
    """The achieved rate of each cell, once."""
    found: dict[tuple[object, ...], Json] = {}
    for each in before:
        key = (each["party"], each["clients"], each["rooms"], each["changes_per_s"])
        if each["name"] in IDLE_PART and key not in found:
            rate = int(each["changes_per_s"] * window_s + 1e-9) / window_s
            reading = {"value": rate, "stretch": None, "late_ms": 0.0, "ledger": None, "invalid": "", "suspect": ""}
            readings = [dict(reading) for _ in each["readings"]]
            found[key] = {**each, "name": ACHIEVED, "unit": "", "readings": readings}
    return list(found.values())
