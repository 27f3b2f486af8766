"""Cases made by cutting the same bytes at every place: the request for a WebSocket, frames, a request of HTTP."""

from __future__ import annotations

from tests.conformance.case import ALL, PING_TEXT, Case, RequestCase, SocketCase, any_of, named, request, stays, upgrade
from tests.conformance.wire import CONTINUATION, PING, frame, pong_of

BYTE_BY_BYTE = "a byte at a time"
"""Hundreds of segments one behind the other: for the slow suite."""
_CUT = "RFC 9112 2.1; RFC 6455 4.1"
_UPGRADE = upgrade(body=PING_TEXT)
_FRAMES = (
    frame(b"p", PING)
    + frame(named("ä€😀".encode())[:-7], fin=False)
    + frame(named("ä€😀".encode())[-7:], CONTINUATION)
    + frame(b" " * 200 + b'{"type":"ping","data":{}}')
)
_EVENTS = (pong_of(b"p"), "accepted ä€😀", "pong")
_LIST = request("/api/rooms", "Accept: */*")


def _cut(data: bytes, place: int) -> tuple[bytes, bytes]:
    return data[:place], data[place:]


SWEEPS: dict[str, list[Case]] = {
    "upgrade and a message, cut once": [
        RequestCase(f"after byte {place}", _CUT, _cut(_UPGRADE, place), any_of(101), events=("pong",))
        for place in range(1, len(_UPGRADE))
    ],
    "refused upgrade, cut once": [
        RequestCase(f"after byte {place}", _CUT, _cut(upgrade("X-Note : a"), place), any_of(400))
        for place in range(1, len(upgrade("X-Note : a")), 3)
    ],
    "frames, cut once": [
        SocketCase(f"after byte {place}", "RFC 6455 5.2", _cut(_FRAMES, place), stays(*_EVENTS), ALL)
        for place in range(1, len(_FRAMES))
    ],
    "room list, cut once": [
        RequestCase(f"after byte {place}", _CUT, _cut(_LIST, place), any_of(200)) for place in range(1, len(_LIST))
    ],
    BYTE_BY_BYTE: [
        RequestCase("upgrade", _CUT, tuple(bytes((b,)) for b in _UPGRADE), any_of(101), events=("pong",)),
        RequestCase("room list", _CUT, tuple(bytes((b,)) for b in _LIST), any_of(200)),
        SocketCase("frames", "RFC 6455 5.2", tuple(bytes((b,)) for b in _FRAMES), stays(*_EVENTS)),
        SocketCase("ping", "RFC 6455 5.5.2", tuple(bytes((b,)) for b in frame(b"p", PING)), stays(pong_of(b"p"))),
    ],
}
