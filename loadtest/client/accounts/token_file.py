"""The stored token: one line in a file that nobody else may read."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from loadtest.client.errors import TokenFileError

OWNER_ONLY = 0o600
MAX_TOKEN_FILE_BYTES = 16_384

_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


def looks_like_jwt(text: str) -> bool:
    """Three base64url parts (RFC 7519). Whether it verifies only the server can say."""
    return _JWT.fullmatch(text) is not None


class TokenFileState(Enum):
    LOADED = "loaded"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    """Not ours to read, or not a file."""
    MALFORMED = "malformed"
    """What is in it is no token. It is left where it is; the next login overwrites it."""


@dataclass(frozen=True)
class StoredToken:
    """`token` is there exactly if `state` is ``LOADED``."""

    state: TokenFileState
    token: str | None = None


class TokenFile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> StoredToken:
        """Never raises for what is in the file or around it."""
        try:
            with self.path.open("rb") as file:
                raw = file.read(MAX_TOKEN_FILE_BYTES)
        except FileNotFoundError:
            return StoredToken(TokenFileState.MISSING)
        except OSError:
            return StoredToken(TokenFileState.UNREADABLE)
        text = raw.decode("ascii", "replace").strip()
        if not looks_like_jwt(text):
            return StoredToken(TokenFileState.MALFORMED)
        return StoredToken(TokenFileState.LOADED, text)

    def save(self, token: str) -> None:
        """All or nothing: a crash leaves the old file or the new one. Raises `TokenFileError`."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # mkstemp makes it with mode 0600: there is no moment in which others could open it.
            descriptor, temporary = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
            try:
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    file.write(token + "\n")
                    file.flush()
                    os.fsync(file.fileno())
                os.chmod(temporary, OWNER_ONLY)
                os.replace(temporary, self.path)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
        except OSError as error:
            raise TokenFileError(self.path, error.strerror or str(error)) from None

    def forget(self) -> None:
        """Raises `TokenFileError` when the file stays."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise TokenFileError(self.path, error.strerror or str(error)) from None
