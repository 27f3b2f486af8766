"""Runs as a command names them: a folder, a file, or a folder of runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.commands.errors import Misused

if TYPE_CHECKING:
    from bench.record.run import Run

REPORTS = Path("reports")
"""Where runs are left and looked for."""


def read(source: Path) -> Run:
    """A run by its folder or its file."""
    from bench.record.files.run_file import RunUnreadable, find_run, read_run

    try:
        return read_run(find_run(source))
    except RunUnreadable as error:
        raise Misused(str(error)) from error


def read_repeats(source: Path) -> tuple[Run, int]:
    """A run, or a folder of runs as one with repeats; and the schema of the file, the oldest of several."""
    from bench.record.files.run_file import runs_in, schema_of
    from bench.record.repeats import NotRepeats, as_repeats

    files = runs_in(source)
    try:
        return as_repeats([read(each) for each in files]), min(map(schema_of, files))
    except NotRepeats as error:
        raise Misused(f"{source} is not several runs of the same: {error}.") from error
