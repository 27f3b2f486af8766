"""The lines of a process and its threads in ``/proc`` (proc_pid_stat(5)), from files that stay open.

Opening such a file costs as much as what the kernel then writes into it, and to list the threads costs the same again:
who looks several times per second keeps both. Which threads there are is asked for again when there are more or fewer
of them, or one is gone; so nothing is seen later than by asking each time.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from itertools import islice

STATE, USER, SYSTEM, THREADS, STARTED = 0, 11, 12, 17, 19
"""Fields of ``/proc/PID/stat``, counted from the state on."""
MOST_THREADS = 32
"""Of a process, those that are looked at: the first ones. A database has a few, and who has hundreds would cost the
generator more than is known by it."""
_STAT_BYTES = 4096
"""More than such a line has: 52 numbers and a name."""


class StatLines:
    """Of one process: of the one that has this id now, and never of a later one."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._process: dict[str, int] = {}
        self._threads: dict[str, int] = {}
        """Of those beside the main one: their files, by id."""
        self._number = "1"
        """Of all its threads, as the kernel writes it, when they were listed."""
        for files in (self._process, self._threads):
            weakref.finalize(self, _close, files)
        with contextlib.suppress(OSError):
            self._process["stat"] = _opened(f"/proc/{pid}/stat")

    def read(self) -> list[str]:
        """Without the pid and the name; nothing when it is gone."""
        return _read(self._process.get("stat", -1))

    def has_a_thread_in(self, state: str, line: list[str]) -> bool:
        """Of those beside the main one. `line` is what has just been read of the process."""
        if line[THREADS:][:1] != [self._number]:
            self._list(line)
        found = self._look(state)
        if found is None:  # one is gone, and another one may have come
            self._list(line)
            found = self._look(state)
        return bool(found)

    def _look(self, state: str) -> bool | None:
        """None: of one there is no line any more."""
        are_all_there = True
        for file in self._threads.values():
            line = _read(file)
            if line[:1] == [state]:
                return True
            are_all_there &= bool(line)
        return False if are_all_there else None

    def _list(self, line: list[str]) -> None:
        _close(self._threads)
        self._number = "".join(line[THREADS:][:1])
        with contextlib.suppress(OSError), os.scandir(f"/proc/{self.pid}/task") as threads:
            for thread in islice(threads, MOST_THREADS):
                if thread.name != str(self.pid):
                    with contextlib.suppress(OSError):  # it ended just now
                        self._threads[thread.name] = _opened(f"{thread.path}/stat")


def _opened(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _read(file: int) -> list[str]:
    try:
        return os.pread(file, _STAT_BYTES, 0).decode("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return []


def _close(files: dict[str, int]) -> None:
    while files:
        with contextlib.suppress(OSError):
            os.close(files.popitem()[1])
