"""An object in another process: answers, errors, ends."""

from __future__ import annotations

import gc
import os
import resource
import sys
from pathlib import Path

import pytest

from bench.processes.cpu import read_cpu
from bench.processes.readable import is_readable
from bench.processes.remote import GeneratorFailed, Remote, Spare

pytestmark = pytest.mark.system  # processes


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

    async def has_imported(self, name: str) -> bool:
        return name in sys.modules


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


def test_spare_process_becomes_the_object_and_has_imported_what_it_was_told_to() -> None:
    spare = Spare(preload=["wave"])
    with Remote(Counter, spare=spare, start=1) as counter:
        assert counter.pid == spare.process.pid
        assert counter.call(Counter.add, 2) == 3
        assert counter.call(Counter.has_imported, "wave")
        assert not counter.call(Counter.has_imported, "this")
        pid = counter.pid
    assert not Path(f"/proc/{pid}").exists()


def test_spare_process_that_nobody_needed_ends_with_it() -> None:
    spare = Spare()
    pid = spare.process.pid
    spare.close()
    assert not Path(f"/proc/{pid}").exists()


def test_spare_process_that_died_is_an_error_at_the_first_call() -> None:
    spare = Spare()
    spare.process.kill()
    spare.process.join()
    with Remote(Counter, spare=spare, start=1) as counter, pytest.raises(GeneratorFailed, match="ended early"):
        counter.call(Counter.add, 1)


def test_process_ends_with_the_block() -> None:
    with Remote(Counter, start=1) as counter:
        pid = counter.call(Counter.pid)
    assert not Path(f"/proc/{pid}").exists()


def test_cpu_of_a_process_that_is_gone_is_nothing() -> None:
    assert read_cpu(2**22 - 1).used_s == 0


def test_descriptors_are_free_when_it_is_closed_whoever_still_holds_it() -> None:
    """A run of an hour has hundreds of generators, and a table that ends at 1,024 or 20,000."""
    held, before = [], 0
    for number in range(3):
        with Remote(Counter, start=1) as counter:
            counter.call(Counter.add, 1)
            held.append(counter)
        gc.collect()
        before = before or len(os.listdir("/proc/self/fd"))
        assert len(os.listdir("/proc/self/fd")) == before, f"after {number + 1}"
    for counter in held:
        counter.kill()  # a run that is given up ends all, also those that have ended


def test_pipe_is_waited_for_whatever_its_number() -> None:
    number = 1_500
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard <= number:
        pytest.skip(f"no process may have more than {hard} descriptors here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, number + 1), hard))
    reading, writing = os.pipe()
    try:
        os.dup2(reading, number)
        with os.fdopen(number, "rb") as pipe:
            assert not is_readable(pipe, wait_s=0.0)
            os.write(writing, b"there")
            assert is_readable(pipe, wait_s=5.0)
    finally:
        os.close(reading)
        os.close(writing)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
