"""The bench of several nodes: every part once in each repeat, and nothing where there is no Valkey."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from bench.measures import KILLED
from bench.record.profiles.sizes import ClusterSizes
from bench.scenarios.cluster import bench, rooms
from tests.bench.fake_lab import a_stage


def test_parts_come_once_in_each_repeat_and_every_kill_once_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def part(name: str) -> Any:
        return lambda lab, book, place, chance: done.append(name)

    monkeypatch.setattr(bench, "PARTS", {name: part(name) for name in bench.PARTS})
    monkeypatch.setattr(rooms, "run", lambda lab, book, place, killed: done.append(killed))
    monkeypatch.setattr(bench, "why_not", lambda: None)
    monkeypatch.setattr(bench, "surroundings", lambda cpus: contextlib.nullcontext(object()))
    bench.run(a_stage(monkeypatch, cluster=ClusterSizes(repeats=2)).lab)
    assert done == [*bench.PARTS, *bench.PARTS, *KILLED]


def test_without_valkey_or_postgresql_everything_is_skipped_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "why_not", lambda: "there is no Valkey")
    found = bench.run(a_stage(monkeypatch).lab)
    assert (found.skipped, found.measures) == (["everything: there is no Valkey"], [])
