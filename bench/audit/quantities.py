"""Every kind of quantity that a report cites, computed from the raw readings. The kinds are stated in docs/lab.md."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.audit import validity
from bench.audit.arithmetic import apart, mean, median, nearest_rank, ratio
from bench.audit.plain_json import Json
from bench.audit.printed import UNITS
from bench.audit.raw import NotInRun, Raw, all_milliseconds, milliseconds

FRAME_LIMIT = 125
"""Payload bytes up to which a WebSocket frame's header has two bytes; four up to 65,535 (RFC 6455 section 5.2)."""
MASK_BYTES = 4
HEADER_BYTES = 52
"""IPv4 and TCP with timestamps, on each packet."""
FIXED_POLICY = "fixed 5 s"
AGAIN = "lobby again"
HEARTBEAT_S = 30
HEARTBEAT_BYTES = 31 + 45 + 3 * HEADER_BYTES
"""A ping of 25 bytes and a pong of 43 in their frames, three packets."""
COLD = "first broadcast of a fresh server"
MEMORY = {"KiB": "memory", "MiB": "memory"}
ONE_SIDE = 0.025
SWARM_IS_INVALID = "INVALID"
"""A level of the swarm's own document."""


@dataclass(frozen=True)
class Value:
    value: float
    unit: str
    of: str
    """The raw readings it is from, for a reader."""

    @property
    def base(self) -> float:
        """In seconds, bytes or a plain number, so that two can be held against each other."""
        return self.value * UNITS.get(self.unit, ("", 1.0))[1]


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
    """The median, least or most of the ratios of readings with the same number in the order of the repeats."""
    own, other = (raw.readings({**of, "party": party}) for party in (of["party"], of["over"]))
    ratios = [a["value"] / b["value"] for a, b in zip(own, other, strict=False) if b["value"]]
    how: dict[str, Callable[[list[float]], float]] = {"median": median, "least": min, "most": max, "n": len}
    return Value(how[of["take"]](ratios), "×", f"pairs of {of['name']}: {[round(each, 4) for each in ratios]}")


def _spent(raw: Raw, of: Json) -> Value:
    """What a scenario's stretch came to; ``take``: a field in s, told in ms or s, or a share of its wall time."""
    stretch = raw.scenario(of["scenario"]).get("stretch")
    if stretch is None:
        raise NotInRun(f"no stretch of {of['scenario']}")
    value = float(stretch[of["take"]])
    if of.get("share"):
        return Value(ratio(value, stretch["wall_s"]), "share", f"{of['scenario']}.stretch")
    return Value(value, "s", f"{of['scenario']}.stretch.{of['take']}")


# Broadcasts


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
        return Value(nearest_rank(lasts_ms(series), 50), "ms", f"median last client of {source}")
    if take == "slowest":
        return Value(max(lasts_ms(series), default=math.nan), "ms", f"the slowest of {source}")
    return Value(nearest_rank(all_milliseconds(series), int(take[1:])), "ms", f"all receipts of {source}")


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


# Bytes


def counted(group: Json, layer: str) -> list[int]:
    """A layer at each client of a group; up and down together."""
    sums: dict[str, Callable[[Json], int]] = {
        "requests": lambda c: c["requests"],
        "events": lambda c: c["events"],
        "message": lambda c: c["message_bytes"],
        "framed": lambda c: c["framed_up_bytes"] + c["framed_down_bytes"],
        "wire": lambda c: c["wire_bytes"],
        "headers": lambda c: c["header_bytes"],
        "payload": lambda c: c["payload_bytes"],
    }
    return [sums[layer](client) for client in group["clients"]]


def _minute(raw: Raw, of: Json) -> Value:
    """Of one idle client, by the clock that a shortened run stands for: the mean of the group."""
    group = raw.group(of["way"], of["rooms"], 0.0)
    seconds = raw.setting("bandwidth.window_s") * raw.setting("bandwidth.time_scale")
    values = counted(group, of["layer"])
    unit = "" if of["layer"] in ("requests", "events") else "B"
    return Value(mean(values) * 60 / seconds, unit, f"{of['layer']} of {len(values)} clients in {seconds:g} s")


def hourly(raw: Raw, group: Json, layer: str) -> float:
    """Per client-hour. ``whole``: by the counters of the group's link, or by the model where it has none."""
    if layer == "whole":
        total = group["wire"]["ip_bytes"] if group["wire"] is not None else sum(counted(group, "wire"))
    else:
        total = sum(counted(group, layer))
    per_hour: float = total * 3600 / raw.setting("bandwidth.window_s") / max(1, len(group["clients"]))
    return per_hour


def _hour(raw: Raw, of: Json) -> Value:
    group = raw.group(of["way"], of["rooms"], of["changes_per_s"])
    unit = "" if of["layer"] in ("requests", "events") else "B"
    source = f"{of['layer']} of {len(group['clients'])} clients, {of['way']}, {group['changes']} changes"
    return Value(hourly(raw, group, of["layer"]), unit, source)


def _rate(raw: Raw, of: Json) -> Value:
    """Changes in the window over the window."""
    group = raw.group(of["way"], of["rooms"], of["changes_per_s"])
    return Value(group["changes"] / raw.setting("bandwidth.window_s"), "", f"{group['changes']} changes in the window")


def _longest(raw: Raw, of: Json) -> Value:
    """What the largest message of a name is, as a message, in its frame, or with TCP/IP."""
    sizes = [
        each["message_bytes"] for each in raw.scenario("bandwidth")["traffic"]["sizes"] if each["name"] == of["name"]
    ]
    if not sizes:
        raise NotInRun(f"no message {of['name']}")
    message = max(sizes)
    framed = frame(message, masked=of["up"])
    headers = HEADER_BYTES if of["up"] else 2 * HEADER_BYTES
    value = {"message": message, "framed": framed, "wire": framed + headers}[of["take"]]
    return Value(value, "B", f"{of['name']}, {message} B")


def frame(payload: int, *, masked: bool) -> int:
    """The size of a WebSocket frame."""
    header = 2 if payload <= FRAME_LIMIT else 4 if payload < 65_536 else 10
    return payload + header + (MASK_BYTES if masked else 0)


def _connect(raw: Raw, of: Json) -> Value:
    """``take``: request, response, handshake or accepted, or the whole, of the connection with the median whole."""
    connects = raw.scenario("bandwidth")["traffic"]["connects"]
    if not connects:
        raise NotInRun("no connection was counted")

    def parts(each: Json) -> dict[str, int]:
        found = {
            "request": each["upgrade_request_bytes"],
            "response": each["upgrade_response_bytes"],
            "handshake": frame(each["handshake_message_bytes"], masked=True),
            "accepted": frame(each["accepted_message_bytes"], masked=False),
        }
        return {**found, "whole": sum(found.values())}

    ascending = sorted(map(parts, connects), key=lambda each: each["whole"])
    middle = ascending[(len(ascending) - 1) // 2]
    return Value(middle[of["take"]], "B", f"the median of {len(ascending)} connections")


def _shortest_list(raw: Raw, of: Json) -> Value:
    return Value(min(group["list_bytes"] for group in raw.groups()), "B", "list_bytes of the groups")


def _shortest_rooms(raw: Raw, of: Json) -> Value:
    rooms = [group["rooms"] for group in raw.groups() if validity.of_group(group) != validity.INVALID]
    return Value(min(rooms), "", "rooms of the groups")


# Connections


def pushing(raw: Raw) -> list[Json]:
    return [group for group in raw.groups() if group["kind"] == "push"] if raw.has("bandwidth") else []


def _idle(raw: Raw, of: Json) -> Value:
    """``take``: events at idle push clients, or how many clients those are."""
    groups = [group for group in pushing(raw) if not group["changes_per_s"]]
    clients = [client for group in groups for client in group["clients"]]
    value = len(clients) if of["take"] == "clients" else sum(client["events"] for client in clients)
    return Value(value, "", f"{len(groups)} groups of idle push clients")


def _connections(raw: Raw, of: Json) -> Value:
    """``take``: held (the largest size of broadcasts, and push clients), lost (unasked), or idle lost (push alone)."""
    idle_lost = sum(group["unexpected_losses"] for group in pushing(raw))
    if of["take"] == "idle lost":
        return Value(idle_lost, "", "unexpected losses of push clients")
    held, dropped = sum(len(group["clients"]) for group in pushing(raw)), float(idle_lost)
    if raw.has("broadcast"):
        held += max((each["clients"] for each in alone(raw, "announcement")), default=0)
        facts = raw.scenario("broadcast")["facts"]
        dropped += sum(value for name, value in facts.items() if name.startswith("connections lost unasked"))
    return Value(held if of["take"] == "held" else round(dropped), "", "broadcast and push clients")


def _returns(raw: Raw, of: Json) -> Value:
    """Clients with the fixed retry after a restart; ``take``: back, expected, or the last's wait."""
    waits, expected = [], 0
    for series in raw.series("reconnect", "back and fresh"):
        if not series["party"].startswith(FIXED_POLICY):
            continue
        expected += series["clients"] * len(series["groups"])
        up = raw.readings({**series, "scenario": "reconnect", "name": "server accepts again"})
        for group, listening in zip(series["groups"], up, strict=False):
            waits += [max(0.0, at / 1000 - listening["value"]) for at in milliseconds(group)]
    value = {"back": len(waits), "expected": expected, "last": max(waits, default=math.nan)}[of["take"]]
    return Value(value, "s" if of["take"] == "last" else "", "back and fresh, less when the server accepts again")


def _flapped(raw: Raw, of: Json) -> Value:
    share = raw.setting("returns.flap_share") * raw.setting("returns.flapping")
    return Value(round(share), "", "profile.returns: flap_share × flapping")


# The whole run


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
        ratios = [a["value"] / b["value"] for a, b in zip(again, each["readings"], strict=False) if b["value"]]
        if len(ratios) > 1:
            low, high = bounds_of_median(ratios)
            floor = max(apart(low), apart(high))
            if floor >= furthest:
                furthest, source = floor, f"A/A of {each['name']}: {[round(ratio, 4) for ratio in ratios]}"
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


def _swarm(raw: Raw, of: Json) -> Value:
    """A path in the swarm's own document, or the sum of a field over the rows of a list."""
    swarm = raw.scenario("swarm").get("swarm")
    if swarm is None:
        raise NotInRun("no swarm")
    found: Any = swarm["document"]
    for part in of["path"].split("."):
        found = [row[part] for row in found] if isinstance(found, list) else found[part]
    value = math.fsum(found) if isinstance(found, list) else float(found)
    return Value(value, of.get("unit", ""), f"swarm.{of['path']}")


def swarm_document(raw: Raw) -> Json:
    """The swarm's own document; empty where it did not run, or calls itself invalid."""
    swarm = raw.scenario("swarm").get("swarm") if raw.has("swarm") else None
    document: Json = swarm["document"] if swarm is not None else {}
    return document if document.get("validity", {}).get("level") != SWARM_IS_INVALID else {}


def happened(raw: Raw, name: str, among: str = "events") -> int:
    """A total of the swarm; what the lab did while it played stands in the facts of the scenario."""
    document = swarm_document(raw)
    totals = dict(document.get(among, {}))
    facts = raw.scenario("swarm")["facts"] if raw.has("swarm") and among == "events" else {}
    return round(float({**facts, **totals}.get(name, 0)))


def _swarm_event(raw: Raw, of: Json) -> Value:
    return Value(happened(raw, of["name"], of["among"]), "", f"swarm.{of['among']}.{of['name']}")


def _swarm_metric(raw: Raw, of: Json) -> Value:
    for each in swarm_document(raw).get("metrics", []):
        if each["name"] == of["name"]:
            return Value(each[of["take"]], "ms", f"swarm.metrics.{of['name']}")
    raise NotInRun(f"no metric {of['name']} of the swarm")


def to_hear(raw: Raw, of: Json) -> tuple[int, int]:
    """Who should have heard of what players did and did not, and how many were due to."""
    account = swarm_document(raw).get("ledger", {}).get(of["ledger"], {}) if of["ledger"] else {}
    missing = max(0, happened(raw, of["sent"]) - happened(raw, of["received"])) if of["personal"] else 0
    return round(account.get("lost", 0)) + missing, round(account.get("expected", 0))


def _to_hear(raw: Raw, of: Json) -> Value:
    lost_there, due = to_hear(raw, of)
    return Value(due if of["take"] == "due" else lost_there, "", f"swarm.ledger.{of['ledger']}")


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


def _kernel(raw: Raw, of: Json) -> Value:
    """Framed bytes of the clients of a way whose sockets the kernel counted; ``take``: framed (our count) or kernel."""
    clients = [c for group in raw.groups() if group["kind"] == of["way"] for c in group["clients"]]
    both = [c for c in clients if c["kernel_sent_bytes"] is not None]
    ours = sum(c["framed_up_bytes"] + c["framed_down_bytes"] for c in both)
    theirs = sum(c["kernel_sent_bytes"] + c["kernel_received_bytes"] for c in both)
    return Value(ours if of["take"] == "framed" else theirs, "B", f"{len(both)} clients of {of['way']}")


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
    "number": _number,
    "setting": _setting,
    "readings": _readings,
    "paired": _paired,
    "spent": _spent,
    "broadcasts": _broadcasts,
    "receipts": _receipts,
    "polled": _polled,
    "minute": _minute,
    "hour": _hour,
    "rate": _rate,
    "message": _longest,
    "connect": _connect,
    "shortest list": _shortest_list,
    "shortest rooms": _shortest_rooms,
    "swarm event": _swarm_event,
    "swarm metric": _swarm_metric,
    "of those to hear": _to_hear,
    "idle": _idle,
    "connections": _connections,
    "returns": _returns,
    "flapped": _flapped,
    "points": _points,
    "floor": _floor,
    "swarm": _swarm,
    "saved": _saved,
    "times": _times,
    "product": _product,
    "at rate": _at_rate,
    "kernel": _kernel,
    "furthest": _furthest,
    "fetched": _fetched,
    "bound": _bound,
    "least of": _least_of,
    "most of": _least_of,
}
