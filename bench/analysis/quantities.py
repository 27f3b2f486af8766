"""Every figure of a run in one list, whatever measured it: to compare runs, to judge one, to list it for a machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.analysis.estimates import Estimate, Kind, estimate_readings, kind_of
from bench.analysis.figures import traffic_costs
from bench.analysis.goals import UNCHANGED
from bench.analysis.validity import Judgement, Reason, Validity, judge_phase
from bench.analysis.windows import over_the_window
from bench.record.findings import LOBBY, Reading, Where
from bench.record.results import BroadcastPoint, Phase, Run
from bench.stats import merge, percentile

MORE_IS_BETTER = ("reach", "fresher", "meet the service level")
"""Words in the names of quantities that are good when they are large; `Kind.COUNT` without them is neither."""


SWARM_LEVELS = {"VALID": Validity.VALID, "SUSPECT": Validity.SUSPECT, "INVALID": Validity.INVALID}
OF_THE_GENERATOR = ("lateness", "loop_lag")
"""Series of a swarm that say how it did itself."""

WITH_OTHERS = ("peers", "fanout", "rooms-get")
OWN = (LOBBY, UNCHANGED)
"""Parties that are this server."""


@dataclass(frozen=True)
class Quantity:
    """One figure, with the readings that it is made of."""

    scenario: str
    name: str
    party: str
    where: Where
    unit: str
    kind: Kind
    readings: Sequence[Reading]
    judgement: Judgement | None = None
    """Where it does not follow from the readings."""

    @property
    def key(self) -> tuple[str, str, str, Where]:
        return (self.scenario, self.name, self.party, self.where)

    @property
    def is_control(self) -> bool:
        """Not of this server but of another in the same run: it says how the machine is, not how the code is."""
        return self.scenario in WITH_OTHERS and self.party not in OWN

    @property
    def estimate(self) -> Estimate | None:
        return estimate_readings(self.readings, self.kind)

    @property
    def validity(self) -> Validity:
        if self.judgement is not None:
            return self.judgement.validity
        found = self.estimate
        return found.judgement.validity if found is not None else Validity.VALID

    @property
    def reasons(self) -> str:
        found = self.estimate
        return str(self.judgement or (found.judgement if found is not None else ""))

    @property
    def more_is_better(self) -> bool | None:
        """``None``: neither more nor less of it is good by itself."""
        if self.kind is Kind.RATE or any(word in self.name for word in MORE_IS_BETTER):
            return True
        return None if self.kind is Kind.COUNT else False

    def __str__(self) -> str:
        words = [self.name]
        if self.party != LOBBY:
            words.append(self.party)
        if self.where.clients:
            words.append(f"{self.where.clients:,} clients")
        if self.where.rooms:
            words.append(f"{self.where.rooms} rooms")
        if self.where.changes_per_s:
            words.append(f"{self.where.changes_per_s:g} changes/s")
        return f"{self.scenario}: {', '.join(words)}"


def quantities(run: Run) -> list[Quantity]:
    """In the order of the report; rates are those of the windows, also of runs that were counted over more."""
    run = over_the_window(run)
    found = [*_broadcast(run), *_bandwidth(run), *_swarm(run)]
    for result in run.findings:
        found += [
            Quantity(result.name, measure.name, measure.party, measure.where, measure.unit, kind_of(measure),
                     measure.readings)
            for measure in result.measures
        ]  # fmt: skip
    return found


def invalid(run: Run) -> list[Quantity]:
    """A run with an invalid figure is not one to build on (exit code 4)."""
    return [each for each in quantities(run) if each.validity is Validity.INVALID]


def _broadcast(run: Run) -> Iterator[Quantity]:
    if run.broadcast is None:
        return
    points: dict[int, list[BroadcastPoint]] = {}
    for point in run.broadcast.points:
        points.setdefault(point.clients, []).append(point)
    for clients, same in sorted(points.items()):
        for words, phases, is_fresh in (
            ("announcement", [point.notify for point in same], False),
            ("fresh list", [point.refetch for point in same], True),
            ("status", [point.presence for point in same], False),
        ):
            yield from _phases(words, Where(clients), [phase for phase in phases if phase.broadcasts], is_fresh)
    rates = sorted({rate.changes_per_s for rate in run.broadcast.rates})
    for rate in rates:
        same_rate = [each for each in run.broadcast.rates if each.changes_per_s == rate]
        where = Where(same_rate[0].clients, 0, rate)
        yield from _phases("announcement", where, [each.phase for each in same_rate], False)


def _phases(words: str, where: Where, phases: Sequence[Phase], is_fresh: bool) -> Iterator[Quantity]:
    if not phases:
        return
    judged = [judge_phase(phase) for phase in phases]
    for name, q in ((f"{words} p50", 50), (f"{words} p99", 99), (f"{words}, last client", None)):
        readings = []
        for phase, judgement in zip(phases, judged, strict=True):
            groups = [
                samples.values_ms()
                for broadcast in phase.broadcasts
                if (samples := broadcast.fresh if is_fresh else broadcast.received) is not None and len(samples)
            ]
            if not groups:
                continue
            value = percentile(merge(groups), q) if q else percentile([float(group[-1]) for group in groups], 50)
            why = str(judgement) if judgement.validity is Validity.INVALID else ""
            readings.append(Reading(value, invalid=why))
        yield Quantity("broadcast", name, LOBBY, where, "ms", Kind.TIME, readings)
    cpu = [Reading(phase.load.server_cpu_s * 1e6 / len(phase.broadcasts) / max(1, where.clients)) for phase in phases]
    yield Quantity("broadcast", f"server CPU a client and {words}", LOBBY, where, "µs", Kind.CPU, cpu)


def _bandwidth(run: Run) -> Iterator[Quantity]:
    if run.bandwidth is None:
        return
    for cost in traffic_costs(run.bandwidth, window_s=run.profile.bandwidth.window_s):
        where = Where(0, cost.rooms, cost.changes_per_s)
        for name, value in (
            ("framed bytes a client-hour", cost.framed),
            ("bytes a client-hour with TCP/IP, measured", cost.measured),
            ("bytes a client-hour with TCP/IP, model", cost.model),
        ):
            if value is not None:
                yield Quantity("bandwidth", name, cost.kind, where, "B", Kind.BYTES, [Reading(value)], cost.judgement)


def _swarm(run: Run) -> Iterator[Quantity]:
    """By the names that thresholds have. None of a swarm that shared its window: its times are for the picture."""
    if run.swarm is None or run.profile.in_one_window:
        return
    swarm, where = run.swarm.swarm, Where(run.profile.swarm.users)
    own = swarm.get("validity", {"level": "VALID", "reasons": []})
    judgement = Judgement(SWARM_LEVELS[own["level"]], tuple(Reason(reason) for reason in own["reasons"]))

    def quantity(name: str, value: float, unit: str, kind: Kind) -> Quantity:
        return Quantity("swarm", name, LOBBY, where, unit, kind, [Reading(value)], judgement)

    for series in swarm.get("metrics", []):
        if series["name"] not in OF_THE_GENERATOR:
            for percentile_name in ("p50", "p99"):
                name = f"{series['name']}.{percentile_name}"
                yield quantity(name, series[f"{percentile_name}_ms"], "ms", Kind.TIME)
    reach = swarm.get("counts", {}).get("reach")
    if reach is not None:
        yield quantity("reach", reach, "", Kind.COUNT)
    if run.swarm.load.server_cpu_s and run.swarm.load.wall_s:
        yield quantity("server CPU, of a core", run.swarm.load.server_cpu_s / run.swarm.load.wall_s, "", Kind.CPU)
