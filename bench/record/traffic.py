"""Bytes as they were counted: by each client, by the kernel of its socket, and by the link of its group."""

from __future__ import annotations

import msgspec


class ClientBytes(msgspec.Struct, frozen=True, kw_only=True):
    """One client over the window."""

    requests: int
    events: int
    """Messages that came unasked."""
    message_bytes: int
    framed_up_bytes: int
    framed_down_bytes: int
    wire_bytes: int
    """Modelled."""
    header_bytes: int = 0
    payload_bytes: int = 0
    """Of the framed bytes; what is in neither is heartbeat."""
    kernel_sent_bytes: int | None
    kernel_received_bytes: int | None
    kernel_segments: int | None

    @property
    def framed_bytes(self) -> int:
        """Both directions."""
        return self.framed_up_bytes + self.framed_down_bytes


class Wire(msgspec.Struct, frozen=True, kw_only=True):
    """What the link of a group carried in the window, by the counters of its interface."""

    packets: int
    ip_bytes: int
    """Both directions, without Ethernet's headers."""


class TrafficGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Clients of one way on one server."""

    kind: str
    """The way; see `bench.load.clients.ways`."""
    rooms: int
    changes_per_s: float = 0.0
    changes: int = 0
    """That were made in the window."""
    wire: Wire | None = None
    """``None`` without namespaces."""
    list_bytes: int
    clients: list[ClientBytes]
    unexpected_losses: int

    @property
    def invalid(self) -> str:
        """Why its bytes are no measurement; empty where they are.

        A client that was lost has counted too little; and where the kernel counted other bytes than the client, one of
        them is wrong.
        """
        if self.unexpected_losses:
            return f"connections were lost ({self.unexpected_losses})"
        wrong = sum(
            (each.kernel_sent_bytes, each.kernel_received_bytes) != (each.framed_up_bytes, each.framed_down_bytes)
            for each in self.clients
            if each.kernel_sent_bytes is not None
        )
        return f"TCP_INFO disagrees with our count ({wrong} clients)" if wrong else ""

    @property
    def suspect(self) -> str:
        """Why they are in doubt; empty where they are not."""
        unchecked = any(each.kernel_sent_bytes is None for each in self.clients)
        return "no TCP_INFO on this system: bytes not checked" if unchecked else ""


class MessageSize(msgspec.Struct, frozen=True, kw_only=True):
    """A message that occurred, `n` times, all of that size; its other layers follow by `bench.record.wire`."""

    name: str
    n: int
    message_bytes: int


class Connect(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of getting in: the upgrade's from the kernel's counters, less the frames that are known."""

    upgrade_request_bytes: int
    upgrade_response_bytes: int
    handshake_message_bytes: int
    accepted_message_bytes: int


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """All that the scenario `bandwidth` counted, in one window."""

    groups: list[TrafficGroup]
    sizes: list[MessageSize]
    connects: list[Connect]
    polling_request: str
    etag_request: str
    wire_note: str = ""
    """Why there are no true wire bytes, where there are none."""
