"""Runs as the auditor reads them: plain JSON."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from bench.audit.raw import Raw
from bench.record.run import Run


def document_of(run: Run) -> dict[str, Any]:
    """As it lies on disk."""
    found: dict[str, Any] = json.loads(msgspec.json.encode(run))
    return found


def raw_of(run: Run) -> Raw:
    return Raw(document_of(run))
