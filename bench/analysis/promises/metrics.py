"""The claims of the specification's section "Performance Metrics"."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analysis.derived.overview import Overview, traffic_of
from bench.analysis.derived.traffic import IdleCost, select
from bench.analysis.promises.promise import Promise, by_rooms, valid
from bench.analysis.sources import claim as claim_of
from bench.analysis.sources import cost_of_old, message, minute
from bench.analysis.verdicts import rule, rule_about, rule_at_most, rule_cost_of_old
from bench.citations import Quantity, cite, combined, number
from bench.record.run import Run
from bench.record.traffic import Connect, Traffic
from bench.record.wire import HEADER_BYTES, server_frame_bytes
from bench.words import a_few, in_bytes, in_digits, in_percent, size
from lobby_server.protocol.framing.frames import client_frame_bytes

SECTION = "Performance Metrics"

CLAIMED_REQUEST_BYTES = 500
CLAIMED_POLLING_BYTES_PER_MIN = 10_000
CLAIMED_PUSH_BYTES_PER_MIN = 100
CLAIMED_HEARTBEATS_PER_MIN = 2
CLAIMED_HANDSHAKE_BYTES = 200
CLAIMED_HEARTBEAT_BYTES = 50
CLAIMED_ROOM_UPDATE_BYTES = 30
CLAIMED_STATUS_BYTES = 60
CLAIMED_SAVINGS = 0.99

HANDSHAKE_PARTS = ("request", "response", "handshake", "accepted")


def rule_on_metrics(figures: Overview) -> list[Promise]:
    return [*_sizes(figures.run), *_bandwidth(figures)]


def _sizes(run: Run) -> list[Promise]:
    largest: dict[str, int] = {}
    traffic = traffic_of(run)
    for each in traffic.sizes if traffic is not None else []:
        largest[each.name] = max(largest.get(each.name, 0), each.message_bytes)
    return [
        _handshake(run),
        _size("Heartbeat (every 30s): ~50 bytes/message", CLAIMED_HEARTBEAT_BYTES, largest, up="ping", down="pong"),
        _size("Room update notification: ~30 bytes", CLAIMED_ROOM_UPDATE_BYTES, largest, down="rooms_changed"),
        _size("User status notification: ~60 bytes", CLAIMED_STATUS_BYTES, largest, down="user_online"),
    ]


def _size(claim: str, claimed: int, largest: dict[str, int], *, down: str, up: str = "") -> Promise:
    """Judged by the frame of the largest that occurred; the wire's share is told beside it."""
    parts, framed, of = [], [], []
    for name, frame_bytes, headers in (
        (up, client_frame_bytes, HEADER_BYTES),
        (down, server_frame_bytes, 2 * HEADER_BYTES),
    ):
        if name in largest:
            framed.append(frame_bytes(largest[name]))
            layers = {"message": largest[name], "framed": framed[-1], "wire": framed[-1] + headers}
            told = {layer: cite(f"{value} B", message(name, layer, up=name == up)) for layer, value in layers.items()}
            of.append(message(name, "framed", up=name == up))
            parts.append(f"{name} {told['message']}, {told['framed']} framed, {told['wire']} with TCP/IP")
    return Promise(
        SECTION,
        f"“{claim}”",
        "; ".join(parts),
        rule_at_most(max(framed) if framed else None, claimed),
        "the message in its frame, at most a quarter above the claim",
        claim_of("at most", of, claimed),
    )


def _handshake(run: Run) -> Promise:
    traffic = traffic_of(run)
    connects = _own_connects(traffic) if traffic is not None else []
    measured, total = "", None
    if connects:
        one = sorted(connects, key=lambda each: sum(_handshake_parts(each)))[(len(connects) - 1) // 2]
        parts = _handshake_parts(one)  # of one client, so that the sum is that of its parts
        total = sum(parts)
        request, response, handshake, accepted = (
            cite(in_bytes(part), connect(take)) for part, take in zip(parts, HANDSHAKE_PARTS, strict=True)
        )
        measured = (
            f"{cite(in_bytes(total), connect('whole'))}: HTTP upgrade {request} + {response}, handshake with token "
            f"{handshake} and acceptance {accepted} in frames"
        )
    return Promise(
        SECTION,
        "“Initial handshake: ~200 bytes”",
        measured,
        rule_at_most(total, CLAIMED_HANDSHAKE_BYTES),
        "upgrade, handshake and acceptance, without TCP/IP, at most a quarter above the claim; of the median client of "
        "the specification's kind, which asks for no feature",
        claim_of("at most", [connect("whole")] if connects else [], CLAIMED_HANDSHAKE_BYTES),
    )


def _own_connects(traffic: Traffic) -> list[Connect]:
    """Of the specification's kind of client, whose messages alone are in `sizes`: whoever asks for features sends a
    longer handshake and gets a longer answer. All, where it has no handshakes."""
    told = {(each.name, each.message_bytes) for each in traffic.sizes}
    own = [
        each for each in traffic.connects
        if {("handshake", each.handshake_message_bytes), ("handshake_accepted", each.accepted_message_bytes)} <= told
    ]  # fmt: skip
    return own or traffic.connects


def connect(take: str) -> Quantity:
    """Of the client in the middle: ``whole``, or one of `HANDSHAKE_PARTS`."""
    return {"of": "connect", "take": take}


def _handshake_parts(one: Connect) -> tuple[int, int, int, int]:
    """Bytes of the upgrade's request and response, and of the two messages in their frames."""
    return (
        one.upgrade_request_bytes,
        one.upgrade_response_bytes,
        client_frame_bytes(one.handshake_message_bytes),
        server_frame_bytes(one.accepted_message_bytes),
    )


def _bandwidth(figures: Overview) -> list[Promise]:
    polling, etag, push = (valid(select(figures.idle, kind)) for kind in ("polling", "polling_etag", "push"))
    asking = [cost for cost in polling if cost.requests.mean]
    a_request = [cost.framed.mean / cost.requests.mean for cost in asking]
    a_minute = [cost.framed.mean for cost in polling]
    of_minute = [minute("polling", cost.rooms, "framed") for cost in polling]
    of_request = [
        combined("times", minute("polling", cost.rooms, "framed"), minute("polling", cost.rooms, "requests"), "B")
        for cost in asking
    ]
    of_push = [minute("push", cost.rooms, "framed") for cost in push]
    of_push_wire = [minute("push", cost.rooms, "wire") for cost in push]
    of_heartbeats = minute("push", push[0].rooms if push else 0, "requests")
    heartbeats = push[0].requests.mean if push else None
    push_bytes = max(cost.framed.mean for cost in push) if push else None
    return [
        Promise(
            SECTION,
            "Polling: “500 bytes/request”",
            by_rooms(asking, a_request, of_request) + _times(a_request, CLAIMED_REQUEST_BYTES, of_request),
            rule_cost_of_old(a_request, CLAIMED_REQUEST_BYTES),
            "request and answer with HTTP headers, within a quarter, at every length of the list; more than that "
            "understates the gain",
            cost_of_old(of_request, CLAIMED_REQUEST_BYTES),
        ),
        Promise(
            SECTION,
            "Polling: “10 KB/minute idle”",
            by_rooms(polling, a_minute, of_minute) + _times(a_minute, CLAIMED_POLLING_BYTES_PER_MIN, of_minute),
            rule_cost_of_old(a_minute, CLAIMED_POLLING_BYTES_PER_MIN),
            "with HTTP headers, within a quarter, at every length of the list; more than that understates the gain",
            cost_of_old(of_minute, CLAIMED_POLLING_BYTES_PER_MIN),
        ),
        Promise(
            SECTION,
            "Push: “2 pings/minute”",
            f"{cite(a_few(heartbeats), of_heartbeats)} per minute" if heartbeats is not None else "",
            rule_about(heartbeats, CLAIMED_HEARTBEATS_PER_MIN),
            "counted by each client; within a quarter",
            claim_of("about", [of_heartbeats] if push else [], CLAIMED_HEARTBEATS_PER_MIN),
        ),
        Promise(
            SECTION,
            "Push: “100 bytes/minute idle”",
            f"{cite(in_bytes(push_bytes), {'of': 'most of', 'values': of_push})} framed, "
            f"{cite(in_bytes(max(cost.wire.mean for cost in push)), {'of': 'most of', 'values': of_push_wire})} with "
            "TCP/IP"
            if push_bytes is not None
            else "",
            rule_at_most(push_bytes, CLAIMED_PUSH_BYTES_PER_MIN),
            "with frame headers and the answers to the pings, at most a quarter above the claim",
            claim_of("at most", of_push, CLAIMED_PUSH_BYTES_PER_MIN),
        ),
        _bandwidth_saved("", "polling", polling, push),
        _bandwidth_saved(
            " (against polling with ETag, which the specification does not consider)", "polling_etag", etag, push
        ),
    ]


def _bandwidth_saved(variant: str, way: str, polling: Sequence[IdleCost], push: Sequence[IdleCost]) -> Promise:
    by_rooms = {cost.rooms: cost for cost in push}
    pairs = [(cost, by_rooms[cost.rooms]) for cost in polling if cost.rooms in by_rooms]
    savings = [
        (cost.rooms, layer, 1 - pushed.layer(layer).mean / cost.layer(layer).mean)
        for cost, pushed in pairs
        for layer in ("framed", "wire")
        if cost.layer(layer).mean
    ]
    names = {"framed": "framed", "wire": "with TCP/IP"}

    def of_saved(rooms: int, layer: str) -> Quantity:
        return combined("saved", minute("push", rooms, layer), minute(way, rooms, layer))

    return Promise(
        SECTION,
        f"“99% bandwidth reduction during idle”{variant}",
        "; ".join(
            f"{cite(in_percent(saved), of_saved(rooms, layer))} {names[layer]}, {size(rooms)} rooms"
            for rooms, layer, saved in savings
        ),
        rule(all(saved >= CLAIMED_SAVINGS for _, _, saved in savings) if savings else None),
        "at least 99 % less, framed and with TCP/IP, at every length of the list",
        claim_of("at least", [of_saved(rooms, layer) for rooms, layer, _ in savings], CLAIMED_SAVINGS),
        is_variant=bool(variant),
    )


def _times(values: Sequence[float], claimed: float, of: Sequence[Quantity]) -> str:
    """By how much the claim is off, plainly."""
    factors = [
        cite(in_digits(value / claimed, 2), combined("times", quantity, number(claimed), "×"))
        for value, quantity in zip(values, of, strict=True)
    ]
    return f": {', '.join(factors)} times the claim" if factors else ""
