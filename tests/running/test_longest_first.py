"""Files that take long come first, and the table of how long is made of reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.running import longest_first as order


def test_file_that_is_unknown_comes_first_and_then_the_one_that_takes_longest() -> None:
    tests = ["short.py", *["many.py"] * 400, "long.py", "new.py", "new.py", "newer.py"]
    seconds = {"long.py": 90.0, "short.py": 1.5, "many.py": 30.0, "gone.py": 200.0}
    assert order.longest_first(tests, seconds) == ["new.py", "newer.py", "long.py", "many.py", "short.py"]


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
