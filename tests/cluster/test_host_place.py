"""After every node of a lobby has ended, the host's place is kept for the host, on whichever node they come back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from bench.processes.target import Target
from tests.cluster.lobby import Lobby, rooms_at
from tests.process.clients import call, token_of, wait_until

pytestmark = pytest.mark.system

HOST, GUEST = 1, 2


def host_at(node: Target) -> list[str]:
    """Of each room of the public list."""
    return [room["host_username"] for room in rooms_at(node)[1]]


def start_together(*nodes: Target) -> None:
    """Neither takes up the lobby long before the other."""
    with ThreadPoolExecutor(len(nodes)) as pool:
        for started in [pool.submit(node.start) for node in nodes]:
            started.result()


def is_left(node: Target) -> bool:
    """Whether the nodes know that the sockets of their earlier lives are gone."""
    return [room["current_players"] for room in rooms_at(node)[1]] == [0]


@pytest.mark.parametrize("is_log_kept", [True, False], ids=["log-kept", "log-lost"])
def test_host_keeps_the_place_after_all_nodes_ended_though_a_guest_comes_first_on_another_node(
    lobby: Lobby, is_log_kept: bool
) -> None:
    a, b = lobby.start(), lobby.start()
    host, guest = lobby.connect(a, HOST), lobby.connect(b, GUEST)
    made = call(a, "POST", "/api/rooms", {"gamemode": "ffa"}, token=token_of(a, HOST, f"u{HOST}"))
    room_id = made.body["room"]["id"]
    host.say("create_room")
    host.expect("room_created")
    guest.say("join_room", roomId=room_id, version="1", name="P")
    guest.expect("room_joined")
    host.expect("peer_joined")
    a.kill(), b.kill()
    if not is_log_kept:
        lobby.engine.restart()
    start_together(a, b)
    wait_until(lambda: is_left(b))
    again = lobby.connect(b, GUEST)
    again.say("join_room", roomId=room_id, version="1", name="P", ifIn="none")
    joined = again.expect("room_joined")
    assert [(member["name"], member["isHost"]) for member in joined["members"]] == [(f"u{GUEST}", False)]
    wait_until(lambda: host_at(a) == host_at(b) == [f"u{HOST}"])
    back = lobby.connect(a, HOST)
    back.say("join_room", roomId=room_id, version="1", name="P", ifIn="none")
    members = {member["name"]: member["isHost"] for member in back.expect("room_joined")["members"]}
    assert members == {f"u{GUEST}": False, f"u{HOST}": True}
    again.expect("host_changed", newHostName=f"u{HOST}")


def test_guest_leads_once_the_time_of_a_host_who_stays_away_is_over(lobby: Lobby) -> None:
    """It has begun when the nodes know that all are gone; the guest is back before it is over."""
    a, b = (lobby.start("--empty-room-ttl-s", "15") for _ in range(2))
    lobby.connect(a, HOST)
    made = call(a, "POST", "/api/rooms", {"gamemode": "ffa"}, token=token_of(a, HOST, f"u{HOST}"))
    room_id = made.body["room"]["id"]
    a.kill(), b.kill()
    start_together(a, b)
    wait_until(lambda: is_left(b))
    guest = lobby.connect(b, GUEST)
    guest.say("join_room", roomId=room_id, version="1", name="P", ifIn="none")
    joined = guest.expect("room_joined")
    assert [member["isHost"] for member in joined["members"]] == [False]
    guest.expect("host_changed", newHostName=f"u{GUEST}")
    wait_until(lambda: host_at(a) == host_at(b) == [f"u{GUEST}"])
