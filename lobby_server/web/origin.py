"""Which pages may use the lobby: origins as RFC 6454 compares them.

Scheme, host and port decide; a port that is the scheme's own is the same as none. Behind a proxy the server does not
see the scheme that a browser used, so a page of the lobby's own host is told by host and port alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_ORIGIN = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://((?:\[[0-9A-Fa-f:.]+\]|[^\[\]/?#@:\s,]*))(?::([0-9]{1,5}))?")
_SENT_HOST = re.compile(r"[A-Za-z0-9._~\-]*|\[[0-9A-Fa-f:.]+\]")
"""Of an origin that a browser may send: without a wildcard, and names of other letters as ``xn--``."""
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_HOSTLESS = ("file",)
OPAQUE = "null"
"""What a browser says of a page without an origin, such as one in a sandbox (RFC 6454 section 6.1)."""

Origin = tuple[str, str, int | None]
"""Scheme, host, port; in lower case, and with the scheme's port where none was written."""


def parse_origin(text: str) -> Origin | None:
    """An origin in parts; None: it is none."""
    found = _ORIGIN.fullmatch(text)
    if found is None:
        return None
    scheme, host = found[1].lower(), found[2].lower()
    port = int(found[3]) if found[3] else _DEFAULT_PORTS.get(scheme)
    if (port or 0) > 65_535 or (not host and scheme not in _HOSTLESS):
        return None
    return scheme, host, port


class Origins:
    """The rule of one server."""

    def __init__(self, allowed: Sequence[str]) -> None:
        """`allowed`: origins, or ``*``; empty: pages of the same host only. Raises `ValueError` with the first that no
        browser could ever send."""
        self._allows_all = "*" in allowed
        self._allows_opaque = OPAQUE in allowed
        self._allowed: set[Origin] = set()
        for text in allowed:
            if text in ("*", OPAQUE):
                continue
            origin = parse_origin(text)
            if origin is None or not _SENT_HOST.fullmatch(origin[1]):
                raise ValueError(text)
            self._allowed.add(origin)
        self.is_same_host = not allowed

    def allows(self, origin: str | None, host: str) -> bool:
        """Whether a page of that origin may use the server that it called by that host. No origin: not a browser."""
        if not origin or self._allows_all:
            return True
        if origin == OPAQUE:
            return self._allows_opaque
        parts = parse_origin(origin)
        if parts is None:
            return False
        if not self.is_same_host:
            return parts in self._allowed
        return parts == parse_origin(f"{parts[0]}://{host}")
