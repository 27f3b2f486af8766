"""Names of facts that a chart finds again: who writes such a fact and who reads it agree here."""

from __future__ import annotations

import re

_CONNECTED = re.compile(r"open connections at ([0-9.]+) s")


def connected_name(at_s: float) -> str:
    """Name of the fact that is how many players of a swarm were connected then."""
    return f"open connections at {at_s:.1f} s"


def connected_at(name: str) -> float | None:
    """When such a fact is of; None: it is another one."""
    found = _CONNECTED.fullmatch(name)
    return float(found[1]) if found is not None else None


def fault_name(fault: str, what: str) -> str:
    """Name of the fact that is when a fault began (``from``) or was over (``until``)."""
    return f"{fault}, {what} (s)"


_LOOK = re.compile(r"resident memory, (.+), (.+), after ([0-9]+) cycles \(MiB\)")


def look_name(way: str, cycle: str, done: int) -> str:
    """Name of the fact that is one look at a server's memory."""
    return f"resident memory, {way}, {cycle}, after {done} cycles (MiB)"


def look_of(name: str) -> tuple[str, str, int] | None:
    """Way, cycle and cycles done of such a fact; None: it is another one."""
    found = _LOOK.fullmatch(name)
    return (found[1], found[2], int(found[3])) if found is not None else None
