"""What HTTP calls come to: counts by route and status, the access log, and what the security log hears of them.

Routes are the patterns of addresses and never the addresses themselves, so their number is bounded and no token that
somebody put into an address gets anywhere.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

from lobby_server.protocol.codes import ApiCode
from lobby_server.service.watch.events import LogEvent
from lobby_server.service.watch.security import SecurityLog

log = logging.getLogger("lobby.access")

METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS"})
OTHER = "other"
"""The route of addresses that are none, and the method that is none of HTTP's usual ones."""
LIST_ROUTE = "/api/rooms"
LIST_FULL = ("GET", LIST_ROUTE, 200)
LIST_NOT_MODIFIED = ("GET", LIST_ROUTE, 304)
BOUNDS_S = (0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0)
"""Upper bounds of the classes of times; a log-in hashes for some 50 ms."""
NOT_LOGGED = ("/healthz", "/readyz", "/metrics", "/static/{path}", "/{page}")
"""Routes that ``--access-log calls`` leaves out, besides the room list."""
_SENTENCES = {
    LogEvent.LOGIN_FAILED: "a password was not right",
    LogEvent.FORBIDDEN: "a call was forbidden",
    LogEvent.RATE_LIMITED: "a call was over a rate limit",
}


class Traffic:
    """One per server."""

    def __init__(self, *, access_log: str, security: SecurityLog) -> None:
        """`access_log`: ``off``, ``calls`` or ``all``."""
        self.answered: Counter[tuple[str, str, int]] = Counter()
        """Calls by method, route and status."""
        self.times: dict[str, list[int]] = {}
        """Calls by route and class of time: one more class than `BOUNDS_S`. Without those of the ready room list."""
        self.seconds: dict[str, float] = {}
        """Time from request to answer by route: what the classes add up to."""
        self.logs_list = access_log == "all"
        self._logs_calls = access_log != "off"
        self._security = security

    def call_ended(
        self, *, method: str, route: str, status: int, took_s: float, address: str, code: str | None, user: int | None
    ) -> None:
        """A call was answered. `code`: of the error it was answered with. `user`: of the token it brought, if one
        was looked at."""
        method = method if method in METHODS else OTHER
        self.answered[method, route, status] += 1
        self.times.setdefault(route, [0] * (len(BOUNDS_S) + 1))[bisect_left(BOUNDS_S, took_s)] += 1
        self.seconds[route] = self.seconds.get(route, 0.0) + took_s
        fields: dict[str, object] = {"method": method, "route": route, "status": status}
        if code is not None:
            fields["code"] = code
        if user is not None:
            fields["user"] = user
        if (event := _security_event(status, code)) is not None:
            self._security.report(event, _SENTENCES[event], address=address, **fields)
        if self._logs_calls and (self.logs_list or not _is_left_out(method, route)):
            self._log(took_s, address, fields)

    def list_answered(self, address: str, *, status: int) -> None:
        """The ready room list went out, and `logs_list` is set. It is counted where it is served."""
        self._log(0.0, address, {"method": "GET", "route": LIST_ROUTE, "status": status})

    def upgrade_refused(self, *, address: str, status: int, code: str, **fields: object) -> None:
        """Somebody wanted a socket and did not get one. `fields` say why: values that are ours or were checked."""
        self.answered["GET", "/ws", status] += 1
        self._security.report(
            LogEvent.UPGRADE_REFUSED, "an upgrade was refused", address=address, status=status, code=code, **fields
        )

    def head_refused(self, *, address: str, status: int, reason: str) -> None:
        """A request was refused at its head, whatever it was for. `reason`: a sentence of ours."""
        self.answered[OTHER, OTHER, status] += 1
        self._security.report(
            LogEvent.REQUEST_REFUSED, "a request could not be read", address=address, status=status, reason=reason
        )

    def turned_away(self, *, method: str, status: int) -> None:
        """There was no place for the connection of a call."""
        self.answered[method if method in METHODS else OTHER, OTHER, status] += 1

    # -- private --------------------------------------------------------------------------------------------------

    def _log(self, took_s: float, address: str, fields: Mapping[str, object]) -> None:
        extra = {"event": LogEvent.CALL.value, "address": address or "unknown", "ms": round(took_s * 1000, 1), **fields}
        log.info("%s %s %s", fields["method"], fields["route"], fields["status"], extra=extra)


def _security_event(status: int, code: str | None) -> LogEvent | None:
    if code == ApiCode.INVALID_CREDENTIALS.value:  # wherever a password is asked for
        return LogEvent.LOGIN_FAILED
    return {403: LogEvent.FORBIDDEN, 429: LogEvent.RATE_LIMITED}.get(status)


def _is_left_out(method: str, route: str) -> bool:
    return route in NOT_LOGGED or (route == LIST_ROUTE and method in ("GET", "HEAD"))
