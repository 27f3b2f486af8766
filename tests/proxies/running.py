"""Real proxies with the configurations of deploy/: only ports, paths and times are put in for those of a machine."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.processes.cluster.ports import free_port
from tests.installed import program
from tests.patience import PATIENCE_S

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
NGINX_FRAME = """
pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1; {user}
{limits}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/lobby.conf;
}}
"""


def shipped(name: str, changes: Mapping[str, str]) -> str:
    """A file of deploy/ with other ports and paths. Each change has to find its place."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text, f"{name} has no {old!r}"
        text = text.replace(old, new)
    return text


def make_certificate(folder: Path) -> None:
    """cert.pem, key.pem and both.pem, for localhost."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True, timeout=PATIENCE_S,
    )  # fmt: skip
    (folder / "both.pem").write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())


@dataclass
class Proxy:
    """A running proxy in front of a lobby server."""

    name: str
    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    reload_command: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"https://localhost:{self.port}"

    def tls(self, *protocols: str) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context

    def reload(self) -> None:
        """As an operator does after a change of the configuration."""
        if self.reload_command:
            subprocess.run(
                self.reload_command,
                check=True,
                capture_output=True,
                timeout=PATIENCE_S,
                env={**os.environ, **self.environment},
            )
        else:
            self._reload_haproxy()

    def _reload_haproxy(self) -> None:
        """By a signal, again until its master says so: it drops those that come while it is still starting."""
        output = self.folder / "output"
        before, deadline_s = output.read_text().count("Reloading HAProxy"), time.monotonic() + PATIENCE_S
        while output.read_text().count("Reloading HAProxy") == before:
            assert time.monotonic() < deadline_s, output.read_text()
            self.process.send_signal(signal.SIGUSR2)
            time.sleep(0.2)

    def workers(self) -> set[int]:
        """Process ids of those that the proxy's master started."""
        pid = self.process.pid
        return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}

    def wait_until_open(self) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            assert self.process.poll() is None, (self.folder / "output").read_text()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            assert time.monotonic() < deadline_s, f"{self.name} does not listen"
            time.sleep(0.02)


@contextlib.contextmanager
def running(
    name: str, *, lobby_port: int, folder: Path, changes: Mapping[str, str] | None = None, prefix: Sequence[str] = ()
) -> Iterator[Proxy]:
    """nginx, haproxy or caddy in front of the server on that port. `changes`: of the shipped file, besides ports.
    `prefix`: a command that runs the proxy."""
    make_certificate(folder)
    port = free_port()
    start = {"nginx": _nginx, "haproxy": _haproxy, "caddy": _caddy}[name]
    command, reload_command, environment = start(folder, port, lobby_port, dict(changes or {}))
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [*prefix, *command], stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **environment}, cwd=folder
        )
    proxy = Proxy(name, folder, port, process, reload_command, environment)
    try:
        proxy.wait_until_open()
        yield proxy
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE_S)


Start = tuple[list[str], list[str], dict[str, str]]


def _nginx(folder: Path, port: int, lobby_port: int, changes: dict[str, str]) -> Start:
    binary = program("nginx", package="nginx")
    places = {
        "listen 443": f"listen 127.0.0.1:{port}",
        "play.example;": "localhost;",
        "127.0.0.1:30820": f"127.0.0.1:{lobby_port}",
        "/etc/ssl/play.example.crt": str(folder / "cert.pem"),
        "/etc/ssl/play.example.key": str(folder / "key.pem"),
    }
    text = shipped("nginx/lobby.conf", {**changes, **places})
    (folder / "lobby.conf").write_text(text)
    user = "user root;" if os.geteuid() == 0 else ""
    limits = "\n".join(re.findall(r"^#     (.*)$", text, re.MULTILINE))  # what its head wants in nginx.conf
    (folder / "nginx.conf").write_text(NGINX_FRAME.format(folder=folder, user=user, limits=limits))
    base = [binary, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    return [*base, "-g", "daemon off;"], [*base, "-s", "reload"], {}


def _haproxy(folder: Path, port: int, lobby_port: int, changes: dict[str, str]) -> Start:
    binary = program("haproxy", package="haproxy")
    places = {
        "bind :443": f"bind 127.0.0.1:{port}",
        "/etc/haproxy/play.example.pem": str(folder / "both.pem"),
        "127.0.0.1:30820": f"127.0.0.1:{lobby_port}",
        "inter 2s": "inter 100ms",
        "timeout connect 5s": "timeout connect 5s\n    timeout check 30s",  # else it is as long as the interval
        "log /dev/log": "log stdout format raw",
    }
    (folder / "haproxy.cfg").write_text(shipped("haproxy/haproxy.cfg", {**changes, **places}))
    return [binary, "-W", "-db", "-f", str(folder / "haproxy.cfg")], [], {}


def _caddy(folder: Path, port: int, lobby_port: int, changes: dict[str, str]) -> Start:
    binary = program("caddy", package="caddy")
    admin = f"127.0.0.1:{free_port()}"
    places = {"play.example {": f"https://localhost:{port} {{\n\tbind 127.0.0.1\n\ttls cert.pem key.pem\n"}
    options = f"{{\n\tadmin {admin}\n\tauto_https disable_redirects\n}}\n"
    (folder / "Caddyfile").write_text(options + shipped("caddy/Caddyfile", {**changes, **places}))
    environment = {"LOBBY_UPSTREAM": f"127.0.0.1:{lobby_port}", "HOME": str(folder), "XDG_DATA_HOME": str(folder),
                   "XDG_CONFIG_HOME": str(folder)}  # fmt: skip
    base = ["--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    # --force: an unchanged file would be no reload
    return [binary, "run", *base], [binary, "reload", *base, "--address", admin, "--force"], environment
