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
    UNDERSTATES = "understates the gain"
    """The figure is not right, and the truth is better for the specification's own case than it says."""
    DOES_NOT_HOLD = "does not hold"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Ruling:
    verdict: Verdict
    up_to: int | None = None
    """Clients, with `HOLDS_UP_TO`: the next size that was measured does not keep it. With `HOLDS`: larger sizes were
    tried and give no figure, which is not to have failed."""

    def __str__(self) -> str:
        if self.up_to is None:
            return self.verdict.value
        if self.verdict is Verdict.HOLDS:
            return f"holds as far as measured, {self.up_to:,} clients"
        return f"holds up to {self.up_to:,} clients"


NOT_MEASURED = Ruling(Verdict.NOT_MEASURED)


def rule(holds: bool | None) -> Ruling:
    """``None``: not measured."""
    if holds is None:
        return NOT_MEASURED
    return Ruling(Verdict.HOLDS if holds else Verdict.DOES_NOT_HOLD)


def rule_about(measured: float | None, claimed: float) -> Ruling:
    """Holds within a quarter of the claim, either way."""
    return rule(None if measured is None else abs(measured - claimed) <= ABOUT * claimed)


def rule_at_most(measured: float | None, claimed: float) -> Ruling:
    """A cost: holds when it is not more than a quarter above the claim. Cheaper than claimed breaks no promise."""
    return rule(None if measured is None else measured <= claimed * (1 + ABOUT))


def rule_cost_of_old(measured: Sequence[float], claimed: float) -> Ruling:
    """What the way that is to be replaced costs. More than claimed: the gain is greater than the specification says."""
    if not measured:
        return NOT_MEASURED
    if all(abs(each - claimed) <= ABOUT * claimed for each in measured):
        return rule(True)
    return Ruling(Verdict.UNDERSTATES) if min(measured) > claimed else rule(False)


def rule_up_to(by_clients: Sequence[tuple[int, float | None]], limit: float) -> Ruling:
    """A claim that depends on how many there are: `by_clients` has a figure for each size, ``None`` where invalid.

    Holds when every size that gives a figure is below the limit, as far as measured where a larger one gives none;
    holds up to the last size before the first that is above the limit; does not hold when the smallest is above it. A
    size without a figure has neither held nor failed.
    """
    up_to, sizes = None, sorted(by_clients)
    for clients, value in sizes:
        if value is None:
            continue
        if not value < limit:
            return Ruling(Verdict.HOLDS_UP_TO, up_to) if up_to is not None else rule(False)
        up_to = clients
    if up_to is None:
        return NOT_MEASURED
    return Ruling(Verdict.HOLDS, up_to if up_to < sizes[-1][0] else None)
