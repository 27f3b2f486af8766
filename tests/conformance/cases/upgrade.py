"""The request for a WebSocket: RFC 6455 section 4.2, with what RFC 9110 and 9112 say of its headers and target."""

from __future__ import annotations

from tests.conformance.case import KEY, PING_TEXT, Case, Reply, RequestCase, Then, any_of, request, upgrade
from tests.conformance.wire import PING, frame, pong_of

_BASE = "RFC 6455 4.2.1"
_LIST = "RFC 9110 5.6.1, 7.6.1, 7.8"
_VERSION = "RFC 6455 4.2.2, 4.4"
_TARGET = "RFC 9112 3.2"
_426 = any_of(426, Sec_WebSocket_Version="13")
_PROXY = ((Reply((426,), body=b"proxy_http_version"),),)


def _case(name: str, source: str, sent: bytes, *statuses: int, note: str = "", **more: str) -> RequestCase:
    return RequestCase(name, source, (sent,), any_of(*statuses, **more), note=note)


CASES: tuple[Case, ...] = (
    _case("at /ws", _BASE, upgrade(), 101),
    _case("at /", _BASE, upgrade(target="/"), 101),
    _case("query string", _BASE, upgrade(target="/ws?a=1&b=%20"), 101),
    _case("query string at /", _BASE, upgrade(target="/?a=1"), 101),
    _case("empty query", _BASE, upgrade(target="/ws?"), 101),
    _case("target of 7,900 bytes", "RFC 9112 3", upgrade(target="/ws?" + "x" * 7896), 101,
          note="8,000 are recommended as the least to support"),
    _case("percent-encoded", "RFC 9110 4.2.3", upgrade(target="/%77s"), 101, 404,
          note="equivalent, but nobody must normalise"),
    *(_case(f"unknown path {target}", _BASE, upgrade(target=target), 404)
      for target in ("/wss", "/WS", "/ws/x", "/api/nothing")),
    _case("slash behind the path", _BASE, upgrade(target="/ws/"), 404),
    _case("absolute-form", _TARGET, upgrade(target="http://lobby.test/ws"), 101),
    _case("absolute-form at the root", _TARGET, upgrade(target="http://lobby.test/"), 101),
    _case("absolute-form without a path", _TARGET, upgrade(target="http://lobby.test"), 101,
          note="RFC 9110 4.2.3: an empty path is the same as /"),
    _case("absolute-form with a query", _TARGET, upgrade(target="http://lobby.test/ws?a=1"), 101),
    _case("absolute-form, other Host", "RFC 9112 3.2.2", upgrade(target="http://lobby.test/ws", host="other.test"), 101,
          note="the Host is ignored"),
    _case("absolute-form, unknown path", _TARGET, upgrade(target="http://lobby.test/nothing"), 404),
    _case("asterisk-form", _TARGET, upgrade(target="*"), 400, 404, note="only for OPTIONS"),
    _case("authority-form", _TARGET, upgrade(target="lobby.test:80"), 400, 404, note="only for CONNECT"),
    # -- method and version
    *(_case(f"method {method}", "RFC 6455 4.2.1", upgrade(method=method), 400, 405, 426, 501)
      for method in ("POST", "PUT", "DELETE", "PATCH", "get", "GETT")),
    _case("method OPTIONS", _BASE, upgrade(method="OPTIONS"), 200, 204, 400, 405, 426, 501,
          note="an Upgrade may be ignored"),
    RequestCase("method HEAD", _BASE, (upgrade(method="HEAD"),), any_of(400, 405, 426, 501), methods=("HEAD",)),
    RequestCase("HTTP/1.0", "protocol 1; RFC 9110 7.8", (upgrade(version="HTTP/1.0"),), _PROXY),
    RequestCase("HTTP/1.0 at /", "protocol 1; RFC 9110 7.8", (upgrade(target="/", version="HTTP/1.0"),), _PROXY),
    RequestCase("HTTP/1.0 with Connection: close, as nginx sends it", "protocol 1; RFC 9110 7.8",
                (upgrade(version="HTTP/1.0", connection="upgrade"),), _PROXY),
    RequestCase("HTTP/1.0 closes", "RFC 9112 9.3", (upgrade(version="HTTP/1.0"),), any_of(426), then=Then.CLOSES),
    _case("HTTP/1.2", "RFC 9110 2.5", upgrade(version="HTTP/1.2"), 101, 400, 505),
    _case("HTTP/2.0", "RFC 9110 15.6.6", upgrade(version="HTTP/2.0"), 400, 505),
    _case("http/1.1", "RFC 9112 2.3", upgrade(version="http/1.1"), 400, 505, note="the name is case-sensitive"),
    _case("HTTP/1", "RFC 9112 2.3", upgrade(version="HTTP/1"), 400, 505),
    _case("HTTP/11.1", "RFC 9112 2.3", upgrade(version="HTTP/11.1"), 400, 505),
    # -- Host
    _case("no Host", _TARGET, upgrade(host=None), 400),
    _case("two Hosts", _TARGET, upgrade("Host: other.test"), 400),
    _case("the same Host twice", _TARGET, upgrade("Host: lobby.test"), 400),
    _case("two Hosts at /", _TARGET, upgrade("Host: other.test", target="/"), 400),
    _case("Host with a blank", _TARGET, upgrade(host="lobby test"), 400),
    _case("Host with a path", _TARGET, upgrade(host="lobby.test/ws"), 400),
    _case("Host with a port", _TARGET, upgrade(host="lobby.test:30820"), 101),
    _case("Host of IPv6", _TARGET, upgrade(host="[::1]:30820"), 101),
    _case("Host empty", _TARGET, upgrade(host=""), 101, 400, note="valid where the URI has no authority"),
    # -- key
    _case("no key", _BASE, upgrade(key=None), 400),
    _case("key empty", _BASE, upgrade(key=""), 400),
    _case("key of 15 bytes", _BASE, upgrade(key="AAAAAAAAAAAAAAAAAAAA"), 400),
    _case("key of 17 bytes", _BASE, upgrade(key="AAAAAAAAAAAAAAAAAAAAAAA="), 400),
    _case("key without padding", _BASE, upgrade(key=KEY.rstrip("=")), 400),
    _case("key that is no base64", _BASE, upgrade(key="!!!!!!!!!!!!!!!!!!!!!!=="), 400),
    _case("key in the URL alphabet", _BASE, upgrade(key="-_-_-_-_-_-_-_-_-_-_-A=="), 400),
    _case("key twice", "RFC 6455 11.3.1", upgrade(f"Sec-WebSocket-Key: {KEY}"), 400),
    _case("two keys", "RFC 6455 11.3.1", upgrade("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="), 400),
    _case("two keys in one value", "RFC 6455 11.3.1", upgrade(key=f"{KEY}, {KEY}"), 400),
    _case("blanks around the key", "RFC 9112 5.1", upgrade(key=f"  {KEY}\t "), 101),
    # -- version
    RequestCase("no version", _VERSION, (upgrade(number=None),), any_of(400, 426),
                note="426 asks for another version; none at all is not valid by 4.2.1"),
    *(RequestCase(f"version {number}", _VERSION, (upgrade(number=number),), _426)
      for number in ("0", "7", "8", "12", "14", "255")),
    RequestCase("versions 13, 8 as a list", "RFC 6455 11.3.5", (upgrade(number="13, 8"),), any_of(400, 426)),
    RequestCase("version 13 twice", "RFC 6455 11.3.5", (upgrade("Sec-WebSocket-Version: 13"),), any_of(400, 426)),
    RequestCase("version 8 in a second line", "RFC 6455 11.3.5", (upgrade("Sec-WebSocket-Version: 8"),),
                any_of(400, 426)),
    *(_case(f"version {number!r}", "RFC 6455 4.3", upgrade(number=number), 400, 426)
      for number in ("13.0", "+13", "013", "abc", "")),
    # -- Connection and Upgrade
    *(_case(f"Connection: {value}", _LIST, upgrade(connection=value), 101)
      for value in ("upgrade", "UPGRADE", "keep-alive, Upgrade", "Upgrade,keep-alive", ", Upgrade ,", "x,\tupgrade")),
    _case("Connection in two lines", "RFC 9110 5.3", upgrade("Connection: keep-alive"), 101),
    _case("Connection in two lines, Upgrade last", "RFC 9110 5.3",
          upgrade("Connection: Upgrade", connection="keep-alive"), 101),
    *(_case(f"Connection: {value}", _BASE, upgrade(connection=value), 400, 426)
      for value in ("keep-alive", "keep-upgrade", "upgraded", "Upgrade x")),
    _case("no Connection", _BASE, upgrade(connection=None), 400, 426),
    *(_case(f"Upgrade: {value}", _LIST, upgrade(up=value), 101)
      for value in ("WebSocket", "WEBSOCKET", "websocket, x", "h2c, websocket", "x/1,websocket", ", websocket")),
    _case("Upgrade in two lines", "RFC 9110 5.3", upgrade("Upgrade: h2c"), 101),
    _case("Upgrade in two lines, websocket last", "RFC 9110 5.3", upgrade("Upgrade: websocket", up="h2c"), 101),
    *(_case(f"Upgrade: {value}", _BASE, upgrade(up=value), 400, 426) for value in ("h2c", "websockets", "web socket")),
    _case("no Upgrade", _BASE, upgrade(up=None), 400, 426),
    _case("no Upgrade at / is the page", "protocol 1", upgrade(target="/", up=None), 200),
    _case("neither at /ws", "RFC 9110 15.5.22", request("/ws"), 426),
    # -- other headers
    _case("subprotocol is not taken", "RFC 6455 4.2.2", upgrade("Sec-WebSocket-Protocol: chat, superchat"), 101),
    _case("two lines of subprotocols", "RFC 6455 11.3.4",
          upgrade("Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b"), 101),
    _case("same Origin", "RFC 6455 4.2.2, 10.2", upgrade("Origin: http://lobby.test"), 101),
    _case("same Origin, other case", "RFC 6454 4", upgrade("Origin: http://LOBBY.test"), 101),
    _case("other Origin", "RFC 6455 4.2.2, 10.2", upgrade("Origin: http://other.test"), 403),
    _case("Origin null", "RFC 6455 10.2", upgrade("Origin: null"), 403),
    _case("Accept from the client", "RFC 6455 11.3.3", upgrade("Sec-WebSocket-Accept: x"), 101),
    _case("Content-Length: 0", "RFC 9110 8.6", upgrade("Content-Length: 0"), 101, 400,
          note="a GET may carry content; refusing it is allowed"),
    _case("body of 5 bytes", "RFC 9110 9.3.1", upgrade("Content-Length: 5", body=b"hello"), 101, 400, 413,
          note="taken, it must not be read as frames"),
    _case("chunked body", "RFC 9110 9.3.1", upgrade("Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n"),
          101, 400, 411, 413, note="taken, it must not be read as frames"),
    _case("Content-Length that is none", "RFC 9112 6.3", upgrade("Content-Length: abc"), 400),
    _case("Transfer-Encoding and Content-Length", "RFC 9112 6.1",
          upgrade("Transfer-Encoding: chunked", "Content-Length: 5", body=b"0\r\n\r\n"), 400),
    # -- what comes behind the request
    RequestCase("message in the same segment", "RFC 6455 4.1", (upgrade(body=PING_TEXT),), any_of(101),
                events=("pong",), note="a client should wait for the 101, but the bytes are there"),
    RequestCase("ping in the same segment", "RFC 6455 4.1", (upgrade(body=frame(b"p", PING)),), any_of(101),
                events=(pong_of(b"p"),)),
    RequestCase("half a frame in the same segment", "RFC 6455 4.1",
                (upgrade(body=PING_TEXT[:7]), PING_TEXT[7:]), any_of(101), events=("pong",)),
    RequestCase("five messages in the same segment", "RFC 6455 4.1", (upgrade(body=PING_TEXT * 5),), any_of(101),
                events=("pong",) * 5),
    RequestCase("message cut behind one byte of it", "RFC 6455 4.1",
                (upgrade()[:-2], upgrade()[-2:] + PING_TEXT[:1], PING_TEXT[1:]), any_of(101), events=("pong",)),
    RequestCase("upgrade as the second request", "RFC 9110 7.8", (request("/healthz") + upgrade(),),
                ((Reply((200,)), Reply((101,))),)),
    RequestCase("upgrade as the second request, later", "RFC 9110 7.8", (request("/healthz"), upgrade()),
                ((Reply((200,)), Reply((101,))),)),
    RequestCase("upgrade behind one that was refused", "RFC 9110 7.8", (upgrade(number="8") + upgrade(),),
                ((Reply((426,)), Reply((101,))), (Reply((426,)),)), note="the server may close behind the refusal"),
)  # fmt: skip
