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
from dataclasses import dataclass
from pathlib import Path

from tests.installed import program
from tests.patience import PATIENCE_S
from tests.store.postgres import Postgres


@dataclass(frozen=True)
class PgBouncer:
    port: int

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"


@contextmanager
def running_pgbouncer(postgres: Postgres, *, pool_mode: str, more: str = "") -> Iterator[PgBouncer]:
    """Start one, end it afterwards. `pool_mode`: session, transaction or statement; `more`: lines of its
    configuration."""
    path = program("pgbouncer", package="pgbouncer")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="lobby-pgbouncer-"))
    folder.chmod(0o755)
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        f"[databases]\n* = host={postgres.folder} user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = {pool_mode}\n{more}"
    )
    user = postgres.folder.stat().st_uid  # as which it finds the way to the socket
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(
            [path, str(configuration)], stdout=log, stderr=subprocess.STDOUT, user=user if os.geteuid() == 0 else None
        )
        try:
            deadline_s = time.monotonic() + PATIENCE_S
            while not _listens(port):
                log.seek(0)
                assert process.poll() is None, log.read()
                assert time.monotonic() < deadline_s
                time.sleep(0.02)
            yield PgBouncer(port)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
            shutil.rmtree(folder)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True
