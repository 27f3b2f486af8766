"""Which address goes where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tornado.web
from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher, Rule

from lobby_server.protocol.codes import ApiCode
from lobby_server.web import ops, pages
from lobby_server.web.api.contract import SOCKET_PATHS, contract
from lobby_server.web.api.documents import OpenApiHandler, ProtocolHandler
from lobby_server.web.api.openapi import openapi_document
from lobby_server.web.api.routes import API_ROUTES, pattern_of
from lobby_server.web.assets import Assets
from lobby_server.web.base import ApiFault, BaseHandler, NotFoundHandler
from lobby_server.web.context import WebContext
from lobby_server.web.ops_socket import OpsSocketHandler
from lobby_server.web.websocket.handler import HARD_LIMIT_FACTOR, SocketHandler


class WantsSocket(Matcher):
    """A request for a WebSocket at one of its addresses."""

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        wanted = (
            request.method == "GET"  # RFC 6455 section 4.1; whatever else is no upgrade
            and request.path in SOCKET_PATHS
            and request.headers.get("Upgrade", "").lower() == "websocket"
            and "upgrade" in request.headers.get("Connection", "").lower()  # a proxy that ate it asks for no socket
        )
        return {} if wanted else None


class UpgradeRequiredHandler(BaseHandler):
    """``GET /ws`` by something that is no WebSocket client."""

    def get(self) -> None:
        raise ApiFault(426, ApiCode.UPGRADE_REQUIRED, "This address speaks WebSocket.")


def api_rules(context: WebContext) -> Iterator[tuple[str, type[BaseHandler], dict[str, Any]]]:
    """The HTTP API for Tornado, with the two documents that describe it and the socket."""
    documents: dict[type[BaseHandler], dict[str, Any]] = {
        ProtocolHandler: contract(context.settings, context.app.rules),
        OpenApiHandler: openapi_document(API_ROUTES),
    }
    for template, handler in API_ROUTES:
        arguments: dict[str, Any] = {"context": context}
        if handler in documents:
            arguments["document"] = documents[handler]
        yield pattern_of(template), handler, arguments


def make_application(context: WebContext) -> tornado.web.Application:
    arguments: dict[str, Any] = {"context": context}
    files = {**arguments, "assets": Assets(pages.STATIC)}
    return tornado.web.Application(
        [
            Rule(WantsSocket(), SocketHandler, arguments),
            (r"/", pages.PageHandler, {**files, "page": "index.html"}),
            (r"/ops", pages.PageHandler, {**files, "page": "ops.html"}),
            (r"/ops/socket", OpsSocketHandler, arguments),
            (r"/docs/protocol", pages.PageHandler, {**files, "page": "docs/protocol.html"}),
            (r"/static/(.+)", pages.AssetHandler, files),
            (r"/ws", UpgradeRequiredHandler, arguments),
            *api_rules(context),
            (r"/metrics", ops.MetricsHandler, {**arguments, "registry": ops.make_registry(context)}),
        ],
        default_handler_class=NotFoundHandler,
        default_handler_args=arguments,
        websocket_max_message_size=HARD_LIMIT_FACTOR * context.settings.max_message_bytes,
        websocket_ping_interval=0,
        log_function=lambda handler: None,
    )
