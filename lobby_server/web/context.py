"""What the handlers share: the service, and what only HTTP knows."""

from __future__ import annotations

from tornado.iostream import BaseIOStream
from tornado.web import RequestHandler

from lobby_server.service.app import App
from lobby_server.web.origin import Origins


class WebContext:
    """One per server."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.settings = app.settings
        self.origins = Origins(app.settings.origins)
        self.calls: set[RequestHandler] = set()
        """HTTP calls that a handler is answering."""

    def origin_is_allowed(self, origin: str | None, host: str) -> bool:
        """Whether a page of that origin may use the lobby. No origin: not a browser, always allowed."""
        return self.origins.allows(origin, host)

    def streams_in_use(self) -> set[BaseIOStream]:
        """Those of the calls that are being answered. O(calls)."""
        connections = (call.request.connection for call in self.calls)
        return {stream for each in connections if (stream := getattr(each, "stream", None)) is not None}
