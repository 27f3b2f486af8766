"""How long broadcasts took to reach their clients: all receipts of a size, merged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bench.analysis.validity import Judgement, judge_broadcasts
from bench.record.findings import Series, sum_ledgers, sum_stretches
from bench.stats import FloatArray, Summary, median_of, merge, percentile, summarize
from loadtest.results.validity import Validity

T = TypeVar("T")


MOST_ALIKE = 1.25
"""A first broadcast that is no more than so many times the others is like them."""

LEAST_REPEATS = 3
"""In which the first broadcast was the slowest, to be no chance."""


@dataclass(frozen=True)
class Herds:
    """When the last client had it, ms, where the first broadcast of each fresh server was slower than all after it."""

    repeats: int
    first_ms: float
    """The median over the repeats."""
    later_ms: float
    """The median over all that were not the first."""


@dataclass(frozen=True)
class Latency:
    """One kind of broadcast at one size; all in ms, from the intended time."""

    clients: int
    broadcasts: int
    summary: Summary | None
    """Of all receipts of all broadcasts, merged."""
    p50s_ms: list[float]
    p99s_ms: list[float]
    """Of the receipts of each repeat. Broadcasts of one repeat share a server and its moment, so a repeat is what is
    drawn anew; how far these lie apart is told with their number, and no interval is made of so few."""
    typical_p99_ms: float
    """The p99 within one broadcast: the median over the broadcasts, never later than `last_ms`. A median of broadcasts
    is half way between the two in the middle where their number is even, as everywhere: of two kinds of herds, half
    each, the lower of the two would be that of the faster kind."""
    first_ms: float
    """When the first client had it: the median over the broadcasts."""
    last_ms: float
    """When the last client had it: the median over the broadcasts. The p99 of `summary` is of all broadcasts
    together, and a slow one makes it later than this; it is never later than `worst_last_ms`."""
    herds: Herds | None
    """``None`` where the first broadcast of a fresh server was like the others."""
    lasts_ms: list[float]
    """When the last client had it, in each broadcast."""
    worst_last_ms: float
    """When the last client had it, in the slowest broadcast."""
    reach: float
    """Received ÷ expected."""
    lost: int
    lost_by: dict[str, int]
    twice: int
    disordered: int
    late_worst_ms: float
    server_ms_per_broadcast: float
    server_share: float
    """Of a core, over as many intervals as there were broadcasts: the quiet before and after them is not in it."""
    server_waited: float
    """Part of the time in which it would have worked that other work had its core."""
    generator_share: float
    judgement: Judgement
    samples_ms: FloatArray

    @property
    def valid(self) -> bool:
        return self.judgement.validity is not Validity.INVALID and self.summary is not None


def latency_of(series: Series) -> Latency:
    """Of all repeats: their broadcasts are merged, their stretches added up."""
    groups = [samples.values_ms() for samples in series.groups]
    merged = merge(groups)
    filled = [group for group in groups if len(group)]
    lasts = [float(group[-1]) for group in filled]
    number = len(groups)
    repeats = [whole for whole in _by_repeat(series, groups) if len(whole)]
    ledger, stretch = sum_ledgers(series.ledgers), sum_stretches(series.stretches)
    window_s = series.interval_s * number
    return Latency(
        clients=series.clients,
        broadcasts=number,
        summary=summarize(merged),
        p50s_ms=[percentile(each, 50) for each in repeats],
        p99s_ms=[percentile(each, 99) for each in repeats],
        typical_p99_ms=median_of([percentile(group, 99) for group in filled]),
        first_ms=median_of([float(group[0]) for group in filled]),
        last_ms=median_of(lasts),
        herds=_herds(_repeats_of(series, lasts)) if len(filled) == number else None,
        lasts_ms=lasts,
        worst_last_ms=max(lasts, default=float("nan")),
        reach=len(merged) / ledger.expected if ledger.expected else float("nan"),
        lost=ledger.expected - len(merged),
        lost_by=ledger.lost,
        twice=ledger.twice,
        disordered=ledger.disordered,
        late_worst_ms=max(series.late_ms, default=0.0),
        server_ms_per_broadcast=stretch.server_cpu_s * 1e3 / number if number else float("nan"),
        server_share=stretch.server_cpu_s / window_s if window_s else float("nan"),
        server_waited=stretch.server_waited,
        generator_share=max((each.generator_share for each in series.stretches), default=0.0),
        judgement=judge_broadcasts(series),
        samples_ms=merged,
    )


def _by_repeat(series: Series, groups: Sequence[FloatArray]) -> Iterator[FloatArray]:
    return (merge(own) for own in _repeats_of(series, groups))


def _repeats_of(series: Series, each: Sequence[T]) -> Iterator[Sequence[T]]:
    """What there is of each broadcast, repeat by repeat."""
    first = 0
    for number in series.repeats or [1] * len(each):
        yield each[first : first + number]
        first += number


def _herds(repeats: Iterator[Sequence[float]]) -> Herds | None:
    lasts = [each for each in repeats if len(each) > 1]
    if len(lasts) < LEAST_REPEATS or any(each[0] <= max(each[1:]) for each in lasts):
        return None
    first_ms, later_ms = median_of([each[0] for each in lasts]), median_of([ms for each in lasts for ms in each[1:]])
    return Herds(len(lasts), first_ms, later_ms) if first_ms > MOST_ALIKE * later_ms else None


def by_clients(series: Sequence[Series]) -> list[Latency]:
    """Of each size, the smallest first; series of a stream of changes are left out."""
    alone = [each for each in series if not each.changes_per_s]
    return [latency_of(each) for each in sorted(alone, key=lambda each: each.clients)]


def by_rate(series: Sequence[Series]) -> list[tuple[float, Latency]]:
    """Of each stream of changes, the slowest first, with its rate in changes per second."""
    streams = [each for each in series if each.changes_per_s]
    return [(each.changes_per_s, latency_of(each)) for each in sorted(streams, key=lambda each: each.changes_per_s)]
