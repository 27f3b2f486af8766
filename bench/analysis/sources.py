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
    """``p50`` or ``p99`` of all receipts, ``last`` client (median broadcast), the ``slowest``, or ``broadcasts``; the
    last client of the ``first herd`` of each repeat, of the ``later herds``, and the number of such ``repeats``."""
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


def forecast_errors(take: str) -> Quantity:
    """Of forecasts against what was measured, without sign: the ``median``, the ``worst``, or their number (``n``)."""
    return {"of": "forecast errors", "take": take}


def of_the_worst() -> Quantity:
    """A conclusion: which quantity of which case missed its measurement by most."""
    return {"of": "worst forecast"}


def extent_of(take: str) -> Quantity:
    """How far measurements of forecasts and of their model went: ``sessions`` of a process, ``processes``, ``players``
    of both, ``changes_per_s``, ``rooms``; ``held out``: sessions that forecasts were held against."""
    return {"of": "extent", "take": take}


def breaks_first(party: str) -> Quantity:
    """A conclusion: what breaks with the fewest players with whom a way does not hold."""
    return {"of": "breaks first", "party": party}


def spent(scenario: str, take: str, *, share: bool = False) -> Quantity:
    """A field of the scenario's stretch; as a share of its wall time."""
    return {"of": "spent", "scenario": scenario, "take": take, "share": share}


def claim(rule: str, values: Iterable[Quantity], claimed: float = 0.0) -> Quantity:
    """A conclusion: all values are ``about`` or ``at most`` the claim (a quarter is left), ``at least``, ``zero``."""
    return {"of": "claim", "rule": rule, "values": list(values), "claimed": claimed}


def up_to(series: str, take: str, limit: Quantity) -> Quantity:
    """A conclusion: up to how many clients a time of a broadcast is below the limit."""
    return {"of": "up to", "series": series, "take": take, "limit": limit}


NO_CLAIM: Quantity = {"of": "claim", "rule": "not measured", "values": []}


def returns(take: str) -> Quantity:
    """Clients with the fixed retry after a restart: ``back``, ``expected``, of how many ``restarts``, or the ``last``
    one's wait in s."""
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


def both(claims: Iterable[Quantity]) -> Quantity:
    """A conclusion: all of these hold; ``not measured`` for none."""
    drawn = list(claims)
    return {"of": "both", "claims": drawn} if drawn else NO_CLAIM


def cost_of_old(values: Iterable[Quantity], claimed: float) -> Quantity:
    """A conclusion about the way that is to be replaced: the values are about the claim, or all above it."""
    return {"of": "cost of old", "values": list(values), "claimed": claimed}


def scale(claimed: float) -> Quantity:
    """A conclusion: one process holds so many clients within the service level."""
    return {"of": "scale", "claimed": claimed}


def shortest_list() -> Quantity:
    """The shortest list that the scenario bandwidth had, in B."""
    return {"of": "shortest list"}


def swarm_event(name: str, *, among: str = "events") -> Quantity:
    """A total of the swarm: of ``events`` (what players did and heard, and what the lab did meanwhile), or ``counts``;
    0 where there was none."""
    return {"of": "swarm event", "name": name, "among": among}


def swarm_metric(name: str, take: str) -> Quantity:
    """``p50_ms`` or ``p99_ms`` of a time of the swarm."""
    return {"of": "swarm metric", "name": name, "take": take}


def heard(sent: str, received: str, ledger: str, *, is_personal: bool, take: str = "") -> Quantity:
    """A conclusion: what players did was heard, and nobody who should have was left out. `take`: the number of those
    that were ``lost`` or ``due``."""
    of = {"of": "heard", "sent": sent, "received": received, "ledger": ledger, "personal": is_personal}
    return {**of, "of": "of those to hear", "take": take} if take else of


def crossover(way: str, rival: str, rooms: int) -> Quantity:
    """The rate from which on `way` costs more bytes than `rival`, on the line between two rates of bandwidth whose
    points are valid."""
    return {"of": "crossover", "way": way, "among": [rival], "rooms": rooms, "points": "valid"}


def first_crossover(way: str, among: Iterable[str], rooms: int) -> Quantity:
    """The least of the rates from which on `way` costs more bytes than one of these."""
    return {"of": "crossover", "way": way, "among": list(among), "rooms": rooms, "points": "not invalid"}


def first_to_cross(way: str, names: dict[str, str], rooms: int) -> Quantity:
    """A conclusion: the words for the way that is the first to cost fewer bytes than `way`; `names`: way to words."""
    return {"of": "first to cross", "way": way, "names": names, "rooms": rooms}


def every(rate: Quantity) -> Quantity:
    """A conclusion: a rate in words, how seldom or how many per second."""
    return {"of": "every", "rate": rate}


def fewest(way: str, among: Iterable[str], rooms: int) -> Quantity:
    """A conclusion: of these, `way` costs the fewest bytes below its first crossover, or at all rates where it has
    none."""
    return {"of": "cheapest", "way": way, "among": list(among), "rooms": rooms, "words": "the fewest"}


def fewer(way: str, among: Iterable[str], rooms: int) -> Quantity:
    """The same in other words."""
    return {**fewest(way, among, rooms), "words": "fewer bytes than any"}


def shortest_rooms() -> Quantity:
    """Rooms in the shortest list of the scenario bandwidth that has a point which is not invalid."""
    return {"of": "shortest rooms"}
