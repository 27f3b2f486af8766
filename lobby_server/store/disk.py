"""How much the disk of a file has left."""

from __future__ import annotations

import os
from pathlib import Path


def free_bytes(path: Path) -> int:
    """For a user who is not root."""
    try:
        found = os.statvfs(path.parent)
    except (AttributeError, OSError):
        return 1 << 62  # not a Unix system, or the folder is gone: the next call says what it is
    return found.f_bavail * found.f_frsize
