"""A port at which nobody listens stays nobody's."""

from __future__ import annotations

import socket

import pytest

from tests.nobody import refusing_port


def test_port_refuses_connections_and_nobody_else_gets_it_meanwhile() -> None:
    with refusing_port() as port:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", port))
    socket.create_server(("127.0.0.1", port)).close()
