"""``lobby-server``, which is also ``python -m lobby_server``. Ctrl-C while it still imports what it needs ends it at
once, without a word: `KeyboardInterrupt` would be a trace through other people's modules, of which some make another
error."""

import os
import signal

from lobby_server.process.standard_output import told_or_failed

INTERRUPTED = 130
"""As shells say it: 128 and the number of SIGINT."""


def main() -> None:
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not in a background job that ignores it
        signal.signal(signal.SIGINT, _end_now)
    from lobby_server.cli import main as command

    if signal.getsignal(signal.SIGINT) is _end_now:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with told_or_failed():
        command()


def _end_now(_number: int, _frame: object) -> None:
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
