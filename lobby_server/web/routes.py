"""Which address goes where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import tornado.web
from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.routing import AnyMatches, Matcher, Router, Rule

from lobby_server.protocol.codes import ApiCode
from lobby_server.web import ops, pages
from lobby_server.web.api.contract import contract
from lobby_server.web.api.documents import OpenApiHandler, ProtocolHandler
from lobby_server.web.api.openapi import openapi_document
from lobby_server.web.api.routes import API_ROUTES, parameters_of, pattern_of, shown
from lobby_server.web.assets import Assets
from lobby_server.web.base import BARE_PREFIX, ApiFault, BaseHandler, NotFoundHandler, PrefixHandler
from lobby_server.web.context import WebContext
from lobby_server.web.metrics import make_registry
from lobby_server.web.traffic import OTHER
from lobby_server.web.websocket.gate import Gate
from lobby_server.web.websocket.handler import UpgradeHandler, head_of
from lobby_server.web.websocket.handover import HttpConnections

OPS_SOCKET_PATH = "/ops/socket"


class AsksForSocket(Matcher):
    """A request for a WebSocket at one of its addresses, the path prefix left out."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        if "Upgrade" not in request.headers:
            return None
        head = head_of(request)
        return {} if head is not None and self._gate.asks(head, head.path) else None


class PlainAddresses(Router):
    """The addresses without parameters, each found in one look: Tornado tries one pattern after the other."""

    application: tornado.web.Application
    """Set before the first request."""

    def __init__(self, rules: Iterable[tuple[str, type[BaseHandler], dict[str, Any]]]) -> None:
        self._rules = {path: (handler, arguments) for path, handler, arguments in rules}

    def find_handler(self, request: HTTPServerRequest, **_: Any) -> HTTPMessageDelegate | None:
        found = self._rules.get(request.path)
        if found is None:
            return None
        handler, arguments = found
        return self.application.get_handler_delegate(request, handler, target_kwargs=arguments)


class WholeServerHandler(BaseHandler):
    """``OPTIONS *`` (RFC 9110 section 9.3.7): what all handlers answer."""


class UpgradeRequiredHandler(BaseHandler):
    """An address of WebSockets, asked by something that is no WebSocket client."""

    def get(self) -> None:
        raise ApiFault(426, ApiCode.UPGRADE_REQUIRED, "This address speaks WebSocket.")


def api_rules(context: WebContext) -> Iterator[tuple[str, type[BaseHandler], dict[str, Any]]]:
    """The HTTP API by its addresses, with the two documents that describe it and the socket."""
    documents: dict[type[BaseHandler], dict[str, Any]] = {
        ProtocolHandler: contract(context.settings, context.app.rules),
        OpenApiHandler: openapi_document(API_ROUTES, prefix=context.settings.path_prefix),
    }
    for template, handler in API_ROUTES:
        arguments: dict[str, Any] = {"context": context}
        if handler in documents:
            arguments["document"] = documents[handler]
        yield template, handler, arguments


def socket_rule(context: WebContext, gate: Gate, http: HttpConnections) -> Rule:
    """Requests for a WebSocket, at whichever of its addresses."""
    return Rule(AsksForSocket(gate), UpgradeHandler, {"context": context, "gate": gate, "http": http})


ROUTES: dict[type[BaseHandler], str] = {
    **{handler: shown(template) for template, handler in API_ROUTES},
    pages.PageHandler: "/{page}",
    pages.AssetHandler: "/static/{path}",
    ops.MetricsHandler: "/metrics",
    UpgradeRequiredHandler: "/ws",
    PrefixHandler: "/",
}
"""The pattern of each handler's addresses, as counts and logs say it; whatever is not here is `OTHER`."""


def call_ended(handler: tornado.web.RequestHandler) -> None:
    """Count and log an answered call."""
    assert isinstance(handler, BaseHandler)
    traffic, status = handler.context.traffic, handler.get_status()
    if isinstance(handler, UpgradeHandler):
        return  # the gate has told of it
    traffic.call_ended(
        method=handler.request.method or "",
        route=ROUTES.get(type(handler), OTHER),
        status=status,
        took_s=handler.request.request_time(),
        address=handler.client.address,
        code=handler.problem_code,
        user=handler.caller_id,
    )


def make_application(context: WebContext, *sockets: Rule) -> tornado.web.Application:
    """`sockets`: the rules that come before all others."""
    arguments: dict[str, Any] = {"context": context}
    files = {**arguments, "assets": Assets(pages.STATIC)}
    of_api = list(api_rules(context))
    plain = PlainAddresses(rule for rule in of_api if not parameters_of(rule[0]))
    application = plain.application = tornado.web.Application(
        [
            *sockets,
            Rule(AnyMatches(), plain),
            (r"/", pages.PageHandler, {**files, "page": "index.html"}),
            (r"/ops", pages.PageHandler, {**files, "page": "ops.html"}),
            (OPS_SOCKET_PATH, UpgradeRequiredHandler, arguments),
            (r"/docs/protocol", pages.PageHandler, {**files, "page": "docs/protocol.html"}),
            (r"/static/(.+)", pages.AssetHandler, files),
            (r"/ws", UpgradeRequiredHandler, arguments),
            (r"\*", WholeServerHandler, arguments),
            (BARE_PREFIX, PrefixHandler, arguments),
            *((pattern_of(template), handler, arguments) for template, handler, arguments in of_api),
            (r"/metrics", ops.MetricsHandler, {**arguments, "registry": make_registry(context)}),
        ],
        default_handler_class=NotFoundHandler,
        default_handler_args=arguments,
        log_function=call_ended,
    )
    return application
