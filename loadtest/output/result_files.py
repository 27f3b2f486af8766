"""Where the results of runs go.

Without the web interface a process is one run, whose files are written when Locust ends. With it there may be many: the
results of each are written when it stops, in a folder of its own, and no run overwrites another.
"""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path

from loadtest.output.conclusion import Conclusion, write_checkpoint, write_files

_RUN_FOLDER = re.compile(r"run-([0-9]+)")


class Results:
    """The results of the runs of one web interface."""

    def __init__(self) -> None:
        self.has_failed = False
        """Some results could not be written."""
        self.said: str | None = None
        """Of the last run that stopped: where its files are, or why they are nowhere. None: there are none."""
        self._json_files: set[Path] = set()
        self._places: tuple[Path | None, Path | None] | None = None
        """The file and the folder of the run that goes on, once something of it was written."""

    def keep(self, conclusion: Conclusion, *, json_file: Path | None, folder: Path | None) -> None:
        """What there is so far of a run that goes on. Raises `OSError`."""
        if json_file is not None or folder is not None:
            file, own = self._place(json_file, folder)
            write_checkpoint(conclusion, json_file=file, folder=own)

    def write(self, conclusion: Conclusion, *, json_file: Path | None, folder: Path | None) -> str | None:
        """Returns `said`."""
        self.said = None
        if json_file is None and folder is None:
            return None
        try:
            file, own = self._place(json_file, folder)
            self._places = None
            write_files(conclusion, json_file=file, folder=own)
            self.said = " and ".join(str(path) for path in (own, file) if path is not None)
        except OSError as error:
            self.has_failed = True
            self.said = f"not written: {error.filename}: {error.strerror}"
        return self.said

    def _place(self, json_file: Path | None, folder: Path | None) -> tuple[Path | None, Path | None]:
        if self._places is None:
            own = next_run_folder(folder) if folder is not None else None
            self._places = (self._own(json_file) if json_file is not None else None, own)
        return self._places

    def _own(self, file: Path) -> Path:
        """The file that was asked for, or, where a run before wrote to it, the next one: ``run-2.json``."""
        names = (file if number == 1 else file.with_stem(f"{file.stem}-{number}") for number in count(1))
        own = next(name for name in names if name not in self._json_files)
        self._json_files.add(own)
        return own


def next_run_folder(parent: Path) -> Path:
    """``run-1``, or the number after the last there; it is made here. Raises `OSError`."""
    numbers = [int(found[1]) for path in parent.iterdir() if (found := _RUN_FOLDER.fullmatch(path.name))]
    for number in count(max(numbers, default=0) + 1):
        folder = parent / f"run-{number}"
        try:
            folder.mkdir()
        except FileExistsError:  # of another process, just now
            continue
        return folder
    raise AssertionError("numbers do not end")
