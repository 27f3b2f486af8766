"""``lobby-bench trend``: figures over many runs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bench.commands.errors import Misused
from bench.commands.runs import read_repeats


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--figure", "names", multiple=True, help="only figures whose name has this text; may be given several times"
)
@click.option("--all", "all_figures", is_flag=True, help="show also what did not change")
@click.option("--limit", type=click.FloatRange(min=0), help="newest run worse by more, beyond the noise: exit 3")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), help="leave text, table and chart here")
def trend(
    runs: tuple[Path, ...], names: tuple[str, ...], all_figures: bool, limit: float | None, output: Path | None
) -> None:
    """How the figures went over many runs of the lab or the swarm, with the spread of repeats and changes beyond the
    noise.

    Each is a folder, its run.json, or a folder of several runs of the same, which is one run with repeats. A single
    folder stands for all that is in it.

    Exit codes: 0; with --limit 3 where a figure of the newest run is worse by more, and 4 where there is no verdict: it
    was broken off, failed or is INVALID, lacks figures of the run before, or has none that is valid in it and
    in the earlier runs that it is held against.
    """
    from bench.analysis.comparison.trend import trend_of
    from bench.record.files.run_file import find_run, runs_in
    from bench.report.trend import render_trend, write_trend

    sources = list(runs)
    if len(runs) == 1 and runs[0].is_dir() and not find_run(runs[0]).exists():
        inside = (each for each in sorted(runs[0].iterdir()) if each.is_dir() and not each.name.startswith("."))
        sources = [each for each in inside if any(file.exists() for file in runs_in(each))]
    if not sources:
        raise Misused(f"There is no run in {runs[0]}.")
    points = [(read_repeats(source)[0], len(runs_in(source))) for source in sources]
    found = trend_of(points, limit=limit, names=names)
    if names and not found.lines:
        raise Misused(f"No figure that several runs have is called {' or '.join(names)}.")
    click.echo(render_trend(found, all_figures=all_figures or bool(names)))
    if output is not None:
        write_trend(found, output)
        click.echo(f"trend: {output}")
    if found.exit_code:
        sys.exit(found.exit_code)
