"""Whether results can be left where they are to go, before they are measured for minutes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.commands.errors import Misused

TRIAL_BYTES = 16 << 20
"""The readings of the sample in ``reports/`` are 6.2 MB; pages and charts come beside them."""


def try_to_write_in(folder: Path, *, flag: str = "--output") -> None:
    """Whoever learns of it after measuring has lost an hour. `flag`: by which the folder was given. Raises `Misused`;
    leaves nothing behind, nor makes the folder."""
    try:
        there = next(each for each in (folder, *folder.parents) if each.exists())
        with tempfile.TemporaryFile(dir=there) as trial:
            trial.write(bytes(TRIAL_BYTES))
    except OSError as error:
        raise Misused(f"Nothing can be written in {folder} ({error.strerror}): give {flag} another folder.") from None
