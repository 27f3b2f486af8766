"""One server a data folder: a second one would take the first one's rooms for leftovers, and delete them."""

from __future__ import annotations

import os
from pathlib import Path

from lobby_server.settings import SettingsError

LOCK_FILE = "lock"


class FolderLock:
    """A lock that the system lets go of when the process ends, however that comes about."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        os.close(self._descriptor)


def lock_folder(data_dir: Path) -> FolderLock | None:
    """The lock of a data folder; None where the system has no such locks. Raises `SettingsError` when it is held."""
    try:
        import fcntl
    except ImportError:
        return None  # not a Unix system
    descriptor = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise SettingsError(
            f"Another server runs on the data folder {data_dir}: stop it, or give --data-dir another folder."
        ) from None
    return FolderLock(descriptor)
