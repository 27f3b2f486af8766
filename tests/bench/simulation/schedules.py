"""Schedules that once violated an invariant, as `lobby-bench simulate` printed them. They hold now, and are to."""

from __future__ import annotations

SCHEDULES: tuple[str, ...] = ()
