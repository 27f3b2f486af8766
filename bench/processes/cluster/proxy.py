"""HAProxy before the nodes of a lobby, which it asks for their readiness, as deploy/haproxy does."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.processes.cluster.ports import free_port, wait_until

NO_PROXY = "there is no HAProxy: install haproxy"

CONFIGURATION = """
global
    maxconn {most}
defaults
    mode http
    timeout http-request 10s
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout tunnel 120s
    option redispatch
    retries 2
frontend lobby
    bind 127.0.0.1:{port}
    option forwardfor
    default_backend lobby
backend lobby
    balance leastconn
    option httpchk GET /healthz
    default-server check inter 500ms fall 2 rise 1
{servers}
"""


def find_haproxy() -> str | None:
    return shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def running_haproxy(program: str, nodes: Sequence[tuple[str, int]], *, most: int = 9_000) -> Iterator[int]:
    """In front of the nodes at these addresses and ports; the port that it listens on. Raises `NotInTime`.

    A node is asked whether it lives, not whether it is ready: when Valkey is away none is, and all serve their sockets.
    """
    port = free_port()
    servers = "\n".join(f"    server node{number} {host}:{at}" for number, (host, at) in enumerate(nodes))
    with tempfile.TemporaryDirectory(prefix="lobby-haproxy-") as folder:
        configuration = Path(folder) / "haproxy.cfg"
        configuration.write_text(CONFIGURATION.format(most=most, port=port, servers=servers), encoding="utf-8")
        with (Path(folder) / "output").open("wb") as output:
            process = subprocess.Popen(
                [program, "-db", "-f", str(configuration)], stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        try:
            wait_until(lambda: _listens(port), "HAProxy listens")
            yield port
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
