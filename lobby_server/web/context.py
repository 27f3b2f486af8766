"""What the handlers share: the service, and what only HTTP knows."""

from __future__ import annotations

from lobby_server.service.app import App


class WebContext:
    """One per server."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.settings = app.settings
        self.calls: set[object] = set()
        """HTTP calls that a handler is answering."""

    def origin_is_allowed(self, origin: str | None, host: str) -> bool:
        """Whether a page of that origin may use the lobby. No origin: not a browser, always allowed."""
        if not origin:
            return True
        allowed = self.settings.origins
        if not allowed:
            return origin.partition("://")[2].lower() == host.lower()
        return "*" in allowed or origin.rstrip("/") in allowed
