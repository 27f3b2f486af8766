"""The lock of a lobby on SQLite: a file beside the database, which the system unlocks when the process ends."""

from __future__ import annotations

import os
from pathlib import Path

LOCK_SUFFIX = "-server-lock"


class FileLock:
    """Held from `try_lock` to `release`, or to the end of the process, however that comes about."""

    def __init__(self, database: Path) -> None:
        """`database`: its file; every path that leads there means the same lock."""
        real = database.resolve()
        self.path = real.with_name(real.name + LOCK_SUFFIX)
        self._descriptor: int | None = None

    def try_lock(self) -> bool:
        """Whether the lock is held now. Where the system has no such locks, it always is. Raises `OSError`."""
        try:
            import fcntl
        except ImportError:
            return True  # not a Unix system
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """A second time does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
