"""From which rate of changes on one way costs more than another: by the measured cells, and by a fit of the model.

Straight lines between the cells of a size, at the rates that were achieved; idle cells are those of any size, and all
that hold a socket share them. The model is that of docs/lab.md, fitted in `bench.audit.quantities.fits`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from bench.audit.arithmetic import between, mean, median
from bench.audit.plain_json import Json
from bench.audit.quantities.fits import fit
from bench.audit.quantities.traffic import counted, hourly
from bench.audit.raw import NotInRun, Raw
from bench.audit.validity import INVALID, SUSPECT, kind, of_group, of_readings
from bench.audit.value import Value

NEAR = 1.05
"""Two rates are one when the greater is at most so many times the less."""
RATES = (0.01, 30.0)
"""The model is asked for a crossing in these changes per second."""
ACHIEVED = "changes per second, achieved"
EVENTS = "events per client-hour"
SINGLY = 0.98
"""Announcements per change, of changes that are told one by one."""
OF_A_PLAYER = {
    "bytes per client-hour, with TCP/IP (model)": ("KiB per player-hour, with TCP/IP (model)", 1024.0),
    "server CPU per client-hour": ("server CPU per player-hour", 1.0),
}


@dataclass
class Cells:
    """Of one way: at each rate and size, what it cost."""

    points: list[tuple[int, float, float]] = field(default_factory=list)
    """Clients, achieved rate, value."""
    of_any_size: list[tuple[float, float]] = field(default_factory=list)
    """Achieved rate and value of what does not depend on the number of clients."""

    @property
    def points_of_any_size(self) -> list[tuple[float, float, float]]:
        """All, the number of clients being no matter where it says nothing."""
        return [*self.points, *((1, rate, value) for rate, value in self.of_any_size)]

    @property
    def are_of_one_size(self) -> bool:
        return bool(self.of_any_size) or len({size for size, _, _ in self.points}) < 2

    def line(self, clients: int) -> tuple[list[float], list[float]]:
        by_rate: dict[float, list[float]] = {}
        for size, rate, value in self.points:
            if size == clients or not rate:
                by_rate.setdefault(rate, []).append(value)
        for rate, value in self.of_any_size:
            by_rate.setdefault(rate, []).append(value)
        rates = sorted(by_rate)
        return rates, [mean(by_rate[rate]) for rate in rates]


def crossing(raw: Raw, of: Json) -> Value:
    """``take``: rate, low, high (the cells beside it), model, or simple (one fetch per change, one poll per period)."""
    if of["take"] == "simple":
        return Value(1 / raw.setting("break_even.poll_s"), "", "1 / profile.break_even.poll_s")
    cells = cells_of(raw, of["name"])
    own, rival = cells.get(of["way"]), cells.get(of["rival"])
    if own is None or rival is None:
        raise NotInRun(f"no cells of {of['way']} and {of['rival']}")
    if of["take"] == "model":
        return Value(fitted_crossing(raw, of, cells), "", f"a fit of the cells of {of['way']} and {of['rival']}")
    words = f"cells at {of['clients']} clients: {own.line(of['clients'])} and {rival.line(of['clients'])}"
    rates, gaps = side_by_side(own, rival, of["clients"], is_flat=of["rival"] == "polling")
    if of["take"] in ("first", "last"):
        return Value(rates[0 if of["take"] == "first" else -1], "", words)
    found = measured_crossing(rates, gaps)
    if found is not None and of["take"] == "rate":
        return Value(_short_of_the_corner(raw, of, found), "", words)
    if found is None:
        return Value(math.nan, "", f"no crossing between measured {words}")
    return Value(found[("rate", "low", "high").index(of["take"])], "", words)


def order(raw: Raw, of: Json) -> tuple[str, str]:
    """Of two ways whose cells do not cross: at which of the measured rates the first costs more."""
    if of["take"] == "model":
        found = crossing(raw, {**of, "of": "crossing"})
        return ("none" if math.isnan(found.value) else f"{found.value:.3g}"), found.of
    cells = cells_of(raw, of["name"])
    own, rival = (cells.get(of[way], Cells()) for way in ("way", "rival"))
    rates, gaps = side_by_side(own, rival, of["clients"], is_flat=of["rival"] == "polling")
    words = f"costs apart by {[round(gap, 3) for gap in gaps]} at {rates}"
    if measured_crossing(rates, gaps) is not None:
        return "nothing: they cross", words
    if not rates:
        return "not measured side by side", words
    dearer = [gap >= 0 for gap in gaps]
    if all(dearer):
        return "at every rate that was measured", words
    return ("at some rates and not at higher ones" if any(dearer) else "at no rate that was measured"), words


def cells_of(raw: Raw, name: str) -> dict[str, Cells]:
    measured = _cell_measures(raw)
    found: dict[str, Cells] = {}
    nominal: dict[str, set[float]] = {}
    for scenario, each in measured:
        nominal.setdefault(each["party"], set()).add(each["changes_per_s"])
        if (
            each["name"] == name
            and each["readings"]
            and of_readings(each["readings"], kind(name, each["unit"])) != INVALID
        ):
            value = median([reading["value"] for reading in each["readings"]])
            rate = achieved(raw, scenario, each)
            found.setdefault(each["party"], Cells()).points.append((each["clients"], rate, value))
    if name.startswith("bytes") and measured:
        _take_counted(raw, found, but={way for way, rates in nominal.items() if len(rates) > 1})
    _share_the_idle(raw, name, found)
    return found


def _cell_measures(raw: Raw) -> list[tuple[str, Json]]:
    """Of break-even, and of freshness with the same list and period, each with its scenario."""
    sizes = raw.profile["break_even"]
    measured = [("break-even", each) for each in raw.measured("break-even")]
    if measured and raw.has("freshness") and raw.profile["freshness"]["poll_s"] == sizes["poll_s"]:
        measured += [("freshness", each) for each in raw.measured("freshness") if each["rooms"] == sizes["rooms"]]
    return measured


def _take_counted(raw: Raw, found: dict[str, Cells], *, but: set[str]) -> None:
    """Ways of polling with cells at no two rates have what the scenario bandwidth counted with the same list and
    period, too: what a poll carries does not depend on how many others poll."""
    sizes, beside = raw.profile["break_even"], raw.profile["bandwidth"]
    if not raw.has("bandwidth") or beside["time_scale"] != 1 or beside["poll_s"] != sizes["poll_s"]:
        return
    for group in raw.groups():
        way, is_there = group["kind"], group["rooms"] == sizes["rooms"] and group["changes_per_s"] > 0
        if way.startswith("polling") and way not in but and is_there and of_group(group) != INVALID:
            rate = group["changes"] / beside["window_s"]
            found.setdefault(way, Cells()).of_any_size.append((rate, hourly(raw, group, "wire")))


def achieved(raw: Raw, scenario: str, cell: Json) -> float:
    """The median of the repeats; the nominal rate where it was not noted."""
    if not cell["changes_per_s"]:
        return 0.0
    try:
        readings = raw.readings({**cell, "scenario": scenario, "name": ACHIEVED})
    except NotInRun:
        return float(cell["changes_per_s"])
    return median([each["value"] for each in readings])


def _share_the_idle(raw: Raw, name: str, found: dict[str, Cells]) -> None:
    """Idle, all that hold a socket do the same: their idle cells are one, the mean."""
    sockets = [cells for way, cells in found.items() if not way.startswith("polling")]
    idle = [value for cells in sockets for _, rate, value in cells.points if not rate]
    elsewhere = _idle_elsewhere(raw, name) if not idle else None
    for cells in sockets:
        if idle:
            cells.points = [(n, rate, value if rate else mean(idle)) for n, rate, value in cells.points]
        elif elsewhere is not None and cells.points:
            cells.points.append((cells.points[0][0], 0.0, elsewhere))


def _idle_elsewhere(raw: Raw, name: str) -> float | None:
    is_bytes = name.startswith("bytes")
    if is_bytes and raw.has("bandwidth") and raw.setting("bandwidth.time_scale") == 1:
        for group in raw.groups():
            if group["kind"] == "push" and not group["changes_per_s"]:
                hours = len(group["clients"]) * raw.setting("bandwidth.window_s") / 3600
                return float(sum(counted(group, "wire")) / hours)
    if not raw.has("cost") or name not in OF_A_PLAYER:
        return None
    of_a_player, factor = OF_A_PLAYER[name]
    idle = [each for each in raw.measured("cost") if (each["name"], each["party"]) == (of_a_player, "idle")]
    if not idle:
        return None
    largest = max(idle, key=lambda each: each["clients"])
    return median([each["value"] for each in largest["readings"]]) * factor


def doubtful_cells(raw: Raw, of: Json) -> list[str]:
    """The cells that are not valid among those that a crossing is read off: those of both ways at its size, up to the
    rate above it."""
    if of["take"] in ("model", "simple"):
        return []
    limit = math.inf
    if of["of"] == "crossing" and of["take"] in ("rate", "low", "high"):
        limit = crossing(raw, {**of, "take": "high"}).value
    places = [("break-even", each) for each in raw.measured("break-even")]
    if raw.has("freshness") and raw.profile["freshness"]["poll_s"] == raw.profile["break_even"]["poll_s"]:
        rooms = raw.profile["break_even"]["rooms"]
        places += [("freshness", each) for each in raw.measured("freshness") if each["rooms"] == rooms]
    return [
        f"{each['party']} at {each['changes_per_s']:g}: {found}"
        for scenario, each in places
        if (each["name"], each["clients"]) == (of["name"], of["clients"]) and each["party"] in (of["way"], of["rival"])
        and each["changes_per_s"] and each["readings"] and achieved(raw, scenario, each) <= limit
        and (found := of_readings(each["readings"], kind(each["name"], each["unit"]))) == SUSPECT
    ]  # fmt: skip


def side_by_side(own: Cells, rival: Cells, clients: int, *, is_flat: bool) -> tuple[list[float], list[float]]:
    """The rates that the cells of both span, and how much more the first costs there. A flat rival costs the same at
    any."""
    (rates, values), (rival_rates, rival_values) = own.line(clients), rival.line(clients)
    if not rates or not rival_rates:
        return [], []
    low = rates[0] if is_flat else max(rates[0], rival_rates[0])
    high = rates[-1] if is_flat else min(rates[-1], rival_rates[-1])
    if high < low <= high * NEAR:
        low = high = (low + high) / 2
    grid = sorted(rate for rate in {*rates, *rival_rates, low, high} if low <= rate <= high)
    return grid, [between(rate, rates, values) - between(rate, rival_rates, rival_values) for rate in grid]


def measured_crossing(grid: list[float], apart: list[float]) -> tuple[float, float, float] | None:
    """Rate, and the rates below and above it; the first from small rates up."""
    for left, right in zip(range(len(grid)), range(1, len(grid)), strict=False):
        if apart[left] < 0 <= apart[right]:
            part = apart[left] / (apart[left] - apart[right])
            return grid[left] + (grid[right] - grid[left]) * part, grid[left], grid[right]
    return None


def _short_of_the_corner(raw: Raw, of: Json, found: tuple[float, float, float]) -> float:
    """The rate of a crossing, where between the two beside it push began to hear of several changes at once: of what it
    costs more, all is there by as many changes per second as it heard of at the upper one."""
    rate, low, high = found
    if of["way"] not in ("push", "rev") or not of["rival"].startswith("polling"):
        return rate
    per_s: dict[float, float] = {}
    for scenario, each in _cell_measures(raw):
        if (each["party"], each["clients"], each["name"]) == (of["way"], of["clients"], EVENTS) and each["readings"]:
            heard = median([reading["value"] for reading in each["readings"]]) / 3600
            per_s[achieved(raw, scenario, each)] = heard
    lower = max((each for each in per_s if 0 < each <= low * NEAR), default=None)
    upper = min((each for each in per_s if each * NEAR >= high), default=None)
    if lower is None or upper is None or per_s[lower] < SINGLY * lower or per_s[upper] >= SINGLY * upper:
        return rate
    corner = per_s[upper]
    grows_on = of["rival"] != "polling" and corner < 1 / raw.setting("break_even.poll_s")
    return rate if corner <= low or grows_on else low + (rate - low) * (corner - low) / (high - low)


def fitted_crossing(raw: Raw, of: Json, cells: dict[str, Cells]) -> float:
    """Where the fitted costs are equal, NaN where they are not."""
    poll_s = raw.setting("break_even.poll_s")
    for way in (of["way"], of["rival"]):
        if (of["name"], way) not in raw.fits:
            raw.fits[of["name"], way] = fit(
                way, cells[way].points_of_any_size, poll_s=poll_s, of_one_size=cells[way].are_of_one_size
            )
    own, rival = (raw.fits[of["name"], way] for way in (of["way"], of["rival"]))
    low, high = (math.log(rate) for rate in RATES)

    def apart(log_rate: float) -> float:
        rate = math.exp(log_rate)
        difference: float = own(rate, of["clients"]) - rival(rate, of["clients"])
        return difference

    if apart(low) >= 0 or apart(high) <= 0:
        return math.nan
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if apart(middle) < 0 else (low, middle)
    return math.exp((low + high) / 2)
