"""Files that a run of one suite need not import, for none of their tests is of it.

Each worker collects everything for itself: to import what is left out again takes longer than many of the tests.
"""

from __future__ import annotations

import re
from itertools import pairwise

_OF_ALL_TESTS = re.compile(r"^pytestmark = (\[[^\]]*|.*)", re.MULTILINE)
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
    of_all = _OF_ALL_TESTS.search(text)
    marks = set(re.findall(r"pytest\.mark\.(\w+)", of_all[1])) if of_all is not None else set()
    return bool(marks & excluded) or (is_system_wanted and "mark.system" not in text)
