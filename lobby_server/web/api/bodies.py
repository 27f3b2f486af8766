"""Request bodies: decoded into the type that documents them, field by field, so that an answer says which are wrong."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from lobby_server.protocol.codes import ApiCode
from lobby_server.protocol.requests import Body, Whom
from lobby_server.service.auth import MAX_USER_ID
from lobby_server.web.base import ApiFault

_Body = TypeVar("_Body", bound=Body)


def read(given: dict[str, Any], kind: type[_Body]) -> _Body:
    """The body. Raises `ApiFault` 400 with the sentence of each field that is wrong; fields that the type does not
    have are ignored."""
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for field in msgspec.structs.fields(kind):
        name = field.encode_name
        if given.get(name) is None and not field.required:
            continue  # null is the same as leaving it out
        try:
            values[name] = _checked(given.get(name), field, is_kept=kind.IS_KEPT)
        except msgspec.ValidationError:
            wrong.append(name)
    if wrong:
        raise fault(*wrong, kind=kind)
    return kind(**values)


def whom(given: dict[str, Any]) -> Whom:
    """Which user is meant: by ``to_user_id``, or else by ``to_username``. Raises as `read`."""
    name = "to_user_id"
    if given.get(name) is None and given.get("to_username") is not None:
        name = "to_username"
    elif given.get(name) is None:
        raise fault(name, kind=Whom)
    return read({name: given[name]}, Whom)


def fault(*names: str, kind: type[Body]) -> ApiFault:
    """The answer to a body with these fields wrong."""
    sentences = {name: kind.FAULTS[name] for name in names}
    return ApiFault(400, ApiCode.INVALID_REQUEST, " ".join(sentences.values()), fields=sentences)


def _checked(value: Any, field: msgspec.structs.FieldInfo, *, is_kept: bool) -> Any:
    """The value, if it is one of the field's type and a database can hold it. Raises `msgspec.ValidationError`."""
    converted = msgspec.convert(value, field.type)
    if isinstance(converted, str):
        if ("\x00" in converted and is_kept) or (field.required and not converted):
            raise msgspec.ValidationError("PostgreSQL has no NUL in its text, and nothing is not what is required")
        msgspec.convert(converted.strip(), field.type)  # text of blanks is none where some is needed
    elif isinstance(converted, int) and converted > MAX_USER_ID:
        raise msgspec.ValidationError("more than every JSON client reads exactly")
    return converted
