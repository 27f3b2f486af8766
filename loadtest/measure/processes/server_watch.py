"""The server under test as a process of this machine: its CPU, and whether it could run at all.

It is looked at several times per second, from the process that makes the load, so this reads a few lines of ``/proc``
(proc_pid_stat(5)). psutil reads ten times as much for it, those of all processes of the machine among them.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import psutil

from loadtest.measure.processes.stat_lines import STARTED, STATE, SYSTEM, USER, StatLines
from loadtest.measure.run_facts import ServerState

LEAST_S = 0.5
"""Between two looks at its CPU, which the kernel counts in hundredths of a second: a share of a moment is that of one
hundredth, or none."""
_CGROUPS = Path("/sys/fs/cgroup")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_TELLS_CHILDREN = Path("/proc/thread-self/children").exists()


class ServerWatch:
    """Look at it several times per second. Its busiest process counts, and any of its processes that cannot run."""

    def __init__(self, pid: int, *, state: ServerState | None = None, cpu_shares: list[float] | None = None) -> None:
        """Raises `psutil.Error` when there is no such process, or it is somebody else's. `state` and `cpu_shares` are
        continued, for the next process of a server that was restarted."""
        self.pid = pid
        self.state = state or ServerState()
        self.cpu_shares: list[float] = cpu_shares if cpu_shares is not None else []
        """Of a core, second by second."""
        self.is_gone = False
        psutil.Process(pid)
        self._lines: dict[int, StatLines] = {pid: StatLines(pid)}
        """Of it, its children and theirs, at the last look."""
        self._started = self._lines[pid].read()[STARTED:][:1]
        self._used_s = self._read()
        self._looked_s = self._glanced_s = time.perf_counter()
        self._cpu_stat = _cpu_stat_of(pid)
        self._throttled_s = self._read_throttled()
        self._overflows = _overflows_beside(pid)

    def glance(self, now_s: float) -> None:
        """Whether it can run now. The time since the last glance is booked under what is seen."""
        since_s, self._glanced_s = now_s - self._glanced_s, now_s
        state = self.state
        state.watched_s += since_s
        stat = self._lines[self.pid].read()
        status = stat[STATE] if stat[STARTED:][:1] == self._started and stat else "X"
        if status in "ZX":
            self.is_gone = state.is_away = True
            state.gone_s += since_s
            return
        others = [(lines, lines.read()) for pid, lines in self._lines.items() if pid != self.pid]
        seen = [(self._lines[self.pid], stat), *(each for each in others if each[1])]
        statuses = {line[STATE] for _, line in seen}
        if statuses & {"T", "t"}:
            state.stopped_s += since_s
        elif "D" in statuses or any(lines.has_a_thread_in("D", line) for lines, line in seen):
            state.on_disk_s += since_s  # what writes is mostly not the thread that answers

    def look(self, now_s: float) -> None:
        """Its CPU since the last look that was `LEAST_S` ago or more, and what its kernel counts."""
        wall_s = now_s - self._looked_s
        if wall_s >= LEAST_S:
            used_s = self._read()
            shares = [(used - self._used_s.get(pid, used)) / wall_s for pid, used in used_s.items()]
            if shares:
                self.cpu_shares.append(max(shares))
            self._used_s, self._looked_s = used_s, now_s
        throttled_s = self._read_throttled()
        self.state.throttled_s += max(0.0, throttled_s - self._throttled_s)
        self._throttled_s = throttled_s
        overflows = _overflows_beside(self.pid)
        if overflows is not None:
            self.state.overflows += overflows - (overflows if self._overflows is None else self._overflows)
            self._overflows = overflows

    def _read(self) -> dict[int, float]:
        """None of it where it is gone, or being restarted."""
        used_s, left, before = {}, [self.pid], self._lines
        self._lines = {}
        while left:
            pid = left.pop()
            lines = before.get(pid) or StatLines(pid)
            stat = lines.read()
            if not stat and pid != self.pid:  # gone, or the id is another one's by now
                lines = StatLines(pid)
                stat = lines.read()
            if stat:
                used_s[pid] = (int(stat[USER]) + int(stat[SYSTEM])) / _TICKS_PER_S
                left += _children_of(pid)
            if stat or pid == self.pid:
                self._lines[pid] = lines
        return used_s

    def _read_throttled(self) -> float:
        if self._cpu_stat is not None:
            with contextlib.suppress(OSError, ValueError), open(self._cpu_stat, encoding="ascii") as file:
                for line in file:
                    name, _, number = line.partition(" ")
                    if name == "throttled_usec":
                        return int(number) / 1e6
        return 0.0


def _children_of(pid: int) -> list[int]:
    """Those of its main thread, which is where servers fork; of all threads where the kernel does not tell."""
    try:
        file = os.open(f"/proc/{pid}/task/{pid}/children", os.O_RDONLY | os.O_CLOEXEC)
        with open(file, "rb", buffering=0) as children:
            return [int(child) for child in children.read().split()]
    except OSError:
        if _TELLS_CHILDREN:
            return []
    with contextlib.suppress(psutil.Error):
        return [child.pid for child in psutil.Process(pid).children()]
    return []


def _overflows_beside(pid: int) -> int | None:
    """How many connections full backlogs have turned away in the network namespace of that process, since it began
    (ListenOverflows, proc_pid_net(5)); None where that is not known."""
    with contextlib.suppress(OSError, ValueError, KeyError), open(f"/proc/{pid}/net/netstat", encoding="ascii") as file:
        for names, numbers in zip(file, file, strict=False):
            if names.startswith("TcpExt:"):
                return int(dict(zip(names.split(), numbers.split(), strict=True))["ListenOverflows"])
    return None


def _cpu_stat_of(pid: int) -> Path | None:
    """Of the control group of that process (cgroup v2); None where there is none."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return None
    group = next((line[3:] for line in lines if line.startswith("0::/")), None)
    return None if group is None else _CGROUPS / group.lstrip("/") / "cpu.stat"


def find_server(port: int) -> int | None:
    """The process on this machine that listens on that port; None where it is not seen. O(open files of all processes):
    0.1 s beside ten thousand connections (psutil's list of all connections takes seconds there)."""
    inodes = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _listening(Path("/proc/net") / table, port)}
    if not inodes:
        return None
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            with os.scandir(folder) as files:
                if any(_target(file.path) in inodes for file in files):
                    return int(folder.parent.name)
        except OSError:
            continue  # it is gone, or somebody else's
    return None


def _target(link: str) -> str:
    """Empty: it is gone. A server that answers closes files all the time."""
    try:
        return os.readlink(link)
    except OSError:
        return ""


def _listening(table: Path, port: int) -> list[str]:
    """Inodes of the sockets that listen there (Linux, proc_pid_net(5))."""
    try:
        rows = (line.split() for line in table.read_text().splitlines()[1:] if f":{port:04X} " in line)
    except OSError:
        return []
    return [row[9] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")]
