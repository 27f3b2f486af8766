"""What one scenario measured, raw: a reading per repeat with CPU, waiting and ledger beside it, and whole series.

Nothing here is judged: `bench.analysis` derives figures, their validity and verdicts at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from bench.measures import Measure, measure_of
from bench.record.samples import Samples
from bench.record.traffic import Traffic
from bench.record.vocabulary import LOBBY


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """CPU of server and generator while something was measured, in seconds.

    Waiting: the process was ready to run, but other work had its core. Busy: only the time in which it mattered, from
    each intended time to the last receipt of that broadcast; 0 where that was not told apart.
    """

    wall_s: float
    server_cpu_s: float
    generator_cpu_s: float
    server_wait_s: float = 0.0
    generator_wait_s: float = 0.0
    busy_wall_s: float = 0.0
    busy_generator_cpu_s: float = 0.0

    @property
    def generator_share(self) -> float:
        """Of a core, over the whole stretch or while it mattered, whichever is more; 0 for no time."""
        whole = self.generator_cpu_s / self.wall_s if self.wall_s else 0.0
        busy = self.busy_generator_cpu_s / self.busy_wall_s if self.busy_wall_s else 0.0
        return max(whole, busy)

    @property
    def server_waited(self) -> float:
        """The part of the time in which the server would have worked that other work had its core."""
        return _share_waited(self.server_wait_s, self.server_cpu_s)

    @property
    def waited(self) -> float:
        """The same for server or generator, whichever waited more."""
        return max(self.server_waited, _share_waited(self.generator_wait_s, self.generator_cpu_s))


def sum_stretches(stretches: Sequence[Stretch]) -> Stretch:
    """Several as one."""
    names = Stretch.__struct_fields__
    return Stretch(**{name: sum(getattr(each, name) for each in stretches) for name in names})


def _share_waited(wait_s: float, cpu_s: float) -> float:
    return wait_s / (wait_s + cpu_s) if wait_s + cpu_s else 0.0


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """Who should have received what, and did, over one or more broadcasts."""

    expected: int
    received: int
    """By different clients; the first receipt of each counts."""
    lost: dict[str, int] = msgspec.field(default_factory=dict)
    """By cause: ``closed`` (the socket was gone), ``late`` (it came after the next was sent), ``never``."""
    twice: int = 0
    disordered: int = 0
    """Receipts of an older state or event after a newer one."""

    @property
    def reach(self) -> float:
        return self.received / self.expected if self.expected else float("nan")

    def __add__(self, other: Ledger) -> Ledger:
        causes = {**self.lost, **other.lost}
        return Ledger(
            expected=self.expected + other.expected,
            received=self.received + other.received,
            lost={cause: self.lost.get(cause, 0) + other.lost.get(cause, 0) for cause in causes},
            twice=self.twice + other.twice,
            disordered=self.disordered + other.disordered,
        )


def sum_ledgers(ledgers: Sequence[Ledger]) -> Ledger:
    """Several as one; of none, an empty one."""
    whole = Ledger(expected=0, received=0)
    for each in ledgers:
        whole += each
    return whole


class Reading(msgspec.Struct, frozen=True):
    """The value of one repeat."""

    value: float
    stretch: Stretch | None = None
    late_ms: float = 0.0
    """How much later than intended the publisher was, at worst."""
    ledger: Ledger | None = None
    invalid: str = ""
    """Why it is no measurement, where the scenario itself can tell."""
    suspect: str = ""
    """Why it is in doubt, likewise."""
    turn: int | None = None
    """In which turn of its scenario, so that parties can be paired where one of them failed in a turn; ``None``: not
    told, as in runs before this was kept."""


class Where(NamedTuple):
    """At what size something was measured; 0 for what plays no part."""

    clients: int
    rooms: int = 0
    changes_per_s: float = 0.0


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A measure of one party at one size; readings in the order of the repeats."""

    name: str
    party: str
    clients: int
    unit: str
    readings: list[Reading]
    rooms: int = 0
    changes_per_s: float = 0.0

    @property
    def where(self) -> Where:
        return Where(self.clients, self.rooms, self.changes_per_s)

    @property
    def measure(self) -> Measure:
        return measure_of(self.name, self.unit)


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """All samples of one party at one size, one group per repeat or, with `repeats`, per broadcast."""

    name: str
    party: str
    clients: int
    groups: list[Samples]
    rooms: int = 0
    changes_per_s: float = 0.0
    ledgers: list[Ledger] = msgspec.field(default_factory=list)
    """One per group, or none at all."""
    late_ms: list[float] = msgspec.field(default_factory=list)
    """How much later than intended the publisher was, one per group, or none at all."""
    repeats: list[int] = msgspec.field(default_factory=list)
    """How many groups each repeat has; empty: one."""
    stretches: list[Stretch] = msgspec.field(default_factory=list)
    """One per repeat, or none at all."""
    interval_s: float = 0.0
    """Between two broadcasts; 0 where it plays no part."""

    @property
    def where(self) -> Where:
        return Where(self.clients, self.rooms, self.changes_per_s)


class Swarm(msgspec.Struct, frozen=True, kw_only=True):
    """What a run of the swarm left."""

    command: list[str]
    exit_code: int | None
    """Locust's: 1 when a request failed. ``None`` of a run that another process had started."""
    document: dict[str, Any]
    """What the swarm itself wrote (`--swarm-json`): counters, and lossless histograms beside their percentiles."""


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario."""

    name: str
    flags: list[str]
    """Of the server under test."""
    measures: list[Measured]
    notes: list[str]
    """What was left out or has to be known to read the figures."""
    faults: list[str]
    """What the ledger found: anything in here means that the server was wrong, not slow."""
    series: list[Series] = msgspec.field(default_factory=list)
    skipped: list[str] = msgspec.field(default_factory=list)
    """What could not take part, and why."""
    facts: dict[str, float] = msgspec.field(default_factory=dict)
    """Single numbers that are no measures, by name."""
    stretch: Stretch | None = None
    """Of the whole scenario, where it was watched as one."""
    traffic: Traffic | None = None
    """Every byte that was counted, of the scenario that counts bytes."""
    swarm: Swarm | None = None

    def find(self, measure: Measure, party: str = LOBBY, where: Where | None = None) -> list[Reading]:
        """The readings of a measure; none where there is no such."""
        for each in self.measures:
            if each.name == measure.name and each.party == party and (where is None or each.where == where):
                return each.readings
        return []

    def series_of(self, name: str, party: str | None = None) -> list[Series]:
        """All with this name, of one party or of all, in the order in which they were begun."""
        return [each for each in self.series if each.name == name and party in (None, each.party)]
