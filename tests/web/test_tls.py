"""The general way in, through Tornado's own WebSocket: TLS. What the base protocol says holds there too."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from lobby_server.announce import announce
from lobby_server.settings import SettingsError
from tests.installed import program
from tests.patience import PATIENCE_S
from tests.web.conftest import Client, Lobby, StartLobby

CERTS = Path(__file__).parent / "certs"
"""A self-signed pair for localhost, of the tests alone."""


async def connect(lobby: Lobby) -> Client:
    trusting = ssl.create_default_context(cafile=str(CERTS / "cert.pem"))
    request = HTTPRequest(f"wss://localhost:{lobby.server.port}/ws", ssl_options=trusting)
    client = Client(await websocket_connect(request))
    lobby.clients.append(client)
    return client


async def test_lobby_behind_tls_speaks_the_same_protocol(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(tls_cert=str(CERTS / "cert.pem"), tls_key=str(CERTS / "key.pem"), address="localhost")
    assert lobby.server.start_line.startswith("listening on https://localhost:")
    ann, bob = await connect(lobby), await connect(lobby)
    assert (await ann.handshake(lobby.token(1, "ann")))["type"] == "handshake_accepted"
    await ann.fence()
    assert (await bob.handshake("nonsense"))["data"] == {"reason": "invalid_token"}
    assert (await bob.handshake(lobby.token(2, "bob")))["type"] == "handshake_accepted"
    await ann.expect("user_online", user_id=2)
    bob.connection.close()
    await ann.expect("user_offline", user_id=2)
    await ann.send("x" * 5000)
    assert await ann.closed() == 1009


async def test_certificate_that_cannot_be_read_is_one_sentence(start_lobby: StartLobby, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--tls-cert"):
        await start_lobby(tls_cert=str(tmp_path / "none.pem"), tls_key=str(tmp_path / "none.pem"))


WRONG_PAIRS = {
    "no certificate": ((CERTS / "key.pem", CERTS / "key.pem"), "key.pem holds no certificate in PEM form"),
    "no key": ((CERTS / "cert.pem", CERTS / "cert.pem"), "cert.pem holds no key in PEM form"),
    "another key": ((CERTS / "cert.pem", "EC -pkeyopt ec_paramgen_curve:prime256v1"), "the key does not belong"),
    "a key of another kind": ((CERTS / "cert.pem", "RSA -pkeyopt rsa_keygen_bits:2048"), "the key does not belong"),
    "a key with a password": ((CERTS / "cert.pem", "RSA -aes128 -pass pass:abcd"), "the key is encrypted"),
    "a folder": ((CERTS, CERTS / "key.pem"), "Is a directory"),
}


def make_key(path: Path, *, how: str) -> Path:
    command = [program("openssl", package="openssl"), "genpkey", "-outform", "PEM", "-algorithm", *how.split()]
    subprocess.run([*command, "-out", path], check=True, capture_output=True, timeout=PATIENCE_S)
    return path


@pytest.mark.parametrize("name", WRONG_PAIRS)
async def test_files_that_are_no_pair_are_told_for_what_they_are(
    name: str, start_lobby: StartLobby, tmp_path: Path
) -> None:
    (certificate, key), sentence = WRONG_PAIRS[name]
    if isinstance(key, str):
        key = make_key(tmp_path / "other.pem", how=key)
    with pytest.raises(SettingsError, match=f"{sentence}.*: check --tls-cert and --tls-key"):
        await start_lobby(tls_cert=str(certificate), tls_key=str(key))


async def test_announcement_from_the_command_line_reaches_a_server_behind_tls(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(tls_cert=str(CERTS / "cert.pem"), tls_key=str(CERTS / "key.pem"))
    ann = Client(await websocket_connect(_request(lobby)))
    lobby.clients.append(ann)
    await ann.handshake(lobby.token(1, "ann"))
    settings = replace(lobby.server.settings, port=lobby.server.port)
    assert await asyncio.to_thread(lambda: announce(settings, title="T", body="B")) == 1
    assert (await ann.expect("announcement"))["body"] == "B"


def _request(lobby: Lobby) -> HTTPRequest:
    trusting = ssl.create_default_context(cafile=str(CERTS / "cert.pem"))
    trusting.check_hostname = False  # the pair is for localhost
    return HTTPRequest(f"wss://127.0.0.1:{lobby.server.port}/ws", ssl_options=trusting)
