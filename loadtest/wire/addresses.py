"""Where connections come from. One source address has some 28,000 ports towards one server; 127.0.0.0/8 has 16 million
addresses. Towards a server on this machine the swarm takes the next address before the ports of one run out.
"""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path
from urllib.parse import urlsplit

_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
DEFAULT_PORTS = 28_232
"""Linux: 32768 to 60999."""
USED_SHARE = 0.7
"""Of the ports of an address: the kernel searches longer the fuller they are, and HTTP needs some too."""


class SourceAddresses:
    """Deals sources to the connections of one process. `first` differs between processes of one machine."""

    def __init__(self, *, server_host: str, first: int = 0, ports: int | None = None) -> None:
        self.is_spread = is_loopback(server_host)
        """Else the machine's own address is all there is."""
        self._most = max(1, int((ports_of_this_machine() if ports is None else ports) * USED_SHARE))
        self._number = first
        self._dealt = 0

    def take(self) -> str | None:
        """The source of the next connection; None leaves it to the kernel."""
        if not self.is_spread:
            return None
        if self._dealt >= self._most:
            self.go_on()
        self._dealt += 1
        return self._text()

    def go_on(self) -> None:
        """This address is used up."""
        self._number += 1
        self._dealt = 0

    def _text(self) -> str:
        return str(ipaddress.IPv4Address("127.0.0.1") + self._number % 0x00FF_FF00)


def is_loopback(host: str) -> bool:
    """Whether a name or address is in 127.0.0.0/8 and nowhere else; False when it cannot be resolved."""
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)}
        return bool(found) and all(ipaddress.ip_address(address).is_loopback for address in found)
    except OSError:
        return False


def host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


def ports_of_this_machine() -> int:
    try:
        low, high = _PORT_RANGE.read_text(encoding="ascii").split()
        return int(high) - int(low) + 1
    except (OSError, ValueError):
        return DEFAULT_PORTS
