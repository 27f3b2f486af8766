"""The answers that a report begins with: which way to choose, what one process carries, what of the claims holds."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analysis.derived.latency import Latency
from bench.analysis.derived.overview import Overview
from bench.analysis.estimates import Estimate, estimate
from bench.analysis.figures import figures_of
from bench.analysis.promises import Promise
from bench.analysis.validity import Judgement, sum_up
from bench.analysis.verdicts import Verdict
from bench.measures import CAPACITY, Measure
from bench.record.findings import Findings
from bench.report.sections.choice import choice_sentences
from bench.report.sections.promises import tally
from bench.report.sections.shows import SHOWS
from bench.stats import summarize
from bench.words import count, in_ms, plural
from loadtest.results.validity import Validity


def answer_sentences(figures: Overview) -> list[str]:
    """Which way to choose; how soon a change is known, where the ways were not compared."""
    return choice_sentences(figures) or _latency(figures)


def carry_sentences(figures: Overview, promises: Sequence[Promise]) -> list[str]:
    """What one process carries, and what of the specification's claims holds."""
    return [*_capacity(figures), *_claims(promises)]


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
    """Claims alone: variants are the lab's own and count for nothing here."""
    if not promises:
        return []
    broken = [promise.claim for promise in promises
              if promise.ruling.verdict is Verdict.DOES_NOT_HOLD and not promise.is_variant]  # fmt: skip
    return [tally(promises)[:-1] + (f"; not true in this run: {'; '.join(broken)}." if broken else ".")]


def _capacity(figures: Overview) -> list[str]:
    """Only from points that may be believed."""
    run = figures.run
    found = run.found("capacity")
    if found is None or any(each.is_suspect for each in _figures_of(found, CAPACITY)):
        return []
    return SHOWS["capacity"](run, found)[:1]


def _figures_of(found: Findings, measure: Measure) -> list[Estimate]:
    return [made for each in found.measures if each.measure == measure and (made := estimate(each)) is not None]


def _largest_valid(latencies: Sequence[Latency]) -> Latency | None:
    return next((latency for latency in reversed(latencies) if latency.valid), None)
