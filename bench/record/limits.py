"""From where on a reading is in doubt, or none at all. Scenarios heed them while they measure, analysis afterwards."""

from __future__ import annotations

GENERATOR_LIMIT = 0.90
"""Share of a core above which the generator measures its own queue (Locust issues 586 and 663)."""

GENERATOR_SUSPECT = 0.75
"""From here on a burst of other work on the core would have reached the limit."""

TIME_WAIT_LIMIT = 0.20
"""The part of the time in which it would have worked that a process may be kept from its core while times are measured:
other work falls on single repeats, which the median leaves out."""

CPU_WAIT_LIMIT = 0.10
"""The same while CPU is measured. Tighter: a cost shows the strange work in its caches, too."""

LATE_LIMIT_MS = 10.0
"""A publisher that is later than this is itself a good part of a latency of milliseconds."""
