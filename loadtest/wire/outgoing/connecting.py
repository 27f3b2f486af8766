"""The beginning of a TCP connection that nobody waits for: a host's addresses, looked up now and then, and sockets that
connect by themselves.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any

from gevent import monkey

from loadtest.client.sockets.arrival import stamp_arrivals
from loadtest.client.sockets.transport import address_of

Address = tuple[int, Any]
"""Family and socket address."""
LOOKED_UP_FOR_S = 30.0
"""A host's addresses are looked up again after this."""
IP_BIND_ADDRESS_NO_PORT = 24
"""Linux (ip(7)): the port is chosen with the destination, so that it need not be free towards all others."""

_INFO_BYTES, _ROUND_TRIP_AT, _SENT_AGAIN_AT = 104, 68, 100
"""Of ``struct tcp_info`` (linux/tcp.h)."""
_NUMBER = struct.Struct("@I")

PlainSocket: type[socket.socket] = monkey.get_original("socket", "socket")
"""Without gevent's watchers, for readiness comes from the shared epoll. Saves 2 KiB per connection."""


class HostAddresses:
    def __init__(self, url: str, clock: Callable[[], float]) -> None:
        self.host, self._port = address_of(url)
        self.known: Sequence[Address] = ()
        """Empty while the host has none."""
        self._clock = clock
        self._due_s: float | None = None

    @property
    def are_due(self) -> bool:
        return self._due_s is None or self._clock() >= self._due_s

    def look_up(self) -> None:
        """Blocks. A look-up that fails leaves what was known."""
        with contextlib.suppress(OSError):
            found = socket.getaddrinfo(self.host, self._port, 0, socket.SOCK_STREAM)
            self.known = [(int(family), address) for family, _, _, _, address in found]
        self._due_s = self._clock() + LOOKED_UP_FOR_S


def start_connecting(sock: Any, address: Any, *, source: str | None) -> None:
    """`sock` is of the address's family. Returns at once; it is writable when it is connected, or has failed. Raises
    `OSError`."""
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stamp_arrivals(sock)
    if source is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((source, 0))
    error = sock.connect_ex(address)
    if error not in (0, errno.EINPROGRESS):
        raise OSError(error, os.strerror(error))


def noticed_late(sock: Any, *, began_s: float, now_s: float) -> tuple[float, bool]:
    """How long it took this process, in s, to notice that `sock`, which began to connect at `began_s`, is connected;
    and whether its SYN had to be sent again. The kernel measures how long the SYN took to be answered (TCP_INFO,
    tcp(7)); 0 where it cannot: a SYN was sent again, or another system."""
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
        (round_trip_us,), (sent_again,) = (_NUMBER.unpack_from(info, at) for at in (_ROUND_TRIP_AT, _SENT_AGAIN_AT))
    except (OSError, AttributeError, struct.error):
        return 0.0, False
    late_s = max(0.0, now_s - began_s - round_trip_us / 1e6) if round_trip_us and not sent_again else 0.0
    return late_s, bool(sent_again)


def connecting_error(sock: Any) -> OSError | None:
    """Why a socket that became writable is not connected; None: it is."""
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return OSError(error, os.strerror(error)) if error else None
