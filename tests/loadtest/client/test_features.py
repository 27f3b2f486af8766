"""What a client may ask for beyond the base protocol: against a scripted server, and then against a real one."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import jwt
import msgspec
import pytest

from bench.processes.cluster.ports import free_port
from bench.processes.target import Target
from loadtest.client import (
    AuthenticationManager,
    ConnectionManager,
    DeltaServerList,
    Feature,
    FixedReconnect,
    KeepAliveHttp,
    LobbyApi,
    ServerList,
)
from loadtest.client.http import HttpAnswer, HttpCall
from lobby_server.protocol import messages
from lobby_server.protocol.framing.frames import OP_CLOSE, server_frame
from lobby_server.protocol.messages import RoomsDelta, RoomsSnapshot
from lobby_server.protocol.resources import OnlineUser, Room
from tests.loadtest.fakes import (
    DEADLINE_S,
    JWT,
    FakeHttp,
    FakePeer,
    FakeServer,
    hold,
    json_answer,
    problem,
    rooms_body,
    wait_for,
)
from tests.stopwatch import Stopwatch

pytestmark = pytest.mark.system  # real servers that end and come back

FRESH = "fresh.fresh.fresh"
QUICK = FixedReconnect(interval_s=0.02)
TRIES = 3
"""Of what has to be quick: what is not a wait for a core may hold up one of them, not all."""
SHORT_S = 10
"""Of a token's life. In the first half of it a player has to be in, in the second one it has to get another one."""


def room(room_id: str, players: int = 1) -> Room:
    return Room(
        id=room_id, host_username="ada", gamemode="duel", map_name=None, current_players=players, max_players=8,
        created_at="2026-01-01T00:00:00.000Z", is_full=False,
    )  # fmt: skip


def lobby_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("lobby-")]


@pytest.fixture
def opened() -> Iterator[Callable[..., ConnectionManager]]:
    made: list[ConnectionManager] = []

    def make(url: str, *features: Feature | str, **how: Any) -> ConnectionManager:
        made.append(ConnectionManager(url=url, features=features, **{"reconnect": QUICK, **how}))
        return made[-1]

    yield make
    for connection in made:
        connection.disconnect_from_server()
    wait_for(lambda: not lobby_threads(), what="the connections' threads end")


class LeastRandom(Random):
    """Draws the lower end, and writes down of what."""

    def __init__(self) -> None:
        super().__init__(1)
        self.drawn_from: list[tuple[float, float]] = []

    def uniform(self, a: float, b: float) -> float:
        self.drawn_from.append((a, b))
        return a


# -- asking -------------------------------------------------------------------------------------------------------


def test_asked_features_are_in_the_handshake_and_accepted_ones_known_from_then_on(opened):
    seen = {}

    def script(peer: FakePeer) -> None:
        seen.update(peer.accept(features=["rev", "telepathy", "drain"]))
        peer.read_until_gone()

    with FakeServer(script) as server:
        connection = opened(server.url, "rev", Feature.REFRESH)
        assert connection.accepted_features == frozenset()
        connection.connect_to_server(JWT)
        assert connection.wait_until_connected(DEADLINE_S)
        wait_for(lambda: seen, what="the script goes on after the acceptance")
        assert seen["data"]["features"] == ["refresh", "rev"]
        assert connection.accepted_features == {Feature.REV}  # what was not asked for is not accepted either


def test_a_name_that_is_no_feature_is_refused_at_once():
    with pytest.raises(ValueError, match="telepathy"):
        ConnectionManager(features=["telepathy"])


# -- rev ----------------------------------------------------------------------------------------------------------


class RevisedList:
    """``GET /api/rooms`` at a revision that the test sets."""

    def __init__(self) -> None:
        self.revision = 1
        self.http = FakeHttp(self._answer)

    def _answer(self, call: HttpCall) -> HttpAnswer:
        return json_answer(rooms_body([f"at {self.revision}"]), headers={"etag": f'"{self.revision}"'})


@pytest.fixture
def revised() -> RevisedList:
    return RevisedList()


def announced(rev: int, within_ms: int = 0) -> messages.RoomsChangedRev:
    return messages.RoomsChangedRev(rev=rev, fetch_within_ms=within_ms)


class Director:
    """Lets the test say, step by step, what the scripted server sends."""

    def __init__(self, *features: str) -> None:
        self.features = list(features)
        self.peers: list[FakePeer] = []
        self.handshakes: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.first: list[messages.ServerMessage] = []
        """Sent right after the acceptance."""

    def __call__(self, peer: FakePeer) -> None:
        self.handshakes.append(peer.accept(features=self.features)["data"])
        peer.send(*self.first)
        self.peers.append(peer)
        while True:
            opcode, payload = peer.read_frame()
            if opcode == OP_CLOSE:
                peer.sock.sendall(server_frame(payload, OP_CLOSE))
                return
            message = msgspec.json.decode(payload)
            if message["type"] != "ping":
                self.asked.append(message)

    def say(self, *said: messages.ServerMessage) -> None:
        wait_for(lambda: self.peers)
        self.peers[-1].send(*said)


def test_a_revision_that_is_held_is_not_fetched(opened, revised: RevisedList):
    server_says = Director("rev")
    with FakeServer(server_says) as server:
        connection = opened(server.url, "rev")
        server_list = ServerList(api=LobbyApi(revised.http), connection=connection, rng=LeastRandom())
        changes: list[int] = []
        connection.rooms_list_changed.connect(lambda: changes.append(1))
        connection.connect_to_server(JWT)
        wait_for(lambda: server_list.rooms and not [name for name in lobby_threads() if "side" in name])
        server_says.say(announced(1), announced(1))
        wait_for(lambda: len(changes) == 2)
        assert server_list.fetch_count == 1
        revised.revision = 2
        server_says.say(announced(2))
        wait_for(lambda: [held.id for held in server_list.rooms] == ["at 2"])
        assert server_list.fetch_count == 2
        server_list.close()


def test_the_fetch_is_spread_over_the_window_and_changes_in_it_share_one(opened, revised: RevisedList):
    server_says, rng, now = Director("rev"), Random(3), [100.0]
    with FakeServer(server_says) as server:
        connection = opened(server.url, "rev", clock=lambda: now[0])
        server_list = ServerList(api=LobbyApi(revised.http), connection=connection, rng=rng)
        connection.connect_to_server(JWT)
        wait_for(lambda: server_list.rooms)
        first_s = Random(3).uniform(0, 10)
        changes: list[int] = []
        connection.rooms_list_changed.connect(lambda: changes.append(1))
        revised.revision = 3
        server_says.say(announced(2, 10_000))
        wait_for(lambda: len(changes) == 1)
        assert 1 < first_s < 10
        now[0] += first_s - 0.001
        server_says.say(announced(3, 10_000))
        wait_for(lambda: len(changes) == 2)
        assert server_list.fetch_count == 1, "not due before the point that was drawn"
        now[0] += 0.002
        server_list._fetching.request(in_s=10)  # wakes the waiting thread: its clock is ours
        wait_for(lambda: [held.id for held in server_list.rooms] == ["at 3"])
        now[0] += 60
        server_list._fetching.request(in_s=0)
        wait_for(lambda: not [name for name in lobby_threads() if "side" in name])
        assert server_list.fetch_count == 2, "what came with the first fetch needs no second one"
        server_list.close()


def test_the_window_is_drawn_from_in_seconds(opened, revised: RevisedList):
    server_says, rng = Director("rev"), LeastRandom()
    with FakeServer(server_says) as server:
        connection = opened(server.url, "rev")
        server_list = ServerList(api=LobbyApi(revised.http), connection=connection, rng=rng)
        connection.connect_to_server(JWT)
        server_says.say(announced(9, 1500))
        wait_for(lambda: rng.drawn_from == [(0.0, 1.5)])
        server_list.close()


# -- rooms_delta --------------------------------------------------------------------------------------------------


@pytest.fixture
def delta(opened):
    """A scripted server, and a list that follows it."""
    server_says = Director("rooms_delta")
    server_says.first = [RoomsSnapshot(rev=5, rooms=[room("b"), room("a")])]
    with FakeServer(server_says) as server:
        connection = opened(server.url, "rooms_delta")
        server_list = DeltaServerList(connection=connection)
        shown: list[list[str]] = []
        server_list.list_updated.connect(lambda rooms: shown.append([held.id for held in rooms]))
        connection.connect_to_server(JWT)
        wait_for(lambda: shown == [["b", "a"]])
        yield server_says, server_list, shown, connection
        connection.disconnect_from_server()


def test_deltas_keep_the_order_newest_first(delta):
    server_says, server_list, shown, _ = delta
    server_says.say(RoomsDelta(base=5, rev=7, set=[room("a", 4), room("c"), room("d")], gone=["b"]))
    wait_for(lambda: shown[1:] == [["d", "c", "a"]])
    assert server_list.revision == 7
    assert server_list.rooms[-1].current_players == 4
    server_says.say(RoomsDelta(base=7, rev=8, set=[], gone=["d", "never there"]))
    wait_for(lambda: shown[2:] == [["c", "a"]])


def test_a_delta_on_another_base_asks_once_and_waits_for_the_snapshot(delta):
    server_says, server_list, shown, connection = delta
    heard: list[messages.ServerMessage] = []
    connection.message_received.connect(heard.append)
    before = len(heard)
    server_says.say(
        RoomsDelta(base=6, rev=7, set=[room("x")], gone=[]), RoomsDelta(base=5, rev=6, set=[room("y")], gone=[])
    )
    wait_for(lambda: len(heard) == before + 2 and server_says.asked)
    assert server_says.asked == [{"type": "rooms_resync", "data": {}}]
    assert shown == [["b", "a"]]
    server_says.say(RoomsSnapshot(rev=9, rooms=[room("z")]), RoomsDelta(base=9, rev=10, set=[room("zz")], gone=[]))
    wait_for(lambda: shown[1:] == [["z"], ["zz", "z"]])
    assert server_list.resync_count == len(server_says.asked) == 1


def test_after_a_reconnect_the_list_starts_from_the_fresh_snapshot(delta):
    server_says, server_list, shown, connection = delta
    server_says.first = [RoomsSnapshot(rev=2, rooms=[room("other")]), RoomsDelta(base=2, rev=3, set=[], gone=["other"])]
    connection.drop_connection()
    wait_for(lambda: shown[1:] == [["other"], []])
    assert (server_list.revision, server_list.resync_count) == (3, 0)


def test_a_list_made_on_an_open_connection_asks_for_the_snapshot_that_it_missed(delta):
    server_says, _, _, connection = delta
    late = DeltaServerList(connection=connection)
    wait_for(lambda: server_says.asked == [{"type": "rooms_resync", "data": {}}])
    server_says.say(RoomsSnapshot(rev=6, rooms=[room("q")]))
    wait_for(lambda: late.rooms == (room("q"),))


def test_a_closed_list_stays_as_it_is(delta):
    server_says, server_list, shown, connection = delta
    server_list.close()
    changes: list[int] = []
    connection.rooms_list_changed.connect(lambda: changes.append(1))
    server_says.say(RoomsSnapshot(rev=6, rooms=[]))
    wait_for(lambda: changes)
    assert shown == [["b", "a"]]


def test_a_server_that_does_not_know_deltas_is_named_in_the_log_and_not_asked(opened, caplog):
    server_says = Director()
    with FakeServer(server_says) as server:
        connection = opened(server.url, "rooms_delta")
        server_list = DeltaServerList(connection=connection)
        connection.connect_to_server(JWT)
        wait_for(lambda: "does not know rooms_delta" in caplog.text)
        server_says.say(RoomsDelta(base=1, rev=2, set=[], gone=[]), messages.Pong(ts=1))
        wait_for(lambda: connection.counters.messages_in["pong"])
        assert (server_says.asked, server_list.rooms) == ([], ())


def test_a_delta_list_needs_a_connection_that_asks_for_deltas():
    with pytest.raises(ValueError, match="ROOMS_DELTA"):
        DeltaServerList(connection=ConnectionManager())


# -- presence, drain ----------------------------------------------------------------------------------------------


def test_a_batch_is_the_same_signals_and_the_count_one_of_its_own(opened):
    def script(peer: FakePeer) -> None:
        ann, bob, cleo = (OnlineUser(user_id=number, username="u") for number in (1, 2, 3))
        peer.accept(features=["presence_batch", "presence_friends"])
        peer.send(messages.PresenceChanged(online=[ann, bob], offline=[cleo]), messages.PlayerCount(online=7))
        peer.read_until_gone()

    with FakeServer(script) as server:
        connection = opened(server.url, "presence_batch", "presence_friends")
        heard: list[Any] = []
        connection.user_status_changed.connect(lambda user_id, online: heard.append((user_id, online)))
        connection.player_count_changed.connect(lambda online: heard.append(online))
        connection.connect_to_server(JWT)
        wait_for(lambda: heard == [(1, True), (2, True), (3, False), 7])


def test_the_slot_of_a_draining_server_overrides_the_draw_for_one_attempt(opened):
    def drain(peer: FakePeer) -> None:
        peer.accept(features=["drain"])
        peer.send(messages.ServerDraining(reconnect_after_ms=150))
        peer.close_with(1012)
        peer.read_until_gone()

    def lose(peer: FakePeer) -> None:
        peer.accept(features=["drain"])

    asked: list[int] = []
    """With how many tries before."""

    class Asked:
        def delay_s(self, failures: int, rng: Random) -> float:
            asked.append(len(server.accepted_at_s))
            return 0.01

    with FakeServer(drain, lose, hold) as server:
        connection = opened(server.url, "drain", reconnect=Asked())
        connection.connect_to_server(JWT)
        wait_for(lambda: len(server.accepted_at_s) == 3)
        first_s, second_s, _ = server.accepted_at_s
        assert second_s - first_s >= 0.15
        assert asked == [2], "at the second loss, and not at the first"


# -- refresh ------------------------------------------------------------------------------------------------------


@dataclass
class Renewal:
    """A logged-in client whose scripted server may warn of the end of its token."""

    server_says: Director
    connection: ConnectionManager
    accounts: AuthenticationManager
    answers: list[HttpAnswer]
    threads: list[str] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def renewal(opened, tmp_path: Path) -> Iterator[Callable[..., Renewal]]:
    with FakeServer(director := Director("refresh")) as server:

        def make(*answers: HttpAnswer, features: tuple[str, ...] = ("refresh",)) -> Renewal:
            def answer(call: HttpCall) -> HttpAnswer:
                assert call.path == "/api/auth/refresh"
                made.threads.append(threading.current_thread().name)
                assert made.gate.wait(DEADLINE_S)
                return made.answers.pop(0)

            director.features = list(features)
            connection = opened(server.url, *features)
            accounts = AuthenticationManager(
                api=LobbyApi(FakeHttp(answer)), connection=connection, token_file=tmp_path / "token",
                retry=FixedReconnect(interval_s=0.01),
            )  # fmt: skip
            made = Renewal(director, connection, accounts, list(answers))
            accounts.use_token(JWT)
            assert connection.wait_until_connected(DEADLINE_S)
            return made

        yield make


def fresh_answer() -> HttpAnswer:
    return json_answer({"token": FRESH})


def test_an_expiring_token_is_renewed_off_the_reader_and_sent_over_the_open_socket(renewal, tmp_path: Path):
    game = renewal(fresh_answer())
    game.server_says.say(messages.TokenExpiring(in_s=60), messages.TokenExpiring(in_s=59))
    wait_for(lambda: game.threads)
    game.server_says.say(messages.Pong(ts=1))
    wait_for(lambda: game.connection.counters.messages_in["pong"], what="the reader reads on during the renewal")
    assert len(lobby_threads()) == 2
    game.answers.append(fresh_answer())  # the second warning may have come during the first renewal
    game.gate.set()
    wait_for(lambda: game.server_says.asked)
    assert game.server_says.asked[0] == {"type": "refresh", "data": {"token": FRESH}}
    assert "side" in game.threads[0]
    assert game.accounts.token == FRESH
    assert (tmp_path / "token").read_text().strip() == FRESH
    assert game.connection.counters.losses == 0


@pytest.mark.parametrize("failure", [problem(503, "not_ready"), problem(429, "rate_limited", retry_after="0")])
def test_a_renewal_that_fails_is_tried_again(renewal, failure: HttpAnswer):
    game = renewal(failure, fresh_answer())
    game.gate.set()
    game.server_says.say(messages.TokenExpiring(in_s=60))
    wait_for(lambda: game.server_says.asked)
    assert len(game.threads) == 2


def test_a_token_that_is_worth_nothing_is_not_renewed_again(renewal, caplog):
    game = renewal(problem(403, "invalid_token"))
    game.gate.set()
    game.server_says.say(messages.TokenExpiring(in_s=60))
    wait_for(lambda: "was not renewed" in caplog.text)
    assert game.accounts.token == JWT
    assert game.server_says.asked == []


def test_a_logout_during_the_renewal_stays_a_logout(renewal, tmp_path: Path):
    game = renewal(fresh_answer())
    game.server_says.say(messages.TokenExpiring(in_s=60))
    wait_for(lambda: game.threads)
    game.accounts.api = LobbyApi(FakeHttp(lambda call: HttpAnswer(status=204, headers={}, body=b"")))
    game.accounts.logout()
    game.gate.set()
    wait_for(lambda: not lobby_threads())
    assert game.accounts.token is None
    assert not (tmp_path / "token").exists()
    assert game.server_says.asked == []


def test_the_next_handshake_has_the_renewed_token(renewal):
    game = renewal(fresh_answer())
    game.gate.set()
    game.server_says.say(messages.TokenExpiring(in_s=60))
    wait_for(lambda: game.server_says.asked)
    game.connection.drop_connection()
    wait_for(lambda: [handshake["token"] for handshake in game.server_says.handshakes] == [JWT, FRESH])


def test_a_refresh_of_ones_own_renews_the_open_socket_only_where_the_server_knows_it(renewal):
    game = renewal(fresh_answer(), features=())
    game.gate.set()
    game.accounts.refresh()
    assert game.accounts.token == FRESH
    game.connection.send(messages.LeaveRoom())
    wait_for(lambda: game.server_says.asked)
    assert [message["type"] for message in game.server_says.asked] == ["leave_room"]


# -- a real server, two clients -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with Target(flags=["--auth-rate-per-min", "0"]) as target:
        yield target


@dataclass
class Player:
    api: LobbyApi
    connection: ConnectionManager
    accounts: AuthenticationManager
    statuses: list[tuple[int, bool]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    @property
    def token(self) -> str:
        assert self.accounts.token is not None
        return self.accounts.token


@pytest.fixture
def player(opened) -> Iterator[Callable[..., Player]]:
    made: list[Player] = []

    def make(target: Target, name: str, *features: str, token: str | None = None, **how: Any) -> Player:
        api = LobbyApi(KeepAliveHttp(target.http_url))
        connection = opened(target.ws_url, *features, name=name, **how)
        one = Player(api, connection, AuthenticationManager(api=api, connection=connection))
        made.append(one)
        connection.user_status_changed.connect(lambda user_id, online: one.statuses.append((user_id, online)))
        connection.player_count_changed.connect(lambda online: one.counts.append(online))
        return one

    def join(target: Target, name: str, *features: str, token: str | None = None, **how: Any) -> Player:
        one = make(target, name, *features, **how)
        if token is None:
            one.accounts.register(username=name, password="correct horse")
        else:
            one.accounts.use_token(token)
        assert one.connection.wait_until_connected(DEADLINE_S)
        assert one.connection.accepted_features == {Feature(name) for name in features}
        return one

    yield join
    for one in made:
        one.connection.disconnect_from_server()
        one.api.http.close()


def test_real_rev_follows_the_list_by_revision(target: Target, player):
    viewer, host = player(target, "rev_viewer", "rev"), player(target, "rev_host")
    server_list = ServerList(api=viewer.api, connection=viewer.connection)
    for _ in range(TRIES):
        with Stopwatch(target.pid) as watch:
            made = host.api.create_room(host.token, gamemode="duel")
            wait_for(lambda made=made: made.id in [held.id for held in server_list.rooms])
        host.api.delete_room(host.token, made.id)
        wait_for(lambda: server_list.rooms == ())
        if watch.took_s < 1.0:
            break
    assert watch.took_s < 1.0
    assert f'"{server_list._held_revision}"' == viewer.api.rooms().etag
    server_list.close()


def test_real_delta_holds_what_a_fetch_would_bring_and_fetches_nothing(target: Target, player):
    hosts = [player(target, f"delta_host_{number}") for number in range(2)]
    before = hosts[0].api.create_room(hosts[0].token, gamemode="before")
    viewer = player(target, "delta_viewer", "rooms_delta")
    server_list = DeltaServerList(connection=viewer.connection)
    wait_for(lambda: [held.id for held in server_list.rooms] == [before.id])
    for tries_left in reversed(range(TRIES)):
        with Stopwatch(target.pid) as watch:
            after = hosts[1].api.create_room(hosts[1].token, gamemode="after")
            wait_for(lambda after=after: [held.id for held in server_list.rooms] == [after.id, before.id])
        if watch.took_s < 1.0 or not tries_left:
            break
        hosts[1].api.delete_room(hosts[1].token, after.id)
        wait_for(lambda: [held.id for held in server_list.rooms] == [before.id])
    assert watch.took_s < 1.0
    hosts[1].connection.create_room()
    viewer.connection.join_room(after.id)
    wait_for(lambda: server_list.rooms[0].current_players == 2)
    assert server_list.rooms == viewer.api.rooms().rooms
    server_list.revision = -1  # as if one was missed
    hosts[0].api.delete_room(hosts[0].token, before.id)
    wait_for(lambda: [held.id for held in server_list.rooms] == [after.id])
    viewer.connection.drop_connection()
    wait_for(lambda: viewer.connection.counters.reconnects == 1 and server_list.revision is not None)
    hosts[1].api.delete_room(hosts[1].token, after.id)
    wait_for(lambda: server_list.rooms == ())


def test_real_presence_batch_says_who_came_and_went(target: Target, player):
    watcher, friend = player(target, "batch_watcher", "presence_batch"), player(target, "batch_friend")
    wait_for(lambda: (friend.connection.user_id, True) in watcher.statuses)
    friend.connection.disconnect_from_server()
    wait_for(lambda: (friend.connection.user_id, False) in watcher.statuses)
    assert watcher.connection.counters.messages_in["user_online"] == 0


def test_real_friends_mode_counts_players_and_names_no_strangers(target: Target, player):
    watcher = player(target, "count_watcher", "presence_friends")
    wait_for(lambda: watcher.counts[-1:] == [1])  # once the players before it are gone
    player(target, "count_stranger")
    wait_for(lambda: watcher.counts[-2:] == [1, 2])
    assert watcher.statuses == []


def test_real_drain_gives_each_a_slot_and_both_come_back(player):
    heard: list[int] = []
    with Target(port=free_port(), flags=["--auth-rate-per-min", "0"]) as target:
        both = [player(target, f"drained_{n}", "drain", reconnect=FixedReconnect(interval_s=0.5)) for n in range(2)]
        for one in both:
            one.connection.message_received.connect(
                lambda message: (
                    heard.append(message.reconnect_after_ms) if isinstance(message, messages.ServerDraining) else None
                )
            )
        target.stop()
        wait_for(lambda: len(set(heard)) == 2, what="a slot for each")
        closed = [one.connection.counters.close_codes for one in both]
        wait_for(lambda: [codes["1012"] for codes in closed] == [1, 1], what="the close of each")
        target.start()
        for one in both:
            assert one.connection.wait_until_connected(DEADLINE_S)
            one.connection.disconnect_from_server()


def test_client_without_features_that_a_drain_closed_with_1001_is_back_on_the_next_server(tmp_path, player):
    with Target(data_dir=tmp_path, port=free_port()) as target:
        one = player(target, "base", reconnect=FixedReconnect(interval_s=0.1))
        target.stop()
        wait_for(lambda: one.connection.counters.close_codes["1001"] == 1, what="the close")
        target.start()
        assert one.connection.wait_until_connected(DEADLINE_S)
        one.connection.disconnect_from_server()


def test_real_refresh_keeps_the_socket_open_with_a_fresh_token(target: Target, player):
    now_s = int(time.time())
    tokens = [
        jwt.encode(
            {
                "userId": 9000 + n, "username": f"short_{n}", "iat": now_s, "exp": now_s + SHORT_S,
                "jti": f"{random.random()}",
            },
            target.jwt_secret, algorithm="HS256",
        )
        for n in range(2)
    ]  # fmt: skip
    both = [player(target, f"short_{n}", "refresh", token=token) for n, token in enumerate(tokens)]
    for one, token in zip(both, tokens, strict=True):
        wait_for(lambda one=one: one.connection.counters.messages_in["refreshed"] == 1)
        assert one.token != token
        assert one.connection.counters.losses == 0
        assert one.api.verify(one.token).id == one.connection.user_id


# -- ack ----------------------------------------------------------------------------------------------------------


def test_event_that_asks_is_answered_at_once_and_others_are_not(opened):
    server_says = Director("ack")
    with FakeServer(server_says) as server:
        connection = opened(server.url, "ack")
        seen: list[bool] = []
        connection.user_status_changed.connect(lambda user_id, is_online: seen.append(is_online))
        connection.connect_to_server(JWT)
        wait_for(lambda: server_says.peers)
        asking = b'{"type":"user_online","data":{"user_id":2,"username":"bob","ack":17}}'
        server_says.peers[-1].sock.sendall(server_frame(asking))
        server_says.say(messages.UserOffline(user_id=2, username="bob"))
        wait_for(lambda: seen == [True, False])
        wait_for(lambda: server_says.asked)
        assert server_says.asked == [{"type": "ack", "data": {"id": 17}}]
