"""placeholder"""

from __future__ import annotations

from bench.lab import Lab
from bench.results import SwarmResult


def run(lab: Lab) -> SwarmResult | None:
    return None
