"""Who gets in: a request for a WebSocket is checked, answered and made a connection, whichever way it came.

Most come as the first bytes of their connection (`lobby_server.web.websocket.newcomer`), some behind other requests of
one that Tornado serves: a proxy that keeps its connections to the server does that.
"""

from __future__ import annotations

from collections.abc import Mapping

from lobby_server.protocol.codes import ApiCode
from lobby_server.web.context import WebContext
from lobby_server.web.lean.known_upgrades import KnownUpgrades
from lobby_server.web.origin import OPAQUE, parse_origin
from lobby_server.web.websocket.answers import is_full
from lobby_server.web.websocket.connection import Connection, Connections, Endpoint
from lobby_server.web.websocket.handover import HttpConnections
from lobby_server.web.websocket.head import Head, HeadFault
from lobby_server.web.websocket.places import RESERVE, Places
from lobby_server.web.websocket.upgrade import RETRY_AFTER_S, Upgrade, UpgradeRefused, asks_for_socket, read_upgrade
from lobby_server.web.websocket.wire import Wire

HEALTH_PATHS = ("/healthz", "/readyz")
MAX_SHOWN_CHARACTERS = 300
"""Of an origin or a host in the log; a name has at most 253 (RFC 1035 section 2.3.4)."""


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
        """`endpoints`: by path, without the path prefix."""
        self._context = context
        self._endpoints = endpoints
        self._http = http
        self._places = places
        self.shared = shared
        self.known = KnownUpgrades()

    def path_of(self, head: Head) -> str | None:
        """The path of a request as `endpoints` have it; None: it is not below the path prefix."""
        return self._context.within(head.path)

    def client_of(self, head: Head, peer: str) -> str:
        """The address of the client, proxies left out. `peer`: the address at the other end of the connection."""
        forwarded_for = head.all("x-forwarded-for")
        return self.address_of(",".join(forwarded_for) if forwarded_for else None, peer)

    def address_of(self, forwarded_for: str | None, peer: str) -> str:
        """As `client_of`, of a request of which that one field is known."""
        return self._context.proxies.address(peer, forwarded_for)

    def head_refused(self, fault: HeadFault, peer: str) -> None:
        """The head of a request could not be read, so nobody knows what it was for, nor for whom a proxy sent it: the
        log is told. `peer`: as `client_of`."""
        self._context.traffic.head_refused(
            address=self.address_of(None, peer), status=fault.status, reason=fault.sentence
        )

    def asks(self, head: Head, path: str | None) -> bool:
        """Whether a request is for a WebSocket, and here is one at its path."""
        return path in self._endpoints and asks_for_socket(head)

    def check(self, head: Head, path: str | None, *, address: str) -> Upgrade:
        """What a request that `asks` is answered with. `address`: of the client. Raises `UpgradeRefused`, of which the
        security log is told."""
        why: dict[str, object] = {}
        try:
            upgrade = self._check(head, why)
            self._admit(path)
        except UpgradeRefused as refusal:
            self._report(refusal, address, why)
            raise
        return upgrade

    def admit(self, path: str, *, address: str) -> None:
        """See to it that there is a place for one more WebSocket. Raises `UpgradeRefused` as `check` does."""
        try:
            self._admit(path)
        except UpgradeRefused as refusal:
            self._report(refusal, address, {})
            raise

    def let_in(
        self, path: str | None, upgrade: Upgrade, wire: Wire, rest: bytes, *, address: str, waited_s: float
    ) -> None:
        """Answer with 101. `rest`: what came behind the request. `address`: of the client. `waited_s`: since the
        connection was made."""
        assert path is not None
        response = upgrade.response()
        try:
            if wire.send(response) < len(response):  # a socket that was just made takes that
                raise BlockingIOError
        except OSError:
            wire.close()
            return
        connection = Connection(
            self.shared,
            wire,
            self._endpoints[path],
            address=address,
            agreement=upgrade.agreement,
            waited_s=waited_s,
        )
        if rest:
            connection.take(rest)

    def hand_over(self, head: Head, wire: Wire, received: bytes, address: object) -> None:
        """Let Tornado answer a request: `received`, its head and what came behind it. Raises `UpgradeRefused` when
        there is no place; the last ones are for those who ask how the server is."""
        if self.path_of(head) not in HEALTH_PATHS:
            self.make_place_for_call(head.method)
        self._http.take(wire, received, address)

    def make_place_for_call(self, method: str = "GET") -> None:
        """See to it that one more connection that is no WebSocket can be answered. Raises `UpgradeRefused`."""
        try:
            self._make_place(self._places.limit + RESERVE // 2)
        except UpgradeRefused as refusal:
            self._context.traffic.turned_away(method=method, status=refusal.status)
            raise

    # -- private --------------------------------------------------------------------------------------------------

    def _check(self, head: Head, why: dict[str, object]) -> Upgrade:
        """What follows from a head alone. `why`: takes what the log is to say of a refusal."""
        context = self._context
        try:
            upgrade = read_upgrade(head, compression=context.settings.compression)
        except UpgradeRefused as refusal:
            why["reason"] = refusal.sentence
            raise
        origin = next(iter(head.all("origin")), None)
        if not context.origin_is_allowed(origin, head.host):
            assert origin is not None
            why["origin"] = _shown_origin(origin)
            if context.settings.origins:
                why["allowed"] = ",".join(context.settings.origins)
            else:
                why["host"] = head.host[:MAX_SHOWN_CHARACTERS]
            raise UpgradeRefused(403, ApiCode.FORBIDDEN_ORIGIN, "Pages of this origin may not use the lobby.")
        return upgrade

    def _admit(self, path: str | None) -> None:
        assert path is not None
        if (sentence := self._endpoints[path].refusal) is not None:
            self._context.app.metrics.connections_refused += 1
            raise UpgradeRefused(503, ApiCode.TRY_AGAIN_LATER, sentence, retry_after_s=RETRY_AFTER_S)
        self._make_place(self._places.limit)

    def _report(self, refusal: UpgradeRefused, address: str, why: Mapping[str, object]) -> None:
        traffic = self._context.traffic
        traffic.upgrade_refused(address=address, status=refusal.status, code=refusal.code.value, **why)

    def _make_place(self, limit: int) -> None:
        if self.shared.open + len(self._http) >= limit and not self._http.give_way():
            self._context.app.metrics.connections_refused += 1
            raise is_full()


def _shown_origin(text: str) -> str:
    """An origin for the log, where nothing stands that a stranger made up: what is none is not repeated."""
    if text != OPAQUE and (len(text) > MAX_SHOWN_CHARACTERS or parse_origin(text) is None):
        return "unreadable"
    return text
