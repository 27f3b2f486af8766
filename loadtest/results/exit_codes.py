"""How a command of the swarm or the lab ends: the exit codes, and the error that stands for code 2."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Where several apply, the swarm ends with the first of: usage, invalid, threshold missed, failed, suspect."""

    GOOD = 0
    FAILED = 1
    """A request, a scenario or the command itself failed."""
    USAGE = 2
    """An option cannot be used, or the server does not answer; nothing was measured."""
    THRESHOLD_MISSED = 3
    """Everything was measured and a threshold (in the lab: a goal) was missed."""
    INVALID = 4
    """The figures cannot be trusted, so they say nothing about thresholds either."""
    SUSPECT = 5
    """All else is good, but something happened that a reader has to know of before using the figures."""
    INTERRUPTED = 130
    """Ended by Ctrl-C before there was anything to judge; as shells say it, 128 and the number of SIGINT."""


class UsageError(ValueError):
    """An option that cannot be used. Its text is one sentence that says what to do instead."""
