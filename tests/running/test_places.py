"""Tests that run at once: as many as there are places for them, and none waits for ever."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S
from tests.process.clients import wait_until
from tests.running.places import A_CORE, FOLDER, TWO_CORES, WANTED, Places, places_of

ROOT = Path(__file__).parents[2]
ALL = 4


class Workers:
    """Views of the same places, as several workers have them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._pool = stack.enter_context(ThreadPoolExecutor())

    def worker(self) -> Places:
        places = Places(self._folder, count=ALL)
        self._stack.callback(places.close)
        return places

    def asks(self, wanted: int, *, after: list[int] | None = None) -> threading.Event:
        """Another worker; the event is set when it has them, and what it wanted is added to that list. It gives them
        back at once."""
        had, places = threading.Event(), self.worker()

        def have() -> None:
            with places.taken(wanted):
                if after is not None:
                    after.append(wanted)
                had.set()

        self._pool.submit(have)
        return had

    def until_one_waits(self, row: str = "all") -> None:
        """It has the turn, and not yet its places."""
        with (self._folder / row / "turn").open("a") as turn:

            def is_taken() -> bool:
                try:
                    fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return True
                fcntl.flock(turn, fcntl.LOCK_UN)
                return False

            wait_until(is_taken)


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    with ExitStack() as stack:
        yield Workers(tmp_path, stack)


def test_test_waits_until_as_many_places_are_free_as_it_wants(workers: Workers) -> None:
    with workers.worker().taken(2):
        assert workers.asks(2).wait(PATIENCE_S)
        waiting = workers.asks(3)
        workers.until_one_waits("measuring")
        assert not waiting.is_set()
    assert waiting.wait(PATIENCE_S)


def test_more_places_than_there_are_is_all_of_them(workers: Workers) -> None:
    with workers.worker().taken(9):
        waiting = workers.asks(1)
        workers.until_one_waits()
        assert not waiting.is_set()
    assert waiting.wait(PATIENCE_S)


def test_who_waits_for_several_is_not_overtaken_by_those_that_want_one(workers: Workers) -> None:
    order: list[int] = []
    with workers.worker().taken(1):
        several = workers.asks(ALL, after=order)
        workers.until_one_waits()
        one = workers.asks(1, after=order)
    assert several.wait(PATIENCE_S)
    assert one.wait(PATIENCE_S)
    assert order == [ALL, 1]


def test_who_waits_for_another_that_measures_is_in_nobodys_way(workers: Workers) -> None:
    with workers.worker().taken(3):
        waiting = workers.asks(3)
        workers.until_one_waits("measuring")
        assert workers.asks(1).wait(PATIENCE_S)
        assert not waiting.is_set()
    assert waiting.wait(PATIENCE_S)


def test_process_that_was_forked_meanwhile_keeps_no_place(workers: Workers) -> None:
    worker = workers.worker()
    with worker.taken(ALL):
        rows = worker._measuring, worker._all
        copies = [os.dup(place.fileno()) for row in rows for place in row._all]
    try:
        assert workers.asks(ALL).wait(PATIENCE_S)
    finally:
        for copy in copies:
            os.close(copy)


@pytest.mark.parametrize(
    ("file", "is_whole", "places"),
    [
        ("tests/core/test_rooms.py", False, 1),
        ("tests/workers/test_workers.py", True, 1),
        ("tests/loadtest/run/test_swarm.py", True, A_CORE),
        ("tests/loadtest/run/test_swarm.py", False, 1),
        ("tests/bench/scenarios/test_engine_benches.py", True, A_CORE),
        ("tests/bench/scenarios/engine/test_swarm_truth.py", True, TWO_CORES),
    ],
)
def test_what_measures_takes_the_places_of_a_core_or_more(file: str, *, is_whole: bool, places: int) -> None:
    assert (ROOT / file).is_file()
    assert places_of(file, is_whole=is_whole) == places


MEASURES = """
import os
import pytest

pytestmark = pytest.mark.system

@pytest.mark.parametrize("number", range(20))
def test_it(number):
    with open(os.environ["TOLD"], "a") as told:
        told.write(__file__ + "\\n")
"""


def test_files_that_take_two_cores_run_one_after_the_other_from_their_first_test_to_their_last(tmp_path: Path) -> None:
    files = [start for start, places in WANTED.items() if places == TWO_CORES and start.endswith(".py")]
    assert len(files) > 1
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(MEASURES)
    own = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "TOLD": str(tmp_path / "told")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "-p", "xdist", "-p",
         "tests.running.places", "-p", "no:cacheprovider", "--rootdir", tmp_path, *files],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, preexec_fn=on_two_cores,
        env={**{name: value for name, value in os.environ.items() if name != FOLDER}, **own},
    )  # fmt: skip
    assert f"{20 * len(files)} passed" in done.stdout, done.stdout
    told = (tmp_path / "told").read_text().splitlines()
    assert len(list(groupby(told))) == len(files)


def on_two_cores() -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
