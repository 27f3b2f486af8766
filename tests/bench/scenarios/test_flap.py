"""A flap: what witnesses were told, per witness, and what it cost, per player who flapped."""

from __future__ import annotations

import pytest

from bench.load.clients.herd import Herd, WaysBack
from bench.measures import BACK_WITHIN, CPU_PER_FLAP, FAILED_ATTEMPTS, FALSE_OFFLINE, TOLD_OFFLINE
from bench.record.profiles.sizes import ReturnSizes
from bench.record.vocabulary import BACK_AND_FRESH
from bench.scenarios import flap, reconnect
from tests.bench.fake_lab import Stage, a_stage, a_stretch, readings

CUT_S = 100.0
FIXED, GRACE = "fixed 5 s, grace 0 s", "fixed 5 s, grace 10 s"


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Of ten clients four are cut; they come back within 4 s, and the six others hear of it twelve times."""
    found = a_stage(
        monkeypatch, flap, reconnect, returns=ReturnSizes(flapping=10, flap_share=0.4, repeats=2), in_one_window=False
    )
    found.stretches = [a_stretch(server_cpu_s=0.02)]
    fresh_s = [CUT_S + each for each in (1.0, 2.0, 3.0, 4.0)]
    back = WaysBack(CUT_S, [each - 0.5 for each in fresh_s], fresh_s, failures=8, offline_events=12)
    found.script(Herd, cut=(CUT_S, 4), come_back=back)
    return found


def test_told_offline_is_per_witness_who_stayed(stage: Stage) -> None:
    assert [each.value for each in readings(flap.run(stage.lab), TOLD_OFFLINE, FIXED)] == [2.0, 2.0]


def test_events_are_per_client_and_attempts_and_cpu_per_player_who_was_cut(stage: Stage) -> None:
    found = flap.run(stage.lab)
    assert readings(found, FALSE_OFFLINE, FIXED)[0].value == pytest.approx(1.2)
    assert readings(found, FAILED_ATTEMPTS, FIXED)[0].value == pytest.approx(2.0)
    assert readings(found, CPU_PER_FLAP, FIXED)[0].value == pytest.approx(5.0)


def test_shares_are_of_those_who_were_cut_and_count_from_the_cut(stage: Stage) -> None:
    found = flap.run(stage.lab)
    assert [readings(found, each, FIXED)[0].value for each in BACK_WITHIN.values()] == [2.0, 4.0, 4.0, 4.0]
    [series] = found.series_of(BACK_AND_FRESH, FIXED)
    assert (series.clients, len(series.groups)) == (10, 2)


def test_each_policy_has_its_turns_with_and_without_grace(stage: Stage) -> None:
    found = flap.run(stage.lab)
    parties = {each.party for each in found.measures}
    assert parties == {FIXED, GRACE, "jitter, grace 0 s", "jitter, grace 10 s"}
    graces = [flags[flags.index("--presence-grace-s") + 1] for _, flags in stage.servers]
    assert sorted(graces) == ["0"] * 4 + ["10"] * 4


def test_policies_of_one_repeat_have_the_same_delays(stage: Stage) -> None:
    flap.run(stage.lab)
    assert sorted(each.arguments["seed"] for each in stage.generators) == [1] * 4 + [2] * 4


def test_player_who_did_not_come_back_is_a_fault(stage: Stage) -> None:
    back = WaysBack(CUT_S, [CUT_S + 1.0], [CUT_S + 2.0], failures=0, offline_events=0)
    stage.script(Herd, cut=(CUT_S, 4), come_back=back)
    found = flap.run(stage.lab)
    assert f"{FIXED}: only 1 of 4 clients came back and were fresh" in found.faults
    assert readings(found, BACK_WITHIN[50], FIXED) == []
    for measure in (TOLD_OFFLINE, CPU_PER_FLAP, FALSE_OFFLINE, FAILED_ATTEMPTS):
        told = {each.invalid for each in readings(found, measure, FIXED)}
        assert told == {"only 1 of 4 clients came back and were fresh"}, measure


def test_flap_of_everybody_has_no_witness_and_no_division_by_none(stage: Stage) -> None:
    back = WaysBack(CUT_S, [], [CUT_S + 1.0] * 10, failures=0, offline_events=0)
    stage.script(Herd, cut=(CUT_S, 10), come_back=back)
    assert value_of_all(stage) == {0.0}


def value_of_all(stage: Stage) -> set[float]:
    return {each.value for each in readings(flap.run(stage.lab), TOLD_OFFLINE, FIXED)}
