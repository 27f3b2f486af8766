"""Quantities of bytes: what the clients of each way counted, and how large messages and handshakes are."""

from __future__ import annotations

from collections.abc import Callable

from bench.audit import validity
from bench.audit.arithmetic import mean
from bench.audit.plain_json import Json
from bench.audit.raw import NotInRun, Raw
from bench.audit.value import Value

FRAME_LIMIT = 125
"""Payload bytes up to which a WebSocket frame's header has two bytes; four up to 65,535 (RFC 6455 section 5.2)."""
MASK_BYTES = 4
HEADER_BYTES = 52
"""IPv4 and TCP with timestamps, on each packet."""


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


SHAKEN = {"handshake": "handshake_message_bytes", "handshake_accepted": "accepted_message_bytes"}
"""A message of ``sizes``, and where a connection has its bytes."""


def _connect(raw: Raw, of: Json) -> Value:
    """``take``: request, response, handshake or accepted, or the whole, of the connection with the median whole; of
    clients without features, whose messages are those of ``sizes``."""
    traffic = raw.scenario("bandwidth")["traffic"]
    connects = traffic["connects"]
    if not connects:
        raise NotInRun("no connection was counted")
    sizes = {name: {each["message_bytes"] for each in traffic["sizes"] if each["name"] == name} for name in SHAKEN}
    own = [each for each in connects if all(each[field] in sizes[name] for name, field in SHAKEN.items())]
    connects = own or connects

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


def _kernel(raw: Raw, of: Json) -> Value:
    """Framed bytes of the clients of a way whose sockets the kernel counted; ``take``: framed (our count) or kernel."""
    clients = [c for group in raw.groups() if group["kind"] == of["way"] for c in group["clients"]]
    both = [c for c in clients if c["kernel_sent_bytes"] is not None]
    ours = sum(c["framed_up_bytes"] + c["framed_down_bytes"] for c in both)
    theirs = sum(c["kernel_sent_bytes"] + c["kernel_received_bytes"] for c in both)
    return Value(ours if of["take"] == "framed" else theirs, "B", f"{len(both)} clients of {of['way']}")


def pushing(raw: Raw) -> list[Json]:
    return [group for group in raw.groups() if group["kind"] == "push"] if raw.has("bandwidth") else []


def _idle(raw: Raw, of: Json) -> Value:
    """``take``: events at idle push clients, or how many clients those are."""
    groups = [group for group in pushing(raw) if not group["changes_per_s"]]
    clients = [client for group in groups for client in group["clients"]]
    value = len(clients) if of["take"] == "clients" else sum(client["events"] for client in clients)
    return Value(value, "", f"{len(groups)} groups of idle push clients")


TRAFFIC: dict[str, Callable[[Raw, Json], Value]] = {
    "minute": _minute,
    "hour": _hour,
    "rate": _rate,
    "message": _longest,
    "connect": _connect,
    "shortest list": _shortest_list,
    "shortest rooms": _shortest_rooms,
    "kernel": _kernel,
    "idle": _idle,
}
