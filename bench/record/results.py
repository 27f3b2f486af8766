"""What one run measured, raw. Every figure, verdict and chart of a report is derived from it at any time.

Samples are kept every one, as `bench.record.samples` has them; `bench.record.run_file` keeps the whole in run.json.
"""

from __future__ import annotations

from typing import Any

import msgspec

from bench.record.findings import Findings
from bench.record.profiles import Profile
from bench.record.samples import Samples

SCHEMA_VERSION = 2


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """CPU over a stretch of a run. `busy`: only from each intended time to the last receipt of that broadcast."""

    wall_s: float
    server_cpu_s: float
    generator_cpu_s: float
    server_wait_s: float = 0.0
    """The server was ready to run but other work had its core."""
    generator_wait_s: float = 0.0
    busy_wall_s: float = 0.0
    busy_generator_cpu_s: float = 0.0


class Broadcast(msgspec.Struct, frozen=True, kw_only=True):
    """One change and what came of it. Latencies count from the intended time of the change."""

    late_us: int
    """How much later than intended the publisher sent it."""
    answered_us: int | None = None
    """Until the publisher had the answer."""
    expected: int
    """Clients that should have received it."""
    lost: int
    twice: int
    """Receipts beyond the first of a client."""
    lost_by: dict[str, int] = msgspec.field(default_factory=dict)
    """`lost` by cause."""
    disordered: int = 0
    """Receipts of an older one after a newer one."""
    received: Samples
    fresh: Samples | None = None
    """Until a client held a list with the change; only where clients fetch."""


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """Broadcasts of one kind at one size."""

    interval_s: float
    broadcasts: list[Broadcast]
    load: Load


class BroadcastPoint(msgspec.Struct, frozen=True, kw_only=True):
    clients: int
    connect_s: float
    """Time that the newcomers of this point took to be accepted, the presence storm included."""
    notify: Phase
    refetch: Phase
    presence: Phase
    polled: Samples
    """Age of each room when a polling client first saw it; the rooms are those of `notify`."""
    polled_expected: int
    list_bytes: int
    """Body of the room list at the end of the point."""


class RatePoint(msgspec.Struct, frozen=True, kw_only=True):
    """A stream of changes at one rate; only announcements that carry the revision can be told apart."""

    clients: int
    changes_per_s: float
    phase: Phase


class BroadcastResult(msgspec.Struct, frozen=True, kw_only=True):
    flags: list[str]
    points: list[BroadcastPoint]
    rates: list[RatePoint] = msgspec.field(default_factory=list)
    unexpected_losses: dict[str, int]
    """Sockets that closed without being told to, by close code (``None``: cut)."""


class ClientBytes(msgspec.Struct, frozen=True, kw_only=True):
    """One idle client over the window."""

    requests: int
    events: int
    """Messages that came unasked."""
    message_bytes: int
    framed_up_bytes: int
    framed_down_bytes: int
    wire_bytes: int
    """Modelled."""
    header_bytes: int = 0
    payload_bytes: int = 0
    """Of the framed bytes; what is in neither is heartbeat."""
    kernel_sent_bytes: int | None
    kernel_received_bytes: int | None
    kernel_segments: int | None


class Wire(msgspec.Struct, frozen=True, kw_only=True):
    """What the link of a group carried in the window, by the counters of its interface."""

    packets: int
    ip_bytes: int
    """Both directions, without Ethernet's headers."""


class BandwidthGroup(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    """The way; see `bench.load.clients.ways`."""
    rooms: int
    changes_per_s: float = 0.0
    changes: int = 0
    """That were made in the window."""
    wire: Wire | None = None
    """``None`` without namespaces."""
    list_bytes: int
    clients: list[ClientBytes]
    unexpected_losses: int


class MessageSize(msgspec.Struct, frozen=True, kw_only=True):
    """A message that occurred, `n` times, all of that size; its other layers follow by `bench.record.wire`."""

    name: str
    n: int
    message_bytes: int


class Connect(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of getting in: the upgrade's from the kernel's counters, less the frames that are known."""

    upgrade_request_bytes: int
    upgrade_response_bytes: int
    handshake_message_bytes: int
    accepted_message_bytes: int


class BandwidthResult(msgspec.Struct, frozen=True, kw_only=True):
    flags: list[str]
    groups: list[BandwidthGroup]
    sizes: list[MessageSize]
    connects: list[Connect]
    polling_request: str
    etag_request: str
    wire_note: str = ""
    """Why there are no true wire bytes, where there are none."""
    load: Load
    """Of all servers of the scenario together."""


class SwarmResult(msgspec.Struct, frozen=True, kw_only=True):
    flags: list[str]
    command: list[str]
    exit_code: int | None
    """Locust's: 1 when a request failed. ``None`` of a run that another process had started."""
    swarm: dict[str, Any]
    """What the swarm itself wrote (`--swarm-json`): counters, and lossless histograms beside their percentiles."""
    load: Load


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    cpu: str
    cores: int
    memory_bytes: int
    kernel: str
    python: str
    pinned: bool
    """Server and generator had a core each."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run. A scenario that did not run is ``None``."""

    schema: int = SCHEMA_VERSION
    started_at: str
    """ISO 8601, UTC."""
    duration_s: float
    arguments: list[str]
    seed: int
    commit: str
    dirty: bool
    machine: Machine
    versions: dict[str, str]
    profile: Profile
    broadcast: BroadcastResult | None = None
    bandwidth: BandwidthResult | None = None
    swarm: SwarmResult | None = None
    findings: list[Findings] = msgspec.field(default_factory=list)
    """Of all other scenarios, in the order in which they were run."""
    failures: dict[str, str] = msgspec.field(default_factory=dict)
    """Scenarios that could not be measured, and why."""
    is_whole: bool = True
    """Not broken off."""

    def found(self, name: str) -> Findings | None:
        """What a scenario measured, unless its results have a field of their own."""
        return next((each for each in self.findings if each.name == name), None)
