"""The first screen: which way to choose, in sentences with conditions, and one table of all ways."""

from __future__ import annotations

from bench.analysis.choice import TOLD_RATES_PER_S, Way, achieved_of, crossover, rooms_of, ways_of
from bench.analysis.derived.overview import Overview
from bench.analysis.estimates import Estimate
from bench.record.profiles import WAYS
from bench.report.sections.page import Table, mark_of
from bench.words import (
    count,
    every_words,
    in_bytes,
    in_digits,
    in_ms,
    in_percent,
    plural,
    rate_number,
    rate_words,
    times_words,
    way_phrase,
    way_words,
)
from loadtest.results.validity import Validity

MARK = "*"
"""Behind a figure that is suspect."""


def choice_sentences(figures: Overview) -> list[str]:
    """At most four; none where the ways were not measured."""
    ways = {way.name: way for way in ways_of(figures)}
    sentences = [_deltas(figures, ways), _hint(figures, ways), _without_deltas(figures, ways), _idle(figures, ways)]
    return [each for each in sentences if each]


def _deltas(figures: Overview, ways: dict[str, Way]) -> str:
    """The way that is cheapest as long as the list changes seldom, and what it gives up above that."""
    delta = ways.get("delta")
    rivals = [way for way in ways.values() if way.name != "delta" and way.bytes_per_client_hour]
    if delta is None or not delta.bytes_per_client_hour or not rivals:
        return ""
    rooms = rooms_of(figures)
    crossings = [
        (met.per_s, way.name) for way in rivals
        if (met := crossover(figures.traffic, "delta", way.name, rooms)) is not None
    ]  # fmt: skip
    at = rate_words(figures.run.profile.freshness.changes_per_s)
    fresh = f", and a client holds a change after {in_ms(delta.p99.value)} (p99, {at})" if delta.p99 is not None else ""
    if crossings:
        rate, rival = min(crossings)
        return (
            f"Take deltas (rooms_delta) where the client can apply them: up to {every_words(rate)} they cost the "
            f"fewest bytes with {plural(rooms, 'room')} in the list{_longer(figures)}{fresh}; above it, "
            f"{way_phrase(rival)} costs fewer bytes{_but_stale(ways[rival])}."
        )
    rates = sorted(delta.bytes_per_client_hour)
    if any(way.bytes_per_client_hour.get(rate, float("inf")) < delta.bytes_per_client_hour[rate]
           for way in rivals for rate in rates):  # fmt: skip
        return ""
    most = rate_words(rates[-1], achieved_of(figures).get(rates[-1])) if rates[-1] else "no change at all"
    return (
        "Take deltas (rooms_delta) where the client can apply them: they cost the fewest bytes at every rate that was "
        f"measured, up to {most}{fresh}."
    )


def _longer(figures: Overview) -> str:
    """With the longest list, where asking for it costs more and a delta does not."""
    longest = max((cost.rooms for cost in figures.traffic), default=0)
    if longest <= rooms_of(figures):
        return ""
    rates = [met.per_s for name in WAYS if (met := crossover(figures.traffic, "delta", name, longest)) is not None]
    return f" ({plural(longest, 'room')}: up to {every_words(min(rates))})" if rates else ""


def _but_stale(way: Way) -> str:
    return f", but a client sees a change {in_ms(way.p50.value)} late (p50)" if way.p50 is not None else ""


def _hint(figures: Overview, ways: dict[str, Way]) -> str:
    """The specification's way against the specification's polling."""
    push, polling = ways.get("push"), ways.get("polling")
    if push is None or polling is None:
        return ""
    met = crossover(figures.traffic, "push", "polling", rooms_of(figures))
    achieved = achieved_of(figures)
    ratios = {
        rate: push.bytes_per_client_hour[rate] / polling.bytes_per_client_hour[rate]
        for rate in TOLD_RATES_PER_S
        if rate and rate in push.bytes_per_client_hour and polling.bytes_per_client_hour.get(rate)
    }
    dearer = [
        f"{times_words(ratio)} the bytes at {rate_words(rate, achieved.get(rate))}"
        for rate, ratio in ratios.items() if ratio > 1
    ]  # fmt: skip
    sooner = (
        f"; its lists are fresh after {in_ms(push.p50.value)} instead of {in_ms(polling.p50.value)} (p50)"
        if push.p50 is not None and polling.p50 is not None
        else ""
    )
    if met is not None:
        more = f": {', '.join(dearer)}" if dearer else ""
        return (
            "Push then fetch (the specification's way) costs fewer bytes than plain polling below "
            f"{every_words(met.per_s)} and more above it{more}{sooner}."
        )  # fmt: skip
    if dearer:
        return f"Push then fetch (the specification's way) costs {', '.join(dearer)} of plain polling{sooner}."
    return ""


def _without_deltas(figures: Overview, ways: dict[str, Way]) -> str:
    """What is left to a client that cannot apply deltas."""
    if "push" not in ways:
        return ""
    rooms = rooms_of(figures)
    for rival in ("polling_gzip", "polling_etag"):
        met = crossover(figures.traffic, "push", rival, rooms) if rival in ways else None
        if met is None:
            continue
        wait = _but_stale(ways[rival]).removeprefix(", but ")
        return (
            f"Without deltas, push then fetch costs the fewest bytes below {every_words(met.per_s)}, and "
            f"{way_phrase(rival)} above it; for freshness take push at any rate"
            f"{f', because with polling {wait}' if wait else ''}."
        )  # fmt: skip
    return ""


def _idle(figures: Overview, ways: dict[str, Way]) -> str:
    push = ways["push"].bytes_per_client_hour.get(0.0) if "push" in ways else None
    parts = [
        f"{in_percent(1 - push / polled)} less than {way_phrase(name)}"
        for name in ("polling", "polling_gzip", "polling_etag")
        if push is not None and name in ways and (polled := ways[name].bytes_per_client_hour.get(0.0))
    ]
    if push is None or not parts:
        return ""
    return (
        f"While nothing changes, a client that holds a socket costs {in_bytes(push)} per hour: {', '.join(parts)} "
        f"({plural(rooms_of(figures), 'room')})."
    )


def choice_table(figures: Overview) -> Table | None:
    """All ways side by side; ``None`` where none was measured."""
    ways = ways_of(figures)
    if not ways:
        return None
    achieved = achieved_of(figures)
    rates = [rate for rate in TOLD_RATES_PER_S if any(rate in way.bytes_per_client_hour for way in ways)]
    has_times = any(way.p50 is not None for way in ways)
    headers = ["Way", *(_rate_head(rate, achieved.get(rate)) for rate in rates)]
    if has_times:
        headers += ["Time to fresh, p50", "Time to fresh, p99", "Server CPU, s per client-hour"]
    rows = []
    for way in ways:
        row = [way_words(way.name)]
        row += [in_bytes(way.bytes_per_client_hour.get(rate, float("nan"))) for rate in rates]
        if has_times:
            row += [_figure(way.p50, times=True), _figure(way.p99, times=True), _figure(way.cpu)]
        rows.append(row)
    return Table(
        title="All ways side by side: bytes per client-hour by changes per second, freshness, CPU",
        headers=headers,
        rows=rows,
        row_marks=[mark_of(way.judgement) if way.judgement.validity is Validity.INVALID else "" for way in ways],
        note=_note(figures, has_times=has_times, is_marked=any(MARK in cell for row in rows for cell in row)),
    )


def _rate_head(rate: float, achieved: float | None) -> str:
    return f"Bytes at {rate_number(rate, achieved)}/s" if rate else "Bytes, idle"


def _figure(made: Estimate | None, *, times: bool = False) -> str:
    if made is None:
        return "–"
    mark = MARK if made.judgement.validity is not Validity.VALID else ""
    return (in_ms(made.value) if times else in_digits(made.value)) + mark


def _note(figures: Overview, *, has_times: bool, is_marked: bool) -> str:
    sizes = figures.run.profile.freshness
    is_counted = all(cost.measured is not None for cost in figures.traffic)
    source = "counted on a link of its own" if is_counted else "with TCP/IP by the model"
    parts = [f"Bytes up and down together, {source}, a list of {plural(rooms_of(figures), 'room')}."]
    if has_times:
        parts.append(
            f"Times and CPU: {count(sizes.clients)} clients at {rate_words(sizes.changes_per_s)}, the median of "
            f"{plural(sizes.repeats, 'repeat')}. Polling every {sizes.poll_s:g} s."
        )
    if is_marked:
        parts.append(f"{MARK} suspect: its section says why.")
    return " ".join(parts)
