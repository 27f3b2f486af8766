"""Readings and series as a scenario takes them. All scenarios write in one, so that all figures are made in one way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from bench.measures import (
    ANNOUNCEMENT_LAST,
    ANNOUNCEMENT_P50,
    ANNOUNCEMENT_P99,
    CPU_PER_ANNOUNCEMENT,
    CPU_PER_FRESH_LIST,
    CPU_PER_STATUS,
    FRAMED_PER_CLIENT_HOUR,
    FRESH_LIST_LAST,
    FRESH_LIST_P50,
    FRESH_LIST_P99,
    LINK_BYTES_PER_CLIENT_HOUR,
    MODEL_BYTES_PER_CLIENT_HOUR,
    SERVER_SHARE,
    STATUS_LAST,
    STATUS_P50,
    STATUS_P99,
    SWARM_REACH,
    Measure,
    measure_of,
)
from bench.record.disturbance import causes_of
from bench.record.findings import Findings, Ledger, Measured, Reading, Series, Stretch, Swarm, Where, sum_ledgers
from bench.record.samples import Samples
from bench.record.traffic import Traffic, TrafficGroup
from bench.record.vocabulary import ANNOUNCEMENT, FRESH_LIST, LOBBY, STATUS
from bench.stats import merge, percentile
from bench.words import plural

OF_THE_GENERATOR = ("lateness", "loop_lag")
"""Series of a swarm that say how it did itself."""

NO_VALUE = "there was no value: nothing happened that could be measured"

BROADCAST_MEASURES: dict[str, tuple[Measure, Measure, Measure, Measure]] = {
    ANNOUNCEMENT: (ANNOUNCEMENT_P50, ANNOUNCEMENT_P99, ANNOUNCEMENT_LAST, CPU_PER_ANNOUNCEMENT),
    FRESH_LIST: (FRESH_LIST_P50, FRESH_LIST_P99, FRESH_LIST_LAST, CPU_PER_FRESH_LIST),
    STATUS: (STATUS_P50, STATUS_P99, STATUS_LAST, CPU_PER_STATUS),
}
"""By series: median, 99th percentile, last client in the median broadcast, and server CPU."""


@dataclass(frozen=True)
class Told:
    """One broadcast: when each client that heard it had it, from its intended time."""

    samples: Samples
    ledger: Ledger
    late_ms: float
    """How much later than intended it was sent."""


class Book:
    """Readings as they are taken."""

    def __init__(self) -> None:
        self._measures: dict[tuple[str, str, Where], Measured] = {}
        self._series: dict[tuple[str, str, Where], Series] = {}
        self.notes: list[str] = []
        self.faults: list[str] = []
        self.skipped: list[str] = []
        self.facts: dict[str, float] = {}
        self.stretch: Stretch | None = None
        self.traffic: Traffic | None = None
        self.swarm: Swarm | None = None
        self.turn: int | None = None
        """What is added from now on is of this turn; parties are paired by it."""
        self.causes: set[str] = set()
        """What disturbed the points that were measured again."""
        self._again = 0
        self._still: set[str] = set()
        self._number_still = 0

    def add(
        self,
        measure: Measure,
        value: float,
        *,
        clients: int,
        party: str = LOBBY,
        stretch: Stretch | None = None,
        rooms: int = 0,
        changes_per_s: float = 0.0,
        late_ms: float = 0.0,
        ledger: Ledger | None = None,
        invalid: str = "",
        suspect: str = "",
    ) -> None:
        """The reading of one more repeat, in the unit of the measure. One that is no number is kept as 0,
        INVALID."""
        where = Where(clients, rooms, changes_per_s)
        if not math.isfinite(value):
            value, invalid = 0.0, invalid or NO_VALUE
        measured = self._measures.setdefault(
            (measure.name, party, where),
            Measured(
                name=measure.name, party=party, clients=clients, unit=measure.unit, readings=[], rooms=rooms,
                changes_per_s=changes_per_s,
            ),
        )  # fmt: skip
        measured.readings.append(Reading(value, stretch, late_ms, ledger, invalid, suspect, self.turn))

    def add_series(
        self, name: str, values_s: npt.ArrayLike, where: Where, *, party: str = LOBBY, ledger: Ledger | None = None
    ) -> None:
        """One more group of samples, which is that of a repeat."""
        series = self._series_at(name, party, where)
        series.groups.append(Samples.of_seconds(values_s))
        if ledger is not None:
            series.ledgers.append(ledger)

    def add_broadcasts(
        self, name: str, told: Sequence[Told], where: Where, *, stretch: Stretch, interval_s: float
    ) -> None:
        """One more repeat of a series of broadcasts, and the readings that are made of it (`BROADCAST_MEASURES`)."""
        if not told:
            return
        series = self._series_at(name, LOBBY, where, interval_s=interval_s)
        series.groups.extend(each.samples for each in told)
        series.ledgers.extend(each.ledger for each in told)
        series.late_ms.extend(each.late_ms for each in told)
        series.repeats.append(len(told))
        series.stretches.append(stretch)
        if name not in BROADCAST_MEASURES:
            return
        p50, p99, last, cpu = BROADCAST_MEASURES[name]
        at = where._asdict()
        late_ms, ledger = max(each.late_ms for each in told), sum_ledgers([each.ledger for each in told])
        groups = [each.samples.values_ms() for each in told if len(each.samples)]
        if groups:
            whole, lasts_ms = merge(groups), np.asarray([group[-1] for group in groups])
            for measure, value in (
                (p50, percentile(whole, 50)),
                (p99, percentile(whole, 99)),
                (last, percentile(lasts_ms, 50)),
            ):
                self.add(measure, value, stretch=stretch, late_ms=late_ms, ledger=ledger, **at)
        self.add(cpu, stretch.server_cpu_s * 1e6 / len(told) / max(1, where.clients), stretch=stretch, **at)

    def add_traffic(self, traffic: Traffic, *, window_s: float) -> None:
        """Every byte of a window of that length, and a reading of each group for what it costs in per client-hour."""
        self.traffic = traffic
        for group in traffic.groups:
            per_hour = 3600.0 / window_s / max(1, len(group.clients))
            for measure, counted in (
                (FRAMED_PER_CLIENT_HOUR, sum(client.framed_bytes for client in group.clients)),
                (LINK_BYTES_PER_CLIENT_HOUR, group.wire.ip_bytes if group.wire is not None else None),
                (MODEL_BYTES_PER_CLIENT_HOUR, sum(client.wire_bytes for client in group.clients)),
            ):
                if counted is not None:
                    self._add_bytes(measure, counted * per_hour, group)

    def add_swarm(self, swarm: Swarm, *, users: int, stretch: Stretch, in_one_window: bool) -> None:
        """What a swarm left, and readings by the names that its thresholds have.

        None of a swarm that shared its window with other scenarios: its times are for the picture.
        """
        self.swarm, self.stretch = swarm, stretch
        if in_one_window:
            return
        own = swarm.document.get("validity", {"level": "VALID", "reasons": []})
        why = {f"{own['level']}".lower(): "; ".join(own["reasons"]) or "by its own account"}
        invalid, suspect = why.get("invalid", ""), why.get("suspect", "")
        for series in swarm.document.get("metrics", []):
            if series["name"] not in OF_THE_GENERATOR:
                for q in ("p50", "p99"):
                    measure = measure_of(f"{series['name']}.{q}", "ms")
                    self.add(measure, series[f"{q}_ms"], clients=users, invalid=invalid, suspect=suspect)
        reach = swarm.document.get("counts", {}).get("reach")
        if reach is not None:
            self.add(SWARM_REACH, reach, clients=users, invalid=invalid, suspect=suspect)
        run_s = float(
            swarm.document.get("duration_s") or stretch.wall_s
        )  # the stretch has Locust's start and end in it
        if stretch.server_cpu_s and run_s:
            share = stretch.server_cpu_s / run_s
            self.add(SERVER_SHARE, share, clients=users, invalid=invalid, suspect=suspect)

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

    def add_to_fact(self, name: str, value: float) -> None:
        """Count up a fact, from 0."""
        self.facts[name] = self.facts.get(name, 0.0) + value

    def disturbed_by(self) -> set[str]:
        """What spoiled readings in it, from outside."""
        return causes_of((each, it.measure.kind) for it in self._measures.values() for each in it.readings)

    def measured_again(self, *, still: set[str]) -> None:
        """A point was; `still`: what disturbed the attempt that was kept, too."""
        self._again += 1
        self._number_still += bool(still)
        self._still |= still

    def absorb(self, other: Book) -> None:
        """Everything that is in the other one comes after what is in this one."""
        for key, measured in other._measures.items():
            own = self._measures.setdefault(key, replace(measured, readings=[]))
            own.readings.extend(measured.readings)
        for key, series in other._series.items():
            mine = self._series.setdefault(
                key, replace(series, groups=[], ledgers=[], late_ms=[], repeats=[], stretches=[])
            )
            for name in ("groups", "ledgers", "late_ms", "repeats", "stretches"):
                getattr(mine, name).extend(getattr(series, name))
        for text in other.notes:
            self.note(text)
        for text in other.skipped:
            self.skip(text)
        self.faults.extend(other.faults)
        for name, value in other.facts.items():
            self.add_to_fact(name, value)

    def result(self, name: str, flags: Sequence[str]) -> Findings:
        """What has been written so far."""
        return Findings(
            name=name,
            flags=list(flags),
            measures=list(self._measures.values()),
            notes=[*self.notes, *self._again_words()],
            faults=self.faults,
            series=list(self._series.values()),
            skipped=self.skipped,
            facts=self.facts,
            stretch=self.stretch,
            traffic=self.traffic,
            swarm=self.swarm,
        )

    def _again_words(self) -> list[str]:
        if not self._again:
            return []
        words = f"{plural(self._again, 'point')} measured again, because {' or '.join(sorted(self.causes))}"
        still = f"; {self._number_still} of them still suspect" if self._number_still else ""
        return [words + still]

    def _add_bytes(self, measure: Measure, value: float, group: TrafficGroup) -> None:
        self.add(
            measure, value, clients=0, party=group.kind, rooms=group.rooms, changes_per_s=group.changes_per_s,
            invalid=group.invalid, suspect=group.suspect,
        )  # fmt: skip

    def _series_at(self, name: str, party: str, where: Where, *, interval_s: float = 0.0) -> Series:
        return self._series.setdefault(
            (name, party, where),
            Series(
                name=name, party=party, clients=where.clients, rooms=where.rooms, changes_per_s=where.changes_per_s,
                groups=[], interval_s=interval_s,
            ),
        )  # fmt: skip
