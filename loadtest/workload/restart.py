"""The restart storm: in the middle of a run the server under test restarts, and all players reconnect.

It is restarted by a command, by its process id (SIGTERM, then the same command line), or by the operator when the run
asks for it. Only the process that leads the run does it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import time
from collections.abc import Callable, Sequence
from typing import Any

import gevent
import psutil
from gevent import socket, subprocess

from loadtest.client.sockets.transport import address_of
from loadtest.measure.metrics import RESTARTS, RESTARTS_ASKED_FOR, RESTARTS_FAILED
from loadtest.results.exit_codes import UsageError
from loadtest.workload.faults import command_of
from loadtest.workload.load_options import RESTART, LoadOptions

END_TIMEOUT_S = 60.0
BACK_TIMEOUT_S = 60.0
_LOOK_EVERY_S = 0.02
_NOTES_TO_ITSELF = ("HAPROXY_MWORKER", "HAPROXY_PROCESSES")
"""What the master of HAProxy (``-W``) writes for its own next exec. A new one that finds it waits for workers that it
does not have, and never listens."""

log = logging.getLogger("loadtest")


class Restart:
    def __init__(
        self,
        options: LoadOptions,
        *,
        hosts: Sequence[str],
        count: Callable[[str], object],
        note: Callable[[str], object] = lambda text: None,
    ) -> None:
        """`hosts`: where the players look for the server, ``http://name:port``; for each node of a lobby one. `note`
        gets what happens, when it does."""
        self._options = options
        self._hosts = tuple(hosts)
        self._count = count
        self._note = note
        self._greenlet: gevent.Greenlet | None = None
        self._has_begun = self._is_over = False
        self.started: subprocess.Popen | None = None
        """The server that this run has started. It stays when the run ends."""

    def plan(self) -> None:
        """Schedule the restart, counted from now. Does nothing unless the shape is ``restart``."""
        if self._options.shape == RESTART:
            self._greenlet = gevent.spawn_later(self._options.restart_at_s, self._restart)

    def call_off(self) -> None:
        """The run ends. A restart that has begun is finished, so that the server does not stay down."""
        if self._greenlet is None or self._is_over:
            return
        if self._has_begun:
            self._fail("it was not back when the run ended: restart it earlier, or make -t longer")
        else:
            self._greenlet.kill()

    def in_place_of(self, pid: int) -> int | None:
        """What was started in place of that process; None: nothing, or by a command of the user's."""
        if self.started is None or pid != self._options.restart_pid:
            return None
        return int(self.started.pid)

    def _restart(self) -> None:
        self._has_begun = True
        self._note("restart of the server")
        try:
            if self._options.restart_command:
                self._by_command(self._options.restart_command)
            elif self._options.restart_pid is not None:
                self._by_pid(self._options.restart_pid)
            else:
                log.warning("Restart the server now: this run measures how its players come back.")
                self._is_over = True
                self._count(RESTARTS_ASKED_FOR)
                return
            self._wait_until_back()
        except (OSError, psutil.Error, TimeoutError) as error:
            self._fail(str(error))
        else:
            self._succeed()

    def _succeed(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._count(RESTARTS)
            self._note("the server listens again")

    def _fail(self, why: str) -> None:
        if not self._is_over:
            self._is_over = True
            self._count(RESTARTS_FAILED)
            self._note("the restart failed")
            log.error("The server was not restarted: %s.", why)

    def _wait_until_back(self) -> None:
        """Wait until something listens where the players connect. Raises `OSError` or `TimeoutError`."""
        for host in self._hosts:
            self._wait_for(host)

    def _wait_for(self, host: str) -> None:
        address = address_of(host)
        away = f"nothing answers at {host} after {BACK_TIMEOUT_S:g} s (one on port 0 comes back on another port)"
        give_up_s = time.monotonic() + BACK_TIMEOUT_S
        while not _listens(address):  # takes any OSError for a no: an alarm that raises one would be swallowed there
            if self.started is not None and self.started.poll() is not None:
                raise OSError(f"the new process ended with exit code {self.started.returncode}")
            if time.monotonic() >= give_up_s:
                raise TimeoutError(away)
            gevent.sleep(_LOOK_EVERY_S)

    def _by_command(self, command: str) -> None:
        log.info("Restarting the server: %s", command)
        code = subprocess.call(shlex.split(command), stdin=subprocess.DEVNULL)
        if code:
            raise OSError(f"the command ended with exit code {code}")

    def _by_pid(self, pid: int) -> None:
        process = psutil.Process(pid)
        again = start_again(process)
        log.info("Restarting the server: %s", shlex.join(process.cmdline()))
        process.terminate()
        with gevent.Timeout(END_TIMEOUT_S, TimeoutError(f"process {pid} did not end within {END_TIMEOUT_S:g} s")):
            while is_alive(process):
                gevent.sleep(_LOOK_EVERY_S)
        self.started = again()


def start_again(process: psutil.Process) -> Callable[[], subprocess.Popen]:
    """What starts a process as this one was, once that has ended: command line, folder, environment, cores, user and
    the files that it writes to. Raises `psutil.Error` or `OSError` where they are not to be known."""
    command, folder = command_of(process), process.cwd()
    environment = {name: value for name, value in process.environ().items() if not name.startswith(_NOTES_TO_ITSELF)}
    as_whom, cores = _as_whom(process), process.cpu_affinity()
    outputs = [_file_behind(process.pid, number) for number in (1, 2)]

    def again() -> subprocess.Popen:
        with open(outputs[0], "ab") as out, open(outputs[1], "ab") as errors:
            started = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=errors,
                start_new_session=True, **as_whom,
            )  # fmt: skip
        with contextlib.suppress(psutil.Error, OSError):  # it has ended at once, which its user will see
            psutil.Process(started.pid).cpu_affinity(cores)
        return started

    return again


def _as_whom(process: psutil.Process) -> dict[str, Any]:
    """Root may have started it as another user, as it has to start PostgreSQL."""
    user, group = process.uids().effective, process.gids().effective
    return {} if user == os.geteuid() else {"user": user, "group": group, "extra_groups": []}


def _listens(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return False
    return True


def _file_behind(pid: int, descriptor: int) -> str:
    """The file to which the process writes, for the next one to continue. A pipe or a terminal cannot be taken over."""
    try:
        path = os.readlink(f"/proc/{pid}/fd/{descriptor}")
    except OSError:
        return os.devnull
    return path if os.path.isfile(path) else os.devnull


def check_restart(options: LoadOptions) -> None:
    """Check before the run. Raises `UsageError` for a process that does not exist or belongs to another user."""
    if options.restart_pid is None:
        return
    try:
        psutil.Process(options.restart_pid).environ()
    except psutil.NoSuchProcess:
        raise UsageError(f"--restart-pid: no process has the id {options.restart_pid}.") from None
    except psutil.AccessDenied:
        raise UsageError(f"--restart-pid: process {options.restart_pid} is not yours to restart.") from None


def is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
