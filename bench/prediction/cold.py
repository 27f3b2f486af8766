"""How much more work costs the longer ago it was done last: caches have gone to others meanwhile, and a hypervisor may
have set memory aside.

A curve has steps: from nothing, where work is done again so soon that it is warm, to what is more after its first time,
from there to what is more after its second, and so on. Between two times it goes up evenly on a logarithmic scale;
beyond the last time it is level, because nothing was measured there. No step goes down.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log


def shares(idle_s: float, warm_ms: float, after_ms: Sequence[float]) -> list[float]:
    """Of each step, the part that is reached `idle_s` after the work was done last: 0 to 1."""
    idle_ms, found = idle_s * 1e3, []
    before_ms = warm_ms
    for at_ms in after_ms:
        if idle_ms >= at_ms:
            found.append(1.0)
        elif idle_ms <= before_ms:
            found.append(0.0)
        else:
            found.append(log(idle_ms / before_ms) / log(at_ms / before_ms))
        before_ms = at_ms
    return found


class Chill:
    """A curve that is asked often. `more_s`: CPU that is more after each of the times; none of them: always 0."""

    def __init__(self, warm_ms: float, after_ms: Sequence[float], more_s: Sequence[float]) -> None:
        self._warm_ms, self._after_ms = warm_ms, tuple(after_ms)
        self._steps_s = [more - before for more, before in zip(more_s, (0.0, *more_s), strict=False)]
        self._warm_s = warm_ms / 1e3 if after_ms else inf
        self._cold_s = after_ms[-1] / 1e3 if after_ms else inf
        self._most_s = more_s[-1] if more_s else 0.0

    def more_s(self, idle_s: float) -> float:
        """CPU of a piece of work beside its cost when warm, so long after it was done last."""
        if not self._after_ms or idle_s <= self._warm_s:
            return 0.0
        if idle_s >= self._cold_s:
            return self._most_s
        reached = shares(idle_s, self._warm_ms, self._after_ms)
        return sum(share * step_s for share, step_s in zip(reached, self._steps_s, strict=True))


ALWAYS_WARM = Chill(0.0, (), ())
