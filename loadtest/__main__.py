"""``python -m loadtest …`` is ``locust -f loadtest/locustfile.py …``, from a checkout or an installed package. With a
``-f`` of one's own it is that one, which imports `loadtest.locustfile`.

Its ``--help`` has the swarm's options, and those of the roles in that file. Locust's own has not: it prints its help
before it reads a locustfile.

Imports nothing of weight before Ctrl-C ends it quietly.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from loadtest.results.early import end_at_interrupt, leave_interrupts_to_python
from loadtest.results.exit_codes import ExitCode, UsageError
from loadtest.results.standard_output import told_or_failed

SHOWS = frozenset(
    ("-h", "--help", "-V", "--version", "-l", "--list", "--show-task-ratio", "--show-task-ratio-json", "--json")
)
"""Flags of Locust that are for what they print there. All else of a run is told on standard error."""


def main() -> None:
    with told_or_failed("loadtest", is_asked_for=bool(SHOWS & set(sys.argv[1:]))):
        _run()


def _run() -> None:
    end_at_interrupt()  # until `loadtest.run.interrupts` takes it, or Locust does
    from locust.main import main as run_locust  # patches the standard library

    from loadtest.run.checks.ports import check_master

    _leave_interrupts_to_locust()
    try:
        check_master(sys.argv[1:])
    except UsageError as error:
        print(f"loadtest: {error}", file=sys.stderr, flush=True)
        sys.exit(ExitCode.USAGE)
    own = locustfiles_in(sys.argv[1:])
    sys.argv[:1] = ["locust"] if own else ["locust", "-f", _own_locustfile()]
    if {"-h", "--help"} & set(sys.argv):
        _read(own)
    run_locust()  # type: ignore[no-untyped-call]


def locustfiles_in(arguments: Sequence[str]) -> list[str]:
    """As they were given with ``-f``."""
    import argparse

    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-f", "--locustfile", action="append", default=[])
    try:
        found: list[str] = parser.parse_known_args(arguments)[0].locustfile
    except argparse.ArgumentError:
        return [""]  # without a value, which Locust says
    return found


def _own_locustfile() -> str:
    from pathlib import Path

    return str(Path(__file__).parent / "locustfile.py")


def _leave_interrupts_to_locust() -> None:
    """From when it waits for the end of its run, whatever the locustfile is: one that does not import
    `loadtest.locustfile` has nobody else who takes them, and Locust prints its table when it is interrupted."""
    import gevent
    from locust import events

    def on_init(**_: object) -> None:
        gevent.spawn(leave_interrupts_to_python)  # at Locust's first wait: the swarm's own have been taken by then

    events.init.add_listener(on_init)  # type: ignore[no-untyped-call]


def _read(own: Sequence[str]) -> None:
    """What Locust would do too late: their options are among those that the help shows."""
    from pathlib import Path

    from locust.util.load_locustfile import load_locustfile

    import loadtest.locustfile  # noqa: F401

    for name in (name for given in own for name in given.split(",")):
        path = Path(name if name.endswith(".py") else f"{name}.py")
        if path.is_file():  # what is none, Locust says
            load_locustfile(str(path.absolute()))


if __name__ == "__main__":
    main()
