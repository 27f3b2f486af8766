"""No number of a report's sentences, headlines and verdicts stands without a source."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from bench.analysis.derived.overview import derive
from bench.analysis.promises import rule_on_promises
from bench.audit.check import audit
from bench.audit.raw import Raw
from bench.measures import CAPACITY, FAILS_AT
from bench.record.book import Book
from bench.record.files.run_file import read_run
from bench.record.findings import Findings
from bench.record.run import Run
from bench.report.build import make_report, render, texts_of
from bench.report.sections.promises import VERDICTS
from bench.report.told import ToldText, figures_json
from tests.bench.modelled import a_modelled_run
from tests.bench.runs import OVERLOADED, a_broadcast_result, a_group, a_point, a_run, a_whole_run, an_idle_result

pytestmark = pytest.mark.system  # whole reports are told

STORED = Path(__file__).parents[1] / "data" / "smoke-run.json.gz"

BROKEN = [
    a_point(100, last_ms=1.0, fresh_ms=2.0, lost=3),
    a_point(500, last_ms=1.0, fresh_ms=2.0, stretch=OVERLOADED),
]


def a_knee(clients: int, *, fails_at: int) -> Findings:
    book = Book()
    book.add(CAPACITY, clients, clients=0)
    book.add(FAILS_AT, fails_at, clients=0)
    return book.result("capacity", ())


RUNS = {
    "made by hand": a_whole_run,
    "modelled": a_modelled_run,
    "stored smoke run": lambda: read_run(STORED),
    "with losses and an overloaded generator": lambda: a_run(a_broadcast_result(BROKEN, losses=2)),
    "with a lost client": lambda: a_run(an_idle_result([a_group("push", requests=2, framed=150, wire=400, losses=1)])),
    "with a knee and what misses the service level": lambda: a_run(a_knee(400, fails_at=440)),
    "empty": a_run,
}


@pytest.mark.parametrize("name", RUNS)
def test_no_number_in_a_sentence_is_without_a_source(name: str) -> None:
    found: list[ToldText] = texts_of(RUNS[name]())
    assert [(each.where, each.text, each.uncited) for each in found if each.uncited] == []


def test_no_verdict_stands_without_its_rule() -> None:
    rows = [each for each in texts_of(a_whole_run()) if each.where.startswith("promises: ")]
    assert len(rows) == len(rule_on_promises(derive(a_whole_run())))
    assert all(any(it.quantity["of"] in VERDICTS for it in each.cited) for each in rows)


def test_all_of_the_first_screen_is_told() -> None:
    found = {each.where.rstrip("0123456789 ") for each in texts_of(a_modelled_run())}
    first = {"answer", "first table, heading", "first table, row", "first table, note", "what it carries", "validity"}
    assert first <= found


def test_deltas_that_are_always_the_cheapest_are_told_with_the_rate_that_was_measured() -> None:
    """Without any rival that ever costs fewer, the sentence names the greatest rate: its source is the rate itself."""
    run = a_modelled_run()
    found = [without_cheaper_than_deltas(each) if each.traffic is not None else each for each in run.findings]
    run = replace(run, findings=found)
    [told] = [each for each in texts_of(run) if each.where == "answer 1"]
    assert "the fewest bytes at every rate that was measured, up to 10 changes per second" in told.text
    raw = Raw(json.loads(msgspec.json.encode(run)))
    document = json.loads(figures_json(run, [told]))["told"]
    assert [str(each) for each in audit(raw, document, {}).disagreements] == []


def without_cheaper_than_deltas(found: Findings) -> Findings:
    assert found.traffic is not None
    groups = [each for each in found.traffic.groups if each.kind in ("push", "delta")]
    return replace(found, traffic=replace(found.traffic, groups=groups))


def test_key_ratios_are_told_of_the_index_and_not_of_the_page() -> None:
    ratios = [each for each in texts_of(a_modelled_run()) if each.where.startswith("index of runs")]
    assert len(ratios) == 7
    assert not any(each.in_page for each in ratios)


def test_sentence_with_a_number_typed_in_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.report.build.validity_sentence", lambda figures: "Validity: all 42 points valid.")
    assert [each.uncited for each in texts_of(a_whole_run()) if each.where == "validity"] == [["42"]]


def test_what_misses_the_service_level_is_told_beside_the_knee() -> None:
    [said] = [each.text for each in texts_of(a_run(a_knee(400, fails_at=440))) if each.where == "capacity, sentence 1"]
    assert said.startswith("One process holds 400 clients with ")
    assert said.endswith("; 440 miss it.")


@pytest.fixture(scope="module")
def run() -> Run:
    return a_whole_run()


@pytest.mark.system
@pytest.mark.parametrize("template", ["report.html", "report.md"])
def test_page_has_no_marks(run: Run, template: str) -> None:
    page = render(template, make_report(run))
    assert not any("\ue000" <= character <= "\uf8ff" for character in page)
