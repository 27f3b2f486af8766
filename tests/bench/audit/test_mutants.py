"""The auditor names what a broken analysis says: each mutant is a mistake that was made, or could be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from bench.analysis import break_even, crossings, estimates, noise_floors, validity
from bench.analysis import choice as analysis_choice
from bench.analysis.derived import latency, overview
from bench.analysis.key_ratios import key_ratios
from bench.analysis.promises import benefits, features, metrics
from bench.analysis.verdicts import Verdict, rule
from bench.audit.check import Audit, audit
from bench.audit.raw import Raw
from bench.audit.unmeasured import evidence_against
from bench.record.run import Run
from bench.report import build
from bench.report.build import texts_of
from bench.report.sections import answers, bandwidth, broadcast, choice, shows
from bench.report.sections import promises as promises_section
from bench.report.told import figures_json
from bench.stats import percentile, summarize
from bench.words import count, in_bytes, in_digits, in_ms, in_percent, rate_number
from tests.bench.modelled import a_modelled_run

pytestmark = pytest.mark.system  # whole reports are audited

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

    patch.setattr(broadcast, "summarize", summary)


def wrong_last_client(patch: Patch) -> None:
    right = latency.latency_of
    patch.setattr(latency, "latency_of", lambda *of, **more: replace(right(*of, **more), last_ms=1.234))


def wrong_median(patch: Patch) -> None:
    patch.setattr(estimates, "median", max)


def wrong_unit(patch: Patch) -> None:
    patch.setattr(choice, "in_ms", lambda value_ms: in_ms(value_ms * 1e3))


def wrong_prefix(patch: Patch) -> None:
    patch.setattr(choice, "in_bytes", lambda value: in_bytes(value * 1000 / 1024))


def wrong_word_for_the_unit(patch: Patch) -> None:
    patch.setattr(shows, "in_ms", lambda value_ms: f"{in_digits(value_ms)} s")


def swapped_ways(patch: Patch) -> None:
    right = choice.ways_of
    other = {"push": "polling_etag", "polling_etag": "push"}
    patch.setattr(
        choice, "ways_of", lambda figures: [replace(way, name=other.get(way.name, way.name)) for way in right(figures)]
    )


def longer_list(patch: Patch) -> None:
    """Bytes of the longest list under the name of the shortest."""
    right = analysis_choice.rooms_of
    patch.setattr(choice, "rooms_of", lambda figures: right(figures) + 40)


def wrong_crossover(patch: Patch) -> None:
    right = analysis_choice.crossover

    def later(*of: Any) -> Any:
        found = right(*of)
        return replace(found, per_s=found.per_s * 1.4) if found is not None else None

    patch.setattr(choice, "crossover", later)


def last_to_cross(patch: Patch) -> None:
    """The way that costs fewer bytes from the greatest rate on, not from the least."""
    patch.setattr(choice, "min", max, raising=False)
    patch.setattr(choice, "is_cheapest", lambda *of, **more: True)


def nominal_for_achieved(patch: Patch) -> None:
    """The heading has a rate that there was not."""
    patch.setattr(choice, "rate_number", lambda name, achieved, of: rate_number(name, name * 1.3, of))


def saved_of_itself(patch: Patch) -> None:
    patch.setattr(choice, "in_percent", lambda share: in_percent(1 - share))


def knee_of_other_readings(patch: Patch) -> None:
    patch.setattr(shows, "count", lambda value: f"{value * 1.1:,.0f}")


def tally_that_counts_variants(patch: Patch) -> None:
    right = promises_section.tally
    patch.setattr(answers, "tally", lambda judged: right([replace(each, is_variant=False) for each in judged]))


def claim_called_untrue(patch: Patch) -> None:
    """A claim that holds stands among those that do not."""
    patch.setattr(answers, "Verdict", SimpleNamespace(DOES_NOT_HOLD=Verdict.HOLDS))


def old_cost_that_is_right(patch: Patch) -> None:
    patch.setattr(metrics, "rule_cost_of_old", lambda measured, claimed: rule(True))


def losses_of_the_swarm_that_are_not_told(patch: Patch) -> None:
    right = features.swarm_counts
    patch.setattr(benefits, "swarm_counts", lambda run: {**right(run), "losses": 1})


def feature_without_losses(patch: Patch) -> None:
    """More is told as heard than was."""
    patch.setattr(features, "count", lambda value: count(value + 1))


def scale_of_a_hundred(patch: Patch) -> None:
    patch.setattr(features, "MANY_USERS", 1e6)
    patch.setattr(features, "rule", lambda holds: rule(True))


def handshake_of_the_largest(patch: Patch) -> None:
    patch.setattr(metrics, "_handshake_parts", lambda one: (170, 130, 338, 92))


def index_of_other_ratios(patch: Patch) -> None:
    patch.setattr(build, "key_ratios", lambda run: [replace(each, value=1.01) for each in key_ratios(run)])


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
    right = crossings.measured_crossing

    def later(*of: Any) -> Any:
        found = right(*of)
        return replace(found, per_s=found.per_s * 1.4) if found is not None else None

    patch.setattr(shows, "measured_crossing", later)


def dearer_everywhere(patch: Patch) -> None:
    """Ways that cross are told as ways that do not."""
    patch.setattr(shows, "measured_crossing", lambda *of: None)


def fit_that_stops_early(patch: Patch) -> None:
    right = break_even.fit

    def early(*of: Any, **more: Any) -> Any:
        surface = right(*of, **more)
        return replace(surface, constants=surface.constants * 1.03 if surface.way == "polling" else surface.constants)

    patch.setattr(break_even, "fit", early)


def verdict_that_always_holds(patch: Patch) -> None:
    patch.setattr(metrics, "rule_at_most", lambda measured, claimed: rule(True))


def verdict_of_another_limit(patch: Patch) -> None:
    right = benefits.rule_up_to
    patch.setattr(benefits, "rule_up_to", lambda by_clients, limit: right(by_clients, limit * 100))


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


def sizes_that_are_overlooked(patch: Patch) -> None:
    patch.setattr(metrics, "traffic_of", lambda run: None)


def broadcasts_that_are_overlooked(patch: Patch) -> None:
    patch.setattr(benefits, "values", lambda latencies, figure: [])
    patch.setattr(benefits, "up_to", lambda *of: benefits.NO_CLAIM)


MUTANTS: list[tuple[Callable[[Patch], None], str, str]] = [
    (wrong_window, "first table", "hour push"),
    (wrong_minute, "bandwidth, sentence", "minute push"),
    (wrong_percentile, "broadcast, sentence", "polled p99"),
    (wrong_last_client, "broadcast, sentence", "last"),
    (wrong_median, "freshness", "time to fresh p50"),
    (wrong_unit, "answer", "time to fresh p99"),
    (wrong_unit, "first table", "time to fresh p50"),
    (wrong_prefix, "answer", "hour push"),
    (wrong_prefix, "first table", "hour polling_gzip"),
    (wrong_word_for_the_unit, "freshness", "time to fresh p99"),
    (swapped_ways, "first table", "hour polling_etag"),
    (swapped_ways, "answer", "saved"),
    (longer_list, "first table, note", "shortest rooms"),
    (wrong_crossover, "answer", "every crossover delta"),
    (wrong_crossover, "answer", "every crossover push"),
    (last_to_cross, "answer", "first to cross delta"),
    (last_to_cross, "answer", "first to cross push"),
    (nominal_for_achieved, "first table, heading", "rate delta"),
    (saved_of_itself, "answer", "saved"),
    (knee_of_other_readings, "what it carries", "clients that meet the service level"),
    (tally_that_counts_variants, "", "tally"),
    (claim_called_untrue, "what it carries", "fails"),
    (old_cost_that_is_right, "promises", "cost of old"),
    (losses_of_the_swarm_that_are_not_told, "promises", "swarm event losses"),
    (feature_without_losses, "promises", "swarm event received chat_message"),
    (scale_of_a_hundred, "promises", "scale"),
    (handshake_of_the_largest, "promises", "connect whole"),
    (index_of_other_ratios, "index of runs", "crossover push"),
    (index_of_other_ratios, "index of runs", "paired"),
    (ratio_upside_down, "peers", "paired"),
    (ratio_of_medians, "peers", "paired"),
    (wrong_crossing, "break-even", "crossing bytes per client-hour, with TCP/IP (model) push polling"),
    (dearer_everywhere, "break-even", "no crossing"),
    (fit_that_stops_early, "break-even", "model"),
    (verdict_that_always_holds, "promises", "claim at most"),
    (verdict_of_another_limit, "promises", "up to announcement last limit"),
    (best_that_is_worst, "freshness", "least"),
    (everything_valid, "broadcast, validity", "points all"),
    (quieter_noise, "noise", "floor"),
    (lost_receipts_that_are_not_told, "broadcast, sentence", "receipts lost"),
    (sizes_that_are_overlooked, "promises", "a claim"),
    (broadcasts_that_are_overlooked, "promises", "a claim"),
]


@pytest.mark.system
@pytest.mark.parametrize(
    ("break_it", "inside", "named"), MUTANTS, ids=[f"{each[0].__name__}: {each[1]}" for each in MUTANTS]
)
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


def test_suspect_figure_that_is_told_as_valid_is_named(monkeypatch: Patch) -> None:
    document = json.loads(msgspec.json.encode(the_run()))
    freshness = next(found for found in document["findings"] if found["name"] == "freshness")
    for measured in freshness["measures"]:
        for reading in measured["readings"] if measured["party"] == "delta" else ():
            reading["suspect"] = "other work had the cores"
    for found in document["findings"]:
        for measured in found["measures"] if found["name"] == "break-even" else ():
            for reading in measured["readings"]:
                reading["suspect"] = "other work had the cores"
        for series in found["series"] if found["name"] == "broadcast" else ():
            series["late_ms"] = [50.0] * len(series["late_ms"])
    run = msgspec.json.decode(msgspec.json.encode(document), type=Run)
    assert audit_of(run).disagreements == []
    monkeypatch.setattr(estimates.Estimate, "is_suspect", False)
    monkeypatch.setattr(validity.Judgement, "mark", "")
    named = {(each.where.split(",")[0], each.figure) for each in audit_of(run).disagreements}
    in_doubt = "validity of readings freshness time to fresh p99 ms delta 40 clients 10 rooms 1 median"
    assert {("answer 1", in_doubt), ("first table", in_doubt), ("freshness", in_doubt)} <= named
    assert any(place == "break-even" and figure.startswith("validity of crossing") for place, figure in named)
    assert any(place == "broadcast" and figure.startswith("validity of broadcasts") for place, figure in named)


def test_way_that_is_called_the_cheapest_and_is_not_is_named(monkeypatch: Patch) -> None:
    """Deltas whose heartbeats cost more than anything else: cheap only once something changes."""
    run = with_dear_heartbeats(the_run())
    assert not any(each.where == "answer 1" and "rooms_delta" in each.text for each in texts_of(run))
    assert audit_of(run).disagreements == []
    monkeypatch.setattr(choice, "is_cheapest", lambda *of, **more: True)
    assert any(each.figure.startswith("cheapest delta") for each in audit_of(run, "answer").disagreements)


def with_dear_heartbeats(run: Run) -> Run:
    def dearer(group: Any) -> Any:
        if group.kind != "delta" or group.changes_per_s:
            return group
        return msgspec.structs.replace(
            group, clients=[msgspec.structs.replace(each, wire_bytes=10**6) for each in group.clients]
        )

    found = []
    for each in run.findings:
        if each.traffic is not None:
            groups = [dearer(group) for group in each.traffic.groups]
            each = msgspec.structs.replace(each, traffic=msgspec.structs.replace(each.traffic, groups=groups))
        found.append(each)
    return msgspec.structs.replace(run, findings=found)


def test_claim_that_the_auditor_does_not_know_is_no_agreement() -> None:
    text = {"where": "promises: x, row 1", "text": "“Cures the common cold” not measured",
            "cited": [{"text": "not measured", "quantity": {"of": "claim", "rule": "not measured"}}]}  # fmt: skip
    with pytest.raises(LookupError, match="Cures the common cold"):
        evidence_against(Raw(json.loads(msgspec.json.encode(the_run()))), text)
