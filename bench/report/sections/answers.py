"""The answers that a report begins with: a few plain sentences and one table, from the figures of the run."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analysis.derived.latency import Latency
from bench.analysis.derived.overview import Overview
from bench.analysis.derived.traffic import select
from bench.analysis.estimates import estimate
from bench.analysis.figures import figures_of
from bench.analysis.promises import Promise
from bench.analysis.sources import broadcasts, minute, points, polled, readings
from bench.analysis.validity import Judgement, sum_up
from bench.analysis.verdicts import Verdict
from bench.citations import cite, combined, setting
from bench.measures import BACK_WITHIN
from bench.record.vocabulary import ANNOUNCEMENT, FRESH_LIST
from bench.report.sections.page import Table
from bench.report.sections.promises import tally
from bench.report.sections.shows import SHOWS
from bench.stats import summarize
from bench.words import a_few, count, in_bytes, in_digits, in_ms, in_percent, size, size_words
from loadtest.results.validity import Validity


def answer_sentences(figures: Overview, promises: Sequence[Promise]) -> list[str]:
    """What somebody wants to know who reads no further: at most five sentences."""
    return [
        *_latency(figures), *_bandwidth(figures), *_reconnect(figures), *_capacity(figures), *_claims(promises),
    ]  # fmt: skip


def validity_sentence(figures: Overview) -> str:
    """How far the figures can be believed, over the whole run."""
    judged = [
        each.judgement or (made.judgement if (made := each.estimate) is not None else Judgement(Validity.VALID))
        for each in figures_of(figures.run)
    ]
    return f"Validity: {sum_up(judged, points())}." if judged else "Validity: nothing was measured."


def _latency(figures: Overview) -> list[str]:
    told, fresh = _largest_valid(figures.announcements), _largest_valid(figures.fresh)
    by_polling = summarize(figures.polled_ms)
    if told is None or fresh is None or by_polling is None:
        return []
    poll_s = figures.run.profile.broadcast.poll_s

    def of_told(text: str, take: str) -> str:
        return cite(text, broadcasts(ANNOUNCEMENT, told.clients, take))

    def of_fresh(text: str, take: str) -> str:
        return cite(text, broadcasts(FRESH_LIST, fresh.clients, take))

    return [
        f"A new room is announced to all of {size_words(told.clients)} within "
        f"{of_told(in_ms(told.worst_last_ms), 'slowest')} (the slowest of "
        f"{of_told(str(told.broadcasts), 'broadcasts')} broadcasts; {of_told(in_ms(told.last_ms), 'last')} in the "
        f"median one){told.judgement.mark}, and all of {size(fresh.clients)} hold the fresh list within "
        f"{of_fresh(in_ms(fresh.worst_last_ms), 'slowest')} ({of_fresh(in_ms(fresh.last_ms), 'last')} in the median of "
        f"{of_fresh(str(fresh.broadcasts), 'broadcasts')}){fresh.judgement.mark}; a client that polls every "
        f"{cite(f'{poll_s:g} s', setting('broadcast.poll_s', 's'))} sees the room after "
        f"{cite(in_ms(by_polling.p50), polled('p50'))} (p50) to {cite(in_ms(by_polling.p99), polled('p99'))} (p99)."
    ]


def _claims(promises: Sequence[Promise]) -> list[str]:
    if not promises:
        return []
    broken = [
        cite(promise.claim, {"of": "fails", "name": promise.claim, "claim": promise.of})
        for promise in promises
        if promise.ruling.verdict is Verdict.DOES_NOT_HOLD
    ]
    return [tally(promises)[:-1] + (f"; not true in this run: {'; '.join(broken)}." if broken else ".")]


def _bandwidth(figures: Overview) -> list[str]:
    polling, etag, push = (select(figures.idle, kind) for kind in ("polling", "polling_etag", "push"))
    if not (polling and etag and push):
        return []
    plain, conditional, pushed = polling[0].wire.mean, etag[0].wire.mean, push[0].wire.mean
    rooms = polling[0].rooms
    of = {way: minute(way, rooms, "wire") for way in ("polling", "polling_etag", "push")}

    def saved(way: str, share: float) -> str:
        return f"{cite(in_percent(share), combined('saved', of['push'], of[way]))} saved"

    return [
        f"An idle client costs {cite(in_bytes(pushed), of['push'])} per minute with push, TCP/IP included; "
        f"{cite(in_bytes(plain), of['polling'])} with polling when the list has {size_words(rooms, 'room')} "
        f"({saved('polling', 1 - pushed / plain)}), and {cite(in_bytes(conditional), of['polling_etag'])} with polling "
        f"and ETag ({saved('polling_etag', 1 - pushed / conditional)})."
    ]


def _reconnect(figures: Overview) -> list[str]:
    found = figures.run.found("reconnect")
    if found is None:
        return []
    parts = []
    for measure in sorted(found.measures, key=lambda each: each.party):
        made = estimate(measure)
        if measure.measure == BACK_WITHIN[100] and made is not None:
            last = readings("reconnect", measure.measure, measure.party, measure.where)
            told = cite(f"{in_digits(made.value)} s", last)
            parts.append(f"{told} ({measure.party}){made.judgement.mark}")
    if not parts:
        return ["After a restart of the server not everybody came back."]
    clients = figures.run.profile.returns.clients
    return [
        f"After a restart of the server all of {cite(count(clients), setting('returns.clients'))} clients were back by "
        f"themselves and held the list, the last so long after the stop: {', '.join(parts)}."
    ]


def _capacity(figures: Overview) -> list[str]:
    run = figures.run
    sentences = [
        sentence[:-1]
        for name in ("capacity", "peers")
        if (found := run.found(name)) is not None
        for sentence in SHOWS[name](run, found)[:1]
    ]
    return (
        ["; ".join([sentences[0], *(each[0].lower() + each[1:] for each in sentences[1:])]) + "."] if sentences else []
    )


def answer_table(figures: Overview) -> Table | None:
    """Polling, polling with ETag and push side by side."""
    fresh, by_polling = _largest_valid(figures.fresh), summarize(figures.polled_ms)
    rows = []
    if fresh is not None and fresh.summary is not None and by_polling is not None:
        for q, polling_ms, push_ms in (
            ("p50", by_polling.p50, fresh.summary.p50),
            ("p99", by_polling.p99, fresh.summary.p99),
        ):
            rows.append(
                [
                    f"Fresh list after a change, {q} (push: {size(fresh.clients)} clients)",
                    cite(in_ms(polling_ms), polled(q)),
                    "not measured: same interval",
                    cite(in_ms(push_ms), broadcasts(FRESH_LIST, fresh.clients, q)),
                ]
            )
    polling, etag, push = (select(figures.idle, kind) for kind in ("polling", "polling_etag", "push"))
    for plain, conditional, pushed in zip(polling, etag, push, strict=False):
        rows += [
            [
                f"Bytes per idle minute, {layer_words}, {size_words(plain.rooms, 'room')}",
                *(
                    cite(in_bytes(cost.layer(layer).mean), minute(way, plain.rooms, layer))
                    for way, cost in (("polling", plain), ("polling_etag", conditional), ("push", pushed))
                ),
            ]
            for layer, layer_words in (("framed", "framed"), ("wire", "with TCP/IP"))
        ]
    if polling and etag and push:
        rows.append(
            [
                "Requests or heartbeats per idle minute",
                *(
                    cite(a_few(costs[0].requests.mean), minute(way, polling[0].rooms, "requests"))
                    for way, costs in (("polling", polling), ("polling_etag", etag), ("push", push))
                ),
            ]
        )
    if not rows:
        return None
    poll_s = figures.run.profile.broadcast.poll_s
    return Table(
        "",
        ("", f"Polling every {cite(f'{poll_s:g} s', setting('broadcast.poll_s', 's'))}", "Polling with ETag", "Push"),
        rows,
    )


def _largest_valid(latencies: Sequence[Latency]) -> Latency | None:
    return next((latency for latency in reversed(latencies) if latency.valid), None)
