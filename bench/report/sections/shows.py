"""What each scenario with findings shows, in a few sentences with the figures of the run."""

from __future__ import annotations

from collections.abc import Callable

from bench.analysis.break_even import Surface, crossing_per_s, measured_crossing, simple_per_s, surfaces_of
from bench.analysis.estimates import Estimate, estimate, ratio
from bench.analysis.noise_floors import noise_floors
from bench.measures import (
    BACK_WITHIN,
    BYTES_PER_CLIENT_HOUR,
    CAPACITY,
    CPU_PER_CLIENT_HOUR,
    CPU_PER_PLAYER_HOUR,
    CPU_PER_RECIPIENT,
    FAILS_AT,
    LAST_ACCEPTED,
    MEAN_STALENESS,
    PEAK_RATE,
    RSS_PER_CONNECTION,
    SLOWEST_PING,
    TIME_TO_FRESH_P50,
    TIME_TO_FRESH_P99,
    TOLD_OFFLINE,
    Kind,
    Measure,
)
from bench.record.findings import Findings, Measured
from bench.record.profiles import FETCHING_LIFE, IDLE_LIFE
from bench.record.run import Run
from bench.record.vocabulary import DISTURBED, LOBBY, LOBBY_AGAIN
from bench.words import count, in_digits, in_ms, way_words
from loadtest.results.validity import Validity


def freshness(run: Run, found: Findings) -> list[str]:
    p50, p99, stale = (_by_party(found, measure) for measure in (TIME_TO_FRESH_P50, TIME_TO_FRESH_P99, MEAN_STALENESS))
    shown = [
        f"{way_words(way)} {in_ms(p50[way].value)} (p50) and {in_ms(p99[way].value)} (p99){p99[way].judgement.mark}"
        for way in sorted(p50, key=lambda each: p50[each].value)
        if way in p99
    ]
    sentences = [f"Until a client holds a change: {'; '.join(shown)}."] if shown else []
    if stale:
        worst, best = max(stale, key=lambda way: stale[way].value), min(stale, key=lambda way: stale[way].value)
        sentences.append(
            f"On average over time a client is {in_ms(stale[worst].value)} behind with {way_words(worst)}"
            f"{stale[worst].judgement.mark} and {in_ms(stale[best].value)} with {way_words(best)}"
            f"{stale[best].judgement.mark}."
        )
    return sentences


def break_even(run: Run, found: Findings) -> list[str]:
    sizes = run.profile.break_even
    simple = simple_per_s(sizes.poll_s)
    sentences = []
    for measure, words in ((BYTES_PER_CLIENT_HOUR, "bytes"), (CPU_PER_CLIENT_HOUR, "server CPU")):
        fitted = {each.way: each for each in surfaces_of(run, measure)}
        if "push" not in fitted:
            continue
        for rival in ("polling", "polling_etag", "polling_gzip"):
            if rival not in fitted:
                continue
            parts = [_crossing_words(fitted["push"], fitted[rival], clients) for clients in sizes.clients]
            sentences.append(f"Push as a hint to fetch costs more {words} than {way_words(rival)}: {'; '.join(parts)}.")
    sentences.append(
        f"The simple model, one fetch per change against one per period of {sizes.poll_s:g} s, says "
        f"{in_digits(simple)} changes per second for bytes and polling."
    )
    return sentences


def _crossing_words(push: Surface, rival: Surface, clients: int) -> str:
    """By the cells, and by the model that is fitted to them."""
    measured, rate = measured_crossing(push, rival, clients), crossing_per_s(push, rival, clients)
    by_model = ""
    if push.is_confirmed and rival.is_confirmed:  # else it is not worth telling
        by_model = f" (the fitted model says {in_digits(rate)})" if rate is not None else " (the fitted model has none)"
    if measured is None:
        return f"with {count(clients)} clients at no rate between measured cells{by_model}"
    between = f"between the cells at {in_digits(measured.low_per_s)} and {in_digits(measured.high_per_s)}"
    return f"with {count(clients)} clients from {in_digits(measured.per_s)} changes per second on, {between}{by_model}"


def storm(run: Run, found: Findings) -> list[str]:
    last, ping = (_measures(found, measure) for measure in (LAST_ACCEPTED, SLOWEST_PING))
    pings = {each.clients: made for each, made in ping}
    sentences = []
    for each, made in last:
        words = f"{count(each.clients)} players who log in at once are all accepted within {in_digits(made.value)} s"
        words += made.judgement.mark
        if each.clients in pings:
            slowest = pings[each.clients]
            words += f"; the slowest answer to a ping meanwhile takes {in_ms(slowest.value)}{slowest.judgement.mark}"
        sentences.append(f"{words}.")
    return sentences


def reconnect(run: Run, found: Findings) -> list[str]:
    sentences = []
    for share in (50, 100):
        parts = [
            f"{each.party} {in_digits(made.value)} s{made.judgement.mark}"
            for each, made in _measures(found, BACK_WITHIN[share])
        ]
        if parts:
            sentences.append(f"{share} % are back and fresh after the stop within: {'; '.join(sorted(parts))}.")
    peaks = [f"{each.party} {count(made.value)}{made.judgement.mark}" for each, made in _measures(found, PEAK_RATE)]
    if peaks:
        sentences.append(f"The most that were let in within a tenth of a second, a second: {'; '.join(sorted(peaks))}.")
    return sentences


def flap(run: Run, found: Findings) -> list[str]:
    cut = round(run.profile.returns.flap_share * run.profile.returns.flapping)
    parts = [f"{each.party} {in_digits(made.value)} of {cut}" for each, made in _measures(found, TOLD_OFFLINE)]
    return [f"Players of whom a witness was told that they were offline, though they came back: {'; '.join(parts)}."]


def capacity(run: Run, found: Findings) -> list[str]:
    knee = next((made for _, made in _measures(found, CAPACITY)), None)
    if knee is None:
        return []
    sizes = run.profile.capacity
    level = f"p99 of the fan-out below {sizes.slo_ms:g} ms and nobody left out"
    open_end = next((note for note in found.notes if "at least" in note), "")
    if open_end and not knee.value:
        return [f"How many clients one process holds was not measured: {DISTURBED} at {count(sizes.first)} already."]
    if open_end:
        why = "no more were tried" if "tried" in open_end else f"with more {DISTURBED}"
        return [f"One process holds at least {count(knee.value)} clients with {level}; {why}."]
    spread = f" ({count(knee.low)}–{count(knee.high)} in {knee.n} searches)" if knee.n > 1 else ""
    fails = next((made for _, made in _measures(found, FAILS_AT)), None)
    beyond = f"; {count(fails.value)} miss it" if fails is not None else ""
    return [f"One process holds {count(knee.value)}{spread} clients with {level}{beyond}."]


def cost(run: Run, found: Findings) -> list[str]:
    sentences = []
    for life in (IDLE_LIFE, FETCHING_LIFE):
        figures = [(each.clients, made) for each, made in _measures(found, CPU_PER_PLAYER_HOUR) if each.party == life]
        if figures:
            clients, made = figures[-1]
            sentences.append(
                f"With {count(clients)} players ({life}) a player-hour costs {in_digits(made.value)} s of server CPU"
                f"{made.judgement.mark}."
            )
    memory = _measures(found, RSS_PER_CONNECTION)
    if memory:
        each, made = memory[-1]
        sentences.append(
            f"An idle connection holds {in_digits(made.value)} KiB of the server's memory at {count(each.clients)}."
        )
    return sentences


def peers(run: Run, found: Findings) -> list[str]:
    own = next((each for each, _ in _measures(found, CPU_PER_RECIPIENT) if each.party == LOBBY), None)
    made = estimate(own) if own is not None else None
    if own is None or made is None or made.value <= 0:
        return []  # of a handful of clients: the price of making the room hides it
    parts = [
        f"{each.party} {over.value:.1f} times{over.judgement.mark}"
        for each, _ in _measures(found, CPU_PER_RECIPIENT)
        if each is not own and (over := ratio(each.readings, own.readings, Kind.CPU)) is not None
    ]
    beside = f"; {', '.join(parts)} as much (median of the repeats' ratios)" if parts else ""
    return [f"A broadcast costs the lobby {in_digits(made.value)} µs per recipient{made.judgement.mark}{beside}."]


def noise(run: Run, found: Findings) -> list[str]:
    parts = [f"{kind.value} {floor:.0%}" for kind, floor in noise_floors(found, LOBBY_AGAIN).by_kind.items()]
    return [
        f"Two that are the same come out apart by up to: {', '.join(parts)}. Less than that is no difference; what is "
        "measured here itself is held against its own."
    ]


SHOWS: dict[str, Callable[[Run, Findings], list[str]]] = {
    "freshness": freshness,
    "break-even": break_even,
    "storm": storm,
    "reconnect": reconnect,
    "flap": flap,
    "capacity": capacity,
    "cost": cost,
    "peers": peers,
    "noise": noise,
}


def _measures(found: Findings, measure: Measure) -> list[tuple[Measured, Estimate]]:
    """With figures that are not INVALID, by size: sentences have no others."""
    measured = [
        (each, made)
        for each in found.measures
        if each.measure == measure
        and (made := estimate(each)) is not None
        and made.judgement.validity is not Validity.INVALID
    ]
    return sorted(measured, key=lambda pair: pair[0].where)


def _by_party(found: Findings, measure: Measure) -> dict[str, Estimate]:
    return {each.party: made for each, made in _measures(found, measure)}
