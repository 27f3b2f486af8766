"""What a judged claim is made of, and the words that several claims share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.analysis.derived.latency import Latency
from bench.analysis.derived.traffic import IdleCost
from bench.analysis.verdicts import Ruling
from bench.words import count, in_bytes, in_ms


@dataclass(frozen=True)
class Promise:
    section: str
    claim: str
    measured: str
    """Empty when nothing was."""
    ruling: Ruling
    rule: str
    """How it was judged, or why it was not measured."""
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


def lasts(latencies: Sequence[Latency], *, worst: bool = False) -> str:
    return ", ".join(
        f"{in_ms(latency.worst_last_ms if worst else latency.last_ms)} at {count(latency.clients)}"
        + ("" if latency.valid else " (INVALID)")
        for latency in latencies
    )


def by_rooms(costs: Sequence[IdleCost], values: Sequence[float]) -> str:
    return ", ".join(f"{in_bytes(value)} with {cost.rooms} rooms" for cost, value in zip(costs, values, strict=False))
