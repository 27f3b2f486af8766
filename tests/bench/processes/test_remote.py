"""An object in another process: answers, errors, ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.processes.cpu import read_cpu
from bench.processes.remote import GeneratorFailed, Remote


class Counter:
    """Lives over there."""

    def __init__(self, start: int) -> None:
        self.value = start

    async def add(self, number: int) -> int:
        self.value += number
        return self.value

    async def big(self, size: int) -> bytes:
        return b"x" * size

    async def fail(self) -> None:
        raise ValueError("no such thing")

    async def die(self) -> None:
        os._exit(3)

    async def pid(self) -> int:
        return os.getpid()


def test_calls_keep_their_state_in_the_other_process() -> None:
    with Remote(Counter, start=1) as counter:
        assert counter.call(Counter.add, 2) == 3
        assert counter.call(Counter.add, 3) == 6
        assert counter.call(Counter.pid) == counter.pid != os.getpid()
        assert len(counter.call(Counter.big, 5_000_000)) == 5_000_000
        assert read_cpu(counter.pid).used_s > 0


def test_error_over_there_is_raised_here_and_the_process_goes_on() -> None:
    with Remote(Counter, start=1) as counter:
        with pytest.raises(GeneratorFailed, match="ValueError: no such thing") as caught:
            counter.call(Counter.fail)
        assert "Traceback" in caught.value.details
        assert counter.call(Counter.add, 1) == 2


def test_death_over_there_is_an_error_here() -> None:
    with Remote(Counter, start=1) as counter, pytest.raises(GeneratorFailed, match="ended early"):
        counter.call(Counter.die)


def test_process_ends_with_the_block() -> None:
    with Remote(Counter, start=1) as counter:
        pid = counter.call(Counter.pid)
    assert not Path(f"/proc/{pid}").exists()


def test_cpu_of_a_process_that_is_gone_is_nothing() -> None:
    assert read_cpu(2**22 - 1).used_s == 0
