"""The section on whether figures of one quantity agree, wherever in the report they stand."""

from __future__ import annotations

from bench.analysis.consistency.pairs import Pair, pairs
from bench.record.run import Run
from bench.report.sections.page import Section, Table
from bench.words import in_digits, plural

MOST_NAMED = 5
"""Disagreements that are told in sentences; the table has all."""


def consistency_section(run: Run) -> Section | None:
    """``None`` where no quantity was measured twice."""
    found = pairs(run)
    if not found:
        return None
    apart = [pair for pair in found if not pair.agrees]
    shows = [f"{plural(len(found), 'pair')} of figures that must agree: {len(found) - len(apart)} do."]
    shows += [f"{_capital(pair.quantity)}: {_beside(pair)}; {pair.verdict}." for pair in apart[:MOST_NAMED]]
    if len(apart) > MOST_NAMED:
        shows.append(f"{plural(len(apart) - MOST_NAMED, 'more disagreement')} in the table.")
    return Section(
        name="consistency",
        title="Do figures of the same quantity agree?",
        shows=shows,
        validity=f"suspect: {plural(len(apart), 'pair')} of {len(found)} disagree" if apart else "all pairs agree",
        method=[
            "The same quantity as two scenarios of this run measured it, or as it follows from the rate of changes "
            "that was achieved, the period of polling, or the kernel's count. A pair agrees when the ratio is within "
            "its limit, whichever way.",
            "Where two scenarios had not quite the same rate, the bytes that changes cause are brought to the rate of "
            "the second; heartbeats are not.",
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
                f"{pair.own.words} ({pair.own.source})",
                f"{pair.other.words} ({pair.other.source})",
                in_digits(pair.ratio, 4),
                f"±{pair.limit:.1%} ({pair.why})" if pair.limit else pair.why,
                pair.verdict,
            ]
            for pair in found
        ],
        row_marks=["" if pair.agrees else "suspect" for pair in found],
    )


def _beside(pair: Pair) -> str:
    return f"{pair.own.words} ({pair.own.source}) and {pair.other.words} ({pair.other.source})"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
