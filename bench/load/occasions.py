"""What the players of a swarm do not do themselves: an announcement to all, and invitations to a match.

Sent over HTTP while the swarm plays; the swarm counts what its players hear of it.
"""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from contextlib import closing

import msgspec

from bench.load.sockets.tokens import mint_admin, mint_host
from bench.processes.lab import HOST
from lobby_server.protocol.resources import RoomMade

REQUEST_TIMEOUT_S = 10.0
CREATED = (200, 201, 202)


class OccasionFailed(RuntimeError):
    """The server did not take one of them."""


def announce(port: int, secret: str) -> None:
    """One announcement to everybody. Raises `OccasionFailed` and `OSError`."""
    with closing(http.client.HTTPConnection(HOST, port, timeout=REQUEST_TIMEOUT_S)) as connection:
        _post(connection, "/api/announcements", mint_admin(secret).token, {"title": "lab", "body": "an announcement"})


def invite(port: int, secret: str, user_ids: Sequence[int]) -> int:
    """Invite users to a room that is made for it; how many invitations were taken, for those who hold no socket get
    none. Raises `OccasionFailed` and `OSError`."""
    token = mint_host(secret, 0).token
    with closing(http.client.HTTPConnection(HOST, port, timeout=REQUEST_TIMEOUT_S)) as connection:
        answer = _post(connection, "/api/rooms", token, {"gamemode": "deathmatch", "mapName": "invitation"})
        room = msgspec.json.decode(answer, type=RoomMade).room.id
        taken = 0
        for user_id in user_ids:
            try:
                _post(connection, f"/api/rooms/{room}/invites", token, {"to_user_id": user_id})
            except OccasionFailed:
                continue
            taken += 1
    return taken


def _post(connection: http.client.HTTPConnection, path: str, token: str, body: dict[str, object]) -> bytes:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("POST", path, msgspec.json.encode(body), headers)
    response = connection.getresponse()
    answer = response.read()
    if response.status not in CREATED:
        raise OccasionFailed(f"POST {path} was answered {response.status}: {answer[:200]!r}")
    return answer
