"""Numbers as a reader wants them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.words import (
    WAY_WORDS,
    a_few,
    count,
    in_bytes,
    in_digits,
    in_memory,
    in_ms,
    in_noise,
    in_percent,
    plural,
    way_words,
    without_folder,
)

NAN = float("nan")


@pytest.mark.parametrize(
    ("share", "words"), [(0.0, "0%"), (0.0037, "0.4%"), (0.0099, "1.0%"), (0.01, "1%"), (0.168, "17%"), (1.5, "150%")]
)
def test_noise_that_there_is_is_not_told_as_none(share: float, words: str) -> None:
    assert in_noise(share) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"), (1.0, "1.00"), (12.345, "12.3"), (123.456, "123"), (1234.5, "1,234"), (0.012345, "0.0123"),
        (-2.5, "-2.50"), (NAN, "–"), (math.inf, "–"), (200.0, "200"),
    ],
)  # fmt: skip
def test_three_digits_matter(value: float, words: str) -> None:
    assert in_digits(value) == words


def test_more_digits_tell_a_ratio_from_its_limit() -> None:
    assert in_digits(1.103, 4) == "1.103"


@pytest.mark.parametrize(
    ("value_ms", "words"),
    [(0.0, "0 ms"), (0.004, "<0.01 ms"), (5.0, "5.00 ms"), (999.0, "999 ms"), (1_500.0, "1.50 s"), (NAN, "–")],
)
def test_time_has_the_unit_that_fits(value_ms: float, words: str) -> None:
    assert in_ms(value_ms) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0 B"), (464, "464 B"), (999, "999 B"), (1_000, "1.00 KB"), (48_600, "48.6 KB"), (2.5e6, "2.50 MB"),
     (2.93e9, "2.93 GB"), (NAN, "–")],
)  # fmt: skip
def test_bytes_are_in_thousands(value: float, words: str) -> None:
    assert in_bytes(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0 B"), (1_023, "1,023 B"), (1_024, "1.00 KiB"), (0.0742 * 2**30, "76.0 MiB"), (2.5 * 2**30, "2.50 GiB"),
     (NAN, "–")],
)  # fmt: skip
def test_memory_is_in_powers_of_1024(value: float, words: str) -> None:
    assert in_memory(value) == words


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.5, "50 %"), (1.0, "100 %"), (0.9904, "99.04 %"), (0.99999, "99.99 %"), (0.97, "97 %"), (NAN, "–")],
)
def test_share_near_all_is_told_from_all(share: float, words: str) -> None:
    assert in_percent(share) == words


@given(st.floats(min_value=0.0, max_value=1.0, exclude_max=True))
def test_less_than_all_is_never_called_all(share: float) -> None:
    assert in_percent(share) != "100 %" or share <= 0.98


@pytest.mark.parametrize(("number", "words"), [(0, "0 rooms"), (1, "1 room"), (2, "2 rooms"), (1_500, "1,500 rooms")])
def test_noun_agrees_with_its_number(number: int, words: str) -> None:
    assert plural(number, "room") == words


@pytest.mark.parametrize(("value", "words"), [(20.0, "20"), (2.0, "2"), (19.5, "19.5"), (1.999, "2")])
def test_small_quantity_is_whole_where_it_is(value: float, words: str) -> None:
    assert a_few(value) == words


def test_whole_number_has_commas() -> None:
    assert count(1_234_567.0) == "1,234,567"


def test_every_way_has_words_of_its_own_and_a_party_is_called_what_it_is() -> None:
    assert len(set(WAY_WORDS.values())) == len(WAY_WORDS) == 6
    assert way_words("push") == "push, then fetch"
    assert way_words("naive Tornado") == "naive Tornado"


@pytest.mark.parametrize(
    ("argument", "kept"), [("/home/me/reports/x", "x"), ("--seed", "--seed"), ("reports/x", "reports/x"), ("7", "7")]
)
def test_folder_of_this_machine_is_not_kept(argument: str, kept: str) -> None:
    assert without_folder(argument) == kept
