"""The security log: what somebody tried that they may not, with the address it came from.

Each is counted; lines are written at a bounded rate per address and in all, so that nobody fills a disk with them. No
secret, token, password or name that was typed stands in a line.
"""

from __future__ import annotations

import logging

from lobby_server.core.addresses import bucket_of
from lobby_server.core.ratelimit import REFUSED, KeyedLimit, Pace
from lobby_server.service.ports import Clock
from lobby_server.service.watch.events import LogEvent
from lobby_server.service.watch.metrics import Metrics

log = logging.getLogger("lobby.security")

LINES_PER_S_OF_AN_ADDRESS = 0.5
BURST_OF_AN_ADDRESS = 30
"""Lines of one kind. More than tools like fail2ban need to see before they act."""
LINES_PER_S = 50.0
BURST = 500
"""Lines in all: 10 KiB per second at most, however many addresses an attack has."""


class SecurityLog:
    """One per server."""

    def __init__(self, *, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._of_address = KeyedLimit(rate_per_s=LINES_PER_S_OF_AN_ADDRESS, burst=BURST_OF_AN_ADDRESS)
        self._of_all = Pace(rate_per_s=LINES_PER_S, burst=BURST)
        self._of_all_s = 0.0

    def report(self, event: LogEvent, sentence: str, *, address: str, **fields: object) -> None:
        """Count it, and write a line with these fields unless there were too many. `sentence` and the values of
        `fields` are ours or were checked: nothing that a stranger wrote."""
        self._metrics.security_events[event.value] += 1
        now_s = self._clock.monotonic_s()
        all_s = self._of_all.take(self._of_all_s, now_s)
        if all_s == REFUSED or self._of_address.take(f"{event.value} {bucket_of(address)}", now_s):
            self._metrics.security_lines_left_out += 1
            return
        self._of_all_s = all_s
        log.warning("%s", sentence, extra={"event": event.value, "address": address or "unknown", **fields})
