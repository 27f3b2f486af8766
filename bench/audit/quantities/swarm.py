"""Quantities of the swarm: what its players did and heard, by its own document."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from bench.audit.plain_json import Json
from bench.audit.raw import NotInRun, Raw
from bench.audit.value import Value

SWARM_IS_INVALID = "INVALID"
"""A level of the swarm's own document."""


def _swarm(raw: Raw, of: Json) -> Value:
    """A path in the swarm's own document, or the sum of a field over the rows of a list."""
    swarm = raw.scenario("swarm").get("swarm")
    if swarm is None:
        raise NotInRun("no swarm")
    found: Any = swarm["document"]
    for part in of["path"].split("."):
        found = [row[part] for row in found] if isinstance(found, list) else found[part]
    value = math.fsum(found) if isinstance(found, list) else float(found)
    return Value(value, of.get("unit", ""), f"swarm.{of['path']}")


def swarm_document(raw: Raw) -> Json:
    """The swarm's own document; empty where it did not run, or calls itself invalid."""
    swarm = raw.scenario("swarm").get("swarm") if raw.has("swarm") else None
    document: Json = swarm["document"] if swarm is not None else {}
    return document if document.get("validity", {}).get("level") != SWARM_IS_INVALID else {}


def happened(raw: Raw, name: str, among: str = "events") -> int:
    """A total of the swarm; what the lab did while it played stands in the facts of the scenario."""
    document = swarm_document(raw)
    totals = dict(document.get(among, {}))
    facts = raw.scenario("swarm")["facts"] if raw.has("swarm") and among == "events" else {}
    return round(float({**facts, **totals}.get(name, 0)))


def _swarm_event(raw: Raw, of: Json) -> Value:
    return Value(happened(raw, of["name"], of["among"]), "", f"swarm.{of['among']}.{of['name']}")


def _swarm_metric(raw: Raw, of: Json) -> Value:
    for each in swarm_document(raw).get("metrics", []):
        if each["name"] == of["name"]:
            return Value(each[of["take"]], "ms", f"swarm.metrics.{of['name']}")
    raise NotInRun(f"no metric {of['name']} of the swarm")


def to_hear(raw: Raw, of: Json) -> tuple[int, int]:
    """Who should have heard of what players did and did not, and how many were due to."""
    account = swarm_document(raw).get("ledger", {}).get(of["ledger"], {}) if of["ledger"] else {}
    missing = max(0, happened(raw, of["sent"]) - happened(raw, of["received"])) if of["personal"] else 0
    return round(account.get("lost", 0)) + missing, round(account.get("expected", 0))


def _to_hear(raw: Raw, of: Json) -> Value:
    lost_there, due = to_hear(raw, of)
    return Value(due if of["take"] == "due" else lost_there, "", f"swarm.ledger.{of['ledger']}")


SWARM: dict[str, Callable[[Raw, Json], Value]] = {
    "swarm": _swarm,
    "swarm event": _swarm_event,
    "swarm metric": _swarm_metric,
    "of those to hear": _to_hear,
}
