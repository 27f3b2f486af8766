"""Nodes on hosts of their own (network namespaces) whose links are cut and mended: no split brain, nothing lost."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import websocket

from bench.load.cluster.rooms import listed, missing_and_doubled
from bench.load.sockets.tokens import mint_receiver
from bench.processes.cluster.hosts import CLIENTS, ENGINES, Host, hosts
from bench.processes.cluster.ports import wait_until
from bench.processes.cluster.surroundings import SECRET, surroundings, why_not
from bench.processes.server_flags import lab_flags
from bench.processes.target import Target
from tests.installed import namespaces, needed
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow  # links are cut and databases killed: it wants the machine for itself

NODES = 3
FLAGS = lab_flags(empty_room_ttl_s=3600, node_timeout_s=2)


@dataclass
class Apart:
    """Three nodes, each on a host of its own."""

    hosts: list[Host]
    nodes: list[Target]

    def call(self, at: int, method: str, path: str, user: int, body: Any = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self.hosts[at].address, self.nodes[at].port, timeout=PATIENCE_S)
        try:
            headers = {
                "Authorization": f"Bearer {mint_receiver(SECRET, user).token}",
                "Content-Type": "application/json",
            }
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"{}")
        finally:
            connection.close()

    def make_room(self, at: int, user: int) -> str | None:
        """Its id; None where the node refuses for now."""
        status, answer = self.call(at, "POST", "/api/rooms", user, {"gamemode": "ffa"})
        assert status in (201, 503), answer
        return answer["room"]["id"] if status == 201 else None

    def until_made(self, at: int, user: int) -> str:
        """The id of a room, asked for until the node makes it."""
        made: list[str | None] = [None]

        def is_made() -> bool:
            made[0] = self.make_room(at, user)
            return made[0] is not None

        wait_until(is_made, f"node {at} makes a room", patience_s=PATIENCE_S)
        assert made[0] is not None
        return made[0]

    def rooms(self, at: int) -> tuple[str, list[tuple[str, str]]]:
        return listed(self.nodes[at].port, host=self.hosts[at].address)

    def online(self, at: int) -> set[int]:
        _, answer = self.call(at, "GET", "/api/users/online", 900)
        return {user["user_id"] for user in answer["users"]}

    def connect(self, at: int, user: int) -> websocket.WebSocket:
        url = f"ws://{self.hosts[at].address}:{self.nodes[at].port}/ws"
        socket = websocket.create_connection(url, timeout=PATIENCE_S)
        player = mint_receiver(SECRET, user)
        socket.send(json.dumps({"type": "handshake", "data": {"version": "1", "name": "P", "token": player.token}}))
        assert json.loads(socket.recv())["type"] == "handshake_accepted"
        return socket

    def agree(self) -> None:
        """All nodes come to hold the same rooms and the same users for online."""
        wait_until(
            lambda: len({self.rooms(at)[0] for at in range(NODES)}) == 1, "the same rooms", patience_s=PATIENCE_S
        )
        wait_until(
            lambda: len({frozenset(self.online(at)) for at in range(NODES)}) == 1,
            "the same users",
            patience_s=PATIENCE_S,
        )


def id_of(user: int) -> int:
    return mint_receiver(SECRET, user).user_id


def heard_until(socket: websocket.WebSocket, type_: str, user: int = 0) -> list[tuple[str, int]]:
    """Presence that came until this of that player did, or any message of that type."""
    heard: list[tuple[str, int]] = []
    while True:
        message = json.loads(socket.recv())
        if message["type"] in ("user_online", "user_offline"):
            heard.append((message["type"], message["data"]["user_id"]))
        if message["type"] == type_ and (not user or heard[-1] == (type_, id_of(user))):
            return heard


def heard_so_far(socket: websocket.WebSocket) -> list[tuple[str, int]]:
    """Presence that has come; the server still answers."""
    socket.send(json.dumps({"type": "ping", "data": {}}))
    return heard_until(socket, "pong")


@pytest.fixture
def apart() -> Iterator[Apart]:
    namespaces()
    needed(why_not())
    with (
        hosts(NODES) as made,
        surroundings(also_at=[host.our_address(ENGINES) for host in made]) as place,
        place.nodes(NODES, FLAGS, on=dict(enumerate(made))) as nodes,
    ):
        yield Apart(made, nodes)


def test_node_cut_off_from_valkey_and_the_database_refuses_and_takes_part_again(apart: Apart) -> None:
    watcher, inside = apart.connect(0, 1), apart.connect(2, 2)
    heard_until(watcher, "user_online", 2)
    made = [apart.until_made(at, 10 + at) for at in range(NODES)]
    apart.hosts[2].cut(ENGINES)
    assert heard_until(watcher, "user_offline", 2) == [("user_offline", id_of(2))]
    assert apart.make_room(2, 20) is None, "a node that is cut off answers no command"
    made += [apart.until_made(at, 30 + at) for at in (0, 1)]
    assert set(made[:NODES]) <= {id_ for id_, _ in apart.rooms(2)[1]}, "it serves the list that it has"
    apart.hosts[2].mend(ENGINES)
    assert heard_until(watcher, "user_online", 2) == [("user_online", id_of(2))]
    made.append(apart.until_made(2, 40))
    apart.agree()
    rooms = apart.rooms(1)[1]
    assert missing_and_doubled(made, rooms) == (0, 0)
    assert mint_receiver(SECRET, 20).username not in {host for _, host in rooms}, "what was refused was not made"
    heard_so_far(inside)  # its socket has outlived all that
    inside.close(), watcher.close()


def test_every_node_cut_off_in_turn_and_all_at_once_loses_no_room_and_no_member(apart: Apart) -> None:
    made = [apart.until_made(0, 10)]
    for at in range(NODES):
        apart.hosts[at].cut(ENGINES)
        made.append(apart.until_made((at + 1) % NODES, 20 + at))
        apart.hosts[at].mend(ENGINES)
        made.append(apart.until_made(at, 30 + at))
    for host in apart.hosts:
        host.cut(ENGINES)
    assert [apart.make_room(at, 50 + at) for at in range(NODES)] == [None] * NODES
    for host in apart.hosts:
        host.mend(ENGINES)
    made.append(apart.until_made(1, 60))
    apart.agree()
    assert missing_and_doubled(made, apart.rooms(2)[1]) == (0, 0)


def test_players_cut_off_from_a_node_that_works_are_online_until_it_misses_them(apart: Apart) -> None:
    watcher, gone = apart.connect(0, 1), apart.connect(2, 2)
    heard_until(watcher, "user_online", 2)
    apart.hosts[2].cut(CLIENTS)
    again = apart.connect(1, 2)
    apart.hosts[2].mend(CLIENTS)
    apart.agree()
    assert id_of(2) in apart.online(0)
    assert heard_so_far(watcher) == [], "nobody was told of a player who was there all the time"
    again.close(), watcher.close(), gone.shutdown()
