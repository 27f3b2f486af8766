"""Whether results can be written where they are to go, and whether another swarm writes there: looked at before a run,
not found out at its end."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

from loadtest.results.exit_codes import UsageError


def check_writable(flag: str, folder: Path) -> None:
    """Raises `UsageError`."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(f"{flag}: nothing can be written to {folder}: {error.strerror}.") from None


def check_can_be_made(flag: str, folder: Path) -> None:
    """Makes it, as whoever writes there later does. Raises `UsageError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{flag}: the folder {folder} cannot be made: {error.strerror}.") from None
    check_writable(flag, folder)


def claim(flag: str, folder: Path) -> int | None:
    """Have the folder for as long as the descriptor that is returned is open, that is as long as this process lives.
    Nothing is left of it. None: this file system cannot tell. Raises `UsageError` where another process has it."""
    claimed = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(claimed, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(claimed)
        raise UsageError(
            f"{flag}: another swarm writes its results to {folder}: give this one a folder of its own."
        ) from None
    except OSError:  # a file system without locks
        os.close(claimed)
        return None
    return claimed
