"""From where on a reading is in doubt.

Scenarios heed the limits while they measure, analysis
afterwards. How busy a generator may be is the swarm's limit, too (`loadtest.results.validity`).
"""

from __future__ import annotations

TIME_WAIT_LIMIT = 0.20
"""The part of the time in which it would have worked that a process may be kept from its core while times are measured:
other work falls on single repeats, which the median leaves out."""

CPU_WAIT_LIMIT = 0.10
"""The same while CPU is measured. Tighter: a cost shows the strange work in its caches, too."""

LATE_LIMIT_MS = 10.0
"""A publisher that is later than this is itself a good part of a latency of milliseconds."""

SLOW_AFTER_IDLENESS = 3.0
"""CPU time to touch memory that was idle ÷ that of memory in use: above it, what happens seldom costs more
than where memory stays at hand, and the report says so."""
