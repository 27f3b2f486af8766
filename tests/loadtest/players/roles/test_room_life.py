"""What hosts and joiners do in a room and hear of it: planned from the seed, off by default, for those there."""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest

from loadtest.client import ApiError, Feature
from loadtest.measure.recorder import Recorder
from loadtest.players.roles.host import Host
from loadtest.players.roles.joiner import Joiner
from loadtest.players.roles.leading import WITHOUT_A_MEMBER
from loadtest.players.roles.role import REFUSED
from loadtest.players.roles.room_life import WITHIN_S, WITHOUT_A_ROOM, RoomLife
from loadtest.results.exit_codes import UsageError
from loadtest.workload.options import SwarmOptions, add_options, read_options
from loadtest.workload.plan import SwarmPlan
from lobby_server.protocol import messages
from lobby_server.protocol.feature_messages import RoomClosed, RoomStarted, RoomStateTold, RoomUnbanned
from lobby_server.protocol.resources import PeerInfo

DEEDS = ["name_room", "kick_member", "hand_over", "start_game", "end_game"]
LIVELY = ("--room-life", "1", "--mode", "room_state")
HOST, GUEST = 7, 8
"""Their user ids."""
CODE = "H7K2QX"


def options(*arguments: str) -> SwarmOptions:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return read_options(vars(parser.parse_args(["--seed", "7", *arguments])))


def acts(given: SwarmOptions, number: int = 0, most: int = 200) -> list[tuple[float, str, float]]:
    schedule = SwarmPlan(given).player(number).schedule(given)
    return [(intent.at_s, intent.act.__name__, intent.choice) for intent in islice(schedule, most)]


# -- the plan ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["host", "joiner"])
def test_without_room_life_the_features_change_nothing_of_a_plan(role: str):
    plain, told = options("--mix", f"{role}=1"), options("--mix", f"{role}=1", "--mode", "room_state")
    assert acts(plain) == acts(told)
    assert {act for _, act, _ in acts(plain)} <= {"make_room", "delete_room", "join", "chat", "leave"}


def test_each_room_of_a_lively_host_has_each_deed_once_between_its_making_and_its_end():
    given = acts(options("--mix", "host=1", *LIVELY), most=70)
    assert [act for _, act, _ in given] == ["make_room", *DEEDS, "delete_room"] * 10
    assert [at_s for at_s, _, _ in given] == sorted(at_s for at_s, _, _ in given)
    assert given == acts(options("--mix", "host=1", *LIVELY), most=70), "the seed gives the same once more"


def test_the_share_is_that_of_rooms_and_of_visits():
    shares = ("--room-life", "0.25", "--mode", "room_state")
    found = Counter(act for _, act, _ in acts(options("--mix", "host=1", *shares), most=4000))
    assert found["start_game"] / found["make_room"] == pytest.approx(0.25, abs=0.05)
    found = Counter(act for _, act, _ in acts(options("--mix", "joiner=1", *shares), most=8000))
    assert found["get_ready"] / found["leave"] == pytest.approx(0.25, abs=0.05)
    assert found["join_by_code"] / found["leave"] == pytest.approx(0.25, abs=0.05)


def test_a_lively_joiner_gets_ready_within_its_visit():
    given = acts(options("--mix", "joiner=1", *LIVELY), most=2000)
    assert [at_s for at_s, _, _ in given] == sorted(at_s for at_s, _, _ in given)
    there = False
    for _, act, _ in given:
        there = act == "join_by_code" if act in ("join_by_code", "leave") else there
        assert there or act == "leave", act


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--mix", "host=1"), "--room-life: hosts hear of their rooms by a feature: give --mode host=room_state, with"),
        (("--mix", "host=1,joiner=1", "--mode", "host=room_state"), "--room-life: joiners hear of their rooms by a"),
        (("--mix", "host=1", "--protocol", "colyseus"), "--room-life is of the lobby's own protocol: without it with"),
    ],
)
def test_life_that_nobody_would_be_told_of_is_refused(arguments: tuple[str, ...], sentence: str):
    with pytest.raises(UsageError, match=f"^{sentence}"):
        options("--room-life", "0.5", *arguments)
    assert options("--room-life", "0.5", "--mix", "browser=1")[RoomLife.life] == 0.5, "who has no rooms is not asked"


# -- in a room --------------------------------------------------------------------------------------------------------


class Line:
    """A connection as far as it is used here."""

    def __init__(self, user_id: int) -> None:
        self.user_id, self.heard_s = user_id, 0.0
        self.accepted_features = frozenset({Feature.ROOM_STATE})
        self.said: list[str] = []
        self.side = SimpleNamespace(put=lambda call: call())

    def create_room(self) -> None:
        self.said.append("create_room")

    def join_room(self, room_id: str) -> None:
        self.said.append(f"join_room {room_id}")

    def leave_room(self) -> None:
        self.said.append("leave_room")

    def kick(self, peer_id: int) -> None:
        self.said.append(f"kick {peer_id}")


class Api:
    """Takes all calls and answers them as told."""

    late_s = answered_s = 0.0

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.answer: Any = None

    def intended(self, at_s: float) -> Api:
        return self

    def ask(self, method: str, path: str, kind: Any, *, body: Any = None, **rest: Any) -> Any:
        self.asked.append((method, path, body))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def do(self, method: str, path: str, *, body: Any = None, **rest: Any) -> None:
        self.ask(method, path, None, body=body)

    def delete_room(self, token: str, room_id: str) -> None:
        self.do("DELETE", f"/api/rooms/{room_id}")


class Table:
    """Two players of one process, with its recorder."""

    def __init__(self, life: float = 1.0) -> None:
        self.now_s = 100.0
        self.recorder = Recorder()
        self.expectations = self.recorder.reach.expectations
        self.expectations._clock = lambda: self.now_s
        self.host = self._player(Host, HOST, life, _named=None, _handed_over_s=None, _kicked=set())
        self.joiner = self._player(
            Joiner, GUEST, life, _asked=None, _came_s=None, _ready_s=None, _code=None, is_in_room=False,
            _lines_said_s=[],
        )  # fmt: skip

    def _player(self, kind: Any, user_id: int, life: float, **state: Any) -> Any:
        player = kind.__new__(kind)
        player.swarm = SimpleNamespace(recorder=self.recorder, ledger=self.recorder.ledger, profile=None)
        player.options = {RoomLife.life: life}
        player.client = SimpleNamespace(connection=Line(user_id), list=SimpleNamespace(rooms=()))
        player.identity, player.api, player.seat = SimpleNamespace(token="t"), Api(), user_id
        player.is_hearing, player._listener = False, 0
        player.room = player._own_keys = None
        player.fire = lambda name, took_s, failure: None
        for name, value in state.items():
            setattr(player, name, value)
        return player

    def tell(self, player: Any, *told: messages.ServerMessage) -> None:
        self.now_s += 0.01
        player.client.connection.heard_s = self.now_s
        for message in told:
            player.dispatch(message)

    def gather(self) -> None:
        """The host has made its room, and the joiner has come."""
        self.host.room_id = "r1"
        self.tell(self.host, messages.RoomCreated(roomId="r1", peerId=1, gamemode="swarm", mapName=None))
        members = [PeerInfo(peerId=1, name="host", isHost=True), PeerInfo(peerId=2, name="guest", isHost=False)]
        joined = messages.RoomJoined(roomId="r1", peerId=2, members=members, gamemode="swarm", mapName=None)
        self.tell(self.joiner, joined, state())
        self.tell(self.host, messages.PeerJoined(peerId=2, name="guest"), state())

    def count(self, event: str) -> int:
        return self.recorder.events[event]

    def timed(self, series: str) -> int:
        return sum(self.recorder.counts_by_place(series).values())

    def judged(self, expectation: str, after_s: float = WITHIN_S + 1) -> tuple[int, int, int]:
        """Expected, received, unexpected."""
        self.now_s += after_s
        self.expectations.settle(self.now_s)
        tally = self.expectations.tallies[expectation]
        return tally.expected, tally.received, tally.unexpected


def state(**parts: Any) -> RoomStateTold:
    whole = {
        "roomId": "r1", "code": CODE, "name": None, "gamemode": "swarm", "mapName": None, "maxPlayers": 8,
        "isPublic": True, "isStarted": False, "hostPeerId": 1, "ready": [],
    }  # fmt: skip
    return RoomStateTold(**{**whole, **parts})


@pytest.fixture
def table() -> Table:
    found = Table()
    found.gather()
    return found


def test_ready_member_is_timed_until_it_is_told(table: Table):
    table.joiner.get_ready(table.now_s, 0.0)
    assert table.joiner.api.asked == [("POST", "/api/rooms/r1/ready", {"ready": True})]
    table.tell(table.joiner, state(ready=[3]))
    assert table.timed("ready told") == 0, "another one is"
    table.tell(table.joiner, state(ready=[2, 3]))
    assert table.timed("ready told") == 1


@pytest.mark.parametrize(("ready", "body"), [([2], {}), ([], {"force": True})], ids=["all are ready", "not all are"])
def test_start_is_forced_only_where_not_all_are_ready_and_every_member_should_hear_of_it(
    table: Table, ready: list[int], body: dict[str, bool]
):
    table.tell(table.host, state(ready=ready))
    table.host.start_game(table.now_s, 0.0)
    assert table.host.api.asked == [("POST", "/api/rooms/r1/start", body)]
    assert table.count("rooms started before all were ready") == bool(body)
    table.tell(table.host, RoomStarted(roomId="r1"))
    assert table.judged("room_started") == (2, 1, 0), "the joiner has not heard"


def test_start_that_all_heard_is_received_by_all(table: Table):
    table.host.start_game(table.now_s, 0.0)
    table.tell(table.host, RoomStarted(roomId="r1"))
    table.tell(table.joiner, RoomStarted(roomId="r1"))
    assert table.judged("room_started") == (2, 2, 0)


def test_start_that_was_refused_promises_nothing(table: Table):
    table.host.api.answer = ApiError(status=409, code="not_all_ready", sentence="Not all are ready.")
    try:
        table.host.start_game(table.now_s, 0.0)
    except ApiError as error:
        table.host.fault("start_game", error)
    assert (table.count(REFUSED), table.count("rooms started")) == (1, 0)
    assert "room_started" not in table.expectations.tallies


def test_handed_over_place_is_given_back_and_both_hear_of_both(table: Table):
    table.host.hand_over(table.now_s, 0.5)
    assert table.host.api.asked == [("POST", "/api/rooms/r1/host", {"peerId": 2})]
    to_guest, back = (messages.HostChanged(newHostPeerId=peer, newHostName="x") for peer in (2, 1))
    table.tell(table.joiner, to_guest)
    table.tell(table.host, to_guest)
    assert not table.host.room.is_led
    assert table.joiner.api.asked == [("POST", "/api/rooms/r1/host", {"peerId": 1})]
    table.tell(table.joiner, back)
    table.tell(table.host, back)
    assert table.host.room.is_led
    assert table.timed("hand-over round trip") == 1
    expected, received, unexpected = table.judged("room_handed_over")
    assert expected == received > 0
    assert unexpected == 0


def test_place_of_a_host_who_left_is_kept(table: Table):
    table.tell(table.joiner, messages.PeerLeft(peerId=1), messages.HostChanged(newHostPeerId=2, newHostName="x"))
    assert table.joiner.api.asked == []
    assert "room_handed_over" not in table.expectations.tallies, "nobody handed over"


def test_room_whose_place_was_not_given_back_is_left_and_not_deleted(table: Table):
    table.tell(table.host, messages.HostChanged(newHostPeerId=2, newHostName="x"))
    table.host.delete_room(table.now_s, 0.0)
    assert (table.host.api.asked, table.host.client.connection.said) == ([], ["leave_room"])
    assert (table.count("rooms left to their members"), table.host.room_id, table.host.room) == (1, None, None)


def test_kicked_member_hears_it_is_let_in_again_and_hears_that(table: Table):
    table.host.api.answer = SimpleNamespace(bans=[SimpleNamespace(user_id=GUEST)])
    table.host.kick_member(table.now_s, 0.0)
    assert table.host.client.connection.said == ["kick 2"]
    table.tell(table.joiner, messages.Kicked())
    assert (table.joiner.room, table.joiner.is_in_room) == (None, False)
    table.tell(table.host, messages.PeerLeft(peerId=2))
    assert table.host.api.asked == [
        ("GET", "/api/rooms/r1/bans", None),
        ("DELETE", f"/api/rooms/r1/bans/{GUEST}", None),
    ]
    table.tell(table.joiner, RoomUnbanned(roomId="r1"))
    assert table.judged("room_kick") == (1, 1, 0)
    assert table.count("room bans lifted") == 1


def test_member_who_left_in_time_is_not_expected_to_hear_of_its_kick(table: Table):
    table.joiner.leave(table.now_s, 0.0)
    table.now_s += 0.01
    table.host.kick_member(table.now_s, 0.0)
    assert table.judged("room_kick") == (0, 0, 0)


def test_joiner_comes_back_by_the_code_of_its_last_room_while_that_is_open(table: Table):
    table.tell(table.joiner, RoomClosed(roomId="r1"))
    assert not table.joiner.is_in_room
    rooms = [SimpleNamespace(id=name, is_full=False, is_started=False) for name in ("r1", "r2")]
    table.joiner.client.list.rooms = rooms
    table.joiner.api.answer = SimpleNamespace(id="r1")
    table.joiner.join_by_code(table.now_s, 0.99)
    assert table.joiner.api.asked == [("POST", f"/api/codes/{CODE}", None)]
    assert table.joiner.client.connection.said == ["join_room r1"]
    rooms[0].is_started = True
    table.joiner.join_by_code(table.now_s, 0.0)
    assert table.joiner.client.connection.said == ["join_room r1", "join_room r2"], (
        "the first one is closed to newcomers"
    )
    assert table.count("room codes used") == 1


def test_name_is_told_and_the_change_is_in_the_ledger(table: Table):
    table.host.name_room(table.now_s, 0.5)
    ((method, path, body),) = table.host.api.asked
    assert (method, path) == ("PATCH", "/api/rooms/r1")
    assert [change.room_id for change in table.recorder.ledger.changes] == ["r1"]
    table.tell(table.host, state(name="another"))
    assert table.timed("room settings told") == 0
    table.tell(table.host, state(name=body["name"]))
    assert table.timed("room settings told") == 1


def test_deeds_without_a_room_or_a_member_are_counted_and_nothing_is_asked():
    table = Table()
    for deed in DEEDS:
        getattr(table.host, deed)(table.now_s, 0.0)
    table.joiner.get_ready(table.now_s, 0.0)
    assert table.count(WITHOUT_A_ROOM) == len(DEEDS) + 1
    table.gather()
    table.tell(table.host, messages.PeerLeft(peerId=2))
    for deed in ("kick_member", "hand_over", "start_game"):
        getattr(table.host, deed)(table.now_s, 0.0)
    assert table.count(WITHOUT_A_MEMBER) == 3
    assert table.host.api.asked == table.joiner.api.asked == []


@pytest.mark.parametrize("why", ["no life", "the server does not know the feature"])
def test_nothing_is_seen_of_a_room_where_nothing_is_told_of_it(why: str):
    table = Table(life=0.0 if why == "no life" else 1.0)
    if why != "no life":
        table.joiner.client.connection.accepted_features = frozenset()
    table.gather()
    assert table.joiner.is_in_room
    assert table.joiner.room is None
    table.tell(table.joiner, RoomStarted(roomId="r1"), messages.PeerLeft(peerId=1))
    assert table.expectations.tallies == {}


def test_a_joiner_whose_room_was_closed_no_longer_chats_into_it():
    table = Table(life=0.0)
    table.gather()
    table.tell(table.joiner, RoomClosed(roomId="r1"))
    table.joiner.chat(table.now_s, 0.0)
    table.joiner.leave(table.now_s, 0.0)
    assert table.joiner.client.connection.said == []


def test_a_host_without_life_in_its_rooms_hears_with_the_others():
    for life, ears in ((0.0, 0), (1.0, 1)):
        heard: list[object] = []
        signal = SimpleNamespace(connect=heard.append)
        host = Table(life).host
        host.client.connection.message_received = host.client.connection.connection_lost = signal
        host._listen()
        assert (host.dispatch in heard) == bool(ears)
        assert bool(heard) == bool(ears)


def test_a_loss_ends_the_stay_in_the_room(table: Table):
    for player in (table.joiner, table.host):
        player.on_lost()
        assert (player.room, player._own_keys) == (None, None)
    table.host.start_game(table.now_s, 0.0)
    assert table.host.api.asked == [], "it is no member any more"
