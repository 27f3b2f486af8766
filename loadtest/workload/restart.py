"""The restart storm: in the middle of a run the server under test goes and comes back, and everybody with it.

By a command, by the id of its process (ended with SIGTERM, started again as it was), or by you, when the run says so.
Only the process that leads the run does it.
"""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Callable

import gevent
import psutil
from gevent import socket, subprocess

from loadtest.client.sockets.transport import address_of
from loadtest.measure.metrics import RESTARTS, RESTARTS_ASKED_FOR, RESTARTS_FAILED
from loadtest.results.exit_codes import UsageError
from loadtest.workload.load_options import RESTART, LoadOptions

END_TIMEOUT_S = 60.0
BACK_TIMEOUT_S = 60.0
_LOOK_EVERY_S = 0.02

log = logging.getLogger("loadtest")


class Restart:
    def __init__(self, options: LoadOptions, *, host: str, count: Callable[[str], object]) -> None:
        """`host`: where the players look for the server, ``http://name:port``."""
        self._options = options
        self._host = host
        self._count = count
        self._greenlet: gevent.Greenlet | None = None
        self._has_begun = self._is_over = False
        self.started: subprocess.Popen | None = None
        """The server that this run has started. It stays when the run ends."""

    def plan(self) -> None:
        """From now on; does nothing unless the shape is ``restart``."""
        if self._options.shape == RESTART:
            self._greenlet = gevent.spawn_later(self._options.restart_at_s, self._restart)

    def call_off(self) -> None:
        """The run ends. A restart that has begun is brought to its end: a server must not stay down because its test
        ended."""
        if self._greenlet is None or self._is_over:
            return
        if self._has_begun:
            self._fail("it was not back when the run ended: restart it earlier, or make -t longer")
        else:
            self._greenlet.kill()

    def _restart(self) -> None:
        self._has_begun = True
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

    def _fail(self, why: str) -> None:
        if not self._is_over:
            self._is_over = True
            self._count(RESTARTS_FAILED)
            log.error("The server was not restarted: %s.", why)

    def _wait_until_back(self) -> None:
        """Until something listens where the players look. Raises `OSError` or `TimeoutError`."""
        address = address_of(self._host)
        away = f"nothing answers at {self._host} after {BACK_TIMEOUT_S:g} s (one on port 0 comes back on another port)"
        with gevent.Timeout(BACK_TIMEOUT_S, TimeoutError(away)):
            while not _listens(address):
                if self.started is not None and self.started.poll() is not None:
                    raise OSError(f"the new process ended with exit code {self.started.returncode}")
                gevent.sleep(_LOOK_EVERY_S)

    def _by_command(self, command: str) -> None:
        log.info("Restarting the server: %s", command)
        code = subprocess.call(shlex.split(command), stdin=subprocess.DEVNULL)
        if code:
            raise OSError(f"the command ended with exit code {code}")

    def _by_pid(self, pid: int) -> None:
        process = psutil.Process(pid)
        command, folder, environment = process.cmdline(), process.cwd(), process.environ()
        outputs = [_file_behind(pid, number) for number in (1, 2)]
        log.info("Restarting the server: %s", shlex.join(command))
        process.terminate()
        with gevent.Timeout(END_TIMEOUT_S, TimeoutError(f"process {pid} did not end within {END_TIMEOUT_S:g} s")):
            while is_alive(process):
                gevent.sleep(_LOOK_EVERY_S)
        with open(outputs[0], "ab") as out, open(outputs[1], "ab") as errors:
            self.started = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=errors,
                start_new_session=True,
            )  # fmt: skip


def _listens(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return False
    return True


def _file_behind(pid: int, descriptor: int) -> str:
    """Where the process writes, if that is a file: so does the next one. A pipe or a terminal cannot be taken over."""
    try:
        path = os.readlink(f"/proc/{pid}/fd/{descriptor}")
    except OSError:
        return os.devnull
    return path if os.path.isfile(path) else os.devnull


def check_restart(options: LoadOptions) -> None:
    """Before the run. Raises `UsageError` for a process that is not there or not ours."""
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
