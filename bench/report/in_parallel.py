"""Work that only computes, on all cores: each piece in a copy of this process, which knows all that this one knows."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

R = TypeVar("R")

_pieces: Sequence[Callable[[], Any]] = ()
"""Of the call that is under way. A copied process finds them here, so that only results are sent, as pickles."""
_turn = threading.Lock()


def in_parallel(pieces: Sequence[Callable[[], R]]) -> list[R]:
    """The result of each, in their order; raises what the first that fails raises.

    One after the other, in this process, where there is one core, where the system cannot copy a process (``fork``),
    or while other threads run here, whose locks a copy would inherit.
    """
    global _pieces
    workers = min(len(pieces), _cores())
    can_copy = "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1
    if workers < 2 or not can_copy:
        return [piece() for piece in pieces]
    with _turn:
        _pieces = pieces
        try:
            with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork")) as pool:
                return list(pool.map(_result_of, range(len(pieces))))
        finally:
            _pieces = ()


def _result_of(number: int) -> Any:
    return _pieces[number]()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
