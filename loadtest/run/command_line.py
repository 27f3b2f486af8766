"""The swarm's options on Locust's command line, and ``--plan``: what a plan's file says becomes what the parser takes
where nothing was given."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from loadtest.output.recording_options import add_run_options
from loadtest.results.exit_codes import ExitCode, UsageError
from loadtest.results.standard_output import fail_untold, give_up
from loadtest.run.checks.ports import move_if_taken
from loadtest.wire.profiles.profile_file import listing as profiles_listing
from loadtest.workload.options import add_options, read_options
from loadtest.workload.texts.plan_file import LIST, PlanFile, named_in, read_plan
from loadtest.workload.texts.plan_file import listing as plans_listing


def add_all_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """`parser` has Locust's own already. Ends the program after a list that was asked for, and with one sentence and
    exit code 2 where a plan does not hold."""
    try:
        add_options(parser)
        add_run_options(parser)
        for flag, listing in (("--plan", plans_listing), ("--protocol", profiles_listing)):
            if named_in(arguments, flag) == LIST:
                _tell(listing())
        apply_plan(parser, arguments)
        move_if_taken(parser, arguments)
    except argparse.ArgumentError as error:  # of a role of somebody's own: ours are tried by the tests
        wrong = f"a role has an option that there is already: {error}."
    except UsageError as error:
        wrong = str(error)
    else:
        return
    print(f"loadtest: {wrong}", file=sys.stderr, flush=True)
    sys.exit(ExitCode.USAGE)


def _tell(listing: str) -> NoReturn:
    """End the program with what was asked for."""
    if sys.stdout is None:
        fail_untold("loadtest", "it is closed")
    try:
        print(listing, end="", flush=True)
    except OSError as fault:  # a full disk, a pipe that nobody reads
        give_up()
        fail_untold("loadtest", fault.strerror or str(fault))
    sys.exit(ExitCode.GOOD)


def apply_plan(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> PlanFile | None:
    """`parser` has all options already, Locust's and the swarm's. None: no plan is named. Raises `UsageError`."""
    name = named_in(arguments)
    if name is None:
        return None
    plan = read_plan(name)
    try:
        read_options({**defaults(), **plan.values})
    except UsageError as error:
        raise plan.blame(error) from None
    parser.set_defaults(**plan.values)
    return plan


def defaults() -> dict[str, Any]:
    """The swarm's options where none is given."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    add_run_options(parser)
    return vars(parser.parse_args([]))
