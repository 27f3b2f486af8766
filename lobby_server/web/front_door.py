"""The cheapest path through Tornado for ``GET /api/rooms``, which all clients fetch at the same moment.

A message delegate of its own answers it from the ready snapshot; every other request goes to the application, whose
handler serves the filtered list, HEAD, and pages of other origins. Both answer alike, and a test holds them to that.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable

import tornado.web
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
    format_timestamp,
)

from lobby_server.service.rooms.list import Snapshot
from lobby_server.web.base import BARE_PREFIX
from lobby_server.web.context import WebContext
from lobby_server.web.negotiation import accepts_gzip, etag_matches
from lobby_server.web.traffic import LIST_FULL, LIST_NOT_MODIFIED

ROOMS_PATH = "/api/rooms"
NOWHERE = "/ nowhere"
"""For a path that is not below the path prefix: no route has it, and no request can."""
_OK = ResponseStartLine("HTTP/1.1", 200, "OK")
_NOT_MODIFIED = ResponseStartLine("HTTP/1.1", 304, "Not Modified")


class FrontDoor(HTTPServerConnectionDelegate):
    """Every HTTP request comes in here."""

    application: tornado.web.Application
    """Set before the first request."""

    def __init__(self, context: WebContext) -> None:
        self.context = context
        # With allowed origins the answer depends on the origin, and a node of several first sees to it that it knows
        # what a client has heard of by way of another one: the handler does both.
        self.serves_list = not context.settings.origins and context.app.nodes is None
        self.has_prefix = bool(context.settings.path_prefix)

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        return _Request(self, server_conn, request_conn)

    def without_prefix(self, start_line: RequestStartLine, headers: HTTPHeaders) -> RequestStartLine:
        """The request as the routes know it."""
        path = self.context.within(start_line.path)
        if path is None:
            path = NOWHERE
        elif start_line.path.partition("?")[0] == self.context.settings.path_prefix and "Upgrade" not in headers:
            path = BARE_PREFIX
        return start_line._replace(path=path)

    def on_close(self, server_conn: object) -> None:
        self.application.on_close(server_conn)


class _Request(HTTPMessageDelegate):
    """One request: the list here, or the application's own delegate."""

    __slots__ = ("_connection", "_door", "_headers", "_inner", "_server")

    def __init__(self, door: FrontDoor, server_conn: object, request_conn: HTTPConnection) -> None:
        self._door = door
        self._server = server_conn
        self._connection = request_conn
        self._headers: HTTPHeaders | None = None
        self._inner: HTTPMessageDelegate | None = None

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        assert isinstance(start_line, RequestStartLine)
        if self._door.has_prefix:
            start_line = self._door.without_prefix(start_line, headers)
        if (
            start_line.path == ROOMS_PATH
            and start_line.method == "GET"
            and len(headers.get_list("Host")) == 1
            and self._door.serves_list
        ):
            self._headers = headers
            return None
        self._inner = self._door.application.start_request(self._server, self._connection)
        return self._inner.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._inner.data_received(chunk) if self._inner is not None else None

    def finish(self) -> None:
        if self._inner is not None:
            self._inner.finish()
        elif self._headers is not None:
            self._answer(self._headers)

    def on_connection_close(self) -> None:
        if self._inner is not None:
            self._inner.on_connection_close()

    def _answer(self, asked: HTTPHeaders) -> None:
        context = self._door.context
        view, served = context.app.room_list, context.app.metrics.room_list_served
        traffic = context.traffic
        etag = view.etag()
        if etag_matches(asked.get("If-None-Match"), etag):
            served["not_modified"] += 1
            traffic.answered[LIST_NOT_MODIFIED] += 1
            self._connection.write_headers(_NOT_MODIFIED, _headers(etag))
        else:
            served["full"] += 1
            traffic.answered[LIST_FULL] += 1
            context.app.fetch_meter.count()
            snapshot = view.snapshot()
            is_gzip = accepts_gzip(asked.get("Accept-Encoding"))
            body = snapshot.gzipped if is_gzip else snapshot.plain
            self._connection.write_headers(_OK, _body_headers(snapshot, is_gzip, len(body)), body)
        self._connection.finish()
        if traffic.logs_list:
            self._log(asked, 304 if etag_matches(asked.get("If-None-Match"), etag) else 200)

    def _log(self, asked: HTTPHeaders, status: int) -> None:
        peer = getattr(getattr(self._connection, "context", None), "remote_ip", None) or ""
        client = self._door.context.proxies.client(peer, asked.get("X-Forwarded-For"))
        self._door.context.traffic.list_answered(client.address, status=status)


def _headers(etag: str) -> HTTPHeaders:
    return HTTPHeaders(
        {
            "X-Content-Type-Options": "nosniff",
            "Etag": etag,
            "Cache-Control": "no-cache",
            "Date": format_timestamp(time.time()),
            "Vary": "Accept-Encoding",
        }
    )


def _body_headers(snapshot: Snapshot, is_gzip: bool, body_bytes: int) -> HTTPHeaders:
    headers = _headers(snapshot.etag)
    headers["Content-Type"] = "application/json; charset=utf-8"
    headers["Content-Length"] = str(body_bytes)
    if is_gzip:
        headers["Content-Encoding"] = "gzip"
    return headers
