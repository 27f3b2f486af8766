"""When the reads of one turn arrived, by columns: see `loadtest.client.sockets.arrival`."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from loadtest.client.sockets.arrival import COMPARE_EVERY_S, LONGEST_WAIT_S, SO_TIMESTAMPNS, ArrivalClock, Control

_STAMP_BYTES = 16
"""Seconds and nanoseconds, 8 bytes each."""


class ManyArrivals(ArrivalClock):
    """Says the same of several reads as of each, to the last digit, for a tenth of a microsecond each."""

    def arrived_many_s(self, controls: Sequence[Control], now_s: float) -> npt.NDArray[np.float64]:
        if now_s - self._compared_s > COMPARE_EVERY_S:
            self._compare(now_s)
        try:
            stamps = [
                data
                for ((level, kind, data),) in controls
                if kind == SO_TIMESTAMPNS and level == socket.SOL_SOCKET and len(data) == _STAMP_BYTES
            ]
        except ValueError:  # one has none, or several
            stamps = []
        if len(stamps) != len(controls):
            return np.array([self.arrived_s(control, now_s) for control in controls], np.float64)
        seconds, nanoseconds = np.frombuffer(b"".join(stamps), np.int64).reshape(-1, 2).T
        found = seconds - self._wall_less_clock_s + nanoseconds * 1e-9
        return np.where((found > now_s - LONGEST_WAIT_S) & (found < now_s), found, now_s)
