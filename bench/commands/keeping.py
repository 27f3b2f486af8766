"""``lobby-bench index`` and ``sample``: what stays of runs."""

from __future__ import annotations

from pathlib import Path

import click

from bench.commands.errors import Failed, Misused
from bench.commands.runs import REPORTS

AUDIT_FILE = "audit.txt"
"""In the sample: what the auditor found."""


@click.command()
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), default=REPORTS, show_default=True)
def index(output: Path) -> None:
    """Make the index page of a folder of runs again."""
    from bench.report.index import write_index

    click.echo(write_index(output))


@click.command()
@click.argument("run_dir", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), default=REPORTS / "sample", show_default=True
)
def sample(run_dir: Path, output: Path) -> None:
    """Keep a run as the sample (pages, SVG charts, run.json compressed), audited, its answers in the README."""
    from bench.record.files.run_file import RunUnreadable
    from bench.report.build import copy_sample
    from bench.report.headline import NoPlace, put_headline

    try:
        copy_sample(run_dir, output)
        agrees = _audit_sample(output)
        readme = output.resolve().parent.parent / "README.md"
        if readme.exists():
            put_headline(readme, output.resolve())
    except (OSError, NoPlace, RunUnreadable) as error:
        raise Misused(f"{run_dir} is not a whole run, or has no place to go: {error}.") from error
    click.echo(output)
    if not agrees:
        raise Failed(f"The sample says what its readings do not: see {output / AUDIT_FILE}.")


def _audit_sample(sample: Path) -> bool:
    """Have what the sample says recomputed, and keep what came of it beside it."""
    from bench.audit.__main__ import AGREES, audit_report

    code, text = audit_report(sample)
    (sample / AUDIT_FILE).write_text(f"$ python -m bench.audit {sample.name}\n{text}\n", encoding="utf-8")
    return code == AGREES
