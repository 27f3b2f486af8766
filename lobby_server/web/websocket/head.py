"""The head of an HTTP/1 request, read from its bytes as RFC 9112 writes it, and no laxer.

What two parsers understand differently is how requests are smuggled past a proxy, so a head that is not well-formed is
refused here, whatever it asks for, before anybody else reads it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from lobby_server.protocol.codes import ApiCode
from lobby_server.protocol.requests import MAX_BODY_BYTES

MAX_HEAD_BYTES = 64 * 1024
MAX_READ_BYTES = 1 << 20
"""Of a body that is read before it is refused: its sender is there to read the answer. A longer one is not read."""
MAX_KNOWN_NAME_BYTES = 64
"""Of a field name that is remembered as checked: 256 of them are."""
_END_BYTES = 4
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e]+) HTTP/([0-9])\.([0-9])")
_FIELD_NAME = re.compile(_TOKEN)
_CONTROLS = bytes({*range(0x20), 0x7F} - set(b"\t\r\n"))
_ABSOLUTE = re.compile(r"(?:https?|wss?)://([^/?#]*)([^#]*)", re.IGNORECASE)
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+,;=%]+)(?::[0-9]*)?")
_DIGITS = re.compile(r"[0-9]+")


class HeadFault(Exception):
    """A head that is refused: the status, a sentence for people, and a code for programs."""

    def __init__(self, status: int, sentence: str, code: ApiCode = ApiCode.INVALID_REQUEST) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.code = code


Fields = dict[str, list[str]]
"""By the name in lower case: the values of all lines of that name, in the order in which they came."""


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body."""

    method: str
    target: str
    """As a path and a query, whichever form it came in."""
    version: tuple[int, int]
    host: str
    """Of the target where it has one, otherwise of the field; empty for an HTTP/1.0 request without."""
    fields: Fields

    @property
    def path(self) -> str:
        """Decoded, without the query."""
        path = self.target.partition("?")[0]
        return unquote(path) if "%" in path else path

    def all(self, name: str) -> list[str]:
        """The values of every field line of that name."""
        return self.fields.get(name, [])

    def elements(self, name: str) -> list[str]:
        """The elements of a field that is a list (RFC 9110 section 5.6.1), all its lines together."""
        return [element for value in self.all(name) for part in value.split(",") if (element := part.strip(" \t"))]

    def says(self, name: str, element: str) -> bool:
        """Whether a field that is a list has an element, without regard to case."""
        values = self.fields.get(name)
        if not values:
            return False
        if len(values) == 1 and values[0].lower() == element:
            return True
        return element in [each.lower() for each in self.elements(name)]


def find_end(data: bytes | bytearray, start: int) -> int:
    """Where the head ends, -1 as long as it does not. `start`: bytes that were looked at before."""
    start = max(0, start - _END_BYTES + 1)
    ends = [found + len(end) for end in (b"\n\r\n", b"\n\n") if (found := data.find(end, start)) >= 0]
    return min(ends, default=-1)


def may_be_request(data: bytes | bytearray) -> bool:
    """Whether bytes can be the beginning of a request: after empty lines (RFC 9112 section 2.2) comes a token."""
    line = bytes(data).lstrip(b"\r\n")
    return not line or _FIELD_NAME.match(line[:1]) is not None


def parse_head(data: bytes) -> Head:
    """A head with the empty line at its end. Raises `HeadFault`."""
    data = data.lstrip(b"\r\n")
    ends = data.count(b"\r\n")
    if data.count(b"\n") != ends or data.count(b"\r") != ends:
        raise HeadFault(400, "The lines of a request end with CR LF, and there is no other CR or LF.")
    if len(data.translate(None, _CONTROLS)) != len(data):
        raise HeadFault(400, "A request has no control characters in its head.")
    first, *lines = data.removesuffix(b"\r\n\r\n").split(b"\r\n")
    asked = _REQUEST_LINE.fullmatch(first)
    if asked is None:
        raise HeadFault(400, "The first line is not: method, target, HTTP version.")
    method, target, version = asked[1].decode(), asked[2].decode(), (int(asked[3]), int(asked[4]))
    if version[0] != 1:
        raise HeadFault(505, "The server speaks HTTP/1.1.")
    fields: Fields = {}
    for line in lines:
        name, value = _field(line)
        fields.setdefault(name, []).append(value)
    return make_head(method, target, version, fields)


def make_head(method: str, target: str, version: tuple[int, int], fields: Fields) -> Head:
    """A head whose syntax holds. Raises `HeadFault` for a target or a host that does not."""
    hosts = fields.get("host", [])
    if len(hosts) > 1 or (not hosts and version >= (1, 1)):
        raise HeadFault(400, "A request has exactly one Host.")  # RFC 9112 section 3.2
    host = hosts[0] if hosts else ""
    if hosts and not _HOST.fullmatch(host):
        raise HeadFault(400, "Host is not a host name or an address.")
    if absolute := _ABSOLUTE.fullmatch(target):
        host, target = absolute[1], absolute[2]
        if not _HOST.fullmatch(host):
            raise HeadFault(400, "The host in the target is not a host name or an address.")
        if not target.startswith("/"):
            target = "/" + target
    elif target == "*":
        if method != "OPTIONS":
            raise HeadFault(400, "The target * is for OPTIONS.")
    elif not target.startswith("/") and method != "CONNECT":
        raise HeadFault(400, "The target is neither a path nor an address.")
    if "#" in target:
        raise HeadFault(400, "A target has no fragment.")
    head = Head(method, target, version, host, fields)
    codings = head.elements("transfer-encoding")
    if codings and [coding.lower() for coding in codings] != ["chunked"]:
        raise HeadFault(501, "The only transfer coding that the server knows is chunked.")
    if codings and version < (1, 1):  # RFC 9112 section 6.1: a relay may take the body for a request of its own
        raise HeadFault(400, "A request of HTTP/1.0 has no Transfer-Encoding.")
    lengths = fields.get("content-length")
    if lengths is not None:
        _check_length(lengths, is_chunked=bool(codings))
    return head


def plainly(raw: bytes, head: Head) -> bytes:
    """The bytes of a head as a parser understands them that knows one form of a target, and ``close`` only when it
    stands alone in ``Connection``."""
    closes = head.says("connection", "close")
    is_plain = raw.startswith(f"{head.method} {head.target} ".encode())
    if is_plain and (not closes or [value.lower() for value in head.all("connection")] == ["close"]):
        return raw
    lines = [f"{head.method} {head.target} HTTP/{head.version[0]}.{head.version[1]}", f"host: {head.host}"]
    for name, values in head.fields.items():
        if name != "host" and not (closes and name == "connection"):
            lines += [f"{name}: {value}" for value in values]
    if closes:
        lines.append("connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def body_too_large() -> HeadFault:
    """For a body that is not read."""
    return HeadFault(413, f"The body is larger than {MAX_BODY_BYTES} bytes.", ApiCode.PAYLOAD_TOO_LARGE)


def is_field(line: bytes) -> bool:
    """Whether that is a header line, or one of a trailer."""
    try:
        _field(line)
    except HeadFault:
        return False
    return len(line.translate(None, _CONTROLS + b"\r\n")) == len(line)


def _check_length(lines: list[str], *, is_chunked: bool) -> None:
    """Raise `HeadFault` for a length that is none, or of more than is read. The same one several times is one (RFC 9110
    section 8.6)."""
    if is_chunked:  # RFC 9112 section 6.1: what another reader takes for the body may be a request of its own
        raise HeadFault(400, "A request has a Content-Length or a Transfer-Encoding, not both.")
    lengths = list(dict.fromkeys(part.strip(" \t") for line in lines for part in line.split(",")))
    if len(lengths) > 1 or not _DIGITS.fullmatch(lengths[0]):
        raise HeadFault(400, "Content-Length is not a number.")
    digits = lengths[0].lstrip("0")
    if len(digits) > len(str(MAX_READ_BYTES)) or int(digits or "0") > MAX_READ_BYTES:
        raise body_too_large()


def _field(line: bytes) -> tuple[str, str]:
    name, colon, value = line.partition(b":")
    if not colon:
        raise HeadFault(400, "A header line is not: name, colon, value.")
    known = _known_name(name) if len(name) <= MAX_KNOWN_NAME_BYTES else _name(name)
    return known, value.strip(b" \t").decode("latin-1")


def _name(name: bytes) -> str:
    if not _FIELD_NAME.fullmatch(name):  # of a folded line, or with a space before the colon
        raise HeadFault(400, "The name of a header line is not a token.")
    return name.lower().decode()


_known_name = lru_cache(256)(_name)
