"""On which addresses a server listens: several, IPv6 and IPv4, one port."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import websocket

from bench.processes.cluster.ports import free_port, hold_port
from bench.processes.target import Target
from lobby_server.process.listening import bind, url_of
from lobby_server.settings import Settings, SettingsError
from tests.process.clients import PATIENCE_S, log_lines, shake_hands, token_of, wait_until

pytestmark = [pytest.mark.system, pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")]


def listening(address: str, port: int = 0) -> tuple[set[str], str]:
    settings = Settings(address=address, port=port)
    sockets = bind(settings)
    try:
        assert len({each.getsockname()[1] for each in sockets}) == 1
        return {each.getsockname()[0] for each in sockets}, url_of(settings, sockets).replace(
            str(sockets[0].getsockname()[1]), "PORT"
        )
    finally:
        for each in sockets:
            each.close()


@pytest.mark.parametrize(
    ("address", "expected", "url"),
    [
        ("127.0.0.1", {"127.0.0.1"}, "http://127.0.0.1:PORT"),
        ("127.0.0.1, ::1", {"127.0.0.1", "::1"}, "http://127.0.0.1:PORT and http://[::1]:PORT"),
        ("::", {"::", "0.0.0.0"}, "http://[::]:PORT"),
        ("::,0.0.0.0", {"::", "0.0.0.0"}, "http://[::]:PORT and http://0.0.0.0:PORT"),
    ],
)
def test_one_port_on_every_address(address: str, expected: set[str], url: str) -> None:
    assert listening(address) == (expected, url)


def test_address_that_is_none_of_this_machine_leaves_no_socket_open() -> None:
    port = free_port()
    with pytest.raises(SettingsError, match=r"192\.0\.2\.1"):
        bind(Settings(address="127.0.0.1,192.0.2.1", port=port))
    assert listening("127.0.0.1", port)[0] == {"127.0.0.1"}


def test_port_that_is_taken_on_one_address_is_named_with_it() -> None:
    with taken_on_ipv6_alone() as port, pytest.raises(SettingsError, match="on ::1 is taken"):
        bind(Settings(address="127.0.0.1,::1", port=port))


@contextlib.contextmanager
def taken_on_ipv6_alone() -> Iterator[int]:
    """A port at which somebody listens on ::1, and which nobody else gets on 127.0.0.1."""
    with hold_port() as holder:
        port = int(holder.getsockname()[1])
        with socket.create_server(("::1", port), family=socket.AF_INET6):
            yield port


def test_ipv4_clients_of_every_interface_have_ipv4_addresses() -> None:
    sockets = bind(Settings(address="::", port=0))
    try:
        with socket.create_connection(("127.0.0.1", sockets[0].getsockname()[1])):
            four = next(each for each in sockets if each.family is socket.AF_INET)
            four.setblocking(True)
            four.settimeout(PATIENCE_S)
            accepted, address = four.accept()
            accepted.close()
            assert address[0] == "127.0.0.1"
    finally:
        for each in sockets:
            each.close()


def addresses(target: Target) -> list[str]:
    """Of those whose handshake was accepted."""
    return [line["address"] for line in log_lines(target.log_path, "authenticated")]


def test_one_process_serves_both_families_and_knows_the_addresses_of_their_clients(tmp_path: Path) -> None:
    flags = ["--address", "::", "--log-format", "json"]
    with Target(data_dir=tmp_path, flags=flags).running() as target:
        for user_id, host in enumerate(("127.0.0.1", "[::1]")):
            client = websocket.create_connection(f"ws://{host}:{target.port}/ws", timeout=PATIENCE_S)
            assert shake_hands(client, token_of(target, user_id, f"user{user_id}"))["type"] == "handshake_accepted"
            client.close()
        wait_until(lambda: len(addresses(target)) == 2)
        assert addresses(target) == ["127.0.0.1", "::1"]
