"""What ends a command with one sentence and an exit code."""

from __future__ import annotations

import click

from loadtest.results.exit_codes import ExitCode


class Failed(click.ClickException):
    """The run failed; one sentence says how."""

    exit_code = ExitCode.FAILED


class Misused(Failed):
    """What was asked for cannot be done; one sentence says what to do instead."""

    exit_code = ExitCode.USAGE
