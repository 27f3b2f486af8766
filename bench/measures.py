"""Every measure of the lab, once: name, unit, kind and direction.

Scenarios write readings of these, figures and goals are found by them, and two runs are compared by what is said of
them here. A name is what a reader sees and what ``run.json`` keeps; with its unit it is unique. A measure that this lab
does not know (of a swarm, or of a later lab) is judged by its unit (`measure_of`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType


class Kind(str, Enum):
    """What a measure is: it decides what can spoil a reading, and which noise floor a difference is held against."""

    TIME = "time"
    CPU = "CPU"
    BYTES = "bytes"
    MEMORY = "memory"
    RATE = "rate"
    HARM = "harm"
    """A count of what should not happen: lost clients, wrong lists, false events."""
    SHARE = "share"
    """A part of a whole, or a ratio of two."""
    COUNT = "count"


class Direction(str, Enum):
    """What is good about a measure."""

    LESS = "less is better"
    MORE = "more is better"
    NEITHER = "neither is better"


_DIRECTIONS = {
    Kind.TIME: Direction.LESS, Kind.CPU: Direction.LESS, Kind.BYTES: Direction.LESS, Kind.MEMORY: Direction.LESS,
    Kind.HARM: Direction.LESS, Kind.RATE: Direction.MORE, Kind.SHARE: Direction.NEITHER, Kind.COUNT: Direction.NEITHER,
}  # fmt: skip
_KINDS_BY_UNIT = {
    "ms": Kind.TIME, "s": Kind.TIME, "µs": Kind.TIME,
    "B": Kind.BYTES, "KB": Kind.BYTES, "MB": Kind.BYTES,
    "KiB": Kind.MEMORY, "MiB": Kind.MEMORY, "1/s": Kind.RATE,
}  # fmt: skip


@dataclass(frozen=True)
class Measure:
    """One of them."""

    name: str
    unit: str
    """Empty for a plain number."""
    kind: Kind
    direction: Direction

    def __str__(self) -> str:
        return self.name


def measure_of(name: str, unit: str) -> Measure:
    """The measure with this name and unit; for one that is not known here, what its unit tells about it."""
    known = MEASURES.get((name, unit))
    return known if known is not None else _measure(name, unit, _KINDS_BY_UNIT.get(unit, Kind.COUNT))


def _measure(name: str, unit: str, kind: Kind, direction: Direction | None = None) -> Measure:
    return Measure(name, unit, kind, direction if direction is not None else _DIRECTIONS[kind])


def _time(name: str, unit: str) -> Measure:
    return _measure(name, unit, Kind.TIME)


def _cpu(name: str, unit: str) -> Measure:
    return _measure(name, unit, Kind.CPU)


def _memory(name: str, unit: str) -> Measure:
    return _measure(name, unit, Kind.MEMORY)


def _harm(name: str) -> Measure:
    return _measure(name, "", Kind.HARM)


def _count(name: str) -> Measure:
    return _measure(name, "", Kind.COUNT)


def _good_share(name: str) -> Measure:
    return _measure(name, "%", Kind.SHARE, Direction.MORE)


SIGTERM, KILL = "SIGTERM", "kill -9"
STOPS = (SIGTERM, KILL)
"""How a server is made to end; measures of a restart are one for each."""

SHARES = (50, 90, 99)
"""Percent of the clients whose time is told."""

# One broadcast, and what it costs
CPU_PER_RECIPIENT = _cpu("server CPU per recipient", "µs")
CPU_OF_A_ROOM = _cpu("server CPU to make a room", "µs")
UNTIL_ALL = _time("until every client had it", "ms")
COLD_BROADCAST = _time("first broadcast of a fresh server, last client (warm-up)", "ms")
"""Finds everything cold: it is told, and left out of the figures."""
ANNOUNCEMENT_P50 = _time("announcement p50", "ms")
ANNOUNCEMENT_P99 = _time("announcement p99", "ms")
ANNOUNCEMENT_LAST = _time("announcement, last client", "ms")
CPU_PER_ANNOUNCEMENT = _cpu("server CPU per client and announcement", "µs")
FRESH_LIST_P50 = _time("fresh list p50", "ms")
FRESH_LIST_P99 = _time("fresh list p99", "ms")
FRESH_LIST_LAST = _time("fresh list, last client", "ms")
CPU_PER_FRESH_LIST = _cpu("server CPU per client and fresh list", "µs")
STATUS_P50 = _time("status p50", "ms")
STATUS_P99 = _time("status p99", "ms")
STATUS_LAST = _time("status, last client", "ms")
CPU_PER_STATUS = _cpu("server CPU per client and status", "µs")
TIME_TO_CONNECT = _time("until all newcomers were accepted", "s")
LIST_BYTES = _measure("body of the room list", "B", Kind.BYTES, Direction.NEITHER)
LOST_CONNECTIONS = _harm("connections lost unasked")

# A login storm
CPU_PER_EVENT = _cpu("server CPU per event and recipient", "µs")
CPU_PER_UPGRADE = _cpu("server CPU per upgrade", "µs")
CPU_IN_ALL = _cpu("server CPU in all", "s")
LAST_ACCEPTED = _time("last client accepted", "s")
LAST_EVENT = _time("until the last event", "s")
ACCEPTED_WITHIN: Mapping[int, Measure] = {share: _time(f"{share} % accepted", "s") for share in SHARES}
PEAK_RATE = _measure("peak rate of acceptances", "1/s", Kind.RATE)
PEAK_RSS = _memory("peak resident memory", "MiB")
SLOWEST_PING = _time("slowest answer to a ping", "ms")
PINGER_WAITED = _time("pinger kept from its core, in all", "ms")
CLOSED_BY_SERVER = _harm("clients that the server closed")
RECEIVED = _measure("received", "MB", Kind.BYTES)

# A restart of the server, and a flap of the network
CPU_PER_CONNECTION = _cpu("server CPU per connection: upgrade, handshake, first broadcasts", "µs")
CPU_PER_RETURN: Mapping[str, Measure] = {
    stop: _cpu(f"server CPU per client back and fresh, {stop}", "µs") for stop in STOPS
}
LAST_FRESH: Mapping[str, Measure] = {
    stop: _time(f"last client back and fresh after the start, {stop}", "s") for stop in STOPS
}
ALL_LOST: Mapping[str, Measure] = {stop: _time(f"until all had lost it, {stop}", "s") for stop in STOPS}
LISTENING_AFTER: Mapping[str, Measure] = {stop: _time(f"listening, {stop}", "s") for stop in STOPS}
ACCEPTED_AFTER: Mapping[tuple[int, str], Measure] = {
    (share, stop): _time(f"{share} % accepted, {stop}", "s") for share in SHARES for stop in STOPS
}
FRESH_AFTER: Mapping[tuple[int, str], Measure] = {
    (share, stop): _time(f"{share} % fresh, {stop}", "s") for share in SHARES for stop in STOPS
}
CONNECTIONS_AGAIN: Mapping[str, Measure] = {stop: _count(f"connections made again, {stop}") for stop in STOPS}
ACCEPTS_AGAIN = _time("server accepts again", "s")
BACK_WITHIN: Mapping[int, Measure] = {share: _time(f"{share} % back and fresh", "s") for share in (*SHARES, 100)}
FALSE_OFFLINE = _harm("user_offline events heard per client")
FAILED_ATTEMPTS = _count("failed attempts per client")
TOLD_OFFLINE = _harm("users told offline though they came back")
CPU_PER_FLAP = _cpu("server CPU per client that flapped", "ms")

# The room list over HTTP
CPU_PER_REQUEST = _cpu("server CPU per request", "µs")
ROOMS_PER_S = _measure("rate of rooms answered with 201", "1/s", Kind.RATE)

# Memory
RSS_PER_CONNECTION = _memory("resident memory per idle connection", "KiB")
RSS_IN_ALL = _memory("resident memory in all", "MiB")
RSS_OF_SERVER = _memory("resident memory, server", "MiB")
SLAB_PER_SOCKET = _memory("kernel structures per socket", "KiB")
SOCKET_BUFFERS = _memory("kernel buffers of all sockets", "KiB")

# Memory over clients that come and go
NO_ROOMS = "/ops/socket"
"""A way in for those who watch: there are no rooms on it."""
WAYS_IN = ("plain", "TLS", "permessage-deflate", "split upgrade", NO_ROOMS)
"""How a client comes to its WebSocket."""
CYCLES = ("accepted", "refused", "room")
"""What is done over and over: connect, handshake and close; the same with a token that does not hold; a room that is
made, entered and deleted."""
GROWTH: Mapping[tuple[str, str], Measure] = {
    (way, cycle): _measure(f"growth of resident memory, {way}, {cycle}", "%", Kind.SHARE, Direction.LESS)
    for cycle in CYCLES
    for way in WAYS_IN
    if (way, cycle) != (NO_ROOMS, "room")
}
RSS_AFTER: Mapping[tuple[str, str], Measure] = {
    (way, cycle): _memory(f"resident memory after cycles, {way}, {cycle}", "MiB") for way, cycle in GROWTH
}

# One hostile client among good ones
HOSTILE_KINDS = (
    "sends-after-close", "slow-heads", "half-client-hellos", "idle-keep-alives", "abandoned-logins", "never-reads",
    "ping-flood", "fragment-flood", "huge-headers", "bad-requests", "reconnects", "ops-flood",
)  # fmt: skip
PONG_UNDISTURBED = _time("pong p99, undisturbed", "ms")
PONG_DISTURBED = _time("pong p99, beside a hostile client", "ms")
PONG_RATIO = _measure("pong p99, beside a hostile client over undisturbed", "×", Kind.TIME)

# How old a client's list is, by the way it gets it
TIME_TO_FRESH_P50 = _time("time to fresh p50", "ms")
TIME_TO_FRESH_P99 = _time("time to fresh p99", "ms")
TIME_TO_FRESH_LAST = _time("time to fresh, last client", "ms")
MEAN_STALENESS = _time("mean staleness", "ms")
FRESHER_THAN: Mapping[float, Measure] = {
    within_s: _good_share(f"time that a client is fresher than {within_s:g} s") for within_s in (0.1, 0.5, 1.0, 3.0)
}
CPU_PER_CLIENT_HOUR = _cpu("server CPU per client-hour", "s")
BYTES_PER_CLIENT_HOUR = _measure("bytes per client-hour, with TCP/IP (model)", "B", Kind.BYTES)
REQUESTS_PER_CLIENT_HOUR = _count("requests per client-hour")
EVENTS_PER_CLIENT_HOUR = _count("events per client-hour")
CHANGES_PER_S = _count("changes per second, achieved")
FRAMED_OVER_KERNEL = _measure("framed bytes over TCP_INFO's", "×", Kind.SHARE)

# What a player costs
CPU_PER_PLAYER_HOUR = _cpu("server CPU per player-hour", "s")
KIB_PER_PLAYER_HOUR = _measure("KiB per player-hour, with TCP/IP (model)", "KiB", Kind.BYTES)
REQUESTS_PER_PLAYER_HOUR = _count("requests and heartbeats per player-hour")
EVENTS_PER_PLAYER_HOUR = _count("events per player-hour")

# Bytes, counted over one window
FRAMED_PER_CLIENT_HOUR = _measure("framed bytes per client-hour", "B", Kind.BYTES)
LINK_BYTES_PER_CLIENT_HOUR = _measure("bytes per client-hour with TCP/IP, measured", "B", Kind.BYTES)
MODEL_BYTES_PER_CLIENT_HOUR = _measure("bytes per client-hour with TCP/IP, model", "B", Kind.BYTES)

# Capacity
CAPACITY = _measure("clients that meet the service level", "", Kind.COUNT, Direction.MORE)
FAILS_AT = _count("smallest number of clients that was measured and missed the service level")
REACH = _good_share("reach")
GENERATOR_SHARE = _measure("generator, share of a core while it mattered", "%", Kind.SHARE)

# The swarm
SWARM_REACH = _measure("reach", "", Kind.SHARE, Direction.MORE)
SERVER_SHARE = _cpu("server CPU, of a core", "")

# Load generators
GENERATOR_CPU_PER_1000_EVENTS = _cpu("CPU of the load generator per 1,000 events", "ms")
PLAYERS_PER_CPU_S = _measure("players connected per second of one core of the load generator", "1/s", Kind.RATE)
"""CPU counts until the last of them is online."""
SETTLED_PLAYERS_PER_CPU_S = _measure(
    "players connected per second of one core of the load generator, its work after the last included", "1/s", Kind.RATE
)
"""What it puts off until then counts, too."""
GENERATOR_KIB_PER_PLAYER = _memory("resident memory of the load generator in all, per player", "KiB")
GENERATOR_PEAK_KIB_PER_PLAYER = _memory("peak memory of the load generator in all, per player", "KiB")

# What a load generator reports, against the wire
TRUE_SERIES = (
    "upgrade", "handshake", "heartbeat", "room_create", "fetch", "fanout_presence", "fanout_rooms", "spread",
)  # fmt: skip
"""By the names of the swarm's metrics."""
TRUE_PERCENTILES = ("p50", "p99")
_OF_THE_TRUTH = tuple(f"{series} {q}" for series in TRUE_SERIES for q in TRUE_PERCENTILES)
ON_THE_WIRE: Mapping[str, Measure] = {each: _time(f"{each}, on the wire", "ms") for each in _OF_THE_TRUTH}
AS_REPORTED: Mapping[str, Measure] = {each: _time(f"{each}, as reported", "ms") for each in _OF_THE_TRUTH}
ERROR_OF_P99: Mapping[str, Measure] = {
    each: _time(f"error of the reported p99 of {each}", "ms") for each in ("upgrade", "heartbeat")
}
"""Without its sign; of what every load generator reports."""

# One lobby on several nodes
KILLED = ("node", "Valkey", "PostgreSQL")
"""What is killed while rooms are made."""
CPU_PER_BROADCAST = _cpu("server CPU per broadcast, of one process", "ms")
HEARD_P50 = _time("change heard p50", "ms")
HEARD_P99 = _time("change heard p99", "ms")
LATER_P50 = _time("change heard later on another node p50", "ms")
LATER_P99 = _time("change heard later on another node p99", "ms")
CPU_PER_COMMAND = _cpu("server CPU per command", "µs")
EVENTS_PER_NEWCOMER = _count("events per newcomer of a storm")
COMMAND_RATE = _measure("commands through the log", "1/s", Kind.RATE)
COMMANDS_CARRIED = _measure("commands that three nodes carry with a core each", "1/s", Kind.RATE)
TOLD_OFFLINE_AFTER = _time("players of a killed node told offline after", "s")
OFFLINE_BATCHES = _measure("messages in which they were", "", Kind.COUNT, Direction.LESS)
LAST_BACK = _time("last player of a killed node back and fresh after", "s")
PLAYERS_MISSING = _harm("players who did not come back")
WRONG_VIEWS = _harm("players held for offline who are online")
TOLD_TWICE = _harm("news told twice")
SOCKETS_CLOSED = _harm("sockets closed, Valkey killed")
TOLD_TWICE_THEN = _harm("news told twice, Valkey killed")
ROOMS_LOST = _harm("rooms lost, Valkey killed")
MEMBERSHIPS_LOST = _harm("memberships lost, Valkey killed")
REFUSED_FOR = _time("commands refused after Valkey was back", "s")
ROOMS_MADE: Mapping[str, Measure] = {each: _count(f"rooms answered with 201, {each} killed") for each in KILLED}
ROOMS_MISSING: Mapping[str, Measure] = {each: _harm(f"of these missing, {each} killed") for each in KILLED}
ROOMS_DOUBLED: Mapping[str, Measure] = {each: _harm(f"of these doubled, {each} killed") for each in KILLED}

# A swarm that every fault happens to
FAULTS = (
    "node restarted", "node frozen", "node cut off", "Valkey restarted", "Valkey frozen", "PostgreSQL restarted",
    "node killed",
)  # fmt: skip
LOST_BY_FAULT: Mapping[str, Measure] = {each: _count(f"connections lost, {each}") for each in FAULTS}
BACK_AFTER_FAULT: Mapping[str, Measure] = {each: _time(f"99 % connected again after, {each}", "s") for each in FAULTS}
LEDGER_LOST = _harm("events lost, by the swarm's ledger")
LEDGER_TWICE = _harm("events told twice, by the swarm's ledger")
LEDGER_WRONG = _harm("events misordered or unexpected, by the swarm's ledger")
NEVER_BACK = _harm("faults after which 99 % were not connected again")

# Whole lobbies with faults, in virtual time
SCHEDULE_RATE = _measure("schedules per minute of one core", "1/min", Kind.RATE)
VIOLATIONS = _harm("schedules that violate what must hold")
COMMANDS_OF_SCHEDULE = _count("commands per schedule")
FAULTS_OF_SCHEDULE = _count("faults per schedule")
ENTRIES_OF_SCHEDULE = _count("entries applied per schedule, by all nodes")

# Forecasts that are measured afterwards
FORECAST = {
    "server CPU per change": "ms", "Valkey, CPU per change": "ms", "server CPU per poll": "µs",
    "bytes per client and change, with TCP/IP": "B", "bytes per poll, with TCP/IP": "B", "time to fresh p50": "ms",
    "time to fresh p99": "ms", "half of them fresh after": "s", "99 % fresh after": "s", "last one fresh after": "s",
    "server CPU per client that comes back": "µs",
}  # fmt: skip
"""What a forecast says, and its unit."""
PREDICTED: Mapping[str, Measure] = {
    name: _measure(f"{name}: predicted", unit, Kind.COUNT) for name, unit in FORECAST.items()
}
AS_PREDICTED: Mapping[str, Measure] = {
    name: _measure(f"{name}: measured", unit, Kind.CPU if "CPU" in name else _KINDS_BY_UNIT[unit])
    for name, unit in FORECAST.items()
}
FORECAST_ERROR: Mapping[str, Measure] = {
    name: _measure(f"{name}: error", "%", Kind.SHARE) for name in FORECAST
}  # fmt: skip
"""Of what was measured; below 0: more was measured than predicted."""
MEDIAN_ERROR = _measure("error of a forecast, median", "%", Kind.SHARE, Direction.LESS)
WORST_ERROR = _measure("error of a forecast, worst", "%", Kind.SHARE, Direction.LESS)

# Ways compared at scale, in virtual time; of a way, by its name
SCALE_HOLDS = _measure("forecast: players up to whom everything holds", "", Kind.COUNT, Direction.MORE)
SCALE_FAILS = _count("forecast: players with whom something breaks")
SCALE_DELAY = _measure("forecast: p99 while everything holds", "ms", Kind.COUNT, Direction.LESS)
SCALE_BYTES = _measure("forecast: bytes per player and second while everything holds", "B", Kind.BYTES)
USED_BREAKING: Mapping[str, Measure] = {
    each: _measure(f"forecast: {each} used when something breaks", "%", Kind.SHARE)
    for each in ("core", "bandwidth", "memory", "log", "balancer", "database")
}
DELAY_BREAKING = _measure("forecast: p99 when something breaks", "ms", Kind.COUNT, Direction.LESS)
REACH_BREAKING = _measure("forecast: clients that came to a change in time when something breaks", "%", Kind.SHARE)

# How soon every client holds the truth (bench of the engine)
DELTA_P50 = _time("time to fresh p50, rooms_delta", "ms")
DELTA_P99 = _time("time to fresh p99, rooms_delta", "ms")
DELTA_LAST = _time("time to fresh last, rooms_delta", "ms")
BASE_P50 = _time("time to fresh p50, base", "ms")
BASE_P99 = _time("time to fresh p99, base", "ms")
BASE_LAST = _time("time to fresh last, base", "ms")
STALENESS_UNDER_CHANGES = _time("staleness p99, 20 changes per second", "s")
FETCHES = _measure("fetches, part of naive", "×", Kind.SHARE, Direction.LESS)
WRONG_LISTS = _harm("clients that ended without the truth")
LATEST_CHANGE = _time("latest change behind its time", "ms")
SLOWEST_CHANGE = _time("slowest answer to a change", "ms")


DEFINITIONS: Mapping[Measure, str] = MappingProxyType(
    {
        **{
            last: f"“{last}”: the last client in the repeat's median broadcast; the p99 is of all broadcasts of the "
            "repeat together, and a slow one can make it later."
            for last in (ANNOUNCEMENT_LAST, FRESH_LIST_LAST, STATUS_LAST)
        },
        MEAN_STALENESS: "“mean staleness”: over all clients and 200 moments of the window, in the steady state; how it "
        "is distributed stands in the shares of time that a client is fresher than a limit.",
        SETTLED_PLAYERS_PER_CPU_S: "“its work after the last included”: CPU counts from just before the first player "
        "is online until the quiet after the last one is over, so that what a tool parses or judges late is in it; the "
        "heartbeats of that time are in it, too: the longer a tool takes, the more; of a quick tool they are a part "
        "that can be seen.",
        GENERATOR_PEAK_KIB_PER_PLAYER: "“peak memory”: the most that each process of the tool held until the quiet "
        "after the last player is over, added up. Where it has several, their peaks need not be of one moment: the sum "
        "is an upper bound.",
    }
)
"""What a name does not say by itself, for the notes of tables."""


def _named() -> Iterator[tuple[tuple[str, str], Measure]]:
    for found in list(globals().values()):
        if isinstance(found, Measure):
            yield (found.name, found.unit), found
        elif isinstance(found, dict):
            for each in found.values():
                if isinstance(each, Measure):
                    yield (each.name, each.unit), each


MEASURES: Mapping[tuple[str, str], Measure] = MappingProxyType(dict(_named()))
"""All of them, by name and unit."""
