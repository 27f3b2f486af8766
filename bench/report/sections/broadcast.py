"""The section on how long a change takes to reach everybody."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analysis.derived.latency import Latency
from bench.analysis.derived.overview import Overview
from bench.analysis.sources import broadcasts, points, polled, receipts
from bench.analysis.validity import sum_up
from bench.citations import cite
from bench.measures import LIST_BYTES
from bench.record.findings import Findings, sum_ledgers
from bench.record.vocabulary import ANNOUNCEMENT, FRESH_LIST, POLLED_AGE
from bench.report.sections.page import Section, Table, mark_of
from bench.stats import merge, percentile, summarize
from bench.words import count, in_bytes, in_digits, in_ms, in_percent, plural, size_words


def broadcast_section(figures: Overview) -> Section | None:
    found = figures.run.found("broadcast")
    if found is None or not figures.announcements:
        return None
    sizes = figures.run.profile.broadcast
    judgements = [latency.judgement for latency in (*figures.announcements, *figures.fresh, *figures.status)]
    return Section(
        name="broadcast",
        title="How long until a change has reached everybody?",
        shows=_shows(figures),
        validity=sum_up(judgements, points(among="broadcasts")),
        method=[
            f"A fresh server and population for each of {', '.join(count(n) for n in sizes.clients)} sockets, "
            f"{plural(sizes.repeats, 'time')}, in random order; {sizes.clients_per_user} sockets per user, because as "
            "many logins of different users would first be their square in status messages, which is a question of "
            "its own and changes nothing for a broadcast.",
            f"At each size: {plural(sizes.notify_broadcasts, 'room')} made over HTTP, clients only receive; then "
            f"{sizes.refetch_broadcasts} after which every client fetches the list at once over a kept-alive "
            "connection, as the client of the specification does. They are apart because the answers to the fetches "
            "would otherwise be in the announcement's way. Rooms are far enough apart for each to be announced on its "
            "own: "
            f"{sizes.notify_interval_s:g} s and {sizes.refetch_interval_s:g} s, and {1e3 * sizes.fetch_s:g} ms more "
            f"per client; at most {sizes.most_spacing_s:g} s more where nobody fetches.",
            "Latency counts from the time that the room's creation was intended, not from when it was sent; the "
            "difference is in the table. A client is fresh when a list that has the room is complete in its hands "
            f"({plural(sizes.rooms, 'room')} in the list at first, {in_bytes(_list_bytes(found))} when full).",
            f"Beside them {plural(sizes.pollers, 'client')} poll every {sizes.poll_s:g} s at random phases: the age "
            "of a room when they first see it should be uniform from 0 to that, plus the time of the answer.",
            "Percentiles are of all receipts of all broadcasts of a size, merged, nearest rank. In brackets: least and "
            "most of the repeats' own percentiles; a repeat is a fresh server and population. “Last” is when the last "
            "client had it. Its median is over the broadcasts, half way between the two in the middle; the p99 of all "
            "receipts is later than that where some of the broadcasts, up to half of them, were slow.",
        ],
        repeat=_repeat(figures, "broadcast"),
        charts=("broadcast-latency", "broadcast-cdf", "broadcast-rate"),
        tables=(
            _table("rooms_changed after a room's creation", figures.announcements),
            _table("Fresh list after a room's creation, everybody fetching at once", figures.fresh),
            _table("user_online after another user's handshake", figures.status),
            _rate_table(figures),
            _polled_table(figures),
            _ledger_table(
                (
                    ("announcement", figures.announcements),
                    ("fresh list", figures.fresh),
                    ("status", figures.status),
                )
            ),
        ),
    )


def _repeat(figures: Overview, name: str) -> str:
    return f"lobby-bench run {name} --{figures.run.profile.name} --seed {figures.run.seed}"


def _shows(figures: Overview) -> list[str]:
    told = _to_tell(figures.announcements)
    sentences = [
        f"With {size_words(told.clients)} the last one hears of a new room after "
        f"{_cited(ANNOUNCEMENT, told, 'last')} in the median broadcast and {_cited(ANNOUNCEMENT, told, 'slowest')} in "
        f"the slowest of {_cited(ANNOUNCEMENT, told, 'broadcasts')}{told.judgement.mark}."
    ]
    if figures.fresh:
        fresh = _to_tell(figures.fresh)
        sentences.append(
            f"With {size_words(fresh.clients)} that fetch at once the last fresh list is there after "
            f"{_cited(FRESH_LIST, fresh, 'last')}, in the slowest of {_cited(FRESH_LIST, fresh, 'broadcasts')} after "
            f"{_cited(FRESH_LIST, fresh, 'slowest')}{fresh.judgement.mark}."
        )
        sentences += _herds(fresh)
    by_polling = summarize(figures.polled_ms)
    if by_polling is not None:
        sentences.append(
            f"A client that polls sees the room after {cite(in_ms(by_polling.p50), polled('p50'))} (p50) and "
            f"{cite(in_ms(by_polling.p99), polled('p99'))} (p99)."
        )
    stalls = [latency for latency in figures.announcements if latency.worst_last_ms > 3 * latency.last_ms]
    if stalls:
        sizes = " and ".join(_stalled(latency) for latency in stalls)
        sentences.append(
            f"At {sizes} clients the slowest broadcast took more than three times the median one: look for pauses of "
            "the server, and at the other work of the machine."
        )
    lost = sum(latency.lost for latency in (*figures.announcements, *figures.fresh, *figures.status))
    expected = sum(
        latency.lost + len(latency.samples_ms) for latency in (*figures.announcements, *figures.fresh, *figures.status)
    )
    due, missing = cite(count(expected), receipts("due")), cite(count(lost), receipts("lost"))
    sentences.append(f"Of {due} receipts that were due, {missing} did not come.")
    return sentences


def _herds(fresh: Latency) -> list[str]:
    """That there are two kinds of herds, where a median would be of one of them or of none."""
    if fresh.herds is None:
        return []
    repeats, first, later = (
        cite(text, broadcasts(FRESH_LIST, fresh.clients, take))
        for text, take in (
            (str(fresh.herds.repeats), "repeats"),
            (in_ms(fresh.herds.first_ms), "first herd"),
            (in_ms(fresh.herds.later_ms), "later herds"),
        )
    )
    return [
        f"In each of {repeats} repeats the first herd of a fresh server was the slowest: its last client was fresh "
        f"after {first} in the median, that of a later herd after {later}{fresh.judgement.mark}."
    ]


def _to_tell(latencies: Sequence[Latency]) -> Latency:
    """The largest size that is not INVALID, or the largest, which its mark tells of."""
    return next((latency for latency in reversed(latencies) if latency.valid), latencies[-1])


def _cited(series: str, latency: Latency, take: str) -> str:
    """A figure of a sentence on broadcasts at a size."""
    text = {
        "last": in_ms(latency.last_ms),
        "slowest": in_ms(latency.worst_last_ms),
        "broadcasts": str(latency.broadcasts),
    }[take]
    return cite(text, broadcasts(series, latency.clients, take))


def _stalled(latency: Latency) -> str:
    """A size, and that its slowest broadcast took more than three times the median one."""
    slowest, last = (broadcasts(ANNOUNCEMENT, latency.clients, take) for take in ("slowest", "last"))
    return cite(count(latency.clients), {"of": "beyond", "factor": 3, "own": slowest, "other": last})


def _table(title: str, latencies: Sequence[Latency]) -> Table:
    rows = []
    for latency in latencies:
        summary = latency.summary
        rows.append(
            [
                count(latency.clients),
                str(latency.broadcasts),
                in_ms(latency.first_ms),
                _with_repeats(summary.p50 if summary else float("nan"), latency.p50s_ms),
                _with_repeats(summary.p99 if summary else float("nan"), latency.p99s_ms),
                in_ms(latency.last_ms),
                in_ms(latency.worst_last_ms),
                in_percent(latency.reach),
                str(latency.judgement),
            ]
        )
    return Table(
        title=title,
        headers=(
            "Clients", "Broadcasts", "First client", "p50 of all receipts", "p99 of all receipts",
            "Last client, median broadcast", "Last client, slowest broadcast", "Reach", "Validity",
        ),
        rows=rows,
        row_marks=_marks(latencies),
    )  # fmt: skip


def _ledger_table(kinds: Sequence[tuple[str, Sequence[Latency]]]) -> Table:
    """What stands behind the figures: who was busy, who was late, who was left out."""
    rows = [
        [
            kind,
            count(latency.clients),
            count(len(latency.samples_ms)),
            count(latency.lost) + _causes(latency),
            count(latency.twice),
            count(latency.disordered),
            in_ms(latency.late_worst_ms),
            f"{in_digits(latency.server_ms_per_broadcast)} ms",
            f"{latency.server_share:.0%}",
            f"{latency.server_waited:.0%}",
            f"{latency.generator_share:.0%}",
        ]
        for kind, latencies in kinds
        for latency in latencies
    ]
    return Table(
        title="Receipts, lateness and CPU behind these figures",
        headers=(
            "Series", "Clients", "Receipts", "Lost, by cause", "Twice", "Out of order", "Publisher late by up to",
            "Server CPU per broadcast", "Server, of a core", "Server kept from its core", "Generator, of a core",
        ),
        rows=rows,
        row_marks=[mark for _, latencies in kinds for mark in _marks(latencies)],
        note="Server CPU is all that it used in the phase, divided by the broadcasts: fetches, pings, pollers are in "
        "it. The generator's share is that from the intended time to the last receipt, or of the whole phase, "
        "whichever is more; above 90 % a point is invalid.",
    )  # fmt: skip


def _causes(latency: Latency) -> str:
    if not latency.lost_by:
        return ""
    return f" ({', '.join(f'{count(number)} {cause}' for cause, number in latency.lost_by.items())})"


def _rate_table(figures: Overview) -> Table:
    rows = [
        [
            f"{rate:g}",
            str(latency.broadcasts),
            in_ms(latency.first_ms),
            _with_repeats(latency.summary.p50, latency.p50s_ms),
            _with_repeats(latency.summary.p99, latency.p99s_ms),
            in_ms(latency.last_ms),
            in_percent(latency.reach),
            in_ms(latency.late_worst_ms),
            str(latency.judgement),
        ]
        for rate, latency in figures.rates
        if latency.summary is not None
    ]
    return Table(
        title=f"A stream of changes to {count(figures.run.profile.broadcast.rate_clients)} clients, until announced",
        headers=("Changes/s", "Changes", "First client", "p50 of all receipts", "p99 of all receipts",
                 "Last client, median change", "Reach", "Publisher late by up to", "Validity"),
        rows=rows,
        row_marks=[mark_of(latency.judgement) for _, latency in figures.rates if latency.summary is not None],
        note="Announcements carry the revision here, so that each change is told from the others.",
    )  # fmt: skip


def _marks(latencies: Sequence[Latency]) -> list[str]:
    return [mark_of(latency.judgement) for latency in latencies]


def _with_repeats(value_ms: float, by_repeat_ms: Sequence[float]) -> str:
    """With least and most of the repeats, where there are several."""
    if len(by_repeat_ms) < 2:
        return in_ms(value_ms)
    return f"{in_ms(value_ms)} ({in_ms(min(by_repeat_ms))}–{in_ms(max(by_repeat_ms))}, {len(by_repeat_ms)} repeats)"


def _list_bytes(found: Findings) -> float:
    """Of the first point; with the rooms of its broadcasts."""
    return next((each.readings[0].value for each in found.measures if each.measure == LIST_BYTES), float("nan"))


def _polled_table(figures: Overview) -> Table:
    found = figures.run.found("broadcast")
    rows = []
    by_polling = found.series_of(POLLED_AGE) if found is not None else []
    for series in sorted(by_polling, key=lambda each: each.clients):
        ages_ms = merge([group.values_ms() for group in series.groups])
        summary = summarize(ages_ms)
        rows.append(
            [
                count(series.clients),
                f"{count(len(ages_ms))} of {count(sum_ledgers(series.ledgers).expected)}",
                *(in_ms(percentile(ages_ms, q)) for q in (5, 50, 95, 99)),
                in_ms(summary.maximum) if summary is not None else "–",
            ]
        )
    return Table(
        title=f"Age of a room when a client that polls every {figures.run.profile.broadcast.poll_s:g} s first sees it",
        headers=("Push clients beside", "Seen", "p5", "p50", "p95", "p99", "Most"),
        rows=rows,
    )
