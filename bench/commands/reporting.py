"""``lobby-bench run`` and ``report``: measure, and leave a report of it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.commands.errors import Failed, Misused
from bench.commands.measuring import SEED_BITS, measure
from bench.commands.runs import REPORTS, read
from bench.commands.trial import try_to_write_in
from loadtest.results.exit_codes import ExitCode

if TYPE_CHECKING:
    from bench.record.profiles.profile import Profile
    from bench.record.run import Run

MOST_NAMED = 3
"""Scenarios in the name of a folder."""
AGAIN = "again"
"""Of a report whose readings are kept already."""


def _run_options(command: click.decorators.FC) -> click.decorators.FC:
    """What `run` and `report` share."""
    for option in (
        click.option("--seed", type=click.IntRange(0, 2**SEED_BITS - 1), help="of all that is random; default: drawn"),
        click.option(
            "--output", type=click.Path(path_type=Path, file_okay=False),
            help="folder to leave the run in; default: reports/<time>-<commit>-<what>",
        ),
        click.option(
            "--slo-ms", type=click.FloatRange(min=0, min_open=True),
            help="capacity: p99 of the fan-out that has to be met; default: 250 ms",
        ),
        click.option("--smoke", "profile", flag_value="smoke", help="very small sizes: does it all run?"),
        click.option("--full", "profile", flag_value="full", help="with repeats; a report takes at most 45 minutes"),
        click.option("--quick", "profile", flag_value="quick", default="quick", help="at most 3 minutes (default)"),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command()
@click.argument("names", nargs=-1, required=True)
@_run_options
@click.option(
    "--clients", type=click.IntRange(1, 19_000), multiple=True, help="at this size instead; may be given several times"
)
@click.option(
    "--base",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="another checkout, whose server takes turns with this one's",
)
@click.option("--all-cores", is_flag=True, help="let server and generator share all cores; default: a core for each")
def run(
    names: tuple[str, ...], profile: str, output: Path | None, seed: int | None, clients: tuple[int, ...],
    slo_ms: float | None, base: Path | None, all_cores: bool,
) -> None:  # fmt: skip
    """Run some scenarios, print their tables and report on them.

    Exit codes: 1 a ledger found a fault, or a scenario failed; 3 a goal was missed; 4 a figure is not valid.
    """
    from bench.record.profiles.profile import at_sizes, parts
    from bench.record.profiles.standard import PROFILES

    sizes = at_sizes(parts(_with_slo(PROFILES[profile], slo_ms)), clients)
    what = "+".join(names) if len(names) <= MOST_NAMED else f"{len(names)}-scenarios"
    _measure_and_report(
        names, profile=sizes, output=output, seed=seed, what=what, tables=True, base=base, is_pinned=not all_cores
    )


@click.command()
@_run_options
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    help="make the report of this run again (folder or run.json)",
)
def report(
    profile: str, output: Path | None, seed: int | None, source: Path | None, slo_ms: float | None
) -> None:  # fmt: skip
    """Measure everything and leave report.html, report.md, charts, junit.xml and run.json.

    Exit codes: 1 a ledger found a fault, or a scenario failed; 4 a figure is not valid. The same for a run of before.
    """
    from bench.record.profiles.standard import PROFILES

    if source is not None:
        kept = read(source)
        _report(kept, output, what=AGAIN)
        _end(kept, with_goals=False)
    else:
        sizes = _with_slo(PROFILES[profile], slo_ms)
        _measure_and_report((), profile=sizes, output=output, seed=seed, what=profile, tables=False)


def _with_slo(profile: Profile, slo_ms: float | None) -> Profile:
    """A service level that was asked for is searched for wherever it is, in every profile."""
    import msgspec

    from bench.record.profiles.profile import wherever

    if slo_ms is None:
        return profile
    far = wherever(profile)
    return msgspec.structs.replace(far, capacity=msgspec.structs.replace(far.capacity, slo_ms=slo_ms))


def _measure_and_report(
    names: Sequence[str], *, profile: Profile, output: Path | None, seed: int | None, what: str, tables: bool,
    base: Path | None = None, is_pinned: bool = True,
) -> None:  # fmt: skip
    if output is not None and output.exists() and any(output.iterdir()):
        raise Misused(f"{output} is not empty: give --output another folder.")
    try_to_write_in((REPORTS if output is None else output.parent).absolute())
    try:
        measured = measure(names, profile=profile, seed=seed, base=base, is_pinned=is_pinned)
    except KeyboardInterrupt:
        raise Failed("Interrupted before anything was measured: the servers are stopped.") from None
    if tables:
        from bench.report.tables import render_result

        for result in measured.findings:
            click.echo(render_result(result) + "\n")
    _report(measured, output, what=what)
    if not measured.is_whole:
        raise Failed("Interrupted: the report is of what was measured until then.")
    _end(measured, with_goals=tables)


def _end(run: Run, *, with_goals: bool) -> None:
    """By the exit code of the run."""
    from bench.analysis.exit_code import exit_code

    code = exit_code(run, with_goals=with_goals)
    if code is ExitCode.INVALID:
        click.echo("The run is not valid: see what is marked INVALID.", err=True)
    if code:
        sys.exit(code)


def _report(measured: Run, output: Path | None, *, what: str) -> None:
    from bench.report.build import keep_readings, make_report, write_report
    from bench.report.index import write_index

    folder = output if output is not None else REPORTS / f"{_folder_name(measured)}-{what}"
    try:
        made = make_report(measured)
        write_report(made, folder)
        if output is None:
            write_index(REPORTS)
    except KeyboardInterrupt:
        raise Failed(f"Interrupted: there is no report of {keep_readings(measured, folder)}.") from None
    except OSError as error:
        kept = "" if what == AGAIN else f" The readings are {_kept_elsewhere(measured)}."
        raise Misused(f"The report cannot be written: {error}.{kept}") from error
    except Exception:
        click.echo(f"The report could not be made; the readings are in {keep_readings(measured, folder)}.", err=True)
        raise
    for sentence in (*made.answers, *made.carries):
        click.echo(sentence)
    click.echo(f"report: {folder / 'report.html'}")


def _kept_elsewhere(measured: Run) -> str:
    """Where the readings of a run are that could not be written where they belong."""
    from bench.report.build import keep_readings

    try:
        return f"in {keep_readings(measured, Path(tempfile.mkdtemp(prefix='lobby-bench-')))}"
    except OSError as error:
        return f"lost, nor can they be written elsewhere: {error}"


def _folder_name(measured: Run) -> str:
    time = measured.started_at.replace("-", "").replace(":", "")
    return f"{time}-{measured.commit}"
