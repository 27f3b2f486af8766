"""A process that does not outlive the one that started it, however that one ends: kill -9 too.

On Linux the kernel ends it (prctl(2), PR_SET_PDEATHSIG), which holds through execve(2). As a program of its own, this
file becomes another program on such a leash: ``python leash.py PARENT COMMAND…``. It imports nothing of the project.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
ORPHANED = 1
"""Exit code of a process whose parent was gone before it was on the leash."""


def hold(parent: int) -> None:
    """Put this process on the leash of its parent. Ends it when that is gone already. Elsewhere than on Linux nothing
    happens."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(ORPHANED)


def command_on_leash(command: list[str]) -> list[str]:
    """What starts a program on the leash of the process that calls this."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


if __name__ == "__main__":
    hold(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
