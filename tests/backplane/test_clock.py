"""The real clock, on a machine that was suspended."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytest

from lobby_server.clock import LoopClock


@pytest.mark.skipif(sys.platform != "linux", reason="no other system tells how long it was suspended")
def test_clock_that_nodes_share_counts_the_time_of_a_suspension(monkeypatch: pytest.MonkeyPatch) -> None:
    loop: Any = None
    clock = LoopClock(loop)
    before_s, awake_s = clock.elapsed_s(), clock.monotonic_s()
    suspended_s = {time.CLOCK_BOOTTIME: 3600.0}
    read = time.clock_gettime
    monkeypatch.setattr(time, "clock_gettime", lambda which: read(which) + suspended_s.get(which, 0.0))
    assert clock.elapsed_s() - before_s >= 3600.0
    assert clock.monotonic_s() - awake_s < 3600.0
