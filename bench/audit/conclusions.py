"""Words that are conclusions, drawn again from recomputed values: which is least, whether a claim holds, who agrees."""

from __future__ import annotations

import math
from collections.abc import Callable

from bench.audit import validity
from bench.audit.arithmetic import apart, median, nearest_rank, ratio
from bench.audit.pairs import ratios
from bench.audit.plain_json import Json
from bench.audit.quantities.compute import compute, ratios_of
from bench.audit.quantities.crossings import order
from bench.audit.quantities.crossovers import cheapest, first
from bench.audit.quantities.delays import broadcasts, lasts_ms, lost
from bench.audit.quantities.forecasts import breaks_first, worst
from bench.audit.quantities.swarm import happened, swarm_document, to_hear
from bench.audit.raw import NotInRun, Raw, all_milliseconds

HOLDS, FAILS, NOT_MEASURED = "holds", "does not hold", "not measured"
A_QUARTER = 0.25


def conclude(raw: Raw, conclusion: Json) -> tuple[str, str]:
    """The words that should stand there, and what they are from. Raises `NotInRun`."""
    return RULES[conclusion["of"]](raw, conclusion)


def _extreme(raw: Raw, of: Json) -> tuple[str, str]:
    values = {name: compute(raw, each).base for name, each in of["among"].items()}
    choose = min if of["of"] == "least" else max
    return choose(values, key=lambda name: values[name]), ", ".join(f"{k} {v:.6g}" for k, v in values.items())


def _claim(raw: Raw, of: Json) -> tuple[str, str]:
    """All values by one rule: ``about`` and ``at most`` leave a quarter, the others nothing."""
    if of["rule"] == NOT_MEASURED:
        return NOT_MEASURED, of.get("why", "")
    values = [compute(raw, each).value for each in of["values"]]
    claimed = float(of.get("claimed", 0.0))
    rules: dict[str, Callable[[float], bool]] = {
        "about": lambda value: abs(value - claimed) <= A_QUARTER * claimed,
        "at most": lambda value: value <= claimed * (1 + A_QUARTER),
        "at least": lambda value: value >= claimed,
        "no more than": lambda value: value <= claimed,
        "zero": lambda value: value == 0,
        "below": lambda value: values[0] < values[1],
        "equal": lambda value: value == values[0],
    }
    words = f"{of['rule']} {claimed:g}: {', '.join(f'{value:.6g}' for value in values)}"
    if not values:
        return NOT_MEASURED, words
    return HOLDS if all(map(rules[of["rule"]], values)) else FAILS, words


def _up_to(raw: Raw, of: Json) -> tuple[str, str]:
    """A time at each size, by a limit: the last size before the first that is above it.

    Somebody left out is above any limit. A size that is invalid has neither held nor failed: where those are the last
    ones, it holds as far as was measured.
    """
    series = [each for each in raw.series("broadcast", of["series"]) if not each["changes_per_s"]]
    limit = compute(raw, of["limit"]).value
    met, largest, words = 0, 0, []
    for each in sorted(series, key=lambda each: each["clients"]):
        found = lasts_ms(broadcasts(raw, {"series": of["series"], "clients": each["clients"]}))
        value = median(found) if of["take"] == "last" else max(found, default=math.nan)
        value = math.inf if lost(each) else value
        words.append(f"{value:.6g} ms at {each['clients']}")
        largest = each["clients"]
        if validity.of_broadcasts(each) == validity.INVALID:
            continue
        if not value < limit:
            return (f"holds up to {met:,} clients" if met else FAILS), ", ".join(words)
        met = each["clients"]
    source = f"below {limit:.6g} ms: {', '.join(words)}"
    if not met:
        return NOT_MEASURED, source
    return (HOLDS if met == largest else f"holds as far as measured, {met:,} clients"), source


def _agree(raw: Raw, of: Json) -> tuple[str, str]:
    """Two values of one quantity, by a limit on the distance of their ratio from 1."""
    own, other = compute(raw, of["own"]), compute(raw, of["other"])
    quotient = ratio(own.base, other.base)
    words = f"{own.value:.6g} ({own.of}), {other.value:.6g} ({other.of}), limit {of['limit']:.4g}"
    return ("agree" if apart(quotient) <= of["limit"] else "disagree"), words


def _capacity(raw: Raw, of: Json) -> tuple[str, str]:
    """Whether the knee is a limit (``holds``), or nothing larger was measured (``holds at least``)."""
    slo_ms = raw.setting("capacity.slo_ms")
    at = {"scenario": "capacity", "party": "lobby", "clients": 0, "rooms": 0, "changes_per_s": 0.0}
    found = raw.readings({**at, "name": "clients that meet the service level"})
    knee = median([each["value"] for each in found])
    met: list[tuple[int, str]] = []
    missed: list[tuple[int, str]] = []
    for series in raw.series("capacity", "announcement"):
        for group, ledger in zip(series["groups"], series["ledgers"], strict=True):
            p99 = nearest_rank(all_milliseconds({"groups": [group]}), 99)
            holds = p99 < slo_ms and ledger["expected"] == ledger["received"]
            if holds != (series["party"] == "met"):
                return "contradicts its steps", f"{series['clients']} clients {series['party']}: p99 {p99:.6g} ms"
            (met if holds else missed).append((series["clients"], series["party"]))
    words = f"met {sorted({n for n, _ in met})}, missed {sorted(set(missed))}"
    if not (met or missed) or knee > max((n for n, _ in met), default=0):
        return "contradicts its steps", words
    measured = [n for n, party in missed if party == "missed"]
    return ("holds" if any(n > knee for n in measured) else "holds at least"), words


def _both(raw: Raw, of: Json) -> tuple[str, str]:
    """Several claims that hold together or not."""
    drawn = [conclude(raw, each) for each in of["claims"]]
    return (HOLDS if all(words == HOLDS for words, _ in drawn) else FAILS), "; ".join(source for _, source in drawn)


def _cost_of_old(raw: Raw, of: Json) -> tuple[str, str]:
    """About the claim, each of them; or all above it, which understates what is gained."""
    values, claimed = [compute(raw, each).value for each in of["values"]], float(of["claimed"])
    words = f"about {claimed:g}: {', '.join(f'{value:.6g}' for value in values)}"
    if not values:
        return NOT_MEASURED, words
    if max(abs(value - claimed) for value in values) <= A_QUARTER * claimed:
        return HOLDS, words
    return ("understates the gain" if all(value > claimed for value in values) else FAILS), words


def _scale(raw: Raw, of: Json) -> tuple[str, str]:
    """The knee, where it is known, by the number of clients that is claimed."""
    name = "clients that meet the service level"
    measured = [each for each in raw.measured("capacity") if each["name"] == name] if raw.has("capacity") else []
    readings = measured[0]["readings"] if measured else []
    knee = median([each["value"] for each in readings])
    missed = "smallest number of clients that was measured and missed the service level"
    is_refuted = raw.has("capacity") and any(each["name"] == missed for each in raw.measured("capacity"))
    is_there = bool(readings) and (knee > 0 or is_refuted)
    if not is_there or validity.of_readings(readings, validity.kind(name, measured[0]["unit"])) == validity.INVALID:
        return NOT_MEASURED, f"{name}: {knee:g}"
    if knee >= of["claimed"]:
        return HOLDS, f"{name}: {knee:g}"
    return (FAILS if is_refuted else NOT_MEASURED), f"{name}: {knee:g}"


def _heard(raw: Raw, of: Json) -> tuple[str, str]:
    """What players of the swarm did was heard of, and nobody who should have was left out."""
    sent, received = (happened(raw, of[key]) for key in ("sent", "received"))
    missing, due = to_hear(raw, of)
    words = f"{of['sent']} {sent}, {of['received']} {received}, {missing} of {due} left out"
    if not sent:
        return NOT_MEASURED, words if swarm_document(raw) else "no swarm"
    return (HOLDS if received > 0 and not missing else FAILS), words


def _first_to_cross(raw: Raw, of: Json) -> tuple[str, str]:
    """The words for the way that is the first to cost less."""
    rate, name = first(raw, {**of, "among": list(of["names"])})
    return of["names"][name], f"at {rate:.4g} changes per second"


def _every(raw: Raw, of: Json) -> tuple[str, str]:
    """A rate in words, two digits: one change per so many seconds, or so many per second."""
    rate = compute(raw, of["rate"])
    if 0.945 <= rate.value < 1.05:
        words = "one change per second"
    elif rate.value < 1:
        words = f"one change per {two_digits(1 / rate.value)} s"
    else:
        words = f"{two_digits(rate.value)} changes per second"
    return words, f"{rate.value:.6g} per second, {rate.of}"


def two_digits(value: float) -> str:
    """A number from 1 on, to two digits that matter and no zeros added behind them."""
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def _doubt(raw: Raw, of: Json) -> tuple[str, str]:
    """The mark of a figure that is suspect."""
    it = of["in"]
    found = validity.of_readings(raw.readings(it), validity.kind(it["name"], it["unit"]))
    return ("*" if found != validity.VALID else "nothing: it is valid"), f"{it['name']} of {it['party']} is {found}"


def _fails(raw: Raw, of: Json) -> tuple[str, str]:
    """The name of a claim, where it is said that it does not hold."""
    words, source = conclude(raw, of["claim"])
    return (of["name"] if words == FAILS else f"nothing: it {words}"), source


def _beyond(raw: Raw, of: Json) -> tuple[str, str]:
    """The size at which one value is more than so many times the other."""
    own, other = compute(raw, of["own"]), compute(raw, of["other"])
    is_so = own.base > of["factor"] * other.base
    return (f"{of['own']['clients']:,}" if is_so else "nothing: it is not"), f"{own.value:.6g}, {other.value:.6g}"


def _furthest_party(raw: Raw, of: Json) -> tuple[str, str]:
    """Whose reading of a ratio is furthest from 1."""
    party, value = max(ratios_of(raw, of), key=lambda each: apart(each[1]))
    return of["names"].get(party, party), f"{value:.6g}"


def _difference(raw: Raw, of: Json) -> tuple[str, str]:
    """``more`` or ``less`` where every pair says so and by more than the noise; else ``no difference``."""
    own, other = (raw.readings({**of, "party": party}) for party in (of["party"], of["over"]))
    found = ratios(own, other, validity.kind(of["name"], of["unit"]))
    if found is None:
        raise NotInRun("no pairs")
    low, high, middle = found.least, found.most, found.middle
    if low <= 1 <= high or apart(middle) <= of["floor"]:
        return "no difference", f"pairs {low:.4g} to {high:.4g}, noise {of['floor']:.4g}"
    return ("more" if middle > 1 else "less"), f"pairs {low:.4g} to {high:.4g}, noise {of['floor']:.4g}"


RULES: dict[str, Callable[[Raw, Json], tuple[str, str]]] = {
    "least": _extreme,
    "most": _extreme,
    "claim": _claim,
    "up to": _up_to,
    "agree": _agree,
    "capacity": _capacity,
    "both": _both,
    "cost of old": _cost_of_old,
    "scale": _scale,
    "heard": _heard,
    "cheapest": cheapest,
    "first to cross": _first_to_cross,
    "every": _every,
    "doubt": _doubt,
    "fails": _fails,
    "beyond": _beyond,
    "no crossing": order,
    "furthest party": _furthest_party,
    "difference": _difference,
    "worst forecast": worst,
    "breaks first": breaks_first,
}
