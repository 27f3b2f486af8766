"""What the benches of the fan-out engine measured, raw: a reading a repeat, with the CPU and the waiting beside it.

Nothing here is judged; `bench.goals` derives figures and verdicts from it at any time.
"""

from __future__ import annotations

import msgspec


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """CPU while something was measured. Waiting: ready to run, but other work had the core."""

    wall_s: float
    server_cpu_s: float
    server_wait_s: float
    generator_cpu_s: float
    generator_wait_s: float


class Reading(msgspec.Struct, frozen=True):
    """One repeat's value."""

    value: float
    stretch: Stretch | None = None


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity of one party at one size; readings in the order of the repeats, so that parties can be paired."""

    name: str
    party: str
    clients: int
    unit: str
    readings: list[Reading]


class EngineResult(msgspec.Struct, frozen=True, kw_only=True):
    """One bench."""

    name: str
    flags: list[str]
    measures: list[Measure]
    notes: list[str]
    """What was left out or has to be known to read the figures."""
    faults: list[str]
    """What the ledger found: anything in here means that the server was wrong, not slow."""


class Book:
    """Readings as they are taken."""

    def __init__(self) -> None:
        self._measures: dict[tuple[str, str, int], Measure] = {}
        self.notes: list[str] = []
        self.faults: list[str] = []

    def add(
        self, name: str, value: float, *, clients: int, unit: str, party: str = "lobby", stretch: Stretch | None = None
    ) -> None:
        measure = self._measures.setdefault(
            (name, party, clients), Measure(name=name, party=party, clients=clients, unit=unit, readings=[])
        )
        measure.readings.append(Reading(value, stretch))

    def note(self, text: str) -> None:
        """Said once, however often it is noted."""
        if text not in self.notes:
            self.notes.append(text)

    def result(self, name: str, flags: tuple[str, ...]) -> EngineResult:
        return EngineResult(
            name=name,
            flags=list(flags),
            measures=list(self._measures.values()),
            notes=self.notes,
            faults=self.faults,
        )
