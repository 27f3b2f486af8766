"""The tables of cases, and the part of them that the default suite runs."""

from __future__ import annotations

from tests.conformance.case import Case
from tests.conformance.cases import (
    closing,
    deflate,
    fragments,
    frames,
    head_syntax,
    http_bodies,
    http_plain,
    negotiation,
    pings,
    upgrade,
    utf8,
)

TABLES: dict[str, tuple[Case, ...]] = {
    "frames": frames.CASES,
    "fragments": fragments.CASES,
    "utf8": utf8.CASES,
    "closing": closing.CASES,
    "pings": pings.CASES,
    "upgrade": upgrade.CASES,
    "head syntax": head_syntax.CASES,
    "negotiation": negotiation.CASES,
    "deflate": deflate.CASES,
    "http": http_plain.CASES,
    "http bodies": http_bodies.CASES,
}
CASES: dict[str, Case] = {f"{table}: {case.name}": case for table, cases in TABLES.items() for case in cases}
QUICK_EVERY = 4
"""The default suite runs every fourth case of each table."""
QUICK = frozenset(f"{table}: {case.name}" for table, cases in TABLES.items() for case in cases[::QUICK_EVERY]) - {
    "closing: too big, never answered"  # takes the server's patience
}
