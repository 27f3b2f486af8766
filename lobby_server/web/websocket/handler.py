"""A request for a WebSocket that comes behind other requests on a connection that Tornado serves."""

from __future__ import annotations

import asyncio

from tornado.httputil import HTTPServerRequest
from tornado.iostream import IOStream

from lobby_server.web.base import ApiFault, BaseHandler
from lobby_server.web.context import WebContext
from lobby_server.web.websocket.gate import Gate
from lobby_server.web.websocket.handover import HttpConnections
from lobby_server.web.websocket.head import Fields, Head, HeadFault, make_head
from lobby_server.web.websocket.upgrade import UpgradeRefused


class UpgradeHandler(BaseHandler):
    """Takes the connection away from Tornado."""

    def initialize(self, context: WebContext, gate: Gate | None = None, http: HttpConnections | None = None) -> None:
        super().initialize(context)
        assert gate is not None
        assert http is not None
        self._gate, self._connections = gate, http

    def get(self) -> None:
        head = head_of(self.request)
        assert head is not None
        path, address = head.path, self.client.address
        try:
            upgrade = self._gate.check(head, path, address=address)
        except UpgradeRefused as refusal:
            raise ApiFault(
                refusal.status, refusal.code, refusal.sentence, retry_after_s=refusal.retry_after_s
            ) from None
        self.context.calls.discard(self)
        stream = self.detach()
        assert isinstance(stream, IOStream)
        if stream.closed():
            return  # the client left while the call waited
        wire, rest = self._connections.take_back(stream)
        loop = asyncio.get_running_loop()
        # Tornado still has to leave the connection, which it does in this turn of the loop.
        loop.call_soon(lambda: self._gate.let_in(path, upgrade, wire, rest, address=address, waited_s=0.0))


def head_of(request: HTTPServerRequest) -> Head | None:
    """A request of Tornado's; None: its target or host does not hold."""
    version = (1, 0) if request.version == "HTTP/1.0" else (1, 1)
    fields: Fields = {}
    for name, value in request.headers.get_all():
        fields.setdefault(name.lower(), []).append(value)
    try:
        return make_head(request.method or "", request.uri or "", version, fields)
    except HeadFault:
        return None
