"""Limits that nodes count together: asked for in one round trip, and not waited for long."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lobby_server.backplane.errors import BackplaneError

if TYPE_CHECKING:
    from lobby_server.backplane.valkey.stream import Stream

LIMIT_WAIT_S = 0.1
"""How long a call waits for what other nodes have counted, before its node counts alone; as long as the loop runs."""
PARTS = 5
"""In which it waits. One in which the loop stood still counts as one, however long that was: the question may not have
been sent before, and an answer that came meanwhile is read in the next."""


async def take(stream: Stream, key: str, *, rate_per_s: float, burst: float) -> float | None:
    """As `lobby_server.service.replica.SharedLog.take`."""
    interval_us = 1e6 / rate_per_s
    tolerance_us = round(max(burst - 1.0, 0.0) * interval_us)
    asking = asyncio.ensure_future(stream.take(key, interval_us=round(interval_us), tolerance_us=tolerance_us))
    for _ in range(PARTS):
        await asyncio.wait((asking,), timeout=LIMIT_WAIT_S / PARTS)
        if asking.done():
            break
    else:  # not cancelled: a call of redis-py that is being answered may not survive that
        asking.add_done_callback(lambda late: late.cancelled() or late.exception())
        return None
    if isinstance(asking.exception(), BackplaneError):
        return None
    return asking.result()
