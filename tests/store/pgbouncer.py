"""A real pgbouncer in front of the PostgreSQL of the tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.processes.cluster.ports import free_port
from tests.installed import program
from tests.patience import PATIENCE_S
from tests.store.postgres import Postgres


@dataclass
class PgBouncer:
    """Runs after `start`, and again after `stop` and `start`, on the same port."""

    port: int
    folder: Path
    user_id: int | None
    """As whom; None: as this user."""
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        command = [program("pgbouncer", package="pgbouncer"), str(self.folder / "pgbouncer.ini")]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, user=self.user_id)
        self._process = process
        deadline_s = time.monotonic() + PATIENCE_S
        while not _listens(self.port):
            assert process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline_s
            time.sleep(0.02)

    def stop(self) -> None:
        """At once, as by a crash: its clients' connections end."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(PATIENCE_S)


@contextmanager
def running_pgbouncer(postgres: Postgres, *, pool_mode: str, more: str = "") -> Iterator[PgBouncer]:
    """Start one, end it afterwards. `pool_mode`: session, transaction or statement; `more`: lines of its
    configuration."""
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="lobby-pgbouncer-"))
    folder.chmod(0o755)
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={postgres.folder} user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = {pool_mode}\n{more}"
    )
    user_id = postgres.folder.stat().st_uid  # as which it finds the way to the socket
    pgbouncer = PgBouncer(port, folder, user_id if os.geteuid() == 0 else None)
    try:
        pgbouncer.start()
        yield pgbouncer
    finally:
        pgbouncer.stop()
        shutil.rmtree(folder)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True
