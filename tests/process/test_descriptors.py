"""A process that may have fewer files open than it is asked to have connections."""

from __future__ import annotations

import contextlib
import resource
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.processes.target import Target
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.system

CERTS = Path(__file__).parents[1] / "web" / "certs"
TLS = ("--tls-cert", str(CERTS / "cert.pem"), "--tls-key", str(CERTS / "key.pem"))
PATIENT = ("--handshake-timeout-s", "600")
"""None of the silent ones ends by itself."""
FILES = 300
MORE_THAN_FIT = 400


@contextlib.contextmanager
def connections(target: Target, count: int, first: bytes) -> Iterator[list[socket.socket]]:
    """Connections that say something, and then nothing more."""
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(count):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", target.port), timeout=PATIENCE_S))
            with contextlib.suppress(OSError):  # the oldest have to give way
                sock.sendall(first)
            opened.append(sock)
        yield opened


def ask(target: Target, request: bytes, *, tls: bool) -> bytes:
    """The first bytes of the answer."""
    with contextlib.ExitStack() as stack:
        address = ("127.0.0.1", target.port)
        sock: socket.socket = stack.enter_context(socket.create_connection(address, timeout=PATIENCE_S))
        if tls:
            context = ssl.create_default_context(cafile=str(CERTS / "cert.pem"))
            context.check_hostname = False
            sock = stack.enter_context(context.wrap_socket(sock))
        sock.sendall(request)
        return sock.recv(4096)


UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
READY = b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("tls", [False, True], ids=["bare", "tls"])
def test_more_silent_connections_than_descriptors_keep_nobody_out_and_fill_no_log(tmp_path: Path, tls: bool) -> None:
    prefix = ("prlimit", f"--nofile={FILES}:{FILES}")
    with Target(data_dir=tmp_path / "data", flags=(*PATIENT, *(TLS if tls else ())), prefix=prefix) as target:
        half = b"\x16\x03\x01\x02\x00" if tls else b"GET /ws HTTP/1.1\r\nHost: x\r\n"
        with connections(target, MORE_THAN_FIT, half):
            assert ask(target, READY, tls=tls).startswith(b"HTTP/1.1 200")
            assert ask(target, UPGRADE, tls=tls).startswith(b"HTTP/1.1 101")
        log = target.log_path.read_text()
    assert f"this process may have {FILES} files open" in log
    assert "Traceback" not in log
    assert len(log.splitlines()) < 30


def test_sockets_over_what_fits_are_refused_with_503_and_the_health_still_answers(tmp_path: Path) -> None:
    prefix = ("prlimit", f"--nofile={FILES}:{FILES}")
    with Target(data_dir=tmp_path / "data", flags=PATIENT, prefix=prefix) as target:
        with connections(target, MORE_THAN_FIT, UPGRADE) as opened:
            answers = []
            for sock in opened:
                answers.append(sock.recv(12))
            assert set(answers) == {b"HTTP/1.1 101", b"HTTP/1.1 503"}
            assert 100 < answers.count(b"HTTP/1.1 101") < FILES
            assert ask(target, READY, tls=False).startswith(b"HTTP/1.1 200")
            assert ask(target, UPGRADE, tls=False).startswith(b"HTTP/1.1 503")
        assert "Traceback" not in target.log_path.read_text()


def test_limit_is_raised_in_one_place_and_no_further_than_is_needed(tmp_path: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    prefix = ("prlimit", f"--nofile=128:{hard}")
    with Target(data_dir=tmp_path / "data", flags=("--max-connections", "300"), prefix=prefix) as target:
        soft, kept = resource.prlimit(target.pid, resource.RLIMIT_NOFILE)
    assert kept == hard
    assert 300 < soft < 600
