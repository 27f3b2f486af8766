"""Bodies of requests: Content-Length, chunked, Expect. RFC 9112 sections 6 and 7, RFC 9110 section 10.1.1."""

from __future__ import annotations

from tests.conformance.case import Case, Reply, RequestCase, Then, any_of, request

_CHUNKED = "RFC 9112 7.1"
_LENGTH = "RFC 9112 6.3; RFC 9110 8.6"
_CODING = "RFC 9112 6.1"
_PATH = "/api/auth/register"
_BODY = b'{"username":"a","password":"b"}'
_READ = Reply((400,), body=b'"username"')
"""The body was read: the answer names the fields that do not hold."""
_TE = "Transfer-Encoding: chunked"


def _post(*lines: str, body: bytes, method: str = "POST") -> bytes:
    return request(_PATH, *lines, method=method, body=body)


def _chunked(*chunks: bytes, trailer: bytes = b"", extension: bytes = b"", end: bytes = b"0") -> bytes:
    data = b"".join(b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    return data + end + extension + b"\r\n" + trailer + b"\r\n"


def _taken(name: str, source: str, *segments: bytes, note: str = "") -> Case:
    return RequestCase(name, source, segments, ((_READ,),), then=Then.KEEPS, methods=("POST",), note=note)


def _refused(name: str, source: str, sent: bytes, *statuses: int, then: Then = Then.CLOSES, note: str = "") -> Case:
    """Framing that cannot be trusted: nothing behind it is read as a request."""
    behind = sent + request("/healthz")
    return RequestCase(name, source, (behind,), any_of(*statuses), then=then, methods=("POST",), note=note)


def _bad_chunks(name: str, body: bytes, note: str = "") -> Case:
    return RequestCase(name, _CHUNKED, (_post(_TE, body=body),), ((Reply((400,), (), None),),), then=Then.CLOSES,
                       methods=("POST",), note=note)  # fmt: skip


CASES: tuple[Case, ...] = (
    _taken("Content-Length", _LENGTH, _post(f"Content-Length: {len(_BODY)}", body=_BODY)),
    _taken("Content-Length, body in two segments", _LENGTH, _post(f"Content-Length: {len(_BODY)}", body=_BODY[:9]),
           _BODY[9:]),
    _taken("Content-Length, body a segment of its own", _LENGTH, _post(f"Content-Length: {len(_BODY)}", body=b""),
           _BODY),
    _taken("Content-Length with zeros before it", _LENGTH, _post(f"Content-Length: 00{len(_BODY)}", body=_BODY)),
    _taken("one chunk", _CHUNKED, _post(_TE, body=_chunked(_BODY))),
    _taken("three chunks", _CHUNKED, _post(_TE, body=_chunked(_BODY[:5], _BODY[5:20], _BODY[20:]))),
    _taken("a chunk a byte", _CHUNKED, _post(_TE, body=_chunked(*(bytes((b,)) for b in _BODY)))),
    _taken("size in capitals", _CHUNKED, _post(_TE, body=b"1F\r\n" + _BODY + b"\r\n0\r\n\r\n")),
    _taken("size with zeros before it", _CHUNKED, _post(_TE, body=b"0001f\r\n" + _BODY + b"\r\n000\r\n\r\n")),
    _taken("chunk extension", "RFC 9112 7.1.1", _post(_TE, body=_chunked(_BODY, extension=b";a=1"))),
    _taken("chunk extension without a value", "RFC 9112 7.1.1", _post(_TE, body=_chunked(_BODY, extension=b";a"))),
    _taken("chunk extension, quoted", "RFC 9112 7.1.1", _post(_TE, body=_chunked(_BODY, extension=b';a="b;c"'))),
    _taken("two chunk extensions", "RFC 9112 7.1.1", _post(_TE, body=_chunked(_BODY, extension=b";a=1;b=2"))),
    _taken("chunk extension with blanks", "RFC 9112 7.1.1", _post(_TE, body=_chunked(_BODY, extension=b" ; a = 1")),
           note="BWS, which a recipient must parse"),
    _taken("trailer", "RFC 9112 7.1.2", _post(_TE, body=_chunked(_BODY, trailer=b"X-Sum: 1\r\n"))),
    _taken("two trailers", "RFC 9112 7.1.2", _post(_TE, body=_chunked(_BODY, trailer=b"X-Sum: 1\r\nX-Other: 2\r\n"))),
    RequestCase("trailer that names a length", "RFC 9110 6.5.1",
                (_post(_TE, body=_chunked(_BODY, trailer=b"Content-Length: 5\r\n")),), any_of(400), methods=("POST",),
                note="ignored, or refused; both are 400 here. Never merged into the head"),
    _taken("chunks cut into segments", _CHUNKED, _post(_TE, body=b"1"), b"f\r", b"\n" + _BODY[:5], _BODY[5:] + b"\r",
           b"\n0\r\n", b"\r\n"),
    _taken("coding in capitals", "RFC 9112 7", _post("Transfer-Encoding: CHUNKED", body=_chunked(_BODY))),
    RequestCase("chunked, then GET in one segment", _CHUNKED,
                (_post(_TE, body=_chunked(_BODY)) + request("/healthz"),), ((_READ, Reply((200,))),), then=Then.KEEPS,
                methods=("POST", "GET")),
    RequestCase("chunked with a trailer, then GET in one segment", "RFC 9112 7.1.2",
                (_post(_TE, body=_chunked(_BODY, trailer=b"X: 1\r\n")) + request("/healthz"),),
                ((_READ, Reply((200,))),), then=Then.KEEPS, methods=("POST", "GET")),
    RequestCase("empty body", _CHUNKED, (_post(_TE, body=_chunked()),), any_of(400), then=Then.KEEPS),
    # -- chunks that are none
    _bad_chunks("size that is no number", b"xyz\r\nabc\r\n0\r\n\r\n"),
    _bad_chunks("size with a sign", b"+1f\r\n" + _BODY + b"\r\n0\r\n\r\n"),
    _bad_chunks("negative size", b"-1\r\n\r\n0\r\n\r\n"),
    _bad_chunks("size with 0x", b"0x1f\r\n" + _BODY + b"\r\n0\r\n\r\n"),
    _bad_chunks("size with an underscore", b"1_f\r\n" + _BODY + b"\r\n0\r\n\r\n"),
    _bad_chunks("no size", b"\r\n" + _BODY + b"\r\n0\r\n\r\n"),
    _bad_chunks("chunk longer than its size", b"1e\r\n" + _BODY + b"\r\n0\r\n\r\n"),
    _bad_chunks("chunk without CR LF behind it", b"1f\r\n" + _BODY + b"XX0\r\n\r\n"),
    RequestCase("size of 17 digits", _CHUNKED, (_post(_TE, body=b"fffffffffffffffff\r\n"),), any_of(413),
                then=Then.CLOSES, methods=("POST",), note="no number may overflow"),
    # -- lengths that are none
    *(
        _refused(f"Content-Length: {value}", _LENGTH, _post(f"Content-Length: {value}", body=_BODY), 400)
        for value in ("abc", "-1", "+31", "31.0", "0x1f", "31 31", "3_1", "31;")
    ),
    _refused("Content-Length: 31, 32", _LENGTH, _post("Content-Length: 31, 32", body=_BODY), 400),
    _refused("two Content-Lengths that differ", _LENGTH,
             _post("Content-Length: 31", "Content-Length: 5", body=_BODY), 400),
    RequestCase("the same Content-Length twice", "RFC 9110 8.6",
                (_post("Content-Length: 31", "Content-Length: 31", body=_BODY),), any_of(400), methods=("POST",),
                note="refused, or taken as one; both are 400 here, since the body holds no account"),
    RequestCase("Content-Length of 20 digits", _LENGTH, (_post("Content-Length: 99999999999999999999", body=b""),),
                any_of(413), then=Then.CLOSES, methods=("POST",)),
    RequestCase("Content-Length above what is taken", "RFC 9110 15.5.14",
                (_post("Content-Length: 9000000", body=b""),), any_of(413), then=Then.CLOSES, methods=("POST",)),
    RequestCase("body above what is taken, sent", "RFC 9110 15.5.14",
                (_post("Content-Length: 200000", body=b" " * 200_000),), any_of(413), methods=("POST",)),
    # -- codings
    _refused("Transfer-Encoding and Content-Length", _CODING,
             _post(_TE, "Content-Length: 31", body=_chunked(_BODY)), 400,
             note="may be taken by its chunks as well, but is refused here; closed either way"),
    _refused("Content-Length before Transfer-Encoding", _CODING,
             _post("Content-Length: 5", _TE, body=_chunked(_BODY)), 400),
    _refused("unknown coding", _CODING, _post("Transfer-Encoding: br", body=_BODY), 501,
             note="should be 501", then=Then.ANY),
    _refused("gzip, chunked", _CODING, _post("Transfer-Encoding: gzip, chunked", body=_chunked(_BODY)), 501,
             then=Then.ANY, note="501 for a coding that is not understood"),
    _refused("chunked, gzip", "RFC 9112 6.3", _post("Transfer-Encoding: chunked, gzip", body=_chunked(_BODY)), 400, 501,
             note="chunked is not the last"),
    _refused("chunked twice", "RFC 9112 7", _post("Transfer-Encoding: chunked, chunked", body=_chunked(_BODY)), 400,
             501),
    _refused("identity", _CODING, _post("Transfer-Encoding: identity", body=_BODY), 400, 501, then=Then.ANY),
    _refused("xchunked", _CODING, _post("Transfer-Encoding: xchunked", body=_chunked(_BODY)), 400, 501, then=Then.ANY),
    RequestCase("chunked over HTTP/1.0", _CODING,
                (request(_PATH, _TE, method="POST", version="HTTP/1.0", body=_chunked(_BODY)),), any_of(400, 411, 501),
                then=Then.CLOSES, methods=("POST",), note="faulty framing; closed behind whatever answer"),
    # -- Expect
    RequestCase("Expect: 100-continue", "RFC 9110 10.1.1",
                (_post(f"Content-Length: {len(_BODY)}", "Expect: 100-continue", body=b""), _BODY),
                ((Reply((100,)), _READ), (_READ,)), methods=("POST",),
                note="100, or the answer at once where the body came with the request"),
    RequestCase("Expect: 100-Continue", "RFC 9110 10.1.1",
                (_post(f"Content-Length: {len(_BODY)}", "Expect: 100-Continue", body=b""), _BODY),
                ((Reply((100,)), _READ), (_READ,)), methods=("POST",)),
    RequestCase("Expect, body in the same segment", "RFC 9110 10.1.1",
                (_post(f"Content-Length: {len(_BODY)}", "Expect: 100-continue", body=_BODY),),
                ((Reply((100,)), _READ), (_READ,)), methods=("POST",)),
    RequestCase("Expect of something else", "RFC 9110 10.1.1",
                (_post(f"Content-Length: {len(_BODY)}", "Expect: miracles", body=_BODY),),
                ((_READ,), (Reply((417,)),)), methods=("POST",)),
    RequestCase("Expect without a body", "RFC 9110 10.1.1", (request("/healthz", "Expect: 100-continue"),),
                ((Reply((200,)),), (Reply((100,)), Reply((200,)))), then=Then.KEEPS, note="should be ignored"),
    # -- a body where none is wanted
    RequestCase("GET of the list with a body", "RFC 9110 9.3.1",
                (request("/api/rooms", "Content-Length: 5", body=b"hello") + request("/healthz"),),
                ((Reply((200,)), Reply((200,))), (Reply((400, 413)),))),
    RequestCase("GET with a chunked body", "RFC 9110 9.3.1",
                (request("/healthz", _TE, body=b"5\r\nhello\r\n0\r\n\r\n") + request("/healthz"),),
                ((Reply((200,)), Reply((200,))), (Reply((400, 413)),))),
    RequestCase("POST without a length", "RFC 9112 6.3", (_post(body=b""),), any_of(400, 411), methods=("POST",),
                then=Then.ANY, note="a request without either has no body"),
)  # fmt: skip
