"""The auditor names what a broken analysis says: each mutant is a mistake that was made, or could be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import msgspec
import pytest

from bench.analysis import break_even, estimates, noise_floors
from bench.analysis.derived import latency, overview
from bench.analysis.promises import benefits, metrics
from bench.analysis.verdicts import judge
from bench.audit.check import Audit, audit
from bench.audit.raw import Raw
from bench.record.run import Run
from bench.report.build import texts_of
from bench.report.sections import answers, bandwidth, broadcast, shows
from bench.report.told import figures_json
from bench.stats import percentile, summarize
from bench.words import in_bytes, in_digits, in_ms
from tests.bench.modelled import a_modelled_run

Patch = pytest.MonkeyPatch


@cache
def the_run() -> Run:
    return a_modelled_run(noise=0.03)


def audit_of(run: Run, inside: str = "") -> Audit:
    """Of the report as it is made now; of the texts whose place begins so."""
    told = json.loads(figures_json(run, texts_of(run)))["told"]
    raw = Raw(json.loads(msgspec.json.encode(run)))
    return audit(raw, [text for text in told if text["where"].startswith(inside)], {})


def test_report_of_a_known_run_agrees_in_all_figures() -> None:
    found = audit_of(the_run())
    assert [str(each) for each in found.disagreements] == []
    assert found.figures > 300
    assert found.conclusions > 60


def wrong_window(patch: Patch) -> None:
    right = overview.way_costs
    patch.setattr(overview, "way_costs", lambda traffic, *, window_s: right(traffic, window_s=window_s + 1.2))


def wrong_minute(patch: Patch) -> None:
    right = overview.idle_costs
    patch.setattr(overview, "idle_costs", lambda traffic, **sizes: right(traffic, **{**sizes, "window_s": 30.0}))


def wrong_percentile(patch: Patch) -> None:
    def summary(values: Any) -> Any:
        made = summarize(values)
        return replace(made, p99=made.p90) if made is not None else None

    patch.setattr(latency, "summarize", summary)


def wrong_last_client(patch: Patch) -> None:
    right = latency.latency_of
    patch.setattr(latency, "latency_of", lambda *of, **more: replace(right(*of, **more), last_ms=1.234))


def wrong_median(patch: Patch) -> None:
    patch.setattr(estimates, "median", max)


def wrong_unit(patch: Patch) -> None:
    patch.setattr(answers, "in_ms", lambda value_ms: in_ms(value_ms * 1e3))


def wrong_prefix(patch: Patch) -> None:
    patch.setattr(answers, "in_bytes", lambda value: in_bytes(value * 1000 / 1024))


def wrong_word_for_the_unit(patch: Patch) -> None:
    patch.setattr(shows, "in_ms", lambda value_ms: f"{in_digits(value_ms)} s")


def swapped_ways(patch: Patch) -> None:
    right = answers.select
    other = {"push": "polling_etag", "polling_etag": "push"}
    patch.setattr(answers, "select", lambda costs, kind: right(costs, other.get(kind, kind)))


def ratio_upside_down(patch: Patch) -> None:
    patch.setattr(shows, "ratio", lambda own, other, kind: estimates.ratio(other, own, kind))


def ratio_of_medians(patch: Patch) -> None:
    def of_medians(own: Any, other: Any, kind: Any) -> Any:
        made, beside = (estimates.estimate_readings(each, kind) for each in (own, other))
        assert made is not None
        assert beside is not None
        return replace(made, value=max(each.value for each in own) / beside.value)

    patch.setattr(shows, "ratio", of_medians)


def wrong_crossing(patch: Patch) -> None:
    right = break_even.measured_crossing
    patch.setattr(shows, "measured_crossing", lambda *of: replace(right(*of), per_s=right(*of).per_s * 1.4))


def fit_that_stops_early(patch: Patch) -> None:
    right = break_even.fit

    def early(*of: Any, **more: Any) -> Any:
        surface = right(*of, **more)
        return replace(surface, constants=surface.constants * 1.03 if surface.way == "polling" else surface.constants)

    patch.setattr(break_even, "fit", early)


def verdict_that_always_holds(patch: Patch) -> None:
    patch.setattr(metrics, "judge_at_most", lambda measured, claimed: judge(True))


def verdict_of_another_limit(patch: Patch) -> None:
    right = benefits.judge_up_to
    patch.setattr(benefits, "judge_up_to", lambda by_clients, limit: right(by_clients, limit * 100))


def best_that_is_worst(patch: Patch) -> None:
    """The sentence on staleness takes the most for the least."""
    patch.setattr(shows, "min", max, raising=False)


def everything_valid(patch: Patch) -> None:
    patch.setattr(broadcast, "sum_up", lambda judged, of: bandwidth.sum_up(judged[1:], of))


def quieter_noise(patch: Patch) -> None:
    patch.setattr(noise_floors, "distance", lambda value: abs(value - 1) / 2)


def lost_receipts_that_are_not_told(patch: Patch) -> None:
    right = latency.latency_of
    patch.setattr(latency, "latency_of", lambda *of, **more: replace(right(*of, **more), lost=3))


MUTANTS: list[tuple[Callable[[Patch], None], str, str]] = [
    (wrong_window, "consistency", "wire"),
    (wrong_minute, "answer 2", "minute push"),
    (wrong_percentile, "first table", "p99"),
    (wrong_last_client, "answer 1", "last"),
    (wrong_median, "freshness", "time to fresh p50"),
    (wrong_unit, "answer 1", "announcement"),
    (wrong_prefix, "answer 2", "minute polling"),
    (wrong_word_for_the_unit, "freshness", "time to fresh p99"),
    (swapped_ways, "answer 2", "minute polling_etag"),
    (ratio_upside_down, "peers", "paired"),
    (ratio_of_medians, "peers", "paired"),
    (wrong_crossing, "break-even", "crossing bytes per client-hour, with TCP/IP (model) push polling"),
    (fit_that_stops_early, "break-even", "model"),
    (verdict_that_always_holds, "promises", "claim at most"),
    (verdict_of_another_limit, "promises", "up to announcement last limit"),
    (best_that_is_worst, "freshness", "least"),
    (everything_valid, "broadcast, validity", "points all"),
    (quieter_noise, "noise", "floor"),
    (lost_receipts_that_are_not_told, "broadcast, sentence", "receipts lost"),
]


@pytest.mark.parametrize(("break_it", "inside", "named"), MUTANTS, ids=[each[0].__name__ for each in MUTANTS])
def test_broken_analysis_is_named(
    break_it: Callable[[Patch], None], inside: str, named: str, monkeypatch: Patch
) -> None:
    break_it(monkeypatch)
    found = audit_of(the_run(), inside)
    assert any(named in each.figure for each in found.disagreements), "\n".join(map(str, found.disagreements))


def test_reading_that_is_not_of_its_samples_is_named() -> None:
    """The record itself may be wrong: a percentile that was taken of other samples than those that are kept."""
    document = json.loads(msgspec.json.encode(the_run()))
    broken = next(found for found in document["findings"] if found["name"] == "freshness")
    measured = next(each for each in broken["measures"] if each["name"] == "time to fresh p99")
    measured["readings"][0]["value"] = percentile([1.0, 2.0], 99)
    found = audit(Raw(document), [], {})
    assert [each.figure for each in found.disagreements] == ["reading of time to fresh p99, polling, 40 clients"]
