"""Files that a run of one suite need not import, for none of their tests is of it.

Each worker collects everything for itself: to import what is left out again takes longer than many of the tests.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise

_OF_ALL_TESTS = re.compile(r"^pytestmark\b", re.MULTILINE)
_WORDS = {"and", "not", "system", "slow", "browser"}
"""Of the expressions that are understood."""


def has_none_for(expression: str, text: str) -> bool:
    """Whether no test of a file is of those that ``-m`` asks for, as far as its text tells; False where that is not
    sure: ``slow`` and ``browser`` are said by a conftest, too."""
    words = expression.split()
    if not set(words) <= _WORDS:
        return False
    excluded = {word for before, word in pairwise(words) if before == "not"}
    is_system_wanted = "system" in set(words) - excluded
    return bool(marks_of_all(text) & excluded) or (is_system_wanted and "mark.system" not in text)


def marks_of_all(text: str) -> set[str]:
    """What ``pytestmark`` of the module says of each of its tests; not one in a text of the module's own.

    What comes before it is parsed, and it: some thousand characters, where the whole files take a worker 0.3 s.
    """
    marks: set[str] = set()
    for found in _OF_ALL_TESTS.finditer(text):
        if _parsed(text[: found.start()]) is not None:  # or a string is open there
            match _statement(text[found.start() :]):
                case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                    marks = set(marks_in([value]))
    return marks


def marks_in(said: list[ast.expr]) -> Iterator[str]:
    """The marks among these, also in a list and with arguments; none of what only a run can tell."""
    for each in said:
        match each:
            case ast.List(elts=several) | ast.Tuple(elts=several):
                yield from marks_in(several)
            case ast.Call(func=mark):
                yield from marks_in([mark])
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="pytest"), attr="mark"), attr=name):
                yield name


def _statement(text: str) -> ast.stmt | None:
    """The first one, of one line or several."""
    lines = text.splitlines(keepends=True)
    for count in range(1, len(lines) + 1):
        if (parsed := _parsed("".join(lines[:count]))) is not None:
            return parsed.body[0]
    return None


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except SyntaxError:
        return None
