"""The HTTP server that Tornado has: every request goes to the application, and one below the path prefix is shown to it
without the prefix.
"""

from __future__ import annotations

from collections.abc import Awaitable

import tornado.web
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)

from lobby_server.web.base import BARE_PREFIX
from lobby_server.web.context import WebContext

NOWHERE = "/ nowhere"
"""For a path that is not below the path prefix: no route has it, and no request can."""


class FrontDoor(HTTPServerConnectionDelegate):
    """Every HTTP request that Tornado answers comes in here."""

    application: tornado.web.Application
    """Set before the first request."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        inner = self.application.start_request(server_conn, request_conn)
        return _Prefixed(self, inner) if self._context.settings.path_prefix else inner

    def without_prefix(self, start_line: RequestStartLine, headers: HTTPHeaders) -> RequestStartLine:
        """The request as the routes know it."""
        path = self._context.within(start_line.path)
        if path is None:
            path = NOWHERE
        elif start_line.path.partition("?")[0] == self._context.settings.path_prefix and "Upgrade" not in headers:
            path = BARE_PREFIX
        return start_line._replace(path=path)

    def on_close(self, server_conn: object) -> None:
        self.application.on_close(server_conn)


class _Prefixed(HTTPMessageDelegate):
    """One request below the path prefix."""

    __slots__ = ("_door", "_inner")

    def __init__(self, door: FrontDoor, inner: HTTPMessageDelegate) -> None:
        self._door = door
        self._inner = inner

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        assert isinstance(start_line, RequestStartLine)
        return self._inner.headers_received(self._door.without_prefix(start_line, headers), headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._inner.data_received(chunk)

    def finish(self) -> None:
        self._inner.finish()

    def on_connection_close(self) -> None:
        self._inner.on_connection_close()
