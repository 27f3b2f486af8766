"""The answers that a report begins with: which way to choose, what one process carries, what of the claims holds."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analysis.derived.latency import Latency
from bench.analysis.derived.overview import Overview
from bench.analysis.estimates import Estimate, estimate
from bench.analysis.figures import figures_of
from bench.analysis.promises import Promise
from bench.analysis.sources import broadcasts, points, polled
from bench.analysis.validity import Judgement, sum_up
from bench.analysis.verdicts import Verdict
from bench.citations import cite, setting
from bench.measures import CAPACITY, Measure
from bench.record.findings import Findings
from bench.record.vocabulary import ANNOUNCEMENT, FRESH_LIST
from bench.report.sections.choice import choice_sentences
from bench.report.sections.promises import tally
from bench.report.sections.shows import SHOWS
from bench.stats import summarize
from bench.words import in_ms, size, size_words
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
    """Claims alone: variants are the lab's own and count for nothing here."""
    if not promises:
        return []
    broken = [
        cite(promise.claim, {"of": "fails", "name": promise.claim, "claim": promise.of})
        for promise in promises
        if promise.ruling.verdict is Verdict.DOES_NOT_HOLD and not promise.is_variant
    ]
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
