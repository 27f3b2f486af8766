"""The secret that signs the tokens, when nobody gave one: made at first start, kept in the data folder."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

from lobby_server.settings import MIN_SECRET_BYTES, SettingsError

SECRET_FILE = "jwt-secret"


def secret_path(data_dir: Path) -> Path:
    return data_dir / SECRET_FILE


def load_or_make_secret(data_dir: Path) -> tuple[str, bool]:
    """The secret of a data folder, and whether it was made just now. The file has mode 0600.

    Raises `SettingsError` when the folder or the file cannot be used.
    """
    path = secret_path(data_dir)
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return _read(path), False
        except FileNotFoundError:
            return _make(path)
    except (OSError, UnicodeDecodeError) as fault:
        if getattr(fault, "errno", None) == errno.ENOSPC:
            raise SettingsError(f"The disk that holds the data folder {data_dir} is full: make room there.") from None
        reason = getattr(fault, "strerror", None) or "not a text file"
        raise SettingsError(
            f"The data folder {data_dir} cannot be used ({reason}): give --data-dir a folder that can be "
            "read and written."
        ) from None


def _make(path: Path) -> tuple[str, bool]:
    """A new secret, or that of another process which was faster.

    The file appears whole: a process killed while it writes leaves none that is empty.
    """
    made = secrets.token_hex(32)
    draft = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(made)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return _read(path), False
    finally:
        draft.unlink(missing_ok=True)
    return made, True


def _read(path: Path) -> str:
    secret = path.read_text().strip()
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise SettingsError(f"{path} holds no usable secret: delete it, or set LOBBY_JWT_SECRET.")
    return secret
