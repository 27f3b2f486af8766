"""May a figure be trusted? The levels, and the limits of a load generator that swarm and lab share."""

from __future__ import annotations

from enum import Enum

BUSY_SHARE = 0.90
"""Of a core: a load generator that uses more measures its own queue (Locust issues 586 and 663)."""

NEAR_SHARE = 0.75
"""Of a core: from here on a burst of other work on it would have reached `BUSY_SHARE`."""


class Validity(str, Enum):
    """Of a run or of one figure. The values are those in run.json."""

    VALID = "VALID"
    SUSPECT = "SUSPECT"
    """Something happened that a reader has to know of before using the figures."""
    INVALID = "INVALID"
    """The generator measured its own queue, or figures were lost on their way."""
