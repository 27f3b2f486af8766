"""Files that take long come first, and the table of how long is made of reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.running import longest_first as order


def test_file_that_is_unknown_comes_first_and_then_the_one_that_takes_longest() -> None:
    tests = ["short.py", *["many.py"] * 400, "long.py", "new.py", "new.py", "newer.py"]
    seconds = {"long.py": 90.0, "short.py": 1.5, "many.py": 30.0, "gone.py": 200.0}
    assert order.longest_first(tests, seconds) == ["new.py", "newer.py", "long.py", "many.py", "short.py"]


def test_those_that_measure_begin_evenly_among_the_others_each_kind_in_its_order() -> None:
    seconds = {"a.py": 60.0, "b.py": 30.0, "c.py": 30.0, "measures_1.py": 40.0, "measures_2.py": 10.0}
    files = ["new_measures.py", "new.py", *order.longest_first(seconds, seconds)]
    found = order.side_by_side(files, seconds, {"measures_1.py", "measures_2.py", "new_measures.py"})
    assert found == ["new_measures.py", "new.py", "measures_1.py", "a.py", "b.py", "c.py", "measures_2.py"]


@dataclass(frozen=True)
class Item:
    """A test of whole programs, as far as its place in the order hangs on it."""

    file: str
    config: Any

    @property
    def path(self) -> Path:
        return order.ROOT / self.file

    def get_closest_marker(self, name: str) -> object:
        return name == "system" or None


def test_worker_has_what_measures_evenly_among_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {
        "tests/bench/scenarios/test_prediction.py": 49.0, "tests/cluster/test_swarm.py": 75.0,
        "tests/process/test_start.py": 20.0, "tests/cluster/test_faults.py": 30.0,
    }  # fmt: skip
    monkeypatch.setattr(order, "read_table", lambda: seconds)
    config: Any = SimpleNamespace(workerinput={}, option=SimpleNamespace(markexpr="system"), rootpath=order.ROOT)
    items: list[Any] = [Item(file, config) for file in seconds for _ in range(2)]
    order.pytest_collection_modifyitems(config, items)
    assert [item.file for item in items[::2]] == [item.file for item in items[1::2]] == [
        "tests/cluster/test_swarm.py", "tests/cluster/test_faults.py", "tests/process/test_start.py",
        "tests/bench/scenarios/test_prediction.py",
    ]  # fmt: skip


def test_files_of_one_kind_alone_keep_their_order() -> None:
    seconds = {"a.py": 3.0, "b.py": 2.0, "c.py": 0.0}
    for measuring in ((), seconds):
        assert order.side_by_side(seconds, seconds, measuring) == ["a.py", "b.py", "c.py"]


def test_report_renews_its_rows_of_the_table_and_leaves_those_of_others_that_are_still_there() -> None:
    here, browser = "tests/running/test_longest_first.py", "tests/browser/test_looks.py"
    text = order.renewed({here: 9.0, browser: 4.0, "tests/gone.py": 7.0}, {here: 1.25, "tests/test_readme.py": 5.0})
    assert text == f"5.0\ttests/test_readme.py\n4.0\t{browser}\n1.2\t{here}\n"


def test_table_has_the_seconds_of_files() -> None:
    table = order.read_table()
    assert table
    assert min(table.values()) >= 0
    assert all(file.startswith("tests/") and file.endswith(".py") for file in table)


def test_seconds_of_a_file_are_those_of_its_tests_also_in_classes(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text(
        """<testsuites><testsuite>
        <testcase classname="tests.running.test_longest_first" name="test_a" time="1.5" />
        <testcase classname="tests.running.test_longest_first.TestAll" name="test_b" time="2.25" />
        <testcase classname="tests.running.test_that_is_gone" name="test_c" time="9" />
        </testsuite></testsuites>"""
    )
    found = order.seconds_of([tmp_path / "junit.xml"])
    assert found == {"tests/running/test_longest_first.py": pytest.approx(3.75)}
