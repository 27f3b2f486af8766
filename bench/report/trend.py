"""Figures over many runs as plain lines, and as a folder with the lines, a table for programs and the chart."""

from __future__ import annotations

import csv
from pathlib import Path

from bench.analysis.comparison.trend import Line, Point, Trend
from bench.record.provenance import commit_words
from bench.report.charts.trend import draw_trend
from bench.report.comparison import ratio_words
from bench.words import in_digits, plural

NAME_WIDTH = 72
TEXT_FILE, TABLE_FILE, CHART_FILE = "trend.txt", "trend.csv", "trend"
EXPLAINED = (
    "Each value is the median of its readings, with least and most where there are several. * marks where a change "
    "beyond the noise began, against the runs since the change before; ? marks a suspect value."
)


def render_trend(found: Trend, *, all_figures: bool = False) -> str:
    """The runs, then each figure that changed with its values, then how many did not. `all_figures`: those, too."""
    lines = []
    for number, (run, repeats) in enumerate(zip(found.runs, found.repeats, strict=True), start=1):
        times = f", {plural(repeats, 'run')}" if repeats > 1 else ""
        lines.append(f"{number:>3}  {run.started_at}  {commit_words(run)}  {run.profile.name}{times}")
    shown = found.lines if all_figures else found.changed
    if shown:
        lines += ["", EXPLAINED, ""]
        for line in shown:
            lines += [f"{line.name[:NAME_WIDTH]}{f' ({line.unit})' if line.unit else ''}", f"     {_values(line)}"]
    lines.append("")
    same = len(found.lines) - len(found.changed)
    lines.append(
        f"{len(found.changed)} of {plural(len(found.lines), 'figure')} changed beyond the noise; {same} did not"
        + ("." if all_figures or not same else " (--all shows them).")
    )
    if found.limit is not None:
        lines.append(_verdict(found, found.limit))
    return "\n".join(lines)


def write_trend(found: Trend, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TEXT_FILE).write_text(render_trend(found, all_figures=True) + "\n", encoding="utf-8")
    with (folder / TABLE_FILE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["figure", "unit", "run", "started_at", "commit", "value", "low", "high", "n", "suspect", "change", "ratio"]
        )
        for line in found.lines:
            writer.writerows(_row(found, line, point) for point in line.points)
    chart = draw_trend(found)
    (folder / f"{CHART_FILE}.svg").write_text(chart.svg, encoding="utf-8")
    (folder / f"{CHART_FILE}.png").write_bytes(chart.png)


def _row(found: Trend, line: Line, point: Point) -> list[object]:
    run, made = found.runs[point.run], point.made
    change = (point.change.change.value, point.change.ratio) if point.change is not None else ("", "")
    return [
        line.name, line.unit, point.run + 1, run.started_at, run.commit, made.value, made.low, made.high, made.n,
        int(point.is_suspect), *change,
    ]  # fmt: skip


def _values(line: Line) -> str:
    return "  ".join(_value(point) for point in line.points)


def _value(point: Point) -> str:
    made = point.made
    spread = f" [{in_digits(made.low)}–{in_digits(made.high)}]" if made.n > 1 else ""
    mark = ""
    if point.change is not None:
        mark = f" * {point.change.change.value} {ratio_words(point.change.ratio)}"
    return f"{point.run + 1}: {in_digits(made.value)}{spread}{'?' if point.is_suspect else ''}{mark}"


def _verdict(found: Trend, limit: float) -> str:
    worse = f"{plural(len(found.worse), 'figure')} of the newest run worse by more than {limit:.0%}"
    if found.obstacles:
        beside = f" ({worse} as far as it goes.)" if found.worse else ""
        return f"No verdict: {' '.join(found.obstacles)}{beside}"
    return (
        f"Worse: {worse}." if found.worse else f"No worse: no figure of the newest run worse by more than {limit:.0%}."
    )
