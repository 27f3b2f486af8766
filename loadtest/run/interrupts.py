"""Ctrl-C (SIGINT) ends a run in order, wherever the process is when it comes.

Python raises `KeyboardInterrupt` in whatever runs just then: in a player, in the shared reader, in a callback of the
loop. That greenlet dies of it, and gevent stops a watcher whose callback raised. A swarm without its reader then waits
for answers that nobody reads, until somebody kills it, and its results are gone. The busier the machine, the more often
a signal meets running code. Here the handler leaves word with the loop, and the loop tells the main greenlet, which
waits for nothing but the end of the run.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable

import gevent
from gevent.hub import get_hub

from loadtest.results.early import end_now
from loadtest.results.exit_codes import ExitCode

AGAIN = (
    "loadtest: Interrupted again, so this ends at once. What the run found since its results were last saved is lost."
)


class Interrupts:
    """The first one ends the run, whose results are written. The second ends the program meanwhile, with
    `ExitCode.INTERRUPTED`, and a third kills it."""

    def __init__(self, *, is_worth_ending: Callable[[], bool]) -> None:
        """`is_worth_ending`: whether there is, or may yet be, a run with results. Else the first ends the program."""
        self._is_worth_ending = is_worth_ending
        self._were = 0

    def obey(self) -> None:
        """From now on. No effect where SIGINT is ignored or has a handler of somebody else's, or in another thread."""
        if signal.getsignal(signal.SIGINT) in (signal.default_int_handler, end_now):
            with contextlib.suppress(ValueError):  # in another thread; gevent's threading calls a greenlet one, too
                signal.signal(signal.SIGINT, self._on_signal)

    def _on_signal(self, _number: int, _frame: object) -> None:
        """Between any two instructions of any greenlet."""
        self._were += 1
        if self._were > 1:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            print(AGAIN, file=sys.stderr, flush=True)
        is_orderly = self._were == 1 and self._is_worth_ending()
        end: BaseException = KeyboardInterrupt() if is_orderly else SystemExit(ExitCode.INTERRUPTED)
        hub = get_hub()
        if gevent.getcurrent() is hub.parent:
            raise end
        hub.loop.run_callback(hub.handle_system_error, type(end), end)
