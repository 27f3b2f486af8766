"""Godot 3 without a display, and the client of `godot3/` in it, driven from a test.

The engine is Debian's package ``godot3-server``. It connects back to the test over TCP and speaks JSON lines: commands
one way, signals and messages of the client the other way.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.installed import program
from tests.patience import PATIENCE_S

PROJECT = Path(__file__).parent / "godot3"


class Godot:
    """A running engine. Events are taken in order."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("r", encoding="utf-8")

    def close(self) -> None:
        self._lines.close()
        self._connection.close()

    def do(self, command: str, **details: Any) -> None:
        self._connection.sendall(json.dumps({"do": command, **details}).encode() + b"\n")

    def expect(self, **wanted: Any) -> Any:
        """The next event with at least these fields, those before it passed over. `TimeoutError` when none comes."""
        deadline_s = time.monotonic() + PATIENCE_S
        passed_over = []
        while time.monotonic() < deadline_s:
            try:
                line = self._lines.readline()
            except TimeoutError:
                break
            assert line, f"the engine ended before {wanted}, after {passed_over}"
            event = json.loads(line)
            if wanted.items() <= event.items():
                return event
            passed_over.append(event)
        raise TimeoutError(f"the client did not report {wanted}; it reported {passed_over}")

    def expect_message(self, type_: str, **wanted: Any) -> None:
        """The next message of that type with at least these fields of its data."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            event = json.loads(self._lines.readline())
            message = event.get("message", {"type": None})
            if message["type"] == type_ and wanted.items() <= message["data"].items():
                return
        raise TimeoutError(f"the client did not report {type_} with {wanted}")

    def counts(self) -> Any:
        """What came in since `do("count")`, by type; items of lists."""
        self.do("report")
        return self.expect(signal="counted")["counts"]

    def log_in(self, username: str, password: str) -> None:
        """Log in over HTTP; the client keeps the token."""
        answer = self.request("POST", "/api/auth/login", {"username": username, "password": password})
        assert answer["status"] == 200, answer
        self.do("use_token", token=answer["body"]["token"])

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """The event with the status and body of the answer."""
        self.do("request", method=method, path=path, body=body)
        return self.expect(signal="request_completed")


@contextmanager
def running_godot(
    folder: Path,
    *,
    http_url: str,
    retry_s: float = 0.2,
    features: Sequence[str] = (),
    is_binary: bool = False,
    is_polled: bool = False,
    buffer_kib: int = 0,
) -> Iterator[Godot]:
    """Start the engine with its own data in `folder`, the client set up for a server; end it afterwards. `is_binary`:
    it writes as the engine does by default. `is_polled`: it takes what has come once per picture. `buffer_kib`: of what
    has come; 0: as the engine makes it."""
    path = program("godot3-server", package="godot3-server")
    with socket.create_server(("127.0.0.1", 0)) as listener, (folder / "godot.log").open("w+") as log:
        listener.settimeout(PATIENCE_S)
        environment = {**os.environ, "LOBBY_TEST_PORT": str(listener.getsockname()[1])}
        environment |= {name: str(folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
        engine = subprocess.Popen(
            [path, "--path", str(PROJECT), "--script", "main.gd"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        try:
            connection = listener.accept()[0]
            connection.settimeout(PATIENCE_S)
            with closing(Godot(connection)) as godot:
                godot.do(
                    "set_up",
                    http_url=http_url,
                    retry_s=retry_s,
                    features=list(features),
                    is_binary=is_binary,
                    is_polled=is_polled,
                    buffer_kib=buffer_kib,
                )
                yield godot
        finally:
            engine.kill()
            engine.wait()
            log.seek(0)
            errors = [line for line in log if "SCRIPT ERROR" in line]
        assert not errors, errors
