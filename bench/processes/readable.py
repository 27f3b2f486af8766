"""Waiting for a pipe, whatever its number: `select.select` takes descriptors below 1,024 only."""

from __future__ import annotations

import selectors
from typing import IO, Any


def is_readable(pipe: IO[Any], *, wait_s: float) -> bool:
    """Whether there is something to read, or its end, within so many seconds."""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        return bool(selector.select(wait_s))
