"""The real clock: monotonic time, the wall clock, and the loop's timers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from lobby_server.service.ports import Timer

_ELAPSED = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux alone has the first."""


class LoopClock:
    """A `SharedClock` over the running asyncio loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    monotonic_s = staticmethod(time.monotonic)

    def elapsed_s(self) -> float:
        return time.clock_gettime(_ELAPSED)

    def utc_now(self) -> datetime:
        return datetime.now(timezone.utc)

    def call_later(self, delay_s: float, callback: Callable[..., Any], *args: Any) -> Timer:
        return self._loop.call_later(delay_s, callback, *args)
