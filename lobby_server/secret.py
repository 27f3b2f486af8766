"""The secrets of the tokens: given by the environment or a file, or made at first start and kept in the data folder.

A file holds one secret per line, the newest first: that one signs, all verify. So a secret is replaced without logging
anybody out: put a new one on top, reload, and take the old one out when its last token has ended.
"""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

from lobby_server.options import environment_name_of
from lobby_server.service.accounts.signatures import is_secret
from lobby_server.settings import MIN_SECRET_BYTES, Settings, SettingsError

SECRET_FILE = "jwt-secret"


def secret_path(data_dir: Path) -> Path:
    return data_dir / SECRET_FILE


def lacks_secret(data_dir: Path) -> bool:
    """Whether a data folder has no file of secrets. One that may not be looked into can have it: whoever reads it is
    told why they cannot."""
    try:
        secret_path(data_dir).stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass
    return False


def new_token_id() -> str:
    """Another one each time, and nobody can guess it."""
    return secrets.token_urlsafe(12)


def known_secrets(settings: Settings) -> tuple[str, ...]:
    """Those that there are, newest first; none: one can be made in the data folder, and this makes nothing. Raises
    `SettingsError`."""
    if settings.jwt_secret:
        found: tuple[str, ...] = (settings.jwt_secret,)
    elif settings.jwt_secret_file:
        found = _given(Path(settings.jwt_secret_file))
    else:
        found = _kept(settings.data_dir)
    if not all(map(is_secret, found)):
        raise SettingsError(
            "The secret of the tokens is a key of another kind (PEM, SSH or JWK): give it a random text of at least "
            f"{MIN_SECRET_BYTES} bytes."
        )
    return found


def secrets_of(settings: Settings) -> tuple[tuple[str, ...], bool]:
    """The secrets, newest first, and whether one was made just now. Raises `SettingsError`."""
    found, is_new = known_secrets(settings), False
    if not found:
        _, is_new = load_or_make_secret(settings.data_dir)
        found = _kept(settings.data_dir)
    return found, is_new


def _kept(data_dir: Path) -> tuple[str, ...]:
    """Those of a data folder; none: it has no file of secrets, and can get one."""
    try:
        try:
            return _read(secret_path(data_dir))
        except FileNotFoundError:
            place = next(each for each in (data_dir, *data_dir.parents) if each.exists())
            if not place.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
            if not os.access(place, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from None
            return ()
    except (OSError, UnicodeDecodeError) as fault:
        raise _unusable(data_dir, fault) from None


def _unusable(data_dir: Path, fault: OSError | UnicodeDecodeError) -> SettingsError:
    if getattr(fault, "errno", None) == errno.ENOSPC:
        return SettingsError(f"The disk that holds the data folder {data_dir} is full: make room there.")
    reason = getattr(fault, "strerror", None) or "not a text file"
    return SettingsError(
        f"The data folder {data_dir} cannot be used ({reason}): give --data-dir a folder that can be read and written."
    )


def _given(path: Path) -> tuple[str, ...]:
    try:
        found = _lines(path)
    except (OSError, UnicodeDecodeError) as fault:
        reason = getattr(fault, "strerror", None) or "not a text file"
        raise SettingsError(
            f"The file of secrets {path} cannot be read ({reason}): give --jwt-secret-file one with a secret per line."
        ) from None
    if not found:
        raise SettingsError(
            f"{path} holds no secret, or one of less than {MIN_SECRET_BYTES} bytes: give it one per line, newest first."
        )
    return found


def load_or_make_secret(data_dir: Path) -> tuple[str, bool]:
    """The newest secret of a data folder, and whether it was made just now. The file has mode 0600.

    Raises `SettingsError` when the folder or the file cannot be used.
    """
    path = secret_path(data_dir)
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return _read(path)[0], False
        except FileNotFoundError:
            return _make(path)
    except (OSError, UnicodeDecodeError) as fault:
        raise _unusable(data_dir, fault) from None


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
        return _read(path)[0], False
    finally:
        draft.unlink(missing_ok=True)
    return made, True


def _read(path: Path) -> tuple[str, ...]:
    found = _lines(path)
    if not found:
        raise SettingsError(f"{path} holds no usable secret: delete it, or set {environment_name_of('jwt_secret')}.")
    return found


def _lines(path: Path) -> tuple[str, ...]:
    """The secrets of a file, newest first; none if it has none, or one that is too short."""
    found = tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return found if all(len(secret.encode()) >= MIN_SECRET_BYTES for secret in found) else ()
