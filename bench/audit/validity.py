"""Whether a point may be believed, by the limits that the method states.

A reading is invalid when its scenario says so, or when a time or rate was measured while the generator used more than
90 % of a core; suspect when its scenario says so, when that was more than 75 %, when a time or rate (a cost) was
measured while server or generator was kept from its core for more than 20 % (10 %) of the time it would have worked, or
when the publisher of a time was more than 10 ms late. A point is invalid, or suspect, when at least half of its
readings are.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.audit.plain_json import Json

BUSY, NEAR = 0.90, 0.75
WAITED = {"time": 0.20, "rate": 0.20, "CPU": 0.10}
LATE_MS = 10.0
VALID, SUSPECT, INVALID = "valid", "suspect", "invalid"
OF_FORECASTS, FORECAST = (": predicted", ": error"), "forecast: "
OF_TIMES = ("pong p99, beside a hostile client over undisturbed",)
"""Ratios of two times: what spoils a time spoils them."""


def kind(name: str, unit: str) -> str:
    """A cost in CPU says so in its name; else the unit tells what it is. A forecast was computed, and nothing spoils
    it; nor its error, which is judged by what was measured."""
    if name.endswith(OF_FORECASTS) or name.startswith(FORECAST):
        return ""
    if "CPU" in name:
        return "CPU"
    if name in OF_TIMES:
        return "time"
    return {"ms": "time", "s": "time", "µs": "time", "1/s": "rate", "1/min": "rate"}.get(unit, "")


def of_reading(reading: Json, what: str) -> str:
    if reading["invalid"]:
        return INVALID
    stretch = reading["stretch"]
    doubt = bool(reading["suspect"])
    if stretch is not None and what in WAITED:
        if what != "CPU":
            busy = generator_share(stretch)
            if busy > BUSY:
                return INVALID
            doubt = doubt or busy > NEAR
        doubt = doubt or waited(stretch) > WAITED[what]
    doubt = doubt or (what == "time" and reading["late_ms"] > LATE_MS)
    return SUSPECT if doubt else VALID


def of_readings(readings: Sequence[Json], what: str) -> str:
    return of_repeats([of_reading(each, what) for each in readings])


def of_pairs(pairs: Sequence[tuple[Json, Json]], what: str) -> str:
    """Of readings that took turns: a pair is as good as the worse of the two."""
    order = (VALID, SUSPECT, INVALID)
    return of_repeats([max((of_reading(each, what) for each in pair), key=order.index) for pair in pairs])


def of_repeats(judged: Sequence[str]) -> str:
    """As at least half of them are."""
    if judged and 2 * judged.count(INVALID) >= len(judged):
        return INVALID
    if judged and 2 * (len(judged) - judged.count(VALID)) >= len(judged):
        return SUSPECT
    return VALID


def of_broadcasts(series: Json) -> str:
    """The repeats of a series of broadcasts; missing receipts are a doubt, too."""
    judged, first, lossy = [], 0, False
    for stretch, number in zip(series["stretches"], series["repeats"], strict=True):
        own = slice(first, first + number)
        first += number
        late = max(series["late_ms"][own], default=0.0)
        ledgers = series["ledgers"][own]
        lost = any(each["expected"] != each["received"] or each["twice"] for each in ledgers)
        busy = generator_share(stretch)
        if busy > BUSY:
            judged.append(INVALID)
            continue
        lossy = lossy or lost
        server = share_waited(stretch["server_wait_s"], stretch["server_cpu_s"])
        doubt = busy > NEAR or late > LATE_MS or server > WAITED["time"] or lost
        judged.append(SUSPECT if doubt else VALID)
    found = of_repeats(judged)
    return SUSPECT if found == VALID and lossy else found


def of_group(group: Json) -> str:
    """Bytes of a group: no connection lost, and the kernel counted the same of every socket that it counted."""
    clients = group["clients"]
    counted = [each for each in clients if each["kernel_sent_bytes"] is not None]
    differ = any(
        (each["kernel_sent_bytes"], each["kernel_received_bytes"])
        != (each["framed_up_bytes"], each["framed_down_bytes"])
        for each in counted
    )
    if group["unexpected_losses"] or differ:
        return INVALID
    return VALID if len(counted) == len(clients) else SUSPECT


def generator_share(stretch: Json) -> float:
    whole = stretch["generator_cpu_s"] / stretch["wall_s"] if stretch["wall_s"] else 0.0
    busy = stretch["busy_generator_cpu_s"] / stretch["busy_wall_s"] if stretch["busy_wall_s"] else 0.0
    return max(float(whole), float(busy))


def waited(stretch: Json) -> float:
    return max(
        share_waited(stretch["server_wait_s"], stretch["server_cpu_s"]),
        share_waited(stretch["generator_wait_s"], stretch["generator_cpu_s"]),
    )


def share_waited(wait_s: float, cpu_s: float) -> float:
    return wait_s / (wait_s + cpu_s) if wait_s + cpu_s else 0.0
