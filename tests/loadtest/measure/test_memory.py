"""What was needed for a moment is given back."""

from __future__ import annotations

import sys

import psutil
import pytest

from loadtest.measure.processes.memory import Trimmer


@pytest.mark.skipif(sys.platform != "linux", reason="malloc_trim is glibc's")
def test_memory_between_what_lives_on_is_given_back():
    blocks = [bytearray(60_000) for _ in range(2000)]
    pins = [bytearray(600) for _ in range(2000)]
    process = psutil.Process()
    del blocks
    held = process.memory_info().rss
    Trimmer().give_back()
    assert process.memory_info().rss <= held
    assert len(pins) == 2000
