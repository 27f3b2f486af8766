"""The heartbeats of one connection: which answer belongs to which ping, and which ping got none.

An answer does not say what it answers. TCP keeps the order, so the n-th answer belongs to the n-th ping, unless one
was never sent. A server that stood still answers all pings in the end; one that dropped an answer goes on answering
the next ones at once and stays behind by one for ever. So a round trip counts as soon as there are as many answers as
pings; where there are fewer and the last ping was answered long ago, the oldest ones got no answer.
"""

from __future__ import annotations

CAUGHT_UP_S = 1.0
"""A server that has answered a ping sent after others, and says no more for this time, will not answer those."""
UNANSWERED_S = 5.0
"""Without an answer for so long when the connection is closed, a ping counts as unanswered."""


class Heartbeats:
    __slots__ = ("_heard_s", "_sent_s", "_to_skip")

    def __init__(self) -> None:
        self._sent_s: tuple[float, ...] = ()  # tuples: most of the time there is none, and that takes nothing
        self._heard_s: tuple[float, ...] = ()
        self._to_skip = 0

    def __len__(self) -> int:
        """Pings without an answer."""
        return len(self._sent_s) - len(self._heard_s)

    @property
    def is_idle(self) -> bool:
        """Every ping has its answer."""
        return not self._sent_s and not self._to_skip

    @property
    def is_behind(self) -> bool:
        """Answers have come, but not as many as pings went out."""
        return bool(self._heard_s)

    def sent(self, at_s: float) -> None:
        self._sent_s = (*self._sent_s, at_s)

    def heard(self, at_s: float) -> list[float]:
        """An answer arrived. Returns the round trips that are known by it, in seconds."""
        if self._to_skip:
            self._to_skip -= 1
        elif len(self):
            self._heard_s = (*self._heard_s, at_s)
            if not len(self):
                return self._take()
        return []

    def give_up(self, now_s: float) -> tuple[int, list[float]]:
        """How many pings got no answer, and the round trips of those after them. Nothing while it is not sure."""
        if not self._heard_s or self._heard_s[-1] < self._sent_s[-1] or now_s - self._heard_s[-1] < CAUGHT_UP_S:
            return 0, []
        unanswered = len(self)
        self._sent_s = self._sent_s[unanswered:]
        return unanswered, self._take()

    def close(self, now_s: float) -> int:
        """The player leaves. Returns how many pings have waited for an answer for too long."""
        waiting = self._sent_s[: len(self)]
        self.clear()
        return sum(now_s - sent_s > UNANSWERED_S for sent_s in waiting)

    def skip(self) -> None:
        """Nothing is read for a while: the round trips of what is under way would contain the pause."""
        self._to_skip += len(self)
        self._sent_s = self._heard_s = ()

    def clear(self) -> None:
        self._sent_s = self._heard_s = ()
        self._to_skip = 0

    def _take(self) -> list[float]:
        taken = [heard_s - sent_s for sent_s, heard_s in zip(self._sent_s, self._heard_s, strict=True)]
        self._sent_s = self._heard_s = ()
        return taken
