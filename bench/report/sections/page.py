"""What a report's page is made of, whether it becomes HTML or Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bench.analysis.validity import Judgement
from loadtest.results.validity import Validity

NOTHING = ("", "–")
"""Cells that say nothing."""
FIGURE = re.compile(r"[<≥≤±×+−-]?\d[^ ]*( [^ ]{1,4})?\*?")
"""A cell that is a figure: a number, with its unit and its mark."""


@dataclass(frozen=True)
class Table:
    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    """The first column names the row."""
    row_marks: Sequence[str] = ()
    """A mark a row, for its looks: ``invalid``, ``suspect``, ``holds``, ``partly``, ``fails`` or empty."""
    note: str = ""

    def mark(self, number: int) -> str:
        return self.row_marks[number] if self.row_marks else ""

    def is_of_figures(self, column: int) -> bool:
        """Whatever the column says are figures, which are compared by their last digits."""
        told = [row[column] for row in self.rows if row[column] not in NOTHING]
        return column > 0 and bool(told) and all(FIGURE.fullmatch(cell) for cell in told)


@dataclass(frozen=True)
class Section:
    """A question, answered. `charts` are names of `bench.report.charts.Chart`."""

    name: str
    title: str
    shows: Sequence[str]
    """What can be seen, in sentences with figures of this run."""
    validity: str
    method: Sequence[str]
    repeat: str
    """The command that measures it again."""
    charts: Sequence[str] = ()
    tables: Sequence[Table] = field(default_factory=tuple)
    folded: bool = False
    """Its tables are long, and closed at first where a page can do that."""


def without_empty_columns(table: Table) -> Table:
    """A column that says nothing in any row is left out; the first one, which names the rows, stays."""
    kept = [
        number
        for number in range(len(table.headers))
        if not number or any(row[number] not in NOTHING for row in table.rows)
    ]
    if not table.rows or len(kept) == len(table.headers):
        return table
    return replace(
        table,
        headers=[table.headers[number] for number in kept],
        rows=[[row[number] for number in kept] for row in table.rows],
    )


def mark_of(judgement: Judgement) -> str:
    """The mark of a row that stands for one judged point."""
    return "" if judgement.validity is Validity.VALID else judgement.validity.value.lower()
