"""``lobby-bench``: list the scenarios, run some, make the whole report, compare two.

Exit codes: 0 good · 1 failed · 2 usage · 3 a goal was missed, or a run is worse than another · 4 the run is not valid.
"""

from __future__ import annotations

import secrets
import signal
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from loadtest.results.exit_codes import ExitCode

if TYPE_CHECKING:
    from bench.record.profiles import Profile
    from bench.record.run import Run


MOST_NAMED = 3
"""Scenarios in the name of a folder."""

NEEDED = ("picows", "uvloop", "numpy", "scipy", "matplotlib", "jinja2", "rich", "psutil", "jwt", "locust", "websocket")
"""Modules of the extra `bench`."""

REPORTS = Path("reports")
BASELINE = REPORTS / "baseline.json"

GATE_ATTEMPTS = 3
"""Measurements of a gate until a ratio is called worse."""

SEED_BITS = 31

AUDIT_FILE = "audit.txt"
"""In the sample: what the auditor found."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The lab: measures a lobby server with push against polling, and says which promises hold."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise _Misused(f"The lab needs {', '.join(missing)}: install it with pip install 'lobby-server[bench]'.")
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell's background job comes with it ignored
        signal.signal(number, _interrupt)


@main.command("list")
def list_scenarios() -> None:
    """The scenarios and their questions."""
    from bench.record.questions import ENGINE_QUESTIONS, PROMISES, PROMISES_QUESTION, QUESTIONS

    reported = list(QUESTIONS.items())
    reported.insert(-1, (PROMISES, PROMISES_QUESTION))
    by_name = list(ENGINE_QUESTIONS.items())
    width = max(len(name) for name, _ in (*reported, *by_name))
    for name, question in reported:
        click.echo(f"{name:<{width}}  {question}")
    click.echo(
        "\nBenches of the fan-out engine and of several nodes, not in the report (storm and reconnect have goals "
        "there, too):\n"
    )
    for name, question in by_name:
        click.echo(f"{name:<{width}}  {question}")


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


@main.command()
@click.argument("names", nargs=-1, required=True)
@_run_options
@click.option(
    "--clients", type=click.IntRange(1, 19_000), multiple=True, help="at this size instead; may be given several times"
)
def run(
    names: tuple[str, ...], profile: str, output: Path | None, seed: int | None, clients: tuple[int, ...],
    slo_ms: float | None,
) -> None:  # fmt: skip
    """Run some scenarios, print their tables and report on them.

    Exit codes: 1 a ledger found a fault, or a scenario failed; 3 a goal was missed; 4 a figure is not valid.
    """
    from bench.record.profiles import PROFILES, at_sizes, parts

    sizes = at_sizes(parts(_with_slo(PROFILES[profile], slo_ms)), clients)
    what = "+".join(names) if len(names) <= MOST_NAMED else f"{len(names)}-scenarios"
    _measure_and_report(names, profile=sizes, output=output, seed=seed, what=what, tables=True)


@main.command()
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
    from bench.record.profiles import PROFILES

    if source is not None:
        kept = _read(source)
        _report(kept, output, what="again")
        _end(kept, with_goals=False)
    else:
        sizes = _with_slo(PROFILES[profile], slo_ms)
        _measure_and_report((), profile=sizes, output=output, seed=seed, what=profile, tables=False)


@main.command()
@click.argument("before", type=click.Path(path_type=Path, exists=True))
@click.argument("after", type=click.Path(path_type=Path, exists=True))
@click.option("--limit", type=click.FloatRange(min=0), default=0.10, show_default=True, help="worse by more: exit 3")
@click.option("--ratios", is_flag=True, help="only ratios between parties of one run, which other machines share")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), help="leave table and chart here")
def compare(before: Path, after: Path, limit: float, ratios: bool, output: Path | None) -> None:
    """What got better or worse from one run to another, beyond the noise.

    Runs are folders, or their run.json. A folder of several runs of the same is one run with repeats.

    Exit codes: 0 no worse; 3 worse by more than the limit; 4 no verdict: nothing that can be compared, a figure is
    missing, something may be worse and the readings are too few to tell, or one of the runs was broken off, failed or
    is INVALID.
    """
    from bench.analysis.comparison.compare import compare_runs
    from bench.report.comparison import render_comparison, write_comparison

    (one, one_schema), (two, two_schema) = _read_repeats(before), _read_repeats(after)
    found = compare_runs(one, two, limit=limit, ratios_only=ratios, schemas=(one_schema, two_schema))
    click.echo(render_comparison(found))
    if output is not None:
        write_comparison(found, output)
        click.echo(f"comparison: {output}")
    if found.exit_code:
        sys.exit(found.exit_code)


@main.command()
@click.option("--baseline", "stored", type=click.Path(path_type=Path), default=BASELINE, show_default=True)
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), help="leave run1, run2 … here")
@click.option("--seed", type=click.IntRange(0, 2**SEED_BITS - 1), help="of all that is random; default: drawn")
def gate(stored: Path, output: Path | None, seed: int | None) -> None:
    """Measure ratios between parties for a minute and hold them against the stored baseline.

    A ratio above its limit is measured again, at most twice: it is worse only if it is so every time.

    Exit codes: 0 no worse; 1 a ledger found a fault; 3 worse; 4 no verdict, a ratio could not be measured.
    """
    from bench.analysis.comparison.baseline import SCENARIOS, check, verdict
    from bench.record.files.baseline import BaselineUnreadable, read_baseline
    from bench.record.files.run_file import RUN_FILE, write_run
    from bench.record.profiles import GATE

    try:
        baseline = read_baseline(stored)
    except BaselineUnreadable as error:
        raise _Misused(f"{error}.") from error
    runs: list[Run] = []
    for attempt in range(1, GATE_ATTEMPTS + 1):
        runs.append(_measure(SCENARIOS, profile=GATE, seed=seed))
        if output is not None:
            folder = output / f"run{attempt}"
            folder.mkdir(parents=True, exist_ok=True)
            write_run(runs[-1], folder / RUN_FILE)
        checked = check(baseline, runs)
        code = verdict(checked)
        if not code:
            break
    for each in checked:
        click.echo(each)
    click.echo(f"{len(runs)} of at most {GATE_ATTEMPTS} attempts; baseline of {baseline.runs} runs, {baseline.rule}")
    faults = [f"{each.name}: {fault}" for run in runs for each in run.findings for fault in each.faults]
    if faults:
        raise _Failed(f"A ledger found a fault in {faults[0]}.")
    if code:
        sys.exit(code)


@main.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), default=BASELINE, show_default=True)
def baseline(runs: tuple[Path, ...], output: Path) -> None:
    """Make the stored baseline anew from five or more runs of the gate (their folders, or a folder of them)."""
    from bench.analysis.comparison.baseline import make_baseline
    from bench.record.files.baseline import write_baseline
    from bench.record.files.run_file import runs_in

    try:
        made = make_baseline([_read(path) for source in runs for path in runs_in(source)])
        write_baseline(made, output)
    except (ValueError, OSError) as error:
        raise _Misused(f"No baseline: {error}.") from error
    for each in made.ratios:
        click.echo(f"{each.value:>8.3f}  ({each.low:.3f}–{each.high:.3f})  limit {each.limit:.3f}  {each.name}")
    click.echo(output)


@main.command()
@click.option(
    "--seeds", type=click.IntRange(1), default=300, show_default=True, help="try so many, one after the other"
)
@click.option("--first", type=click.IntRange(0), default=0, show_default=True, help="of the seeds that are tried")
@click.option("--seed", type=click.IntRange(0), help="run this one only")
@click.option("--schedule", "text", help="run this schedule only, as a failure prints it")
@click.option("--trace", is_flag=True, help="tell what happened: who, what, when, on which node")
def simulate(seeds: int, first: int, seed: int | None, text: str | None, trace: bool) -> None:
    """Run whole lobbies in virtual time, with faults, and check that nothing is violated that must hold.

    A seed that fails is shrunk to the fewest faults and deeds and told as a story.

    Exit codes: 0 everything held; 1 an invariant was violated; 2 the schedule cannot be read.
    """
    from bench.simulation.command import explore, replay, replay_seed
    from bench.simulation.schedule import read_schedule

    if text is not None:
        try:
            schedule = read_schedule(text)
        except ValueError as error:
            raise _Misused(f"The schedule cannot be read: {error}.") from error
        holds = replay(schedule, trace=trace)
    elif seed is not None:
        holds = replay_seed(seed, trace=trace)
    else:
        holds = explore(range(first, first + seeds), trace=trace)
    if not holds:
        raise _Failed("An invariant was violated.")


@main.command()
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), default=REPORTS, show_default=True)
def index(output: Path) -> None:
    """Make the index page of a folder of runs again."""
    from bench.report.index import write_index

    click.echo(write_index(output))


@main.command()
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
        raise _Misused(f"{run_dir} is not a whole run, or has no place to go: {error}.") from error
    click.echo(output)
    if not agrees:
        raise _Failed(f"The sample says what its readings do not: see {output / AUDIT_FILE}.")


def _audit_sample(sample: Path) -> bool:
    """Have what the sample says recomputed, and keep what came of it beside it."""
    from bench.audit.__main__ import AGREES, audit_report

    code, text = audit_report(sample)
    (sample / AUDIT_FILE).write_text(f"$ python -m bench.audit {sample.name}\n{text}\n", encoding="utf-8")
    return code == AGREES


class _Failed(click.ClickException):
    """The run failed; one sentence says how."""

    exit_code = ExitCode.FAILED


class _Misused(_Failed):
    """What was asked for cannot be done; one sentence says what to do instead."""

    exit_code = ExitCode.USAGE


def _with_slo(profile: Profile, slo_ms: float | None) -> Profile:
    """A service level that was asked for is searched for wherever it is, in every profile."""
    import msgspec

    from bench.record.profiles import wherever

    if slo_ms is None:
        return profile
    far = wherever(profile)
    return msgspec.structs.replace(far, capacity=msgspec.structs.replace(far.capacity, slo_ms=slo_ms))


def _read(source: Path) -> Run:
    """A run by its folder or its file."""
    from bench.record.files.run_file import RunUnreadable, find_run, read_run

    try:
        return read_run(find_run(source))
    except RunUnreadable as error:
        raise _Misused(str(error)) from error


def _read_repeats(source: Path) -> tuple[Run, int]:
    """A run, or a folder of runs as one with repeats; and the schema of the file, the oldest of several."""
    from bench.record.files.run_file import runs_in, schema_of
    from bench.record.repeats import NotRepeats, as_repeats

    files = runs_in(source)
    try:
        return as_repeats([_read(each) for each in files]), min(map(schema_of, files))
    except NotRepeats as error:
        raise _Misused(f"{source} is not several runs of the same: {error}.") from error


def _measure_and_report(
    names: Sequence[str], *, profile: Profile, output: Path | None, seed: int | None, what: str, tables: bool
) -> None:
    if output is not None and output.exists() and any(output.iterdir()):
        raise _Misused(f"{output} is not empty: give --output another folder.")
    try:
        measured = _measure(names, profile=profile, seed=seed)
    except KeyboardInterrupt:
        raise _Failed("Interrupted before anything was measured: the servers are stopped.") from None
    if tables:
        from bench.report.tables import render_result

        for result in measured.findings:
            click.echo(render_result(result) + "\n")
    _report(measured, output, what=what)
    if not measured.is_whole:
        raise _Failed("Interrupted: the report is of what was measured until then.")
    _end(measured, with_goals=tables)


def _end(run: Run, *, with_goals: bool) -> None:
    """By the exit code of the run."""
    from bench.analysis.exit_code import exit_code

    code = exit_code(run, with_goals=with_goals)
    if code is ExitCode.INVALID:
        click.echo("The run is not valid: see what is marked INVALID.", err=True)
    if code:
        sys.exit(code)


def _measure(names: Sequence[str], *, profile: Profile, seed: int | None) -> Run:
    """Have scenarios measured, all of the report without names. What can go wrong in a lab is one sentence."""
    from bench.processes.cpu import plan_cpus
    from bench.processes.lab import Lab, target_factory
    from bench.processes.progress import reporter
    from bench.processes.remote import GeneratorFailed
    from bench.record.questions import NEEDED_FOR_PROMISES, PROMISES
    from bench.scenarios.registry import SCENARIOS
    from bench.scenarios.runner import FAILURES, run_scenarios

    wanted = [*names, *(NEEDED_FOR_PROMISES if PROMISES in names else ())]
    known = [PROMISES, *(scenario.name for scenario in SCENARIOS)]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise _Misused(f"There is no scenario {unknown[0]}: there are {', '.join(known)}.")
    scenarios = [each for each in SCENARIOS if (each.name in wanted if names else each.in_report)]
    cpus = plan_cpus()
    with reporter() as progress:
        lab = Lab(
            profile=profile,
            seed=secrets.randbits(SEED_BITS) if seed is None else seed,
            cpus=cpus,
            reporter=progress,
            server_factory=target_factory(cpus),
        )
        try:
            return run_scenarios(lab, scenarios, arguments=["lobby-bench", *sys.argv[1:]])
        except GeneratorFailed as error:
            raise _Failed(f"The run failed in the generator: {error}. {error.details}".strip()) from error
        except FAILURES as error:
            raise _Failed(f"The run failed: {error}.") from error


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
        raise _Failed(f"Interrupted: there is no report of {keep_readings(measured, folder)}.") from None
    except OSError as error:
        raise _Misused(f"The report cannot be written: {error}.") from error
    except Exception:
        kept = keep_readings(measured, folder)
        click.echo(f"The report could not be made; the readings are in {kept}.", err=True)
        raise
    for sentence in (*made.answers, *made.carries):
        click.echo(sentence)
    click.echo(f"report: {folder / 'report.html'}")


def _folder_name(measured: Run) -> str:
    time = measured.started_at.replace("-", "").replace(":", "")
    return f"{time}-{measured.commit}"


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
