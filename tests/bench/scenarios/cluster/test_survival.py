"""A swarm that every fault happens to: what of its document goes into the book, and what it is told to do."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.measures import BACK_AFTER_FAULT, FAULTS, LEDGER_LOST, LEDGER_TWICE, LEDGER_WRONG, LOST_BY_FAULT, NEVER_BACK
from bench.processes.cluster.proxy import NO_PROXY
from bench.record.book import Book
from bench.record.fact_names import connected_name, fault_name
from bench.record.findings import Findings
from bench.record.profiles.sizes import SurvivalSizes
from bench.scenarios.cluster import survival
from tests.bench.fake_lab import a_stage, readings, value
from tests.bench.scenarios.cluster.place import FakePlace

SIZES = SurvivalSizes(users=300, spawn_per_s=60.0, every_s=32.0, recovery_s=15.0)
CLEAN = {
    "expected": 100,
    "received": 100,
    "lost": 0,
    "duplicates": 0,
    "out_of_order": 0,
    "unexpected": 0,
    "unjudged": 7,
}


def a_fault(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "failure": None, "lost": 9, "back_after_s": 2.5, "began_s": 15.0, "ended_s": 17.0, **changes}


def a_document(**changes: Any) -> dict[str, Any]:
    return {
        "ledger": {"presence": CLEAN, "rooms": CLEAN}, "validity": {"level": "VALID", "reasons": []},
        "faults": [a_fault("node frozen"), a_fault("Valkey frozen", began_s=50.0, ended_s=54.0, lost=0)],
        "history": [{"t_s": 1.0, "established": 300, "lost": 0}, {"t_s": 2.0, "established": 310, "lost": 25}],
        **changes,
    }  # fmt: skip


def written(**changes: Any) -> Findings:
    book = Book()
    survival.write(book, a_document(**changes), users=300)
    return book.result("survival", ())


# -- what is written -----------------------------------------------------------------------------------------------


def test_swarm_that_missed_nothing_has_no_fault() -> None:
    found = written()
    assert [value(found, each) for each in (LEDGER_LOST, LEDGER_TWICE, LEDGER_WRONG, NEVER_BACK)] == [0, 0, 0, 0]
    assert found.faults == []


@pytest.mark.parametrize(
    ("field", "measure"),
    [("lost", LEDGER_LOST), ("duplicates", LEDGER_TWICE), ("out_of_order", LEDGER_WRONG), ("unexpected", LEDGER_WRONG)],
)
def test_what_either_account_is_off_by_is_harm_and_a_fault(field: str, measure: Any) -> None:
    found = written(ledger={"presence": {**CLEAN, field: 2}, "rooms": {**CLEAN, field: 3}})
    assert value(found, measure) == 5
    assert found.faults == [f"{measure.name}: 5"]


def test_fault_has_those_who_were_lost_and_when_they_were_back() -> None:
    found = written()
    assert value(found, LOST_BY_FAULT["node frozen"]) == 9
    assert value(found, BACK_AFTER_FAULT["node frozen"]) == 2.5
    assert value(found, LOST_BY_FAULT["Valkey frozen"]) == 0
    assert found.facts[fault_name("Valkey frozen", "from")] == 50.0
    assert found.facts[fault_name("Valkey frozen", "until")] == 54.0


def test_fault_after_which_players_were_not_back_is_counted_and_has_no_time() -> None:
    found = written(faults=[a_fault("node killed", back_after_s=None), a_fault("node frozen")])
    assert value(found, NEVER_BACK) == 1
    assert readings(found, BACK_AFTER_FAULT["node killed"]) == []
    assert value(found, LOST_BY_FAULT["node killed"]) == 9


def test_fault_that_did_not_come_about_is_said_and_has_no_figures() -> None:
    found = written(faults=[a_fault("node killed", failure="no such process")])
    assert found.faults == ["node killed did not come about: no such process"]
    assert readings(found, LOST_BY_FAULT["node killed"]) == []
    assert fault_name("node killed", "from") not in found.facts
    assert value(found, NEVER_BACK) == 0


def test_open_connections_are_those_established_less_those_lost() -> None:
    found = written()
    assert (found.facts[connected_name(1.0)], found.facts[connected_name(2.0)]) == (300, 285)


@pytest.mark.parametrize(
    ("level", "reasons", "invalid", "suspect"),
    [
        ("INVALID", ["it was busy"], "it was busy", ""),
        ("INVALID", [], "by the swarm's own account", ""),
        ("SUSPECT", ["it was late"], "", "it was late"),
        ("VALID", [], "", ""),
    ],
)
def test_ledger_of_a_swarm_is_as_valid_as_it_says(level: str, reasons: list[str], invalid: str, suspect: str) -> None:
    found = written(validity={"level": level, "reasons": reasons})
    [reading] = readings(found, LEDGER_LOST)
    assert (reading.invalid, reading.suspect) == (invalid, suspect)


def test_accounts_are_told_with_what_was_not_judged() -> None:
    assert written().notes == [
        "presence: 100 of 100 expected, 7 not judged", "the rooms: 100 of 100 expected, 7 not judged",
    ]  # fmt: skip


# -- what it is told -----------------------------------------------------------------------------------------------


def test_run_is_its_ramp_all_faults_and_what_comes_of_the_last() -> None:
    """300 players at 60 per second and 10 s; seven faults every 32 s; 15 s, and 10 s to settle."""
    assert survival.run_s(SIZES) == pytest.approx(15 + 7 * 32 + 15 + 10)


def faults(*, apart: bool) -> Any:
    place: Any = FakePlace(None)  # type: ignore[arg-type]
    nodes = [SimpleNamespace(pid=number) for number in (1, 2, 3)]
    host: Any = SimpleNamespace(device=lambda link: "lb1") if apart else None
    return survival.faults_of(place, nodes, host)  # type: ignore[arg-type]


def test_faults_come_in_their_order_and_the_cut_only_where_a_node_is_apart() -> None:
    assert list(faults(apart=True)) == list(FAULTS)
    assert list(faults(apart=False)) == [each for each in FAULTS if each != "node cut off"]


def test_faults_are_of_the_process_that_they_are_named_for() -> None:
    told = {name: what for name, (what, _) in faults(apart=True).items()}
    assert told["node restarted"] == "restart:1"
    assert told["node frozen"] == "freeze:2"
    assert told["Valkey restarted"] == "restart:90"
    assert told["PostgreSQL restarted"] == "restart:91"
    assert told["node killed"] == "kill:2"
    assert told["node cut off"] == 'run:sh -c "ip link set lb1 down; sleep 8; ip link set lb1 up"'


def test_first_fault_is_after_the_ramp_and_each_is_as_far_from_the_next() -> None:
    flags = survival._flags({"a": ("freeze:1", 8.0), "b": ("kill:2", 0.0)}, SIZES)
    assert flags == ["--fault", "a=freeze:1@15+8", "--fault", "b=kill:2@47"]


def test_command_has_a_token_for_each_player_and_the_faults_at_its_end(tmp_path: Path) -> None:
    small = SurvivalSizes(users=3, spawn_per_s=1.0)
    command = survival._command(small, port=4711, folder=tmp_path, faults=["--fault", "a=kill:1@2"], seed=5)
    assert len((tmp_path / "tokens").read_text().split()) == 3
    assert command[-2:] == ["--fault", "a=kill:1@2"]
    said = dict(pairwise(command))
    assert (said["--host"], said["--users"], said["--seed"]) == ("http://127.0.0.1:4711", "3", "5")


# -- where it cannot run -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("why", "proxy", "said"),
    [("there is no PostgreSQL", "haproxy", "there is no PostgreSQL"), (None, None, NO_PROXY)],
)
def test_what_it_takes_and_is_not_there_is_said_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, why: str | None, proxy: str | None, said: str
) -> None:
    monkeypatch.setattr(survival, "why_not", lambda: why)
    monkeypatch.setattr(survival, "find_haproxy", lambda: proxy)
    found = survival.run(a_stage(monkeypatch).lab)
    assert found.skipped == [f"everything: {said}"]
    assert found.measures == []
