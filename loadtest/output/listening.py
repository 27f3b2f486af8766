"""A socket that listens: for the metrics, and to find out whether a port is free."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TypeVar

EVERYWHERE = ("", "*", "0.0.0.0")

_Socket = TypeVar("_Socket", bound=socket.socket)


def listen(host: str, port: int, *, new_socket: Callable[[int, int], _Socket]) -> _Socket:
    """At that address, or at all of this machine where `host` is one of `EVERYWHERE`; `port` 0: a free one.
    `new_socket` gets the family and the type. Raises `OSError`, with nothing left open."""
    family, kind, _, _, address = socket.getaddrinfo(
        None if host in EVERYWHERE else host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = new_socket(family, kind)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener
