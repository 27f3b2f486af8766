"""CPU, waiting and memory of the processes of a bench, over a stretch of it."""

from __future__ import annotations

import time
from pathlib import Path

from bench.processes.cpu import read_cpu
from bench.record.findings import Stretch

QUIET_S = 0.3
QUIET_SHARE = 0.05
"""Of a core."""
LOOK_EVERY_S = 0.05


class Watch:
    """Begins when it is made; `stretch` says what was used until then."""

    def __init__(self, server_pid: int, generator_pid: int) -> None:
        self._server_pid, self._generator_pid = server_pid, generator_pid
        self._server, self._generator = read_cpu(server_pid), read_cpu(generator_pid)
        self._start_s = time.perf_counter()

    def stretch(self) -> Stretch:
        wall_s = time.perf_counter() - self._start_s
        server = read_cpu(self._server_pid).since(self._server)
        generator = read_cpu(self._generator_pid).since(self._generator)
        return Stretch(
            wall_s=wall_s,
            server_cpu_s=server.used_s,
            server_wait_s=server.waited_s,
            generator_cpu_s=generator.used_s,
            generator_wait_s=generator.waited_s,
        )


def until_quiet(pid: int, *, most_s: float) -> bool:
    """Return once a process uses next to nothing of a core for `QUIET_S`. False: it still works after `most_s`."""
    began_s = since_s = time.perf_counter()
    used_s = read_cpu(pid).used_s
    while time.perf_counter() < since_s + QUIET_S:
        time.sleep(LOOK_EVERY_S)
        before_s, used_s = used_s, read_cpu(pid).used_s
        if used_s - before_s > QUIET_SHARE * LOOK_EVERY_S:
            since_s = time.perf_counter()
        if time.perf_counter() > began_s + most_s:
            return False
    return True


def resident_kib(pid: int, *, peak: bool = False) -> int:
    """``VmRSS`` of a process, or the most that it ever was (``VmHWM``); Linux only."""
    return _field(Path(f"/proc/{pid}/status"), "VmHWM:" if peak else "VmRSS:")


def socket_memory_kib() -> float:
    """Memory in buffers of all TCP sockets of this machine."""
    for line in Path("/proc/net/sockstat").read_text().splitlines():
        if line.startswith("TCP:"):
            return int(line.split()[-1]) * 4.0
    return 0.0


def slab_kib() -> int:
    """Memory of the kernel's own structures, sockets and their files among them."""
    return _field(Path("/proc/meminfo"), "Slab:")


def _field(path: Path, name: str) -> int:
    for line in path.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0
