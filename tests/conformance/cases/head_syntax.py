"""The syntax of a request's head, on upgrades and on plain requests alike: RFC 9112 sections 2 to 5."""

from __future__ import annotations

from tests.conformance.case import Case, Reply, RequestCase, any_of, request, upgrade

_FIELD = "RFC 9112 5; RFC 9110 5.5"
_LINE = "RFC 9112 3"
_SIZE = "RFC 9110 5.4; RFC 6585 5"
_LIST_PATH = "/api/rooms"
_REFUSED: dict[str, tuple[str | bytes, str]] = {
    "blank before the colon": ("X-Note : a", "RFC 9112 5.1"),
    "tab before the colon": ("X-Note\t: a", "RFC 9112 5.1"),
    "name with parentheses": ("X(Note): a", "RFC 9110 5.1"),
    "name with a blank": ("X Note: a", "RFC 9110 5.1"),
    "name with a slash": ("X/Note: a", "RFC 9110 5.1"),
    "name beyond ASCII": (b"X-N\xf6te: a", "RFC 9110 5.1"),
    "name with a control byte": (b"X-\x01: a", "RFC 9110 5.1"),
    "empty name": (": a", "RFC 9110 5.1"),
    "no colon": ("X-Note", _FIELD),
    "NUL in a value": (b"X-Note: a\x00b", _FIELD),
    "bare CR in a value": (b"X-Note: a\rb", "RFC 9112 2.2"),
    "control byte in a value": (b"X-Note: a\x01b", _FIELD),
    "DEL in a value": (b"X-Note: a\x7fb", _FIELD),
    "bare CR before the end of the line": (b"X-Note: a\r", "RFC 9112 2.2"),
}
_REFUSED_NOTE = "the RFC would let a server replace some of these bytes; this one refuses them on every way"
_TAKEN: dict[str, str | bytes] = {
    "no blank behind the colon": "X-Note:a",
    "blanks around a value": "X-Note: \t a \t ",
    "empty value": "X-Note:",
    "value beyond ASCII": b"X-Note: \xc3\xa4\xff",
    "tab inside a value": "X-Note: a\tb",
    "colon in a value": "X-Note: a:b:c",
    "name of every token character": "!#$%&'*+-.^_`|~09azAZ: a",
    "name in capitals": "ORIGIN: http://lobby.test",
    "value of 6,000 bytes": "Cookie: " + "c" * 6000,
}


def _both(name: str, source: str, line: str | bytes, *, taken: bool, note: str = "") -> tuple[Case, ...]:
    """The same line in a request for a WebSocket, and in one for the room list."""
    return (
        RequestCase(f"{name}, upgrade", source, (upgrade(line),), any_of(101 if taken else 400), note=note),
        RequestCase(f"{name}, list", source, (request(_LIST_PATH, line),), any_of(200 if taken else 400), note=note),
    )


def _line(name: str, first: bytes, *statuses: int, note: str = "", source: str = _LINE) -> Case:
    """A request line of one's own, with the headers of an upgrade."""
    sent = first + upgrade()[len(b"GET /ws HTTP/1.1") :]
    return RequestCase(name, source, (sent,), any_of(*statuses), note=note)


CASES: tuple[Case, ...] = (
    *(
        case
        for name, (line, source) in _REFUSED.items()
        for case in _both(name, source, line, taken=False, note=_REFUSED_NOTE)
    ),
    *(case for name, line in _TAKEN.items() for case in _both(name, _FIELD, line, taken=True)),
    RequestCase("folded line, upgrade", "RFC 9112 5.2", (upgrade("X-Note: a", " b"),), any_of(101, 400),
                note="refused, or the fold replaced by blanks"),
    RequestCase("folded line, list", "RFC 9112 5.2", (request(_LIST_PATH, "X-Note: a", "\tb"),), any_of(200, 400),
                note="refused, or the fold replaced by blanks"),
    RequestCase("fold in the key", "RFC 9112 5.2", (upgrade("Sec-WebSocket-Key:", " dGhlIHNhbXBsZSBub25jZQ==",
                                                           key=None),), any_of(101, 400)),
    RequestCase("first header line begins with a blank", "RFC 9112 2.2",
                (b"GET /ws HTTP/1.1\r\n X-Note: a\r\n" + upgrade()[len(b"GET /ws HTTP/1.1\r\n") :],), any_of(101, 400),
                note="refused, or the line ignored"),
    RequestCase("header line ended by a bare LF", "RFC 9112 2.2", (upgrade(b"X-Note: a\nX-Other: b"),),
                any_of(101, 400), note="a server may take a bare LF for the end of a line"),
    RequestCase("names in capitals, upgrade", "RFC 9110 5.1",
                (upgrade(host=None).replace(b"Sec-WebSocket-Key", b"SEC-WEBSOCKET-KEY")
                 .replace(b"Upgrade:", b"UPGRADE:").replace(b"\r\n\r\n", b"\r\nHOST: lobby.test\r\n\r\n"),),
                any_of(101)),
    RequestCase("names in small letters, upgrade", "RFC 9110 5.1",
                (upgrade(host=None).replace(b"Sec-WebSocket-Key", b"sec-websocket-key")
                 .replace(b"Connection:", b"connection:").replace(b"\r\n\r\n", b"\r\nhost: lobby.test\r\n\r\n"),),
                any_of(101)),
    RequestCase("empty line before the request, upgrade", "RFC 9112 2.2", (b"\r\n" + upgrade(),), any_of(101),
                note="at least one should be ignored"),
    RequestCase("empty line before the request, list", "RFC 9112 2.2", (b"\r\n" + request(_LIST_PATH),), any_of(200)),
    # -- the request line
    _line("two blanks before the target", b"GET  /ws HTTP/1.1", 101, 400, note="lenient parsing is allowed"),
    _line("tab before the target", b"GET\t/ws HTTP/1.1", 101, 400, note="lenient parsing is allowed"),
    _line("blank at the end of the line", b"GET /ws HTTP/1.1 ", 101, 400, note="lenient parsing is allowed"),
    _line("blank inside the target", b"GET /ws x HTTP/1.1", 400),
    _line("no target", b"GET HTTP/1.1", 400),
    _line("no version", b"GET /ws", 400, 505),
    _line("nothing but a word", b"HELLO", 400),
    _line("target without a slash", b"GET ws HTTP/1.1", 400, 404),
    _line("target beyond ASCII", b"GET /ws?\xc3\xa4 HTTP/1.1", 101, 400, note="not a URI; Tornado takes it as Latin-1"),
    _line("control byte in the target", b"GET /ws?\x01 HTTP/1.1", 400),
    _line("NUL in the target", b"GET /ws?\x00 HTTP/1.1", 400),
    _line("bare CR in the request line", b"GET /ws\r HTTP/1.1", 400, source="RFC 9112 2.2"),
    _line("method that is no token", b"G(T /ws HTTP/1.1", 400, 405, 501),
    _line("empty method", b" /ws HTTP/1.1", 400),
    _line("version with letters", b"GET /ws HTTP/x.y", 400, 505),
    _line("no version number", b"GET /ws HTTP/", 400, 505),
    # -- size
    RequestCase("100 small headers", _SIZE, (upgrade(*(f"X-{n}: {n}" for n in range(100))),), any_of(101)),
    RequestCase("2,000 small headers", _SIZE, (upgrade(*(f"X-{n}: {n}" for n in range(2000))),), any_of(101, 400, 431),
                note="a limit on their number is allowed, silence is not"),
    RequestCase("header of 128 KiB, upgrade", _SIZE, (upgrade("Cookie: " + "c" * 131072),), any_of(400, 431),
                note="answered; the rest is read, so that no reset takes the answer away"),
    RequestCase("header of 128 KiB, list", _SIZE, (request(_LIST_PATH, "Cookie: " + "c" * 131072),), any_of(400, 431)),
    RequestCase("30,000 headers", _SIZE, (upgrade(*(f"X-{n}: {n}" for n in range(30000))),), any_of(400, 431)),
    RequestCase("target of 128 KiB", "RFC 9112 3; RFC 9110 15.5.15", (upgrade(target="/ws?" + "x" * 131072),),
                any_of(400, 414, 431)),
    # -- cut into pieces
    RequestCase("cut inside the last CR LF CR LF", "RFC 9112 2.1", (upgrade()[:-1], upgrade()[-1:]), any_of(101)),
    RequestCase("cut inside a name and a value", "RFC 9112 2.1",
                (upgrade()[:30], upgrade()[30:60], upgrade()[60:100], upgrade()[100:]), any_of(101)),
    RequestCase("fault in the second segment", "RFC 9112 5.1", (upgrade("X-Note : a")[:60], upgrade("X-Note : a")[60:]),
                any_of(400)),
    RequestCase("list request in three segments", "RFC 9112 2.1",
                (request(_LIST_PATH)[:9], request(_LIST_PATH)[9:25], request(_LIST_PATH)[25:]), ((Reply((200,)),),)),
)  # fmt: skip
