"""A strict reader of HTTP responses: RFC 9112 sections 4 to 7, and what RFC 9110 and 6455 ask of some statuses."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.conformance.case import ACCEPT

_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) [\t\x20-\x7e\x80-\xff]*")
_VISIBLE = rb"[\x21-\x7e\x80-\xff]"
_FIELD = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*((?:"
    + _VISIBLE
    + rb"(?:[\t\x20-\x7e\x80-\xff]*"
    + _VISIBLE
    + rb")?)?)[ \t]*"
)
_CHUNK = re.compile(rb"([0-9A-Fa-f]+)(?:[ \t]*;[^\r\n]*)?\r\n")


@dataclass
class Response:
    """One response. `faults`: what no server may send."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""
    faults: list[str] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known == name]

    def value(self, name: str) -> str | None:
        """All lines of a header as one value; None: it is absent."""
        values = self.values(name)
        return ", ".join(values) if values else None

    def tokens(self, name: str) -> list[str]:
        return [token.strip().lower() for token in (self.value(name) or "").split(",")]


def read_response(data: bytes, *, method: str, has_ended: bool) -> tuple[Response, bytes] | None:
    """The first response and the bytes behind it; None: it is not whole yet.

    Raises `ValueError` for bytes that are no response."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        if has_ended and data:
            raise ValueError(f"ends inside a response: {data[:80]!r}")
        return None
    first, *lines = data[:end].split(b"\r\n")
    status_line = _STATUS_LINE.fullmatch(first)
    if status_line is None:
        raise ValueError(f"no status line: {first[:80]!r}")
    headers = []
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise ValueError(f"no header line: {line[:80]!r}")
        headers.append((found[1].decode().lower(), found[2].decode("latin-1")))
    response = Response(int(status_line[1]), headers)
    _check(response)
    body = _read_body(response, data[end + 4 :], method=method, has_ended=has_ended)
    if body is None:
        return None
    response.body, rest = body
    return response, rest


def _read_body(response: Response, data: bytes, *, method: str, has_ended: bool) -> tuple[bytes, bytes] | None:
    status = response.status
    if method == "HEAD" or status < 200 or status in (204, 304):
        return b"", data
    if "chunked" in response.tokens("transfer-encoding"):
        return _read_chunks(data)
    length = response.value("content-length")
    if length is None:
        return (data, b"") if has_ended else None
    if not length.isdecimal():
        raise ValueError(f"Content-Length: {length}")
    size = int(length)
    if len(data) < size:
        if has_ended:
            raise ValueError("ends inside a body")
        return None
    return data[:size], data[size:]


def _read_chunks(data: bytes) -> tuple[bytes, bytes] | None:
    body = b""
    while found := _CHUNK.match(data):
        size = int(found[1], 16)
        start = found.end()
        if len(data) < start + size + 2:
            return None
        if data[start + size : start + size + 2] != b"\r\n":
            raise ValueError("a chunk without its end")
        body += data[start : start + size]
        data = data[start + size + 2 :]
        if not size:
            return body, data
    return None


def _check(response: Response) -> None:
    status, faults = response.status, response.faults
    if status == 101:
        if response.tokens("upgrade") != ["websocket"]:
            faults.append("101 without Upgrade: websocket")
        if "upgrade" not in response.tokens("connection"):
            faults.append("101 without Connection: Upgrade")
        if response.values("sec-websocket-accept") != [ACCEPT]:
            faults.append("101 without the Sec-WebSocket-Accept of the key")
        if response.values("sec-websocket-protocol"):
            faults.append("101 with a subprotocol that is not spoken")
        if len(response.values("sec-websocket-extensions")) > 1:
            faults.append("101 with extensions in two lines")
    if status == 426 and (
        "websocket" not in response.tokens("upgrade") or "upgrade" not in response.tokens("connection")
    ):
        faults.append("426 without Upgrade and Connection: upgrade (RFC 9110 15.5.22, 7.8)")
    if status == 405 and response.value("allow") is None:
        faults.append("405 without Allow (RFC 9110 15.5.6)")
    if status < 200 or status == 204:
        for name in ("content-length", "transfer-encoding"):
            if response.value(name) is not None:
                faults.append(f"{status} with {name} (RFC 9110 8.6, RFC 9112 6.1)")
    if response.value("content-length") is not None and response.value("transfer-encoding") is not None:
        faults.append("Transfer-Encoding and Content-Length (RFC 9112 6.2)")
    if status >= 500 and status not in (501, 503, 505):
        faults.append(f"{status}: the server's own fault")
