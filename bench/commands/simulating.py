"""``lobby-bench simulate``."""

from __future__ import annotations

import click

from bench.commands.errors import Failed, Misused


@click.command()
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
            raise Misused(f"The schedule cannot be read: {error}.") from error
        holds = replay(schedule, trace=trace)
    elif seed is not None:
        holds = replay_seed(seed, trace=trace)
    else:
        holds = explore(range(first, first + seeds), trace=trace)
    if not holds:
        raise Failed("An invariant was violated.")
