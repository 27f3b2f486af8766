"""``/ops/socket``: the figures of `OpsHistory`, live, for a viewer with the token of an administrator.

It speaks as the lobby's socket does, so that a page has one kind of client: a handshake with the token, then
``ops_history`` (the fields' names and all samples as arrays, in parts: ``"part": 1, "of": 6``), then ``ops_sample``
with one array at a time; with several nodes each is followed by ``ops_nodes``, how each of them is. A ping is answered
with a pong. A token is looked at again with every sample: one that ended or was revoked closes with 4502.

A viewer is a `Peer` like any other: the same limits hold before and after its token.
"""

from __future__ import annotations

from typing import Any

from lobby_server.core.refusal import TokenRefused
from lobby_server.protocol import messages
from lobby_server.protocol.codes import ApiCode, CloseCode, ErrorReason
from lobby_server.protocol.encoding import encode_json
from lobby_server.protocol.framing.frames import server_frame
from lobby_server.protocol.messages import Refused, decode_client_message
from lobby_server.service.app import App
from lobby_server.service.fanout.profile import Profile
from lobby_server.service.nodes import NodeSeen
from lobby_server.service.peers.peer import Peer, Phase
from lobby_server.service.ports import Transport
from lobby_server.service.watch.ops_history import FIELDS, SAMPLE_EVERY_S, Sample

MAX_VIEWERS = 16
"""Pages at a time: each gets a message every two seconds, and a history of some 40 KB."""
SAMPLES_PER_PART = 80
"""Of the history, which comes in several messages: with the largest numbers they have 29 KiB, below the
`lobby_server.protocol.parts.MAX_MESSAGE_BYTES` of everything that the server says."""
MAX_UNREAD = 5
"""Samples that may wait for a viewer's socket before it is closed."""
_PROFILES = (Profile(), Profile(deflates=True))


class OpsEndpoint:
    """`lobby_server.web.websocket.connection.Endpoint`: a viewer per connection."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._viewers: set[OpsViewer] = set()
        self._last_id = 0
        app.drain.at_begin.append(self._go_away)

    @property
    def refusal(self) -> str | None:
        if self._app.drain.is_begun or len(self._viewers) >= MAX_VIEWERS:
            return "Too many look at the figures at the moment."
        return None

    def open(self, connection: Transport, *, address: str, deflates: bool, waited_s: float) -> OpsViewer:
        self._last_id -= 1  # below the lobby's sessions, so that a line of the log tells which it is of
        viewer = OpsViewer(
            self._app,
            connection,
            _PROFILES[deflates],
            peer_id=self._last_id,
            address=address,
            waited_s=waited_s,
        )
        self._viewers.add(viewer)
        self._app.heartbeat.watch(viewer)
        return viewer

    def end(self, peer: Peer, *, abrupt: bool) -> None:
        assert isinstance(peer, OpsViewer)
        self._viewers.discard(peer)
        self._app.heartbeat.unwatch(peer)
        peer.closed(abrupt=abrupt)
        peer.let_go()

    def _go_away(self) -> None:
        for viewer in tuple(self._viewers):
            viewer.close(CloseCode.GOING_AWAY, "the server restarts; come back in a moment")


class OpsViewer(Peer):
    """One page."""

    __slots__ = ("_app", "_token", "_unread", "_user_id")

    def __init__(
        self, app: App, transport: Transport, profile: Profile, *, peer_id: int, address: str, waited_s: float
    ) -> None:
        super().__init__(app.rules, transport, profile, peer_id=peer_id, address=address, waited_s=waited_s)
        self._app = app
        self._user_id: int | None = None
        self._token: Any = None
        self._unread = 0

    def answer(self, raw: bytes) -> None:
        try:
            asked = decode_client_message(raw)
        except Refused as refusal:
            self.refuse(refusal.reason)
            return
        if isinstance(asked, messages.Ping):
            self.reply(messages.Pong(ts=int(self._app.clock.utc_now().timestamp() * 1000)))
        elif isinstance(asked, messages.Handshake) and self.phase is Phase.WAITING:
            self._handshake(asked)
        else:
            self.refuse(ErrorReason.UNKNOWN_TYPE)

    def refuse(self, reason: ErrorReason) -> None:
        """Something that this socket does not have. A viewer without a login has one such message."""
        self.say_error(reason)
        if self.phase is Phase.WAITING:
            self.close(CloseCode.PROTOCOL_ABUSE, "a handshake comes first")

    @property
    def known_user_id(self) -> int | None:
        return self._user_id

    def ended(self, *, was_accepted: bool, abrupt: bool) -> None:
        self._app.ops_history.unlisten(self._tell)

    # -- private --------------------------------------------------------------------------------------------------

    def _handshake(self, handshake: messages.Handshake) -> None:
        try:
            claims = self._app.tokens.verify(handshake.token)
        except TokenRefused:
            self.say_error(ErrorReason.INVALID_TOKEN)
            self.close(CloseCode.SIGNED_OUT, "the token does not hold")
            return
        if not claims.is_admin:
            self._say("error", {"reason": ApiCode.ADMIN_REQUIRED})
            self.close(CloseCode.SIGNED_OUT, "an administrator's token is needed")
            return
        self._token = handshake.token
        self._user_id = claims.user.id
        self.accept()
        self.reply(
            messages.HandshakeAccepted(
                peer_id=0,
                user_id=claims.user.id,
                username=claims.user.username,
                features=[],
                heartbeat_s=self._app.rules.heartbeat_s,
            )
        )
        history = self._app.ops_history
        self._say_history(list(history.samples))
        self._say_nodes()
        if self.phase is Phase.ACCEPTED:
            history.listen(self._tell)

    def _say_history(self, samples: list[Sample]) -> None:
        starts = range(0, len(samples), SAMPLES_PER_PART) or (0,)
        for part, start in enumerate(starts, 1):
            data = {"every_s": SAMPLE_EVERY_S, "fields": FIELDS, "samples": samples[start : start + SAMPLES_PER_PART]}
            self._say("ops_history", {**data, "part": part, "of": len(starts)} if len(starts) > 1 else data)

    def _tell(self, sample: Sample) -> None:
        """A new sample."""
        try:
            self._app.tokens.verify(self._token)
        except TokenRefused:
            self.close(CloseCode.SIGNED_OUT, "the token has expired or was signed out")
            return
        self._unread = self._unread + 1 if self.is_behind else 0
        if self._unread > MAX_UNREAD:
            self.is_slow()
        else:
            self._say("ops_sample", {"sample": sample})
            self._say_nodes()

    def _say_nodes(self) -> None:
        if self._app.nodes is not None:
            self._say("ops_nodes", {"nodes": [_shown(node) for node in self._app.nodes.seen()]})

    def _say(self, name: str, data: dict[str, Any]) -> None:
        self._app.fanout.tell(self, server_frame(encode_json({"type": name, "data": data})))


def _shown(node: NodeSeen) -> dict[str, Any]:
    """A row of the page's table; what is not known is null."""
    report = node.report
    return {
        "name": node.name,
        "version": node.version,
        "role": "leads" if node.leads else "follows",
        "sessions": None if report is None else report.reading.sessions,
        "lag_entries": None if report is None else report.lag_entries,
        "lag_ms": None if report is None else report.lag_ms,
        "waiting": None if report is None else report.waiting,
    }
