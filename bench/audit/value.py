"""A quantity that was computed, with its unit and where it is from."""

from __future__ import annotations

from dataclasses import dataclass

from bench.audit.printed import UNITS


@dataclass(frozen=True)
class Value:
    value: float
    unit: str
    of: str
    """The raw readings it is from, for a reader."""

    @property
    def base(self) -> float:
        """In seconds, bytes or a plain number, so that two can be held against each other."""
        return self.value * UNITS.get(self.unit, ("", 1.0))[1]
