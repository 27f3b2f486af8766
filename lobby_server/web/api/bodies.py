"""What bodies of the social calls may hold. Each function raises `ApiFault` 400 with the field at fault."""

from __future__ import annotations

from typing import Any

from lobby_server.protocol.codes import ApiCode
from lobby_server.service.auth import MAX_USER_ID, MAX_USERNAME_CHARACTERS
from lobby_server.service.social.people import Whom
from lobby_server.web.base import ApiFault


def whom(body: dict[str, Any]) -> Whom:
    """Who is meant: ``to_user_id``, or else ``to_username``."""
    if body.get("to_user_id") is None and body.get("to_username") is not None:
        return Whom(None, text(body, "to_username", most=MAX_USERNAME_CHARACTERS))
    return Whom(user_id(body, "to_user_id"))


def user_id(body: dict[str, Any], name: str = "user_id") -> int:
    value = body.get(name)
    if type(value) is not int or not 0 <= value <= MAX_USER_ID:
        raise fault(name, f"{name} is a whole number, the id of a user.")
    return value


def text(body: dict[str, Any], name: str, *, most: int, is_optional: bool = False) -> str:
    """Text with something in it, unless `is_optional`; a database has to be able to hold it."""
    value = body.get(name, "" if is_optional else None)
    if not isinstance(value, str) or "\x00" in value or len(value) > most or not (is_optional or value.strip()):
        raise fault(name, f"{name} is text of at most {most} characters.")
    return value


def fault(name: str, sentence: str) -> ApiFault:
    return ApiFault(400, ApiCode.INVALID_REQUEST, sentence, fields={name: sentence})
