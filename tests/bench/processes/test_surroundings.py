"""What a scenario runs in: cores, processes, progress, books that survive an interruption."""

from __future__ import annotations

import io
import itertools
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.progress import Progress

from bench.measures import LAST_ACCEPTED
from bench.processes.cpu import CpuPlan, CpuTimes, pin, plan_cpus, read_cpu, read_cpu_of_tree
from bench.processes.lab import Lab
from bench.processes.peer import PeerFailed, python_peer, start_peer
from bench.processes.progress import PlainReporter, Plan, RichReporter, left_words, reporter
from bench.processes.remote import GeneratorFailed, Remote
from bench.processes.target import Target, TargetFailed
from bench.processes.watch import Watch, resident_kib, slab_kib, socket_memory_kib
from bench.record.profiles.standard import SMOKE
from bench.record.vocabulary import LOBBY, OTHER_BUILD

pytestmark = pytest.mark.system  # processes

GONE = 2**22 + 1
"""A process id that the kernel does not give."""


# -- CPU -----------------------------------------------------------------------------------------------------------


def spin(duration_s: float) -> None:
    end_s = time.process_time() + duration_s
    while time.process_time() < end_s:
        pass


def spin_thread(duration_s: float) -> None:
    end_s = time.thread_time() + duration_s
    while time.thread_time() < end_s:
        pass


def test_cpu_that_was_used_is_read() -> None:
    before = read_cpu(os.getpid())
    spin(0.05)
    used = read_cpu(os.getpid()).since(before)
    assert 0.04 < used.used_s < 5.0
    assert used.waited_s >= 0.0


def test_cpu_of_threads_that_have_ended_stays_in_what_the_process_used() -> None:
    """The first of them is there at the first reading, the second one at neither."""
    goes_on, is_over = threading.Event(), threading.Event()

    def work() -> None:
        spin_thread(0.05)
        is_over.set()
        goes_on.wait()

    first, second = threading.Thread(target=work), threading.Thread(target=spin_thread, args=(0.05,))
    first.start()
    is_over.wait()
    before, began_s = read_cpu(os.getpid()), time.process_time()
    goes_on.set()
    second.start()
    first.join()
    second.join()
    used, took_s = read_cpu(os.getpid()).since(before), time.process_time() - began_s
    assert took_s > 0.05
    assert used.used_s == pytest.approx(took_s, abs=0.005)
    assert used.waited_s >= 0.0, "what the first one waited is gone with it"


def test_cpu_of_programs_that_a_generator_started_stays_when_they_have_ended() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]]); print(1, flush=True); input()"
    work = "import time\nwhile time.process_time() < 0.3: pass"
    with subprocess.Popen(
        [sys.executable, "-c", code, work], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        before = read_cpu_of_tree(process.pid)
        assert process.stdout.readline() == "1\n"
        used = read_cpu_of_tree(process.pid).since(before)
        process.communicate("\n")
    assert used.used_s >= 0.28


@pytest.mark.parametrize(("then", "now"), [((1, 2), (2, 3)), ((1,), (1,)), ((), (3,)), ((1, 2, 3), ())])
def test_waits_since_earlier_ones_are_those_of_the_threads_that_are_there(
    then: tuple[int, ...], now: tuple[int, ...]
) -> None:
    """Each has waited 1 s at first, and 1.5 s then."""
    before = CpuTimes(0.0, float(len(then)), tuple((thread, 1.0) for thread in then))
    after = CpuTimes(0.0, 1.5 * len(now), tuple((thread, 1.5) for thread in now))
    assert after.since(before).waited_s == sum(0.5 if thread in then else 1.5 for thread in now)


def test_process_that_is_gone_has_used_nothing() -> None:
    assert read_cpu(GONE) == CpuTimes(0.0, 0.0)


def test_times_since_earlier_ones_are_what_was_added() -> None:
    assert CpuTimes(3.0, 0.5).since(CpuTimes(1.0, 0.25)) == CpuTimes(2.0, 0.25)


def test_server_and_generator_get_a_core_each_where_there_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5, 3, 7}, raising=False)
    assert plan_cpus() == CpuPlan((3,), (5,), (7,))
    assert plan_cpus().pinned
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert plan_cpus() == CpuPlan(None, None)
    assert not plan_cpus().pinned


def test_what_stands_beside_a_server_takes_no_core_of_the_generator() -> None:
    assert CpuPlan((3,), (5,), (7, 9)).beside_server == (7, 9)
    assert CpuPlan((3,), (5,)).beside_server == (3,)
    assert CpuPlan(None, None).beside_server is None


def test_nothing_is_pinned_without_a_plan() -> None:
    before = os.sched_getaffinity(0)
    pin(None)
    assert os.sched_getaffinity(0) == before


def test_stretch_is_what_both_processes_used_since_it_began() -> None:
    watch = Watch(os.getpid(), GONE)
    spin(0.05)
    stretch = watch.stretch()
    assert stretch.server_cpu_s > 0.04
    assert stretch.wall_s > 0.04
    assert (stretch.generator_cpu_s, stretch.generator_wait_s) == (0.0, 0.0)


def test_memory_of_a_process_and_of_the_kernel_is_read() -> None:
    now, peak = resident_kib(os.getpid()), resident_kib(os.getpid(), peak=True)
    assert 10_000 < now <= peak
    assert slab_kib() > 0
    assert socket_memory_kib() >= 0.0


# -- progress ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left_s", "words"),
    [(0.0, "about 5 s left"), (12.0, "about 10 s left"), (59.0, "about 60 s left"), (90.0, "about 2 min left")],
)
def test_time_left_is_told_as_far_as_it_can_be_trusted(left_s: float, words: str) -> None:
    assert left_words(left_s) == words


shares = st.lists(st.floats(min_value=0.0, max_value=2.0), min_size=1, max_size=5)


@given(shares)
def test_what_is_left_is_never_less_than_nothing(done: list[float]) -> None:
    plan = Plan()
    plan.expect({str(number): 10.0 for number in range(len(done))})
    for number, share in enumerate(done):
        plan.done(str(number), share)
    assert 0.0 <= plan.left_s() <= 10.0 * len(done)
    assert 0.0 <= plan.share() <= 1.0


def test_plan_of_nothing_has_nothing_done() -> None:
    assert (Plan().left_s(), Plan().share()) == (0.0, 0.0)


def test_plain_lines_name_the_scenario_and_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    lines = PlainReporter()
    lines.plan({"storm": 100.0})
    with lines.stage("storm", 4) as stage:
        stage.advance(2)
        stage.say("20 clients log in")
    said = capsys.readouterr()
    assert said.out == ""
    assert "storm: 20 clients log in (about 50 s left)" in said.err
    assert said.err.rstrip().endswith("storm: done")
    assert lines.work.left_s() == 0.0


def test_note_on_a_terminal_is_told_as_it_is() -> None:
    """What a tool printed may look like marks of rich."""
    out = io.StringIO()
    RichReporter(Progress(console=Console(file=out))).note("tsung, printed: [/x] [INFO] it is gone")
    assert out.getvalue() == "tsung, printed: [/x] [INFO] it is gone\n"


def test_output_that_is_no_terminal_gets_plain_lines() -> None:
    with reporter() as found:
        assert isinstance(found, PlainReporter)


# -- the lab -------------------------------------------------------------------------------------------------------


@pytest.fixture
def lab() -> Lab:
    return Lab(
        profile=SMOKE,
        seed=1,
        cpus=CpuPlan(None, None),
        reporter=PlainReporter(),
        server_factory=lambda flags, **_: nullcontext(flags),  # type: ignore[arg-type,return-value]
    )


def test_what_scenarios_had_written_is_there_when_the_run_is_broken_off(lab: Lab) -> None:
    storm, _ = lab.book("storm", ("--tick-ms", "20")), lab.book("capacity", ())
    storm.add(LAST_ACCEPTED, 0.5, clients=10)
    kept = lab.broken_off()
    assert list(kept) == ["storm"], "a book without readings is nothing to keep"
    assert kept["storm"].flags == ["--tick-ms", "20"]
    assert [each.value for each in kept["storm"].find(LAST_ACCEPTED)] == [0.5]


def test_server_is_started_with_the_flags_that_were_asked_for(lab: Lab) -> None:
    with lab.server(("--tick-ms", "20")) as server:
        assert server == ("--tick-ms", "20")  # type: ignore[comparison-overlap]


def test_server_of_another_checkout_is_that_one(tmp_path: Path) -> None:
    (tmp_path / "lobby_server").mkdir()
    (tmp_path / "lobby_server" / "__main__.py").write_text(
        "import time, lobby_server.other\nprint('listening on http://127.0.0.1:4242', flush=True)\ntime.sleep(60)\n"
    )
    (tmp_path / "lobby_server" / "__init__.py").write_text("")
    (tmp_path / "lobby_server" / "other.py").write_text("")
    with Target(checkout=tmp_path) as target:
        assert target.port == 4242


def test_lab_with_a_base_has_two_builds_and_starts_the_server_of_each() -> None:
    started: list[Path | None] = []

    def start(flags: object, *, netns: str | None = None, checkout: Path | None = None) -> object:
        started.append(checkout)
        return nullcontext()

    base = Path("elsewhere")
    lab = Lab(
        profile=SMOKE, seed=1, cpus=CpuPlan(None, None), reporter=PlainReporter(), server_factory=start, base=base  # type: ignore[arg-type]
    )  # fmt: skip
    for build in lab.builds:
        with lab.server(build=build):
            pass
    assert [build.party for build in lab.builds] == [LOBBY, OTHER_BUILD]
    assert started == [None, base]


def test_servers_are_as_many_as_asked_for_and_end_together() -> None:
    up: list[int] = []

    @contextmanager
    def factory(flags: Sequence[str], *, netns: str | None = None, **_: Any) -> Iterator[Any]:
        number = len(flags) + len(up)
        up.append(number)
        yield (flags, netns)
        up.remove(number)

    lab = Lab(
        profile=SMOKE, seed=1, cpus=CpuPlan(None, None), reporter=PlainReporter(), server_factory=factory
    )  # fmt: skip
    with lab.servers(3, ("--tick-ms", "20"), netns="far") as servers:
        assert servers == ((("--tick-ms", "20"), "far"),) * 3
        assert len(up) == 3
    assert up == []


def test_servers_that_are_up_end_when_one_does_not_start() -> None:
    ended: list[int] = []
    starts = itertools.count(1)

    @contextmanager
    def factory(flags: Sequence[str], *, netns: str | None = None, **_: Any) -> Iterator[Any]:
        number = next(starts)
        if number == 2:
            raise TargetFailed("the server did not start")
        try:
            yield number
        finally:
            ended.append(number)

    lab = Lab(
        profile=SMOKE, seed=1, cpus=CpuPlan(None, None), reporter=PlainReporter(), server_factory=factory
    )  # fmt: skip
    with pytest.raises(TargetFailed, match="did not start"), lab.servers(3):
        pytest.fail("there is nothing to do without all of them")
    assert sorted(ended) == [1, 3]


def test_generators_start_beside_a_server_and_those_not_needed_end_with_the_run() -> None:
    lab = Lab(
        profile=SMOKE, seed=1, cpus=CpuPlan(None, None), reporter=PlainReporter(),
        server_factory=lambda flags, **_: nullcontext(flags),  # type: ignore[arg-type,return-value]
        preload=["wave"],
    )  # fmt: skip
    with lab.server():
        children = {child.pid for child in multiprocessing.active_children()}
        with lab.generator(Adder, start=5) as adder:
            assert adder.pid in children
            assert adder.call(Adder.add, 2) == 7
            lab.dismiss()
            left = {child.pid for child in multiprocessing.active_children()} & children
            assert left == {adder.pid}


def test_giving_up_ends_all_that_is_waited_for(lab: Lab) -> None:
    ended: list[str] = []
    lab.on_abort(lambda: ended.append("swarm"))
    lab.on_abort(lambda: ended.append("generator"))
    lab.abort()
    assert ended == ["swarm", "generator"]


# -- processes -----------------------------------------------------------------------------------------------------


class Adder:
    """Something that lives in a generator process."""

    def __init__(self, *, start: int) -> None:
        self.total = start

    async def add(self, number: int) -> int:
        self.total += number
        return self.total

    async def fail(self) -> None:
        raise ValueError("no more")


def test_object_lives_in_a_process_of_its_own() -> None:
    with Remote(Adder, start=5) as remote:
        assert remote.pid != os.getpid()
        assert [remote.call(Adder.add, 2), remote.call(Adder.add, 3)] == [7, 10]


def test_error_in_the_generator_comes_here_with_its_words() -> None:
    with Remote(Adder, start=0) as remote:
        with pytest.raises(GeneratorFailed, match="no more"):
            remote.call(Adder.fail)
        assert remote.call(Adder.add, 1) == 1, "it lives on"


def test_process_is_gone_with_its_block() -> None:
    with Remote(Adder, start=0) as remote:
        pid = remote.pid
    assert not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]


def test_server_that_cannot_start_is_an_error_with_its_own_words() -> None:
    with pytest.raises(TargetFailed, match="no-such-flag"), Target(flags=("--no-such-flag", "1")):
        pass


def test_server_starts_again_on_its_port_and_folder() -> None:
    with Target(flags=("--log-level", "warning")) as server:
        port, pid = server.port, server.pid
        assert server.stop() == 0
        server.start()
        assert server.port == port
        assert server.pid != pid


def test_peer_that_says_no_port_is_an_error() -> None:
    with pytest.raises(PeerFailed), start_peer([sys.executable, "-c", "print('hello')"], cpus=None):
        pass


@pytest.mark.parametrize("name", ["floor", "naive_tornado", "plain_rooms"])
def test_peer_is_a_module_that_can_be_started_by_its_name(name: str) -> None:
    command = python_peer(name)
    assert command[-2:] == ["-m", f"bench.peers.{name}"]
    done = subprocess.run(
        [command[0], "-c", f"import importlib.util as u; assert u.find_spec('bench.peers.{name}')"], check=False
    )
    assert done.returncode == 0


def test_server_that_cannot_start_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(TargetFailed), Target(flags=("--no-such-flag", "1")):
        pass
    assert list(tmp_path.glob("lobby-target-*")) == []


def test_folder_that_was_given_is_kept(tmp_path: Path) -> None:
    with pytest.raises(TargetFailed), Target(data_dir=tmp_path / "data", flags=("--no-such-flag", "1")):
        pass
    assert (tmp_path / "data").is_dir()
