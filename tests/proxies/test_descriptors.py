"""The proxies of deploy/ start whatever the limit of descriptors is, and take as many clients as it allows."""

from __future__ import annotations

import contextlib
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nobody import refusing_port
from tests.patience import PATIENCE_S
from tests.process.clients import wait_until
from tests.proxies.clients import call
from tests.proxies.running import Proxy, running

pytestmark = pytest.mark.system

PER_CLIENT = 2
"""Descriptors of a proxy: one to the client, one to the server."""
OWN = 100
"""What a proxy has open beside its clients, at most."""


@contextlib.contextmanager
def haproxy(folder: Path, *, limit: int, at_most: int | None = None) -> Iterator[Proxy]:
    """Before a port at which nobody listens. `limit`: of its descriptors, by the system; `at_most`: by its own file."""
    changes = {"global\n    log": f"global\n    stats socket {folder}/socket\n    log"}
    if at_most is not None:
        changes["fd-hard-limit 100100"] = f"fd-hard-limit {at_most}"
    prefix = ("prlimit", f"--nofile={limit}:{limit}")
    with (
        refusing_port() as nobody,
        running("haproxy", lobby_port=nobody, folder=folder, changes=changes, prefix=prefix) as proxy,
    ):
        yield proxy


def most_clients(proxy: Proxy) -> int:
    """That HAProxy says it takes."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE_S)
        client.connect(str(proxy.folder / "socket"))
        client.sendall(b"show info\n")
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    (most,) = (line.split(b": ")[1] for line in answer.splitlines() if line.startswith(b"Maxconn: "))
    return int(most)


@pytest.mark.parametrize("share", [1, 8])
def test_haproxy_takes_as_many_clients_as_the_limit_of_descriptors_allows(tmp_path: Path, share: int) -> None:
    limit = min(100_100, resource.getrlimit(resource.RLIMIT_NOFILE)[1]) // share
    with haproxy(tmp_path, limit=limit) as proxy:
        assert (limit - OWN) // PER_CLIENT <= most_clients(proxy) <= limit // PER_CLIENT


def test_haproxy_takes_no_more_than_its_file_says_where_the_limit_is_higher(tmp_path: Path) -> None:
    with haproxy(tmp_path, limit=1_200, at_most=600) as proxy:
        assert (600 - OWN) // PER_CLIENT <= most_clients(proxy) <= 600 // PER_CLIENT


def test_nginx_starts_with_the_lines_for_many_clients_where_the_limit_is_lower(tmp_path: Path) -> None:
    prefix = ("prlimit", "--nofile=1024:1024")
    with (
        refusing_port() as nobody,
        running("nginx", lobby_port=nobody, folder=tmp_path, prefix=prefix) as proxy,
    ):
        text = (tmp_path / "nginx.conf").read_text()
        assert "worker_rlimit_nofile" in text
        assert "worker_connections" in text
        wait_until(proxy.workers)
        assert call(proxy, "GET", "/api/rooms").status == 502  # by nginx itself, as nobody is behind it
