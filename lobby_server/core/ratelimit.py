"""How much of something is too much: a pace, and one pace a key."""

from __future__ import annotations

from collections.abc import Iterable

REFUSED = -1.0


class Pace:
    """Allows `rate_per_s` on average and `burst` at once; a rate of 0 allows everything.

    The generic cell rate algorithm: the state of one who is limited is a single number, the time at which they would
    have used up nothing. It starts at 0.0, so a thousand connections cost a thousand floats and no objects.
    """

    def __init__(self, *, rate_per_s: float, burst: float) -> None:
        self.rate_per_s = rate_per_s
        self._interval_s = 1.0 / rate_per_s if rate_per_s else 0.0
        self._tolerance_s = max(burst - 1.0, 0.0) * self._interval_s

    def take(self, state_s: float, now_s: float) -> float:
        """The new state when one more is allowed now, `REFUSED` when it is not."""
        if now_s < state_s - self._tolerance_s:
            return REFUSED
        return max(state_s, now_s) + self._interval_s

    def wait_s(self, state_s: float, now_s: float) -> float:
        """Seconds until one more is allowed."""
        return max(0.0, state_s - self._tolerance_s - now_s)


class KeyedLimit:
    """One pace a key, for instance an address. Keys that have used up nothing are dropped: memory is bounded by those
    seen within the time that a burst takes to be forgotten."""

    SWEEP_EVERY = 1024

    def __init__(self, *, rate_per_s: float, burst: float) -> None:
        self._pace = Pace(rate_per_s=rate_per_s, burst=burst)
        self._burst = burst
        self._states: dict[str, float] = {}
        self._until_sweep = self.SWEEP_EVERY

    def __len__(self) -> int:
        return len(self._states)

    def take(self, key: str, now_s: float, *, sharers: int = 1) -> float:
        """0.0 when one more of that key is allowed now, otherwise the seconds to wait. `sharers`: so many count each
        for itself, and each has its share of the rate and of the burst."""
        if not self._pace.rate_per_s:
            return 0.0
        pace = self._pace
        if sharers > 1:
            pace = Pace(rate_per_s=pace.rate_per_s / sharers, burst=self._burst / sharers)
        self._until_sweep -= 1
        if not self._until_sweep:
            self._until_sweep = self.SWEEP_EVERY
            self._states = {known: state_s for known, state_s in self._states.items() if state_s > now_s}
        state_s = self._states.get(key, 0.0)
        taken_s = pace.take(state_s, now_s)
        if taken_s == REFUSED:
            return pace.wait_s(state_s, now_s)
        self._states[key] = taken_s
        return 0.0

    def states(self, now_s: float) -> list[tuple[str, float]]:
        """What is not forgotten by now, by key."""
        return sorted((key, state_s) for key, state_s in self._states.items() if state_s > now_s)

    def load(self, states: Iterable[tuple[str, float]]) -> None:
        """Go on from `states` of another one."""
        self._states = dict(states)
