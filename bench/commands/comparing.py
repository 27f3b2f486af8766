"""``lobby-bench compare``, ``gate`` and ``baseline``: one run held against others."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.commands.errors import Failed, Misused
from bench.commands.measuring import SEED_BITS, measure
from bench.commands.runs import REPORTS, read, read_repeats

if TYPE_CHECKING:
    from bench.record.run import Run

BASELINE = REPORTS / "baseline.json"

GATE_ATTEMPTS = 3
"""Measurements of a gate until a ratio is called worse."""


@click.command()
@click.argument("before", type=click.Path(path_type=Path, exists=True))
@click.argument("after", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--limit", type=click.FloatRange(min=0), default=0.10, show_default=True, help="worse by more: exit 3")
@click.option("--ratios", is_flag=True, help="only ratios between parties of one run, which other machines share")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), help="leave table and chart here")
def compare(before: Path, after: tuple[Path, ...], limit: float, ratios: bool, output: Path | None) -> None:
    """What got better or worse from one run to another, beyond the noise; of several, from the first to each.

    Runs are folders, or their run.json. A folder of several runs of the same is one run with repeats.

    Exit codes: 0 no worse; 3 worse by more than the limit; 4 no verdict: nothing that can be compared, a figure is
    missing, something may be worse and the readings are too few to tell, or one of the runs was broken off, failed or
    is INVALID. Of several the highest.
    """
    from bench.analysis.comparison.compare import compare_runs
    from bench.report.comparison import render_comparison, write_comparison

    one, one_schema = read_repeats(before)
    codes = []
    for number, each in enumerate(after, start=2):
        two, two_schema = read_repeats(each)
        found = compare_runs(one, two, limit=limit, ratios_only=ratios, schemas=(one_schema, two_schema))
        if len(after) > 1:
            click.echo(f"{'' if number == 2 else chr(10)}{before} and {each}")
        click.echo(render_comparison(found))
        codes.append(found.exit_code)
        if output is not None:
            folder = output / f"1-{number}" if len(after) > 1 else output
            write_comparison(found, folder)
            click.echo(f"comparison: {folder}")
    if max(codes):
        sys.exit(max(codes))


@click.command()
@click.option("--baseline", "stored", type=click.Path(path_type=Path), default=BASELINE, show_default=True)
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), help="leave run1, run2 … here")
@click.option("--seed", type=click.IntRange(0, 2**SEED_BITS - 1), help="of all that is random; default: drawn")
def gate(stored: Path, output: Path | None, seed: int | None) -> None:
    """Measure ratios between parties for a minute and hold them against the stored baseline.

    What has a ratio above its limit is measured again, at most twice: it is worse only if it is so every time.

    Exit codes: 0 no worse; 1 a ledger found a fault, or a scenario failed; 3 worse; 4 no verdict, because a ratio could
    not be measured, or was above its limit while other work had the cores or on another processor than the baseline's.
    """
    from bench.analysis.comparison.baseline import SCENARIOS, check, in_question, verdict
    from bench.record.files.baseline import BaselineUnreadable, read_baseline
    from bench.record.files.run_file import RUN_FILE, write_run
    from bench.record.profiles.standard import GATE

    try:
        baseline = read_baseline(stored)
    except BaselineUnreadable as error:
        raise Misused(f"{error}.") from error
    runs: list[Run] = []
    names: Sequence[str] = SCENARIOS
    for attempt in range(1, GATE_ATTEMPTS + 1):
        runs.append(measure(names, profile=GATE, seed=seed))
        if not runs[-1].is_whole:
            raise Failed("Interrupted: there is no verdict.")
        if output is not None:
            folder = output / f"run{attempt}"
            folder.mkdir(parents=True, exist_ok=True)
            write_run(runs[-1], folder / RUN_FILE)
        checked = check(baseline, runs)
        code = verdict(checked)
        names = in_question(checked)
        if not code or not names:  # a ratio that nothing here measures
            break
    for each in checked:
        click.echo(each)
    click.echo(f"{len(runs)} of at most {GATE_ATTEMPTS} attempts; baseline of {baseline.runs} runs, {baseline.rule}")
    faults = [f"{each.name}: {fault}" for run in runs for each in run.findings for fault in each.faults]
    if faults:
        raise Failed(f"A ledger found a fault in {faults[0]}.")
    failures = [f"{name}: {why}" for name, why in runs[-1].failures.items()]
    if code and failures:  # every time, or it had not been measured again
        raise Failed(f"A scenario failed, {failures[0]}.")
    if code:
        sys.exit(code)


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), default=BASELINE, show_default=True)
def baseline(runs: tuple[Path, ...], output: Path) -> None:
    """Make the stored baseline anew from five or more runs of the gate (their folders, or a folder of them)."""
    from bench.analysis.comparison.baseline import disturbed_in, make_baseline
    from bench.record.files.baseline import write_baseline
    from bench.record.files.run_file import runs_in

    try:
        found = [read(path) for source in runs for path in runs_in(source)]
        made = make_baseline(found)
        write_baseline(made, output)
    except (ValueError, OSError) as error:
        raise Misused(f"No baseline: {error}.") from error
    for each in made.ratios:
        click.echo(f"{each.value:>8.3f}  ({each.low:.3f}–{each.high:.3f})  limit {each.limit:.3f}  {each.name}")
    if disturbed := disturbed_in(found):
        of = len(found) * len(made.ratios)
        click.echo(f"Other work had a part in {disturbed} of {of} ratios: limits are narrower on a quiet machine.")
    click.echo(output)
