"""What an account may look like."""

from __future__ import annotations

import re

_USERNAME = re.compile(r"[A-Za-z0-9_]{3,20}")
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,189}")

MIN_PASSWORD_CHARACTERS = 8
MAX_PASSWORD_CHARACTERS = 1024
"""Longer ones would only let a client occupy the hashing threads."""


def account_faults(*, username: object, password: object, email: object) -> dict[str, str]:
    """What is wrong with a registration, a sentence per field; empty when nothing is. Types are checked too."""
    faults: dict[str, str] = {}
    if not isinstance(username, str) or not _USERNAME.fullmatch(username):
        faults["username"] = "A username has 3 to 20 letters, digits or underscores."
    if not isinstance(password, str) or len(password) < MIN_PASSWORD_CHARACTERS:
        faults["password"] = f"A password has at least {MIN_PASSWORD_CHARACTERS} characters."
    elif len(password) > MAX_PASSWORD_CHARACTERS:
        faults["password"] = f"A password has at most {MAX_PASSWORD_CHARACTERS} characters."
    if email is not None and (not isinstance(email, str) or not _EMAIL.fullmatch(email)):
        faults["email"] = "An email address looks like name@example.org."
    return faults
