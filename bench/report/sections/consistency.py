"""The section on whether figures of one quantity agree, wherever in the report they stand."""

from __future__ import annotations

from bench.analysis.consistency.pairs import Pair, Side, pairs
from bench.analysis.sources import tally
from bench.citations import cite
from bench.record.run import Run
from bench.report.sections.page import Section, Table
from bench.words import in_digits
from loadtest.results.validity import Validity

UNITS = ("B", "KB", "MB", "×")
"""That stand behind the number of a side; what else does is prose."""

MOST_NAMED = 5
"""Disagreements that are told in sentences; the table has all."""


def consistency_section(run: Run) -> Section | None:
    """``None`` where no quantity was measured twice."""
    found = pairs(run)
    if not found:
        return None
    apart = [pair for pair in found if not pair.agrees]
    agreeing = len(found) - len(apart)
    shows = [f"{_pairs(len(found))} of figures that must agree: {_told(agreeing, 'agree')} do."]
    shows += [f"{_capital(pair.quantity)}: {_beside(pair)}; {_verdict(pair)}." for pair in apart[:MOST_NAMED]]
    if len(apart) > MOST_NAMED:
        shows.append("The other disagreements are in the table.")
    return Section(
        name="consistency",
        title="Do figures of the same quantity agree?",
        shows=shows,
        validity=f"suspect: {_pairs(len(apart), 'disagree')} of {_told(len(found))} disagree"
        if apart
        else "all pairs agree",
        method=[
            "The same quantity as two scenarios of this run measured it, or as it follows from the rate of changes "
            "that was achieved, the period of polling, or the kernel's count. A pair agrees when the ratio is within "
            "its limit, whichever way.",
            "Where two scenarios had not quite the same rate, the bytes that changes cause are brought to the rate of "
            "the second; heartbeats are not.",
            "Rooms are made and ended in turns. In a window with an odd number of changes there was one of them more, "
            "which its few changes do not level out: where that can be the difference, the other figure is believed.",
        ],
        repeat=f"lobby-bench report --{run.profile.name} --seed {run.seed}",
        tables=(_table(sorted(found, key=lambda pair: pair.agrees)),),
        folded=True,
    )


def _table(found: list[Pair]) -> Table:
    return Table(
        title="Pairs that must agree",
        headers=("Figure", "One", "Other", "Ratio", "Limit", "Agreement"),
        rows=[
            [
                pair.quantity,
                _side(pair.own),
                _side(pair.other),
                in_digits(pair.ratio, 4),
                f"±{pair.limit:.1%} ({pair.why})" if pair.limit else pair.why,
                _verdict(pair),
            ]
            for pair in found
        ],
        row_marks=["" if pair.agrees else "suspect" for pair in found],
    )


def _told(number: int, verdict: str | None = None) -> str:
    return cite(str(number), tally("consistency: ", ("agree",), verdict))


def _pairs(number: int, verdict: str | None = None) -> str:
    return f"{_told(number, verdict)} pair{'' if number == 1 else 's'}"


def _verdict(pair: Pair) -> str:
    """What it is, and of two that disagree, which is believed."""
    word, _, rest = pair.verdict.partition(":")
    word = cite(word, {"of": "agree", "own": pair.own.of, "other": pair.other.of, "limit": pair.limit})
    return f"{word}:{rest}" if rest else word


def _beside(pair: Pair) -> str:
    return f"{_side(pair.own)} and {_side(pair.other)}"


def _side(side: Side) -> str:
    number, _, rest = side.words.partition(" ")
    unit, _, after = rest.partition(" ")
    if unit in UNITS:
        number, rest = f"{number} {unit}", after
    doubt = "" if side.judgement.validity is Validity.VALID else "; suspect"
    return f"{cite(number, side.of)}{f' {rest}' if rest else ''} ({side.source}{doubt})"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
