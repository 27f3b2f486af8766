"""What the handlers share: the service, and what only HTTP knows."""

from __future__ import annotations

from tornado.iostream import BaseIOStream
from tornado.web import RequestHandler

from lobby_server.service.app import App
from lobby_server.web.client_address import ProxyTrust
from lobby_server.web.metrics_of_all import Others
from lobby_server.web.origin import Origins
from lobby_server.web.traffic import Traffic


class WebContext:
    """One per server."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.settings = app.settings
        self.origins = Origins(app.settings.origins)
        self.proxies = ProxyTrust(networks=app.settings.proxy_networks, hops=app.settings.most_proxy_hops)
        """Says who the client behind a connection is."""
        self.traffic = Traffic(access_log=app.settings.access_log, security=app.security)
        self.calls: set[RequestHandler] = set()
        """HTTP calls that a handler is answering."""
        self.others: Others | None = None
        """The other workers behind this port; None: there are none."""

    def origin_is_allowed(self, origin: str | None, host: str) -> bool:
        """Whether a page of that origin may use the lobby. No origin: not a browser, always allowed."""
        return self.origins.allows(origin, host)

    def streams_in_use(self) -> set[BaseIOStream]:
        """Those of the calls that are being answered. O(calls)."""
        connections = (call.request.connection for call in self.calls)
        return {stream for each in connections if (stream := getattr(each, "stream", None)) is not None}

    def within(self, path: str) -> str | None:
        """A path as the routes know it, without ``--path-prefix``; None: it is not below the prefix.

        A query may follow. The bare prefix is the root, for clients that open the bare address.
        """
        prefix = self.settings.path_prefix
        if not prefix:
            return path
        rest = path.removeprefix(prefix)
        if rest != path and rest[:1] in ("", "/", "?"):
            return rest if rest.startswith("/") else f"/{rest}"
        return path if path.partition("?")[0] in WITHOUT_PREFIX else None


WITHOUT_PREFIX = ("/healthz", "/readyz", "/metrics")
"""What probes and scrapers ask the port for directly, whatever the proxy's address of the lobby is."""
