"""Runs of schema 2 in today's form. Three scenarios had results of their own shape, and measures had other names.

Nothing is lost and nothing is judged: what was sampled becomes series, and readings are made of them by the same code
that writes them today (`bench.record.book`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from bench import measures
from bench.measures import Measure
from bench.record.book import Book, Told
from bench.record.findings import Findings, Ledger, Stretch, Swarm, Where
from bench.record.profiles.profile import Profile
from bench.record.run import Machine, Run
from bench.record.samples import Samples
from bench.record.traffic import Connect, MessageSize, Traffic, TrafficGroup
from bench.record.vocabulary import (
    ANNOUNCEMENT,
    CHANGE_ANSWERED,
    FETCHED_ANNOUNCEMENT,
    FRESH_LIST,
    LOST_BY_CODE,
    POLLED_AGE,
    STATUS,
)

SCHEMA = 2

_RENAMED: dict[str, Measure] = {
    "server CPU a recipient": measures.CPU_PER_RECIPIENT,
    "server CPU of making a room": measures.CPU_OF_A_ROOM,
    "until everybody had it": measures.UNTIL_ALL,
    "server CPU an event and recipient": measures.CPU_PER_EVENT,
    "server CPU an upgrade": measures.CPU_PER_UPGRADE,
    "server CPU a connection: upgrade, handshake, first broadcasts": measures.CPU_PER_CONNECTION,
    "user_offline that a client heard": measures.FALSE_OFFLINE,
    "failed attempts a client": measures.FAILED_ATTEMPTS,
    "server CPU a client that flapped": measures.CPU_PER_FLAP,
    "server CPU a request": measures.CPU_PER_REQUEST,
    "resident memory an idle connection": measures.RSS_PER_CONNECTION,
    "kernel structures a socket": measures.SLAB_PER_SOCKET,
    "server CPU a client-hour": measures.CPU_PER_CLIENT_HOUR,
    "bytes a client-hour, with TCP/IP (model)": measures.BYTES_PER_CLIENT_HOUR,
    "requests a client-hour": measures.REQUESTS_PER_CLIENT_HOUR,
    "events a client-hour": measures.EVENTS_PER_CLIENT_HOUR,
    "server CPU a player-hour": measures.CPU_PER_PLAYER_HOUR,
    "KiB a player-hour, with TCP/IP (model)": measures.KIB_PER_PLAYER_HOUR,
    "requests and heartbeats a player-hour": measures.REQUESTS_PER_PLAYER_HOUR,
    "events a player-hour": measures.EVENTS_PER_PLAYER_HOUR,
    "staleness p99, 20 changes a second": measures.STALENESS_UNDER_CHANGES,
    **{f"server CPU a client back and fresh, {stop}": each for stop, each in measures.CPU_PER_RETURN.items()},
}

RETIRED = frozenset({("requests", "1/s")})
"""Name and unit of measures that no scenario has today; a run from before keeps them under the name they had."""


def name_today(name: str) -> str:
    """What a measure of schema 2 is called today."""
    known = _RENAMED.get(name)
    return known.name if known is not None else name


class _Broadcast(msgspec.Struct, kw_only=True):
    """One change and what came of it; `lost`, `twice` and `disordered` are of the announcement."""

    late_us: int
    answered_us: int | None = None
    expected: int
    lost: int
    twice: int
    lost_by: dict[str, int] = msgspec.field(default_factory=dict)
    disordered: int = 0
    received: Samples
    fresh: Samples | None = None


class _Phase(msgspec.Struct, kw_only=True):
    interval_s: float
    broadcasts: list[_Broadcast]
    load: Stretch


class _Point(msgspec.Struct, kw_only=True):
    clients: int
    connect_s: float
    notify: _Phase
    refetch: _Phase
    presence: _Phase
    polled: Samples
    polled_expected: int
    list_bytes: int


class _Rate(msgspec.Struct, kw_only=True):
    clients: int
    changes_per_s: float
    phase: _Phase


class _Broadcasts(msgspec.Struct, kw_only=True):
    flags: list[str]
    points: list[_Point]
    rates: list[_Rate] = msgspec.field(default_factory=list)
    unexpected_losses: dict[str, int]


class _Bandwidth(msgspec.Struct, kw_only=True):
    flags: list[str]
    groups: list[TrafficGroup]
    sizes: list[MessageSize]
    connects: list[Connect]
    polling_request: str
    etag_request: str
    wire_note: str = ""
    load: Stretch


class _Swarm(msgspec.Struct, kw_only=True):
    flags: list[str]
    command: list[str]
    exit_code: int | None
    swarm: dict[str, Any]
    load: Stretch


class _Run(msgspec.Struct, kw_only=True):
    started_at: str
    duration_s: float
    arguments: list[str]
    seed: int
    commit: str
    dirty: bool
    machine: Machine
    versions: dict[str, str]
    profile: Profile
    broadcast: _Broadcasts | None = None
    bandwidth: _Bandwidth | None = None
    swarm: _Swarm | None = None
    findings: list[Findings] = msgspec.field(default_factory=list)
    failures: dict[str, str] = msgspec.field(default_factory=dict)
    is_whole: bool = True


def lift(text: bytes) -> Run:
    """Raises `msgspec.MsgspecError` for what is no run of schema 2."""
    old = msgspec.json.decode(text, type=_Run)
    found = [
        *([_broadcast(old.broadcast)] if old.broadcast is not None else []),
        *([_bandwidth(old.bandwidth, old.profile)] if old.bandwidth is not None else []),
        *([_swarm(old.swarm, old.profile)] if old.swarm is not None else []),
        *(_findings(each) for each in old.findings),
    ]
    return Run(
        started_at=old.started_at,
        duration_s=old.duration_s,
        arguments=old.arguments,
        seed=old.seed,
        commit=old.commit,
        dirty=old.dirty,
        machine=old.machine,
        versions=old.versions,
        profile=old.profile,
        findings=found,
        failures=old.failures,
        is_whole=old.is_whole,
    )


def _findings(old: Findings) -> Findings:
    return replace(old, measures=[replace(each, name=name_today(each.name)) for each in old.measures])


def _broadcast(old: _Broadcasts) -> Findings:
    book = Book()
    for point in old.points:
        where = Where(point.clients)
        book.add(measures.TIME_TO_CONNECT, point.connect_s, clients=point.clients)
        book.add(measures.LIST_BYTES, point.list_bytes, clients=point.clients)
        _phase(book, ANNOUNCEMENT, point.notify, where)
        _phase(book, FETCHED_ANNOUNCEMENT, point.refetch, where)
        _phase(book, FRESH_LIST, point.refetch, where, fresh=True)
        _phase(book, STATUS, point.presence, where)
        seen = Ledger(expected=point.polled_expected, received=len(point.polled))
        book.add_series(POLLED_AGE, point.polled.values_ms() / 1e3, where, ledger=seen)
        _answers(book, [*point.notify.broadcasts, *point.refetch.broadcasts], where)
    for rate in old.rates:
        where = Where(rate.clients, 0, rate.changes_per_s)
        _phase(book, ANNOUNCEMENT, rate.phase, where)
        _answers(book, rate.phase.broadcasts, where)
    for code, number in old.unexpected_losses.items():
        book.add_to_fact(f"{LOST_BY_CODE}{code}", number)
    return book.result("broadcast", old.flags)


def _phase(book: Book, name: str, phase: _Phase, where: Where, *, fresh: bool = False) -> None:
    told = []
    for each in phase.broadcasts:
        samples = each.fresh if fresh else each.received
        if samples is None:
            continue
        ledger = Ledger(
            expected=each.expected, received=len(samples), lost=each.lost_by, twice=each.twice,
            disordered=each.disordered,
        )  # fmt: skip
        told.append(Told(samples, ledger, each.late_us / 1e3))
    book.add_broadcasts(name, told, where, stretch=phase.load, interval_s=phase.interval_s)


def _answers(book: Book, broadcasts: Sequence[_Broadcast], where: Where) -> None:
    answered_s = [each.answered_us / 1e6 for each in broadcasts if each.answered_us is not None]
    if answered_s:
        book.add_series(CHANGE_ANSWERED, answered_s, where)


def _bandwidth(old: _Bandwidth, profile: Profile) -> Findings:
    book = Book()
    book.stretch = old.load
    traffic = Traffic(
        groups=old.groups, sizes=old.sizes, connects=old.connects, polling_request=old.polling_request,
        etag_request=old.etag_request, wire_note=old.wire_note,
    )  # fmt: skip
    book.add_traffic(traffic, window_s=profile.bandwidth.window_s)
    return book.result("bandwidth", old.flags)


def _swarm(old: _Swarm, profile: Profile) -> Findings:
    book = Book()
    swarm = Swarm(command=old.command, exit_code=old.exit_code, document=old.swarm)
    book.add_swarm(swarm, users=profile.swarm.users, stretch=old.load, in_one_window=profile.in_one_window)
    return book.result("swarm", old.flags)
