"""The outgoing half of a connection on a non-blocking socket: frames go out at once, or as soon as it takes them."""

from __future__ import annotations

import contextlib
import socket
import struct
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

from loadtest.client.counters import Counters
from loadtest.client.signals import Signal
from loadtest.client.sockets.lobby_connection import LobbyConnection
from loadtest.wire.direct_signal import DirectSignal, WatchedSignal
from loadtest.wire.messages import frames
from loadtest.wire.shared import Wire
from lobby_server.protocol import messages
from lobby_server.protocol.features import Feature

OF_A_FOLLOWER = frozenset(
    {"heartbeat_finished", "list_updated", "message_received", "rooms_announced", "rooms_list_changed"}
)
"""Signals that are not emitted where a follower takes what many are told."""


class SendingConnection(LobbyConnection):
    """Nothing here waits: what a full socket does not take is kept, and the shared reader says when to go on."""

    __slots__ = (
        "_unsent", "_wire", "accepted_too_late", "counters", "handshake_sent", "hears_with_others",
        "heartbeat_unanswered", "not_understood", "sock",
    )  # fmt: skip

    def __init__(
        self,
        wire: Wire,
        *,
        name: str,
        version: str,
        features: Iterable[Feature | str],
        counters: Counters,
    ) -> None:
        super().__init__(name=name, version=version, features=features, new_signal=self.new_signal, join=wire.memo.join)
        self.counters = counters
        self.handshake_sent: Signal[[float]] = DirectSignal("handshake_sent")
        """At that time, in a moment. `connection_attempted` or `accepted_too_late` tells its end, unless its owner
        ended it."""
        self.accepted_too_late: Signal[[float]] = DirectSignal("accepted_too_late")
        """The server accepted the handshake of a player who had left at that time: others hear of both."""
        self.not_understood: Signal[[bytes, str]] = DirectSignal("not_understood")
        """A message came that is none of the protocol: its bytes, and what is wrong with it."""
        self.heartbeat_unanswered: Signal[[]] = DirectSignal("heartbeat_unanswered")
        """The server goes on without having answered a ping."""
        self.sock: Any = None
        """None while there is no upgraded connection."""
        self.hears_with_others = False
        """It is in the group of the wire, where its figures are (`hear_alone` gets them back)."""
        self._wire = wire
        self._unsent = b""

    def new_signal(self, name: str) -> Signal[Any]:
        return WatchedSignal(name, self) if name in OF_A_FOLLOWER else DirectSignal(name)

    @abstractmethod
    def hear_alone(self) -> None:
        """From now on, until it may hear with others again: whatever is to be done with it that is not ordinary."""

    @abstractmethod
    def others_listen(self) -> None:
        """Somebody listens, or listens no more, to what a follower follows."""

    @abstractmethod
    def on_bytes(self, chunk: bytes, arrived_s: float) -> None:
        """The shared reader brings what came, and when."""

    @abstractmethod
    def on_end(self, why: str) -> None:
        """The connection is gone; may come out of any call that sends."""

    def _send_text(self, message: messages.ClientMessage) -> None:
        self._send_payload(message.TYPE, messages.encode(message))

    def _send_payload(self, name: str, payload: bytes) -> None:
        self.counters.messages_out[name] += 1
        self.counters.payload_out[name] += len(payload)
        self._send_frame(payload, frames.OP_TEXT)

    def _send_close(self, code: int) -> None:
        self._send_frame(struct.pack("!H", code), frames.OP_CLOSE)

    def _send_frame(self, payload: bytes, opcode: int) -> None:
        if self.sock is None:
            return
        frame = frames.client_frame(payload, opcode)
        if self._unsent:
            self._unsent += frame
            return
        sent = self._try_send(frame)
        if sent < len(frame) and self.sock is not None:
            self.hear_alone()
            self.send_later(frame[sent:])

    def send_later(self, rest: bytes) -> None:
        """What a full socket did not take; nothing else may go out before it."""
        self._unsent = rest
        self._wire.reader.want_writable(self, wanted=True)

    def on_writable(self) -> None:
        self._unsent = self._unsent[self._try_send(self._unsent) :]
        if not self._unsent and self.sock is not None:
            self._wire.reader.want_writable(self, wanted=False)

    def _try_send(self, data: bytes) -> int:
        try:
            sent = int(self.sock.send(data))
        except BlockingIOError:
            return 0
        except OSError as error:
            self.on_end(f"sending failed: {error.strerror or error}")
            return len(data)
        self.counters.bytes_out += sent
        return sent


def reset_on_close(sock: Any) -> None:
    """Its close will be a reset, not a FIN."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
