"""When the reads of one turn arrived, by columns: see `loadtest.client.sockets.arrival`."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from loadtest.client.sockets.arrival import COMPARE_EVERY_S, LONGEST_WAIT_S, SO_TIMESTAMPNS, ArrivalClock, Control

_STAMP = struct.Struct("@qq")
_STAMP_BYTES = _STAMP.size
"""Seconds and nanoseconds, 8 bytes each."""
FEW = 128
"""Up to so many are worked out one by one: of a process that does little, each of numpy's functions has to be fetched
from memory. 5 reads take 6 µs in place of 18, 60 take 24 in place of 34, 200 would take 49 in place of 39."""


class ManyArrivals(ArrivalClock):
    """Says the same of several reads as of each, to the last digit, for 0.2 µs each."""

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
        if len(stamps) > FEW:
            seconds, nanoseconds = np.frombuffer(b"".join(stamps), np.int64).reshape(-1, 2).T
            many = seconds - self._wall_less_clock_s + nanoseconds * 1e-9
            return np.where((many > now_s - LONGEST_WAIT_S) & (many < now_s), many, now_s)
        less_s, oldest_s = self._wall_less_clock_s, now_s - LONGEST_WAIT_S
        found = [seconds - less_s + nanoseconds * 1e-9 for seconds, nanoseconds in _STAMP.iter_unpack(b"".join(stamps))]
        if found and not (min(found) > oldest_s and max(found) < now_s):
            found = [at_s if oldest_s < at_s < now_s else now_s for at_s in found]
        return np.array(found, np.float64)
