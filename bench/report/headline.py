"""The README's figures: taken from the sample by program, so that they are those of a run and nobody's memory."""

from __future__ import annotations

from pathlib import Path

BEGIN, END = "<!-- from reports/sample: lobby-bench sample writes what follows -->", "<!-- end of the sample -->"


MOST_LINES = 8
"""That have text."""


class NoPlace(ValueError):
    """A README without the two lines between which the figures go."""


def put_headline(readme: Path, sample: Path) -> None:
    """Put the sample's answers and its chart between the two lines of a README.

    `sample` lies below the README's folder. Raises `NoPlace`, and `OSError` when a file is not there.
    """
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise NoPlace(f"{readme} has no place for figures: it needs the lines {BEGIN} and {END}")
    where = sample.relative_to(readme.parent).as_posix()
    answers = headline((sample / "report.md").read_text(encoding="utf-8"))
    chart = f"![What a client costs in bytes, by changes per second]({where}/charts/bandwidth-rate.svg)"
    readme.write_text(f"{before}{BEGIN}\n\n{answers}\n\n{chart}\n\n{END}{after}", encoding="utf-8")


def headline(report_md: str) -> str:
    """The head of a report in Markdown, in at most `MOST_LINES` lines: where it was measured, which way to choose, what
    one process carries, which claims hold, and how far all that can be believed."""
    lines = report_md.splitlines()
    answers = [line for line in lines[: _first(lines, "## ")] if line.startswith("* ")]
    where = next(line for line in lines[1:] if line.strip())
    validity = [line for line in lines[: _first(lines, "## ")] if line.startswith("Validity: ")]
    answers = answers[: MOST_LINES - 1 - len(validity)]
    return "\n".join([where, "", *answers, *(["", *validity] if validity else [])])


def _first(lines: list[str], start: str) -> int:
    return next((number for number, line in enumerate(lines) if line.startswith(start)), len(lines))
