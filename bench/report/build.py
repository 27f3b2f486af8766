"""From a run to a folder: report.html (one file), report.md, charts, and run.json, from which it can all be made again.

The folder appears under its name only when it is complete.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jinja2

from bench.analysis.derived.overview import Overview, derive
from bench.analysis.figures import invalid_figures
from bench.analysis.key_ratios import key_ratios
from bench.analysis.promises import Promise, rule_on_promises
from bench.analysis.verdicts import Verdict
from bench.analysis.windows import over_the_window
from bench.citations import citing, plain
from bench.record.files.run_file import RUN_FILE, read_run, write_run
from bench.record.provenance import caption, facts, is_slow_after_idleness
from bench.record.questions import NEEDED_FOR_PROMISES
from bench.record.run import Run
from bench.report.charts import Chart, draw_charts
from bench.report.inline import inline_charts
from bench.report.junit import junit_xml
from bench.report.sections.answers import answer_sentences, carry_sentences, validity_sentence
from bench.report.sections.bandwidth import bandwidth_section
from bench.report.sections.broadcast import broadcast_section
from bench.report.sections.choice import choice_table
from bench.report.sections.consistency import consistency_section
from bench.report.sections.findings import findings_section
from bench.report.sections.forecasts import forecasts_section
from bench.report.sections.others import swarm_section
from bench.report.sections.page import Section, Table, without_empty_columns
from bench.report.sections.promises import promises_section
from bench.report.tables import render_result
from bench.report.told import FIGURES_FILE, First, ToldText, figures_json, told_in, without_marks

CHART_FOLDER = "charts"

ORDER = (
    "broadcast", "freshness", "bandwidth", "break-even", "storm", "reconnect", "flap", "capacity", "cost", "peers",
    "noise", "consistency", "promises", "simulation", "prediction", "swarm",
)  # fmt: skip
"""Of the sections."""

TABLES_FILE = "tables.txt"
MOST_ANSWERS = 5
"""Sentences at the top."""

RECOMPUTE = (
    "Every number and conclusion of a sentence, of the first table and of the tables of claims and consistency stands "
    "in figures.json with the quantity that it tells: a scenario of run.json, a measure, party and size, and a "
    "statistic. The median of readings is the one in the middle, or half way between two; percentiles of samples are "
    "nearest rank, over all samples of a series; bytes per hour are what was counted in the window over the window and "
    "its clients. docs/lab.md states every quantity; python -m bench.audit recomputes all of them with code of its own."
)
"""How an outsider gets the same digits."""

LIMITS = (
    "Everything runs on one machine over the loopback interface: no network latency, no losses, no TLS.",
    "Server and generator share memory bandwidth, caches and the kernel, even on a core each.",
    "Bytes with TCP/IP are a model wherever a section does not say that they were counted on a link; messages and "
    "framed bytes are counted.",
    "Clients are sockets of few processes: no radio, no sleeping phone, no slow reader among them.",
)
LIMIT_OF_IDLENESS = (
    "This machine is slow to touch memory that was idle (see above): with few changes per second every time and all "
    "CPU per change contain that, of each way alike. Compare them with each other, not with another machine's."
)
LIMITS_OF_A_SWARM = (
    "The swarm knows what it sent and got; of the server it knows more only where both are on one machine.",
    "Players are sockets of few processes: no radio, no sleeping phone.",
)
TITLE = "Push against polling, measured on a live lobby server"
TITLE_OF_A_SWARM = "A run of the swarm against a lobby server"


@dataclass(frozen=True)
class Report:
    """All that a report says, before it is a page."""

    run: Run
    """As it is kept."""
    shown: Run
    """As its figures are given: see `bench.analysis.windows`."""
    answers: list[str]
    """What stands first: which way to choose."""
    summary: Table | None
    """All ways side by side."""
    carries: list[str]
    """What one process carries, and which claims hold."""
    sections: list[Section]
    charts: dict[str, Chart]
    promises: list[Promise]
    validity: str
    valid: bool
    """Nothing that was measured is INVALID."""
    told: list[ToldText]
    """Its texts, with the quantities that they cite."""

    @property
    def is_choice(self) -> bool:
        """The ways to the list were compared."""
        return self.summary is not None


def make_report(run: Run) -> Report:
    """Takes seconds: intervals and charts."""
    shown = over_the_window(run)
    figures = derive(shown)
    charts = {chart.name: chart for chart in draw_charts(figures)}
    with citing():
        marked = _make(run, figures, charts)
    told = told_of(marked)
    return replace(
        marked,
        told=told,
        answers=without_marks(marked.answers),
        carries=without_marks(marked.carries),
        summary=without_marks(marked.summary),
        sections=without_marks(marked.sections),
        promises=[replace(each, measured=plain(each.measured)) for each in marked.promises],
        validity=plain(marked.validity),
    )


def told_of(marked: Report) -> list[ToldText]:
    first = First(marked.answers, marked.summary, marked.carries, marked.validity)
    return told_in(marked.shown, first, marked.sections, key_ratios(marked.shown))


def texts_of(run: Run) -> list[ToldText]:
    """What the report of a run tells, with what it cites; without drawing anything."""
    with citing():
        marked = _make(run, derive(over_the_window(run)), {})
    return told_of(marked)


def _make(raw: Run, figures: Overview, charts: dict[str, Chart]) -> Report:
    """With the marks of `bench.citations` in its texts."""
    run = figures.run
    promises = _weighed(figures, rule_on_promises(figures))
    found = {each.name: findings_section(run, each) for each in run.findings}
    typed = {
        "broadcast": broadcast_section(figures),
        "bandwidth": bandwidth_section(figures),
        "promises": promises_section(run, promises) if promises else None,
        "swarm": swarm_section(figures),
        "consistency": consistency_section(run),
        "prediction": forecasts_section(run),
    }
    sections = {**found, **{name: section for name, section in typed.items() if section is not None}}
    order = [*ORDER, *(name for name in found if name not in ORDER)]
    answers, carries = answer_sentences(figures), carry_sentences(figures, promises)
    summary = choice_table(figures)
    first_shown = [show for name in order if name in sections for show in sections[name].shows[:1]]
    return Report(
        run=raw,
        shown=run,
        answers=answers or ([] if carries else first_shown[:MOST_ANSWERS]),
        summary=without_empty_columns(summary) if summary is not None else None,
        carries=carries,
        sections=[
            replace(
                sections[name],
                charts=[each for each in sections[name].charts if each in charts],
                tables=[without_empty_columns(table) for table in sections[name].tables if table.rows],
            )
            for name in order
            if name in sections
        ],
        charts=charts,
        promises=promises,
        validity=validity_sentence(figures),
        valid=not invalid_figures(run),
        told=[],
    )


def _weighed(figures: Overview, promises: list[Promise]) -> list[Promise]:
    """All in a report; where scenarios were run by name, those that they measured; none for a single one, which was
    asked something else."""
    run = figures.run
    if all(run.found(name) is not None for name in NEEDED_FOR_PROMISES):
        return promises
    if len(run.findings) < 2:
        return []
    return [promise for promise in promises if promise.ruling.verdict is not Verdict.NOT_MEASURED]


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
        (partial / "junit.xml").write_bytes(junit_xml(report.shown, report.promises))
        if report.shown.findings:
            tables = "\n\n".join(render_result(result) for result in report.shown.findings)
            (partial / TABLES_FILE).write_text(tables + "\n", encoding="utf-8")
        (partial / FIGURES_FILE).write_text(figures_json(report.shown, report.told), encoding="utf-8")
        (partial / "report.html").write_text(render("report.html", report), encoding="utf-8")
        (partial / "report.md").write_text(render("report.md", report), encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def keep_readings(run: Run, folder: Path) -> Path:
    """Write the run alone, where its report could not be made; the file."""
    folder.mkdir(parents=True, exist_ok=True)
    write_run(run, folder / RUN_FILE)
    return folder / RUN_FILE


def copy_sample(source: Path, sample: Path) -> None:
    """Keep a run as the repository's sample: pages, SVG charts, and run.json compressed. Replaces the one before."""
    run = read_run(source / RUN_FILE)
    pages = {name: (source / name).read_bytes() for name in ("report.html", "report.md", FIGURES_FILE)}
    charts = sorted((source / CHART_FOLDER).glob("*.svg"))
    partial = sample.with_name(f".{sample.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / CHART_FOLDER).mkdir(parents=True)
    write_run(run, partial / f"{RUN_FILE}.gz")
    for name, content in pages.items():
        (partial / name).write_bytes(content)
    for chart in charts:
        shutil.copy(chart, partial / CHART_FOLDER / chart.name)
    shutil.rmtree(sample, ignore_errors=True)  # only now: whoever breaks off before keeps the old one
    partial.rename(sample)


def render(template: str, report: Report) -> str:
    """`template` is ``report.html`` or ``report.md``."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bench.report.build"),
        autoescape=template.endswith(".html"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline_charts"] = inline_charts
    environment.filters["slug"] = slug
    environment.filters["unbroken"] = unbroken
    environment.filters["cell"] = markdown_cell
    context: dict[str, Any] = {
        "report": report,
        "run": report.run,
        "caption": caption(report.run),
        "facts": facts(report.run),
        "title": TITLE_OF_A_SWARM if report.run.profile.is_of_a_swarm else TITLE,
        "limits": _limits(report.run),
        "recompute": RECOMPUTE,
        "chart_folder": CHART_FOLDER,
    }
    return environment.get_template(f"{template}.jinja").render(context)


def _limits(run: Run) -> tuple[str, ...]:
    limits = LIMITS_OF_A_SWARM if run.profile.is_of_a_swarm else LIMITS
    return (*limits, LIMIT_OF_IDLENESS) if is_slow_after_idleness(run) else limits


def slug(text: str) -> str:
    """Of a heading, as the end of an address."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def unbroken(text: str) -> str:
    """A number stays on one line with its unit."""
    return re.sub(r"(?<=\d) (?=(?:ms|s|B|KB|MB|%)(?!\w))", "\u00a0", text)


def markdown_cell(text: str) -> str:
    """Text that does not end its cell."""
    return text.replace("|", "\\|").replace("\n", " ")
