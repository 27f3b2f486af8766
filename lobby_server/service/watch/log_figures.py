"""What is watched of a log that several nodes have in common."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LogFigures:
    """How a node stands to the log that it has in common with others."""

    entries: int
    """Number of the last entry that was applied."""
    lag_entries: int
    """Entries that are known to be in the log and not applied yet."""
    lag_s: float
    """Age of the last entry when it was applied."""
    waiting: int
    """Commands of this node that are not applied yet."""
    is_away: bool
    outages: int
    apply_s: float
    """Time spent applying entries since the start, all that follows from them included."""
    snapshot_age_s: float
    """Since this node wrote or read a snapshot."""
