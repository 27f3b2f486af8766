"""From a run to a folder: report.html (one file), report.md, charts, and run.json, from which it can all be made again.

The folder appears under its name only when it is complete.
"""

from __future__ import annotations

import gzip
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from bench.charts import Chart, draw_charts
from bench.facts import caption, facts
from bench.figures import Figures, derive
from bench.promises import Promise, judge_promises
from bench.results import RUN_FILE, Run, write_run
from bench.sections.answers import answer_sentences, answer_table
from bench.sections.broadcast import broadcast_section
from bench.sections.idle import idle_section
from bench.sections.others import reconnect_section, swarm_section
from bench.sections.page import Section, Table
from bench.sections.promises import promises_section
from bench.validity import Validity

CHART_FOLDER = "charts"

LIMITS = (
    "Everything runs on one machine over the loopback interface: no network latency, no losses, no TLS.",
    "Server and generator share memory bandwidth, caches and the kernel, even on a core each.",
    "Bytes with TCP/IP are a model; messages and framed bytes are counted.",
    "Polling was measured with few clients; what many pollers do to the server is a question of the full lab.",
)


@dataclass(frozen=True)
class Report:
    """All that a report says, before it is a page."""

    run: Run
    answers: list[str]
    summary: Table | None
    sections: list[Section]
    charts: dict[str, Chart]
    promises: list[Promise]
    valid: bool
    """Nothing that was measured is INVALID."""


def make_report(run: Run) -> Report:
    """Takes seconds: intervals and charts."""
    figures = derive(run)
    promises = judge_promises(figures)
    sections = [
        broadcast_section(figures),
        idle_section(figures),
        promises_section(run, promises),
        reconnect_section(figures),
        swarm_section(figures),
    ]
    return Report(
        run=run,
        answers=answer_sentences(figures, promises),
        summary=answer_table(figures),
        sections=[section for section in sections if section is not None],
        charts={chart.name: chart for chart in draw_charts(figures)},
        promises=promises,
        valid=is_valid(figures),
    )


def is_valid(figures: Figures) -> bool:
    """A run with an INVALID figure is not one to build on (exit code 4)."""
    judgements = [
        *(latency.judgement for latency in (*figures.announcements, *figures.fresh, *figures.status)),
        *(cost.judgement for cost in figures.idle),
    ]
    return all(judgement.validity is not Validity.INVALID for judgement in judgements)


def write_report(report: Report, folder: Path) -> None:
    """Make the folder. Raises `FileExistsError` when it is there and not empty, `OSError` when it cannot be written."""
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is there already and not empty")
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        (partial / CHART_FOLDER).mkdir(parents=True)
        write_run(report.run, partial / RUN_FILE)
        for chart in report.charts.values():
            (partial / CHART_FOLDER / f"{chart.name}.svg").write_text(chart.svg, encoding="utf-8")
            (partial / CHART_FOLDER / f"{chart.name}.png").write_bytes(chart.png)
        (partial / "report.html").write_text(render("report.html", report), encoding="utf-8")
        (partial / "report.md").write_text(render("report.md", report), encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def copy_sample(source: Path, sample: Path) -> None:
    """Keep a run as the repository's sample: pages, SVG charts, and run.json compressed. Replaces the one before."""
    raw = (source / RUN_FILE).read_bytes()
    pages = {name: (source / name).read_bytes() for name in ("report.html", "report.md")}
    charts = sorted((source / CHART_FOLDER).glob("*.svg"))
    shutil.rmtree(sample, ignore_errors=True)
    (sample / CHART_FOLDER).mkdir(parents=True)
    (sample / f"{RUN_FILE}.gz").write_bytes(gzip.compress(raw, mtime=0))
    for name, content in pages.items():
        (sample / name).write_bytes(content)
    for chart in charts:
        shutil.copy(chart, sample / CHART_FOLDER / chart.name)


def render(template: str, report: Report) -> str:
    """`template` is ``report.html`` or ``report.md``."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bench"),
        autoescape=template.endswith(".html"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline_svg"] = inline_svg
    environment.filters["unbroken"] = unbroken
    environment.filters["cell"] = markdown_cell
    context: dict[str, Any] = {
        "report": report,
        "run": report.run,
        "caption": caption(report.run),
        "facts": facts(report.run),
        "limits": LIMITS,
        "chart_folder": CHART_FOLDER,
    }
    return environment.get_template(f"{template}.jinja").render(context)


def inline_svg(chart: Chart) -> Markup:
    """The chart as an element of a page: no XML prologue, width by the page, described for those who cannot see it."""
    svg = re.sub(r"^.*?(?=<svg)", "", chart.svg, flags=re.DOTALL)
    size = re.compile(r'(<svg\b[^>]*?)\swidth="[^"]*"|(<svg\b[^>]*?)\sheight="[^"]*"')
    for _ in range(2):
        svg = size.sub(lambda found: found.group(1) or found.group(2), svg, count=1)
    svg = re.sub(r'(?<= id=")|(?<=href="#)|(?<=url\(#)', f"{chart.name}-", svg)  # ids are the page's, not the chart's
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{jinja2.utils.htmlsafe_json_dumps(chart.title)[1:-1]}"', 1)
    return Markup(svg)


def unbroken(text: str) -> str:
    """A number stays on one line with its unit."""
    return re.sub(r"(?<=\d) (?=(?:ms|s|B|KB|MB|%)(?!\w))", "\u00a0", text)


def markdown_cell(text: str) -> str:
    """Text that does not end its cell."""
    return text.replace("|", "\\|").replace("\n", " ")
