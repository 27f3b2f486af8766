"""The room list without Tornado: which requests get it, and their finished answers.

A request is plain when nothing but the list, its coding and its entity tag can be meant: GET, one known filter at most,
no body, no expectation. Every other request is Tornado's, whose handler answers the plain ones in the same bytes where
they come to it all the same; a test holds the two to each other.

Thousands of clients fetch in one moment, each with a head that many others send byte by byte. So heads are remembered
by their bytes, as `parse_head` read them, and answers with their heads, for a second or until the list changes. Both
memories are bounded, and forget everything when they are full.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import formatdate

from tornado.escape import parse_qs_bytes

from lobby_server.web.context import WebContext
from lobby_server.web.negotiation import accepts_gzip, etag_matches
from lobby_server.web.traffic import LIST_FULL, LIST_NOT_MODIFIED, LIST_ROUTE
from lobby_server.web.websocket.head import Head

MAX_KNOWN_HEADS = 512
MAX_KNOWN_HEAD_BYTES = 1024
"""Of a head that is remembered: half a megabyte for all of them at most."""
MAX_READY = 64
"""Answers that are kept ready: as many as there are filtered lists."""
_FILTER = "gamemode"
_NOT_MODIFIED = "not modified"
_UNPLAIN = ("content-length", "transfer-encoding", "expect")

_Kind = tuple[str | None, str, bytes]
"""The filter, the coding (``gzip``, none, or that there is no body), and the header lines at the end of the head."""


@dataclass(frozen=True, slots=True, eq=False)
class ListRequest:
    """What of a plain request decides its answer."""

    kind: _Kind
    """Of the answer with the list."""
    if_none_match: str | None
    ends: bool
    """Whether the connection ends with the answer."""
    forwarded_for: str | None
    """For the log."""


class RoomListAnswers:
    """One per server."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._view = context.app.room_list
        self._drain = context.app.drain
        self._served = context.app.metrics.room_list_served
        self._answered = context.traffic.answered
        self._count_fetch = context.app.fetch_meter.count
        self._logs = context.traffic.logs_list
        self._is_plain = not context.settings.origins  # with which the answer depends on the origin
        self._known: dict[bytes, ListRequest] = {}
        self._ready: dict[_Kind, bytes] = {}
        self._etag = ""
        self._second = 0

    def known(self, raw: bytes) -> ListRequest | None:
        """A plain request whose head is remembered; None: it has to be read."""
        return None if self._drain.is_begun else self._known.get(raw)

    def read(self, raw: bytes, head: Head) -> ListRequest | None:
        """A plain request, which is remembered; None: it is Tornado's. `raw`: the bytes of the head."""
        if self._drain.is_begun:  # the answer says that the connection ends
            return None
        request = self._plain(head)
        if request is not None and len(raw) <= MAX_KNOWN_HEAD_BYTES:
            if len(self._known) >= MAX_KNOWN_HEADS:
                self._known.clear()
            self._known[raw] = request
        return request

    def answer(self, request: ListRequest, peer: str) -> bytes:
        """The whole answer, which is counted as given. `peer`: the address at the other end, for the log."""
        etag, second = self._view.etag(), int(time.time())
        if etag is not self._etag or second != self._second:
            self._etag, self._second = etag, second
            self._ready.clear()
        kind = request.kind
        if request.if_none_match is not None and etag_matches(request.if_none_match, etag):
            kind = (None, _NOT_MODIFIED, kind[2])
            self._served["not_modified"] += 1
            self._answered[LIST_NOT_MODIFIED] += 1
        else:
            self._served["full"] += 1
            self._answered[LIST_FULL] += 1
            self._count_fetch()
        if self._logs:
            client = self._context.proxies.client(peer, request.forwarded_for)
            status = 304 if kind[1] is _NOT_MODIFIED else 200
            self._context.traffic.list_answered(client.address, status=status)
        return self._ready.get(kind) or self._make(kind)

    # -- private --------------------------------------------------------------------------------------------------

    def _plain(self, head: Head) -> ListRequest | None:
        if not self._is_plain or head.method != "GET" or not (1, 0) <= head.version <= (1, 1):
            return None
        path, asks, query = head.target.partition("?")
        if self._context.within(path) != LIST_ROUTE or any(name in head.fields for name in _UNPLAIN):
            return None
        ends, last_lines = head.version == (1, 0), b""
        if head.says("connection", "close"):
            ends, last_lines = True, b"" if ends else b"Connection: close\r\n"
        elif ends and head.all("connection"):
            return None  # HTTP/1.0 with an extension of it
        gamemode = None
        if asks and query:
            wanted = parse_qs_bytes(query, keep_blank_values=True)
            if list(wanted) != [_FILTER]:
                return None
            try:
                gamemode = wanted[_FILTER][-1].decode() or None
            except UnicodeDecodeError:
                return None
        coding = "gzip" if accepts_gzip(_joined(head, "accept-encoding")) else ""
        return ListRequest(
            kind=(gamemode, coding, last_lines),
            if_none_match=_joined(head, "if-none-match"),
            ends=ends,
            forwarded_for=_joined(head, "x-forwarded-for"),
        )

    def _make(self, kind: _Kind) -> bytes:
        gamemode, coding, last_lines = kind
        body = b""
        lines = [
            "HTTP/1.1 200 OK",
            "Content-Type: application/json; charset=utf-8",
            f"Date: {formatdate(self._second, usegmt=True)}",
            "X-Content-Type-Options: nosniff",
            f"Etag: {self._etag}",
            "Cache-Control: no-cache",
            "Vary: Accept-Encoding",
        ]
        if coding == _NOT_MODIFIED:
            lines[:2] = ["HTTP/1.1 304 Not Modified"]
        else:
            snapshot = self._view.snapshot(gamemode)
            body = snapshot.gzipped if coding else snapshot.plain
            lines += [f"Content-Encoding: {coding}"] * bool(coding) + [f"Content-Length: {len(body)}"]
        answer = b"%b\r\n%b\r\n%b" % ("\r\n".join(lines).encode(), last_lines, body)
        if len(self._ready) >= MAX_READY:
            self._ready.clear()
        self._ready[kind] = answer
        return answer


def _joined(head: Head, name: str) -> str | None:
    """The value of a field, that of several lines as one (RFC 9110 section 5.3)."""
    values = head.all(name)
    return ",".join(values) if values else None
