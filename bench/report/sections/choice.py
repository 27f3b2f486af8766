"""The first screen: which way to choose, in sentences with conditions, and one table of all ways."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bench.analysis.choice import TOLD_RATES_PER_S, Figure, Way, achieved_of, crossover, is_cheapest, rooms_of, ways_of
from bench.analysis.derived.overview import Overview
from bench.analysis.derived.traffic import WayCost
from bench.analysis.sources import achieved as achieved_rate
from bench.analysis.sources import every, fewer, fewest, first_crossover, first_to_cross, hour
from bench.analysis.sources import shortest_rooms as of_shortest
from bench.citations import cite, combined, plain, setting
from bench.record.profiles.sizes import WAYS
from bench.report.sections.page import Table, mark_of
from bench.words import (
    ONE_PER_SECOND,
    count,
    every_words,
    in_bytes,
    in_digits,
    in_ms,
    in_percent,
    rate_number,
    rate_words,
    size_words,
    way_phrase,
    way_words,
)
from loadtest.results.validity import Validity

MARK = "*"
"""Behind a figure that is suspect."""

MISSING = "–"

RIVALS_OF_DELTAS = [name for name in WAYS if name != "delta"]


def choice_sentences(figures: Overview) -> list[str]:
    """At most four; none where the ways were not measured."""
    ways = {way.name: way for way in ways_of(figures)}
    sentences = [_deltas(figures, ways), _hint(figures, ways), _without_deltas(figures, ways), _idle(figures, ways)]
    return [each for each in sentences if each]


def _deltas(figures: Overview, ways: dict[str, Way]) -> str:
    """The way that is cheapest as long as the list changes seldom, and what it gives up above that."""
    delta = ways.get("delta")
    rivals = [way.name for way in ways.values() if way.name != "delta" and way.bytes_per_client_hour]
    if delta is None or not delta.bytes_per_client_hour or not rivals:
        return ""
    rooms = rooms_of(figures)
    met = _first(figures, "delta", rivals, rooms)
    below_per_s = met.per_s if met is not None else math.inf
    if not is_cheapest(figures.traffic, "delta", rivals, rooms, below_per_s=below_per_s):
        return ""
    fresh = ""
    if delta.p99 is not None:
        fresh = f", and {_measured_with(figures)} a client holds a change after {_ms(delta.p99)} (p99)"
    least = cite("the fewest", fewest("delta", rivals, rooms))
    if met is None:
        rate = max(delta.bytes_per_client_hour)
        most = _rate(rate, achieved_of(figures)) if rate else "no change at all"
        return (
            f"Take deltas (rooms_delta) where the client can apply them: they cost {least} bytes at every rate that "
            f"was measured, up to {most}{fresh}."
        )
    phrases = {name: way_phrase(name) for name in rivals}
    cheaper = cite(way_phrase(rival := met.rival), first_to_cross("delta", phrases, rooms))
    return (
        "Take deltas (rooms_delta) where the client can apply them: up to about "
        f"{_every('delta', rivals, rooms, met.per_s)} they cost {least} bytes with {size_words(rooms, 'room')} in the "
        f"list{_longer(figures, 'delta', RIVALS_OF_DELTAS, 'up to')}{fresh}; above it, {cheaper} costs fewer "
        f"bytes{_but_stale(figures, ways[rival])}."
    )


class _Met(NamedTuple):
    """From where on another way costs fewer bytes."""

    per_s: float
    rival: str
    low_per_s: float
    high_per_s: float
    """The measured rates beside it, as they were achieved."""


def _first(figures: Overview, way: str, rivals: Sequence[str], rooms: int) -> _Met | None:
    """The least of the rates from which on a way costs more bytes than one of the others, and which that is."""
    found = [
        _Met(met.per_s, name, met.low_per_s, met.high_per_s) for name in rivals
        if (met := crossover(figures.traffic, way, name, rooms)) is not None
    ]  # fmt: skip
    return min(found, default=None)


def _every(way: str, rivals: Sequence[str], rooms: int, rate: float) -> str:
    return cite(every_words(rate), every(first_crossover(way, rivals, rooms)))


def _rate(changes_per_s: float, achieved: Mapping[float, WayCost] | None = None) -> str:
    """A rate by its name, and as it was where that is another one."""
    point = (achieved or {}).get(changes_per_s)
    if point is None:
        return rate_words(changes_per_s)
    number = _number(changes_per_s, point)
    return f"{number} change{'' if plain(number) == '1' else 's'} per second"


def _number(changes_per_s: float, point: WayCost) -> str:
    """What the rate was, with its name beside it where that is another; cited either way."""
    of = achieved_rate(point.kind, point.rooms, changes_per_s)
    name = f"{changes_per_s:g}"
    number = rate_number(changes_per_s, point.achieved_per_s, of)
    return cite(name, of) if plain(number) == name else number


def _ms(figure: Figure) -> str:
    return cite(in_ms(figure.value), figure.of) + (" (suspect)" if figure.made.is_suspect else "")


def _longer(figures: Overview, way: str, rivals: Sequence[str], words: str) -> str:
    """The same rate with the longest list that was measured: the longer it is, the dearer is asking for it."""
    longest = max((cost.rooms for cost in figures.traffic), default=0)
    met = _first(figures, way, rivals, longest) if longest > rooms_of(figures) else None
    if met is None:
        return ""
    rate = _every(way, rivals, longest, met.per_s)
    return f" ({size_words(longest, 'room')}: {words} about {rate}{_read_between(figures, way, longest, met)})"


def _read_between(figures: Overview, way: str, rooms: int, met: _Met) -> str:
    """The measured rates beside a crossover where they are far apart, and changes begin to be announced together: what
    is read off the lines between the two is less than a measurement."""
    if met.per_s <= ONE_PER_SECOND[1]:
        return ""
    by_rate = {cost.achieved_per_s: cost for cost in figures.traffic if (cost.kind, cost.rooms) == (way, rooms)}
    low, high = (_number(by_rate[rate].changes_per_s, by_rate[rate]) for rate in (met.low_per_s, met.high_per_s))
    return f", read between the measured rates {low} and {high}"


def _measured_with(figures: Overview) -> str:
    """At what load times to fresh were measured."""
    sizes = figures.run.profile.freshness
    clients = cite(count(sizes.clients), setting("freshness.clients"))
    rate = cite(f"{sizes.changes_per_s:g}", setting("freshness.changes_per_s"))
    return (
        f"with {clients} client{'' if sizes.clients == 1 else 's'} at {rate} "
        f"change{'' if sizes.changes_per_s == 1 else 's'} per second"
    )


def _period(scenario: str, poll_s: float) -> str:
    """How often those who poll do it there."""
    return f"every {cite(f'{poll_s:g} s', setting(f'{scenario}.poll_s', 's'))}"


def _but_stale(figures: Overview, way: Way) -> str:
    if way.p50 is None:
        return ""
    period = _period("freshness", figures.run.profile.freshness.poll_s)
    return f", but a client that polls {period} sees a change {_ms(way.p50)} late (p50)"


def _hint(figures: Overview, ways: dict[str, Way]) -> str:
    """The specification's way against the specification's polling."""
    push, polling = ways.get("push"), ways.get("polling")
    if push is None or polling is None:
        return ""
    rooms, achieved = rooms_of(figures), achieved_of(figures)
    period = _period("bandwidth", figures.run.profile.bandwidth.poll_s)
    met = _first(figures, "push", ["polling"], rooms)
    ratios = {
        rate: push.bytes_per_client_hour[rate] / polling.bytes_per_client_hour[rate]
        for rate in TOLD_RATES_PER_S
        if rate and rate in push.bytes_per_client_hour and polling.bytes_per_client_hour.get(rate)
    }
    dearer = [
        f"{_times(times, rooms, rate)} the bytes at {_rate(rate, achieved)}"
        for rate, times in ratios.items() if times > 1
    ]  # fmt: skip
    sooner = (
        f"; {_measured_with(figures)} its lists are fresh after {_ms(push.p50)} instead of {_ms(polling.p50)} (p50)"
        if push.p50 is not None and polling.p50 is not None
        else ""
    )
    if met is not None:
        more = f": {', '.join(dearer)}" if dearer else ""
        return (
            f"Push then fetch (the specification's way) costs fewer bytes than plain polling {period} "
            f"below about {_every('push', ['polling'], rooms, met.per_s)} with {size_words(rooms, 'room')} in the list"
            f"{_longer(figures, 'push', ['polling'], 'below')} and more above it{more}{sooner}."
        )  # fmt: skip
    if dearer:
        return (
            f"Push then fetch (the specification's way) costs {', '.join(dearer)} of plain polling "
            f"{period}, with {size_words(rooms, 'room')} in the list{sooner}."
        )
    return ""


def _times(times: float, rooms: int, rate: float) -> str:
    """Bytes of push by those of polling."""
    of = combined("times", hour("push", rooms, rate), hour("polling", rooms, rate), "×")
    return f"{cite(in_digits(times, 2), of)} times"


def _without_deltas(figures: Overview, ways: dict[str, Way]) -> str:
    """What is left to a client that cannot apply deltas."""
    rivals = [name for name in ("polling", "polling_etag", "polling_gzip") if name in ways]
    if "push" not in ways or rivals in ([], ["polling"]):
        return ""
    rooms = rooms_of(figures)
    met = _first(figures, "push", rivals, rooms)
    if met is None or not is_cheapest(figures.traffic, "push", rivals, rooms, below_per_s=met.per_s):
        return ""
    rival = met.rival
    cheaper = cite(way_phrase(rival), first_to_cross("push", {name: way_phrase(name) for name in rivals}, rooms))
    push, polled = ways["push"].p50, ways[rival].p50
    period = _period("freshness", figures.run.profile.freshness.poll_s)
    wait = (
        f"; for freshness take push all the same: with polling {period} a client sees a change {_ms(polled)} late (p50)"
        if push is not None and polled is not None and push.value < polled.value
        else ""
    )
    return (
        f"Without deltas, push then fetch costs {cite('fewer bytes than any', fewer('push', rivals, rooms))} way of "
        f"polling below about {_every('push', rivals, rooms, met.per_s)} with {size_words(rooms, 'room')} in the list"
        f"{_longer(figures, 'push', rivals, 'below')}; above it, {cheaper} costs fewer{wait}."
    )


def _idle(figures: Overview, ways: dict[str, Way]) -> str:
    push = ways["push"].bytes_per_client_hour.get(0.0) if "push" in ways else None
    rooms = rooms_of(figures)
    of = hour("push", rooms, 0.0)
    parts = [
        f"{cite(in_percent(1 - push / polled), combined('saved', of, hour(name, rooms, 0.0)))} less than "
        f"{way_phrase(name)}"
        for name in ("polling", "polling_gzip", "polling_etag")
        if push is not None and name in ways and (polled := ways[name].bytes_per_client_hour.get(0.0))
    ]
    if push is None or not parts:
        return ""
    return (
        f"While nothing changes, a client that holds a socket costs {cite(in_bytes(push), of)} per hour: "
        f"{', '.join(parts)} ({size_words(rooms, 'room')})."
    )


def choice_table(figures: Overview) -> Table | None:
    """All ways side by side; ``None`` where none was measured."""
    ways = ways_of(figures)
    if not ways:
        return None
    achieved, rooms = achieved_of(figures), rooms_of(figures)
    rates = [rate for rate in TOLD_RATES_PER_S if any(rate in way.bytes_per_client_hour for way in ways)]
    has_times = any(way.p50 is not None for way in ways)
    headers = ["Way", *(_rate_head(rate, achieved) for rate in rates)]
    if has_times:
        headers += ["Time to fresh, p50", "Time to fresh, p99", "Server CPU, s per client-hour"]
    rows = []
    for way in ways:
        row = [way_words(way.name)]
        row += [
            cite(in_bytes(way.bytes_per_client_hour[rate]), hour(way.name, rooms, rate))
            if rate in way.bytes_per_client_hour
            else MISSING
            for rate in rates
        ]
        if has_times:
            row += [_figure(way.p50, times=True), _figure(way.p99, times=True), _figure(way.cpu)]
        rows.append(row)
    return Table(
        title="All ways side by side: bytes per client-hour by changes per second, freshness, CPU",
        headers=headers,
        rows=rows,
        row_marks=[mark_of(way.judgement) if way.judgement.validity is Validity.INVALID else "" for way in ways],
        note=_note(figures, has_times=has_times, is_marked=any(MARK in plain(cell) for row in rows for cell in row)),
    )


def _rate_head(rate: float, achieved: Mapping[float, WayCost]) -> str:
    if not rate:
        return "Bytes, idle"
    number = _number(rate, achieved[rate])
    return f"Bytes at {number.replace(' (', '/s (') if ' (' in number else f'{number}/s'}"


def _figure(figure: Figure | None, *, times: bool = False) -> str:
    if figure is None:
        return MISSING
    told = in_ms(figure.value) if times else in_digits(figure.value)
    doubt = cite(MARK, {"of": "doubt", "in": figure.of}) if figure.made.is_suspect else ""
    return cite(told, figure.of) + doubt


def _note(figures: Overview, *, has_times: bool, is_marked: bool) -> str:
    sizes = figures.run.profile.freshness
    is_counted = all(cost.measured is not None for cost in figures.traffic)
    source = "counted on a link of its own" if is_counted else "with TCP/IP by the model"
    rooms = rooms_of(figures)
    parts = [f"Bytes up and down together, {source}, a list of {cite(count(rooms), of_shortest())} rooms."]
    if has_times:
        clients, repeats = (
            cite(count(getattr(sizes, name)), setting(f"freshness.{name}")) for name in ("clients", "repeats")
        )
        rate = cite(f"{sizes.changes_per_s:g}", setting("freshness.changes_per_s"))
        many = "" if sizes.repeats == 1 else "s"
        parts.append(
            f"Times and CPU: {clients} clients at {rate} change{'' if sizes.changes_per_s == 1 else 's'} per second, "
            f"the median of {repeats} repeat{many}. Polling every "
            f"{cite(f'{sizes.poll_s:g} s', setting('freshness.poll_s', 's'))}."
        )
    if is_marked:
        parts.append(f"{MARK} suspect: its section says why.")
    return " ".join(parts)
