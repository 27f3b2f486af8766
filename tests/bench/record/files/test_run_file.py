"""run.json loses nothing, and says so when it is something else."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.record.book import Book
from bench.record.files.run_file import RunUnreadable, read_run, write_run
from bench.record.run import SCHEMA_VERSION
from bench.record.samples import Samples
from tests.bench.runs import a_run, a_whole_run


@given(st.lists(st.integers(min_value=-1_000, max_value=10_000_000)))
def test_samples_keep_every_microsecond(values_us: list[int]) -> None:
    samples = Samples.of_seconds([value / 1e6 for value in values_us])
    assert len(samples) == len(values_us)
    assert np.allclose(samples.values_ms() * 1e3, sorted(values_us))


@pytest.mark.parametrize("name", ["run.json", "run.json.gz"])
def test_run_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    run = a_whole_run()
    write_run(run, tmp_path / name)
    assert read_run(tmp_path / name) == run


def test_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.gz", "two.gz"):
        write_run(a_whole_run(), tmp_path / name)
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"schema": 2}', b"\x1f\x8b broken", gzip.compress(b"no json", mtime=0)]
)
@pytest.mark.parametrize("name", ["run.json", "run.json.gz"])
def test_what_is_no_run_is_refused_in_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RunUnreadable, match="is not a run of the lab"):
        read_run(tmp_path / name)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunUnreadable, match=r"nothing\.json"):
        read_run(tmp_path / "nothing.json")


def test_other_schema_is_refused_by_its_number(tmp_path: Path) -> None:
    write_run(a_whole_run(), tmp_path / "run.json")
    raw = json.loads((tmp_path / "run.json").read_text())
    raw["schema"] = SCHEMA_VERSION + 1
    (tmp_path / "run.json").write_text(json.dumps(raw))
    with pytest.raises(RunUnreadable, match=f"schema {SCHEMA_VERSION + 1}"):
        read_run(tmp_path / "run.json")


def test_scenario_that_was_called_otherwise_has_the_name_of_today(tmp_path: Path) -> None:
    write_run(a_run(Book().result("fresh", ())), tmp_path / "run.json")
    assert [each.name for each in read_run(tmp_path / "run.json").findings] == ["engine-freshness"]
