"""The HTTP API as an OpenAPI 3.1 document, made of the routes, of what each method says of itself, and of the types of
the bodies (spec.openapis.org/oas/v3.1.0).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import msgspec

from lobby_server import __version__
from lobby_server.core.refusal import RefusalCode
from lobby_server.protocol.codes import ApiCode
from lobby_server.protocol.resources import Problem
from lobby_server.web.api.operation import Caller, Operation, operation_of
from lobby_server.web.api.routes import parameters_of, shown
from lobby_server.web.base import MAX_ID_DIGITS, BaseHandler
from lobby_server.web.refusals import REFUSALS

METHODS = ("get", "post", "put", "delete", "patch")
_REF = "#/components/schemas/{name}"
_SUCCESS = {200: "Done", 201: "Made", 204: "Done; nothing to say", 304: "What you hold is current"}
_ID = {"type": "integer", "minimum": 0, "maximum": 10**MAX_ID_DIGITS - 1}
_QUERY: dict[str, dict[str, Any]] = {
    "before": _ID,
    "gamemode": {"type": "string"},
    "open": {"type": "string", "enum": ["0", "1"]},
}
"""What stands in the query, by name."""
Route = tuple[str, type[BaseHandler]]


def operations(routes: Sequence[Route]) -> Iterator[tuple[str, str, Operation | None]]:
    """Address, method and description of everything that the routes answer. HEAD and OPTIONS come with them."""
    for template, handler in routes:
        for method in METHODS:
            own = getattr(handler, method)
            if own is not getattr(BaseHandler, method):
                yield template, method, operation_of(own)


def openapi_document(routes: Sequence[Route], *, prefix: str = "") -> dict[str, Any]:
    """`prefix`: of all addresses. Raises `LookupError` for a method that says nothing of itself."""
    paths, schemas = _paths_and_schemas(tuple(routes))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Game lobby",
            "version": __version__,
            "description": "HTTP moves data and changes it; the socket carries events: see /api/protocol.",
        },
        **({"servers": [{"url": prefix}]} if prefix else {}),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


@cache
def _paths_and_schemas(routes: tuple[Route, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same for all servers of a process, and not to be changed: msgspec looks at each type for 0.2 ms."""
    described = []
    for template, method, operation in operations(routes):
        if operation is None:
            raise LookupError(f"{method.upper()} {template} has no @operation")
        described.append((template, method, operation))
    bodies: list[type[msgspec.Struct]] = [Problem]
    for _, _, operation in described:
        bodies += [body for body in (operation.body, *operation.answers.values()) if body is not None]
    bodies = list(dict.fromkeys(bodies))
    schemas, components = msgspec.json.schema_components(bodies, ref_template=_REF)
    schema_of: dict[type[msgspec.Struct], dict[str, Any]] = dict(zip(bodies, schemas, strict=True))
    for _, _, operation in described:
        if operation.body is not None:
            _describe_input(operation.body, components[operation.body.__name__])
    paths: dict[str, dict[str, Any]] = {}
    for template, method, operation in described:
        paths.setdefault(shown(template), {})[method] = _operation(template, operation, schema_of)
    return paths, components


def _describe_input(kind: type[msgspec.Struct], schema: dict[str, Any]) -> None:
    """What the server takes besides what the type says: null for whatever may be left out, and one of some fields."""
    for name, described in schema["properties"].items():
        is_nullable = {"type": "null"} in described.get("anyOf", ())
        if name not in schema.get("required", ()) and not is_nullable:
            default = {"default": described.pop("default")} if "default" in described else {}
            schema["properties"][name] = {"anyOf": [described, {"type": "null"}], **default}
    if one_of := getattr(kind, "ONE_OF", ()):
        given = {"not": {"type": "null"}}
        schema["anyOf"] = [{"required": [name], "properties": {name: given}} for name in one_of]


def _operation(
    template: str, operation: Operation, schema_of: dict[type[msgspec.Struct], dict[str, Any]]
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "summary": operation.summary,
        "security": [] if operation.caller is Caller.ANYBODY else [{"bearer": []}],
        "responses": {
            str(status): {"description": _SUCCESS[status], **_content(schema_of[body] if body else None)}
            for status, body in operation.answers.items()
        },
    }
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _ID if is_id else {"type": "string"},
        }
        for name, is_id in parameters_of(template)
    ]
    parameters += [
        {"name": name, "in": "query", "required": False, "description": sentence, "schema": _QUERY[name]}
        for name, sentence in operation.query.items()
    ]
    if parameters:
        made["parameters"] = parameters
    if operation.body is not None:
        made["requestBody"] = {"required": True, **_content(schema_of[operation.body])}
    for status, codes in sorted(_problems(operation).items()):
        made["responses"][str(status)] = {"description": ", ".join(codes), **_content(schema_of[Problem])}
    return made


def _problems(operation: Operation) -> dict[int, list[str]]:
    """The codes of errors that a call may answer with, by status."""
    found: dict[int, list[str]] = {}
    if operation.body is not None or operation.query:
        found.setdefault(400, []).append(ApiCode.INVALID_REQUEST.value)
    if operation.caller is not Caller.ANYBODY:
        found.setdefault(401, []).append(ApiCode.AUTHENTICATION_REQUIRED.value)
        found.setdefault(403, []).extend((ApiCode.INVALID_TOKEN.value, ApiCode.USER_BANNED.value))
    if operation.caller is Caller.ADMIN:
        found[403].append(ApiCode.ADMIN_REQUIRED.value)
    for refused in operation.refusals:
        status, code = refused if isinstance(refused, tuple) else (_STATUS[refused], refused)
        found.setdefault(status, []).append(code.value)
    return found


_STATUS: dict[ApiCode, int] = {
    **{code: status for status, code, _ in REFUSALS.values()},
    ApiCode.NOT_IN_ROOM: REFUSALS[RefusalCode.NOT_IN_ROOM][0],
    ApiCode.GAMEMODE_REQUIRED: 400,
    ApiCode.RATE_LIMITED: 429,
    ApiCode.NOT_READY: 503,
    ApiCode.TRY_AGAIN_LATER: 503,
}


def _content(schema: dict[str, Any] | None) -> dict[str, Any]:
    return {} if schema is None else {"content": {"application/json": {"schema": schema}}}
