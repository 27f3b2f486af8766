"""The secret that signs the tokens, when nobody gave one: made at first start, kept in the data folder."""

from __future__ import annotations

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
        data_dir.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return _read(path), False
        made = secrets.token_hex(32)
        with os.fdopen(descriptor, "w") as file:
            file.write(made)
        return made, True
    except (OSError, UnicodeDecodeError) as fault:
        reason = getattr(fault, "strerror", None) or "not a text file"
        raise SettingsError(
            f"The data folder {data_dir} cannot be used ({reason}): give --data-dir a folder that can be "
            "read and written."
        ) from None


def _read(path: Path) -> str:
    secret = path.read_text().strip()
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise SettingsError(f"{path} holds no usable secret: delete it, or set LOBBY_JWT_SECRET.")
    return secret
