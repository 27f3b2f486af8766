"""How many players of each role are doing what, at one moment. Unlike everything else that a process tells, it is not a
sum over time: the latest count of each process replaces the one before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

ACTIVE, CONNECTING, PAUSED, AWAY = "active", "connecting", "paused", "away"
STATES = (ACTIVE, CONNECTING, PAUSED, AWAY)
"""Connected, or polling without a socket; coming or coming back; told to do nothing; between two sessions."""

Attendance: TypeAlias = dict[str, dict[str, int]]
"""By role, then by state."""


def add_attendance(whole: Attendance, part: Mapping[str, Mapping[str, int]]) -> None:
    for role, states in part.items():
        counted = whole.setdefault(role, {})
        for state, number in states.items():
            counted[state] = counted.get(state, 0) + number
