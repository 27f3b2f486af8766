"""Rooms made by POST on any node while things are killed, and whether each 201 is a room, once."""

from __future__ import annotations

import http.client
import itertools
import time
from collections import Counter
from collections.abc import Sequence

import msgspec

from bench.load.sockets.tokens import mint_host
from bench.processes.lab import HOST
from lobby_server.protocol.resources import RoomList, RoomMade

TIMEOUT_S = 15.0
GIVE_UP_S = 60.0
"""Without a single 201 for so long."""
PAUSE_S = 0.05
"""After a refusal or a lost connection."""


class NothingMade(RuntimeError):
    """No node made a room for too long."""


class Rooms:
    """Makes each room as a host of its own, since a user hosts one at a time; nodes take turns."""

    def __init__(self, ports: Sequence[int], secret: str, *, host: str = HOST, first_host: int = 0) -> None:
        self._ports = list(ports)
        self._host = host
        self._secret = secret
        self._hosts = itertools.count(first_host)
        self._connections: dict[int, http.client.HTTPConnection] = {}
        self.made: list[str] = []
        """Ids of the rooms that were answered with 201, in order."""
        self.answers: Counter[int] = Counter()
        """By status; 0: the connection was lost before the answer, so that the room may be there or not."""

    def make(self, count: int) -> None:
        """Ask until so many more were answered with 201. Raises `NothingMade`."""
        wanted, last_s = len(self.made) + count, time.monotonic()
        while len(self.made) < wanted:
            index = next(self._hosts)
            if self._post(self._ports[index % len(self._ports)], index):
                last_s = time.monotonic()
            else:
                if time.monotonic() - last_s > GIVE_UP_S:
                    raise NothingMade(f"no room was made for {GIVE_UP_S:g} s: {dict(self.answers)}")
                time.sleep(PAUSE_S)

    def _post(self, port: int, index: int) -> bool:
        body = msgspec.json.encode({"gamemode": "ffa", "mapName": f"kept-{index:06d}"})
        token = mint_host(self._secret, index).token
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection = self._connections.setdefault(port, http.client.HTTPConnection(self._host, port, timeout=TIMEOUT_S))
        try:
            connection.request("POST", "/api/rooms", body, headers)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            self.answers[0] += 1
            return False
        self.answers[response.status] += 1
        if response.status != http.client.CREATED:
            return False
        self.made.append(msgspec.json.decode(answer, type=RoomMade).room.id)
        return True

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()


def listed(port: int, *, host: str = HOST) -> tuple[str, list[tuple[str, str]]]:
    """ETag, and id and host of each room, as a node has them. Raises `OSError`."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/api/rooms")
        response = connection.getresponse()
        rooms = msgspec.json.decode(response.read(), type=RoomList).rooms
        return response.getheader("ETag") or "", [(room.id, room.host_username) for room in rooms]
    finally:
        connection.close()


def missing_and_doubled(made: Sequence[str], rooms: Sequence[tuple[str, str]]) -> tuple[int, int]:
    """Of the rooms answered with 201, how many are not in the list; and how many of the list are there twice, by their
    id or by their host, who has one."""
    ids, hosts = Counter(id_ for id_, _ in rooms), Counter(host for _, host in rooms)
    missing = sum(id_ not in ids for id_ in made)
    return missing, sum(number - 1 for number in ids.values()) + sum(number - 1 for number in hosts.values())
