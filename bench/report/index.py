"""The index of a folder of runs: the trend of the key ratios, then a line for each run, newest first.

Made from their results; a figure that is not valid is in no trend.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from bench.analysis.figures import figures_of
from bench.analysis.key_ratios import KeyRatio, key_ratios
from bench.analysis.windows import over_the_window
from bench.record.files.run_file import RunUnreadable, find_run, read_run
from bench.record.provenance import commit_words, machine_words
from bench.record.run import Run
from bench.words import in_digits
from loadtest.results.validity import Validity

INDEX_FILE = "index.html"
SPARK_WIDTH, SPARK_HEIGHT, SPARK_EDGE = 160, 28, 4
"""Of a trend's line, in pixels."""
MOST_HEADLINES = 4
"""Key ratios that stand in the line of a run."""


@dataclass(frozen=True)
class Row:
    """One run, or why it could not be read."""

    name: str
    started_at: str = ""
    what: str = ""
    where: str = ""
    figures: int = 0
    suspect: int = 0
    invalid: int = 0
    headlines: Sequence[KeyRatio] = ()
    ratios: Sequence[KeyRatio] = ()
    problem: str = ""


@dataclass(frozen=True)
class Trend:
    """One ratio over the runs that have it, oldest first."""

    name: str
    values: Sequence[float]

    @property
    def words(self) -> tuple[str, str, str]:
        """Newest, least, most."""
        newest, least, most = (in_digits(each) for each in (self.values[-1], min(self.values), max(self.values)))
        return newest, least, most

    @property
    def line(self) -> Markup:
        """Drawn small: the dot is the newest."""
        low, high = min(self.values), max(self.values)
        wide, tall = SPARK_WIDTH - 2 * SPARK_EDGE, SPARK_HEIGHT - 2 * SPARK_EDGE
        step = wide / max(1, len(self.values) - 1)
        points = [
            (SPARK_EDGE + number * step, SPARK_EDGE + tall * (0.5 if high == low else (high - value) / (high - low)))
            for number, value in enumerate(self.values)
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        last_x, last_y = points[-1]
        return Markup(
            '<svg role="img" aria-label="{}" width="{}" height="{}"><polyline points="{}" fill="none" '
            'stroke="currentColor" stroke-width="1.5"/>'
            '<circle cx="{:.1f}" cy="{:.1f}" r="3" fill="currentColor"/></svg>'
        ).format(f"Trend of {self.name}", SPARK_WIDTH, SPARK_HEIGHT, path, last_x, last_y)


def write_index(folder: Path) -> Path:
    """Read every run in the folder, and write the page. What cannot be read is named. Raises `OSError`."""
    rows = [
        _row(place.name, source)
        for place in sorted(folder.iterdir(), key=lambda each: each.name)
        if place.is_dir() and not place.name.startswith(".") and (source := find_run(place)).exists()
    ]
    rows.sort(key=lambda row: row.started_at, reverse=True)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bench.report.build"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["digits"] = in_digits
    page = environment.get_template("index.html.jinja").render(rows=rows, trends=trends(rows))
    path = folder / INDEX_FILE
    path.write_text(page, encoding="utf-8")
    return path


def trends(rows: Sequence[Row]) -> list[Trend]:
    """Of each ratio that some run has, over time."""
    values: dict[str, list[float]] = {}
    for row in reversed(rows):
        for each in row.ratios:
            if each.value is not None:
                values.setdefault(each.name, []).append(each.value)
    return [Trend(name, found) for name, found in values.items()]


def _row(name: str, source: Path) -> Row:
    try:
        run = read_run(source)
    except RunUnreadable as error:
        return Row(name, problem=str(error))
    validities = [each.validity for each in figures_of(run)]
    ratios = key_ratios(over_the_window(run))
    return Row(
        name=name,
        started_at=run.started_at,
        what=_what(run),
        where=f"{commit_words(run)}; {machine_words(run)}",
        figures=len(validities),
        suspect=validities.count(Validity.SUSPECT),
        invalid=validities.count(Validity.INVALID),
        headlines=[each for each in ratios if each.value is not None][:MOST_HEADLINES],
        ratios=ratios,
    )


def _what(run: Run) -> str:
    whole = "" if run.is_whole else ", broken off"
    return f"{run.profile.name}{whole}: {', '.join(sorted(each.name for each in run.findings))}"
