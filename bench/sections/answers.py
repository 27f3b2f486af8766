"""The answers that a report begins with: a few plain sentences and one table, from the figures of the run."""

from __future__ import annotations

from collections.abc import Sequence

from bench.figures import Figures, Latency, select
from bench.promises import Promise
from bench.sections.page import Table
from bench.sections.promises import tally
from bench.stats import summarize
from bench.validity import sum_up
from bench.verdicts import Verdict
from bench.words import a_few, count, in_bytes, in_digits, in_ms, in_percent, plural


def answer_sentences(figures: Figures, promises: Sequence[Promise]) -> list[str]:
    """What somebody wants to know who reads no further."""
    sentences = [*_latency(figures), *_bandwidth(figures), *_reconnect(figures), tally(promises)]
    broken = [promise for promise in promises if promise.ruling.verdict is Verdict.DOES_NOT_HOLD]
    if broken:
        sentences.append("Not true in this run: " + "; ".join(promise.claim for promise in broken) + ".")
    return sentences + _validity(figures)


def _latency(figures: Figures) -> list[str]:
    told, fresh = _largest_valid(figures.announcements), _largest_valid(figures.fresh)
    polled = summarize(figures.polled_ms)
    if told is None or fresh is None or polled is None:
        return []
    return [
        f"A new room is announced to all of {plural(told.clients, 'client')} within {in_ms(told.last_ms)} (the last "
        f"client in the median of {told.broadcasts} broadcasts; {in_ms(told.worst_last_ms)} in the slowest), and all "
        f"of {count(fresh.clients)} hold the fresh list within {in_ms(fresh.last_ms)} "
        f"({in_ms(fresh.worst_last_ms)} in the slowest of {fresh.broadcasts}).",
        f"A client that polls every {figures.run.profile.broadcast.poll_s:g} s sees the room after "
        f"{in_ms(polled.p50)} (p50) to {in_ms(polled.p99)} (p99).",
    ]


def _bandwidth(figures: Figures) -> list[str]:
    polling, etag, push = (select(figures.idle, kind) for kind in ("polling", "polling_etag", "push"))
    if not (polling and etag and push):
        return []
    plain, conditional, pushed = polling[0].wire.mean, etag[0].wire.mean, push[0].wire.mean
    return [
        f"An idle client costs {in_bytes(pushed)} a minute with push, TCP/IP included; {in_bytes(plain)} with polling "
        f"when the list has {plural(polling[0].rooms, 'room')} ({in_percent(1 - pushed / plain)} saved), and "
        f"{in_bytes(conditional)} with polling and ETag ({in_percent(1 - pushed / conditional)} saved)."
    ]


def _reconnect(figures: Figures) -> list[str]:
    result = figures.run.reconnect
    if result is None:
        return []
    back_s = [way.back_s for way in result.returns if way.back_s is not None]
    if not back_s:
        return ["Nobody came back after the server was stopped and started again."]
    return [
        f"After a restart of the server {count(len(back_s))} of {plural(result.clients, 'client')} came back by "
        f"themselves, the last {in_digits(max(back_s))} s after the stop."
    ]


def _validity(figures: Figures) -> list[str]:
    judged = [
        *(latency.judgement for latency in (*figures.announcements, *figures.fresh, *figures.status)),
        *(cost.judgement for cost in figures.idle),
    ]
    return [f"Validity: {sum_up(judged)}."] if judged else []


def answer_table(figures: Figures) -> Table | None:
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
                f"Bytes an idle minute, {layer_words}, {plural(plain.rooms, 'room')}",
                *(in_bytes(cost.layer(layer).mean) for cost in (plain, conditional, pushed)),
            ]
            for layer, layer_words in (("framed", "framed"), ("wire", "with TCP/IP"))
        ]
    if polling and etag and push:
        rows.append(
            [
                "Requests or heartbeats an idle minute",
                *(a_few(costs[0].requests.mean) for costs in (polling, etag, push)),
            ]
        )
    if not rows:
        return None
    poll_s = figures.run.profile.broadcast.poll_s
    return Table("", ("", f"Polling every {poll_s:g} s", "Polling with ETag", "Push"), rows)


def _largest_valid(latencies: Sequence[Latency]) -> Latency | None:
    return next((latency for latency in reversed(latencies) if latency.valid), None)
