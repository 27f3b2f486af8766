"""A long line between two network namespaces: each packet arrives so much later, as from another continent.

Between two TUN devices (tuntap.rst of the kernel's documentation) stands this process, and hands each packet over when
its time has come. TCP is the kernel's at both ends, so it knows of the way what it would know of a real one. It needs
root on Linux, and takes a few hundred packets per second.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.processes.namespaces import can_have, enter, in_namespace

_TUN, _SET_INTERFACE = Path("/dev/net/tun"), 0x400454CA
_IS_TUN, _NO_HEADER = 0x0001, 0x1000
_DEVICE = "line"
_ADDRESSES = ("10.99.0.1", "10.99.0.2")
_PACKET_BYTES = 2048
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True)
class Line:
    server_address: str
    server_side: Sequence[str]
    """What a command begins with that is to run there."""
    players_side: Sequence[str]
    took_s: list[float]
    """Of each packet, to the other end: this process may be late."""


def why_not() -> str:
    """Why there can be none here; empty: there can."""
    return "" if can_have() and _TUN.exists() else "a line of its own needs root on Linux, ip(8) and TUN"


@contextlib.contextmanager
def long_line(*, one_way_s: float) -> Iterator[Line]:
    names = [f"lobby-line-{os.getpid()}-{side}" for side in ("s", "c")]
    ends: list[int] = []
    try:
        for name, address in zip(names, _ADDRESSES, strict=True):
            _ip("netns", "add", name)
            with ThreadPoolExecutor(1) as inside:
                ends.append(inside.submit(_open_there, name).result())
            for command in ("link set lo up", f"address add {address}/30 dev {_DEVICE}", f"link set {_DEVICE} up"):
                _ip("-n", name, *command.split())
        line = Line(_ADDRESSES[0], *map(in_namespace, names), took_s=[])
        with _carrying(ends, one_way_s, line.took_s):
            yield line
    finally:
        for end in ends:
            os.close(end)
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


@contextlib.contextmanager
def _carrying(ends: Sequence[int], one_way_s: float, took_s: list[float]) -> Iterator[None]:
    is_over = threading.Event()
    thread = threading.Thread(target=_carry, args=(ends, one_way_s, took_s, is_over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _carry(ends: Sequence[int], one_way_s: float, took_s: list[float], is_over: threading.Event) -> None:
    under_way: deque[tuple[float, int, bytes]] = deque()
    """In the order of their arrival: when that is, at which end, and the packet."""
    to_other = dict(zip(ends, reversed(ends), strict=True))
    while not is_over.is_set():
        wait_s = min(_LOOK_EVERY_S, max(0.0, under_way[0][0] - time.monotonic())) if under_way else _LOOK_EVERY_S
        ready, _, _ = select.select(ends, [], [], wait_s)
        now_s = time.monotonic()
        for end in ready:
            under_way.append((now_s + one_way_s, to_other[end], os.read(end, _PACKET_BYTES)))
        while under_way and under_way[0][0] <= now_s:
            due_s, end, packet = under_way.popleft()
            took_s.append(one_way_s + time.monotonic() - due_s)
            with contextlib.suppress(OSError):  # the other side is going down
                os.write(end, packet)


def _open_there(name: str) -> int:
    enter(name)
    device = os.open(_TUN, os.O_RDWR | os.O_CLOEXEC)
    fcntl.ioctl(device, _SET_INTERFACE, struct.pack("16sH22x", _DEVICE.encode(), _IS_TUN | _NO_HEADER))
    return device


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
