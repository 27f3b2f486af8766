"""Links between two namespaces: what they count, and that nothing of them stays."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from bench.processes.namespaces import (
    NAMED,
    PREFIX,
    LinkCount,
    NamespaceFailed,
    Namespaces,
    enter,
    linked,
    read_links,
)
from bench.record.wire import HEADER_BYTES, MSS_BYTES
from tests.installed import namespaces
from tests.patience import PATIENCE_S

T = TypeVar("T")

LINK = 2
SENT_BYTES = 100 * MSS_BYTES


def within(name: str, act: Callable[[], T]) -> T:
    def there() -> T:
        enter(name)
        return act()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(there).result()


@pytest.fixture
def names() -> Iterator[Namespaces]:
    namespaces()
    try:
        with linked(3) as made:
            yield made
    except NamespaceFailed as error:  # root in a container that may not: the lab goes on with its model, too
        pytest.skip(str(error))


def test_link_counts_what_a_network_would_carry(names: Namespaces) -> None:
    server = within(names.server, lambda: socket.create_server(("0.0.0.0", 0)))
    address = (names.server_address(LINK), server.getsockname()[1])
    client = within(names.clients, lambda: socket.create_connection(address, timeout=PATIENCE_S))
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
    moved = counts.pop(names.interface(LINK))
    assert moved.sent_packets >= 100  # one a segment: nothing was handed over whole
    assert moved.ip_bytes == SENT_BYTES + moved.packets * HEADER_BYTES  # to the byte: nobody asked for an address
    assert all(not count.packets for count in counts.values())


def test_namespaces_are_gone_with_the_block_however_it_ends() -> None:
    namespaces()

    def fail() -> None:
        with linked(1) as made:
            assert (NAMED / made.server).exists()
            raise LookupError

    with pytest.raises((LookupError, NamespaceFailed)):
        fail()
    assert list(NAMED.glob(f"{PREFIX}-{os.getpid()}-*")) == []


def test_ip_bytes_are_without_ethernet() -> None:
    assert LinkCount(1_014, 1, 2_028, 2).ip_bytes == 3_000
