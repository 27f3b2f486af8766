"""Which files a run of one suite leaves out without importing them."""

from __future__ import annotations

import ast
import re
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression

from tests.running.left_out import has_none_for, marks_in

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
DEFAULT = "not system and not slow and not browser"
SYSTEM = "system and not slow and not browser"
SLOW = "slow and not browser"
BROWSER = "browser and not slow"
SUITES = (DEFAULT, SYSTEM, SLOW, "browser and slow", BROWSER)
PLAIN = "def test_it(): pass"
ALL_SYSTEM = "pytestmark = pytest.mark.system\n\n\ndef test_it(): pass"
ALL_SYSTEM_WITH_MORE = "pytestmark = [\n    pytest.mark.system,\n    pytest.mark.skipif(True, reason='no')\n]\n"
ALL_SLOW = "pytestmark = pytest.mark.slow"
ONE_SYSTEM = "def test_it(): pass\n\n\n@pytest.mark.system\ndef test_other(): pass"
IN_A_TEXT = f'FILE = """\n{ALL_SYSTEM}\n"""\n\n\ndef test_it(): pass'
IN_A_TEXT_AND_TRUE = f"{IN_A_TEXT}\n\n\npytestmark = pytest.mark.slow"
ALL_SYSTEM_BEHIND_A_LIST = "pytestmark = [pytest.mark.parametrize('x', [1]), pytest.mark.system]"
AS_IT_COMES = "pytestmark = pytest.mark.system if os.environ.get('ALL') else pytest.mark.slow"
SYSTEM_AND_SLOW = "pytestmark = [pytest.mark.system, pytest.mark.slow]"
ONE_SLOW = "pytestmark = pytest.mark.system\n\n\n@pytest.mark.slow\ndef test_it(): pass"


@pytest.mark.parametrize(
    ("expression", "text", "is_left_out"),
    [
        (DEFAULT, PLAIN, False),
        (DEFAULT, ALL_SYSTEM, True),
        (DEFAULT, ALL_SYSTEM_WITH_MORE, True),
        (DEFAULT, ONE_SYSTEM, False),
        (DEFAULT, IN_A_TEXT, False),
        (DEFAULT, IN_A_TEXT_AND_TRUE, True),
        (DEFAULT, ALL_SYSTEM_BEHIND_A_LIST, True),
        (DEFAULT, AS_IT_COMES, False),
        (SYSTEM, PLAIN, True),
        (SYSTEM, ALL_SYSTEM, False),
        (SYSTEM, ALL_SYSTEM_WITH_MORE, False),
        (SYSTEM, ONE_SYSTEM, False),
        (SYSTEM, ALL_SLOW, True),
        (SYSTEM, SYSTEM_AND_SLOW, True),
        (SYSTEM, ONE_SLOW, False),
        (SLOW, ONE_SLOW, False),
        (SLOW, ALL_SYSTEM, False),
        (SLOW, PLAIN, False),
        (SLOW, ALL_SLOW, False),
        (BROWSER, PLAIN, False),
        ("", ALL_SYSTEM, False),
        ("system or slow", PLAIN, False),
        ("not (system or slow)", ALL_SYSTEM, False),
    ],
)
def test_file_is_left_out_only_where_its_text_tells_that_none_of_its_tests_is_wanted(
    expression: str, text: str, *, is_left_out: bool
) -> None:
    assert has_none_for(expression, text) is is_left_out


def test_suites_are_those_of_the_project() -> None:
    files = ConfigParser(interpolation=None), ConfigParser(interpolation=None)
    for parser, name in zip(files, ("setup.cfg", "tox.ini"), strict=True):
        parser.read(ROOT / name, encoding="utf-8")
    asked = [files[0]["tool:pytest"]["addopts"], *(section.get("commands", "") for section in files[1].values())]
    assert [found for each in asked for found in re.findall(r'-m "([^"]*)"', each)] == list(SUITES)


def marks_of_tests(file: str, text: str) -> list[set[str]]:
    """Of each test of a file, by all of its text; those of a class count for each of its tests. One entry, of the
    file's own, where what there is to test is not written as functions."""
    module = ast.parse(text)
    of_all = {"browser"} if Path(file).parent == Path("tests/browser") else set()
    for each in module.body:
        match each:
            case ast.Assign(targets=[ast.Name(id="pytestmark")], value=value):
                of_all |= set(marks_in([value]))
    marks: list[set[str]] = []

    def look(body: list[ast.stmt], above: set[str]) -> None:
        for each in body:
            match each:
                case ast.ClassDef(name=name) if name.startswith("Test"):
                    look(each.body, above | set(marks_in(each.decorator_list)))
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name.startswith("test_"):
                    marks.append(above | set(marks_in(each.decorator_list)))

    look(module.body, of_all)
    return marks or [of_all]


@dataclass(frozen=True)
class File:
    """Of tests: its text, and the marks of each test."""

    name: str
    text: str
    marks: list[set[str]]


@pytest.fixture(scope="module")
def files() -> list[File]:
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py")}
    return [File(name, text, marks_of_tests(name, text)) for name, text in sorted(texts.items())]


def wanted_by(suite: str, marks: set[str]) -> bool:
    return Expression.compile(suite).evaluate(lambda name, /, **_: name in marks)


def test_every_test_is_wanted_by_a_suite_that_does_not_leave_out_its_file(files: list[File]) -> None:
    forgotten = [
        (file.name, sorted(marks))
        for file in files
        for suites in [[suite for suite in SUITES if not has_none_for(suite, file.text)]]
        for marks in file.marks
        if not any(wanted_by(suite, marks) for suite in suites)
    ]
    assert forgotten == []


def test_file_that_a_suite_leaves_out_has_none_of_its_tests(files: list[File]) -> None:
    missed = [
        (suite, file.name)
        for file in files
        for suite in SUITES
        if has_none_for(suite, file.text) and any(wanted_by(suite, marks) for marks in file.marks)
    ]
    assert missed == []
