"""Who gets in: a request for a WebSocket is checked, answered and made a connection, whichever way it came.

Most come as the first bytes of their connection (`lobby_server.web.websocket.newcomer`), some behind other requests of
one that Tornado serves: a proxy that keeps its connections to the server does that.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from lobby_server.protocol.codes import ApiCode
from lobby_server.web.context import WebContext
from lobby_server.web.websocket.answers import is_full
from lobby_server.web.websocket.connection import Connection, Connections, Endpoint
from lobby_server.web.websocket.handover import HttpConnections
from lobby_server.web.websocket.head import Head
from lobby_server.web.websocket.places import RESERVE, Places
from lobby_server.web.websocket.upgrade import RETRY_AFTER_S, Upgrade, UpgradeRefused, asks_for_socket, read_upgrade
from lobby_server.web.websocket.wire import Wire

log = logging.getLogger("lobby.listener")

HEALTH_PATHS = ("/healthz", "/readyz")
SAME_LINE_EVERY_S = 1.0
"""A line about a refused request is not repeated more often: a misconfigured proxy makes thousands."""


class Gate:
    """One per server."""

    def __init__(
        self,
        context: WebContext,
        *,
        endpoints: Mapping[str, Endpoint],
        shared: Connections,
        http: HttpConnections,
        places: Places,
    ) -> None:
        """`endpoints`: by path."""
        self._context = context
        self._endpoints = endpoints
        self._http = http
        self._places = places
        self._last_line_s: dict[str, float] = {}
        self.shared = shared

    def asks(self, head: Head) -> bool:
        """Whether a request is for a WebSocket, and here is one at its address."""
        return head.path in self._endpoints and asks_for_socket(head)

    def check(self, head: Head) -> Upgrade:
        """What a request that `asks` is answered with. Raises `UpgradeRefused`."""
        context = self._context
        try:
            upgrade = read_upgrade(head, compression=context.settings.compression)
        except UpgradeRefused as refusal:
            if head.version < (1, 1):
                self._log("an upgrade was refused: %s", refusal.sentence)
            raise
        origin = next(iter(head.all("origin")), None)
        if not context.origin_is_allowed(origin, head.host):
            self._log(
                "a page was refused: its origin %r is not %s",
                origin,
                "among " + ", ".join(context.settings.origins)
                if context.settings.origins
                else f"of the host that it called, {head.host!r}",
            )
            raise UpgradeRefused(403, ApiCode.FORBIDDEN_ORIGIN, "Pages of this origin may not use the lobby.")
        if (sentence := self._endpoints[head.path].refusal) is not None:
            context.app.metrics.connections_refused += 1
            raise UpgradeRefused(503, ApiCode.TRY_AGAIN_LATER, sentence, retry_after_s=RETRY_AFTER_S)
        self._make_place(self._places.limit)
        return upgrade

    def let_in(self, head: Head, upgrade: Upgrade, wire: Wire, rest: bytes, *, waited_s: float) -> None:
        """Answer with 101. `rest`: what came behind the request. `waited_s`: since the connection was made."""
        response = upgrade.response()
        try:
            if wire.send(response) < len(response):  # a socket that was just made takes that
                raise BlockingIOError
        except OSError:
            wire.close()
            return
        connection = Connection(
            self.shared, wire, self._endpoints[head.path], agreement=upgrade.agreement, waited_s=waited_s
        )
        if rest:
            connection.take(rest)

    def hand_over(self, head: Head, wire: Wire, received: bytes, address: object) -> None:
        """Let Tornado answer a request: `received`, its head and what came behind it. Raises `UpgradeRefused` when
        there is no place; the last ones are for those who ask how the server is."""
        if head.path not in HEALTH_PATHS:
            self._make_place(self._places.limit + RESERVE // 2)
        self._http.take(wire, received, address)

    # -- private --------------------------------------------------------------------------------------------------

    def _make_place(self, limit: int) -> None:
        if self.shared.open + len(self._http) >= limit and not self._http.give_way():
            self._context.app.metrics.connections_refused += 1
            raise is_full()

    def _log(self, line: str, *values: object) -> None:
        now_s = self._context.app.clock.monotonic_s()
        if now_s >= self._last_line_s.get(line, 0.0):
            self._last_line_s[line] = now_s + SAME_LINE_EVERY_S
            log.warning(line, *values)
