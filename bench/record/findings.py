"""What a scenario measured, raw: a reading a repeat with CPU, waiting and ledger beside it, and whole series.

Nothing here is judged: `bench.analysis` derives figures, their validity and verdicts at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy.typing as npt

from bench.record.samples import Samples

LOBBY = "lobby"
"""The party that is measured where there are no others."""


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """CPU while something was measured. Waiting: ready to run, but other work had the core."""

    wall_s: float
    server_cpu_s: float
    server_wait_s: float
    generator_cpu_s: float
    generator_wait_s: float


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """Who should have received what, and did, over all broadcasts of a reading."""

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


class Reading(msgspec.Struct, frozen=True):
    """One repeat's value."""

    value: float
    stretch: Stretch | None = None
    late_ms: float = 0.0
    """How much later than intended the publisher was, at worst."""
    ledger: Ledger | None = None
    invalid: str = ""
    """Why it is no measurement, where the scenario itself can tell."""
    suspect: str = ""
    """Why it may be off, likewise."""


class Where(NamedTuple):
    """At what size something was measured; 0 for what plays no part."""

    clients: int
    rooms: int = 0
    changes_per_s: float = 0.0


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity of one party at one size; readings in the order of the repeats, so that parties can be paired."""

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


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """All samples of one party at one size, a group a repeat or a broadcast."""

    name: str
    party: str
    clients: int
    groups: list[Samples]
    rooms: int = 0
    changes_per_s: float = 0.0
    ledgers: list[Ledger] = msgspec.field(default_factory=list)

    @property
    def where(self) -> Where:
        return Where(self.clients, self.rooms, self.changes_per_s)


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario."""

    name: str
    flags: list[str]
    measures: list[Measure]
    notes: list[str]
    """What was left out or has to be known to read the figures."""
    faults: list[str]
    """What the ledger found: anything in here means that the server was wrong, not slow."""
    series: list[Series] = msgspec.field(default_factory=list)
    skipped: list[str] = msgspec.field(default_factory=list)
    """What could not take part, and why."""
    facts: dict[str, float] = msgspec.field(default_factory=dict)
    """Single quantities that models are made of, by name with unit."""

    def find(self, name: str, party: str = LOBBY, where: Where | None = None) -> list[Reading]:
        """The readings of a measure; none where there is no such."""
        for each in self.measures:
            if each.name == name and each.party == party and (where is None or each.where == where):
                return each.readings
        return []


class Book:
    """Readings as they are taken."""

    def __init__(self) -> None:
        self._measures: dict[tuple[str, str, Where], Measure] = {}
        self._series: dict[tuple[str, str, Where], Series] = {}
        self.notes: list[str] = []
        self.faults: list[str] = []
        self.skipped: list[str] = []
        self.facts: dict[str, float] = {}

    def add(
        self,
        name: str,
        value: float,
        *,
        clients: int,
        unit: str,
        party: str = LOBBY,
        stretch: Stretch | None = None,
        rooms: int = 0,
        changes_per_s: float = 0.0,
        late_ms: float = 0.0,
        ledger: Ledger | None = None,
        invalid: str = "",
    ) -> None:
        where = Where(clients, rooms, changes_per_s)
        measure = self._measures.setdefault(
            (name, party, where),
            Measure(
                name=name, party=party, clients=clients, unit=unit, readings=[], rooms=rooms,
                changes_per_s=changes_per_s,
            ),
        )  # fmt: skip
        measure.readings.append(Reading(value, stretch, late_ms, ledger, invalid))

    def add_series(
        self, name: str, values_s: npt.ArrayLike, where: Where, *, party: str = LOBBY, ledger: Ledger | None = None
    ) -> None:
        """One more group of samples."""
        series = self._series.setdefault(
            (name, party, where),
            Series(
                name=name, party=party, clients=where.clients, rooms=where.rooms, changes_per_s=where.changes_per_s,
                groups=[],
            ),
        )  # fmt: skip
        series.groups.append(Samples.of_seconds(values_s))
        if ledger is not None:
            series.ledgers.append(ledger)

    @property
    def has_readings(self) -> bool:
        return bool(self._measures or self._series)

    def note(self, text: str) -> None:
        """Said once, however often it is noted."""
        if text not in self.notes:
            self.notes.append(text)

    def skip(self, text: str) -> None:
        """Likewise."""
        if text not in self.skipped:
            self.skipped.append(text)

    def add_facts(self, facts: Mapping[str, float]) -> None:
        self.facts.update(facts)

    def result(self, name: str, flags: tuple[str, ...]) -> Findings:
        return Findings(
            name=name,
            flags=list(flags),
            measures=list(self._measures.values()),
            notes=self.notes,
            faults=self.faults,
            series=list(self._series.values()),
            skipped=self.skipped,
            facts=self.facts,
        )
