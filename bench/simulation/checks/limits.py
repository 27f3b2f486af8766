"""What is limited over all nodes: nobody gets more than the rate and the burst, whichever nodes they ask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.simulation.nodes.calls import Knock

LATE_S = 4.0
"""By how much the clock that counts may be set forward or back while it does, and an answer be late."""


@dataclass(frozen=True)
class _LetIn:
    at_s: float
    share: float
    """Of the limit that its node grants by itself; 1.0 where the nodes count together."""


class Limits:
    """Of one run. `burst` at once, and `rate_per_s` after that."""

    def __init__(self, *, rate_per_s: float, burst: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._let_in: dict[tuple[int, str], list[_LetIn]] = {}
        """By user, and the node that counted; empty: all together."""

    def take(self, user_id: int, knock: Knock, *, at_s: float) -> str | None:
        """What is wrong with a call that was let in or refused; None: nothing. Calls come as they were answered."""
        if knock.said is not None and knock.is_let_in != (knock.said == 0.0):
            said = "let in" if knock.said == 0.0 else "refused"
            return f"user {user_id} is {said} by the nodes together, and {knock.node} does the other thing"
        if knock.is_let_in:
            counted_by = knock.node if knock.said is None else ""
            share = 1.0 if knock.said is not None else 1 / max(1, knock.nodes)
            self._let_in.setdefault((user_id, counted_by), []).append(_LetIn(at_s, share))
        return None

    def lost(self) -> None:
        """What the nodes have counted together is gone."""
        for counted in [key for key in self._let_in if not key[1]]:
            del self._let_in[counted]

    def faults(self) -> Iterator[str]:
        """Who was let in more often than is allowed, in any stretch of time; each of them once."""
        for (user_id, node), let_in in self._let_in.items():
            first = next(self._too_many(let_in, spare=1 if node else 0), None)
            if first is not None:
                by = f"by {node} alone" if node else "by the nodes together"
                yield f"user {user_id} is let in {first[0]} times within {first[1]:.1f} s {by}"

    def _too_many(self, let_in: Sequence[_LetIn], *, spare: int) -> Iterator[tuple[int, float]]:
        """How many, and within which time."""
        for first, one in enumerate(let_in):
            share = one.share
            for many, other in enumerate(let_in[first:], 1):
                share = max(share, other.share)
                lasts_s = other.at_s - one.at_s
                if many > (self._burst + self._rate_per_s * (lasts_s + LATE_S)) * share + spare:
                    yield many, lasts_s
