"""What is said where a lobby of several nodes cannot be had."""

from __future__ import annotations

from importlib.machinery import ModuleSpec

import pytest

from bench.processes.cluster import surroundings
from bench.processes.cluster.engine import NO_ENGINE


def test_package_of_the_nodes_that_is_missing_is_named_before_anything_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Debian's redis-server and PostgreSQL may be there, and the extra `cluster` not."""
    monkeypatch.setattr(surroundings, "find_engine", lambda: "/usr/bin/redis-server")
    monkeypatch.setattr(surroundings, "find_postgres", lambda: "/usr/lib/postgresql/15/bin")
    installed = {"redis", "hiredis", "asyncpg"}
    monkeypatch.setattr(surroundings, "find_spec", lambda name: ModuleSpec(name, None) if name in installed else None)
    assert surroundings.why_not() is None
    installed -= {"hiredis", "asyncpg"}
    assert surroundings.why_not() == "nodes need hiredis, asyncpg: install lobby-server[cluster]"


def test_program_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "find_spec", lambda name: ModuleSpec(name, None))
    monkeypatch.setattr(surroundings, "find_engine", lambda: None)
    assert surroundings.why_not() == NO_ENGINE
