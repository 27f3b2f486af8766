"""Programs of clients that are not ours, each a process that says what it hears in JSON lines."""

from __future__ import annotations

import fcntl
import json
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.installed import missing, module, program
from tests.patience import PATIENCE_S

PROGRAMS = Path(__file__).parent / "programs"
NODE_PACKAGES = {"ws": "8", "undici": "6"}
"""With their major versions: undici 7 wants a newer Node than Debian has."""


class Outside:
    """A running client."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._events: queue.Queue[Any] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def expect(self, **wanted: Any) -> Any:
        """The next event whose fields are like these, those before it passed over: ``closed=1001``, or of a message
        ``type="user_online"`` and fields of its data."""
        deadline_s, passed_over = time.monotonic() + PATIENCE_S, []
        while (left_s := deadline_s - time.monotonic()) > 0:
            try:
                event = self._events.get(timeout=left_s)
            except queue.Empty:
                break
            message = event.get("message", {})
            fields = {**event, **message.get("data", {}), "type": message.get("type")}
            if wanted.items() <= fields.items():
                return fields
            passed_over.append(event)
        raise TimeoutError(f"the client did not report {wanted}; it reported {passed_over}")

    def ended(self) -> int:
        """Wait for its end; the exit code."""
        return self.process.wait(PATIENCE_S)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._events.put(json.loads(line))


@contextmanager
def running(command: Sequence[str | Path]) -> Iterator[Outside]:
    with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Outside(process)
        finally:
            process.kill()


def command_of(client: str, folder: Path, address: str, token: str) -> list[str | Path]:
    """How to start a client: ws, undici, node, websockets or picows. `folder`: of Node's packages."""
    if client in ("websockets", "picows"):
        module(client)
        return [sys.executable, PROGRAMS / f"{client}_client.py", address, token]
    node = program("node", package="nodejs")
    flags = ["--experimental-websocket"] if client == "node" else []
    if client in NODE_PACKAGES:
        install(folder)
    return [node, *flags, PROGRAMS / "node_client.cjs", client, folder, address, token]


def install(folder: Path) -> None:
    """Have npm put the packages into a folder, once for all workers of this run and the next ones."""
    npm = program("npm", package="npm")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if all((folder / "node_modules" / name).is_dir() for name in NODE_PACKAGES):
            return
        wanted = [f"{name}@{version}" for name, version in NODE_PACKAGES.items()]
        options = ["--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--prefix", str(folder)]
        done = subprocess.run([npm, "install", *options, *wanted], capture_output=True, text=True, timeout=120)
        if done.returncode:
            shutil.rmtree(folder / "node_modules", ignore_errors=True)
            missing(f"npm could not install {' and '.join(wanted)}: {done.stderr.strip()}")
