"""What an account may look like."""

from __future__ import annotations

import re
import unicodedata

_USERNAME = re.compile(r"[A-Za-z0-9_]{3,20}")
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,189}")

MIN_PASSWORD_CHARACTERS = 8
MAX_PASSWORD_CHARACTERS = 1024
"""Longer ones would only let a client occupy the hashing threads."""
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


def is_reserved(username: str) -> bool:
    """Whether nobody can register that name. Accounts that have it keep it."""
    return username.replace("_", "").casefold() in RESERVED_USERNAMES


def account_faults(*, username: object, password: object, email: object) -> dict[str, str]:
    """What is wrong with a registration, a sentence per field; empty when nothing is. Types are checked too."""
    faults: dict[str, str] = {}
    if not isinstance(username, str) or not _USERNAME.fullmatch(username):
        faults["username"] = "A username has 3 to 20 letters, digits or underscores."
    elif is_reserved(username):
        faults["username"] = "This username is reserved; choose another one."
    if not isinstance(password, str) or len(normalized_password(password)) < MIN_PASSWORD_CHARACTERS:
        faults["password"] = f"A password has at least {MIN_PASSWORD_CHARACTERS} characters."
    elif len(password) > MAX_PASSWORD_CHARACTERS:
        faults["password"] = f"A password has at most {MAX_PASSWORD_CHARACTERS} characters."
    elif any(unicodedata.category(character) == "Cc" for character in password):
        faults["password"] = "A password has no control characters."
    if email is not None and (not isinstance(email, str) or not _EMAIL.fullmatch(email)):
        faults["email"] = "An email address looks like name@example.org."
    return faults
