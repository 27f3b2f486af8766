"""The bare facts of a run: where it ran, of what code, and what was not measured."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from bench.record.machine import PACKAGES, UNKNOWN_COMMIT, describe_machine, package_versions, read_commit
from bench.record.profiles.profile import at_sizes, parts
from bench.record.profiles.standard import FULL, PROFILES, QUICK, SMOKE
from bench.record.provenance import caption, commit_words, facts, is_slow_after_idleness, machine_words
from tests.bench.runs import a_run, a_whole_run


@pytest.mark.parametrize(
    ("commit", "dirty", "words"),
    [
        ("0123456789", False, "commit 0123456789"),
        ("0123456789", True, "commit 0123456789 + uncommitted changes"),
        (UNKNOWN_COMMIT, False, "no git commit"),
        (UNKNOWN_COMMIT, True, "no git commit"),
    ],
)
def test_commit_says_whether_it_is_what_was_measured(commit: str, dirty: bool, words: str) -> None:
    assert commit_words(replace(a_run(), commit=commit, dirty=dirty)) == words


def test_caption_is_one_line_with_machine_commit_time_and_profile() -> None:
    words = caption(a_run())
    assert words == ("a CPU, 2 cores, Linux 6, CPython 3.11 · commit 0123456789 · 2026-01-01T00:00:00Z · profile quick")
    assert machine_words(a_run()) in words


def test_facts_name_what_was_not_measured_and_why() -> None:
    run = replace(a_run(), failures={"capacity": "the server did not start"})
    assert ("Not measured, capacity", "the server did not start") in facts(run)


def test_facts_say_that_a_run_was_broken_off() -> None:
    assert "Broken off" not in dict(facts(a_run()))
    assert "until then" in dict(facts(replace(a_run(), is_whole=False)))["Broken off"]


def test_facts_have_the_command_and_the_seed_that_repeat_the_run() -> None:
    told = dict(facts(replace(a_run(), arguments=["lobby-bench", "run", "a b"], seed=7)))
    assert told["Command"] == "lobby-bench run 'a b'"
    assert told["Seed"] == "7"
    assert told["Machine"] == "a CPU, 2 cores, 8 GiB"


def test_facts_tell_whether_server_and_generator_had_a_core_each() -> None:
    run = a_run()
    assert "core each" in dict(facts(run))["Cores"]
    shared = replace(run, machine=replace(run.machine, pinned=False))
    assert "share" in dict(facts(shared))["Cores"]


def test_server_flags_are_told_by_scenario() -> None:
    run = a_whole_run()
    first = replace(run.findings[0], flags=["--tick-ms", "20"])
    told = dict(facts(replace(run, findings=[first, *run.findings[1:]])))
    assert told["Server flags, broadcast"] == "--tick-ms 20"
    assert "Server flags, bandwidth" not in told


@pytest.mark.parametrize(("slowdown", "is_slow"), [(None, False), (1.2, False), (21.5, True)])
def test_memory_that_is_slow_after_idleness_is_a_fact_and_a_limit(slowdown: float | None, is_slow: bool) -> None:
    run = a_whole_run()
    run = replace(run, machine=replace(run.machine, idle_slowdown=slowdown))
    assert is_slow_after_idleness(run) == is_slow
    told = dict(facts(run)).get("Memory after 0.3 s of idleness")
    assert told == (None if slowdown is None else f"{slowdown:.1f} times as slow to touch as memory in use")


# -- this machine --------------------------------------------------------------------------------------------------


def test_machine_is_described_with_the_cores_that_a_run_may_use() -> None:
    found = describe_machine(cores=1, pinned=False)
    assert (found.cores, found.pinned) == (1, False)
    assert found.memory_bytes > 2**28
    assert found.cpu
    assert re.fullmatch(r"\w+ \d+\.\d+\.\d+\S*", found.python)


def test_versions_are_of_packages_that_are_installed() -> None:
    versions = package_versions()
    assert set(versions) <= set(PACKAGES)
    assert {"tornado", "picows", "numpy"} <= set(versions)


def test_commit_of_this_checkout_is_ten_hex_digits_or_unknown() -> None:
    commit, _ = read_commit()
    assert commit == UNKNOWN_COMMIT or re.fullmatch(r"[0-9a-f]{10}", commit)


# -- profiles ------------------------------------------------------------------------------------------------------


def test_profiles_are_found_by_their_own_names() -> None:
    assert {name: profile.name for name, profile in PROFILES.items()} == {
        "smoke": "smoke", "quick": "quick", "full": "full"
    }  # fmt: skip


def test_what_is_compared_is_repeated_five_times_in_the_full_profile() -> None:
    repeats = (FULL.noise, FULL.broadcast, FULL.freshness, FULL.returns, FULL.capacity, FULL.cost, FULL.peers)
    assert {each.repeats for each in repeats} == {5}


def test_smoke_is_smaller_than_quick_and_quick_than_full_everywhere() -> None:
    sizes = [max(each.broadcast.clients) for each in (SMOKE, QUICK, FULL)]
    assert sizes == sorted(sizes)
    assert [each.freshness.clients for each in (SMOKE, QUICK, FULL)] == sorted(
        each.freshness.clients for each in (SMOKE, QUICK, FULL)
    )


def test_run_by_name_has_no_shared_window_and_all_sizes_of_the_engine() -> None:
    alone = parts(QUICK)
    assert not alone.in_one_window
    assert (alone.storms, alone.herds) == (QUICK.engine.storms, QUICK.engine.returns)


def test_sizes_of_the_command_line_reach_what_has_several_and_what_has_one() -> None:
    changed = at_sizes(QUICK, (700, 300))
    assert changed.broadcast.clients == [300, 700]
    assert changed.capacity.first == 300
    assert changed.capacity.most == 700
    assert changed.noise.clients == changed.returns.clients == 300, "the last that was given"
    assert at_sizes(QUICK, ()) is QUICK
