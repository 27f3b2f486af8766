"""Hosts for nodes on this machine: network namespaces, each with one link to the engines and one to its clients.

Either link can be cut and mended by itself, by taking its device down and up. Needs root on Linux (`can_have` of
`bench.processes.namespaces`). Namespaces are removed with the block, and with them the links.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from bench.processes.namespaces import NamespaceFailed

ENGINES, CLIENTS = "b", "c"
_NETS = {ENGINES: 77, CLIENTS: 78}
MOST_HOSTS = 8
"""Of one process, less one: they are numbered from 1."""


@dataclass(frozen=True)
class Host:
    """A machine of its own, as far as the network goes."""

    netns: str
    number: int

    def device(self, link: str) -> str:
        """Our end of `ENGINES` or `CLIENTS`."""
        return f"lb{os.getpid() % 100_000}{link}{self.number}"

    def our_address(self, link: str) -> str:
        """Where it reaches us."""
        return self._of(link, 1)

    @property
    def address(self) -> str:
        """Where clients reach it."""
        return self._of(CLIENTS, 2)

    def their_address(self, link: str) -> str:
        """Its own end."""
        return self._of(link, 2)

    def _of(self, link: str, end: int) -> str:
        """Each link has a network of four addresses, and each process of this machine others than its neighbours."""
        at = os.getpid() % 2048 * MOST_HOSTS + self.number
        return f"10.{_NETS[link]}.{at >> 6}.{(at & 63) * 4 + end}"

    def cut(self, link: str) -> None:
        _ip(f"link set {self.device(link)} down")

    def mend(self, link: str) -> None:
        _ip(f"link set {self.device(link)} up")


@contextlib.contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """Raises `NamespaceFailed`."""
    made = [Host(f"lobby-host-{os.getpid()}-{number}", number) for number in range(1, count + 1)]
    try:
        for host in made:
            _make(host)
        yield made
    finally:
        for host in made:
            with contextlib.suppress(NamespaceFailed):
                _ip(f"netns del {host.netns}")


def _make(host: Host) -> None:
    _ip(f"netns add {host.netns}")
    _ip(f"-n {host.netns} link set lo up")
    for link in _NETS:
        device, theirs = host.device(link), f"eth{link}"
        _ip(f"link add {device} type veth peer name {theirs} netns {host.netns}")
        _ip(f"address add {host.our_address(link)}/30 dev {device}")
        _ip(f"link set {device} up")
        _ip(f"-n {host.netns} address add {host.their_address(link)}/30 dev {theirs}")
        _ip(f"-n {host.netns} link set {theirs} up")


def _ip(command: str) -> None:
    done = subprocess.run(["ip", *command.split()], capture_output=True, text=True, timeout=20)
    if done.returncode:
        raise NamespaceFailed(f"ip {command}: {done.stderr.strip()}")
