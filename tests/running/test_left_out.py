"""Which files a run of one suite leaves out without importing them."""

from __future__ import annotations

import pytest

from tests.running.left_out import has_none_for

DEFAULT = "not system and not slow and not browser"
SYSTEM = "system and not slow and not browser"
SLOW = "slow and not browser"
PLAIN = "def test_it(): pass"
ALL_SYSTEM = "pytestmark = pytest.mark.system\n\n\ndef test_it(): pass"
ALL_SYSTEM_WITH_MORE = "pytestmark = [\n    pytest.mark.system,\n    pytest.mark.skipif(True, reason='no')\n]\n"
ALL_SLOW = "pytestmark = pytest.mark.slow"
ONE_SYSTEM = "def test_it(): pass\n\n\n@pytest.mark.system\ndef test_other(): pass"
SYSTEM_AND_SLOW = "pytestmark = [pytest.mark.system, pytest.mark.slow]"
ONE_SLOW = "pytestmark = pytest.mark.system\n\n\n@pytest.mark.slow\ndef test_it(): pass"


@pytest.mark.parametrize(
    ("expression", "text", "is_left_out"),
    [
        (DEFAULT, PLAIN, False),
        (DEFAULT, ALL_SYSTEM, True),
        (DEFAULT, ALL_SYSTEM_WITH_MORE, True),
        (DEFAULT, ONE_SYSTEM, False),
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
        ("browser and not slow", PLAIN, False),
        ("", ALL_SYSTEM, False),
        ("system or slow", PLAIN, False),
        ("not (system or slow)", ALL_SYSTEM, False),
    ],
)
def test_file_is_left_out_only_where_its_text_tells_that_none_of_its_tests_is_wanted(
    expression: str, text: str, *, is_left_out: bool
) -> None:
    assert has_none_for(expression, text) is is_left_out
