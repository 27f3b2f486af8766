"""The series of a run, from packets whose times the test knows."""

from __future__ import annotations

import pytest

from bench.load.packets.times import Figures, Heard, times_of
from lobby_server.protocol.messages import PresenceChanged, RoomsChanged, RoomsDelta, UserOnline, encode
from lobby_server.protocol.resources import OnlineUser, Room
from tests.bench.load.packets.dialogue import Dialogue, Wire, player

SETTLE_S = 2.0


@pytest.fixture
def wire() -> Wire:
    return Wire()


def figures(wire: Wire) -> dict[str, Figures]:
    return times_of(Heard(wire.conversations().all(), settle_s=SETTLE_S))


def room(room_id: str, mark: str) -> Room:
    return Room(
        id=room_id, host_username="x", gamemode="swarm", map_name=mark, current_players=0, max_players=8,
        created_at="2026-01-01T00:00:00Z", is_full=False,
    )  # fmt: skip


def made(mark: str, *, rev: int = 2) -> bytes:
    return encode(RoomsDelta(rev=rev, base=rev - 1, set=[room("r1", mark)], gone=[]))


def gone(room_id: str, *, rev: int = 2) -> bytes:
    return encode(RoomsDelta(rev=rev, base=rev - 1, set=[], gone=[room_id]))


def test_upgrade_handshake_and_heartbeat_are_those_of_the_packets(wire: Wire) -> None:
    dialogue, _ = player(wire, port=999, index=0, at_s=100.0)
    for number in range(100):
        dialogue.beat(101.0 + number, 101.0 + number + (0.002 if number < 98 else 0.5))
    found = figures(wire)
    assert found["upgrade"].p50_ms == pytest.approx(9.5, abs=0.01)  # without what the client waited in between
    assert found["handshake"].p50_ms == pytest.approx(10.0, abs=0.01)
    assert found["heartbeat"].count == 100
    assert found["heartbeat"].p50_ms == pytest.approx(2.0, abs=0.01)
    assert found["heartbeat"].p99_ms == pytest.approx(500.0, abs=0.01)


def test_connection_without_a_handshake_is_no_player(wire: Wire) -> None:
    check = Dialogue(wire, port=998, began_s=90.0)
    check.upgrade(90.1, 95.0)
    player(wire, port=999, index=0, at_s=100.0)
    assert figures(wire)["upgrade"].count == 1


@pytest.mark.parametrize("is_batched", [False, True])
def test_presence_counts_from_the_handshake_of_who_came_to_each_who_was_there(wire: Wire, *, is_batched: bool) -> None:
    first, _ = player(wire, port=999, index=0, at_s=100.0)
    second, user_id = player(wire, port=1000, index=1, at_s=101.0)
    if is_batched:
        news = encode(PresenceChanged(online=[OnlineUser(user_id=user_id, username="y")], offline=[]))
    else:
        news = encode(UserOnline(user_id=user_id, username="y"))
    first.hears(101.050, news)
    first.hears(101.900, news)
    second.hears(101.060, news)
    found = figures(wire)["fanout_presence"]
    assert (found.count, found.max_ms) == (1, pytest.approx(30.0, abs=0.01))


def test_rooms_count_from_the_request_to_the_delta_that_has_the_room(wire: Wire) -> None:
    dialogue, _ = player(wire, port=999, index=0, at_s=100.0)
    api = Dialogue(wire, port=1000, began_s=100.5)
    api.asks(101.000, 101.005, method="POST", target="/api/rooms", body=b'{"mapName":"swarm-1"}', status=201)
    dialogue.hears(101.001, made("another", rev=2))
    dialogue.hears(101.040, made("swarm-1", rev=3))
    dialogue.hears(101.900, made("swarm-1", rev=4))
    api.asks(110.000, 110.005, method="DELETE", target="/api/rooms/r1", status=200)
    dialogue.hears(110.020, gone("r1", rev=5))
    found = figures(wire)["fanout_rooms"]
    assert (found.count, found.p50_ms, found.max_ms) == (
        2, pytest.approx(20.0, abs=0.01), pytest.approx(40.0, abs=0.01)
    )  # fmt: skip


def test_base_client_hears_of_a_change_with_the_next_announcement(wire: Wire) -> None:
    dialogue, _ = player(wire, port=999, index=0, at_s=100.0)
    api = Dialogue(wire, port=1000, began_s=100.5)
    dialogue.hears(100.9, encode(RoomsChanged()))
    api.asks(101.000, 101.005, method="POST", target="/api/rooms", body=b'{"mapName":"swarm-1"}', status=201)
    dialogue.hears(101.030, encode(RoomsChanged()))
    dialogue.hears(101.090, encode(RoomsChanged()))
    found = figures(wire)["fanout_rooms"]
    assert (found.count, found.max_ms) == (1, pytest.approx(30.0, abs=0.01))


def test_change_is_not_expected_of_who_came_after_it_nor_judged_right_before_the_end(wire: Wire) -> None:
    early, _ = player(wire, port=999, index=0, at_s=100.0)
    api = Dialogue(wire, port=1000, began_s=100.5)
    api.asks(101.0, 101.005, method="POST", target="/api/rooms", body=b'{"mapName":"swarm-1"}', status=201)
    late, _ = player(wire, port=1001, index=1, at_s=101.1)
    late.hears(101.2, made("swarm-1"))
    early.hears(101.3, made("swarm-1"))
    api.asks(109.0, 109.005, method="DELETE", target="/api/rooms/r1", status=200)
    early.hears(109.1, gone("r1"))
    early.says(110.0, b"\x03\xe8", opcode=8)
    found = figures(wire)["fanout_rooms"]
    assert (found.count, found.max_ms) == (1, pytest.approx(300.0, abs=0.01))


def test_spread_is_from_the_first_who_heard_to_each_and_without_changes_of_their_own(wire: Wire) -> None:
    first, _ = player(wire, port=999, index=0, at_s=100.0)
    second, _ = player(wire, port=1000, index=1, at_s=100.1)
    first.hears(105.000, made("lab-1", rev=2))
    second.hears(105.007, made("lab-1", rev=2))
    api = Dialogue(wire, port=1001, began_s=109.0)
    api.asks(110.000, 110.005, method="POST", target="/api/rooms", body=b'{"mapName":"swarm-1"}', status=201)
    first.hears(110.5, made("swarm-1", rev=3))
    second.hears(111.5, made("swarm-1", rev=3))
    found = figures(wire)["spread"]
    assert (found.count, found.max_ms) == (2, pytest.approx(7.0, abs=0.01))


def test_requests_are_told_by_what_they_ask_and_only_good_answers_count(wire: Wire) -> None:
    check = Dialogue(wire, port=998, began_s=90.0)
    check.asks(90.0, 95.0, method="GET", target="/api/rooms", status=200)
    player(wire, port=999, index=0, at_s=100.0)
    api = Dialogue(wire, port=1000, began_s=101.0)
    api.asks(101.0, 101.003, method="GET", target="/api/rooms", status=200)
    api.asks(102.0, 103.0, method="GET", target="/api/rooms", status=503)
    api.asks(104.0, 104.006, method="POST", target="/api/rooms", body=b'{"mapName":"m"}', status=201)
    found = figures(wire)
    assert (found["fetch"].count, found["fetch"].max_ms) == (1, pytest.approx(3.0, abs=0.01))
    assert (found["room_create"].count, found["room_create"].max_ms) == (1, pytest.approx(6.0, abs=0.01))
