"""Verdicts on claims, from figures only. A claim is judged by a rule that is written beside it; nobody types one in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

ABOUT = 0.25
"""What "~" and a round number may be off by: a quarter."""


class Verdict(str, Enum):
    HOLDS = "holds"
    HOLDS_UP_TO = "holds up to"
    DOES_NOT_HOLD = "does not hold"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Ruling:
    verdict: Verdict
    up_to: int | None = None
    """Clients, with `HOLDS_UP_TO`."""

    def __str__(self) -> str:
        return f"holds up to {self.up_to:,} clients" if self.up_to is not None else self.verdict.value


NOT_MEASURED = Ruling(Verdict.NOT_MEASURED)


def judge(holds: bool | None) -> Ruling:
    """``None``: not measured."""
    if holds is None:
        return NOT_MEASURED
    return Ruling(Verdict.HOLDS if holds else Verdict.DOES_NOT_HOLD)


def judge_about(measured: float | None, claimed: float) -> Ruling:
    """Holds within a quarter of the claim, either way."""
    return judge(None if measured is None else abs(measured - claimed) <= ABOUT * claimed)


def judge_at_most(measured: float | None, claimed: float) -> Ruling:
    """A cost: holds when it is not more than a quarter above the claim. Cheaper than claimed breaks no promise."""
    return judge(None if measured is None else measured <= claimed * (1 + ABOUT))


def judge_up_to(by_clients: Sequence[tuple[int, float | None]], limit: float) -> Ruling:
    """A claim that depends on how many there are: `by_clients` has a figure for each size, ``None`` where invalid.

    Holds when every size was measured and is below the limit; holds up to the last size before the first that is above
    the limit or was not measured; does not hold when the smallest is above it.
    """
    up_to = None
    for clients, value in sorted(by_clients):
        if value is None:
            return Ruling(Verdict.HOLDS_UP_TO, up_to) if up_to is not None else NOT_MEASURED
        if not value < limit:
            return Ruling(Verdict.HOLDS_UP_TO, up_to) if up_to is not None else judge(False)
        up_to = clients
    return judge(True) if up_to is not None else NOT_MEASURED
