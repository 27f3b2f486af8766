"""The stored token: one line in a file that only its owner may read."""

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
    """Whether `text` has the form of a JWT: three base64url parts (RFC 7519). It says nothing about its validity."""
    return _JWT.fullmatch(text) is not None


class TokenFileState(Enum):
    """What `TokenFile.load` found."""

    LOADED = "loaded"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    """No permission, or not a file."""
    MALFORMED = "malformed"
    """Its content is no token. The file stays as it is; the next login overwrites it."""


@dataclass(frozen=True)
class StoredToken:
    """`token` is set exactly if `state` is ``LOADED``."""

    state: TokenFileState
    token: str | None = None


class TokenFile:
    """One token on disk, mode 0600."""

    def __init__(self, path: Path) -> None:
        """Nothing is read or written yet. Missing folders are made by `save`."""
        self.path = path

    def load(self) -> StoredToken:
        """Read at most 16 KiB. Never raises; the state says what was wrong."""
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
        """Replace the file atomically: a crash leaves the old one or the new one. Raises `TokenFileError`."""
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
        """Delete the file, if there is one. Raises `TokenFileError` where it stays."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise TokenFileError(self.path, error.strerror or str(error)) from None
