"""How late the event loop is: a timer that looks how long after its moment it was called.

Whatever keeps the loop busy delays everything: pongs, newcomers, events. A call takes 2 µs on the machine of
``reports/``, ten per second; what lies between two of them and is shorter than a tenth of a second may go unseen.
"""

from __future__ import annotations

from lobby_server.service.ports import Clock, Timer

PROBE_EVERY_S = 0.1


class LoopLag:
    """`start` it; then `worst_s` is the greatest lateness since it was last taken."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._timer: Timer | None = None
        self._due_s = 0.0
        self._worst_s = 0.0

    def start(self) -> None:
        self._arm()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def take_worst_s(self) -> float:
        """The worst since the last call, a call that is overdue now included."""
        late_s = self._clock.monotonic_s() - self._due_s if self._timer is not None else 0.0
        worst_s, self._worst_s = max(self._worst_s, late_s), 0.0
        return worst_s

    # -- private --------------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        self._due_s = self._clock.monotonic_s() + PROBE_EVERY_S
        self._timer = self._clock.call_later(PROBE_EVERY_S, self._probe)

    def _probe(self) -> None:
        self._worst_s = max(self._worst_s, self._clock.monotonic_s() - self._due_s)
        self._arm()
