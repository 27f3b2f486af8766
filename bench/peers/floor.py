"""The floor of a fan-out in Python: a bare loop of non-blocking ``send`` over accepted sockets, and nothing else.

It reads no request and knows no protocol: whoever connects gets the frame, once for every line on standard input. No
server in plain Python can be cheaper, because each recipient has to have a ``send`` of its own.
"""

from __future__ import annotations

import os
import select
import socket
import sys

from lobby_server.protocol.messages import RoomsChanged, encode_frame

BACKLOG = 4096
ORDERS_BYTES = 4096


def main() -> None:
    frame = encode_frame(RoomsChanged())
    listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    listener.setblocking(False)
    print("listening", listener.getsockname()[1], flush=True)
    connections: list[socket.socket] = []
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if listener in ready:
            _accept(listener, connections)
        if sys.stdin in ready:
            orders = os.read(sys.stdin.fileno(), ORDERS_BYTES)  # not by readline, which would hide lines from select
            if not orders:
                return
            for _ in range(orders.count(b"\n")):
                for connection in connections:
                    connection.send(frame)


def _accept(listener: socket.socket, connections: list[socket.socket]) -> None:
    try:
        while True:
            connection, _ = listener.accept()
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connections.append(connection)
    except BlockingIOError:
        pass  # all who came are in


if __name__ == "__main__":
    main()
