"""The files that pages are made of, read once and kept in memory: plain, gzip where that is shorter, and their tag.

Only what lies in the folder when it is first asked for is ever served; a path is a key of a table and never reaches the
file system. It answers nothing by itself; `lobby_server.web.pages` does.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".svg": "image/svg+xml",
    ".md": "text/plain; charset=utf-8",
    "": "text/plain; charset=utf-8",
}
"""By the ending of the name. A file with another one is a fault of ours: it cannot be served."""
GZIP_FROM_BYTES = 1000
"""Below that a packet holds it anyway."""


@dataclass(frozen=True)
class Asset:
    """One file."""

    content_type: str
    body: bytes

    @cached_property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:24]}"'

    @cached_property
    def gzipped(self) -> bytes | None:
        """None: not worth it."""
        if len(self.body) < GZIP_FROM_BYTES:
            return None
        return gzip.compress(self.body, mtime=0)


class Assets:
    """A folder of files by their path in it, with ``/`` between the parts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, path: str) -> Asset | None:
        return self._files.get(path)

    def paths(self) -> list[str]:
        return sorted(self._files)

    @cached_property
    def _files(self) -> dict[str, Asset]:
        """Read on first use: a server that no browser ever asks reads nothing."""
        return {
            path.relative_to(self._folder).as_posix(): Asset(CONTENT_TYPES[path.suffix], path.read_bytes())
            for path in sorted(self._folder.rglob("*"))
            if path.is_file()
        }
