"""What a report tells, for machines: each text with the quantities that its numbers and conclusions cite.

`figures.json` is made of it. Audited are the answers, the first table, the sentence on validity, the sentences of every
section and their validity, and the tables of claims and of consistency: there no number stands without a source, but
for names and fixed prose (`names_of`, `PROSE`). Elsewhere numbers may be cited, and then they are audited, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

from bench.analysis.key_ratios import KeyRatio
from bench.citations import Citation, cited, plain, uncited_numbers
from bench.record.run import Run
from bench.report.sections.forecasts import AT_SCALE_TABLE, FORECASTS
from bench.report.sections.page import Section, Table
from bench.words import in_digits

FIGURES_FILE = "figures.json"
FIGURES_SCHEMA = 1
AUDITED_TABLES = ("promises", "consistency")
"""Sections whose tables are audited whole."""
AUDITED_TITLES = (FORECASTS, AT_SCALE_TABLE)
"""Tables of other sections that are."""
UNAUDITED_COLUMNS = ("Claim", "Judged by", "Figure", "Ratio", "Limit", "Agreement")
"""Of these: quotations, rules and limits, which are no figures of the run; the verdict beside them is checked."""

PROSE = ("p50", "p90", "p99", "50 %", "90 %", "99 %", "95 %", "100 %", "10 s", "5 s", "kill -9", "404")
"""Numbers in fixed prose: names of percentiles, shares that name a measure, settings that name a policy."""

Made = TypeVar("Made")


@dataclass(frozen=True)
class ToldText:
    """A sentence, or a row of a table with its cells side by side."""

    where: str
    text: str
    cited: list[Citation]
    uncited: list[str]
    in_page: bool = True
    """It stands in the report itself, and not in the index of runs."""


@dataclass(frozen=True)
class First:
    """What the first screen says, with marks."""

    answers: Sequence[str]
    summary: Table | None
    carries: Sequence[str]
    validity: str


def told_in(run: Run, first: First, sections: Sequence[Section], ratios: Sequence[KeyRatio]) -> list[ToldText]:
    """Of texts with marks, in the order of the report; `ratios` stand in the index of runs."""
    names = names_of(run, sections)
    return [*_told_first(first, names), *_told(sections, names), *_told_in_index(ratios)]


def _told_first(first: First, names: Sequence[str]) -> Iterator[ToldText]:
    for number, sentence in enumerate(first.answers, start=1):
        yield _take(f"answer {number}", sentence, names)
    if first.summary is not None:
        yield _take("first table, heading", " ".join(first.summary.headers), names)
        for number, row in enumerate(first.summary.rows, start=1):
            yield _take(f"first table, row {number}", " ".join(row), names)
        yield _take("first table, note", first.summary.note, names)
    for number, sentence in enumerate(first.carries, start=1):
        yield _take(f"what it carries {number}", sentence, names)
    yield _take("validity", first.validity, names)


def _told_in_index(ratios: Sequence[KeyRatio]) -> Iterator[ToldText]:
    for each in ratios:
        if each.value is not None:
            value = in_digits(each.value)
            text = f"{each.name}: {value}"
            cited_there = Citation(value, len(text) - len(value), each.of)
            yield ToldText(f"index of runs, {each.name}", text, [cited_there], [], in_page=False)


def _told(sections: Sequence[Section], names: Sequence[str]) -> Iterator[ToldText]:
    for section in sections:
        for number, sentence in enumerate(section.shows, start=1):
            yield _take(f"{section.name}, sentence {number}", sentence, names)
        yield _take(f"{section.name}, validity", section.validity, names)
        for table in section.tables:
            is_audited = section.name in AUDITED_TABLES or table.title in AUDITED_TITLES
            for number, row in enumerate(table.rows, start=1):
                yield from _take_row(f"{section.name}: {table.title}, row {number}", table, row, names, is_audited)


def _take(where: str, text: str, names: Sequence[str]) -> ToldText:
    said, citations = cited(text)
    return ToldText(where, said, citations, uncited_numbers(said, citations, names))


def _take_row(
    where: str, table: Table, row: Sequence[str], names: Sequence[str], is_audited: bool
) -> Iterator[ToldText]:
    told = _take(where, " ".join(row), names)
    audited = [cell for cell, header in zip(row, table.headers, strict=True) if header not in UNAUDITED_COLUMNS]
    uncited = _take(where, " ".join(audited), names).uncited if is_audited else []
    if uncited or any(each.quantity["of"] != "size" for each in told.cited):
        yield replace(told, uncited=uncited)


def names_of(run: Run, sections: Sequence[Section]) -> list[str]:
    """Texts with digits that are names: parties, and the claims that the report quotes."""
    parties = {each.party for found in run.findings for each in found.measures}
    claims = {
        plain(row[table.headers.index("Claim")])
        for section in sections
        for table in section.tables
        if "Claim" in table.headers
        for row in table.rows
    }
    notes = {text for found in run.findings for text in (*found.faults, *found.skipped)}
    return [*PROSE, *parties, *claims, *notes, *_reasons(run)]


def _reasons(run: Run) -> Iterator[str]:
    """Why readings are in doubt, in the words that the run keeps."""
    for found in run.findings:
        for measured in found.measures:
            for reading in measured.readings:
                yield from (reading.invalid, reading.suspect)
        for group in found.traffic.groups if found.traffic is not None else ():
            yield from (group.invalid, group.suspect)
        if found.swarm is not None:
            yield from found.swarm.document.get("validity", {}).get("reasons", [])


def without_marks(made: Made) -> Made:
    """The same with all its texts plain."""
    result: Any = made
    if isinstance(made, str):
        result = plain(made)
    elif isinstance(made, list | tuple):
        result = type(made)(without_marks(each) for each in made)
    elif is_dataclass(made) and not isinstance(made, type):
        result = replace(made, **{each.name: without_marks(getattr(made, each.name)) for each in fields(made)})
    return result  # type: ignore[no-any-return]


def figures_json(run: Run, told: Sequence[ToldText]) -> str:
    """The file, one text per line."""
    head = {"started_at": run.started_at, "seed": run.seed, "commit": run.commit}
    lines = ",\n".join(
        json.dumps(
            {
                "where": each.where,
                "text": each.text,
                "cited": [{"text": it.text, "start": it.start, "quantity": it.quantity} for it in each.cited],
                **({"uncited": each.uncited} if each.uncited else {}),
                **({} if each.in_page else {"in_page": False}),
            },
            ensure_ascii=False,
        )
        for each in told
    )
    return f'{{"schema": {FIGURES_SCHEMA}, "run": {json.dumps(head)}, "told": [\n{lines}\n]}}\n'
