"""The sockets to listen on: one port on several addresses, IPv4 and IPv6."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence

from lobby_server.settings import Settings, SettingsError

LISTEN_BACKLOG = 4096
TRIES_FOR_A_FREE_PORT = 10
"""Another process may take a port on one address that was free on the other."""
Address = tuple[str, socket.AddressFamily, int]
"""Numeric, with its family and the scope of a link-local one."""
_EVERYWHERE = {"::": ("::", "0.0.0.0")}


def bind(settings: Settings) -> list[socket.socket]:
    """Listening sockets on every address of the settings, all with one port.

    ``::`` is every interface with IPv6 and with IPv4, on two sockets, so that IPv4 clients have IPv4 addresses. Raises
    `SettingsError` with a sentence that says what to do.
    """
    addresses = _resolved(settings)
    for _ in range(TRIES_FOR_A_FREE_PORT if not settings.port else 1):
        sockets: list[socket.socket] = []
        port = settings.port
        try:
            for address in addresses:
                sockets.append(_listening(address, port))
                port = sockets[0].getsockname()[1]
            return sockets
        except OSError as fault:
            for bound in sockets:
                bound.close()
            failed, failed_at = fault, address[0]
    if failed.errno == errno.EADDRINUSE:
        what = f"Port {settings.port} on {failed_at} is taken: stop what runs there, or give --port"
        raise SettingsError(f"{what} another one (0 takes a free one).")
    raise SettingsError(_cannot_listen(failed_at, settings.port, failed))


def url_of(settings: Settings, sockets: Sequence[socket.socket]) -> str:
    """Where the server is, for the start line: each address that was asked for, as it was written."""
    scheme = "https" if settings.tls_cert else "http"
    port = sockets[0].getsockname()[1]
    return " and ".join(
        f"{scheme}://{f'[{address}]' if ':' in address else address}:{port}{settings.path_prefix}"
        for address in settings.addresses
    )


def _listening(address: Address, port: int) -> socket.socket:
    host, family, scope = address
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setblocking(False)
        listener.bind((host, port) if family is socket.AF_INET else (host, port, 0, scope))
        listener.listen(LISTEN_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _resolved(settings: Settings) -> list[Address]:
    """Numeric addresses, each once."""
    found: dict[Address, None] = {}
    for name in settings.addresses:
        for asked in _EVERYWHERE.get(name, (name,)):
            try:
                infos = socket.getaddrinfo(asked, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            except OSError as fault:
                raise SettingsError(_cannot_listen(name, settings.port, fault)) from None
            for info in infos:
                scope = int(info[4][3]) if len(info[4]) == 4 else 0
                found.setdefault((str(info[4][0]).partition("%")[0], info[0], scope))
    return list(found)


def _cannot_listen(address: str, port: int, fault: OSError) -> str:
    return (
        f"The server cannot listen on {address} port {port} ({fault.strerror}): "
        "give --address and --port ones of this machine."
    )
