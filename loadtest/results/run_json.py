"""run.json, the file of one run of the swarm, as types: what the swarm writes and every reader decodes.

Schema 2. Times are in ms, histograms are HDR V2 in base64 with values in µs, and lossless: to put several runs
together, merge histograms, never average percentiles. Keys that a reader does not know are ignored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from loadtest.results.validity import Validity

SCHEMA = 2


class Machine(msgspec.Struct, kw_only=True):
    name: str
    system: str
    """Kernel and release."""
    processor: str
    cores: int | None
    memory_bytes: int


class RunValidity(msgspec.Struct, kw_only=True):
    level: Validity
    reasons: list[str]
    bottleneck: str | None
    """A sentence, where the figures allow one."""
    notes: list[str] = []
    """What a reader of the figures may want to know, without a doubt about them: what was left out, for one."""


class ThresholdResult(msgspec.Struct, kw_only=True):
    text: str
    """As it was written: ``fanout.p99 < 250ms``."""
    is_met: bool
    found: float | None
    """Seconds, a share or a count; None: nothing was measured."""
    found_text: str


class ReachTally(msgspec.Struct, kw_only=True):
    """Pairs of an event and an observer that should have heard of it."""

    events: int
    expected: int
    received: int
    late: int
    duplicates: int
    out_of_order: int
    unexpected: int
    strangers: int
    excused: int
    sampled_out: int
    lost: int
    reach: float | None
    """Received ÷ expected; None where nothing was expected."""
    others: int = 0
    """Of the events, those that the swarm did not cause, judged by what most observers heard."""
    missed: int = 0
    """Announcements that others heard and this observer did not, though a later one came: conflated or lost."""
    unjudged: int = 0
    """Observers that came or left too close to an event to expect anything of them."""
    unheard: int = 0
    """Comings of users that none of the expected observers heard of."""
    unheard_by: int = 0
    """So many observers were expected to hear of those."""
    booked: int = 0


class Ledger(msgspec.Struct, kw_only=True):
    settle_s: float
    """After this time a missing announcement counts as lost."""
    presence: ReachTally
    rooms: ReachTally
    own: dict[str, ReachTally] = {}
    """What roles expect their players to hear of each other, by name."""


class MetricRow(msgspec.Struct, kw_only=True):
    """One metric under the name that thresholds use; `loadtest.measure.metrics` has them all."""

    name: str
    title: str
    count: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p99_9_ms: float
    max_ms: float
    mean_ms: float
    clipped: int
    """Durations out of range, below zero or beyond an hour, recorded as the nearest value."""
    histogram: str


class RequestRow(msgspec.Struct, kw_only=True):
    """One row of Locust's table."""

    type: str
    name: str
    count: int
    failures: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p99_9_ms: float
    max_ms: float
    errors: dict[str, int]
    """Failures by their text."""
    histogram: str


class SeriesRow(msgspec.Struct, kw_only=True):
    """A series as it was recorded; a metric joins several of them."""

    name: str
    count: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p99_9_ms: float
    max_ms: float
    mean_ms: float
    clipped: int
    histogram: str


class Generator(msgspec.Struct, kw_only=True):
    """One process of the swarm."""

    ticks: int
    late_ticks: int
    stalls: int = 0
    """How often it stood still for more than 0.1 s."""
    stalled_s: float = 0.0
    cpu_shares: list[float]
    """Of a core, second by second."""
    rss_bytes: int


class Server(msgspec.Struct, kw_only=True):
    pid: int | None
    cpu_shares: list[float]
    """Of a core, second by second, of the server's busiest process; empty where it is not known."""
    stopped_s: float = 0.0
    gone_s: float = 0.0
    on_disk_s: float = 0.0
    throttled_s: float = 0.0
    overflows: int = 0
    """New connections that its backlog had no room for."""
    restarts: int = 0


class WindowFigures(msgspec.Struct, kw_only=True):
    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float


class Window(msgspec.Struct, kw_only=True):
    """A part of the run, in seconds since its start."""

    from_s: float
    until_s: float
    metrics: dict[str, WindowFigures]
    """Of all phases; those with something in this window."""


class Fault(msgspec.Struct, kw_only=True):
    """What the run did to a process, and what came of it. Times in seconds of the run."""

    name: str
    kind: str
    """``kill``, ``freeze``, ``restart`` or ``run``."""
    pid: int | None
    began_s: float
    ended_s: float | None
    failure: str | None
    """Why it did not come about."""
    connected_before: int | None
    """Connections just before it; None where it came before the first sample of the history."""
    lost: int
    """Connections lost from its beginning until the next fault or the end of the run, without those of players who
    drop theirs."""
    back_after_s: float | None
    """From its beginning until 99 % of them were connected for good, 0 where they always were; None: never."""


class Moment(msgspec.Struct, kw_only=True):
    """Something that happened in the run: the steady state began, players were added, a worker was lost, a role was
    paused, the server was restarted."""

    at_s: float
    """In seconds of the run."""
    kind: str
    """``phase``, ``load``, ``workers``, ``restart``, ``role`` or ``threshold``."""
    text: str


class RunFile(msgspec.Struct, kw_only=True):
    """The whole document."""

    schema: int
    host: str
    seed: int
    started_at: str
    """ISO 8601, UTC."""
    duration_s: float
    users: dict[str, int]
    """The most that ran at once, by role."""
    arguments: dict[str, Any]
    """Of the command line, without secrets and without folders."""
    machine: Machine
    versions: dict[str, str]
    commit: str | None
    """Of the checkout that the swarm ran from."""
    validity: RunValidity
    thresholds: list[ThresholdResult]
    ledger: Ledger
    counts: dict[str, float | None]
    """The single numbers that a threshold may ask for; None where there was nothing to judge by."""
    errors: dict[str, int]
    """Failures under names that stay the same from run to run."""
    metrics: list[MetricRow]
    """Of the steady state, or of all phases where there was none or that was asked for; see `phases`."""
    requests: list[RequestRow]
    series: list[SeriesRow]
    events: dict[str, int]
    generators: dict[str, Generator]
    server: Server
    history: list[dict[str, float]]
    """Rates over the run, for charts."""
    faults: list[Fault] = []
    """In the order in which they began."""
    reported: str = "all"
    """The phase that `metrics`, `requests` and `series` are of: ``steady`` or ``all``."""
    phases: dict[str, list[MetricRow]] = {}
    """What is not among `metrics`, by place: ``ramp``, ``ramp-down``, and ``delayed`` by the generator itself."""
    not_understood: dict[str, str] = {}
    """An example of each kind of message or answer that was not understood."""
    is_over: bool = True
    """False: it was written while the run went on, which then ended without a word."""
    windows: list[Window] = []
    """Percentiles over time."""
    ended_by: dict[str, float] = {}
    """The thresholds that ended the run early, with what was found then."""
    moments: list[Moment] = []
    """What happened when, in order of time; `faults` are apart."""


def read_run_json(path: Path) -> RunFile:
    """Raises `OSError`, and `msgspec.DecodeError` where the file is none of this schema."""
    return decode_run_json(path.read_bytes())


def decode_run_json(content: bytes) -> RunFile:
    """Raises `msgspec.DecodeError`; its text names the key."""
    run = msgspec.json.decode(content, type=RunFile)
    if run.schema != SCHEMA:
        raise msgspec.ValidationError(f"schema {run.schema} is not {SCHEMA}")
    return run


def as_builtins(run: RunFile) -> dict[str, Any]:
    """The document as dictionaries and lists, in the order of the keys above."""
    document: dict[str, Any] = msgspec.to_builtins(run)
    return document
