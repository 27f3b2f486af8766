"""Numbers with a source: marks that survive the making of a sentence, and digits that have none."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from bench.citations import cite, cited, citing, number, plain, uncited_numbers
from bench.report.told import without_marks

WORDS = st.text(st.characters(exclude_categories=["Co", "Cs"]), max_size=20)


def test_outside_of_a_report_a_citation_is_plain_text() -> None:
    assert cite("115 ms", number(115)) == "115 ms"


@given(WORDS, WORDS, WORDS, st.dictionaries(WORDS, WORDS, max_size=3))
def test_mark_gives_back_text_place_and_quantity(before: str, text: str, after: str, of: dict[str, str]) -> None:
    with citing():
        marked = f"{before}{cite(text, of)}{after}"
    said, [found] = cited(marked)
    assert said == before + text + after == plain(marked)
    assert (found.text, found.start, found.quantity) == (text, len(before), of)


def test_marks_survive_joining_and_sorting_and_one_inside_another() -> None:
    with citing():
        inner = cite("3", number(3))
        outer = cite(f"all {inner} agree", {"of": "agree"})
        text = "; ".join(sorted([outer, f"and {cite('4', number(4))}"]))
    said, found = cited(text)
    assert sorted(said.split("; ")) == ["all 3 agree", "and 4"]
    assert sorted(each.text for each in found) == ["3", "4", "all 3 agree"]
    assert all(said[each.start : each.end] == each.text for each in found)


def test_digit_without_a_source_is_told_and_names_are_not() -> None:
    with citing():
        text = f"{cite('12', number(12))} of fixed 5 s, p99 in 7.5 ms"
    said, found = cited(text)
    assert uncited_numbers(said, found, ["fixed 5 s", "p99"]) == ["7.5"]
    assert uncited_numbers(said, found, ["fixed 5 s", "p99", "5"]) == ["7.5"]  # part of a number is no name


def test_marks_are_taken_off_whatever_holds_them() -> None:
    @dataclass(frozen=True)
    class Holds:
        rows: list[tuple[str, int]]

    with citing():
        marked = Holds([(cite("1", number(1)), 1)])
    assert without_marks(marked) == Holds([("1", 1)])
