"""The index of a folder of runs: one page with a line for each run, newest first, made from their results."""

from __future__ import annotations

import html
from pathlib import Path

from bench.analysis.figures import figures_of
from bench.record.files.run_file import RunUnreadable, find_run, read_run
from bench.record.provenance import commit_words, machine_words
from bench.record.run import Run
from loadtest.results.validity import Validity

INDEX_FILE = "index.html"

STYLE = """
body { font: 16px/1.5 system-ui, "DejaVu Sans", Arial, sans-serif; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #ddd; }
.bad { color: #a33c00; font-weight: 700; }
"""


def write_index(folder: Path) -> Path:
    """Read every run in the folder, and write the page. What cannot be read is named. Raises `OSError`."""
    rows = []
    for place in sorted((each for each in folder.iterdir() if each.is_dir() and not each.name.startswith(".")),
                        key=lambda each: each.name):  # fmt: skip
        source = find_run(place)
        if not source.exists():
            continue
        try:
            rows.append(_row(place.name, read_run(source)))
        except RunUnreadable as error:
            rows.append(
                ("", f"<tr><td>{html.escape(place.name)}</td><td colspan=4>{html.escape(str(error))}</td></tr>")
            )
    rows.sort(key=lambda row: row[0], reverse=True)
    page = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>Runs of the lab</title>'
        f"<style>{STYLE}</style></head>\n<body>\n<h1>Runs of the lab</h1>\n<table>\n<thead><tr><th>Started</th>"
        "<th>Run</th><th>What</th><th>Overview</th><th>Where</th></tr></thead>\n<tbody>\n"
        + "\n".join(row for _, row in rows)
        + "\n</tbody>\n</table>\n<p>Two of them side by side: <code>lobby-bench compare A B</code></p>\n"
        "</body>\n</html>\n"
    )
    path = folder / INDEX_FILE
    path.write_text(page, encoding="utf-8")
    return path


def _row(name: str, run: Run) -> tuple[str, str]:
    validities = [each.validity for each in figures_of(run)]
    bad, doubtful = (validities.count(validity) for validity in (Validity.INVALID, Validity.SUSPECT))
    figures = f"{len(validities)}, {doubtful} suspect"
    if bad:
        figures += f', <span class="bad">{bad} INVALID</span>'
    names = [each.name for each in run.findings]
    whole = "" if run.is_whole else ", broken off"
    what = f"{run.profile.name}{whole}: {', '.join(sorted(names))}"
    link = f'<a href="{html.escape(name)}/report.html">{html.escape(name)}</a>'
    return run.started_at, (
        f"<tr><td>{html.escape(run.started_at)}</td><td>{link}</td><td>{html.escape(what)}</td><td>{figures}</td>"
        f"<td>{html.escape(commit_words(run))}; {html.escape(machine_words(run))}</td></tr>"
    )
