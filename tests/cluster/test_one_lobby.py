"""Three real processes are one lobby: whatever a client does on one node, clients hear and find on every other."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import websocket

from bench.processes.target import Target
from tests.cluster.lobby import Lobby, online_at, rooms_at
from tests.patience import PATIENCE_S
from tests.process.clients import call, connect, register, shake_hands, token_of, wait_until
from tests.stopwatch import Stopwatch

pytestmark = pytest.mark.system

ROOT = Path(__file__).parent.parent.parent


def post(node: Target, path: str, user_id: int, body: Any = None, *, name: str = "", method: str = "POST") -> Any:
    token = token_of(node, user_id, name or f"u{user_id}")
    return call(node, method, path, None if method == "GET" else body or {}, token=token)


def test_presence_is_one_and_a_second_tab_on_another_node_changes_nothing(three: Lobby) -> None:
    a, b, c = three.nodes
    watcher = three.connect(c, 100)
    first, second = three.connect(a, 101), three.connect(b, 101)
    watcher.expect("user_online", user_id=101)
    assert {100, 101} <= set(online_at(a)) & set(online_at(b)) & set(online_at(c))
    first.end()
    time.sleep(0.1)
    assert not [each for each in watcher.heard() if each[0] == "user_offline"]
    second.end()
    watcher.expect("user_offline", user_id=101)
    watcher.end()


def test_room_made_on_one_node_is_entered_by_way_of_another_and_known_to_the_third(three: Lobby) -> None:
    a, b, c = three.nodes
    host, guest, watcher = three.connect(a, 110), three.connect(b, 111), three.connect(c, 112)
    made = post(b, "/api/rooms", 110, {"gamemode": "ffa"})
    assert made.status == 201
    room_id = made.body["room"]["id"]
    watcher.expect("rooms_changed")
    assert [room["id"] for room in rooms_at(b)[1]][:1] == [room_id]  # what is answered is so on the node that answers
    host.say("create_room")
    host.expect("room_created", roomId=room_id)
    guest.say("join_room", roomId=room_id, version="1", name="P")
    assert [each["name"] for each in guest.expect("room_joined", roomId=room_id)["members"]] == ["u110", "u111"]
    host.expect("peer_joined", name="u111")
    guest.say("chat", text="hello")
    assert host.expect("chat")["text"] == "hello"
    assert guest.expect("chat")["fromName"] == "u111"
    wait_until(lambda: call(c, "GET", f"/api/rooms/{room_id}").body["current_players"] == 2)
    host.say("kick", peerId=2)
    guest.expect("kicked")
    wait_until(lambda: call(c, "GET", f"/api/rooms/{room_id}").body["current_players"] == 1)
    guest.say("join_room", roomId=room_id, version="1", name="P")
    guest.expect("error", reason="banned")
    assert post(c, f"/api/rooms/{room_id}", 110, method="DELETE").status == 200
    wait_until(lambda: call(a, "GET", f"/api/rooms/{room_id}").status == 404)
    for socket in (host, guest, watcher):
        socket.end()


def test_revision_and_etag_are_the_same_on_every_node(three: Lobby) -> None:
    a, b, c = three.nodes
    room_id = post(a, "/api/rooms", 120, {"gamemode": "ffa"}).body["room"]["id"]
    wait_until(lambda: len({rooms_at(node)[0] for node in (a, b, c)}) == 1)
    etag, _ = rooms_at(a)
    assert [status_of_unchanged(node, etag) for node in (b, c)] == [304, 304]
    ear = three.connect(b, 121, "rev")
    post(c, f"/api/rooms/{room_id}", 120, method="DELETE")
    while ear.expect("rooms_changed")["rev"] <= int(etag.strip('"')):
        pass  # of the room that was made: this node tells of it at its own pace
    ear.end()


def status_of_unchanged(node: Target, etag: str) -> int:
    """Of the answer to somebody who has the list of that ETag."""
    request = urllib.request.Request(node.http_url + "/api/rooms", headers={"If-None-Match": etag})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answered:
            return int(answered.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def test_what_one_node_has_answered_is_so_on_every_other_at_once(three: Lobby) -> None:
    a, b, c = three.nodes
    ear = three.connect(c, 127, "rev")
    for _ in range(8):
        room_id = post(a, "/api/rooms", 126, {"gamemode": "ffa"}).body["room"]["id"]
        assert call(b, "GET", f"/api/rooms/{room_id}").status == 200
        assert room_id in [room["id"] for room in rooms_at(c)[1]]
        revision = ear.expect("rooms_changed")["rev"]
        etag, _ = rooms_at(b)
        assert int(etag.strip('"')) >= revision
        assert post(b, f"/api/rooms/{room_id}", 126, method="DELETE").status == 200
        assert call(c, "GET", f"/api/rooms/{room_id}").status == 404
        party_id = post(c, "/api/parties", 126).body["party"]["id"]
        assert post(a, f"/api/parties/{party_id}/invites", 126, {"to_user_id": 127}).status == 201
        assert post(b, f"/api/parties/{party_id}/leave", 126).status == 200
    ear.end()


def test_token_that_one_node_has_signed_out_is_refused_by_every_other_at_once(three: Lobby) -> None:
    a, *others = three.nodes
    for letter in "abcd":
        token = register(a, f"leaves_{letter}").body["token"]
        assert [call(node, "GET", "/api/auth/verify", token=token).status for node in others] == [200, 200]
        assert call(a, "POST", "/api/auth/logout", token=token).status == 204
        assert [call(node, "GET", "/api/auth/verify", token=token).status for node in others] == [403, 403]


def test_account_that_is_deleted_on_all_nodes_at_once_goes_once_and_leaves_no_token_of_a_log_in(three: Lobby) -> None:
    for letter in "ab":
        name = f"deleted_{letter}"
        token = register(three.nodes[0], name).body["token"]
        credentials = {"username": name, "password": "a password"}
        with ThreadPoolExecutor(9) as pool:
            deletions, log_ins = [], []
            for node in three.nodes:
                body = {"password": "a password"}
                log_ins += [pool.submit(call, node, "POST", "/api/auth/login", credentials) for _ in range(2)]
                deletions.append(pool.submit(call, node, "POST", "/api/account/delete", body, token=token))
        answers = [each.result() for each in deletions]
        assert sorted(answer.body.get("code", "") for answer in answers) == ["", "invalid_token", "invalid_token"]
        tokens = [each.result().body["token"] for each in log_ins if each.result().status == 200]
        for node in three.nodes:
            for each in (token, *tokens):
                assert call(node, "GET", "/api/auth/verify", token=each).status == 403
                socket = connect(node)
                assert shake_hands(socket, each)["data"] == {"reason": "invalid_token"}
                socket.close()


def test_second_room_of_a_host_is_refused_on_whichever_node(three: Lobby) -> None:
    a, b, _ = three.nodes
    room_id = post(a, "/api/rooms", 125, {"gamemode": "ffa"}).body["room"]["id"]
    wait_until(lambda: call(b, "GET", f"/api/rooms/{room_id}").status == 200)
    again = post(b, "/api/rooms", 125, {"gamemode": "ffa"})
    assert (again.status, again.body["code"], again.body["existing_room_id"]) == (409, "already_hosting", room_id)
    post(a, f"/api/rooms/{room_id}", 125, method="DELETE")


def test_party_invitation_and_room_of_a_party_cross_nodes(three: Lobby) -> None:
    a, b, c = three.nodes
    leader, guest, host = three.connect(a, 130), three.connect(b, 131, "rev"), three.connect(c, 132)
    party_id = post(b, "/api/parties", 130).body["party"]["id"]
    wait_until(lambda: post(c, "/api/parties/mine", 130, method="GET").body["party"] is not None)
    assert post(c, f"/api/parties/{party_id}/invites", 130, {"to_user_id": 131}).status == 201
    guest.expect("party_invite", party_id=party_id)
    guest.expect("notification", kind="party_invite")
    assert post(b, f"/api/parties/{party_id}/join", 131).status == 200
    leader.expect("party_joined", user_id=131)
    guest.expect("party_invite_closed", reason="accepted")
    room_id = post(c, "/api/rooms", 132, {"gamemode": "ffa"}).body["room"]["id"]
    wait_until(lambda: call(a, "GET", f"/api/rooms/{room_id}").status == 200)
    entered = post(a, f"/api/rooms/{room_id}/party", 130)
    assert (entered.status, entered.body["user_ids"]) == (200, [130, 131])
    leader.expect("room_joined", roomId=room_id)
    guest.expect("room_joined", roomId=room_id)
    assert {host.expect("peer_joined")["name"] for _ in range(2)} == {"u130", "u131"}
    for socket in (leader, guest, host):
        socket.end()


def test_friends_ask_each_other_on_two_nodes_and_hear_of_each_other(three: Lobby) -> None:
    a, b, c = three.nodes
    one, other = three.connect(a, 140), three.connect(b, 141)
    wait_until(lambda: {140, 141} <= set(online_at(c)))
    asked = post(c, "/api/friends/requests", 140, {"to_user_id": 141})
    assert asked.status == 201
    request_id = other.expect("friend_request", from_user_id=140)["request_id"]
    assert post(b, f"/api/friends/requests/{request_id}/accept", 141).status == 200
    one.expect("friend_accepted", user_id=141)
    other.expect("friend_accepted", user_id=140)
    wait_until(lambda: post(c, "/api/friends", 140, method="GET").body["count"] == 1)
    one.end(), other.end()


def test_lobby_chat_is_heard_in_one_order_and_its_ids_go_up(three: Lobby) -> None:
    a, b, c = three.nodes
    ears = [three.connect(node, 150 + number, "rev") for number, node in enumerate((a, b, c))]
    for number in range(12):
        ears[number % 3].say("chat_message", channel="lobby", text=f"line {number}")
    heard = [[ear.expect("chat_message") for _ in range(12)] for ear in ears]
    assert heard[0] == heard[1] == heard[2]
    ids = [line["id"] for line in heard[0]]
    assert ids == sorted(set(ids))
    assert {line["text"] for line in heard[0]} == {f"line {number}" for number in range(12)}
    history = post(b, "/api/chat/lobby", 150, method="GET").body["messages"]
    assert [line["id"] for line in history][-12:] == ids
    for ear in ears:
        ear.end()


def test_direct_line_reaches_the_other_on_another_node_and_waits_for_one_who_is_offline(three: Lobby) -> None:
    a, b, c = three.nodes
    ann, bob = three.connect(a, 160, "rev"), three.connect(b, 161, "rev")
    wait_until(lambda: {160, 161} <= set(online_at(a)))
    ann.say("chat_message", channel="user:161", text="hi")
    assert bob.expect("chat_message", channel="user:160")["text"] == "hi"
    assert ann.expect("chat_message", channel="user:161")["text"] == "hi"
    asked = post(c, "/api/friends/requests", 160, {"to_user_id": 161})
    assert asked.status == 201
    bob.expect("notification", kind="friend_request")
    bob.end()
    ann.expect("user_offline", user_id=161)
    post(c, f"/api/friends/requests/{asked.body['request']['request_id']}/accept", 161)
    ann.expect("notification", kind="friend_accepted")
    ann.say("chat_message", channel="user:161", text="are you there?")
    ann.expect("chat_message", channel="user:161")
    again = three.connect(c, 161, "rev")

    def kept() -> list[str]:  # told when bob is back already, found in the list otherwise
        answer = post(c, "/api/notifications", 161, method="GET")
        return [each["body"] for each in answer.body["notifications"] if each["kind"] == "direct_message"]

    wait_until(lambda: kept() == ["are you there?"])
    ann.end(), again.end()


def test_block_set_by_way_of_one_node_holds_on_every_other_until_it_is_lifted(three: Lobby) -> None:
    a, b, c = three.nodes
    ann, bob, ear = three.connect(a, 165, "rev"), three.connect(b, 166, "rev"), three.connect(c, 167, "rev")
    wait_until(lambda: {165, 166, 167} <= set(online_at(c)))
    assert post(c, "/api/blocks", 165, {"user_id": 166}).status == 201
    assert post(b, "/api/blocks", 165, method="GET").body["count"] == 1
    bob.say("chat_message", channel="lobby", text="not for ann")
    bob.say("chat_message", channel="user:165", text="nor this")
    assert ear.expect("chat_message")["text"] == "not for ann"
    assert bob.expect("chat_message", channel="user:165")["text"] == "nor this"  # to him it looks sent
    assert post(b, "/api/blocks/166", 165, method="DELETE").status == 200
    bob.say("chat_message", channel="lobby", text="for all")
    assert ann.expect("chat_message")["text"] == ear.expect("chat_message")["text"] == "for all"
    for socket in (ann, bob, ear):
        socket.end()


def test_sign_out_closes_sockets_on_every_node_within_a_second(three: Lobby) -> None:
    a, b, c = three.nodes
    sockets = [three.connect(node, 170) for node in (a, b, c)]
    wait_until(lambda: 170 in online_at(c))
    with Stopwatch(three.engine.pid, *(node.pid for node in three.nodes), in_turn=True) as watch:
        assert post(b, "/api/auth/logout", 170).status == 204
        assert [socket.until_closed() for socket in sockets] == [4502] * 3
    assert watch.took_s < 1.0
    for node in (a, b, c):
        assert post(node, "/api/rooms", 170, {"gamemode": "ffa"}).status == 403


def test_announcement_is_told_to_clients_of_every_node(three: Lobby) -> None:
    a, b, _ = three.nodes
    ears = [three.connect(node, 180 + number) for number, node in enumerate(three.nodes)]
    token = token_of(a, 189, "boss", role="admin")
    assert call(b, "POST", "/api/announcements", {"title": "T", "body": "B"}, token=token).status == 201
    assert [ear.expect("announcement")["body"] for ear in ears] == ["B"] * 3
    for ear in ears:
        ear.end()


def test_limit_of_chat_holds_over_all_nodes_of_a_user(three: Lobby) -> None:
    other = three.connect(three.nodes[0], 191)
    sockets = [three.connect(node, 190, "rev") for node in three.nodes]
    began_s = time.monotonic()
    for number in range(15):  # ten in one burst are allowed, and one more each second
        sockets[number % 3].say("chat_message", channel="user:191", text=f"line {number}")
    heard: list[list[tuple[str, Any]]] = [[] for _ in sockets]
    give_up_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up_s:
        for number, socket in enumerate(sockets):
            heard[number] += socket.heard()
        lines = [data for type_, data in heard[0] if type_ == "chat_message"]
        errors = [data["reason"] for each in heard for type_, data in each if type_ == "error"]
        if len(lines) + len(errors) >= 15:
            break
        time.sleep(0.2)  # a socket that pings without pause is told that it does, in place of a pong
    assert 10 <= len(lines) <= 10 + int(time.monotonic() - began_s)
    assert errors == ["rate_limited"] * (15 - len(lines))
    for socket in (other, *sockets):
        socket.end()


def test_every_metric_of_nodes_has_its_row_and_says_that_all_is_well(three: Lobby) -> None:
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \|", page.split("\n## Several nodes\n")[1].split("\n## ")[0], re.MULTILINE)
    for node in three.nodes:
        with urllib.request.urlopen(node.http_url + "/metrics", timeout=PATIENCE_S) as response:
            lines = response.read().decode().splitlines()
        values = {line.split()[0]: float(line.split()[1]) for line in lines if not line.startswith("#")}
        figures = {name for name in values if name.startswith(("lobby_nodes", "lobby_backplane_"))}
        assert {name for name in figures if not name.endswith("_created")} == set(rows)
        assert (values["lobby_nodes"], values["lobby_backplane_away"]) == (3, 0)
        assert values["lobby_backplane_lag_entries"] <= 5
        assert values["lobby_backplane_entries_total"] > 10


def test_operations_page_of_any_node_shows_all_of_them(three: Lobby) -> None:
    ear = three.connect(three.nodes[0], 195)
    for node in three.nodes:
        socket = websocket.create_connection(node.ws_url.replace("/ws", "/ops/socket"), timeout=PATIENCE_S)
        token = token_of(node, 199, "boss", role="admin")
        data = {"version": "ops", "name": "ops", "token": token}
        socket.send(json.dumps({"type": "handshake", "data": data}))
        rows: list[dict[str, Any]] = []
        give_up_s = time.monotonic() + PATIENCE_S
        while sorted(row["sessions"] or 0 for row in rows) != [0, 0, 1] or None in [row["sessions"] for row in rows]:
            assert time.monotonic() < give_up_s, rows
            message = json.loads(socket.recv())
            rows = message["data"]["nodes"] if message["type"] == "ops_nodes" else rows
        assert [row["role"] for row in rows] == ["leads", "follows", "follows"]
        assert sum(row["sessions"] for row in rows) == 1
        assert all(row["lag_entries"] <= 5 and row["lag_ms"] < 5000 and row["waiting"] >= 0 for row in rows)
        assert len({row["name"] for row in rows}) == 3
        socket.close()
    ear.end()


def test_command_nodes_lists_them(three: Lobby) -> None:
    node = three.nodes[0]
    command = [sys.executable, "-m", "lobby_server", *node.flags, "nodes"]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE_S, env={**os.environ, **node.environment}, check=True
    )
    rows = [line.split("\t") for line in ended.stdout.splitlines()]
    assert [row[3] for row in rows] == ["leads", "follows", "follows"]
    assert {row[4].rsplit(":", 1)[1] for row in rows} == {str(each.port) for each in three.nodes}


def test_room_that_a_friend_hides_on_one_node_is_hidden_on_every_other(three: Lobby) -> None:
    a, b, c = three.nodes
    host, friend = three.connect(a, 195), three.connect(b, 196, "friend_rooms")
    post(a, "/api/friends/requests", 195, {"to_user_id": 196})
    post(b, "/api/friends/requests", 196, {"to_user_id": 195})
    room_id = post(a, "/api/rooms", 195, {"gamemode": "ffa"}).body["room"]["id"]
    friend.expect("friend_room", user_id=195, room_id=room_id)
    assert post(c, "/api/account", 195, {"whereabouts": "nobody"}, method="PATCH").status == 200
    friend.expect("friend_room", user_id=195, room_id=None)
    for node in (a, b, c):
        assert post(node, "/api/friends/rooms", 196, method="GET").body == {"rooms": []}
        assert post(node, "/api/account", 195, method="GET").body["whereabouts"] == "nobody"
    for socket in (host, friend):
        socket.end()


def test_block_on_one_node_is_told_to_the_other_device_of_its_user_on_another(three: Lobby) -> None:
    a, b, c = three.nodes
    phone, blocked = three.connect(b, 290, "own_changes"), three.connect(c, 291, "own_changes")
    token = token_of(a, 290, "u290")
    assert call(a, "POST", "/api/blocks", {"user_id": 291}, token=token).status == 201
    phone.expect("user_blocked", user_id=291, username="u291")
    assert call(a, "DELETE", "/api/blocks/291", token=token).status == 200
    phone.expect("user_unblocked", user_id=291)
    assert not [type_ for type_, _ in blocked.heard() if type_.startswith("user_") and "block" in type_]
    phone.end(), blocked.end()
