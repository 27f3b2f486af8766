"""A run follows from its seed: here, in another process, whatever the hashes of texts are there."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest

from bench.simulation.many import quiet
from bench.simulation.run import simulate
from bench.simulation.schedule import schedule_of
from tests.floors.graph import ROOT

pytestmark = pytest.mark.system  # whole runs, in processes of their own

SEED = 5
PROGRAM = f"""
import hashlib
from bench.simulation.many import quiet
from bench.simulation.run import simulate
from bench.simulation.schedule import schedule_of
with quiet():
    print(hashlib.sha256(repr(simulate(schedule_of({SEED}), tells=True).story).encode()).hexdigest())
"""


def test_run_is_the_same_every_time() -> None:
    with quiet():
        stories = [simulate(schedule_of(SEED), tells=True).story for _ in range(2)]
    assert stories[0] == stories[1]
    assert len(stories[0]) > 300


def test_run_is_the_same_in_other_processes() -> None:
    with quiet():
        here = hashlib.sha256(repr(simulate(schedule_of(SEED), tells=True).story).encode()).hexdigest()
    for hash_seed in ("1", "2"):
        there = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            capture_output=True, text=True, check=True, cwd=ROOT, env={"PYTHONHASHSEED": hash_seed},
        )  # fmt: skip
        assert there.stdout.strip() == here


def test_telling_changes_nothing() -> None:
    with quiet():
        told, untold = (simulate(schedule_of(SEED), tells=tells) for tells in (True, False))
    assert (told.entries, told.calls, told.virtual_s) == (untold.entries, untold.calls, untold.virtual_s)
