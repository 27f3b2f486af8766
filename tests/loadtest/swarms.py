"""Whole Locust processes for tests, without paying for their imports: a nursery imports once and forks.

What runs in a fork is `locust.main.main` with a command line of its own, its own standard error and its own exit code;
only the half second of imports is shared. Importing Locust patches the standard library, so the nursery is a process of
its own, too: ``python -m tests.loadtest.swarms`` reads command lines as JSON and says which process is which.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from bench.processes.cluster.ports import free_port
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
RUN_TIMEOUT_S = 90.0
SAVED_OFTEN = ("--save-every-s", 1)
REPORTS_EVERY_SECOND = {"locust.runners.WORKER_REPORT_INTERVAL": 1.0}
"""In place of every three: all that a test waits for comes to a master by them."""
PATIENT = {
    "loadtest.run.checks.probing.TIMEOUT_S": PATIENCE_S,
    "loadtest.run.checks.profile_probe.TIMEOUT_S": PATIENCE_S,
}
"""In place of five seconds, in which a server on a busy machine may not come to an answer: another sentence would
follow, or a check would be left out."""

Enough = Callable[[dict[str, Any]], object]
"""Of run.json: whether a run may end."""


@dataclass(frozen=True)
class Done:
    code: int
    errors: str


class Swarm:
    """One that was started."""

    def __init__(self, pid: int, errors: Path, code: Path) -> None:
        self.pid = pid
        self._errors = errors
        self._code = code

    @property
    def errors(self) -> str:
        """What it has written to its standard error so far."""
        return self._errors.read_text() if self._errors.exists() else ""

    @property
    def has_ended(self) -> bool:
        return self._code.exists()

    def end(self, *, timeout_s: float = RUN_TIMEOUT_S) -> Done:
        """Wait for it."""
        ends_s = time.monotonic() + timeout_s
        while not self._code.exists():
            if time.monotonic() > ends_s:
                self.stop(signal.SIGKILL)
                raise AssertionError(f"the swarm did not end: {self._errors.read_text()[-2000:]}")
            time.sleep(0.02)
        return Done(int(self._code.read_text()), self._errors.read_text())

    def stop(self, number: signal.Signals) -> None:
        if not self._code.exists():
            with contextlib.suppress(ProcessLookupError):  # it has just ended, and its code is not written yet
                os.kill(self.pid, number)

    def workers(self, count: int) -> list[psutil.Process]:
        """Those that it forked, of which there are `count`. It has other children for moments: it asks git for its
        commit."""
        ends_s = time.monotonic() + RUN_TIMEOUT_S
        while len(children := psutil.Process(self.pid).children()) != count:
            assert time.monotonic() < ends_s, f"the swarm has other children than {count} workers: {children}"
            time.sleep(0.02)
        return children


class WebSwarm:
    """One with Locust's web interface, seen over HTTP."""

    def __init__(self, swarm: Swarm, url: str) -> None:
        self.swarm = swarm
        self.url = url

    def get(self, path: str) -> str:
        """The body of an answer 200; raises `urllib.error.HTTPError` for others."""
        with urllib.request.urlopen(self.url + path, timeout=RUN_TIMEOUT_S) as answer:
            return str(answer.read().decode())

    def form(self) -> dict[str, str]:
        """What the page would post as it comes."""
        found = re.search(r"window\.templateArgs = (.*?)\s*</script>", self.get("/"), re.DOTALL)
        assert found is not None, "Locust's page has its arguments elsewhere"
        shown = json.loads(found[1].strip().removesuffix(";"))["extra_options"]
        return {name: _as_posted(option["default_value"]) for name, option in shown.items()}

    def post(self, path: str, *, headers: Mapping[str, str] | None = None, **fields: object) -> dict[str, Any]:
        """The answer, which has to be JSON and a 200."""
        data = urllib.parse.urlencode(fields).encode()
        asked = urllib.request.Request(self.url + path, data, dict(headers or {}))
        with urllib.request.urlopen(asked, timeout=RUN_TIMEOUT_S) as answer:
            return dict(json.loads(answer.read()))

    def state(self) -> tuple[str, int]:
        """Of the run, as Locust's page is told it, and how many users there were, up to two seconds ago."""
        answer = json.loads(self.get("/stats/requests"))
        return str(answer["state"]), int(answer["user_count"])

    def runner_state(self) -> str:
        """What Locust calls it now."""
        return str(json.loads(self.get("/stats/requests"))["runner_state"])

    def run(self) -> dict[str, Any]:
        """run.json as of now."""
        return dict(json.loads(self.get("/lobby/run.json")))

    def run_id(self) -> tuple[object, ...]:
        """Tells the runs of one process apart; nothing before the first. Locust answers a start before it begins it."""
        try:
            run = self.run()
        except urllib.error.HTTPError:
            return ()
        return run["started_at"], run["seed"]

    def connected(self) -> int:
        """How many connections the last run has made."""
        return int(self.run()["events"].get("connections established", 0)) if self.run_id() else 0

    def workers(self) -> int:
        """How many are connected."""
        return int(json.loads(self.get("/worker-count"))["worker_count"])

    def wait_until_it_answers(self) -> None:
        ends_s = time.monotonic() + RUN_TIMEOUT_S
        while True:
            try:
                self.get("/worker-count")
                return
            except OSError:
                if time.monotonic() > ends_s or self.swarm.has_ended:
                    raise AssertionError(f"no web interface: {self.swarm.errors[-2000:]}") from None
                time.sleep(0.02)


class SavedRun:
    """run.json of a run that goes on and writes it every second."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read_ns = 0
        self.last: dict[str, Any] = {}
        """As it was read last."""

    def has(self, enough: Enough) -> bool:
        """Looks at each file only once: what it asks may take long beside servers of the same process."""
        try:
            written_ns = self._file.stat().st_mtime_ns
        except FileNotFoundError:
            return False
        if written_ns == self._read_ns:
            return False
        self._read_ns = written_ns
        self.last = json.loads(self._file.read_text())
        return bool(enough(self.last))


class Nursery:
    """Use it as a context manager; whatever it started is gone at the end. Swarms may be started by several threads."""

    def __init__(self, folder: Path, *, prefix: Sequence[str] = ()) -> None:
        """`prefix`: a command that becomes it, ``ip netns exec`` for instance."""
        self._folder = folder
        self._prefix = prefix
        self._started: list[Swarm] = []
        self._asking = threading.Lock()

    def __enter__(self) -> Nursery:
        self._process = subprocess.Popen(
            [*self._prefix, sys.executable, "-m", "tests.loadtest.swarms", str(self._folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for swarm in self._started:
            swarm.stop(signal.SIGKILL)
        self._process.communicate(timeout=PATIENCE_S)

    def start(self, *arguments: object, patches: Mapping[str, float] | None = None) -> Swarm:
        """Headless, of our locustfile. A machine that is busy with other tests makes no run of them invalid. `patches`:
        constants of its modules, by their dotted names, that are others in this one."""
        return self._start("--headless", "--only-summary", "--accept-invalid", *map(str, arguments), patches=patches)

    def start_web(
        self, *arguments: object, base_path: str = "", patches: Mapping[str, float] | None = None
    ) -> WebSwarm:
        """With the web interface, which answers when this returns."""
        port = free_port()
        where = ("--web-host", "127.0.0.1", "--web-port", str(port), "--web-base-path", base_path)
        started = self._start("--accept-invalid", *where, *map(str, arguments), patches=patches)
        swarm = WebSwarm(started, f"http://127.0.0.1:{port}{base_path}")
        swarm.wait_until_it_answers()
        return swarm

    def _start(self, *given: str, patches: Mapping[str, float] | None = None) -> Swarm:
        patches = {**PATIENT, **(patches or {})}
        if "--processes" in given:
            given = (*given, *own_port())
            patches = {**REPORTS_EVERY_SECOND, **patches}
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        command = ["locust", "-f", "loadtest/locustfile.py", *given]
        with self._asking:
            stdin.write(json.dumps({"argv": command, "patches": patches}) + "\n")
            stdin.flush()
            pid = int(stdout.readline())
            number = len(self._started)
            swarm = Swarm(pid, self._folder / f"{number}.errors", self._folder / f"{number}.code")
            self._started.append(swarm)
        return swarm

    def run(self, *arguments: object) -> Done:
        return self.start(*arguments).end()

    def run_until(self, enough: Enough, folder: Path, *arguments: object) -> Done:
        """Until run.json in that folder has enough, however long that takes; then it is told to end."""
        swarm = self.start("--run-dir", folder, *SAVED_OFTEN, *arguments)
        saved, ends_s = SavedRun(folder / "run.json"), time.monotonic() + RUN_TIMEOUT_S
        while not saved.has(enough) and not swarm.has_ended:
            assert time.monotonic() < ends_s, f"not enough came about: {saved.last}"
            time.sleep(0.02)
        swarm.stop(signal.SIGTERM)
        return swarm.end()


def run_command_until(enough: Enough, folder: Path, *command: object, environment: Mapping[str, str]) -> Done:
    """The swarm as it is typed, with the files of its run in the folder ``run`` of this one, until its run.json has
    enough, however long that takes; then it is told to end."""
    whole = [sys.executable, "-m", "loadtest", "--run-dir", "run", *command]
    return run_program_until(enough, folder, *whole, environment={**environment, "PYTHONPATH": str(ROOT)})


def run_program_until(enough: Enough, folder: Path, *whole: object, environment: Mapping[str, str]) -> Done:
    """The same of a whole command, which names that folder."""
    command = [str(word) for word in (*whole, *SAVED_OFTEN)]
    saved, ends_s = SavedRun(folder / "run/run.json"), time.monotonic() + RUN_TIMEOUT_S
    with (folder / "errors").open("w") as errors:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            while not saved.has(enough) and process.poll() is None:
                assert time.monotonic() < ends_s, f"not enough came about: {saved.last}"
                time.sleep(0.02)
            process.terminate()
            code = process.wait(RUN_TIMEOUT_S)
        finally:
            process.kill()
            process.wait()
    return Done(code, (folder / "errors").read_text())


def _as_posted(value: Any) -> str:
    """What the page's script makes of a value: nothing of null, lower-case booleans."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def own_port() -> list[str]:
    """Another swarm on this machine may have a master, too."""
    port = str(free_port())
    return ["--master-bind-port", port, "--master-port", port]


def _nurse(folder: Path) -> None:
    import gevent
    import locust.main
    from gevent import monkey

    import loadtest.players  # for their imports
    import loadtest.run.hooks  # noqa: F401

    gc.freeze()  # what forks share they do not have to look through, and so copy, when they end
    fork, waitpid = monkey.get_original("os", "fork"), monkey.get_original("os", "waitpid")  # gevent's want a loop
    for number, line in enumerate(sys.stdin):
        if fork():
            continue
        pid = fork()
        if pid:  # the keeper: tells who it is, waits for its end, leaves its exit code
            print(pid, flush=True)
            code = os.waitstatus_to_exitcode(waitpid(pid, 0)[1])
            (folder / f"{number}.new").write_text(str(code))
            (folder / f"{number}.new").rename(folder / f"{number}.code")
            os._exit(0)
        nothing = os.open(os.devnull, os.O_RDWR)
        errors = os.open(folder / f"{number}.errors", os.O_WRONLY | os.O_CREAT, 0o600)
        for old, new in enumerate((nothing, nothing, errors)):
            os.dup2(new, old)
        gevent.get_hub().loop.update_now()  # it stood still here: a time limit would count from the nursery's beginning
        wanted = json.loads(line)
        for name, value in wanted["patches"].items():
            module, _, constant = name.rpartition(".")
            assert hasattr(sys.modules[module], constant), name
            setattr(sys.modules[module], constant, value)
        sys.argv = wanted["argv"]
        locust.main.main()


if __name__ == "__main__":
    _nurse(Path(sys.argv[1]))
