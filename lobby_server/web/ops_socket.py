"""``/ops/socket``: the figures of `OpsHistory`, live, for a viewer with the token of an administrator.

It speaks as the lobby's socket does, so that a page has one kind of client: a handshake with the token, then
``ops_history`` (the fields' names and all samples as arrays), then ``ops_sample`` with one array at a time; a ping is
answered with a pong. A token is looked at again with every sample: one that ended or was revoked closes with 4502.
"""

from __future__ import annotations

import asyncio
from typing import Any

import tornado.iostream
import tornado.websocket

from lobby_server.core.refusal import TokenRefused
from lobby_server.protocol import messages
from lobby_server.protocol.codes import ApiCode, CloseCode, ErrorReason
from lobby_server.protocol.encoding import encode_json
from lobby_server.protocol.messages import Refused, ServerMessage, decode_client_message, encode
from lobby_server.service.watch.ops_history import FIELDS, SAMPLE_EVERY_S, OpsHistory, Sample
from lobby_server.web.base import ApiFault, BaseHandler
from lobby_server.web.context import WebContext
from lobby_server.web.websocket.handler import RETRY_AFTER_S, check_upgrade

MAX_VIEWERS = 16
"""Pages at a time: each gets a message every two seconds, and a history of some ten KiB."""
MAX_UNREAD = 5
"""Samples that may wait for a viewer's socket before it is closed."""


class OpsSocketHandler(BaseHandler, tornado.websocket.WebSocketHandler):
    history: OpsHistory
    _token: Any = None
    _is_accepted = False
    _unread = 0
    _timer: asyncio.TimerHandle | None = None

    def initialize(self, context: WebContext) -> None:
        super().initialize(context)
        self.history = context.app.ops_history

    def prepare(self) -> None:
        if self.app.drain.is_begun or self.history.listeners >= MAX_VIEWERS:
            raise ApiFault(
                503,
                ApiCode.TRY_AGAIN_LATER,
                "Too many look at the figures at the moment.",
                retry_after_s=RETRY_AFTER_S,
            )
        headers = self.request.headers
        if headers.get("Upgrade", "").lower() != "websocket" or "upgrade" not in headers.get("Connection", "").lower():
            raise ApiFault(426, ApiCode.UPGRADE_REQUIRED, "This address speaks WebSocket.")
        check_upgrade(headers)

    def check_origin(self, origin: str) -> bool:
        return self.context.origin_is_allowed(origin, self.request.host)

    def open(self, *_: str, **__: str) -> None:
        self.app.drain.at_begin.add(self._go_away)
        timeout_s = self.context.settings.handshake_timeout_s
        self._timer = asyncio.get_running_loop().call_later(timeout_s, self._nothing_accepted)

    def on_message(self, message: str | bytes) -> None:
        try:
            asked = decode_client_message(message)
        except Refused as refusal:
            self._refuse(refusal.reason)
            return
        if isinstance(asked, messages.Ping):
            self._say(messages.Pong(ts=int(self.app.clock.utc_now().timestamp() * 1000)))
        elif isinstance(asked, messages.Handshake) and not self._is_accepted:
            self._handshake(asked)
        else:
            self._refuse(ErrorReason.UNKNOWN_TYPE)

    def on_close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.history.unlisten(self._tell)
        self.app.drain.at_begin.discard(self._go_away)

    # -- private --------------------------------------------------------------------------------------------------

    def _handshake(self, handshake: messages.Handshake) -> None:
        try:
            claims = self.app.tokens.verify(handshake.token)
        except TokenRefused:
            self._say(messages.Error(reason=ErrorReason.INVALID_TOKEN))
            self.close(CloseCode.SIGNED_OUT, "the token does not hold")
            return
        if not claims.is_admin:
            self._write("error", {"reason": ApiCode.ADMIN_REQUIRED})
            self.close(CloseCode.SIGNED_OUT, "an administrator's token is needed")
            return
        if self._timer is not None:
            self._timer.cancel()
        self._token, self._is_accepted = handshake.token, True
        self._say(
            messages.HandshakeAccepted(
                peer_id=0,
                user_id=claims.user.id,
                username=claims.user.username,
                features=[],
                heartbeat_s=self.app.rules.heartbeat_s,
            )
        )
        self._write("ops_history", {"every_s": SAMPLE_EVERY_S, "fields": FIELDS, "samples": list(self.history.samples)})
        self.history.listen(self._tell)

    def _go_away(self) -> None:
        self._end(CloseCode.GOING_AWAY, "the server restarts; come back in a moment")

    def _tell(self, sample: Sample) -> None:
        """A new sample."""
        try:
            self.app.tokens.verify(self._token)
        except TokenRefused:
            self._end(CloseCode.SIGNED_OUT, "the token has expired or was signed out")
            return
        connection = self.ws_connection
        stream = None if connection is None else connection.stream
        self._unread = self._unread + 1 if stream is not None and stream.writing() else 0
        if self._unread > MAX_UNREAD:
            self._end(CloseCode.SLOW_CONSUMER, "too much waits to be read")
        else:
            self._write("ops_sample", {"sample": sample})

    def _end(self, code: CloseCode, reason: str) -> None:
        """Say no more from now on, whether the viewer answers the close or not."""
        self.history.unlisten(self._tell)
        self.close(code, reason)

    def _refuse(self, reason: ErrorReason) -> None:
        """Something that this socket does not have. A viewer without a login has one such message."""
        self._say(messages.Error(reason=reason))
        if not self._is_accepted:
            self.close(CloseCode.PROTOCOL_ABUSE, "a handshake comes first")

    def _nothing_accepted(self) -> None:
        self.close(CloseCode.HANDSHAKE_TIMEOUT, "no accepted handshake in time")

    def _say(self, message: ServerMessage) -> None:
        self._send(encode(message))

    def _write(self, name: str, data: dict[str, Any]) -> None:
        self._send(encode_json({"type": name, "data": data}))

    def _send(self, text: bytes) -> None:
        try:
            self.write_message(text).add_done_callback(_look_at)
        except tornado.websocket.WebSocketClosedError:
            pass  # on_close says so, or has


def _look_at(written: asyncio.Future[None]) -> None:
    """The end of a stream is told by ``on_close``; a future that nobody looked at would be complained of."""
    if not written.cancelled():
        written.exception()
