"""Plain HTTP on the same port: targets, Host, methods, persistence, pipelining. RFC 9110, RFC 9112 sections 3 and 9."""

from __future__ import annotations

from tests.conformance.case import Case, Reply, RequestCase, Then, any_of, request

_TARGET = "RFC 9112 3.2"
_HOST = "RFC 9112 3.2"
_PERSIST = "RFC 9112 9.3"
_PATHS = ("/api/rooms", "/healthz", "/", "/api/rooms?gamemode=x", "/api/protocol", "/nothing")
_OK = Reply((200,))
_ROOMS = Reply((200,), body=b'"rooms"')
_HEALTH = Reply((200,), body=b'"ok"')


def _get(name: str, source: str, sent: bytes, *statuses: int, then: Then = Then.KEEPS, note: str = "") -> Case:
    return RequestCase(name, source, (sent,), any_of(*statuses), then=then, note=note)


def _dated(status: int) -> tuple[tuple[Reply, ...], ...]:
    return ((Reply((status,), (("date", "[A-Z][a-z]{2}, .+ GMT"),)),),)


CASES: tuple[Case, ...] = (
    _get("GET", "RFC 9110 9.3.1", request("/healthz"), 200),
    _get("GET of the list", "RFC 9110 9.3.1", request("/api/rooms"), 200),
    _get("query on the list", _TARGET, request("/api/rooms?x=1"), 200),
    _get("unknown path", "RFC 9110 15.5.5", request("/nothing"), 404),
    _get("absolute-form", _TARGET, request("http://lobby.test/healthz"), 200),
    _get("absolute-form of the list", _TARGET, request("http://lobby.test/api/rooms"), 200),
    _get("absolute-form of the page", _TARGET, request("http://lobby.test/"), 200),
    _get("absolute-form without a path", "RFC 9110 4.2.3", request("http://lobby.test"), 200),
    _get("absolute-form in capitals", "RFC 9110 4.2.3", request("HTTP://LOBBY.TEST/healthz"), 200),
    _get("absolute-form, other Host", "RFC 9112 3.2.2", request("http://lobby.test/healthz", host="other.test"), 200),
    _get("absolute-form, unknown path", _TARGET, request("http://lobby.test/nothing"), 404),
    _get("OPTIONS *", "RFC 9112 3.2.4; RFC 9110 9.3.7", request("*", method="OPTIONS"), 200, 204, 405, 501,
         note="OPTIONS itself is optional; but * is the server, not a resource that is not there"),
    _get("OPTIONS of a path", "RFC 9110 9.3.7", request("/api/rooms", method="OPTIONS"), 200, 204),
    _get("GET *", "RFC 9112 3.2.4", request("*"), 400, 404, then=Then.ANY),
    _get("CONNECT", "RFC 9110 9.3.6", request("lobby.test:80", method="CONNECT"), 400, 404, 405, 501, then=Then.ANY),
    # -- Host
    *(_get(f"no Host at {path}", _HOST, request(path, host=None), 400, then=Then.ANY) for path in _PATHS),
    *(_get(f"two Hosts at {path}", _HOST, request(path, "Host: other.test"), 400, then=Then.ANY) for path in _PATHS),
    *(_get(f"invalid Host at {path}", _HOST, request(path, host="lobby test"), 400, then=Then.ANY) for path in _PATHS),
    _get("same Host twice at /api/rooms", _HOST, request("/api/rooms", "Host: lobby.test"), 400, then=Then.ANY),
    _get("absolute-form, no Host", _HOST, request("http://lobby.test/healthz", host=None), 400, then=Then.ANY),
    _get("HTTP/1.0 without Host", _HOST, request("/healthz", host=None, version="HTTP/1.0"), 200, then=Then.CLOSES),
    # -- methods
    *(
        RequestCase(f"HEAD of {path}", "RFC 9110 9.3.2", (request(path, method="HEAD"),),
                    ((Reply((200,), body=b""),),), then=Then.KEEPS, methods=("HEAD",))
        for path in ("/", "/healthz", "/api/rooms", "/metrics", "/api/protocol", "/api/openapi.json", "/readyz")
    ),
    RequestCase("HEAD, then GET in one segment", "RFC 9110 9.3.2",
                (request("/api/rooms", method="HEAD") + request("/api/rooms"),), ((Reply((200,), body=b""), _ROOMS),),
                then=Then.KEEPS, methods=("HEAD", "GET")),
    RequestCase("HEAD of nothing", "RFC 9110 9.3.2", (request("/nothing", method="HEAD"),),
                ((Reply((404,), body=b""),),), then=Then.KEEPS, methods=("HEAD",)),
    *(_get(f"{method} of /healthz", "RFC 9110 9.1, 15.5.6", request("/healthz", method=method), 405, 501, then=Then.ANY)
      for method in ("DELETE", "TRACE", "BREW", "get")),
    _get("DELETE of the list", "RFC 9110 15.5.6", request("/api/rooms", method="DELETE"), 405, then=Then.ANY),
    # -- conditional
    _get("If-None-Match: *", "RFC 9110 13.1.2", request("/api/rooms", "If-None-Match: *"), 304),
    RequestCase("If-None-Match: *, then GET", "RFC 9110 13.1.2, 15.4.5",
                (request("/api/rooms", "If-None-Match: *") + request("/healthz"),),
                ((Reply((304,), body=b""), _HEALTH),), then=Then.KEEPS),
    _get("If-None-Match of another", "RFC 9110 13.1.2", request("/api/rooms", 'If-None-Match: "x", W/"y"'), 200),
    RequestCase("Date of the list", "RFC 9110 6.6.1", (request("/api/rooms"),), _dated(200),
                note="an origin server with a clock must say the date"),
    RequestCase("Date of a handler", "RFC 9110 6.6.1", (request("/healthz"),), _dated(200)),
    RequestCase("Date of 304", "RFC 9110 6.6.1", (request("/api/rooms", "If-None-Match: *"),),
                _dated(304)),
    # -- persistence
    _get("Connection: close", _PERSIST, request("/healthz", "Connection: close"), 200, then=Then.CLOSES),
    _get("Connection: close on the list", _PERSIST, request("/api/rooms", "Connection: close"), 200, then=Then.CLOSES),
    _get("Connection: Close, x", _PERSIST, request("/healthz", "Connection: x, Close"), 200, then=Then.CLOSES),
    _get("close in the second Connection line", _PERSIST, request("/healthz", "Connection: x", "Connection: close"),
         200, then=Then.CLOSES),
    _get("HTTP/1.0", _PERSIST, request("/healthz", version="HTTP/1.0"), 200, then=Then.CLOSES),
    _get("HTTP/1.0 of the list", _PERSIST, request("/api/rooms", version="HTTP/1.0"), 200, then=Then.CLOSES),
    RequestCase("HTTP/1.0 keep-alive", _PERSIST,
                (request("/healthz", "Connection: keep-alive", version="HTTP/1.0"),),
                ((Reply((200,), (("connection", "(?i).*keep-alive.*"),)),), (_OK,)),
                note="may be kept, if the response says so"),
    _get("HTTP/1.0 Connection: close", _PERSIST, request("/healthz", "Connection: close", version="HTTP/1.0"), 200,
         then=Then.CLOSES),
    # -- pipelining
    RequestCase("two in one segment", "RFC 9112 9.3.2", (request("/api/rooms") + request("/healthz"),),
                ((_ROOMS, _HEALTH),), then=Then.KEEPS),
    RequestCase("ten in one segment", "RFC 9112 9.3.2", ((request("/api/rooms") + request("/healthz")) * 5,),
                ((_ROOMS, _HEALTH) * 5,), then=Then.KEEPS),
    RequestCase("three, cut inside the second", "RFC 9112 9.3.2",
                (request("/api/rooms") + request("/healthz")[:20], request("/healthz")[20:] + request("/api/rooms")),
                ((_ROOMS, _HEALTH, _ROOMS),), then=Then.KEEPS),
    RequestCase("404 between two", "RFC 9112 9.3.2", (request("/healthz") + request("/nothing") + request("/healthz"),),
                ((_HEALTH, Reply((404,)), _HEALTH),), then=Then.KEEPS),
    RequestCase("close between two", "RFC 9112 9.6", (request("/healthz", "Connection: close") + request("/healthz"),),
                ((_HEALTH,),), then=Then.CLOSES, note="nothing is answered behind a close"),
    RequestCase("one behind the other", "RFC 9112 9.3", (request("/api/rooms"), request("/api/rooms")),
                ((_ROOMS, _ROOMS),), then=Then.KEEPS),
    RequestCase("a fault behind a good one", "RFC 9112 9.3.2", (request("/healthz") + request("/healthz", host=None),),
                ((_HEALTH, Reply((400,))),)),
    RequestCase("empty line between two", "RFC 9112 2.2", (request("/healthz") + b"\r\n" + request("/healthz"),),
                ((_HEALTH, _HEALTH),), then=Then.KEEPS),
)  # fmt: skip
