"""Links between two namespaces: what they count, and that nothing of them stays."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from bench.namespaces import LinkCount, can_have, enter, in_namespace, linked, read_links
from bench.wire import HEADER_BYTES, MSS_BYTES

T = TypeVar("T")

needs_root = pytest.mark.skipif(not can_have(), reason="network namespaces need root on Linux")
LINK = 2
SENT_BYTES = 100 * MSS_BYTES


def within(name: str, act: Callable[[], T]) -> T:
    def there() -> T:
        enter(name)
        return act()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(there).result()


@needs_root
def test_link_counts_what_a_network_would_carry_and_goes_away() -> None:
    with linked(3) as names:
        server = within(names.server, lambda: socket.create_server(("0.0.0.0", 0)))
        address = (names.server_address(LINK), server.getsockname()[1])
        client = within(names.clients, lambda: socket.create_connection(address, timeout=5))
        with server, client:
            accepted, _ = server.accept()
            with accepted:
                before = within(names.clients, read_links)
                client.sendall(bytes(SENT_BYTES))
                left = SENT_BYTES
                while left:
                    left -= len(accepted.recv(65_536))
                links = within(names.clients, read_links)
        counts = {name: count.since(before[name]) for name, count in links.items()}
        assert in_namespace(names.server)[:3] == ["ip", "netns", "exec"]
    moved = counts.pop(names.interface(LINK))
    assert moved.sent_packets >= 100  # one a segment: nothing was handed over whole
    assert moved.ip_bytes == SENT_BYTES + moved.packets * HEADER_BYTES  # to the byte: nobody asked for an address
    assert all(not count.packets for count in counts.values())
    assert names.server not in subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout


def test_ip_bytes_are_without_ethernet() -> None:
    assert LinkCount(1_014, 1, 2_028, 2).ip_bytes == 3_000
