"""How many tests run at once on this machine: two for each core, fewer where some of them measure.

Most tests of whole programs wait: for a process to start, for a state, for a clock. More of them than there are cores
go side by side. A swarm or a bench judges how late its own ticks were, and wants a core: it takes the places of two
others, or more.

The workers of a run share the places by locked files, and so do runs that have the same folder in `FOLDER`. The kernel
frees what a worker had that is gone: a child that it forked has the files closed. The wait for a place is before a test
begins: it is no part of what a test may take. After `LONGEST_WAIT_S` it ends the run, with the file that waited by
name. A run without workers waits for nobody.

A plugin of pytest, entered by the conftest of all tests.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
import weakref
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

FOLDER = "LOBBY_TEST_PLACES"
"""Variable with a folder that several runs share, made by who starts them."""
PER_CORE = 2
A_CORE = PER_CORE
"""Places of a test that measures: two of them side by side have two cores to themselves."""
ALMOST_TWO_CORES = 2 * PER_CORE - 1
"""Of one whose verdict hangs on how late it was, or that keeps a core busy beside others that measure: one other test
runs beside it."""
TWO_CORES = 2 * PER_CORE
"""Of one that pins a server to one core and what loads it to another, and looks at what each costs."""
KEPT_S = 5.0
"""For which a file that does not measure keeps its place from one test to the next."""
LONGEST_WAIT_S = 1800.0
"""For a place: several times what the longest file of the suites has taken on two busy cores."""
_LOOK_EVERY_S = 0.02

WANTED = {
    "tests/bench/load/": ALMOST_TWO_CORES,
    "tests/bench/scenarios/": A_CORE,
    "tests/bench/scenarios/engine/test_swarm_truth.py": ALMOST_TWO_CORES,
    "tests/bench/scenarios/test_prediction.py": TWO_CORES,
    "tests/cluster/test_bench.py": A_CORE,
    "tests/cluster/test_swarm.py": A_CORE,
    "tests/loadtest/": A_CORE,
    "tests/loadtest/client/": 1,
    "tests/loadtest/measure/": 1,
    "tests/loadtest/output/": 1,
    "tests/loadtest/players/test_players.py": 1,
    "tests/loadtest/run/ending/": 1,
    "tests/loadtest/run/following/": 1,
    "tests/loadtest/run/own_roles/test_role_faults.py": 1,
    "tests/loadtest/run/test_command.py": 1,
    "tests/loadtest/run/test_conclusions.py": ALMOST_TWO_CORES,
    "tests/loadtest/run/test_orphans.py": 1,
    "tests/loadtest/run/test_wheel.py": 1,
    "tests/loadtest/run/verdicts/": ALMOST_TWO_CORES,
}
"""Places of a test of whole programs, by the longest of these that its file begins with; others take one. A swarm of
which a test asks what it did, and nothing that it says of times, losses or itself, needs no core."""


def places_of(file: str, *, is_whole: bool) -> int:
    """`file`: of a test, from the root of the repository. `is_whole`: the test runs whole programs."""
    fitting = [start for start in WANTED if is_whole and file.startswith(start)]
    return WANTED[max(fitting, key=len)] if fitting else 1


class NoPlace(Exception):
    """One waited for its places as long as it may."""

    def __init__(self, *, by: str, wanted: int, folder: Path, count: int, waited_s: float) -> None:
        super().__init__(
            f"{by} waited {waited_s:g} s for {wanted} of the {count} places in {folder}: a test that has them does not "
            f"end, or a process that it left; /proc/locks has who locks what"
        )


@dataclass(frozen=True)
class Wait:
    """For places: who waits, and until when."""

    by: str
    longest_s: float
    began_s: float = field(default_factory=time.monotonic)

    def is_over(self) -> bool:
        return time.monotonic() - self.began_s > self.longest_s


class Row:
    """Places that are locked files, as one process sees them."""

    def __init__(self, folder: Path, *, count: int, stack: ExitStack) -> None:
        """They are open until the stack ends."""
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._turn = stack.enter_context((folder / "turn").open("a"))
        self._all = [stack.enter_context((folder / str(number)).open("a")) for number in range(count)]

    @contextmanager
    def taken(self, wanted: int, wait: Wait) -> Iterator[None]:
        """So many, or all that there are. Who waits for several is not overtaken by those that want one. Raises
        `NoPlace`."""
        wanted = min(wanted, len(self._all))
        held: list[IO[str]] = []
        try:
            self._lock_one([self._turn], wanted, wait)
            try:
                while len(held) < wanted:
                    held.append(self._lock_one([place for place in self._all if place not in held], wanted, wait))
            finally:
                _unlock(self._turn)
            yield
        finally:
            for place in held:
                _unlock(place)

    def _lock_one(self, files: list[IO[str]], wanted: int, wait: Wait) -> IO[str]:
        """The first of them that is free."""
        while True:
            for file in files:
                with suppress(BlockingIOError):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return file
            if wait.is_over():
                raise NoPlace(
                    by=wait.by, wanted=wanted, folder=self._folder, count=len(self._all), waited_s=wait.longest_s
                )
            time.sleep(_LOOK_EVERY_S)


def _unlock(file: IO[str]) -> None:
    """Not by closing it: a process that was started meanwhile may have the file open, too. Where it is closed, this is
    a child that was forked meanwhile, and the lock is its parent's."""
    if not file.closed:
        fcntl.flock(file, fcntl.LOCK_UN)


class Places:
    """Those of a folder, as one process sees them. Close it in the end."""

    def __init__(self, folder: Path, *, count: int, longest_wait_s: float | None = None) -> None:
        """`longest_wait_s`: `LONGEST_WAIT_S`, where it is not told."""
        self._longest_wait_s = longest_wait_s if longest_wait_s is not None else LONGEST_WAIT_S
        self._stack = ExitStack()
        self._measuring = Row(folder / "measuring", count=count, stack=self._stack)
        """Those that measure are admitted here first. They take minutes: one that waits for another is in nobody's
        way, and once it is admitted only short tests are in its own."""
        self._all = Row(folder / "all", count=count, stack=self._stack)
        _OPEN.add(self)

    @contextmanager
    def taken(self, wanted: int, *, by: str) -> Iterator[None]:
        """`by`: what wants them, for people. Raises `NoPlace`."""
        wait = Wait(by, self._longest_wait_s)
        with (
            self._measuring.taken(wanted, wait) if wanted > 1 else nullcontext(),
            self._all.taken(wanted, wait),
        ):
            yield

    def close(self) -> None:
        self._stack.close()


_OPEN: weakref.WeakSet[Places] = weakref.WeakSet()


def _close_in_child() -> None:
    """A lock lives as long as any process has its file open: a child that outlives a worker would keep its places."""
    for places in list(_OPEN):
        places.close()


os.register_at_fork(after_in_child=_close_in_child)


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class OfRun:
    """The run that starts workers, which are told of the folder."""

    def __init__(self) -> None:
        self._own = None if FOLDER in os.environ else tempfile.TemporaryDirectory(prefix="lobby-test-places-")

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput[FOLDER] = os.environ[FOLDER] if self._own is None else self._own.name

    def pytest_unconfigure(self) -> None:
        if self._own is not None:
            self._own.cleanup()


class OfWorker:
    """A worker: its tests wait for their places first. A file that measures keeps them until its last test, for most of
    those look at what the first one has measured; another one for `KEPT_S`, or each of a hundred short tests would wait
    for a long one of others."""

    def __init__(self, folder: str) -> None:
        self._places = Places(Path(folder), count=PER_CORE * cores())
        self._held = ExitStack()
        self._holder: tuple[str, int] | None = None
        """The file for which they are held, from one of its tests to the next, and how many."""
        self._since_s = 0.0

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        wanted = wanted_by(item)
        if self._holder != wanted:
            self._give_back()
            self._held.enter_context(self._places.taken(wanted[1], by=wanted[0]))
            self._holder, self._since_s = wanted, time.monotonic()
        try:
            return (yield)
        finally:
            is_over = wanted[1] == 1 and time.monotonic() - self._since_s > KEPT_S
            if is_over or nextitem is None or wanted_by(nextitem) != wanted:
                self._give_back()

    def pytest_unconfigure(self) -> None:
        self._give_back()
        self._places.close()

    def _give_back(self) -> None:
        self._held.close()
        self._holder = None


def wanted_by(item: pytest.Item) -> tuple[str, int]:
    """Its file, and how many places."""
    file = item.path.relative_to(item.config.rootpath).as_posix()
    return file, places_of(file, is_whole=item.get_closest_marker("system") is not None)


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(OfWorker(config.workerinput[FOLDER]))
    elif config.getoption("numprocesses", None):
        config.pluginmanager.register(OfRun())
