"""The order in which workers take files of tests: what takes longest comes first.

pytest-xdist gives a worker one file after the other. A file that takes a minute and comes last keeps one worker busy
while the others have ended; it comes first here. How long files take is measured, and kept in ``durations.tsv``. A file
that is not there may take long: those come before all others, by the number of their tests. What is out of date in the
table costs time, not truth.

``python -m tests.running.longest_first system.xml browser.xml`` writes the table anew from what ``--junitxml`` left.

A plugin of pytest, entered by the conftest of all tests.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).with_name("durations.tsv")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config.option, "loadscopereorder") and _is_of_long_files(config):
        config.option.loadscopereorder = False  # by the number of tests, which would undo the order here


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput") and _is_of_long_files(config):
        order = longest_first([_file(item) for item in items], read_table())
        places = {file: place for place, file in enumerate(order)}
        items.sort(key=lambda item: places[_file(item)])


def _is_of_long_files(config: pytest.Config) -> bool:
    """Not the default suite: it has hundreds of short ones, of which the number of tests says enough."""
    return not config.option.markexpr.startswith("not ")


def _file(item: pytest.Item) -> str:
    return item.path.relative_to(ROOT).as_posix()


def longest_first(files_of_tests: Iterable[str], seconds: Mapping[str, float]) -> list[str]:
    """Each file once. `files_of_tests`: one per test."""
    tests = Counter(files_of_tests)
    return sorted(tests, key=lambda file: (file in seconds, -seconds.get(file, tests[file]), file))


def read_table() -> dict[str, float]:
    rows = (line.split("\t") for line in TABLE.read_text(encoding="utf-8").splitlines())
    return {file: float(seconds) for seconds, file in rows}


def seconds_of(reports: Iterable[Path]) -> dict[str, float]:
    """Of each file in these reports, its tests with what was made ready for them."""
    found: dict[str, float] = {}
    for report in reports:
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            if (file := _file_of(str(case.get("classname")))) is not None:
                found[file] = found.get(file, 0.0) + float(str(case.get("time")))
    return found


def _file_of(classname: str) -> str | None:
    """A report has the module, and the class behind it where there is one; None of a file that is gone."""
    parts = classname.split(".")
    files = [f"{'/'.join(parts[:length])}.py" for length in range(len(parts), 0, -1)]
    return next((file for file in files if (ROOT / file).is_file()), None)


if __name__ == "__main__":
    rows = sorted(((seconds, file) for file, seconds in seconds_of(map(Path, sys.argv[1:])).items()), reverse=True)
    TABLE.write_text("".join(f"{seconds:.1f}\t{file}\n" for seconds, file in rows), encoding="utf-8")
