"""The claims of the specification's section "Performance Metrics"."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analysis.derived.overview import Overview, traffic_of
from bench.analysis.derived.traffic import IdleCost, select
from bench.analysis.promises.promise import Promise, by_rooms, valid
from bench.analysis.verdicts import judge, judge_about, judge_at_most, judge_cost_of_old
from bench.record.run import Run
from bench.record.traffic import Connect
from bench.record.wire import HEADER_BYTES, server_frame_bytes
from bench.words import a_few, in_bytes, in_digits, in_percent
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


def judge_metrics(figures: Overview) -> list[Promise]:
    return [*_sizes(figures.run), *_bandwidth(figures)]


def _sizes(run: Run) -> list[Promise]:
    largest: dict[str, int] = {}
    traffic = traffic_of(run)
    for size in traffic.sizes if traffic is not None else []:
        largest[size.name] = max(largest.get(size.name, 0), size.message_bytes)
    return [
        _handshake(run),
        _size("Heartbeat (every 30s): ~50 bytes/message", CLAIMED_HEARTBEAT_BYTES, largest, up="ping", down="pong"),
        _size("Room update notification: ~30 bytes", CLAIMED_ROOM_UPDATE_BYTES, largest, down="rooms_changed"),
        _size("User status notification: ~60 bytes", CLAIMED_STATUS_BYTES, largest, down="user_online"),
    ]


def _size(claim: str, claimed: int, largest: dict[str, int], *, down: str, up: str = "") -> Promise:
    """Judged by the frame of the largest that occurred; the wire's share is told beside it."""
    parts, framed = [], []
    for name, frame_bytes, headers in (
        (up, client_frame_bytes, HEADER_BYTES),
        (down, server_frame_bytes, 2 * HEADER_BYTES),
    ):
        if name in largest:
            framed.append(frame_bytes(largest[name]))
            parts.append(f"{name} {largest[name]} B, {framed[-1]} B framed, {framed[-1] + headers} B with TCP/IP")
    return Promise(
        SECTION,
        f"“{claim}”",
        "; ".join(parts),
        judge_at_most(max(framed) if framed else None, claimed),
        "the message in its frame, at most a quarter above the claim",
    )


def _handshake(run: Run) -> Promise:
    traffic = traffic_of(run)
    connects = traffic.connects if traffic is not None else []
    measured, total = "", None
    if connects:
        one = sorted(connects, key=lambda each: sum(_handshake_parts(each)))[(len(connects) - 1) // 2]
        parts = _handshake_parts(one)  # of one client, so that the sum is that of its parts
        total = sum(parts)
        request, response, handshake, accepted = (in_bytes(part) for part in parts)
        measured = (
            f"{in_bytes(total)}: HTTP upgrade {request} + {response}, handshake with token {handshake} and acceptance "
            f"{accepted} in frames"
        )
    return Promise(
        SECTION,
        "“Initial handshake: ~200 bytes”",
        measured,
        judge_at_most(total, CLAIMED_HANDSHAKE_BYTES),
        "upgrade, handshake and acceptance, without TCP/IP, at most a quarter above the claim; of the median client",
    )


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
    a_request = [cost.framed.mean / cost.requests.mean for cost in polling if cost.requests.mean]
    a_minute = [cost.framed.mean for cost in polling]
    heartbeats = push[0].requests.mean if push else None
    push_bytes = max(cost.framed.mean for cost in push) if push else None
    return [
        Promise(
            SECTION,
            "Polling: “500 bytes/request”",
            by_rooms(polling, a_request) + _times(a_request, CLAIMED_REQUEST_BYTES),
            judge_cost_of_old(a_request, CLAIMED_REQUEST_BYTES),
            "request and answer with HTTP headers, within a quarter, at every length of the list; more than that "
            "understates the gain",
        ),
        Promise(
            SECTION,
            "Polling: “10 KB/minute idle”",
            by_rooms(polling, a_minute) + _times(a_minute, CLAIMED_POLLING_BYTES_PER_MIN),
            judge_cost_of_old(a_minute, CLAIMED_POLLING_BYTES_PER_MIN),
            "with HTTP headers, within a quarter, at every length of the list; more than that understates the gain",
        ),
        Promise(
            SECTION,
            "Push: “2 pings/minute”",
            f"{a_few(heartbeats)} per minute" if heartbeats is not None else "",
            judge_about(heartbeats, CLAIMED_HEARTBEATS_PER_MIN),
            "counted by each client; within a quarter",
        ),
        Promise(
            SECTION,
            "Push: “100 bytes/minute idle”",
            f"{in_bytes(push_bytes)} framed, {in_bytes(max(cost.wire.mean for cost in push))} with TCP/IP"
            if push_bytes is not None
            else "",
            judge_at_most(push_bytes, CLAIMED_PUSH_BYTES_PER_MIN),
            "with frame headers and the answers to the pings, at most a quarter above the claim",
        ),
        _bandwidth_saved("", polling, push),
        _bandwidth_saved(" (against polling with ETag, which the specification does not consider)", etag, push),
    ]


def _bandwidth_saved(variant: str, polling: Sequence[IdleCost], push: Sequence[IdleCost]) -> Promise:
    by_rooms = {cost.rooms: cost for cost in push}
    pairs = [(cost, by_rooms[cost.rooms]) for cost in polling if cost.rooms in by_rooms]
    savings = [
        (cost.rooms, layer, 1 - pushed.layer(layer).mean / cost.layer(layer).mean)
        for cost, pushed in pairs
        for layer in ("framed", "wire")
        if cost.layer(layer).mean
    ]
    names = {"framed": "framed", "wire": "with TCP/IP"}
    return Promise(
        SECTION,
        f"“99% bandwidth reduction during idle”{variant}",
        "; ".join(f"{in_percent(saved)} {names[layer]}, {rooms} rooms" for rooms, layer, saved in savings),
        judge(all(saved >= CLAIMED_SAVINGS for _, _, saved in savings) if savings else None),
        "at least 99 % less, framed and with TCP/IP, at every length of the list",
        is_variant=bool(variant),
    )


def _times(values: Sequence[float], claimed: float) -> str:
    """By how much the claim is off, plainly."""
    factors = [value / claimed for value in values]
    return f": {', '.join(in_digits(factor, 2) for factor in factors)} times the claim" if factors else ""
