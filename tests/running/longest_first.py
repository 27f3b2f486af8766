"""The order in which workers take files of tests: what takes longest comes first, among those that measure as among
the others, and both kinds side by side all the time.

pytest-xdist gives a worker one file after the other. A file that takes a minute and comes last keeps one worker busy
while the others have ended; it comes first here. Files that measure take several places of the machine
(`tests.running.places`): where several workers had one each, all but one would wait, and where they were left for the
end nothing could run beside them. How long files take is measured, and kept in ``durations.tsv``. A file that is not
there may take long: those come before all others, by the number of their tests. What is out of date in the table costs
time, not truth.

``python -m tests.running.longest_first system.xml`` puts what ``--junitxml`` left into the table. Files that are not in
the reports keep their rows.

A plugin of pytest, entered by the conftest of all tests.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.running.places import wanted_by

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).with_name("durations.tsv")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config.option, "loadscopereorder") and _is_of_long_files(config):
        config.option.loadscopereorder = False  # by the number of tests, which would undo the order here


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput") and _is_of_long_files(config):
        seconds, measuring = read_table(), {file for file, places in map(wanted_by, items) if places > 1}
        order = side_by_side(longest_first(map(_file, items), seconds), seconds, measuring)
        numbers = {file: number for number, file in enumerate(order)}
        items.sort(key=lambda item: numbers[_file(item)])


def _is_of_long_files(config: pytest.Config) -> bool:
    """Not the default suite: it has hundreds of short ones, of which the number of tests says enough."""
    return not config.option.markexpr.startswith("not ")


def _file(item: pytest.Item) -> str:
    return item.path.relative_to(ROOT).as_posix()


def longest_first(files_of_tests: Iterable[str], seconds: Mapping[str, float]) -> list[str]:
    """Each file once. `files_of_tests`: one per test."""
    tests = Counter(files_of_tests)
    return sorted(tests, key=lambda file: (file in seconds, -seconds.get(file, tests[file]), file))


def side_by_side(files: Iterable[str], seconds: Mapping[str, float], measuring: Collection[str]) -> list[str]:
    """The same, each of both kinds in its order, and so that of the time of each kind as large a share has begun; those
    that are unknown still come first. `measuring`: the files of one kind."""
    listed = list(files)
    order = [file for file in listed if file not in seconds]
    kinds = [
        [file for file in listed if file in seconds and (file in measuring) is measures] for measures in (True, False)
    ]
    whole_s = [sum(seconds[file] for file in kind) or 1.0 for kind in kinds]
    begun_s = [0.0, 0.0]
    while any(kinds):
        kind = min((begun_s[number] / whole_s[number], number) for number in (0, 1) if kinds[number])[1]
        order.append(kinds[kind].pop(0))
        begun_s[kind] += seconds[order[-1]]
    return order


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


def renewed(table: Mapping[str, float], found: Mapping[str, float]) -> str:
    """The text of the table, with the rows of files that are there no more left out."""
    kept = {file: seconds for file, seconds in table.items() if (ROOT / file).is_file()}
    rows = sorted(((seconds, file) for file, seconds in {**kept, **found}.items()), reverse=True)
    return "".join(f"{seconds:.1f}\t{file}\n" for seconds, file in rows)


if __name__ == "__main__":
    TABLE.write_text(renewed(read_table(), seconds_of(map(Path, sys.argv[1:]))), encoding="utf-8")
