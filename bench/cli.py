"""``lobby-bench``: list the scenarios, run some, or make the whole report.

Exit codes: 0 good · 1 failed · 2 usage · 3 a threshold was missed (later) · 4 the run is not valid.
"""

from __future__ import annotations

import secrets
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bench.lab import Lab
    from bench.profiles import Profile
    from bench.results import Run

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INVALID = 4

NEEDED = ("picows", "uvloop", "numpy", "matplotlib", "jinja2", "rich", "psutil", "jwt", "locust", "websocket")
"""Modules of the extra `bench`."""

REPORTS = Path("reports")

SEED_BITS = 31


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
    from bench.scenarios.engine import engine_benches
    from bench.scenarios.registry import SCENARIOS

    lines = [(scenario.name, scenario.question) for scenario in SCENARIOS]
    lines += [(bench.name, bench.question) for bench in engine_benches().values()]
    width = max(len(name) for name, _ in lines)
    for name, question in lines:
        click.echo(f"{name:<{width}}  {question}")


def _run_options(command: click.decorators.FC) -> click.decorators.FC:
    """What `run` and `report` share."""
    for option in (
        click.option("--seed", type=click.IntRange(0, 2**SEED_BITS - 1), help="of all that is random; default: drawn"),
        click.option(
            "--output", type=click.Path(path_type=Path, file_okay=False),
            help="folder to leave the run in; default: reports/<time>-<commit>",
        ),
        click.option("--smoke", "profile", flag_value="smoke", help="very small sizes, at most 30 s: does it all run?"),
        click.option("--quick", "profile", flag_value="quick", default="quick", help="at most 3 minutes (default)"),
    ):  # fmt: skip
        command = option(command)
    return command


@main.command()
@click.argument("names", nargs=-1, required=True)
@_run_options
@click.option("--full", "profile", flag_value="full", help="benches of the engine: every size, at most 4 minutes each")
@click.option(
    "--clients",
    type=click.IntRange(1, 19_000),
    multiple=True,
    help="benches of the engine: at this size instead; may be given several times",
)
def run(names: tuple[str, ...], profile: str, output: Path | None, seed: int | None, clients: tuple[int, ...]) -> None:
    """Run some scenarios and report on them, or benches of the fan-out engine and print their tables.

    `reconnect` is both; with --full or --clients it is the bench alone.
    """
    from bench.scenarios.engine import engine_benches
    from bench.scenarios.registry import SCENARIOS

    benches = [name for name in names if name in engine_benches()]
    engine_only = profile == "full" or bool(clients)
    reported = {scenario.name for scenario in SCENARIOS}
    scenarios = [name for name in names if name not in benches or (name in reported and not engine_only)]
    if engine_only and scenarios:
        raise _Misused(f"--full and --clients are for {', '.join(engine_benches())}; {scenarios[0]} is none of them.")
    if scenarios:
        _measure_and_report(scenarios, profile=profile, output=output, seed=seed)
    if benches:
        if scenarios and output is not None:
            output = output.with_name(f"{output.name}-engine")
        _measure_engine(benches, profile=profile, output=output, seed=seed, clients=clients)


@main.command()
@_run_options
@click.option(
    "--from", "source", type=click.Path(path_type=Path, dir_okay=False), help="make the report of this run.json again"
)
def report(profile: str, output: Path | None, seed: int | None, source: Path | None) -> None:
    """Measure everything and leave report.html, report.md, charts and run.json."""
    if source is not None:
        from bench.results import ResultsUnreadable, read_run

        try:
            known = read_run(source)
        except ResultsUnreadable as error:
            raise _Misused(str(error)) from error
        _report(known, output)
    else:
        _measure_and_report((), profile=profile, output=output, seed=seed)


@main.command()
@click.argument("run_dir", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), default=REPORTS / "sample", show_default=True
)
def sample(run_dir: Path, output: Path) -> None:
    """Keep a run as the sample (pages, SVG charts, run.json compressed) and put its answers in the README."""
    from bench.headline import NoPlace, put_headline
    from bench.report import copy_sample

    try:
        copy_sample(run_dir, output)
        readme = output.resolve().parent.parent / "README.md"
        if readme.exists():
            put_headline(readme, output.resolve())
    except (OSError, NoPlace) as error:
        raise _Misused(f"{run_dir} is not a whole run, or has no place to go: {error}.") from error
    click.echo(output)


class _Failed(click.ClickException):
    """The run failed; one sentence says how."""

    exit_code = EXIT_FAILED


class _Misused(_Failed):
    """What was asked for cannot be done; one sentence says what to do instead."""

    exit_code = EXIT_USAGE


def _measure_and_report(names: Sequence[str], *, profile: str, output: Path | None, seed: int | None) -> None:
    if output is not None and output.exists() and any(output.iterdir()):
        raise _Misused(f"{output} is not empty: give --output another folder.")
    try:
        measured = _measure(names, profile=profile, seed=seed)
    except KeyboardInterrupt:
        raise _Failed("Interrupted: the servers are stopped, and nothing was written.") from None
    _report(measured, output)


def _measure_engine(
    names: Sequence[str], *, profile: str, output: Path | None, seed: int | None, clients: tuple[int, ...]
) -> None:
    from bench.engine_run import engine_profile, exit_code, run_benches, write_benches

    def measure(lab: Lab, arguments: Sequence[str]) -> Run:
        return run_benches(lab, names, clients=clients, arguments=arguments)

    try:
        measured = _in_a_lab(measure, profile=engine_profile(profile), seed=seed)
    except KeyboardInterrupt:
        raise _Failed("Interrupted: the servers are stopped, and nothing was written.") from None
    folder = output if output is not None else REPORTS / f"{_folder_name(measured)}-engine"
    try:
        write_benches(measured, folder)
    except OSError as error:
        raise _Misused(f"The results cannot be written: {error}.") from error
    click.echo(f"results: {folder}")
    sys.exit(exit_code(measured.engine or []))


def _measure(names: Sequence[str], *, profile: str, seed: int | None) -> Run:
    from bench.profiles import QUICK, SMOKE
    from bench.runner import run_scenarios
    from bench.scenarios.registry import SCENARIOS

    known = {scenario.name: scenario for scenario in SCENARIOS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise _Misused(f"There is no scenario {unknown[0]}: there are {', '.join(known)}.")
    scenarios = [scenario for scenario in SCENARIOS if not names or scenario.name in names]

    def measure(lab: Lab, arguments: Sequence[str]) -> Run:
        return run_scenarios(lab, scenarios, arguments=arguments)

    return _in_a_lab(measure, profile={each.name: each for each in (QUICK, SMOKE)}[profile], seed=seed)


def _in_a_lab(measure: Callable[[Lab, Sequence[str]], Run], *, profile: Profile, seed: int | None) -> Run:
    """Have something measured. What can go wrong in a lab is one sentence."""
    from bench.cpu import plan_cpus
    from bench.lab import Lab, target_factory
    from bench.peer import PeerFailed
    from bench.progress import reporter
    from bench.publisher import PublishFailed
    from bench.remote import GeneratorFailed
    from bench.scenarios.swarm import SwarmFailed
    from bench.target import TargetFailed

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
            return measure(lab, ["lobby-bench", *sys.argv[1:]])
        except (TargetFailed, PublishFailed, SwarmFailed, PeerFailed, TimeoutError, OSError) as error:
            raise _Failed(f"The run failed: {error}.") from error
        except GeneratorFailed as error:
            raise _Failed(f"The run failed in the generator: {error}. {error.details}".strip()) from error


def _report(measured: Run, output: Path | None) -> None:
    from bench.report import make_report, write_report

    folder = output if output is not None else REPORTS / _folder_name(measured)
    made = make_report(measured)
    try:
        write_report(made, folder)
    except KeyboardInterrupt:
        raise _Failed("Interrupted: nothing was written.") from None
    except OSError as error:
        raise _Misused(f"The report cannot be written: {error}.") from error
    for sentence in made.answers:
        click.echo(sentence)
    click.echo(f"report: {folder / 'report.html'}")
    if not made.valid:
        click.echo("The run is not valid: see what is marked INVALID.", err=True)
        sys.exit(EXIT_INVALID)


def _folder_name(measured: Run) -> str:
    time = measured.started_at.replace("-", "").replace(":", "")
    return f"{time}-{measured.commit}"


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
