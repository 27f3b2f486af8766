"""A player's connection to a server that speaks otherwise: the same life, other words.

upgrade ──(steps of the framing)──→ ready ──handshake, if there is one──→ accepted by its message,
                                      │                                   or by the echo of one's own coming
                                      └──none──→ accepted
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from loadtest.client.counters import UNDECODABLE
from loadtest.client.errors import ClientError, NotConnected
from loadtest.client.sockets.link import LinkEnded, OpenFailed
from loadtest.wire.connection import SwarmConnection
from loadtest.wire.messages import frames
from loadtest.wire.messages.memo import FOR_MANY, Heard, Memo
from loadtest.wire.messages.own import OwnMessage
from loadtest.wire.outgoing.tries import Try
from loadtest.wire.places import socket_url_at
from loadtest.wire.profiles.framings import Packed, Step, Unreadable
from loadtest.wire.profiles.paths import NotThere
from loadtest.wire.profiles.profile import Profile, Who
from loadtest.wire.state import State
from lobby_server.protocol import messages
from lobby_server.protocol.messages import ClientMessage, ServerMessage

Enter = Callable[[Who], Any]
"""Makes the HTTP call that comes before the socket; blocks, raises `ClientError`."""


class Exchange(ServerMessage, frozen=True):
    """A step of the framing, on its way from the memo to a connection."""

    step: Any


class ProfileMemo(Memo):
    """Decodes as a profile says, once for all players who receive the same bytes."""

    __slots__ = ("_profile",)

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        self._profile = profile

    def _decode(self, payload: bytes) -> Heard:
        try:
            name, message = self._profile.read(payload)
        except Unreadable as why:
            return Heard(UNDECODABLE, None, why=str(why))
        if isinstance(message, Step):
            return Heard(name, Exchange(step=message))
        if isinstance(message, (messages.UserOnline, messages.UserOffline)):
            is_online = isinstance(message, messages.UserOnline)
            heard = Heard(name, message, message.user_id, is_online, is_for_many=True)
        else:
            known_as = "pong" if isinstance(message, messages.Pong) else name
            heard = Heard(known_as, message, is_for_many=isinstance(message, FOR_MANY))
        if heard.is_for_many:
            self._keep(payload, heard)
        return heard

    def pong_in(self, read: bytes) -> tuple[int, int] | None:
        """A pong of the lobby may mean anything else here."""
        return None


class ProfiledConnection(SwarmConnection):
    def __init__(self, *args: Any, profile: Profile, enter: Enter | None = None, **kwargs: Any) -> None:
        """As `SwarmConnection`. `enter`: for profiles with a call of that name."""
        super().__init__(*args, **kwargs)
        self._profile = profile
        self._enter = enter

    # -- coming ---------------------------------------------------------------------------------------------------

    def _ask(self, intended_s: float) -> None:
        if not self._profile.has_own_paths:
            super()._ask(intended_s)
        elif "enter" in self._profile.calls:
            epoch = self._epoch
            self._wire.crew.put(lambda: self._enter_and_ask(epoch, intended_s))
        else:
            self._ask_at(self._profile.path_for(self.who()), intended_s)

    def _enter_and_ask(self, epoch: int, intended_s: float) -> None:
        """In a greenlet of the crew: it may block."""
        if epoch != self._epoch or self._enter is None:
            return
        try:
            path = self._profile.path_for(self.who(), self._enter(self.who()))
        except (ClientError, NotThere) as error:
            if epoch == self._epoch:
                self.on_failed_try(OpenFailed(f"not let in over HTTP: {error}"))
            return
        if epoch == self._epoch:
            self._ask_at(path, self._wire.clock())

    def _ask_at(self, path: str, intended_s: float) -> None:
        url = self._wire.url if self._place is None else socket_url_at(self._place, "/")
        opener = self._wire.new_opener(url.rstrip("/") + path)
        opener.open(Try(self, self._epoch, intended_s), self.timing)

    def _greet(self) -> None:
        if self._profile.framing.is_ready_on_open:
            self._be_ready()

    def _be_ready(self) -> None:
        packed = self._profile.greet(self.who())
        if packed is not None:
            self._send_packed("handshake", packed)
        if self._profile.accepts_when_ready:
            self._accept_as(self._own_id())

    def _accept_as(self, user_id: int | None) -> None:
        if self.state is State.SHAKING:
            self.heard_s = max(self.heard_s, self.handshake_sent_s)
            self._accept(messages.HandshakeAccepted(peer_id=0, user_id=user_id, username=self.name))

    # -- hearing --------------------------------------------------------------------------------------------------

    def _hear_in_handshake(self, message: ServerMessage) -> None:
        if isinstance(message, Exchange):
            self._exchange(message.step)
        elif isinstance(message, OwnMessage) and message.name == "accepted":
            self._accept_as(self._own_id())
        elif isinstance(message, OwnMessage) and message.name == "refused":
            self._lose(LinkEnded(f"the handshake was answered with {message.data}", refused=str(message.data)))
        elif isinstance(message, messages.UserOnline):
            if message.user_id == self._own_id() and not self._profile.accepts_when_ready:
                self._accept_as(message.user_id)  # the echo of its own coming
        else:
            super()._hear_in_handshake(message)

    def _hear(self, message: ServerMessage) -> None:
        if isinstance(message, Exchange):
            self._exchange(message.step)
        elif not (isinstance(message, OwnMessage) and message.name in ("accepted", "refused")):
            super()._hear(message)

    def _exchange(self, step: Step) -> None:
        if step.answer is not None:
            self._send_packed("(framing)", step.answer)
        if step.asks_for_auth:
            self._send_packed("(framing)", self._profile.authenticate(self.who()))
        if step.is_ready and self.state is State.SHAKING:
            self._be_ready()

    def _on_pong(self) -> None:
        if self._profile.ping is None and self.state is State.ACCEPTED:
            self.counters.messages_in["pong"] += 1
            self._hear(messages.Pong(ts=0))

    # -- saying ---------------------------------------------------------------------------------------------------

    def _send_ping(self) -> None:
        self._send_text(messages.Ping())

    def _send_text(self, message: ClientMessage) -> None:
        packed = self._profile.write(message, self.who())
        if packed is not None:
            self._send_packed(message.TYPE, packed)
        elif isinstance(message, messages.Ping):
            self.counters.messages_out["ping"] += 1
            self._send_frame(b"", frames.OP_PING)
        else:
            self.counters.messages_out[f"{message.TYPE}, which the profile does not have"] += 1

    def send_own(self, name: str, data: object) -> None:
        if self.state is not State.ACCEPTED:
            raise NotConnected(name)
        self._send_packed(name, self._profile.framing.write(name, data))

    def _send_packed(self, name: str, packed: Packed) -> None:
        payload, opcode = packed
        self.counters.messages_out[name] += 1
        self.counters.payload_out[name] += len(payload)
        self._send_frame(payload, opcode)

    def who(self) -> Who:
        """Whose name and token are filled in."""
        return Who(name=self.name, token=self._token, version=self.version)

    def _own_id(self) -> int:
        return self._profile.user_id_of(self.who())
