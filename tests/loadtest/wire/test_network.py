"""What a sample of connections says of the network, since the sample before."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any

from loadtest.wire.network import NetworkSample

ESTABLISHED = 1


class FakeSocket:
    """Of which the kernel says so much."""

    def __init__(self, *, segments: int, again: int) -> None:
        self.segments, self.again = segments, again

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        info = bytearray(size)
        info[0] = ESTABLISHED
        struct.pack_into("@I", info, 100, self.again)
        struct.pack_into("@I", info, 136, self.segments)
        return bytes(info)


def test_what_a_connection_sent_before_it_was_seen_is_left_out_whichever_was_there_before():
    """It may lie in the memory where one was that is closed."""
    there: list[Any] = [SimpleNamespace(sock=FakeSocket(segments=10, again=0))]
    sample = NetworkSample(SimpleNamespace(connections=lambda: there))  # type: ignore[arg-type]
    assert sample.take().segments == 0
    there[0].sock.segments, there[0].sock.again = 14, 1
    network = sample.take()
    assert (network.segments, network.retransmitted) == (4, 1)
    for _ in range(100):
        there[0].sock = None
        there[0].sock = FakeSocket(segments=500, again=90)
        network = sample.take()
        assert (network.segments, network.retransmitted) == (0, 0)
        there[0].sock = None
        there[0].sock = FakeSocket(segments=20, again=2)
        network = sample.take()
        assert (network.segments, network.retransmitted) == (0, 0)
