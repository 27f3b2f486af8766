"""HTTP with keep-alive, as little of it as the lobby's API needs.

`HttpCaller` is the port: the swarm puts Locust's session behind it, so that the same `LobbyApi` is timed and grouped.
`KeepAliveHttp` is the implementation for every other client, over urllib3's pool.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Protocol
from urllib.parse import urlsplit

import urllib3

from loadtest.client.errors import ServerAway

DEFAULT_TIMEOUT_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpCall:
    """One request."""

    method: str
    path: str
    """From the address of the server, with the query."""
    route: str
    """The kind of the request in statistics, such as ``/api/rooms/[id]``."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpAnswer:
    """A response, whole."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    """Decompressed."""


class HttpCaller(Protocol):
    """Sends requests to one server."""

    @property
    def url(self) -> str:
        """Scheme, host, port and the path below which everything is, without a slash at its end."""

    def call(self, request: HttpCall) -> HttpAnswer:
        """Block until the response, whatever its status. Raises `ServerAway` when there is none."""

    def close(self) -> None:
        """Close the connections."""


class KeepAliveHttp:
    """Holds at most two connections, one for the application and one for a list's fetches; a third caller waits.

    Thread-safe. Follows no redirects, retries nothing, asks for gzip.
    """

    def __init__(self, url: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        """`url`: ``http://host:port`` or ``https://…``, perhaps with a path. `timeout_s`, by default 10 s, holds for
        connecting and again for each read."""
        self.url = url.rstrip("/")
        self._below = urlsplit(self.url).path
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
                self._below + request.path,
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
    """``Retry-After`` in seconds (RFC 9110 section 10.2.3); None for none and for a date, which lobby servers do not
    send."""
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
