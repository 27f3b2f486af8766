"""A real PostgreSQL that a test stops, kills, freezes and starts again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.store.postgres import FAST, Postgres, data_folder


@dataclass
class StoppablePostgres(Postgres):
    """One that no other test uses. Its processes are this one's children, and no others are ever touched."""

    _frozen: list[psutil.Process] = field(default_factory=list)

    def freeze(self) -> None:
        """From now on it takes connections, and answers nothing."""
        assert self._process is not None
        parent = psutil.Process(self._process.pid)
        parent.suspend()  # first, so that it makes no children meanwhile
        self._frozen = [parent, *parent.children()]
        for process in self._frozen[1:]:
            process.suspend()

    def thaw(self) -> None:
        frozen, self._frozen = self._frozen, []
        for process in frozen:
            try:
                process.resume()
            except psutil.NoSuchProcess:
                pass


@contextmanager
def stoppable_postgres(disk: Path | None = None) -> Iterator[StoppablePostgres]:
    """Started; ended and deleted afterwards. `disk`: the folder to make its own in; None: that of temporary files."""
    settings = f"{FAST}synchronous_commit = on\n"  # a commit outlives the end of the process
    with data_folder(settings, disk=disk) as (folder, program):
        postgres = StoppablePostgres(folder, program)
        try:
            postgres.start()
            yield postgres
        finally:
            postgres.thaw()
            postgres.stop()
