"""What an HTTP call is, beside the method that answers it: the API's description is made of these, and of the routes.

@operation("Send a friend request", body=requests.Whom, answers={201: FriendAsked})
async def post(self) -> None: ...
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

import msgspec

from lobby_server.protocol.codes import ApiCode

_Method = TypeVar("_Method", bound=Callable[..., Any])
_ATTRIBUTE = "__lobby_operation__"


Refused = ApiCode | tuple[int, ApiCode]
"""A code, with its status where that is another one than the code has elsewhere."""


class Caller(Enum):
    """Who may call."""

    ANYBODY = "anybody"
    USER = "user"
    ADMIN = "admin"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one address."""

    summary: str
    answers: Mapping[int, type[msgspec.Struct] | None]
    """The body by status, of what is no error; None: without a body."""
    body: type[msgspec.Struct] | None
    caller: Caller
    query: Mapping[str, str]
    """Names in the query, each with its sentence."""
    refusals: tuple[Refused, ...] = field(default=())
    """Codes of its own, besides those of every call."""


def operation(
    summary: str,
    *,
    answers: Mapping[int, type[msgspec.Struct] | None],
    body: type[msgspec.Struct] | None = None,
    caller: Caller = Caller.USER,
    query: Mapping[str, str] | None = None,
    refusals: tuple[Refused, ...] = (),
) -> Callable[[_Method], _Method]:
    """Describe a method of a handler. The method itself stays what it is."""
    described = Operation(
        summary=summary, answers=answers, body=body, caller=caller, query=query or {}, refusals=refusals
    )

    def describe(method: _Method) -> _Method:
        setattr(method, _ATTRIBUTE, described)
        return method

    return describe


def operation_of(method: Callable[..., Any]) -> Operation | None:
    """What `operation` said of a method."""
    found: Operation | None = getattr(method, _ATTRIBUTE, None)
    return found
