"""Request bodies: decoded into the type that documents them, field by field, so that an answer says which are wrong."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

import msgspec

from lobby_server.protocol.codes import ApiCode
from lobby_server.protocol.requests import Body, Whom
from lobby_server.web.base import ApiFault

_Body = TypeVar("_Body", bound=Body)


def read(given: dict[str, Any], kind: type[_Body]) -> _Body:
    """The body. Raises `ApiFault` 400 with the sentence of each field that is wrong; fields that the type does not
    have are ignored."""
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for field in _fields(kind):
        name = field.encode_name
        if given.get(name) is None and not field.required:
            continue  # null is the same as leaving it out
        try:
            values[name] = msgspec.convert(given.get(name), field.type)
        except msgspec.ValidationError:
            wrong.append(name)
    if wrong:
        raise fault(*wrong, kind=kind)
    return kind(**values)


def whom(given: dict[str, Any]) -> Whom:
    """Which user is meant: by ``to_user_id``, or else by ``to_username``. Raises as `read`."""
    if all(given.get(name) is None for name in Whom.ONE_OF):
        raise fault(Whom.ONE_OF[0], kind=Whom)
    return read(given, Whom)


def fault(*names: str, kind: type[Body]) -> ApiFault:
    """The answer to a body with these fields wrong."""
    sentences = {name: kind.FAULTS[name] for name in names}
    return ApiFault(400, ApiCode.INVALID_REQUEST, " ".join(sentences.values()), fields=sentences)


@cache
def _fields(kind: type[Body]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """To look them up evaluates the annotations of the type, which took a sixth of making a room."""
    return msgspec.structs.fields(kind)
