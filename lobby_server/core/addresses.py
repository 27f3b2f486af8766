"""Addresses as rules see them: which of them count as one client."""

from __future__ import annotations

import ipaddress

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

BUCKET_BITS_IPV6 = 64
"""What one subscriber has at least (RFC 6177): another address out of it is no other client."""


def folded(address: IPAddress) -> IPAddress:
    """An IPv4-mapped IPv6 address, as dual-stack sockets say them, as the IPv4 address that it is."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped


def bucket_of(address: str) -> str:
    """What limits count by: an IPv4 address, an IPv6 network of 64 bits; any other text as it is."""
    try:
        parsed = folded(ipaddress.ip_address(address))
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(ipaddress.IPv6Network((int(parsed) >> BUCKET_BITS_IPV6 << BUCKET_BITS_IPV6, BUCKET_BITS_IPV6)))
