"""Ctrl-C while a command still imports what it needs, which takes seconds on a busy machine: nothing has begun, so it
ends at once, without a word. `KeyboardInterrupt` would be a trace through other people's modules, some of which make
another error of it.

Imports next to nothing itself.
"""

from __future__ import annotations

import os
import signal

from loadtest.results.exit_codes import ExitCode


def end_at_interrupt() -> None:
    """From now on, until somebody else takes SIGINT. No effect where it is ignored: in a background job of a shell."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end_now)


def leave_interrupts_to_python() -> None:
    """Everything is imported, and may be interrupted in the usual way. No effect where somebody else has it by now."""
    if signal.getsignal(signal.SIGINT) is end_now:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def end_now(_number: int, _frame: object) -> None:
    os._exit(ExitCode.INTERRUPTED)
