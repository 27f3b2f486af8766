"""What an account may look like."""

from __future__ import annotations

import re
import unicodedata

from lobby_server.protocol.requests import (
    EMAIL,
    MAX_PASSWORD_CHARACTERS,
    MIN_PASSWORD_CHARACTERS,
    PASSWORD,
    USERNAME,
)

_USERNAME, _PASSWORD, _EMAIL = (
    re.compile(pattern.removesuffix("$") + r"\Z") for pattern in (USERNAME, PASSWORD, EMAIL)
)

RESERVED_USERNAMES = frozenset(
    {
        "abuse", "admin", "administrator", "administration", "announcement", "bot", "everyone", "guest", "help", "host",
        "lobby", "mod", "moderation", "moderator", "nobody", "null", "official", "operator", "party", "postmaster",
        "root", "security", "server", "service", "staff", "support", "sysadmin", "sysop", "system", "undefined",
        "webmaster",
    }
)  # fmt: skip
"""Names that players would take for the server's or its staff's own; in any case, with any underscores."""


def normalized_password(password: str) -> str:
    """The form in which a password is hashed and compared: what looks the same is the same, whichever keyboard or
    system typed it (RFC 8265 section 4.2.2: spaces become ASCII spaces, then NFC)."""
    spaced = "".join(" " if unicodedata.category(character) == "Zs" else character for character in password)
    return unicodedata.normalize("NFC", spaced)


_LOOKS = str.maketrans({"1": "l", "i": "l", "0": "o", "5": "s"})


def look_of(username: str) -> str:
    """The same for usernames that people take for each other: in any case, with I, l and 1, or O and 0, or S and 5
    exchanged, ``rn`` for ``m``, ``vv`` for ``w``, and with underscores more or less."""
    look = username.casefold().translate(_LOOKS).replace("rn", "m").replace("vv", "w")
    return "_".join(part for part in look.split("_") if part)


_RESERVED_LOOKS = frozenset(map(look_of, RESERVED_USERNAMES))


def is_reserved(username: str) -> bool:
    """Whether nobody can register that name, or one that looks like it. Accounts that have it keep it."""
    return look_of(username).replace("_", "") in _RESERVED_LOOKS


def account_faults(*, username: object, password: object, email: object) -> dict[str, str]:
    """What is wrong with a registration, a sentence per field; empty when nothing is. Types are checked too."""
    faults: dict[str, str] = {}
    if not isinstance(username, str) or not _USERNAME.match(username):
        faults["username"] = "A username has 3 to 20 letters, digits or underscores."
    elif is_reserved(username):
        faults["username"] = "This username is reserved; choose another one."
    if not isinstance(password, str) or len(password) < MIN_PASSWORD_CHARACTERS:
        faults["password"] = f"A password has at least {MIN_PASSWORD_CHARACTERS} characters."
    elif len(password) > MAX_PASSWORD_CHARACTERS:
        faults["password"] = f"A password has at most {MAX_PASSWORD_CHARACTERS} characters."
    elif not _PASSWORD.match(password):
        faults["password"] = "A password has no control characters."
    if email is not None and (not isinstance(email, str) or not _EMAIL.match(email)):
        faults["email"] = "An email address looks like name@example.org."
    return faults
