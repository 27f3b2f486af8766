"""When bytes arrived, by the kernel's clock: SO_TIMESTAMPNS of socket(7).

A busy process reads late. The kernel stamps each segment when the network hands it over, and tells with what is read
the stamp of the last segment in it. So a message that waited behind others of its own socket has the time of the last
of them, and one that waited for this process has the time of the network.

The stamps are of the wall clock; everything here counts by `time.perf_counter`. Their difference is measured again and
again, for the wall clock may be set. Where the kernel has no stamps (TLS, other systems), the time of reading counts.
"""

from __future__ import annotations

import contextlib
import math
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

SO_TIMESTAMPNS = 35
"""Of asm-generic/socket.h on 64-bit Linux, as option and as type of the control message."""
STAMP_BYTES = socket.CMSG_SPACE(16) if hasattr(socket, "CMSG_SPACE") else 0
COMPARE_EVERY_S = 0.25
SURE_S = 20e-6
"""Between two readings of one clock: then nothing came between, and the other one was read at that time."""
LONGEST_WAIT_S = 600.0
"""A stamp further back is one of a clock that was set."""

_STAMP = struct.Struct("@qq")
Control = list[tuple[int, int, bytes]]
"""What came beside the bytes of one read."""
HAS_STAMPS = sys.platform == "linux" and sys.maxsize > 2**32 and hasattr(socket.socket, "recvmsg")


def stamp_arrivals(sock: Any) -> None:
    """Have the kernel stamp what comes on this socket from now on. No effect where it cannot."""
    if HAS_STAMPS:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)


class ArrivalClock:
    """Stamps as times of `time.perf_counter`. One per process is enough."""

    def __init__(
        self, *, clock: Callable[[], float] = time.perf_counter, wall: Callable[[], float] = time.time
    ) -> None:
        self._clock = clock
        self._wall = wall
        self._compared_s = -math.inf
        self._wall_less_clock_s = 0.0

    def arrived_s(self, control: Control, now_s: float) -> float:
        """When what came with these control messages arrived; `now_s` where they do not say."""
        for level, kind, data in control:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(data) >= _STAMP.size:
                if now_s - self._compared_s > COMPARE_EVERY_S:
                    self._compare(now_s)
                seconds, nanoseconds = _STAMP.unpack_from(data)
                at_s: float = seconds - self._wall_less_clock_s + nanoseconds * 1e-9
                return at_s if now_s - LONGEST_WAIT_S < at_s < now_s else now_s
        return now_s

    def _compare(self, now_s: float) -> None:
        """Between two readings that are close together; of a few tries, the best."""
        best_s = math.inf
        for _ in range(5):
            before_s, wall_s, after_s = self._clock(), self._wall(), self._clock()
            if after_s - before_s < best_s:
                best_s = after_s - before_s
                self._wall_less_clock_s = wall_s - (before_s + after_s) / 2
            if best_s < SURE_S:
                break
        self._compared_s = now_s
