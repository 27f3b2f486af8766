"""Ports that processes come back to."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from bench.processes.cluster import ports
from bench.processes.cluster.ports import free_port, hold_port
from tests.patience import PATIENCE_S


def kernel_begins_at(first: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "range").write_text(f"{first}\t60999\n")
    monkeypatch.setattr(ports, "_RANGE", folder / "range")


def test_port_is_none_that_the_kernel_gives_to_a_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel_begins_at(12_000, tmp_path, monkeypatch)
    found = {free_port() for _ in range(20)}
    assert all(10_000 <= port < 12_000 for port in found)
    assert len(found) > 1


def test_port_that_somebody_listens_at_is_not_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(ports, "_LOWEST", port)
        monkeypatch.setattr(ports, "_TRIES", 1)
        kernel_begins_at(port + 1, tmp_path, monkeypatch)
        assert free_port() != port


def test_port_is_none_that_browsers_do_not_connect_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_LOWEST", 10_080)
    monkeypatch.setattr(ports, "_TRIES", 1)
    kernel_begins_at(10_081, tmp_path, monkeypatch)
    assert free_port() != 10_080


@pytest.mark.parametrize("text", ["1024\t65535\n", "", None], ids=["from 1024", "empty", "not told"])
def test_port_is_one_of_the_kernel_s_where_those_begin_low(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if text is not None:
        (tmp_path / "range").write_text(text)
    monkeypatch.setattr(ports, "_RANGE", tmp_path / "range")
    with socket.create_server(("127.0.0.1", free_port())):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the port is given to nobody beside who holds it")
def test_port_that_is_held_refuses_connections_is_given_to_nobody_and_taken_by_who_asks_for_it() -> None:
    with hold_port() as holder:
        port = holder.getsockname()[1]
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))
            with pytest.raises(OSError, match="in use"), socket.socket() as other:
                other.bind(("127.0.0.1", port))
            with (
                socket.create_server(("127.0.0.1", port)) as server,
                socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S),
            ):
                server.accept()[0].close()
