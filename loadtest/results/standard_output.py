"""What a command was asked for goes to standard output. Where that takes nothing, closed or on a full disk, the command
ends with one sentence on standard error and an exit code other than 0.

Python has no object for one that was closed before the start, and prints nothing then, without a word. Of a pipe that
nobody reads any more, Click makes an exit code, and the others have theirs.

Imports next to nothing itself: it is the first thing that a command does.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from loadtest.results.exit_codes import ExitCode


class Untold(SystemExit):
    """The sentence has been said."""


@contextlib.contextmanager
def told_or_failed(program: str, *, is_asked_for: bool = True) -> Iterator[None]:
    """Around a whole command. `is_asked_for`: what it prints is what it is run for, so that it is not begun for
    nobody."""
    if sys.stdout is None:
        if is_asked_for:
            fail_untold(program, "it is closed")
        yield
        return
    faults: list[OSError] = []
    _remember(sys.stdout, faults)
    try:
        yield
    except Untold:
        raise
    except (SystemExit, OSError):
        _end_if_untold(program, faults)
        raise
    _end_if_untold(program, faults)


def fail_untold(program: str, why: str) -> NoReturn:
    print(f"{program}: standard output takes nothing: {why}.", file=sys.stderr, flush=True)
    raise Untold(ExitCode.FAILED)


def give_up() -> None:
    """What is left in its buffer would fail again at the end."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _remember(out: Any, faults: list[OSError]) -> None:
    """What could not be written there: some, such as `argparse` with its help, say nothing of it."""

    def remembering(write: Callable[..., Any]) -> Callable[..., Any]:
        def attempt(*arguments: Any) -> Any:
            try:
                return write(*arguments)
            except OSError as fault:
                faults.append(fault)
                raise

        return attempt

    out.write, out.flush = remembering(out.write), remembering(out.flush)


def _end_if_untold(program: str, faults: list[OSError]) -> None:
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    if faults:
        give_up()
    for fault in faults:
        if fault.errno != errno.EPIPE:
            fail_untold(program, fault.strerror or str(fault))
