"""Signals to a real process: SIGHUP reads files again, SIGUSR1 opens the log again, SIGUSR2 tells figures."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import time
from pathlib import Path

import jwt
import pytest
import websocket

from bench.processes.target import Target
from tests.patience import PATIENCE_S
from tests.process.clients import call, close_code_of, connect, log_lines, token_of, wait_until

pytestmark = pytest.mark.system

OLD, NEW = "an older secret, thirty-two bytes or more", "the newest secret, thirty-two bytes or more"


def make_certificate(folder: Path, name: str) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True, timeout=PATIENCE_S,
    )  # fmt: skip


def certificate_of(port: int) -> str:
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=PATIENCE_S)


def token(secret: str) -> str:
    return jwt.encode({"userId": 7, "username": "ann", "exp": time.time() + 600}, secret, "HS256")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_signal_ends_nobodys_connection(number: signal.Signals, tmp_path: Path) -> None:
    target = Target(data_dir=tmp_path)
    with target.running():
        client = connect(target, token_of(target, 1, "ann"))
        os.kill(target.pid, number)
        assert call(target, "GET", "/healthz").status == 200
        client.send('{"type":"ping","data":{}}')
        while json.loads(client.recv())["type"] != "pong":
            pass
        os.kill(target.pid, signal.SIGTERM)
        assert close_code_of(client) == 1001
        assert target.process is not None
        assert target.process.wait(PATIENCE_S) == 0


def test_sighup_takes_new_secrets_and_leaves_them_when_they_are_unusable(tmp_path: Path) -> None:
    secrets, log = tmp_path / "secrets", tmp_path / "server.log"
    secrets.write_text(OLD + "\n")
    target = Target(data_dir=tmp_path, flags=["--jwt-secret-file", str(secrets), "--log-format", "json"])
    target.environment["LOBBY_JWT_SECRET"] = ""

    def status_with(secret: str) -> int:
        return call(target, "GET", "/api/auth/verify", token=token(secret)).status

    def reload(event: str, *, times: int) -> None:
        os.kill(target.pid, signal.SIGHUP)
        wait_until(lambda: len(log_lines(log, event)) == times)

    with target.running():
        assert (status_with(OLD), status_with(NEW)) == (200, 403)
        secrets.write_text(f"{NEW}\n{OLD}\n")
        reload("reloaded", times=1)
        assert (status_with(OLD), status_with(NEW)) == (200, 200)
        fresh = call(target, "POST", "/api/auth/refresh", token=token(OLD)).body["token"]
        jwt.decode(fresh, NEW, algorithms=["HS256"])
        secrets.write_text("short\n")
        reload("reload_failed", times=1)
        assert (status_with(OLD), status_with(NEW)) == (200, 200)
        secrets.write_text(f"{NEW}\n")
        reload("reloaded", times=2)
        assert (status_with(OLD), status_with(NEW)) == (403, 200)
    assert OLD not in log.read_text()
    assert NEW not in log.read_text()


def test_sighup_takes_a_new_certificate_and_leaves_it_when_key_and_certificate_do_not_fit(tmp_path: Path) -> None:
    make_certificate(tmp_path, "first.example")
    log = tmp_path / "server.log"
    files = ["--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem")]
    target = Target(data_dir=tmp_path, flags=[*files, "--log-format", "json"])
    with target.running():
        first = certificate_of(target.port)
        make_certificate(tmp_path, "second.example")
        second = (tmp_path / "cert.pem").read_text()
        os.kill(target.pid, signal.SIGHUP)
        wait_until(lambda: any("certificate" in line["message"] for line in log_lines(log, "reloaded")))
        assert certificate_of(target.port).split() == second.split() != first.split()
        key = (tmp_path / "key.pem").read_text()
        make_certificate(tmp_path, "third.example")
        (tmp_path / "key.pem").write_text(key)
        os.kill(target.pid, signal.SIGHUP)
        wait_until(lambda: log_lines(log, "reload_failed"))
        assert certificate_of(target.port).split() == second.split()


def test_sigusr1_opens_the_log_file_again_after_it_was_moved_away(tmp_path: Path) -> None:
    log, old = tmp_path / "lobby.log", tmp_path / "lobby.log.1"
    target = Target(data_dir=tmp_path, flags=["--log-file", str(log), "--log-format", "json"])
    with target.running():
        assert len(log_lines(log, "started")) == 1
        log.rename(old)
        os.kill(target.pid, signal.SIGUSR1)
        wait_until(log.exists)
        os.kill(target.pid, signal.SIGUSR2)
        wait_until(lambda: log_lines(log, "figures"))
    assert log_lines(log, "figures")[0]["sockets"] == 0
    assert log_lines(log, "drained")
    assert not log_lines(old, "drained")


def test_readiness_goes_before_the_port_closes(tmp_path: Path) -> None:
    """With a longer delay where this machine took longer than the delay to look."""
    for delay_s in (1.5, 10.0, 60.0):
        target = Target(data_dir=tmp_path / f"{delay_s:g}", flags=["--shutdown-delay-s", f"{delay_s:g}"])
        with target.running():
            began_s = time.monotonic()
            try:
                client = served_before_the_end(target)
            except (AssertionError, OSError, ValueError, websocket.WebSocketException):
                if time.monotonic() - began_s < delay_s:
                    raise
                continue
            assert close_code_of(client) == 1001
            assert target.process is not None
            assert target.process.wait(PATIENCE_S) == 0
            return
    pytest.fail("nobody was served in a minute")


def served_before_the_end(target: Target) -> websocket.WebSocket:
    """A socket that was opened after readiness had gone: who is still sent here is served."""
    os.kill(target.pid, signal.SIGTERM)
    wait_until(lambda: call(target, "GET", "/readyz").status == 503)
    client = connect(target, token_of(target, 1, "ann"))
    try:
        assert call(target, "GET", "/api/rooms").status == 200
    except BaseException:
        client.shutdown()
        raise
    return client


def test_variable_with_a_typing_error_is_warned_of(tmp_path: Path) -> None:
    target = Target(data_dir=tmp_path, flags=["--log-format", "json"], environment={"LOBBY_MAX_CONECTIONS": "5"})
    with target.running():
        (warning,) = log_lines(target.log_path, "unknown_variable")
    assert warning["level"] == "warning"
    assert "LOBBY_MAX_CONNECTIONS" in warning["message"]
