"""What stands in the stream and in the keys beside it, as bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from lobby_server.backplane.errors import FormatRefused
from lobby_server.core.machine.commands import FORMAT, AnyCommand, Command

MOST_BATCH_BYTES = 15_000
"""Valkey 9 does not count strings of 16,384 bytes and more against the output limit of a reader that hangs."""


class Batch(msgspec.Struct, array_like=True, frozen=True):
    """Commands of one node, one after the other. `sequence`: goes up by one per batch of a node."""

    format: int
    node: str
    sequence: int
    commands: list[msgspec.Raw]


class Entry(msgspec.Struct, array_like=True, frozen=True):
    """A batch where it stands in the log: `number` goes up by one per entry, for as long as a replica lives."""

    number: int
    at_ms: int
    batch: bytes


class Snapshot(msgspec.Struct, array_like=True, frozen=True):
    """The state at one place of the log."""

    format: int
    epoch: str
    """Of the stream that goes on from here."""
    previous_epoch: str
    """Of the stream that is gone, whose last number this is; empty: there was none."""
    number: int
    stream_id: str
    """From where on to read."""
    image: bytes
    tail: list[Entry]
    """The entries before, for replicas that are a little behind."""
    opened_s: float = 0.0
    """When the stream was opened, by the time of the log, where this is what it was opened with and it follows another
    one: `BeginEpoch` is still to be applied."""
    floor: int = 0
    """As of that."""
    database: str = ""
    """Which database the lobby keeps its data in; empty: nobody knows."""


class Renewal(NamedTuple):
    """What a node learns as it is heard of."""

    newest: int
    """Number of the newest entry."""
    was_heard_of: bool
    """Whether it was until now, by that name."""
    reports: dict[str, bytes]
    """What those of the others that are heard of say of themselves, by name."""


_encoder = msgspec.msgpack.Encoder()
_commands: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(AnyCommand)
_batches = msgspec.msgpack.Decoder(Batch)
_snapshots = msgspec.msgpack.Decoder(Snapshot)


def encode_command(command: Command) -> bytes:
    """Raises `TypeError`, `ValueError` or `OverflowError` for one that could not be read: the encoder does not look at
    what type a field should be of, and an entry that nodes cannot read ends all of them, after a restart as well. So it
    is read here, where it is the fault of one caller: 0.3 µs more, on average over all kinds."""
    encoded = _encoder.encode(command)
    try:
        _commands.decode(encoded)
    except msgspec.MsgspecError as fault:
        raise TypeError(f"{type(command).__name__} cannot be read by other nodes: {fault}") from fault
    return encoded


def encode_batch(node: str, sequence: int, encoded: Sequence[bytes]) -> bytes:
    return _encoder.encode(Batch(FORMAT, node, sequence, [msgspec.Raw(each) for each in encoded]))


def decode_batch(batch: bytes) -> tuple[str, int, Iterator[Command]]:
    """Node, sequence, commands. Raises `FormatRefused`."""
    try:
        decoded = _batches.decode(batch)
        its_format: object = decoded.format
    except msgspec.MsgspecError:
        its_format = _format_of(batch)
        decoded = None
    if decoded is None or decoded.format != FORMAT:
        raise FormatRefused(its_format)
    return decoded.node, decoded.sequence, map(_commands.decode, decoded.commands)


def encode_snapshot(snapshot: Snapshot) -> bytes:
    return _encoder.encode(snapshot)


def decode_snapshot(data: bytes) -> Snapshot:
    """Raises `FormatRefused`."""
    try:
        snapshot = _snapshots.decode(data)
    except msgspec.MsgspecError:
        raise FormatRefused(_format_of(data)) from None
    if snapshot.format != FORMAT:
        raise FormatRefused(snapshot.format)
    return snapshot


def _format_of(data: bytes) -> object:
    try:
        decoded = msgspec.msgpack.decode(data)
    except msgspec.MsgspecError:
        return None
    return decoded[0] if isinstance(decoded, list) and decoded else None
