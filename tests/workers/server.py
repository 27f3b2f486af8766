"""A real ``lobby-server --workers N``: its processes, and what they answer."""

from __future__ import annotations

import contextlib
import os
import signal
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.processes.target import Target
from tests.cluster.lobby import UNHURRIED
from tests.patience import PATIENCE_S
from tests.process.clients import wait_until


def children_of(pid: int) -> dict[int, str]:
    """The processes that a process has started, and what each is: ``valkey``, or ``worker``."""
    try:
        pids = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return {}
    found = {}
    for each in pids:
        with contextlib.suppress(OSError):
            program = Path(f"/proc/{each}/cmdline").read_bytes()
            found[each] = "worker" if b"lobby_server" in program and b"leash" not in program else "valkey"
    return found


def workers_of(target: Target) -> list[int]:
    return [pid for pid, what in children_of(target.pid).items() if what == "worker"]


def valkey_of(target: Target) -> int:
    (pid,) = [pid for pid, what in children_of(target.pid).items() if what == "valkey"]
    return pid


def is_alive(pid: int) -> bool:
    """Whether a process runs: one that has ended and that nobody has asked for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    os.kill(pid, number)


@contextlib.contextmanager
def server(
    folder: Path,
    *flags: str,
    workers: int = 2,
    environment: dict[str, str] | None = None,
    prefix: Sequence[str] = (),
) -> Iterator[Target]:
    """Of `workers`, all of which take clients."""
    given = ["--workers", str(workers), *UNHURRIED, *flags]
    target = Target(data_dir=folder, flags=given, environment=environment, prefix=prefix)
    with target.running():
        yield target


def metrics_of(target: Target) -> dict[str, dict[str, float]]:
    """Figure → node → value, summed over what other labels it has."""
    with urllib.request.urlopen(target.http_url + "/metrics", timeout=PATIENCE_S) as response:
        lines = response.read().decode().splitlines()
    found: dict[str, dict[str, float]] = {}
    for line in lines:
        if not line.startswith("#"):
            name, _, rest = line.partition("{")
            node = rest.partition('node="')[2].partition('"')[0]
            value = float(line.rsplit(" ", 1)[1])
            by_node = found.setdefault(name, Counter())
            by_node[node] += value
    return found


def metrics_of_all(target: Target) -> dict[str, dict[str, float]]:
    """The same, once no worker is missing: one that waits for a core for a second counts as one that is gone."""
    found: list[dict[str, dict[str, float]]] = []

    def are_all_there() -> bool:
        found.append(metrics_of(target))
        return 0 not in found[-1]["lobby_worker_up"].values()

    wait_until(are_all_there)
    return found[-1]


def sockets_by_node(target: Target) -> list[int]:
    return sorted(int(value) for value in metrics_of_all(target)["lobby_sockets"].values())


def until_all_are_up(target: Target, workers: int, *, before: Sequence[int] = ()) -> list[int]:
    """The process ids of the workers, once so many answer and none is of those before."""

    def are_up() -> bool:
        pids = workers_of(target)
        if len(pids) != workers or set(pids) & set(before):
            return False
        return sum(metrics_of(target)["lobby_worker_up"].values()) == workers

    wait_until(are_up)
    return workers_of(target)


def until_gone(pids: Sequence[int]) -> None:
    wait_until(lambda: not any(map(is_alive, pids)))
