"""Answers to requests that are refused before Tornado sees them: the API's JSON, and the end of the connection."""

from __future__ import annotations

from email.utils import formatdate
from http.client import responses

from lobby_server.protocol.codes import ApiCode
from lobby_server.protocol.encoding import encode_json
from lobby_server.protocol.resources import Problem
from lobby_server.web.websocket.head import HeadFault
from lobby_server.web.websocket.upgrade import RETRY_AFTER_S, VERSION, UpgradeRefused


def refused(fault: UpgradeRefused | HeadFault) -> bytes:
    """The answer to a request that was refused."""
    if isinstance(fault, HeadFault):
        return _answer(fault.status, fault.code, fault.sentence)
    lines = [] if fault.retry_after_s is None else [f"Retry-After: {fault.retry_after_s}"]
    if fault.status == 426:  # RFC 9110 section 15.5.22, RFC 6455 section 4.2.2
        lines += ["Upgrade: websocket", f"Sec-WebSocket-Version: {VERSION}"]
    return _answer(fault.status, fault.code, fault.sentence, *lines)


def is_full() -> UpgradeRefused:
    """No place for one more connection."""
    return UpgradeRefused(
        503,
        ApiCode.TRY_AGAIN_LATER,
        "The lobby is full at the moment; try again in a few seconds.",
        retry_after_s=RETRY_AFTER_S,
    )


def _answer(status: int, code: ApiCode, sentence: str, *lines: str) -> bytes:
    body = encode_json(Problem(error=sentence, code=code))
    connection = "Connection: close, Upgrade" if status == 426 else "Connection: close"
    head = [
        f"HTTP/1.1 {status} {responses[status]}",
        "Content-Type: application/json; charset=utf-8",
        "X-Content-Type-Options: nosniff",
        f"Date: {formatdate(usegmt=True)}",
        f"Content-Length: {len(body)}",
        connection,
        *lines,
    ]
    return "\r\n".join([*head, "", ""]).encode() + body
