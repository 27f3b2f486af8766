"""``lobby-bench simulate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bench.commands.errors import Failed, Misused

if TYPE_CHECKING:
    from bench.simulation.many import MakeSchedule


class Interrupted(click.ClickException):
    """Before it was known whether everything holds."""

    exit_code = 130  # as a shell has it, of SIGINT


@click.command(context_settings={"ignore_unknown_options": True})
@click.option(
    "--seeds", type=click.IntRange(1), default=300, show_default=True, help="try so many, one after the other"
)
@click.option("--first", type=click.IntRange(0), help="of the seeds that are tried; default: 0, or the plan's seed")
@click.option("--seed", type=click.IntRange(0), help="run this one only")
@click.option("--schedule", "text", help="run this schedule only, as a failure prints it")
@click.option(
    "--trace",
    is_flag=True,
    help="tell the story of what fails, or of the seed that is run",
)
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="processes")
@click.option("--faults", type=click.IntRange(0), help="with flags of the swarm: so many; default: 5 to 9")
@click.argument("swarm", nargs=-1, type=click.UNPROCESSED, metavar="[FLAGS OF THE SWARM]")
def simulate(
    seeds: int,
    first: int | None,
    seed: int | None,
    text: str | None,
    trace: bool,
    jobs: int,
    faults: int | None,
    swarm: tuple[str, ...],
) -> None:
    """Run whole lobbies in virtual time, with faults, and check that nothing is violated that must hold.

    A seed that fails is shrunk to the fewest faults and deeds and told as a story.

    With flags of the swarm (--plan, --mix, --shape, --mode, -u, -t and all others that say what players do) it is a
    plan of the swarm that is played, as lobby-swarm --help tells; without, twenty players who do everything.

    With Ctrl-C it says how many seeds held by then; while it shrinks, it goes on with the smallest schedule so far.

    Exit codes: 0 everything held; 1 an invariant was violated; 2 the schedule or the plan cannot be read; 130
    interrupted.
    """
    from bench.simulation.command import Stopped, explore, replay
    from bench.simulation.schedule import read_schedule, schedule_of

    if text is not None and (seed is not None or first is not None or swarm or faults is not None):
        raise Misused(
            "--schedule says all that happens: it goes without --seed, --first, --faults and flags of the swarm."
        )
    if seed is not None and first is not None:
        raise Misused("--seed is one, --first the first of many: give one of the two.")
    if text is not None:
        try:
            schedule = read_schedule(text)
        except ValueError as error:
            raise Misused(f"The schedule cannot be read: {error}.") from error
        holds = replay(schedule, trace=trace)
    else:
        make: MakeSchedule = schedule_of
        if swarm:
            make, first = _of_swarm(swarm, faults, first)
        elif faults is not None:
            raise Misused("--faults goes with flags of the swarm: give --plan or --mix.")
        if seed is not None:
            holds = replay(make(seed), trace=trace)
        else:
            try:
                holds = explore(range(first or 0, (first or 0) + seeds), trace=trace, make=make, jobs=jobs)
            except Stopped as stopped:
                raise Interrupted(str(stopped)) from None
    if not holds:
        raise Failed("An invariant was violated.")


def _of_swarm(flags: tuple[str, ...], faults: int | None, first: int | None) -> tuple[MakeSchedule, int | None]:
    """Its schedules, and the first seed."""
    from bench.simulation.swarm_plan import SwarmSchedules
    from loadtest.results.exit_codes import UsageError

    schedules = SwarmSchedules(flags, faults)
    try:
        first = schedules.seed if first is None else first
        schedules(first or 0)  # what cannot be played is said before anything runs
    except UsageError as error:
        raise Misused(str(error)) from error
    return schedules, first
