"""Changes on a schedule: rooms made and deleted over HTTP at intended times, by a process that does nothing else.

It is blocking and single-threaded on purpose; how late it was is a series of its own.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import msgspec

from bench.load.sockets.tokens import mint_host
from bench.processes.lab import HOST
from lobby_server.protocol.resources import RoomMade

GAMEMODE = "deathmatch"
MARKER = "lab-"
"""What the map name of a measured room starts with; its number follows. Rooms of the background have another name."""

REQUEST_TIMEOUT_S = 30.0


class PublishFailed(RuntimeError):
    """The server did not take a change."""


@dataclass(frozen=True)
class Published:
    """One room made. Moments by ``time.perf_counter``."""

    room_id: str
    host_index: int
    intended_s: float
    sent_s: float
    answered_s: float


class Publisher:
    """Makes each room as a host of its own, because a user hosts one at a time. Use as a context manager."""

    def __init__(self, port: int, secret: str) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=REQUEST_TIMEOUT_S)
        self._secret = secret
        self._next_host = 0
        self._next_number = 0

    @property
    def next_number(self) -> int:
        """The number of the next marked room; it grows by one per room."""
        return self._next_number

    def __enter__(self) -> Publisher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def fill(self, rooms: int) -> None:
        """Rooms of the background, all of the same looks."""
        for _ in range(rooms):
            self._create("background", time.perf_counter())

    def publish(self, intended_s: float) -> Published:
        """Make one marked room at that moment, or at once if it is over."""
        number = self._next_number
        self._next_number += 1
        return self._create(f"{MARKER}{number:06d}", intended_s)

    def delete(self, rooms: Sequence[Published]) -> None:
        for room in rooms:
            self._request("DELETE", f"/api/rooms/{room.room_id}", room.host_index, None, expected=200)

    def list_bytes(self) -> int:
        """Size of the body of the room list, without compression."""
        self._connection.request("GET", "/api/rooms")
        return len(self._connection.getresponse().read())

    def revision(self) -> int:
        """Of the room list, by its entity tag."""
        self._connection.request("GET", "/api/rooms")
        response = self._connection.getresponse()
        response.read()
        return int((response.getheader("ETag") or "").strip('W/"'))

    def _create(self, map_name: str, intended_s: float) -> Published:
        host = self._next_host
        self._next_host += 1
        body = msgspec.json.encode({"gamemode": GAMEMODE, "mapName": map_name})
        headers = self._headers(host)
        time.sleep(max(0.0, intended_s - time.perf_counter()))
        sent_s = time.perf_counter()
        answer = self._send("POST", "/api/rooms", headers, body, expected=201)
        made = msgspec.json.decode(answer, type=RoomMade)
        return Published(made.room.id, host, intended_s, sent_s, time.perf_counter())

    def _request(self, method: str, path: str, host: int, body: bytes | None, *, expected: int) -> bytes:
        return self._send(method, path, self._headers(host), body, expected=expected)

    def _headers(self, host: int) -> dict[str, str]:
        token = mint_host(self._secret, host).token
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def _send(self, method: str, path: str, headers: dict[str, str], body: bytes | None, *, expected: int) -> bytes:
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != expected:
            raise PublishFailed(f"{method} {path} was answered {response.status}: {answer[:200]!r}")
        return answer


def make_and_delete(publisher: Publisher, *, start_s: float, changes_per_s: float, window_s: float) -> int:
    """A room is made and deleted in turns, at a steady rate. Blocks for the window; returns how many changes that was:
    a whole number, and the interval after each."""
    made: list[Published] = []
    changes = max(1, round(window_s * changes_per_s))
    for number in range(changes):
        time.sleep(max(0.0, start_s + number / changes_per_s - time.perf_counter()))
        if made:
            publisher.delete([made.pop()])
        else:
            made.append(publisher.publish(time.perf_counter()))
    time.sleep(max(0.0, start_s + changes / changes_per_s - time.perf_counter()))
    return changes


def schedule(count: int, *, interval_s: float, start_s: float, jitters: Sequence[float]) -> list[float]:
    """Intended times: one per interval, each moved by its jitter (0 to 1) of a tenth of it.

    Without the jitter a round interval could fall into step with the server's own ticks.
    """
    return [start_s + (number + 0.1 * jitters[number]) * interval_s for number in range(count)]
