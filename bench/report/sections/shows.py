"""What each scenario with findings shows, in a few sentences with the figures of the run."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bench.analysis.break_even import Surface, simple_per_s, surfaces_of
from bench.analysis.crossings import crossing_per_s, judgement_of_cells, measured_crossing, side_by_side
from bench.analysis.estimates import Estimate, estimate, ratio
from bench.analysis.noise_floors import noise_floors
from bench.analysis.sources import crossing, floor, paired, readings
from bench.citations import Quantity, cite, least, most, plain, setting
from bench.measures import (
    BACK_WITHIN,
    BYTES_PER_CLIENT_HOUR,
    CAPACITY,
    COMMANDS_OF_SCHEDULE,
    CPU_PER_CLIENT_HOUR,
    CPU_PER_PLAYER_HOUR,
    CPU_PER_RECIPIENT,
    FAILS_AT,
    FAULTS_OF_SCHEDULE,
    LAST_ACCEPTED,
    MEAN_STALENESS,
    PEAK_RATE,
    RSS_PER_CONNECTION,
    SCHEDULE_RATE,
    SLOWEST_PING,
    TIME_TO_FRESH_P50,
    TIME_TO_FRESH_P99,
    TOLD_OFFLINE,
    VIOLATIONS,
    Measure,
)
from bench.record.findings import Findings, Measured
from bench.record.profiles.sizes import FETCHING_LIFE, IDLE_LIFE
from bench.record.run import Run
from bench.record.vocabulary import DISTURBED, LOBBY, LOBBY_AGAIN, OTHER_BUILD
from bench.words import count, in_digits, in_ms, in_noise, in_s, rate_words, size, size_words, way_words
from loadtest.results.validity import Validity


def freshness(run: Run, found: Findings) -> list[str]:
    p50, p99, stale = (_by_party(found, measure) for measure in (TIME_TO_FRESH_P50, TIME_TO_FRESH_P99, MEAN_STALENESS))
    shown = [
        f"{way_words(way)} {_cited(found, p50[way])} (p50) and {_cited(found, p99[way])} (p99){p99[way].mark}"
        for way in sorted(p50, key=lambda each: p50[each].value)
        if way in p99
    ]
    sizes = run.profile.freshness
    clients, rate = (
        cite(f"{value:,g}", setting(f"freshness.{name}"))
        for value, name in ((sizes.clients, "clients"), (sizes.changes_per_s, "changes_per_s"))
    )
    load = (
        f"{clients} client{'' if sizes.clients == 1 else 's'}, {rate} change{'' if plain(rate) == '1' else 's'} "
        "per second"
    )
    sentences = [f"Until a client holds a change ({load}): {'; '.join(shown)}."] if shown else []
    if stale:
        worst, best = max(stale, key=lambda way: stale[way].value), min(stale, key=lambda way: stale[way].value)
        of = {way_words(way): each.quantity(found) for way, each in stale.items()}
        sentences.append(
            f"On average over time, at that rate, a client is {_cited(found, stale[worst])} behind with "
            f"{cite(way_words(worst), most(of))}{stale[worst].mark} and {_cited(found, stale[best])} with "
            f"{cite(way_words(best), least(of))}{stale[best].mark}."
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
            parts = [_crossing_words(fitted["push"], fitted[rival], clients, measure) for clients in sizes.clients]
            sentences.append(f"Push as a hint to fetch costs more {words} than {way_words(rival)}: {'; '.join(parts)}.")
    sentences.append(
        f"The simple model, one fetch per change against one per period of "
        f"{cite(f'{sizes.poll_s:g} s', setting('break_even.poll_s', 's'))}, says "
        f"{cite(in_digits(simple), {'of': 'crossing', 'take': 'simple'})} changes per second for bytes and polling."
    )
    if any("the fitted model" in each for each in sentences):
        sentences.append(
            "Cells had changes that follow each other evenly; where they come at random, fewer polls meet one, and "
            "polling with ETag costs less."
        )
    return sentences


def _crossing_words(push: Surface, rival: Surface, clients: int, measure: Measure) -> str:
    """By the cells, and by the model that is fitted to them."""
    measured, rate = measured_crossing(push, rival, clients), crossing_per_s(push, rival, clients)

    def of(take: str) -> Quantity:
        return crossing(measure, push.way, rival.way, clients, take)

    def told(value: float, take: str) -> str:
        return cite(in_digits(value), of(take))

    by_model = ""
    if push.is_confirmed and rival.is_confirmed:  # else it is not worth telling
        by_model = (
            f" (the fitted model says {told(rate, 'model')})"
            if rate is not None
            else f" (the fitted model has {cite('none', {**of('model'), 'of': 'no crossing'})})"
        )
    if measured is None:
        return f"with {size(clients)} clients {_without_crossing(push, rival, clients, of)}{by_model}"
    between = f"between the cells at {told(measured.low_per_s, 'low')} and {told(measured.high_per_s, 'high')}"
    rate_told, doubt = told(measured.per_s, "rate"), measured.judgement.mark
    return f"with {size(clients)} clients from {rate_told} changes per second on, {between}{doubt}{by_model}"


def _without_crossing(push: Surface, rival: Surface, clients: int, of: Callable[[str], Quantity]) -> str:
    """Where the cells of two ways do not cross: which of them costs more."""
    grid, apart = side_by_side(push, rival, clients)
    rule: Quantity = {**of("rate"), "of": "no crossing"}
    if not len(grid):
        return cite("not measured side by side", rule)
    first, last = (cite(in_digits(float(rate)), of(take)) for rate, take in ((grid[0], "first"), (grid[-1], "last")))
    doubt = judgement_of_cells(push, rival, clients).mark
    if (apart >= 0).all():
        return f"{cite('at every rate that was measured', rule)}, from {first} changes per second on{doubt}"
    if (apart < 0).all():
        return f"{cite('at no rate that was measured', rule)}, up to {last} changes per second{doubt}"
    return f"{cite('at some rates and not at higher ones', rule)}, {first} to {last} changes per second{doubt}"


def storm(run: Run, found: Findings) -> list[str]:
    pings = {each.measured.clients: each for each in _told(found, SLOWEST_PING)}
    sentences = []
    for each in _told(found, LAST_ACCEPTED):
        clients = each.measured.clients
        words = (
            f"{size(clients)} players who log in at once are all accepted within "
            f"{_cited(found, each)}{_spread(found, each, 'storm')}{each.mark}"
        )
        if clients in pings:
            slowest = pings[clients]
            words += f"; the slowest answer to a ping meanwhile takes {_cited(found, slowest)}{slowest.mark}"
        sentences.append(f"{words}.")
    return sentences


def reconnect(run: Run, found: Findings) -> list[str]:
    sentences = []
    for share in (50, 100):
        parts = [
            f"{each.party} {_cited(found, each)}{_spread(found, each, 'restart')}{each.mark}"
            for each in _by_name(found, BACK_WITHIN[share])
        ]
        if parts:
            sizes = {each.measured.clients for each in _by_name(found, BACK_WITHIN[share])}
            of = f"Of {size_words(sizes.pop())}, " if len(sizes) == 1 else ""
            sentences.append(f"{of}{share} % are back and fresh after the stop within: {'; '.join(parts)}.")
    peaks = [f"{each.party} {_cited(found, each, count)}{each.mark}" for each in _by_name(found, PEAK_RATE)]
    if peaks:
        sentences.append(
            f"Peak rate of acceptances, over a tenth of a second, in clients per second: {'; '.join(peaks)}."
        )
    return sentences


def flap(run: Run, found: Findings) -> list[str]:
    cut = round(run.profile.returns.flap_share * run.profile.returns.flapping)
    all_cut = cite(f"{cut}", {"of": "flapped"})
    parts = [
        f"{_cited(found, each)} of {all_cut}{each.mark} with {each.party}" for each in _by_name(found, TOLD_OFFLINE)
    ]
    if not parts:
        return []
    return [f"Players of whom a witness was told that they were offline, though they came back: {'; '.join(parts)}."]


def capacity(run: Run, found: Findings) -> list[str]:
    first = next(iter(_told(found, CAPACITY)), None)
    if first is None:
        return []
    knee, sizes = first.made, run.profile.capacity
    slo = cite(f"{sizes.slo_ms:g} ms", setting("capacity.slo_ms", "ms"))
    level = f"p99 of the fan-out below {slo} and nobody left out"
    open_end = next((note for note in found.notes if "at least" in note), "")
    if open_end and not knee.value:
        smallest = cite(count(sizes.first), setting("capacity.first"))
        return [f"How many clients one process holds was not measured: {DISTURBED} at {smallest} already."]
    if open_end:
        why = "no more were tried" if "tried" in open_end else f"with more {DISTURBED}"
        holds = cite("holds at least", {"of": "capacity"})
        return [f"One process {holds} {_cited(found, first, count)} clients with {level}; {why}."]
    spread = ""
    if knee.n > 1:
        low, high, n = (
            cite(count(value), {**first.quantity(found), "take": take})
            for value, take in ((knee.low, "least"), (knee.high, "most"), (knee.n, "n"))
        )
        spread = f" ({low}–{high} in {n} searches)"
    fails = next(iter(_told(found, FAILS_AT)), None)
    beyond = f"; {_cited(found, fails, count)} miss it" if fails is not None else ""
    holds = cite("holds", {"of": "capacity"})
    return [f"One process {holds} {_cited(found, first, count)}{spread} clients with {level}{beyond}."]


def cost(run: Run, found: Findings) -> list[str]:
    sentences = []
    for life in (IDLE_LIFE, FETCHING_LIFE):
        figures = [each for each in _told(found, CPU_PER_PLAYER_HOUR) if each.party == life]
        if figures:
            sentences.append(
                f"With {size(figures[-1].measured.clients)} players ({life}{_at(figures[-1])}) a player-hour costs "
                f"{_cited(found, figures[-1], _as_in_the_chart)} of server CPU{figures[-1].mark}."
            )
    memory = _told(found, RSS_PER_CONNECTION)
    if memory:
        sentences.append(
            f"An idle connection holds {_cited(found, memory[-1])} of the server's memory at "
            f"{size(memory[-1].measured.clients)}{memory[-1].mark}."
        )
    return sentences


def peers(run: Run, found: Findings) -> list[str]:
    figures = {each.party: each for each in _told(found, CPU_PER_RECIPIENT)}
    own = figures.pop(LOBBY, None)
    if own is None or own.made.value <= 0:
        return []  # of a handful of clients: the price of making the room hides it
    parts = []
    for party, each in figures.items():
        over = ratio(each.measured.readings, own.measured.readings, CPU_PER_RECIPIENT.kind)
        if over is not None:
            of = paired(found.name, CPU_PER_RECIPIENT, party, LOBBY, each.measured.where)
            parts.append(f"{party} {cite(f'{over.value:.1f}', of)} times{over.judgement.mark}")
    beside = f"; {', '.join(parts)} as much (median of the repeats' ratios)" if parts else ""
    with_clients = f"With {size_words(own.measured.clients)} a broadcast costs the lobby"
    return [f"{with_clients} {_cited(found, own)} per recipient{own.mark}{beside}."]


def noise(run: Run, found: Findings) -> list[str]:
    floors = noise_floors(found, LOBBY_AGAIN).by_kind
    parts = [f"{kind.value} {cite(in_noise(apart), floor(kind))}" for kind, apart in floors.items()]
    if not parts:
        return []
    return [
        f"Two that are the same come out apart by up to: {', '.join(parts)}. Less than that is no difference; what is "
        "measured here itself is held against its own."
    ]


def simulation(run: Run, found: Findings) -> list[str]:
    sizes = run.profile.simulation
    rate, violations, commands, faults = (
        next(iter(_told(found, measure)), None)
        for measure in (SCHEDULE_RATE, VIOLATIONS, COMMANDS_OF_SCHEDULE, FAULTS_OF_SCHEDULE)
    )
    if rate is None or violations is None or commands is None or faults is None:
        return []
    schedules, repeats = (
        cite(count(number), setting(f"simulation.{name}"))
        for number, name in ((sizes.schedules, "schedules"), (sizes.repeats, "repeats"))
    )
    return [
        f"In each of {repeats} repeats {schedules} lobbies of three nodes ran in virtual time, with "
        f"{_cited(found, commands, count)} commands and {_cited(found, faults)} faults each: "
        f"{_cited(found, violations, count)} of them violated what must hold.",
        f"One core gets through {_cited(found, rate, count)} such schedules per minute{rate.mark}.",
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
    "simulation": simulation,
}


class _Told(NamedTuple):
    """A measure as a sentence tells it: the median of its readings."""

    measured: Measured
    made: Estimate

    @property
    def value(self) -> float:
        return self.made.value

    @property
    def party(self) -> str:
        return self.measured.party

    @property
    def mark(self) -> str:
        return self.made.judgement.mark

    def quantity(self, found: Findings) -> Quantity:
        each = self.measured
        return readings(found.name, each.measure, each.party, each.where)


def _cited(found: Findings, told: _Told, words: Callable[[float], str] | None = None) -> str:
    """Its value with its unit, or in other `words`."""
    text = _in_unit(told.value, told.measured.unit) if words is None else words(told.value)
    return cite(text, told.quantity(found))


def _in_unit(value: float, unit: str) -> str:
    """A time of any size in ms or s."""
    if unit in ("ms", "s"):
        return in_ms(value) if unit == "ms" else in_s(value)
    return f"{in_digits(value)} {unit}".strip()


def _as_in_the_chart(value_s: float) -> str:
    return f"{in_digits(value_s)} s"


def _at(told: _Told) -> str:
    """The rate of changes, where there are any."""
    rate = told.measured.changes_per_s
    return f", {rate_words(rate)}" if rate else ""


def _spread(found: Findings, told: _Told, noun: str) -> str:
    """That what is said to happen within a time is of the median repeat, and how long the slowest took."""
    if told.made.n < 2:
        return ""
    quantity = told.quantity(found)
    n = cite(f"{told.made.n}", {**quantity, "take": "n"})
    longest = cite(_in_unit(told.made.high, told.measured.unit), {**quantity, "take": "most"})
    return f" (median of {n} {noun}s; the slowest {longest})"


def _told(found: Findings, measure: Measure) -> list[_Told]:
    """With figures that are not INVALID, by size: sentences have no others, and none of another build, whose figures
    stand in the tables beside this one's."""
    measured = [
        _Told(each, made)
        for each in found.measures
        if each.measure == measure
        and each.party != OTHER_BUILD
        and (made := estimate(each)) is not None
        and made.judgement.validity is not Validity.INVALID
    ]
    return sorted(measured, key=lambda each: each.measured.where)


def _by_name(found: Findings, measure: Measure) -> list[_Told]:
    """The same by party."""
    return sorted(_told(found, measure), key=lambda each: each.party)


def _by_party(found: Findings, measure: Measure) -> dict[str, _Told]:
    return {each.party: each for each in _told(found, measure)}
