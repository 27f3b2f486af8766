"""Two network namespaces joined by veth pairs, so that what goes over each can be counted as a network would carry it.

The loopback has an MTU of 65,536 and hands over whole buffers; these links have 1500 and no offloads, so every packet
is one. Needs root on Linux; whoever has neither does without (`can_have`), and the model stands alone. Namespaces are
removed with the block, and those of runs that were killed when the next one begins.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

PREFIX = "lobby-bench"
MTU_BYTES = 1500
ETHERNET_BYTES = 14
"""Header of a frame, which the counters of an interface have in them and the model has not."""

NAMED = Path("/run/netns")
CLONE_NEWNET = 0x40000000

SIOCETHTOOL = 0x8946
OFFLOADS = {
    "generic segmentation": 0x24,
    "TCP segmentation": 0x1F,
    "generic receive": 0x2C,
    "scatter-gather": 0x19,
    "transmit checksums": 0x17,
    "receive checksums": 0x15,
}
"""`ETHTOOL_SGSO` and the like of linux/ethtool.h."""


class NamespaceFailed(RuntimeError):
    """A namespace could not be made or entered; the text is the tool's."""


class LinkCount(NamedTuple):
    """What an interface has carried so far."""

    received_bytes: int
    received_packets: int
    sent_bytes: int
    sent_packets: int

    def since(self, earlier: LinkCount) -> LinkCount:
        return LinkCount(*(now - then for now, then in zip(self, earlier, strict=True)))

    @property
    def packets(self) -> int:
        return self.received_packets + self.sent_packets

    @property
    def ip_bytes(self) -> int:
        """Both directions, without Ethernet's headers."""
        return self.received_bytes + self.sent_bytes - ETHERNET_BYTES * self.packets


@dataclass(frozen=True)
class Namespaces:
    """Names to start processes in, and an address of the server for every link."""

    server: str
    clients: str
    links: int

    def server_address(self, link: int) -> str:
        return f"10.{64 + link // 4096}.{link // 16 % 256}.{link % 16 * 16 + 1}"

    def interface(self, link: int) -> str:
        """The clients' end."""
        return f"c{link}"


def can_have() -> bool:
    """Whether this process may make namespaces here."""
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("ip") is not None


@contextlib.contextmanager
def linked(links: int) -> Iterator[Namespaces]:
    """Two namespaces with so many links. Raises `NamespaceFailed`."""
    _remove_orphans()
    names = Namespaces(f"{PREFIX}-{os.getpid()}-s", f"{PREFIX}-{os.getpid()}-c", links)
    try:
        for name in (names.server, names.clients):
            _ip(f"netns add {name}")
        for name in (names.server, names.clients):
            _without_ipv6(name)
        _make_links(names)
        for name in (names.server, names.clients):
            _in_namespace(name, _switch_offloads_off)
        yield names
    finally:
        for name in (names.server, names.clients):
            with contextlib.suppress(NamespaceFailed):
                _ip(f"netns del {name}")


def enter(name: str) -> None:
    """Move the calling thread, and what it starts from now on, into a namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with (NAMED / name).open("rb") as handle:
        if libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
            raise NamespaceFailed(f"namespace {name} cannot be entered: {os.strerror(ctypes.get_errno())}")


def in_namespace(name: str) -> list[str]:
    """What a command begins with that is to run there; its process id stays the one that was started."""
    return ["ip", "netns", "exec", name]


def read_links() -> dict[str, LinkCount]:
    """The counters of all interfaces of the calling thread's namespace."""
    counts = {}
    for line in Path("/proc/thread-self/net/dev").read_text().splitlines()[2:]:
        name, _, rest = line.partition(":")
        fields = [int(each) for each in rest.split()]
        counts[name.strip()] = LinkCount(fields[0], fields[1], fields[8], fields[9])
    return counts


def _make_links(names: Namespaces) -> None:
    """All links, with hardware addresses that both ends know: nobody has to ask for them while packets are counted."""
    links = range(names.links)
    addresses = [names.server_address(link) for link in links]
    peers = [f"{head}.{int(tail) + 1}" for head, _, tail in (each.rpartition(".") for each in addresses)]
    _batch(
        [
            f"link add s{link} netns {names.server} mtu {MTU_BYTES} address {_hardware(0, link)} type veth "
            f"peer name {names.interface(link)} netns {names.clients} mtu {MTU_BYTES} address {_hardware(1, link)}"
            for link in links
        ]
    )
    for side, name in enumerate((names.server, names.clients)):
        devices = [names.interface(link) if side else f"s{link}" for link in links]
        own, other = (peers, addresses) if side else (addresses, peers)
        lines = ["link set lo up"]
        for link, device in enumerate(devices):
            lines += [
                f"address add {own[link]}/30 dev {device}",
                f"link set {device} up",
                f"neighbour add {other[link]} lladdr {_hardware(1 - side, link)} dev {device} nud permanent",
            ]
        _batch(lines, "-n", name)


def _hardware(side: int, link: int) -> str:
    """A locally administered address."""
    return f"02:00:00:{side:02x}:{link >> 8:02x}:{link & 255:02x}"


def _batch(lines: Sequence[str], *options: str) -> None:
    text = "".join(f"{line}\n" for line in lines)
    done = subprocess.run(["ip", *options, "-batch", "-"], input=text, capture_output=True, text=True)
    if done.returncode:
        raise NamespaceFailed(f"ip: {done.stderr.strip()}")


def _ip(command: str) -> None:
    done = subprocess.run(["ip", *command.split()], capture_output=True, text=True)
    if done.returncode:
        raise NamespaceFailed(f"ip {command}: {done.stderr.strip()}")


def _without_ipv6(name: str) -> None:
    """No router solicitations and group reports among what is counted."""

    def switch_off() -> None:
        for scope in ("all", "default"):
            with contextlib.suppress(OSError):  # a kernel without IPv6 sends none
                Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6").write_text("1")

    _in_namespace(name, switch_off)


def _switch_offloads_off() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        for _, name in socket.if_nameindex():
            if name == "lo":
                continue
            for command in OFFLOADS.values():
                value = ctypes.create_string_buffer(struct.pack("II", command, 0))
                request = struct.pack("16sP", name.encode(), ctypes.addressof(value))
                with contextlib.suppress(OSError):  # one that this kernel's veth has not
                    fcntl.ioctl(handle, SIOCETHTOOL, request)


def _in_namespace(name: str, act: object) -> None:
    """Do something in a thread of its own there; the thread ends with it."""
    assert callable(act)

    def there() -> None:
        enter(name)
        act()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(there).result()


def _remove_orphans() -> None:
    """Namespaces whose run is no more."""
    for path in NAMED.glob(f"{PREFIX}-*") if NAMED.exists() else ():
        pid = path.name.split("-")[-2]
        if not Path(f"/proc/{pid}").exists():
            with contextlib.suppress(NamespaceFailed):
                _ip(f"netns del {path.name}")
