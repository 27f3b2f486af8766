"""The contract, served: what the socket says and what the HTTP API takes. Source: the protocol contract, section 9."""

from __future__ import annotations

from typing import Any

from lobby_server.protocol.encoding import encode_json
from lobby_server.web.api.operation import Caller, operation
from lobby_server.web.base import BaseHandler
from lobby_server.web.context import WebContext


class DocumentHandler(BaseHandler):
    """A document that is made once: it says what this process runs on."""

    document: bytes

    def initialize(self, context: WebContext, document: dict[str, Any] | None = None) -> None:
        super().initialize(context)
        self.document = encode_json(document)

    def serve(self) -> None:
        self.set_header("Cache-Control", "no-cache")
        self.finish(self.document)


class ProtocolHandler(DocumentHandler):
    @operation("The socket: messages, errors, close codes, limits", answers={200: None}, caller=Caller.ANYBODY)
    def get(self) -> None:
        self.serve()


class OpenApiHandler(DocumentHandler):
    @operation("The HTTP API: this document", answers={200: None}, caller=Caller.ANYBODY)
    def get(self) -> None:
        self.serve()
