"""Nodes that die, freeze or end, and a Valkey that does: what players see of it, over real processes."""

from __future__ import annotations

import itertools
import os
import signal
from typing import Any

import pytest

from bench.processes.target import Target, TargetFailed
from tests.cluster.lobby import LASTING, Lobby, online_at, rooms_at
from tests.process.clients import call, token_of, wait_until
from tests.stopwatch import Stopwatch

pytestmark = pytest.mark.system


def post(node: Target, path: str, user_id: int, body: Any = None) -> Any:
    return call(node, "POST", path, body or {}, token=token_of(node, user_id, f"u{user_id}"))


def status_of(node: Target, path: str) -> int:
    return call(node, "GET", path).status


def members_of(node: Target, user_id: int) -> list[str]:
    answer = call(node, "GET", "/api/rooms/mine", token=token_of(node, user_id, f"u{user_id}"))
    return [] if answer.status != 200 else [member["name"] for member in answer.body["members"]]


def test_players_of_a_killed_node_are_offline_in_one_batch_and_come_back_elsewhere(lobby: Lobby) -> None:
    a, b, c = (lobby.start() for _ in range(3))
    watcher = lobby.connect(b, 1, "presence_batch")
    lost = [lobby.connect(a, 10 + number) for number in range(20)]
    wait_until(lambda: len(online_at(c)) == 21)
    a.kill()
    with Stopwatch(b.pid, c.pid, lobby.engine.pid, in_turn=True) as watch:
        while not (changed := watcher.expect("presence_changed"))["offline"]:
            pass  # what was told of those who came
    assert len(changed["offline"]) == 20
    assert watch.took_s < 15.0  # with nothing else to do within 6 s
    wait_until(lambda: online_at(b) == online_at(c) == [1])
    again = [lobby.connect((b, c)[number % 2], 10 + number) for number in range(20)]
    wait_until(lambda: len(online_at(b)) == len(online_at(c)) == 21)
    made = post(c, "/api/rooms", 10, {"gamemode": "ffa"})
    assert made.status == 201
    wait_until(lambda: len(rooms_at(b)[1]) == 1)
    for socket in (watcher, *again):
        socket.end()
    for socket in lost:
        socket.cut()


@pytest.mark.slow
def test_frozen_node_takes_part_again_with_the_sockets_that_it_holds(lobby: Lobby) -> None:
    a, b = lobby.start(), lobby.start()
    frozen, watcher = lobby.connect(a, 1), lobby.connect(b, 2)
    wait_until(lambda: online_at(b) == [1, 2])
    os.kill(a.pid, signal.SIGSTOP)
    try:
        watcher.expect("user_offline", user_id=1)
        assert online_at(b) == [2]
    finally:
        os.kill(a.pid, signal.SIGCONT)
    watcher.expect("user_online", user_id=1)
    wait_until(lambda: online_at(a) == online_at(b) == [1, 2])
    assert post(a, "/api/rooms", 1, {"gamemode": "ffa"}).status == 201
    watcher.expect("rooms_changed")
    frozen.end(), watcher.end()


def test_valkey_that_dies_and_comes_back_empty_costs_no_socket_room_or_membership(lobby: Lobby) -> None:
    a, b = lobby.start(*LASTING), lobby.start(*LASTING)
    host, guest = lobby.connect(a, 1), lobby.connect(b, 2)
    room_id = post(a, "/api/rooms", 1, {"gamemode": "ffa"}).body["room"]["id"]
    guest.say("join_room", roomId=room_id, version="1", name="P")
    guest.expect("room_joined", roomId=room_id)
    wait_until(lambda: members_of(a, 1) == members_of(b, 1) == ["u1", "u2"])
    lobby.engine.kill()
    wait_until(lambda: post(b, "/api/rooms", 3, {"gamemode": "ffa"}).status == 503)
    wait_until(lambda: post(a, "/api/parties", 1).status == 503)
    host.say("leave_room")
    host.expect("error", reason="try_again_later")
    assert [room["id"] for room in rooms_at(a)[1]] == [room_id]
    wait_until(lambda: status_of(a, "/readyz") == status_of(b, "/readyz") == 503)
    newcomer = lobby.connect(a, 4)
    guest.end()
    lobby.engine.start()
    with Stopwatch(a.pid, b.pid, lobby.engine.pid, in_turn=True) as watch:
        wait_until(lambda: post(b, "/api/rooms", 3, {"gamemode": "ffa"}).status == 201)
    assert watch.took_s < 5.0
    wait_until(lambda: status_of(a, "/readyz") == status_of(b, "/readyz") == 200)
    host.expect("user_offline", user_id=2)
    wait_until(lambda: online_at(a) == online_at(b) == [1, 4])
    wait_until(lambda: members_of(a, 1) == members_of(b, 1) == ["u1"])
    assert host.closed is newcomer.closed is None
    assert len(rooms_at(a)[1]) == len(rooms_at(b)[1]) == 2
    host.end(), newcomer.end()


@pytest.mark.slow
def test_nodes_ended_one_after_the_other_under_players_take_nobody_offline(lobby: Lobby) -> None:
    a, b = lobby.start("--drain-s", "5"), lobby.start("--drain-s", "5")
    watcher, player = lobby.connect(b, 1), lobby.connect(a, 2, "drain")
    room_id = post(b, "/api/rooms", 1, {"gamemode": "ffa"}).body["room"]["id"]
    wait_until(lambda: len(rooms_at(a)[1]) == 1)
    player.say("join_room", roomId=room_id, version="1", name="P")
    player.expect("room_joined")
    watcher.expect("peer_joined")
    assert a.process is not None
    a.process.send_signal(signal.SIGTERM)
    assert player.expect("server_draining")["reconnect_after_ms"] > 0
    assert player.until_closed() == 1012
    again = lobby.connect(b, 2, "drain")
    assert [each["name"] for each in again.expect("room_joined", roomId=room_id)["members"]] == ["u1", "u2"]
    assert a.stop() == 0
    a.start()
    wait_until(lambda: online_at(a) == online_at(b) == [1, 2])
    assert members_of(a, 2) == ["u1", "u2"]
    assert not {type_ for type_, _ in watcher.heard()} & {"user_offline", "peer_left", "host_changed"}
    watcher.end(), again.end()


@pytest.mark.slow
def test_rooms_accounts_and_sign_outs_survive_the_end_of_everything(lobby: Lobby) -> None:
    a, b = lobby.start(), lobby.start()
    registered = call(a, "POST", "/api/auth/register", {"username": "ann", "password": "a password"})
    assert registered.status == 201
    room_id = post(b, "/api/rooms", 1, {"gamemode": "ffa"}).body["room"]["id"]
    assert post(a, "/api/auth/logout", 2).status == 204
    a.kill(), b.kill()
    lobby.engine.restart()
    b.start()
    assert [room["id"] for room in rooms_at(b)[1]] == [room_id]
    assert call(b, "POST", "/api/auth/login", {"username": "ann", "password": "a password"}).status == 200
    assert post(b, "/api/rooms", 2, {"gamemode": "ffa"}).status == 403


@pytest.mark.slow
def test_every_201_is_a_room_on_every_node_and_in_the_database_whatever_is_killed(lobby: Lobby) -> None:
    a, b, c = (lobby.start() for _ in range(3))
    made: set[str] = set()
    user_ids = itertools.count(100)

    def make_rooms(count: int, *nodes: Target) -> None:
        """Ask until so many more were answered with 201."""
        wanted = len(made) + count
        while len(made) < wanted:
            user_id = next(user_ids)
            answer = post(nodes[user_id % len(nodes)], "/api/rooms", user_id, {"gamemode": "ffa"})
            assert answer.status in (201, 503)
            if answer.status == 201:
                made.add(answer.body["room"]["id"])

    make_rooms(30, a, b, c)
    lobby.engine.restart()
    make_rooms(30, a, b, c)
    a.kill()
    make_rooms(30, b, c)
    wait_until(lambda: rooms_at(b) == rooms_at(c))
    listed = [room["id"] for room in rooms_at(b)[1]]
    assert len(listed) == len(set(listed))
    assert made <= set(listed)
    for node in (b, c):
        node.kill()
    lobby.engine.restart()
    b.start()
    assert made <= {room["id"] for room in rooms_at(b)[1]}


def test_notification_that_was_due_as_the_leader_died_is_kept_by_the_next_one(lobby: Lobby) -> None:
    leader, other = lobby.start(), lobby.start()
    receiver = lobby.connect(other, 2)  # whom the lobby knows from now on
    wait_until(lambda: online_at(other) == [2])
    os.kill(leader.pid, signal.SIGSTOP)  # it has the matter in its hands, and does nothing with it any more
    asked = post(other, "/api/friends/requests", 1, {"to_user_id": 2})
    assert asked.status == 201
    leader.kill()

    def kept() -> list[str]:
        answer = call(other, "GET", "/api/notifications", token=token_of(other, 2, "u2"))
        return [each["kind"] for each in answer.body["notifications"]]

    assert receiver.expect("notification")["kind"] == "friend_request"
    assert kept() == ["friend_request"]
    receiver.end()


def test_line_of_chat_that_was_said_as_the_leader_died_is_told_once(lobby: Lobby) -> None:
    leader, other, third = (lobby.start() for _ in range(3))
    sender, hearer = lobby.connect(other, 1, "rev"), lobby.connect(third, 2, "rev")
    wait_until(lambda: online_at(other) == online_at(third) == [1, 2])
    sender.say("chat_message", channel="lobby", text="before")
    assert hearer.expect("chat_message")["text"] == sender.expect("chat_message")["text"] == "before"
    os.kill(leader.pid, signal.SIGSTOP)
    for number in range(3):
        sender.say("chat_message", channel="lobby", text=f"line {number}")
    leader.kill()
    for ear in (sender, hearer):
        assert [ear.expect("chat_message")["text"] for _ in range(3)] == ["line 0", "line 1", "line 2"]
    assert not {type_ for type_, _ in sender.heard()} & {"error", "chat_message"}
    history = call(third, "GET", "/api/chat/lobby", token=token_of(third, 2, "u2")).body["messages"]
    assert [line["text"] for line in history] == ["before", "line 0", "line 1", "line 2"]
    sender.end(), hearer.end()


@pytest.mark.slow
def test_server_without_a_backplane_does_not_join_in_nor_the_other_way_round(lobby: Lobby) -> None:
    node = lobby.start()
    alone = Target(
        data_dir=node.data_dir.parent / "alone",
        flags=["--database-url", lobby.database_url],
        environment=node.environment,
    )
    assert "Another server runs on" in complaint_of(alone)
    node.kill()
    with alone.running():
        assert "Another server runs on" in complaint_of(lobby.new_node())


def complaint_of(target: Target) -> str:
    """What a server says that does not start."""
    with pytest.raises(TargetFailed) as failed, target.running():
        pass
    return str(failed.value)
