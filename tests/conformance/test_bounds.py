"""What one client can make the server hold: messages that inflate without end, on the ways that compress."""

from __future__ import annotations

import asyncio
import zlib

import pytest

from bench.load.sockets.raw_client import OP_CLOSE, RawClient, Transport
from bench.processes.target import Target
from bench.processes.watch import resident_kib
from tests.conformance.case import Way
from tests.conformance.servers import flags_of
from tests.conformance.wire import RSV1, frame

LIMIT_BYTES = 65_536
INFLATED_BYTES = 60 << 20
GROWTH_KIB = 12 * 1024
"""Far above what the limit needs, far below what one such message would take."""


def bomb() -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = compressor.compress(b" " * INFLATED_BYTES) + compressor.flush(zlib.Z_SYNC_FLUSH)
    assert len(data) < LIMIT_BYTES
    return frame(data[:-4], rsv=RSV1, mask=b"\0\0\0\0")


async def close_code_after(port: int, transport: Transport, sent: bytes) -> int:
    client = await RawClient.connect(port, transport)
    try:
        assert await client.upgrade() == 101
        client.send(sent)
        opcode, payload = await client.frame()
        assert opcode == OP_CLOSE
        return int.from_bytes(payload[:2], "big")
    finally:
        client.abort()


@pytest.mark.slow
@pytest.mark.parametrize("transport", [Transport.DEFLATE, Transport.TLS_DEFLATE])
async def test_message_that_inflates_to_60_mib_closes_with_1009_in_bounded_memory(transport: Transport) -> None:
    sent = bomb()
    flags = (*flags_of(Way(transport.value)), "--max-message-bytes", str(LIMIT_BYTES))
    with Target(flags=flags) as target:
        await close_code_after(target.port, transport, frame(b"x" * (LIMIT_BYTES + 1), mask=b"\0\0\0\0"))  # warm
        before_kib = resident_kib(target.pid, peak=True)
        codes = await asyncio.gather(*(close_code_after(target.port, transport, sent) for _ in range(8)))
        grown_kib = resident_kib(target.pid, peak=True) - before_kib
    assert set(codes) == {1009}
    assert grown_kib < GROWTH_KIB
