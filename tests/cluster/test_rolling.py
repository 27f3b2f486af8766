"""All nodes of a lobby are restarted, one after the other, under players who keep rooms, presence and chat."""

from __future__ import annotations

import signal
import time
from collections import Counter
from typing import Any

import pytest

from bench.processes.target import Target
from tests.cluster.lobby import Lobby, Socket, online_at, rooms_at
from tests.process.clients import call, token_of, wait_until

pytestmark = [pytest.mark.system, pytest.mark.slow]

PLAYERS = 9
FEATURES = ("drain", "rooms_delta", "presence_batch")


class View:
    """What a player holds to be true, over all of its sockets."""

    def __init__(self) -> None:
        self.revision = 0
        self.rooms: set[str] = set()
        self.offline: list[int] = []
        """Whom it was ever told to be offline."""
        self.lines: Counter[str] = Counter()

    def take(self, type_: str, data: Any) -> None:
        if type_ == "rooms_snapshot":
            self.revision, self.rooms = data["rev"], {room["id"] for room in data["rooms"]}
        elif type_ == "rooms_delta":
            assert data["base"] == self.revision, "a delta was lost, or came twice"
            self.revision = data["rev"]
            self.rooms = (self.rooms | {room["id"] for room in data["set"]}) - set(data["gone"])
        elif type_ == "presence_changed":
            self.offline += [user["user_id"] for user in data["offline"]]
        elif type_ == "chat_message":
            self.lines[data["text"]] += 1


class PlayerSocket(Socket):
    """Whatever it hears goes into the view of its player."""

    def __init__(self, node: Target, user_id: int, view: View) -> None:
        self._view = view
        super().__init__(node, user_id, f"u{user_id}", *FEATURES)

    def _next(self, patience_s: float) -> Any:
        message = super()._next(patience_s)
        if message is not None:
            self._view.take(message["type"], message["data"])
        return message


class Player:
    def __init__(self, user_id: int, node: Target) -> None:
        self.user_id = user_id
        self.view = View()
        self.come_to(node)

    def come_to(self, node: Target) -> None:
        self.node = node
        self.socket = PlayerSocket(node, self.user_id, self.view)

    def is_fresh(self) -> bool:
        """Whether it holds what its node answers."""
        time.sleep(0.2)  # whoever pings without pause is told that they do, in place of a pong
        self.socket.heard()
        etag, rooms = rooms_at(self.node)
        return self.view.rooms == {room["id"] for room in rooms} and etag == f'"{self.view.revision}"'


def test_nodes_restarted_in_turn_take_nobody_offline_and_lose_no_event_and_no_member(lobby: Lobby) -> None:
    flags = "--drain-s", "5", "--empty-room-ttl-s", "600", "--heartbeat-timeout-s", "600"
    nodes = [lobby.start(*flags) for _ in range(3)]
    players = [Player(1 + number, nodes[number % 3]) for number in range(PLAYERS)]
    wait_until(lambda: all(len(online_at(node)) == PLAYERS for node in nodes))
    host, *members = players[:3]  # of a node each
    room_id = make_room(host.node, host.user_id)
    for member in members:
        member.socket.say("join_room", roomId=room_id, version="1", name="P")
        member.socket.expect("room_joined", roomId=room_id)
    for number, node in enumerate(nodes):
        leaving = [player for player in players if player.node is node]
        staying = [player for player in players if player.node is not node]
        staying[0].socket.say("chat_message", channel="lobby", text=f"before {number}")
        for player in players:
            player.socket.expect("chat_message", text=f"before {number}")
        assert node.process is not None
        node.process.send_signal(signal.SIGTERM)
        slots = [player.socket.expect("server_draining")["reconnect_after_ms"] for player in leaving]
        assert len(set(slots)) == len(leaving) >= PLAYERS // 3
        assert [player.socket.until_closed() for player in leaving] == [1012] * len(leaving)
        make_room(staying[0].node, 100 + number)
        staying[0].socket.say("chat_message", channel="lobby", text=f"meanwhile {number}")
        for player in staying:
            player.socket.expect("chat_message", text=f"meanwhile {number}")
        others = [other for other in nodes if other is not node]
        for place, player in enumerate(leaving):
            player.come_to(others[place % 2])
        assert node.stop() == 0
        node.start()
        wait_until(lambda node=node: call(node, "GET", "/readyz").status == 200)  # type: ignore[misc]
        for player in leaving[: len(leaving) // 2]:  # some move to the node that is back
            before = player.socket
            player.come_to(node)
            before.end()
    assert len(rooms_at(nodes[0])[1]) == 4
    for player in players:
        wait_until(player.is_fresh)
        assert player.view.offline == []
        told = {text: times for text, times in player.view.lines.items() if times > 1}
        assert told == {}
    for node in nodes:
        assert online_at(node) == sorted(player.user_id for player in players)
        answer = call(node, "GET", "/api/rooms/mine", token=token_of(node, host.user_id, f"u{host.user_id}"))
        assert [member["name"] for member in answer.body["members"]] == ["u1", "u2", "u3"]
    for player in players:
        player.socket.end()


def make_room(node: Target, user_id: int) -> str:
    made = call(node, "POST", "/api/rooms", {"gamemode": "ffa"}, token=token_of(node, user_id, f"u{user_id}"))
    assert made.status == 201
    room_id: str = made.body["room"]["id"]
    return room_id
