"""What could not be measured is told in words: no page, table or comparison has a "nan" or an "inf" in it."""

from __future__ import annotations

import functools
import math
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.measures import MEASURES, Measure
from bench.record.book import Book, Told
from bench.record.files.run_file import read_run, write_run
from bench.record.findings import Findings, Ledger, Stretch, Where
from bench.record.profiles.sizes import LIVES, WAYS
from bench.record.run import Run
from bench.record.samples import Samples
from bench.record.vocabulary import ANNOUNCEMENT, FIXED_RETRY, FLOOR, FRESH_LIST, LOBBY, LOBBY_AGAIN, POLLED_AGE, STATUS
from bench.report.build import make_report, write_report
from tests.bench.runs import CALM, a_group, a_run, a_swarm_result, a_whole_run, an_idle_result

pytestmark = pytest.mark.system

NO_NUMBER = re.compile(r"\bnan\b|\binf(inity)?\b|nan\s?%|\bNaN\b", re.IGNORECASE)
NOTHING = Stretch(wall_s=0.0, server_cpu_s=0.0, generator_cpu_s=0.0)
PARTIES_OF = {
    "freshness": WAYS, "break-even": WAYS, "cost": tuple(LIVES), "noise": (LOBBY, LOBBY_AGAIN),
    "reconnect": (LOBBY, f"{FIXED_RETRY}, SIGTERM"), "storm": (LOBBY,), "capacity": (LOBBY,),
}  # fmt: skip
ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "reports" / "sample" / "run.json.gz"
OF_ALL = "peers"
"""The scenario that has every measure there is; the others have those that they measure."""
SCENARIOS = ("freshness", "break-even", "storm", "reconnect", "flap", "capacity", "cost", "peers", "noise")


@functools.cache
def measured_in_the_sample() -> dict[str, frozenset[Measure]]:
    """By scenario."""
    return {found.name: frozenset(each.measure for each in found.measures) for found in read_run(SAMPLE).findings}


def readings(scenario: str, value: float) -> Findings:
    """What the scenario measures, of each party, with a ledger of nobody."""
    book = Book()
    nobody = Ledger(expected=0, received=0)
    for measure in MEASURES.values():
        if scenario != OF_ALL and measure not in measured_in_the_sample()[scenario]:
            continue
        if ("player-hour" in measure.name) != (scenario == "cost") and "-hour" in measure.name:
            continue
        for party in PARTIES_OF.get(scenario, (LOBBY, FLOOR)):
            book.add(measure, value, clients=10, party=party, stretch=NOTHING, ledger=nobody, changes_per_s=1.0)
    return book.result(scenario, ())


def nobody_heard() -> Findings:
    book = Book()
    for clients in (10, 100):
        silent = Told(Samples.of_seconds([]), Ledger(expected=clients, received=0, lost={"never": clients}), 0.1)
        for name in (ANNOUNCEMENT, FRESH_LIST, STATUS):
            book.add_broadcasts(name, [silent], Where(clients), stretch=CALM, interval_s=1.0)
        book.add_series(POLLED_AGE, [], Where(clients), ledger=Ledger(expected=0, received=0))
    return book.result("broadcast", ())


RUNS: dict[str, Callable[[], Run]] = {
    "whole": a_whole_run,
    "nothing": a_run,
    "nobody heard": lambda: a_run(nobody_heard(), an_idle_result(), a_swarm_result()),
    "zeros": lambda: a_run(*(readings(name, 0.0) for name in SCENARIOS)),
    "no values": lambda: a_run(*(readings(name, math.nan) for name in SCENARIOS)),
    "infinite": lambda: a_run(*(readings(name, math.inf) for name in SCENARIOS)),
    "no bytes": lambda: a_run(
        an_idle_result([a_group(kind, requests=0, framed=0, wire=0) for kind in ("polling", "push")])
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_no_page_has_a_nan(name: str, tmp_path: Path) -> None:
    write_run(RUNS[name](), tmp_path / "run.json")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_report(make_report(read_run(tmp_path / "run.json")), tmp_path / "report")
    for path in (tmp_path / "report").rglob("*"):
        if path.suffix in (".html", ".md", ".txt", ".xml", ".svg"):
            text = path.read_text(encoding="utf-8")
            found = NO_NUMBER.search(text)
            assert found is None, f"{path.name}: …{text[max(0, found.start() - 80) : found.end() + 20]}…"
