"""What the lab does while a swarm plays reaches those who hold a socket, against a real server."""

from __future__ import annotations

import json

import pytest
from websockets.sync.client import connect

from bench.load.occasions import OccasionFailed, announce, invite
from bench.load.sockets.tokens import CLIENT_VERSION, mint_receiver
from bench.processes.target import Target
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.system


def test_announcement_and_invitation_reach_the_player_they_are_for() -> None:
    with Target(flags=("--log-level", "warning")) as server:
        player = mint_receiver(server.jwt_secret, 0)
        with connect(server.ws_url, open_timeout=PATIENCE_S) as socket:
            hello = {"version": CLIENT_VERSION, "name": player.username, "token": player.token}
            socket.send(json.dumps({"type": "handshake", "data": hello}))
            heard: list[str] = []

            def hear(what: str) -> None:
                while what not in heard:
                    heard.append(json.loads(socket.recv(timeout=PATIENCE_S))["type"])

            hear("handshake_accepted")
            announce(server.port, server.jwt_secret)
            hear("announcement")
            assert invite(server.port, server.jwt_secret, [10**9, player.user_id]) == 1, "nobody has the other id"
            hear("match_invite")


def test_secret_of_another_server_announces_nothing() -> None:
    with (
        Target(flags=("--log-level", "warning")) as server,
        pytest.raises(OccasionFailed, match="/api/announcements was answered 403"),
    ):
        announce(server.port, "of another server, 32 bytes long!")
