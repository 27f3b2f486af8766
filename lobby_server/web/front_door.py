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
from lobby_server.web.context import WebContext
from lobby_server.web.negotiation import accepts_gzip, etag_matches

ROOMS_PATH = "/api/rooms"
_OK = ResponseStartLine("HTTP/1.1", 200, "OK")
_NOT_MODIFIED = ResponseStartLine("HTTP/1.1", 304, "Not Modified")


class FrontDoor(HTTPServerConnectionDelegate):
    """Every HTTP request comes in here."""

    application: tornado.web.Application
    """Set before the first request."""

    def __init__(self, context: WebContext) -> None:
        self.context = context
        # With allowed origins the answer depends on the origin: the handler knows how.
        self.serves_list = not context.settings.origins

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        return _Request(self, server_conn, request_conn)

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
        etag = view.etag()
        if etag_matches(asked.get("If-None-Match"), etag):
            served["not_modified"] += 1
            self._connection.write_headers(_NOT_MODIFIED, _headers(etag))
        else:
            served["full"] += 1
            context.app.fetch_meter.count()
            snapshot = view.snapshot()
            is_gzip = accepts_gzip(asked.get("Accept-Encoding"))
            body = snapshot.gzipped if is_gzip else snapshot.plain
            self._connection.write_headers(_OK, _body_headers(snapshot, is_gzip, len(body)), body)
        self._connection.finish()


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
