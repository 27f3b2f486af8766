"""Quantities of a run, as `bench.citations` puts them beside the numbers that tell them.

Each is made of what the sentence says (its scenario, way, size and statistic), not of the object that the number was
taken from: where the two differ, the auditor finds it.
"""

from __future__ import annotations

from collections.abc import Iterable

from bench.citations import Quantity
from bench.measures import Kind, Measure
from bench.record.findings import Where


def readings(scenario: str, measure: Measure, party: str, where: Where, take: str = "median") -> Quantity:
    """The ``median``, ``least``, ``most`` or number (``n``) of the readings of a measure."""
    return {
        "of": "readings", "scenario": scenario, "name": measure.name, "unit": measure.unit, "party": party,
        **where._asdict(), "take": take,
    }  # fmt: skip


def paired(scenario: str, measure: Measure, party: str, over: str, where: Where, take: str = "median") -> Quantity:
    """The same of the ratios of two parties, pair by pair."""
    return {**readings(scenario, measure, party, where, take), "of": "paired", "over": over}


def broadcasts(series: str, clients: int, take: str, changes_per_s: float = 0.0) -> Quantity:
    """``p50`` or ``p99`` of all receipts, ``last`` client (median broadcast), the ``slowest``, or ``broadcasts``."""
    return {"of": "broadcasts", "series": series, "clients": clients, "changes_per_s": changes_per_s, "take": take}


def receipts(take: str) -> Quantity:
    """``due`` or ``lost``, over all broadcasts that had no stream beside them."""
    return {"of": "receipts", "take": take}


def polled(take: str) -> Quantity:
    """``p50`` or ``p99`` of the age of a room when a poll first shows it."""
    return {"of": "polled", "take": take}


def minute(way: str, rooms: int, layer: str) -> Quantity:
    """What an idle client of a way comes to per minute: ``message``, ``framed``, ``wire`` (bytes) or ``requests``."""
    return {"of": "minute", "way": way, "rooms": rooms, "layer": layer}


def hour(way: str, rooms: int, changes_per_s: float, layer: str = "whole") -> Quantity:
    """What a client of a way comes to per hour at a nominal rate; ``whole``: with TCP/IP, on its link if it had one."""
    return {"of": "hour", "way": way, "rooms": rooms, "changes_per_s": changes_per_s, "layer": layer}


def achieved(way: str, rooms: int, changes_per_s: float) -> Quantity:
    """Changes per second in the window of the same."""
    return {"of": "rate", "way": way, "rooms": rooms, "changes_per_s": changes_per_s}


def crossing(measure: Measure, way: str, rival: str, clients: int, take: str) -> Quantity:
    """Where `way` begins to cost more: ``rate`` between measured cells, the cells ``low`` and ``high`` beside it, or
    ``model``."""
    return {"of": "crossing", "name": measure.name, "way": way, "rival": rival, "clients": clients, "take": take}


def points(take: str = "all", *, scenario: str = "", among: str = "readings") -> Quantity:
    """``all``, ``suspect`` or ``invalid`` points of ``readings``, of ``broadcasts``, or of ``groups`` of clients."""
    return {"of": "points", "take": take, "among": among, **({"scenario": scenario} if scenario else {})}


def tally(inside: str, kinds: Iterable[str], wanted: str | None = None) -> Quantity:
    """How many conclusions of the report's texts whose place begins so; those with these words, or all."""
    return {"of": "tally", "in": inside, "kinds": list(kinds), **({"is": wanted} if wanted is not None else {})}


def floor(kind: Kind) -> Quantity:
    """The noise floor of a kind of measure."""
    return {"of": "floor", "kind": kind.value}


def swarm(path: str, unit: str = "") -> Quantity:
    """A field of the swarm's document, or its sum over the rows of a list."""
    return {"of": "swarm", "path": path, "unit": unit}


def spent(scenario: str, take: str, *, share: bool = False) -> Quantity:
    """A field of the scenario's stretch; as a share of its wall time."""
    return {"of": "spent", "scenario": scenario, "take": take, "share": share}


def claim(rule: str, values: Iterable[Quantity], claimed: float = 0.0) -> Quantity:
    """A conclusion: all values are ``about`` or ``at most`` the claim (a quarter is left), ``at least``, ``zero``."""
    return {"of": "claim", "rule": rule, "values": list(values), "claimed": claimed}


def up_to(series: str, take: str, limit: Quantity) -> Quantity:
    """A conclusion: up to how many clients a time of a broadcast is below the limit."""
    return {"of": "up to", "series": series, "take": take, "limit": limit}


NOT_MEASURED: Quantity = {"of": "claim", "rule": "not measured", "values": []}


def returns(take: str) -> Quantity:
    """Clients with the fixed retry after a restart: ``back``, ``expected``, or the ``last`` one's wait in s."""
    return {"of": "returns", "take": take}


def connections(take: str) -> Quantity:
    """Sockets ``held`` while the server ran, ``lost`` unasked, or ``idle lost`` of idle push clients."""
    return {"of": "connections", "take": take}


def idle(take: str) -> Quantity:
    """``events`` at idle push clients, or those ``clients``."""
    return {"of": "idle", "take": take}


def message(name: str, take: str, *, up: bool) -> Quantity:
    """The largest message of a name: as a ``message``, ``framed`` or on the ``wire``."""
    return {"of": "message", "name": name, "take": take, "up": up}
