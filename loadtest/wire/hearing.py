"""The incoming half of a connection: bytes of the shared reader become messages, and messages what its owner hears.

A read that other players had, too, and that is nothing but events for many, is not taken apart again: presence goes to
the ledger as one entry, and only what each player follows by itself (the list of rooms) is told message by message. Of
a long read, or one that ends within a message, the presence events that it begins with are found on a tape of them.
Where nobody listens but a `Follower` that all such players have, not even that: what they had in one turn of the reader
is handed to all of them together. Everything else is parsed, and all ways say the same (a test compares them).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

from loadtest.client.counters import UNDECODABLE, Counters
from loadtest.client.sockets.link import LinkEnded
from loadtest.client.timing import HeartbeatTimer
from loadtest.wire.messages import frames
from loadtest.wire.messages.chunks import Chunk
from loadtest.wire.messages.heartbeats import Heartbeats
from loadtest.wire.messages.memo import Heard
from loadtest.wire.messages.tape import LEAST_BYTES, Run
from loadtest.wire.reader import READ_BYTES
from loadtest.wire.sending import SendingConnection
from loadtest.wire.shared import Wire
from loadtest.wire.state import APART_S, ManyPresenceSink, PresenceSink, State
from lobby_server.protocol import messages
from lobby_server.protocol.features import Feature

_DATA = frozenset({frames.OP_TEXT, frames.OP_BINARY})


class HearingConnection(SendingConnection):
    __slots__ = (
        "_epoch", "_heartbeats", "_on_presence", "_parser", "_slot_s", "followed_list", "follower", "heard_s",
        "on_presence_many", "pulse", "state",
    )  # fmt: skip

    def __init__(
        self,
        wire: Wire,
        *,
        name: str,
        version: str,
        features: Iterable[Feature | str],
        counters: Counters,
        on_presence: PresenceSink | None,
        on_presence_many: ManyPresenceSink | None,
    ) -> None:
        super().__init__(wire, name=name, version=version, features=features, counters=counters)
        self.state = State.IDLE
        self._on_presence, self.on_presence_many = on_presence, on_presence_many
        self.heard_s = 0.0
        """When the message that is being told arrived, or the last one. It never goes back."""
        self._epoch = 0
        """Goes up with every try and every end: what belongs to an earlier one is stale."""
        self._parser = frames.FrameParser()
        self.pulse: HeartbeatTimer | None = None
        self._heartbeats = Heartbeats()
        self._slot_s: float | None = None
        """When to come back, counted from the loss, if a draining server said so."""
        self.follower: Any = None
        """Who alone takes what is told of presence and rooms here, as the reader's `Together` knows it; None: others
        do, too."""
        self.followed_list: Any = None
        """The list of rooms that goes with it, where that is one of deltas."""

    @property
    def on_presence(self) -> PresenceSink | None:
        return self._on_presence

    @on_presence.setter
    def on_presence(self, sink: PresenceSink | None) -> None:
        """Another one wants each event by itself."""
        self._on_presence, self.on_presence_many = sink, None
        self.others_listen()

    def others_listen(self) -> None:
        """From now on it hears for itself."""
        self.hear_alone()
        self.follower = self.followed_list = None

    def hear_alone(self) -> None:
        if self.hears_with_others:
            self.hears_with_others = False
            self._wire.group.leave(self)

    @property
    def is_answering(self) -> bool:
        """A heartbeat waits for its answer, or something to be sent for its turn."""
        return not self._heartbeats.is_idle or bool(self._unsent)

    def go_on(self, *, next_ping_s: float, sent_s: float) -> None:
        """By itself; `sent_s`: when the heartbeat was sent that is not answered yet, 0 for none."""
        if self.pulse is not None:
            self.pulse.next_ping_s = next_ping_s
            self.pulse.heard(self.heard_s)
        if sent_s:
            self._heartbeats.sent(sent_s)

    def on_bytes(self, chunk: bytes, arrived_s: float) -> None:
        self.hear_alone()
        self._hear_bytes(chunk, arrived_s)
        if (
            self.follower is not None
            and self.state is State.ACCEPTED
            and self.on_presence_many is not None
            and self._parser.is_between
        ):
            self.hears_with_others = self._wire.group.join(self)

    def _hear_bytes(self, chunk: bytes, arrived_s: float) -> None:
        self.counters.bytes_in += len(chunk)
        if self.pulse is not None:
            self.pulse.heard(arrived_s)
        if self.state is State.ACCEPTED and self._parser.is_between:
            may_be_known = self.on_presence_many is not None and len(chunk) < READ_BYTES
            known = self._wire.chunks.get(chunk) if may_be_known else None
            if known is not None:
                self._take(known, arrived_s)
                return
            pong = self._wire.memo.pong_in(chunk)
            if pong is not None:
                self._take_pong(*pong, arrived_s)
                return
        self._take_apart(chunk, arrived_s)

    def _take(self, chunk: Chunk, arrived_s: float) -> None:
        """Known from another player, or from before."""
        heard_s, epoch = self.heard_s, self._epoch
        if arrived_s > heard_s:
            heard_s = arrived_s
        counted, payload_in = self.counters.messages_in, self.counters.payload_in
        for name, number, size in chunk.by_type:
            counted[name] += number
            payload_in[name] += size
        if chunk.presence and self.on_presence_many is not None:
            self.on_presence_many(chunk.presence, heard_s)
        for place, message in chunk.others:
            self.heard_s = heard_s + place * APART_S
            self._hear(message)
            if epoch != self._epoch:
                return  # it ended on the way
        self.heard_s = heard_s + chunk.messages * APART_S

    def _take_pong(self, size: int, server_ms: int, arrived_s: float) -> None:
        self.heard_s = max(arrived_s, self.heard_s) + APART_S
        self.counters.messages_in[messages.Pong.TYPE] += 1
        self.counters.payload_in[messages.Pong.TYPE] += size
        for round_trip_s in self._heartbeats.heard(self.heard_s):
            self.heartbeat_finished.emit(round_trip_s)
        if self.message_received.listeners:
            self.message_received.emit(messages.Pong(ts=server_ms))

    def _take_apart(self, chunk: bytes, arrived_s: float) -> None:
        was_between = self._parser.is_between
        if (
            self.on_presence_many is not None
            and (not was_between or len(chunk) >= LEAST_BYTES)
            and self.state is State.ACCEPTED
            and self._parser.is_between_messages
        ):
            chunk = self._parser.take_rest() + chunk
            run = self._wire.tape.read(chunk)
            if run is not None:
                self._take_run(run, arrived_s)
                if run.end == len(chunk):
                    return
                chunk, was_between = chunk[run.end :], False
        heard_s = max(arrived_s, self.heard_s)
        try:
            found = self._parser.feed(chunk)
        except frames.BadFrame as bad:
            self._send_close(1002)
            self._lose(LinkEnded(str(bad)))
            return
        get, counted, epoch = self._wire.memo.get, self.counters.messages_in, self._epoch
        payload_in = self.counters.payload_in
        whole: list[tuple[Heard, int]] | None = [] if was_between else None
        for opcode, payload in found:
            self.heard_s = heard_s = heard_s + APART_S
            if opcode in _DATA:
                heard = get(payload)
                if whole is not None:
                    whole.append((heard, len(payload)))
                counted[heard.name] += 1
                payload_in[heard.name] += len(payload)
                self._take_message(heard, payload)
            else:
                whole = None
                self._take_control(opcode, payload)
            if epoch != self._epoch:
                return  # it ended on the way: what follows in this chunk is nobody's
        if whole and self._parser.is_between and self.state is State.ACCEPTED:
            self._wire.chunks.keep(chunk, whole)

    def _take_run(self, run: Run, arrived_s: float) -> None:
        """Known from another player, or from now on."""
        heard_s, events = max(arrived_s, self.heard_s), run.online + run.offline
        counted, payload_in = self.counters.messages_in, self.counters.payload_in
        for name, number, size in (
            (messages.UserOnline.TYPE, run.online, run.online_payload),
            (messages.UserOffline.TYPE, run.offline, run.offline_payload),
        ):
            if number:
                counted[name] += number
                payload_in[name] += size
        if self.on_presence_many is not None:
            self.on_presence_many(run.presence, heard_s)
        self.heard_s = heard_s + events * APART_S

    def _take_message(self, heard: Heard, payload: bytes) -> None:
        message = heard.message
        if heard.ack_id is not None:
            self._send_text(messages.Ack(id=heard.ack_id))  # before anything else: the server times this
        if self.state is State.ACCEPTED:
            if heard.user_id is not None and self._on_presence is not None:
                self._on_presence(heard.user_id, heard.is_online, self.heard_s)
            elif message is not None:
                self._hear(message)
        elif message is not None:
            self._hear_in_handshake(message)
        if heard.name == UNDECODABLE:
            self.not_understood.emit(payload, heard.why)

    def _take_control(self, opcode: int, payload: bytes) -> None:
        if opcode == frames.OP_PING:
            self._send_frame(payload, frames.OP_PONG)
        elif opcode == frames.OP_PONG:
            self._on_pong()
        elif opcode == frames.OP_CLOSE:
            self._on_close_frame(payload)

    def _hear(self, message: messages.ServerMessage) -> None:
        if type(message) is messages.RoomsDelta and message.of is None:  # what most players hear most: no detours
            for announced in self.rooms_list_changed.listeners:
                announced()
            for told in self.rooms_announced.listeners:
                told(message)
            for received in self.message_received.listeners:
                received(message)
        elif isinstance(message, messages.Pong):
            for round_trip_s in self._heartbeats.heard(self.heard_s):
                self.heartbeat_finished.emit(round_trip_s)
            self._tell(message)
        elif self._on_presence is not None and isinstance(message, messages.PresenceChanged):
            for user in message.online:
                self._on_presence(user.user_id, True, self.heard_s)
            for user in message.offline:
                self._on_presence(user.user_id, False, self.heard_s)
        else:
            if isinstance(message, messages.ServerDraining):
                self._slot_s = max(0, message.reconnect_after_ms) / 1000
            elif isinstance(message, messages.Error):
                self.counters.errors_told[message.reason.value] += 1
            self._tell(message)

    def _on_pong(self) -> None:
        """A pong of the WebSocket itself."""

    # -- for what is above ----------------------------------------------------------------------------------------

    @abstractmethod
    def _hear_in_handshake(self, message: messages.ServerMessage) -> None:
        """It came before the acceptance, or is that."""

    @abstractmethod
    def _on_close_frame(self, payload: bytes) -> None: ...

    @abstractmethod
    def _lose(self, ending: LinkEnded, *, is_ours: bool = False) -> None:
        """The connection has ended."""
