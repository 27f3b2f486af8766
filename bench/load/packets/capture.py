"""Captures what one interface carries to and from a server, in a process of its own.

The times are the kernel's: of what comes, when the interface had it; of what goes, when it was handed to the interface.
So it does not matter how late this process reads. A filter in the kernel leaves out what says nothing: other ports, and
segments that are acknowledgements alone. Needs root (or CAP_NET_RAW and CAP_NET_ADMIN) on Linux.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from bench.load.packets.conversations import Conversations
from bench.load.packets.segments import SYN, TCP, read_segment
from bench.load.packets.times import Figures, Heard, times_of

ETH_P_ALL, ETH_P_IP = 3, 0x0800
SO_ATTACH_FILTER, SO_RCVBUFFORCE, SO_TIMESTAMPNS = 26, 33, 35
SOL_PACKET, PACKET_STATISTICS = 263, 6
BUFFER_BYTES = 512 * 1024 * 1024
"""For packets that are not read yet, with what the kernel needs beside each."""
CAPTURED_BYTES = 65_536
LOOK_EVERY_S = 0.2
ANY_PROTOCOL, PACKET_TYPE = 0xFFFFF000, 0xFFFFF004
"""SKF_AD_PROTOCOL and SKF_AD_PKTTYPE of linux/filter.h."""

_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE = 0x20, 0x28, 0x30
_LOAD_HALF_AT_X, _LOAD_BYTE_AT_X = 0x48, 0x50
_X_IS_HEADER = 0xB1
"""X becomes the length of the IPv4 header."""
_EQUAL, _ABOVE, _ANY_BIT, _RETURN = 0x15, 0x25, 0x45, 0x06
_LESS_X, _AND, _SHIFT_RIGHT = 0x1C, 0x54, 0x74
_STORE, _LOAD_STORED, _X_IS_A = 0x02, 0x60, 0x07


@dataclass(frozen=True)
class Seen:
    """What was captured."""

    packets: int
    dropped: int
    """Packets that the kernel had no room for: then nothing is known for sure."""
    players: int
    """Connections whose handshake was accepted."""
    figures: dict[str, Figures]
    """By the names that the swarm's metrics have."""


class Capture:
    """Lives in a `bench.processes.remote.Remote`. Packets are kept until the end, and understood then."""

    def __init__(self, *, interface: str, port: int) -> None:
        """`port` is the server's. Raises `PermissionError`."""
        self._port = port
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        for level, option, value in (
            (socket.SOL_SOCKET, SO_RCVBUFFORCE, struct.pack("i", BUFFER_BYTES)),
            (socket.SOL_SOCKET, SO_TIMESTAMPNS, struct.pack("i", 1)),
            (socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@qq", 0, int(LOOK_EVERY_S * 1e6))),
        ):
            self._socket.setsockopt(level, option, value)
        attach_filter(self._socket, filter_for(port, is_twice=interface == "lo"))
        self._socket.bind((interface, ETH_P_ALL))
        self._packets: list[tuple[bytes, bytes]] = []
        self._is_over = False
        self._thread = threading.Thread(target=self._read, daemon=True)

    async def begin(self) -> None:
        self._thread.start()

    async def end(self, settle_s: float) -> Seen:
        """Stop, and say what was seen. `settle_s`: what came later after its cause is left out, as the swarm does."""
        self._is_over = True
        self._thread.join()
        _, dropped = struct.unpack("II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        self._socket.close()
        conversations = Conversations()
        for stamp, packet in self._packets:
            segment = read_segment(stamp, packet, self._port)
            if segment is not None:
                conversations.take(segment)
        heard = Heard(conversations.all(), settle_s=settle_s)
        return Seen(
            packets=len(self._packets), dropped=dropped, players=len(heard.players), figures=times_of(heard)
        )  # fmt: skip

    def _read(self) -> None:
        """Until the end, and then all that waits."""
        view, keep = memoryview(bytearray(CAPTURED_BYTES)), self._packets.append
        into, receive = [view], self._socket.recvmsg_into
        while True:
            try:
                size, control, _, _ = receive(into, 64)
            except (BlockingIOError, InterruptedError):
                if self._is_over:
                    return
                continue
            with contextlib.suppress(IndexError):  # without a time: not of this kernel
                keep((control[0][2], view[:size].tobytes()))


Instruction = tuple[int, int, int, int]
"""Of classic BPF: code, jump if true, jump if false, operand."""


def filter_for(port: int, *, is_twice: bool = False) -> Sequence[Instruction]:
    """IPv4 and TCP from or to that port, with a payload or SYN. `is_twice`: the interface shows each packet as it goes
    and as it comes, as the loopback does: only the second counts."""
    seen_once = [(_LOAD_WORD, 0, 0, PACKET_TYPE), (_EQUAL, _TO_DROP, 0, socket.PACKET_OUTGOING)] if is_twice else []
    return _with_targets(
        [
            *seen_once,
            (_LOAD_WORD, 0, 0, ANY_PROTOCOL),
            (_EQUAL, 0, _TO_DROP, ETH_P_IP),
            (_LOAD_BYTE, 0, 0, 9),
            (_EQUAL, 0, _TO_DROP, TCP),
            (_X_IS_HEADER, 0, 0, 0),
            (_LOAD_HALF_AT_X, 0, 0, 0),
            (_EQUAL, 2, 0, port),
            (_LOAD_HALF_AT_X, 0, 0, 2),
            (_EQUAL, 0, _TO_DROP, port),
            (_LOAD_BYTE_AT_X, 0, 0, 13),
            (_ANY_BIT, _TO_KEEP, 0, SYN),
            (_LOAD_HALF, 0, 0, 2),
            (_LESS_X, 0, 0, 0),
            (_STORE, 0, 0, 0),
            (_LOAD_BYTE_AT_X, 0, 0, 12),
            (_AND, 0, 0, 0xF0),
            (_SHIFT_RIGHT, 0, 0, 2),
            (_X_IS_A, 0, 0, 0),
            (_LOAD_STORED, 0, 0, 0),
            (_LESS_X, 0, 0, 0),
            (_ABOVE, _TO_KEEP, _TO_DROP, 0),
        ]
    )


_TO_KEEP, _TO_DROP = 254, 255
"""Jumps to the last two instructions, until their distance is known."""


def _with_targets(program: list[Instruction]) -> list[Instruction]:
    size = len(program)

    def distance(jump: int, at: int) -> int:
        return size - at - 1 + (jump == _TO_DROP) if jump in (_TO_KEEP, _TO_DROP) else jump

    known = [(code, distance(true, at), distance(false, at), k) for at, (code, true, false, k) in enumerate(program)]
    return [*known, (_RETURN, 0, 0, CAPTURED_BYTES), (_RETURN, 0, 0, 0)]


def attach_filter(sock: socket.socket, program: Sequence[Instruction]) -> None:
    code = b"".join(struct.pack("@HBBI", *instruction) for instruction in program)
    held = ctypes.create_string_buffer(code, len(code))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(held)))
