"""Memory that the ledger needed for a moment goes back to the system.

While thousands of players come, millions of announcements are judged within seconds, in arrays that live for
milliseconds. glibc keeps what they were made in between what lives on, and a process that is asked how much it takes
shows it for the rest of the run. ``malloc_trim(3)`` gives back whole pages from everywhere in the heap.
"""

from __future__ import annotations

import ctypes
from typing import Any


class Trimmer:
    """`give_back` costs some milliseconds after a ramp, and next to nothing later. No effect without glibc."""

    def __init__(self) -> None:
        self._trim: Any = getattr(ctypes.CDLL(None), "malloc_trim", None)

    def give_back(self) -> bool:
        """Whether there was something."""
        return bool(self._trim(0)) if self._trim is not None else False
