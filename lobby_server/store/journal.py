"""The journal of writes that wait for the database: a file in the data folder, one JSON object per line.

A line is in the kernel's hands when `append` returns, so it survives any end of the process, kill -9 too; a crash of
the machine may take the last ones, as it may with SQLite (see `lobby_server.store.engines`). The first line names the
life of the server that wrote it.

Several server processes may share a data folder: each has a file of its own, and the first one of a new life makes up
what all of the life before have left.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from lobby_server.store.disk import free_bytes

JOURNAL_FILE = "waiting-writes.jsonl"
_OF_WRITER = "waiting-writes-{}.jsonl"
LONG_BYTES = 4 << 20
"""Above it, what was written already is left out of the file."""
LEAST_FREE_BYTES = 64 * 1024
"""Less than that on the disk, and there may be none for one more line: the longest notification has 30 KiB."""


class FileJournal:
    """`lobby_server.service.ports.Journal`."""

    def __init__(self, folder: Path, *, writer: int = 0) -> None:
        """`writer` tells processes apart that share the folder, which is made where it is missing. Raises `OSError`
        when the file cannot be written."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / (_OF_WRITER.format(writer) if writer else JOURNAL_FILE)
        self._made_up: list[Path] = []
        """Files of others whose lines `read` has handed out."""
        self._descriptor = self._open()
        self._header = b""
        self._size = 0

    @property
    def is_long(self) -> bool:
        return self._size > LONG_BYTES

    @property
    def has_room(self) -> bool:
        return free_bytes(self.path) >= LEAST_FREE_BYTES

    def read(self) -> tuple[str, list[bytes]]:
        return _content_of(self.path)

    def read_all(self) -> tuple[str, list[bytes]]:
        """Also what others who share the folder have left of the same life, the oldest first. `begin` forgets it."""
        files = [path for path in self.path.parent.glob("waiting-writes*.jsonl") if _content_of(path)[1]]
        if not files:
            return self.read()
        files.sort(key=lambda path: path.stat().st_mtime_ns)
        life = _content_of(files[-1])[0]
        self._made_up = [path for path in files if _content_of(path)[0] == life]
        return life, [line for path in self._made_up for line in _content_of(path)[1]]

    def put_aside(self) -> str:
        places = []
        for path in self._made_up or [self.path]:
            aside = path.with_name(f"{path.name}.left-out")
            os.replace(path, aside)
            places.append(str(aside))
        self._made_up = []
        os.close(self._descriptor)
        self._descriptor = self._open()
        return " and ".join(places)

    def begin(self, life: str) -> None:
        self._header = life.encode() + b"\n"
        self.rewrite([])
        for path in self._made_up:
            if path != self.path:
                path.write_bytes(b"")
        self._made_up = []

    def append(self, line: bytes) -> None:
        self._write(line + b"\n")

    def rewrite(self, lines: Sequence[bytes]) -> None:
        """In a new file that takes the place of the old one: a process killed within it leaves one of the two."""
        draft = self.path.with_name(f".{self.path.name}.draft")
        content = self._header + b"".join(line + b"\n" for line in lines)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        os.replace(draft, self.path)
        os.close(self._descriptor)
        self._descriptor = self._open()
        self._size = len(content)

    def clear(self) -> None:
        if self._size > len(self._header):
            os.ftruncate(self._descriptor, len(self._header))
            self._size = len(self._header)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def _write(self, data: bytes) -> None:
        written = os.write(self._descriptor, data)
        if written < len(data):  # a full disk: half a line would spoil the next one
            os.ftruncate(self._descriptor, self._size)
            raise OSError(28, os.strerror(28), str(self.path))
        self._size += written


def _content_of(path: Path) -> tuple[str, list[bytes]]:
    """The life and the lines of a file."""
    *lines, _torn = path.read_bytes().split(b"\n")  # killed within a line, it was not confirmed either
    return (lines[0].decode(errors="replace"), lines[1:]) if lines else ("", [])
