"""What a command tells goes to standard output. Where that takes nothing, whoever waits for it has to hear of it: one
sentence on standard error, and an exit code other than 0. The server itself goes on without.

Python has no object for one that was closed before the start, and prints nothing then, without a word.

Imports next to nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import NoReturn

FAILED = 1
_OF_OUTPUT = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""What a write to standard output may fail with; of any other fault nothing is tried."""
SHOWS = frozenset({"-h", "--help", "--version"})
"""What Click prints by itself."""


@contextlib.contextmanager
def told_or_failed() -> Iterator[None]:
    """Around a whole command."""
    if sys.stdout is None and SHOWS & set(sys.argv[1:]):
        fail_untold("it is closed")
    try:
        yield
    except OSError as fault:  # of a pipe that nobody reads any more Click makes an exit code
        is_of_output = fault.errno in _OF_OUTPUT and fault.filename is None and sys.stdout is not None
        if not is_of_output or _takes_more():
            raise
        give_up()
        fail_untold(fault.strerror or str(fault))


def fail_untold(why: str) -> NoReturn:
    print(f"lobby-server: standard output takes nothing: {why}.", file=sys.stderr, flush=True)
    sys.exit(FAILED)


def give_up() -> None:
    """What is left in its buffer would fail again at the end."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _takes_more() -> bool:
    """Asked of the descriptor: the buffer may have been given up, or there is none (``PYTHONUNBUFFERED``)."""
    try:
        os.write(sys.stdout.fileno(), b"\n")
    except OSError:
        return False
    return True
