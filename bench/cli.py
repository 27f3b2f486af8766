"""``lobby-bench``: list the scenarios, run some, make the whole report, compare two.

Exit codes: 0 good · 1 failed · 2 usage · 3 a goal was missed, or a run is worse than another · 4 the run is not valid.
"""

from __future__ import annotations

import signal
from importlib.util import find_spec
from types import FrameType
from typing import Any

import click

from bench.commands.comparing import baseline, compare, gate
from bench.commands.errors import Misused
from bench.commands.keeping import index, sample
from bench.commands.listing import list_scenarios
from bench.commands.predicting import calibrate_model, predict
from bench.commands.reporting import report, run
from bench.commands.simulating import simulate
from bench.commands.trending import trend

NEEDED = ("picows", "uvloop", "numpy", "scipy", "matplotlib", "jinja2", "rich", "psutil", "jwt", "locust", "websocket")
"""Modules of the extra `bench`."""


class Lab(click.Group):
    """A file or folder that cannot be read or written is a slip of who named it, in whichever command: one sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except OSError as fault:
            # None: of a pipe that nobody reads any more, which is Click's affair. In /proc: of a process that ended
            if fault.filename is None or str(fault.filename).startswith("/proc/"):
                raise
            raise Misused(f"{fault.filename} cannot be read or written: {fault.strerror}.") from fault


@click.group(cls=Lab, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The lab: measures a lobby server with push against polling, and says which promises hold."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise Misused(f"The lab needs {', '.join(missing)}: install it with pip install 'lobby-server[bench]'.")
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell's background job comes with it ignored
        signal.signal(number, _interrupt)


for command in (
    list_scenarios, run, report, compare, gate, baseline, simulate, calibrate_model, predict, index, sample,
):  # fmt: skip
    main.add_command(command)
main.add_command(trend)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
