"""What a judged claim is made of, and the words that several claims share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.analysis.derived.latency import Latency
from bench.analysis.derived.traffic import IdleCost
from bench.analysis.sources import NO_CLAIM, broadcasts
from bench.analysis.verdicts import Ruling
from bench.citations import Quantity, cite
from bench.words import in_bytes, in_ms, size
from loadtest.results.validity import Validity


@dataclass(frozen=True)
class Promise:
    section: str
    claim: str
    measured: str
    """Empty when nothing was."""
    ruling: Ruling
    rule: str
    """How it was judged, or why it was not measured."""
    of: Quantity = field(default_factory=lambda: NO_CLAIM)
    """The verdict as a conclusion, for the auditor."""
    is_variant: bool = False
    """A stricter reading of the lab's own: told apart, and no claim of the specification."""


NOTICED_MS = 100.0
"""One rule for all words of speed without a number, "within milliseconds", "immediately", "instantly": sooner than
people notice a delay (Nielsen, Usability Engineering, 1993, chapter 5)."""


def valid(costs: Sequence[IdleCost]) -> list[IdleCost]:
    return [cost for cost in costs if cost.valid]


def values(latencies: Sequence[Latency], figure: Callable[[Latency], float]) -> list[tuple[int, float | None]]:
    """A figure by number of clients: ``None`` where it is not valid, infinite where somebody was left out."""
    return [
        (latency.clients, (figure(latency) if not latency.lost else float("inf")) if latency.valid else None)
        for latency in latencies
    ]


def lasts(series: str, latencies: Sequence[Latency], *, worst: bool = False) -> str:
    """When the last client had it, by size: in the median broadcast of the series, or in the slowest (`worst`)."""

    def told(latency: Latency) -> str:
        text = in_ms(latency.worst_last_ms if worst else latency.last_ms)
        return cite(text, broadcasts(series, latency.clients, "slowest" if worst else "last"))

    return ", ".join(f"{told(latency)} at {size(latency.clients)}{_doubt(latency)}" for latency in latencies)


def _doubt(latency: Latency) -> str:
    """The mark of a figure in a row: the section that it comes from says why."""
    if not latency.valid:
        return " (INVALID)"
    return " (suspect)" if latency.judgement.validity is Validity.SUSPECT else ""


def by_rooms(costs: Sequence[IdleCost], values: Sequence[float], of: Sequence[Quantity]) -> str:
    return ", ".join(
        f"{cite(in_bytes(value), quantity)} with {size(cost.rooms)} rooms"
        for cost, value, quantity in zip(costs, values, of, strict=False)
    )
