"""The client's address, and the scheme it used, when there may be proxies in between.

Everything that asks "who is that?" asks here: limits, the log, sockets and HTTP alike. Only ``X-Forwarded-For`` and
``X-Forwarded-Proto`` are ever read, and of those only what proxies wrote that are trusted: each proxy adds the address
of its own peer at the end of the list, so the list is walked from its end, and the first entry that no trusted proxy
vouches for is the client. What stands before it was written by the client, who may write anything.

Pure: no socket, no request object.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from lobby_server.core.addresses import IPAddress, bucket_of, folded

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_ENTRIES = 32
"""Entries of a list that are looked at; no chain of proxies is that long."""
_SECURE = {"https": "https", "wss": "https", "http": "http", "ws": "http"}
"""Some proxies say the scheme of the socket, ``wss``."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who is at the other end."""

    address: str
    """An IP address in its shortest form, IPv4-mapped ones as IPv4; empty: the peer has none (a Unix socket)."""
    scheme: str | None = None
    """``http`` or ``https`` where a trusted proxy says so; None: as the connection itself is."""

    @property
    def bucket(self) -> str:
        """What limits count by."""
        return bucket_of(self.address)


class ProxyTrust:
    """Whose word is believed about the client: proxies in some networks, a number of them, or nobody's."""

    def __init__(self, *, networks: Sequence[Network] = (), hops: int = 0) -> None:
        """`networks`: of the proxies; empty: any peer is believed to be one. `hops`: how many there are at most;
        0: as many as `networks` say, and none without `networks`."""
        self._networks = tuple(networks)
        self._hops = hops or (MAX_ENTRIES if self._networks else 0)

    def address(self, peer: str, forwarded_for: str | None = None) -> str:
        """Of the client alone, as `client` has it."""
        if not self._hops and ":" not in peer:
            return peer  # IPv4 as the system writes it: most connections, and there may be many
        return self.client(peer, forwarded_for).address

    def client(self, peer: str, forwarded_for: str | None = None, forwarded_proto: str | None = None) -> Client:
        """The client behind a connection.

        `peer`: address at the other end of the connection. `forwarded_for`, `forwarded_proto`: values of the two
        headers, several of one name joined by commas (RFC 9110 section 5.3). O(entries), at most `MAX_ENTRIES`.
        """
        if not self._hops and ":" not in peer:
            return Client(peer)
        address = _address_of(peer)
        entries = _entries(forwarded_for)
        hops = 0
        while entries and hops < self._hops and self._is_proxy(address):
            named = _address_of(entries.pop(), may_have_port=True)
            if named is None:
                break  # "unknown", or nonsense: the last proxy that was named is all that is known
            address = named
            hops += 1
        if not self._hops or not self._is_proxy(_address_of(peer)):
            return Client(_shown(address))
        return Client(_shown(address), _scheme_of(_entries(forwarded_proto), max(1, hops)))

    # -- private --------------------------------------------------------------------------------------------------

    def _is_proxy(self, address: IPAddress | None) -> bool:
        if not self._networks:
            return True
        return address is not None and any(address in network for network in self._networks)


def _entries(header: str | None) -> list[str]:
    return header.rsplit(",", MAX_ENTRIES)[-MAX_ENTRIES:] if header else []


def _address_of(text: str, *, may_have_port: bool = False) -> IPAddress | None:
    """An address, also as ``1.2.3.4:5678`` or ``[2001:db8::1]:443`` where a proxy wrote it; None: it is none."""
    text = text.strip()
    if may_have_port:
        if text.startswith("["):
            text = text[1:].partition("]")[0]
        elif text.count(":") == 1:
            text = text.partition(":")[0]
    try:
        return folded(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return None


def _shown(address: IPAddress | None) -> str:
    return "" if address is None else str(address)


def _scheme_of(entries: list[str], hops: int) -> str | None:
    """Proxies set one scheme for the whole chain, or add theirs to a list: then the one beside the client's address."""
    if not entries:
        return None
    return _SECURE.get(entries[max(0, len(entries) - hops)].strip().lower())
