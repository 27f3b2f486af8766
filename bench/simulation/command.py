"""``lobby-bench simulate``: look for a seed that violates an invariant, make it small, tell it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from bench.processes.progress import Reporter, reporter
from bench.simulation import story
from bench.simulation.many import MakeSchedule, quiet, search
from bench.simulation.run import Outcome, simulate
from bench.simulation.schedule import Schedule, schedule_of
from bench.simulation.shrink import MOST_RUNS, shrink

SAY_EVERY = 50
"""Seeds between two lines where there is no bar."""


class Stopped(Exception):
    """By the user, before it was known whether everything holds; says how far it came."""


def explore(seeds: Sequence[int], *, trace: bool, make: MakeSchedule = schedule_of, jobs: int = 1) -> bool:
    """Try seeds until one fails. Whether all held. `make`: their schedules. `jobs`: processes. Raises `Stopped` where
    the user interrupts."""
    began_s = time.monotonic()
    entries = deeds = faults = done = 0
    with reporter() as told, told.stage("simulate", float(len(seeds))) as stage:

        def progress(outcome: Outcome) -> None:
            nonlocal entries, deeds, faults, done
            entries += outcome.entries
            deeds += outcome.schedule.deeds
            faults += outcome.schedule.faults
            done += 1
            stage.advance()
            if done % SAY_EVERY == 0:
                stage.say(f"{done} of {len(seeds)} seeds, {done / (time.monotonic() - began_s) * 60:.0f} per minute")

        try:
            failed = search(seeds, make=make, jobs=min(jobs, len(seeds)), progress=progress)
        except KeyboardInterrupt:
            raise Stopped(f"Interrupted after {done} of {len(seeds)} seeds, which all held.") from None
        took_s = time.monotonic() - began_s
        if failed is not None:
            stage.say(f"seed {failed.schedule.seed} fails")
    if failed is None:
        click.echo(
            f"{done} seeds, {deeds} deeds, {faults} faults, {entries} entries, everything held: {took_s:.1f} s, "
            f"{done / took_s * 60:.0f} schedules per minute"
        )
        return True
    click.echo(f"seed {failed.schedule.seed} fails after {done} of {len(seeds)}: {failed.violation}\n")
    explain(failed, trace=trace)
    if not trace:
        click.echo("\nwhat happened in it: the same with --trace, or --schedule '…' --trace with the line above")
    return False


def replay(schedule: Schedule, *, trace: bool) -> bool:
    """Run one schedule, and tell it all if that is wanted. Whether it held."""
    with quiet():
        outcome = simulate(schedule, tells=trace)
    if trace:
        for line in story.tell(outcome):
            click.echo(line)
    else:
        click.echo(story.verdict(outcome))
    if outcome.violation is not None:
        click.echo("")
        explain(outcome, trace=True)
    return outcome.violation is None


def explain(failed: Outcome, *, trace: bool) -> None:
    """The smallest schedule that fails in the same way, and its story."""
    with reporter() as told:
        smallest = _shrunk(failed, told)
    schedule = smallest.schedule
    click.echo(f"shrunk to {story.counted(schedule)}:")
    for line in story.events(schedule):
        click.echo(line)
    click.echo("")
    with quiet():
        told_again = simulate(schedule, tells=True)
    for line in story.tell(told_again) if trace else ():
        click.echo(line)
    click.echo(f'\nas a regression test, one line of SCHEDULES:\n    "{schedule}",')


def _shrunk(failed: Outcome, told: Reporter) -> Outcome:
    with told.stage("shrink", float(MOST_RUNS)) as stage, quiet():

        def progress(runs: int, events: int) -> None:
            stage.advance()
            if runs % 25 == 0:
                stage.say(f"{events} events are left after {runs} runs")

        return shrink(failed, progress=progress)
