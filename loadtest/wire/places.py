"""Where players find the lobby: the addresses of its nodes, each player with one of them and an order for the others.

A player stays with a node until it loses it. Then it goes to the next one of its order, which is its own, so that the
players of a node that is gone spread over all that are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from loadtest.client import socket_url
from loadtest.wire.addresses import host_of, is_loopback


class Place:
    """Of one client. With one address it always stays there."""

    __slots__ = ("_at", "_hosts")

    def __init__(self, hosts: Sequence[str]) -> None:
        """`hosts`, such as ``http://10.0.0.1:30820``, in the order in which they are tried."""
        self._hosts = tuple(hosts)
        self._at = 0

    @property
    def host(self) -> str:
        return self._hosts[self._at]

    def leave(self, host: str) -> None:
        """This node was lost or does not answer: the next one is tried. Does nothing when the client has left it."""
        if host == self.host:
            self._at = (self._at + 1) % len(self._hosts)


class Places:
    """Deals places. The seed decides: each run of as many players as there are nodes has one at every node."""

    def __init__(self, hosts: Sequence[str], *, seed: int) -> None:
        self.hosts = tuple(hosts)
        self._seed = seed
        self._only = Place(hosts)

    @property
    def is_one(self) -> bool:
        return len(self.hosts) == 1

    @property
    def host_for_sources(self) -> str:
        """Of all nodes the one that leaves the least choice of source addresses: one on another machine, if any is."""
        return next((host for host in self.hosts if not is_loopback(host_of(host))), self.hosts[0])

    def of(self, number: int, *, tab: int = 0) -> Place:
        """Of the player with that number; its further sockets are at further nodes."""
        nodes = len(self.hosts)
        if nodes == 1:
            return self._only
        turn, within = divmod(number, nodes)
        dealt = Random(f"{self._seed}/nodes/{turn}").sample(self.hosts, nodes)
        first = dealt[(within + tab) % nodes]
        others = [host for host in self.hosts if host != first]
        Random(f"{self._seed}/next nodes/{number}/{tab}").shuffle(others)
        return Place((first, *others))


def socket_url_at(place: Place, path: str) -> str:
    """The address of the WebSocket at the node where a client is now."""
    return socket_url(place.host, path)
