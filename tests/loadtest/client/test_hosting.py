"""The host's and the members' calls of a room, against a real server: each does what it says and tells refusals."""

from __future__ import annotations

import time
from collections.abc import Iterator

import jwt
import pytest

from bench.processes.target import Target
from loadtest.client import ApiError, ConnectionManager, Feature, FixedReconnect, HostingApi, KeepAliveHttp, LobbyApi
from lobby_server.protocol import feature_messages, messages
from lobby_server.protocol.message import ServerMessage
from tests.loadtest.fakes import DEADLINE_S, wait_for

pytestmark = pytest.mark.system  # a server as a process


class Player:
    def __init__(self, target: Target, user_id: int, username: str) -> None:
        claims = {"userId": user_id, "username": username, "exp": time.time() + 600, "jti": username}
        self.token = jwt.encode(claims, target.jwt_secret, "HS256")
        self.http = KeepAliveHttp(target.http_url)
        self.rooms = LobbyApi(self.http)
        self.api = HostingApi(self.rooms)
        self.connection = ConnectionManager(
            url=target.ws_url, name=username, reconnect=FixedReconnect(interval_s=0.02), features={Feature.ROOM_STATE}
        )
        self.heard: list[ServerMessage] = []
        self.connection.message_received.connect(self.heard.append)
        self.connection.connect_to_server(self.token)
        assert self.connection.wait_until_connected(DEADLINE_S)

    def hears(self, kind: type[ServerMessage], times: int = 1) -> None:
        wait_for(lambda: sum(isinstance(each, kind) for each in self.heard) >= times, what=kind.__name__)

    def close(self) -> None:
        self.connection.disconnect_from_server()
        self.http.close()


@pytest.fixture
def pair() -> Iterator[tuple[Player, Player]]:
    with Target(flags=["--auth-rate-per-min", "0"]) as target:
        ann, bob = Player(target, 1, "ann"), Player(target, 2, "bob")
        yield ann, bob
        ann.close()
        bob.close()


def test_a_room_from_its_code_to_the_end_of_its_game(pair: tuple[Player, Player]) -> None:
    ann, bob = pair
    room = ann.rooms.create_room(ann.token, gamemode="duel", is_public=False)
    ann.connection.create_room()
    ann.hears(messages.RoomCreated)
    with pytest.raises(ApiError, match="not in that room"):
        bob.api.state(bob.token, room.id)
    assert bob.api.use_code(bob.token, ann.api.state(ann.token, room.id).code.lower()).id == room.id
    bob.connection.join_room(room.id)
    bob.hears(messages.RoomJoined)

    changed = ann.api.change(ann.token, room.id, name="Friday", map_name="harbour", max_players=4, is_public=True)
    assert (changed.name, changed.gamemode, changed.mapName) == ("Friday", "duel", "harbour")
    assert (changed.maxPlayers, changed.isPublic) == (4, True)
    assert ann.api.change(ann.token, room.id, name="").name is None
    with pytest.raises(ApiError) as refused:
        bob.api.change(bob.token, room.id, gamemode="ctf")
    assert refused.value.code == "not_host"

    with pytest.raises(ApiError) as refused:
        ann.api.start(ann.token, room.id)
    assert refused.value.code == "not_all_ready"
    assert bob.api.set_ready(bob.token, room.id, is_ready=True).ready == [2]
    assert bob.api.set_ready(bob.token, room.id, is_ready=False).ready == []
    assert ann.api.start(ann.token, room.id, is_forced=True).isStarted
    bob.hears(feature_messages.RoomStarted)
    assert not ann.api.end_game(ann.token, room.id).isStarted

    assert ann.api.hand_over(ann.token, room.id, peer_id=2).hostPeerId == 2
    bob.hears(messages.HostChanged)
    assert bob.api.hand_over(bob.token, room.id, peer_id=1).hostPeerId == 1
    ann.connection.kick(2)
    bob.hears(messages.Kicked)
    assert [ban.user_id for ban in ann.api.bans(ann.token, room.id).bans] == [2]
    ann.api.unban(ann.token, room.id, 2)
    bob.hears(feature_messages.RoomUnbanned)
    assert ann.api.bans(ann.token, room.id).count == 0
