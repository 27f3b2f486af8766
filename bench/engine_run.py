"""Runs benches of the fan-out engine: prints their tables as they end, leaves run.json and the tables in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from bench.engine_results import EngineResult
from bench.engine_table import render_result
from bench.goals import Verdict, rule
from bench.lab import Lab
from bench.profiles import QUICK, SMOKE, Profile
from bench.results import RUN_FILE, Run, write_run
from bench.runner import run_scenarios
from bench.scenarios.engine import engine_benches, sized
from bench.scenarios.registry import Scenario

TABLES_FILE = "engine.txt"

EXIT_FAULT = 1
EXIT_MISSED = 3

PROFILES = {
    "smoke": SMOKE,
    "quick": QUICK,
    "full": msgspec.structs.replace(QUICK, name="full", purpose="every size of the benches of the engine"),
}


def engine_profile(name: str) -> Profile:
    """What the run is marked with; sizes are in `bench.scenarios.engine`."""
    return PROFILES[name]


def run_benches(lab: Lab, names: Sequence[str], *, clients: tuple[int, ...], arguments: Sequence[str]) -> Run:
    """One after the other, in the order asked for."""
    benches, sizes = engine_benches(), sized(lab.profile.name, clients)

    def run_all(lab: Lab) -> list[EngineResult]:
        results = []
        for name in names:
            results.append(benches[name].run(lab, sizes))
            click.echo(render_result(results[-1]) + "\n")
        return results

    whole = Scenario("engine", "The benches of the fan-out engine.", run_all, alone=True)
    return run_scenarios(lab, [whole], arguments=arguments)


def write_benches(run: Run, folder: Path) -> None:
    """Raises `OSError` when it cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    write_run(run, folder / RUN_FILE)
    tables = "\n\n".join(render_result(result) for result in run.engine or [])
    (folder / TABLES_FILE).write_text(tables + "\n", encoding="utf-8")


def exit_code(results: Sequence[EngineResult]) -> int:
    """A fault found by a ledger is worse than a missed target; what was not measured is neither."""
    if any(result.faults for result in results):
        return EXIT_FAULT
    missed = any(ruling.verdict is Verdict.MISSED for result in results for ruling in rule(result))
    return EXIT_MISSED if missed else 0
