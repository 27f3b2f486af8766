"""A port at which nobody listens stays nobody's."""

from __future__ import annotations

import socket
import sys

import pytest

from tests.nobody import port_to_come_back_to, refusing_port


def test_port_refuses_connections_and_nobody_else_gets_it_meanwhile() -> None:
    with refusing_port() as port:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", port))
    socket.create_server(("127.0.0.1", port)).close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody could listen beside the one that holds it")
def test_port_that_a_server_comes_back_to_is_its_own_in_between() -> None:
    with port_to_come_back_to() as port:
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))
            with socket.socket() as anybody, pytest.raises(OSError, match="in use"):
                anybody.bind(("127.0.0.1", port))
            socket.create_server(("127.0.0.1", port)).close()
