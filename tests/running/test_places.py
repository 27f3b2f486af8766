"""Tests that run at once: as many as there are places for them, and none waits for ever."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from itertools import groupby
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S
from tests.process.clients import wait_until
from tests.running.places import (
    A_CORE,
    ALMOST_TWO_CORES,
    FOLDER,
    PER_CORE,
    TWO_CORES,
    WANTED,
    NoPlace,
    Places,
    places_of,
)

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
            with places.taken(wanted, by="another"):
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
    with workers.worker().taken(2, by="this"):
        assert workers.asks(2).wait(PATIENCE_S)
        waiting = workers.asks(3)
        workers.until_one_waits("measuring")
        assert not waiting.is_set()
    assert waiting.wait(PATIENCE_S)


def test_more_places_than_there_are_is_all_of_them(workers: Workers) -> None:
    with workers.worker().taken(9, by="this"):
        waiting = workers.asks(1)
        workers.until_one_waits()
        assert not waiting.is_set()
    assert waiting.wait(PATIENCE_S)


def test_who_waits_for_several_is_not_overtaken_by_those_that_want_one(workers: Workers) -> None:
    order: list[int] = []
    with workers.worker().taken(1, by="this"):
        several = workers.asks(ALL, after=order)
        workers.until_one_waits()
        one = workers.asks(1, after=order)
    assert several.wait(PATIENCE_S)
    assert one.wait(PATIENCE_S)
    assert order == [ALL, 1]


def test_who_waits_for_another_that_measures_is_in_nobodys_way(workers: Workers) -> None:
    with workers.worker().taken(3, by="this"):
        waiting = workers.asks(3)
        workers.until_one_waits("measuring")
        assert workers.asks(1).wait(PATIENCE_S)
        assert not waiting.is_set()
    assert waiting.wait(PATIENCE_S)


def test_process_that_was_forked_meanwhile_keeps_no_place(workers: Workers) -> None:
    worker = workers.worker()
    with worker.taken(ALL, by="this"):
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
        ("tests/bench/scenarios/engine/test_swarm_truth.py", True, ALMOST_TWO_CORES),
        ("tests/bench/scenarios/test_prediction.py", True, TWO_CORES),
        ("tests/loadtest/calibration/test_calibrate.py", True, A_CORE),
        ("tests/loadtest/run/following/test_following.py", True, 1),
    ],
)
def test_what_measures_takes_the_places_of_a_core_or_more(file: str, *, is_whole: bool, places: int) -> None:
    assert (ROOT / file).is_file()
    assert places_of(file, is_whole=is_whole) == places


FORKS = """
import os, sys, time
from pathlib import Path
from tests.running.places import Places

folder, count, leaves = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "leaves"
places = Places(folder, count=count)
with places.taken(count, by="this"):
    child = os.fork()
    if child:
        if leaves:
            assert os.waitpid(child, 0)[1] == 0
        print(child, flush=True)
    if child or not leaves:
        time.sleep(600)
"""


@contextmanager
def a_holder_that_forks(folder: Path, child: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """It has all places and sleeps; its child sleeps or leaves."""
    command = [sys.executable, "-c", FORKS, str(folder), str(ALL), child]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as holder:
        try:
            assert holder.stdout is not None
            yield holder, int(holder.stdout.readline())
        finally:
            holder.kill()


def test_places_of_a_process_that_was_killed_are_free_though_a_child_lives_that_it_forked(
    workers: Workers, tmp_path: Path
) -> None:
    with a_holder_that_forks(tmp_path, "sleeps") as (holder, child):
        try:
            waiting = workers.asks(ALL)
            workers.until_one_waits("measuring")
            assert not waiting.is_set()
            holder.kill()
            assert waiting.wait(PATIENCE_S)
        finally:
            os.kill(child, signal.SIGKILL)


def test_child_that_was_forked_and_leaves_the_block_gives_no_place_of_its_parent_back(
    workers: Workers, tmp_path: Path
) -> None:
    with a_holder_that_forks(tmp_path, "leaves") as (holder, _):
        waiting = workers.asks(ALL)
        workers.until_one_waits("measuring")
        assert not waiting.is_set()
        holder.kill()
        assert waiting.wait(PATIENCE_S)


@pytest.mark.parametrize(("held", "wanted", "row"), [(ALL, 1, "all"), (1, ALL, "all"), (ALL, ALL, "measuring")])
def test_wait_ends_with_what_waited_and_for_what(
    workers: Workers, tmp_path: Path, held: int, wanted: int, row: str
) -> None:
    late = Places(tmp_path, count=ALL, longest_wait_s=0.05)
    with (
        workers.worker().taken(held, by="this"),
        pytest.raises(NoPlace) as found,
        late.taken(wanted, by="tests/test_it.py"),
    ):
        pass
    said = f"tests/test_it.py waited 0.05 s for {wanted} of the {ALL} places in {tmp_path / row}"
    assert str(found.value).startswith(said)
    with workers.worker().taken(ALL, by="this"):
        pass  # nothing of what it had until then is held
    late.close()


def test_turn_that_another_has_is_not_waited_for_without_end(workers: Workers, tmp_path: Path) -> None:
    late = Places(tmp_path, count=ALL, longest_wait_s=0.05)
    with (tmp_path / "all" / "turn").open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        with pytest.raises(NoPlace), late.taken(1, by="tests/test_it.py"):
            pass
    late.close()


MEASURES = """
import os
import pytest

pytestmark = pytest.mark.system

@pytest.mark.parametrize("number", range(20))
def test_it(number):
    with open(os.environ["TOLD"], "a") as told:
        told.write(__file__ + "\\n")
"""


def test_files_that_take_more_than_a_core_run_one_after_the_other_from_their_first_test_to_their_last(
    tmp_path: Path,
) -> None:
    files = [start for start, places in WANTED.items() if places > A_CORE and start.endswith(".py")]
    assert len(files) > 1
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(MEASURES)
    said = run_of_workers(tmp_path, *files)
    assert f"{20 * len(files)} passed" in said, said
    told = (tmp_path / "told").read_text().splitlines()
    assert len(list(groupby(told))) == len(files)


def run_of_workers(folder: Path, *arguments: str, **environment: str) -> str:
    """What a run in a folder of its own says, of two workers on two cores at most."""
    own = {"PYTHONPATH": f"{ROOT}:{folder}", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "TOLD": str(folder / "told")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "-p", "xdist", "-p",
         "tests.running.places", "-p", "no:cacheprovider", "--rootdir", folder, *arguments],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE_S,
        preexec_fn=on_two_cores,
        env={**{name: value for name, value in os.environ.items() if name != FOLDER}, **own, **environment},
    )  # fmt: skip
    return done.stdout


def on_two_cores() -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])


def test_run_whose_tests_get_no_place_ends_and_names_the_file_that_waits(workers: Workers, tmp_path: Path) -> None:
    """A holder that never ends is another run in the same folder."""
    (tmp_path / "short.py").write_text("from tests.running import places\n\nplaces.LONGEST_WAIT_S = 0.2\n")
    (tmp_path / "test_short.py").write_text("def test_it():\n    pass\n")
    with closing(Places(tmp_path, count=PER_CORE * 2)) as others, others.taken(PER_CORE * 2, by="another run"):
        said = run_of_workers(tmp_path, "-p", "short", "test_short.py", **{FOLDER: str(tmp_path)})
    assert "test_short.py waited 0.2 s for 1 of the" in said, said
    assert "1 passed" not in said
