"""The swarm's times against packets on the loopback: from each SYN to the 101 that answers its upgrade.

It needs the right to capture packets, and takes a while.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.processes.target import Target
from loadtest.client.sockets.arrival import SO_TIMESTAMPNS
from tests.loadtest.swarms import Nursery

PLAYERS = 300
SO_RCVBUFFORCE = 33
BUFFER_BYTES = 64 * 1024 * 1024
"""Whatever else goes over the loopback meanwhile has to be looked at, too."""
ETH_P_ALL, ETH_P_IP = 3, b"\x08\x00"
TCP = 6
SYN, ACK = 0x02, 0x10


class Capture(threading.Thread):
    """The times of SYN and 101, by the client's address and port."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.settimeout(0.2)
        self._socket.bind(("lo", 0))
        self._has_ended = False
        self.asked_s: dict[bytes, float] = {}
        self.answered_s: dict[bytes, float] = {}

    def run(self) -> None:
        while not self._has_ended:
            try:
                data, control, _, address = self._socket.recvmsg(200, 64)
            except TimeoutError:
                continue
            if address[2] != socket.PACKET_OUTGOING and data[12:14] == ETH_P_IP and data[23] == TCP:
                seconds, nanoseconds = struct.unpack_from("@qq", control[0][2])
                self._take(data, seconds + nanoseconds * 1e-9)
        self._socket.close()

    def end(self) -> list[float]:
        """Milliseconds from SYN to 101, in order."""
        self._has_ended = True
        self.join(5)
        both = self.asked_s.keys() & self.answered_s.keys()
        return sorted((self.answered_s[one] - self.asked_s[one]) * 1000 for one in both)

    def _take(self, data: bytes, at_s: float) -> None:
        tcp = 14 + (data[14] & 0x0F) * 4
        source, destination = struct.unpack_from("!HH", data, tcp)
        flags, payload = data[tcp + 13], tcp + (data[tcp + 12] >> 4) * 4
        if destination == self._port and flags & SYN and not flags & ACK:
            self.asked_s.setdefault(data[26:30] + data[tcp : tcp + 2], at_s)
        elif source == self._port and data[payload : payload + 12] == b"HTTP/1.1 101":
            self.answered_s.setdefault(data[30:34] + data[tcp + 2 : tcp + 4], at_s)


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as target:
        yield target


@pytest.mark.slow
def test_the_time_of_an_upgrade_is_the_one_on_the_wire_however_many_wait_for_an_opener(
    target: Target, tmp_path: Path
) -> None:
    try:
        capture = Capture(target.port)
    except (PermissionError, AttributeError):
        pytest.skip("this user may not capture packets")
    capture.start()
    with Nursery(tmp_path) as nursery:
        done = nursery.run(
            "--host", target.http_url, "--jwt-secret", target.jwt_secret, "-u", PLAYERS, "-r", 1000, "-t", "8s",
            "--mix", "browser=1", "--seed", 1, "--run-dir", tmp_path,
        )  # fmt: skip
    wire_ms = capture.end()
    run = json.loads((tmp_path / "run.json").read_text())
    upgrade = next(row for row in run["metrics"] if row["name"] == "upgrade")
    assert 0.95 * PLAYERS <= len(wire_ms) <= PLAYERS + 2, done.errors  # the check before the run opens one, too
    for percent, name in ((50, "p50_ms"), (99, "p99_ms")):
        known_ms = wire_ms[min(len(wire_ms) - 1, len(wire_ms) * percent // 100)]
        assert upgrade[name] == pytest.approx(known_ms, rel=0.1, abs=2.0), name
