"""Clients of other libraries: each logs in, hears events, comes back by its own code, and is signed out at log-out."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from bench.processes.target import Target
from tests.clients.outside import Outside, command_of, running
from tests.process.clients import call, connect, register, token_of

pytestmark = pytest.mark.system

CLIENTS = ["ws", "undici", "node", "websockets", "picows"]
USER_ID = 1
"""Of the first account."""


@pytest.mark.parametrize("client", CLIENTS)
def test_client_of_another_library_comes_back_and_is_signed_out(
    client: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    folder = Path(pytestconfig.cache.mkdir("node_clients"))  # type: ignore[union-attr]
    target = Target(data_dir=tmp_path)
    with target.running():
        token = register(target, "ada").body["token"]
        with running(command_of(client, folder, target.ws_url, token)) as outside:
            outside.expect(type="handshake_accepted", user_id=USER_ID)
            hears(target, outside, 70)
            assert target.stop(signal.SIGTERM) == 0
            outside.expect(closed=1001)
            target.start()
            outside.expect(type="handshake_accepted", user_id=USER_ID)
            hears(target, outside, 71)
            target.stop(signal.SIGKILL)
            outside.expect(closed=1006)
            target.start()
            outside.expect(type="handshake_accepted", user_id=USER_ID)
            hears(target, outside, 72)
            assert call(target, "POST", "/api/auth/logout", token=token).status == 204
            outside.expect(closed=4502)
            assert outside.ended() == 0


def hears(target: Target, outside: Outside, user_id: int) -> None:
    """Somebody else comes and goes, of which the client is told."""
    other = connect(target, token_of(target, user_id, f"user{user_id}"))
    outside.expect(type="user_online", user_id=user_id)
    other.close()
    outside.expect(type="user_offline", user_id=user_id)
