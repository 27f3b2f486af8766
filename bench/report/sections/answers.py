"""The answers that a report begins with: a few plain sentences and one table, from the figures of the run."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analysis.derived.latency import Latency
from bench.analysis.derived.overview import Overview
from bench.analysis.derived.traffic import select
from bench.analysis.estimates import estimate
from bench.analysis.figures import figures_of
from bench.analysis.promises import Promise
from bench.analysis.validity import Judgement, sum_up
from bench.analysis.verdicts import Verdict
from bench.measures import BACK_WITHIN
from bench.report.sections.page import Table
from bench.report.sections.promises import tally
from bench.report.sections.shows import SHOWS
from bench.stats import summarize
from bench.words import a_few, count, in_bytes, in_digits, in_ms, in_percent, plural
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
    return f"Validity: {sum_up(judged)}." if judged else "Validity: nothing was measured."


def _latency(figures: Overview) -> list[str]:
    told, fresh = _largest_valid(figures.announcements), _largest_valid(figures.fresh)
    polled = summarize(figures.polled_ms)
    if told is None or fresh is None or polled is None:
        return []
    return [
        f"A new room is announced to all of {plural(told.clients, 'client')} within {in_ms(told.worst_last_ms)} (the "
        f"slowest of {told.broadcasts} broadcasts; {in_ms(told.last_ms)} in the median one){told.judgement.mark}, "
        f"and all of {count(fresh.clients)} hold the fresh list within {in_ms(fresh.worst_last_ms)} "
        f"({in_ms(fresh.last_ms)} in the median of {fresh.broadcasts}){fresh.judgement.mark}; "
        f"a client that polls every "
        f"{figures.run.profile.broadcast.poll_s:g} s sees the room after {in_ms(polled.p50)} (p50) to "
        f"{in_ms(polled.p99)} (p99)."
    ]


def _claims(promises: Sequence[Promise]) -> list[str]:
    if not promises:
        return []
    broken = [promise.claim for promise in promises if promise.ruling.verdict is Verdict.DOES_NOT_HOLD]
    return [tally(promises)[:-1] + (f"; not true in this run: {'; '.join(broken)}." if broken else ".")]


def _bandwidth(figures: Overview) -> list[str]:
    polling, etag, push = (select(figures.idle, kind) for kind in ("polling", "polling_etag", "push"))
    if not (polling and etag and push):
        return []
    plain, conditional, pushed = polling[0].wire.mean, etag[0].wire.mean, push[0].wire.mean
    return [
        f"An idle client costs {in_bytes(pushed)} per minute with push, TCP/IP included; {in_bytes(plain)} with "
        f"polling when the list has {plural(polling[0].rooms, 'room')} ({in_percent(1 - pushed / plain)} saved), and "
        f"{in_bytes(conditional)} with polling and ETag ({in_percent(1 - pushed / conditional)} saved)."
    ]


def _reconnect(figures: Overview) -> list[str]:
    found = figures.run.found("reconnect")
    if found is None:
        return []
    parts = []
    for measure in found.measures:
        made = estimate(measure)
        if measure.measure == BACK_WITHIN[100] and made is not None:
            parts.append(f"{in_digits(made.value)} s ({measure.party}){made.judgement.mark}")
    if not parts:
        return ["After a restart of the server not everybody came back."]
    clients = figures.run.profile.returns.clients
    return [
        f"After a restart of the server all of {plural(clients, 'client')} were back by themselves and held the list, "
        f"the last so long after the stop: {', '.join(sorted(parts))}."
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
    fresh, polled = _largest_valid(figures.fresh), summarize(figures.polled_ms)
    rows = []
    if fresh is not None and fresh.summary is not None and polled is not None:
        by_polling = "not measured: same interval"
        note = f"{count(fresh.clients)} clients"
        rows += [
            [f"Fresh list after a change, p50 (push: {note})", in_ms(polled.p50), by_polling, in_ms(fresh.summary.p50)],
            [f"Fresh list after a change, p99 (push: {note})", in_ms(polled.p99), by_polling, in_ms(fresh.summary.p99)],
        ]
    polling, etag, push = (select(figures.idle, kind) for kind in ("polling", "polling_etag", "push"))
    for plain, conditional, pushed in zip(polling, etag, push, strict=False):
        rows += [
            [
                f"Bytes per idle minute, {layer_words}, {plural(plain.rooms, 'room')}",
                *(in_bytes(cost.layer(layer).mean) for cost in (plain, conditional, pushed)),
            ]
            for layer, layer_words in (("framed", "framed"), ("wire", "with TCP/IP"))
        ]
    if polling and etag and push:
        rows.append(
            [
                "Requests or heartbeats per idle minute",
                *(a_few(costs[0].requests.mean) for costs in (polling, etag, push)),
            ]
        )
    if not rows:
        return None
    poll_s = figures.run.profile.broadcast.poll_s
    return Table("", ("", f"Polling every {poll_s:g} s", "Polling with ETag", "Push"), rows)


def _largest_valid(latencies: Sequence[Latency]) -> Latency | None:
    return next((latency for latency in reversed(latencies) if latency.valid), None)
