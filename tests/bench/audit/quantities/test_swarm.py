"""What players of a swarm did and heard, from its own document."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bench.audit.quantities.compute import compute
from bench.audit.quantities.swarm import happened, swarm_document, to_hear
from bench.audit.raw import NotInRun, Raw
from tests.bench.audit.documents import raw_of
from tests.bench.runs import a_run, a_swarm_result


def raw(facts: dict[str, float] | None = None, **document: Any) -> Raw:
    found = a_swarm_result()
    assert found.swarm is not None
    return raw_of(a_run(replace(found, facts=facts or {}, swarm=replace(found.swarm, document=document))))


def test_field_is_found_by_its_path_and_summed_over_rows() -> None:
    found = raw(duration_s=5.0, requests=[{"count": 3}, {"count": 4}], ledger={"rooms": {"lost": 2}})
    paths = ("duration_s", "requests.count", "ledger.rooms.lost")
    assert [compute(found, {"of": "swarm", "path": path}).value for path in paths] == [5.0, 7.0, 2.0]


def test_run_without_a_swarm_has_no_field_and_nothing_happened() -> None:
    nothing = raw_of(a_run())
    with pytest.raises(NotInRun):
        compute(nothing, {"of": "swarm", "path": "duration_s"})
    assert swarm_document(nothing) == {}
    assert happened(nothing, "lines said") == 0


@pytest.mark.parametrize(("level", "number"), [("VALID", 3), ("SUSPECT", 3), ("INVALID", 0)])
def test_swarm_that_calls_itself_invalid_says_nothing(level: str, number: int) -> None:
    found = raw(events={"lines said": 3}, validity={"level": level})
    assert happened(found, "lines said") == number


def test_what_the_lab_did_meanwhile_happened_too_and_players_count_for_themselves() -> None:
    found = raw({"announcements sent": 1.0, "lines said": 99.0}, events={"lines said": 3})
    assert (happened(found, "announcements sent"), happened(found, "lines said")) == (1, 3)


def test_counts_are_another_account_than_events() -> None:
    found = raw({"losses": 9.0}, events={"losses": 7}, counts={"losses": 2})
    assert compute(found, {"of": "swarm event", "name": "losses", "among": "counts"}).value == 2
    assert compute(found, {"of": "swarm event", "name": "gave_up", "among": "counts"}).value == 0


def test_time_is_that_of_its_name() -> None:
    metrics = [{"name": "chat", "p50_ms": 1.0, "p99_ms": 2.0}, {"name": "invitation", "p50_ms": 3.0, "p99_ms": 4.0}]
    found = raw(metrics=metrics)
    assert compute(found, {"of": "swarm metric", "name": "invitation", "take": "p99_ms"}).value == 4.0
    with pytest.raises(NotInRun, match="no metric presence"):
        compute(found, {"of": "swarm metric", "name": "presence", "take": "p50_ms"})


HEARD = {"sent": "invitations sent", "received": "received party_invite"}


@pytest.mark.parametrize(
    ("events", "ledger", "personal", "found"),
    [
        ({"invitations sent": 5, "received party_invite": 3}, "", True, (2, 0)),
        ({"invitations sent": 5, "received party_invite": 3}, "", False, (0, 0)),
        ({"invitations sent": 3, "received party_invite": 5}, "", True, (0, 0)),
        ({"invitations sent": 5, "received party_invite": 3}, "rooms", True, (6, 100)),
        ({"invitations sent": 5, "received party_invite": 5}, "presence", True, (0, 0)),
    ],
)
def test_those_who_were_left_out_are_of_the_account_and_of_what_is_for_one(
    events: dict[str, int], ledger: str, personal: bool, found: tuple[int, int]
) -> None:
    it = raw(events=events, ledger={"rooms": {"lost": 4, "expected": 100}})
    assert to_hear(it, {**HEARD, "ledger": ledger, "personal": personal}) == found
