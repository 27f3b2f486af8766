"""The first screen: which way to choose, in sentences with conditions, and one table of all ways."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

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
    below_per_s = met[0] if met is not None else math.inf
    if not is_cheapest(figures.traffic, "delta", rivals, rooms, below_per_s=below_per_s):
        return ""
    at = _rate(figures.run.profile.freshness.changes_per_s)
    fresh = f", and a client holds a change after {_ms(delta.p99)} (p99, {at})" if delta.p99 is not None else ""
    least = cite("the fewest", fewest("delta", rivals, rooms))
    if met is None:
        rate = max(delta.bytes_per_client_hour)
        most = _rate(rate, achieved_of(figures)) if rate else "no change at all"
        return (
            f"Take deltas (rooms_delta) where the client can apply them: they cost {least} bytes at every rate that "
            f"was measured, up to {most}{fresh}."
        )
    rival = met[1]
    phrases = {name: way_phrase(name) for name in rivals}
    cheaper = cite(way_phrase(rival), first_to_cross("delta", phrases, rooms))
    return (
        f"Take deltas (rooms_delta) where the client can apply them: up to {_every('delta', rivals, rooms, met[0])} "
        f"they cost {least} bytes with {size_words(rooms, 'room')} in the list{_longer(figures)}{fresh}; above it, "
        f"{cheaper} costs fewer bytes{_but_stale(ways[rival])}."
    )


def _first(figures: Overview, way: str, rivals: Sequence[str], rooms: int) -> tuple[float, str] | None:
    """The least of the rates from which on a way costs more bytes than one of the others, and which that is."""
    found = [
        (met.per_s, name) for name in rivals
        if (met := crossover(figures.traffic, way, name, rooms)) is not None
    ]  # fmt: skip
    return min(found, key=lambda each: each[0], default=None)


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


def _longer(figures: Overview) -> str:
    """With the longest list, where asking for it costs more and a delta does not."""
    longest = max((cost.rooms for cost in figures.traffic), default=0)
    rivals = [name for name in WAYS if name != "delta"]
    met = _first(figures, "delta", rivals, longest) if longest > rooms_of(figures) else None
    return f" ({size_words(longest, 'room')}: up to {_every('delta', rivals, longest, met[0])})" if met else ""


def _but_stale(way: Way) -> str:
    return f", but a client sees a change {_ms(way.p50)} late (p50)" if way.p50 is not None else ""


def _hint(figures: Overview, ways: dict[str, Way]) -> str:
    """The specification's way against the specification's polling."""
    push, polling = ways.get("push"), ways.get("polling")
    if push is None or polling is None:
        return ""
    rooms, achieved = rooms_of(figures), achieved_of(figures)
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
        f"; its lists are fresh after {_ms(push.p50)} instead of {_ms(polling.p50)} (p50)"
        if push.p50 is not None and polling.p50 is not None
        else ""
    )
    if met is not None:
        more = f": {', '.join(dearer)}" if dearer else ""
        return (
            "Push then fetch (the specification's way) costs fewer bytes than plain polling below "
            f"{_every('push', ['polling'], rooms, met[0])} and more above it{more}{sooner}."
        )  # fmt: skip
    if dearer:
        return f"Push then fetch (the specification's way) costs {', '.join(dearer)} of plain polling{sooner}."
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
    if met is None or not is_cheapest(figures.traffic, "push", rivals, rooms, below_per_s=met[0]):
        return ""
    rate, rival = met
    cheaper = cite(way_phrase(rival), first_to_cross("push", {name: way_phrase(name) for name in rivals}, rooms))
    push, polled = ways["push"].p50, ways[rival].p50
    wait = (
        f"; for freshness take push all the same: with polling a client sees a change {_ms(polled)} late (p50)"
        if push is not None and polled is not None and push.value < polled.value
        else ""
    )
    return (
        f"Without deltas, push then fetch costs {cite('fewer bytes than any', fewer('push', rivals, rooms))} way of "
        f"polling below {_every('push', rivals, rooms, rate)}; above it, {cheaper} costs fewer{wait}."
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
