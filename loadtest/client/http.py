"""HTTP with keep-alive, as little of it as the lobby's API needs.

`HttpCaller` is the seam: the swarm puts Locust's session behind it, so that the same `LobbyApi` is timed and grouped.
`KeepAliveHttp` is the one for everybody else, over urllib3's pool: thread-safe, and it works under gevent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Protocol

import urllib3

from loadtest.client.errors import ServerAway

DEFAULT_TIMEOUT_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpCall:
    """One request. `route` names its kind in statistics (``/api/rooms/[id]``), whatever the path."""

    method: str
    path: str
    route: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class HttpCaller(Protocol):
    url: str

    def call(self, request: HttpCall) -> HttpAnswer:
        """The answer, whatever its status. Raises `ServerAway` when there is none."""

    def close(self) -> None:
        """Give the connections back."""


class KeepAliveHttp:
    """Keeps up to two connections open: one for the application, one for the fetches; a third caller waits."""

    def __init__(self, url: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self.url = url.rstrip("/")
        self._pool = urllib3.connection_from_url(
            self.url,
            maxsize=2,
            block=True,
            retries=False,
            timeout=urllib3.Timeout(timeout_s),
            headers={"accept-encoding": "gzip"},
        )

    def call(self, request: HttpCall) -> HttpAnswer:
        try:
            answer = self._pool.request(
                request.method,
                request.path,
                body=request.body,
                headers={**(self._pool.headers or {}), **request.headers},
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise ServerAway(self.url, _in_few_words(error)) from None
        return HttpAnswer(
            status=answer.status,
            headers={name.lower(): text for name, text in answer.headers.items()},
            body=answer.data,
        )

    def close(self) -> None:
        self._pool.close()


def parse_retry_after_s(text: str | None) -> float | None:
    """``Retry-After`` in seconds (RFC 9110 section 10.2.3; the form with a date is not used by lobby servers)."""
    try:
        return max(0.0, float(text)) if text is not None else None
    except ValueError:
        return None


def _in_few_words(error: BaseException) -> str:
    """The innermost reason: ``connection refused`` instead of a tower of wrapped exceptions."""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    if isinstance(cause, HTTPException) and not isinstance(cause, OSError):
        return "what came is no HTTP"
    return str(cause or error).strip() or type(error).__name__
