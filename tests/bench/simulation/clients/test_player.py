"""A player's own rules beyond the library: what is believed when telling and fetching contradict each other, and when
to look again."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from greenlet import getcurrent

from bench.simulation.clients.fiber import Fiber
from bench.simulation.clients.network import Network
from bench.simulation.clients.player import DOUBT_LOOKS_S, MY_ROOM, Player
from bench.simulation.nodes.calls import NONE, SEE, Answer
from bench.simulation.outside.loop import World
from loadtest.client.timing import Timing
from lobby_server.core.presence import User
from lobby_server.protocol import messages
from lobby_server.protocol.feature_messages import RoomStateTold
from lobby_server.protocol.features import Feature
from lobby_server.protocol.resources import FreshToken
from lobby_server.protocol.social_messages import (
    Announcement,
    FriendRoom,
    MatchInviteClosed,
    MatchInvited,
    UserUnblocked,
)

TIMING = Timing(heartbeat_s=5.0, silence_limit_s=12.0, connect_timeout_s=2.0, handshake_timeout_s=4.0)


class Answering(Network):
    """A lobby without nodes: calls are answered as it is said, a tenth of a second later."""

    def __init__(self, world: World) -> None:
        super().__init__(world, [], Random(1))
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, float]] = []
        self.meanwhile: list[Any] = []
        """Done while the next call is under way."""

    def ask(self, asked: Any) -> Answer:
        several = asked.arguments if asked.what == SEE else (asked.what,)
        self.asked += [(what, self._world.now_s) for what in several]
        if self.meanwhile:
            self._world.call_later(0.05, self.meanwhile.pop(0))
        Fiber.current().sleep(0.1)
        answers = {what: self.answers.get(what, NONE) for what in several}
        if asked.what != SEE:
            return answers[asked.what]
        failed = [each for each in answers.values() if not each.is_good and each.code != "in_no_room"]
        bodies = {what: each.body for what, each in answers.items()}
        return failed[0] if failed else Answer(200, bodies, is_stale=any(each.is_stale for each in answers.values()))

    def times(self, what: str) -> list[float]:
        return [round(at_s, 3) for asked, at_s in self.asked if asked == what]


@pytest.fixture
def world() -> World:
    found = World()
    found.hub = getcurrent()
    return found


@pytest.fixture
def network(world: World) -> Answering:
    return Answering(world)


def a_player(world: World, network: Answering, *features: Feature, window: int = 32_768) -> Player:
    return Player(
        world, network, name="ann", user=User(1, "ann"), token="token", features=frozenset(features), version="1",
        timing=TIMING, window=window, seed="1", accepted_at=lambda: ("e1", 7),
        on_fault=lambda fault: pytest.fail(fault),
    )  # fmt: skip


def tell(player: Player, *told: messages.ServerMessage) -> None:
    for message in told:
        player._hear(message)


@pytest.fixture
def player(world: World, network: Answering) -> Player:
    found = a_player(world, network)
    network.answers |= {
        "online": Answer(200, frozenset({1, 2})), "my_room": Answer(409, code="in_no_room"),
        "friends": Answer(200, "friends"), "my_party": Answer(200, "party"),
    }  # fmt: skip
    return found


# -- fetching ------------------------------------------------------------------------------------------------------


def test_new_connection_fetches_all_that_it_may_have_missed(world: World, network: Answering, player: Player) -> None:
    player._established()
    world.run(1.0)
    assert sorted(what for what, _ in network.asked) == ["friends", "my_party", "my_room", "online"]
    known: tuple[Any, ...] = (player.presence.online, player.friends, player.party, player.room)
    assert known == ({1, 2}, "friends", "party", None)
    assert player.heard[0].accepted_at == ("e1", 7)


def test_fetch_that_failed_is_tried_again(world: World, network: Answering, player: Player) -> None:
    network.answers["online"] = Answer(503)
    player._established()
    world.run(0.9)
    assert player.presence.online is None
    network.answers["online"] = Answer(200, frozenset({1}))
    world.run(3.0)
    assert player.presence.online == {1}


def test_stale_answer_is_none(world: World, network: Answering, player: Player) -> None:
    network.answers["friends"] = Answer(200, "old friends", is_stale=True)
    player._established()
    world.run(0.9)
    assert player.friends is None


def test_player_who_went_away_tries_nothing_again(world: World, network: Answering, player: Player) -> None:
    network.answers["online"] = Answer(503)
    player._established()
    player.is_wanted = False
    world.run(20.0)
    assert len(network.times("online")) == 1


def test_answer_about_the_room_that_contradicts_what_was_told_meanwhile_is_fetched_again(
    world: World, network: Answering, player: Player
) -> None:
    player._established()
    world.run(1.0)
    network.meanwhile.append(
        lambda: tell(player, messages.RoomJoined(roomId="r2", peerId=3, members=[], gamemode="duel", mapName=None))
    )
    player._want(MY_ROOM)
    world.run(1.12)
    believed = [player.room is not None]
    world.run(2.0)
    assert [*believed, player.room is not None] == [True, False], "what was told last, until the next answer"
    assert len(network.times("my_room")) == 3


# -- what is told --------------------------------------------------------------------------------------------------


def test_who_comes_and_goes_is_heard_and_believed(world: World, player: Player) -> None:
    player._established()
    world.run(1.0)
    tell(player, messages.UserOnline(user_id=9, username="x"), messages.UserOffline(user_id=2, username="bob"))
    assert player.presence.online == {1, 9}
    assert player.heard[-1].presence == [(9, True), (2, False)]


def test_player_who_is_kicked_is_in_no_room(world: World, network: Answering, player: Player) -> None:
    player._established()
    world.run(1.0)
    tell(player, messages.RoomJoined(roomId="r2", peerId=3, members=[], gamemode="duel", mapName=None))
    assert player.room is not None
    tell(player, messages.Kicked())
    assert player.room is None


def test_new_connection_knows_of_no_room_until_it_is_told(world: World, player: Player) -> None:
    player._established()
    world.run(1.0)
    tell(player, messages.RoomJoined(roomId="r2", peerId=3, members=[], gamemode="duel", mapName=None))
    player._established()
    assert player.room is None
    assert len(player.heard) == 2


def test_invitation_into_a_room_is_known_until_its_end_is_told_or_the_connection_is_another(
    world: World, player: Player
) -> None:
    def invited(room_id: str, sender_id: int) -> messages.ServerMessage:
        return MatchInvited(room_id=room_id, from_user_id=sender_id, from_username="x", gamemode="duel")

    assert player.invitations == {}
    player._established()
    world.run(1.0)
    tell(player, invited("r1", 2), invited("r1", 3), invited("r2", 3))
    assert player.invitations == {"r1": {2, 3}, "r2": {3}}
    tell(player, MatchInviteClosed(room_id="r1", reason="gone"), MatchInviteClosed(room_id="r9", reason="gone"))
    assert player.invitations == {"r2": {3}}
    player._established()
    assert player.invitations == {}


# -- doubts --------------------------------------------------------------------------------------------------------


def test_call_without_an_answer_is_looked_after_until_it_can_happen_no_more(
    world: World, network: Answering, player: Player
) -> None:
    world.run(10.0)
    Fiber(world, lambda: player.ask("block", 2))
    world.run(30.0)
    assert network.times("friends") == pytest.approx([10.1 + each for each in DOUBT_LOOKS_S])


def test_doubts_at_one_time_share_their_looks(world: World, network: Answering, player: Player) -> None:
    world.run(10.0)
    player.doubt()
    player.doubt()
    world.run(30.0)
    assert len(network.times("friends")) == len(DOUBT_LOOKS_S)


def test_refusal_is_no_doubt(world: World, network: Answering, player: Player) -> None:
    network.answers["block"] = Answer(409)
    Fiber(world, lambda: player.ask("block", 2))
    world.run(30.0)
    assert network.times("friends") == []


def test_player_who_has_left_a_room_looks_again_soon_and_when_it_must_have_come(
    world: World, network: Answering, player: Player
) -> None:
    player.left_room()
    world.run(30.0)
    assert network.times("my_room") == [0.5, 8.0]


# -- the device ----------------------------------------------------------------------------------------------------


def test_connection_that_is_lost_or_refused_hears_nothing_more(world: World, player: Player) -> None:
    player._established()
    player._lost()
    assert not player.heard[-1].is_live
    player._established()
    player._refuse("invalid_token")
    assert (player.refused, player.heard[-1].is_live) == ("invalid_token", False)


@pytest.mark.parametrize(("window", "is_slow"), [(600, True), (32_768, False)])
def test_player_with_a_small_window_is_slow(world: World, network: Answering, window: int, *, is_slow: bool) -> None:
    assert a_player(world, network, window=window).is_slow is is_slow


# -- what is followed by who asks for it ---------------------------------------------------------------------------


STATE = RoomStateTold(
    roomId="r1", code="ABCDEF", name=None, gamemode="duel", mapName=None, maxPlayers=4, isPublic=True, isStarted=False,
    hostPeerId=1, ready=[],
)  # fmt: skip


def a_follower(world: World, network: Answering) -> Player:
    network.answers |= {
        "blocks": Answer(200, SimpleNamespace(blocks=[SimpleNamespace(user_id=2)])),
        "friend_rooms": Answer(200, SimpleNamespace(rooms=[SimpleNamespace(user_id=3, room_id="r3")])),
    }  # fmt: skip
    network.answers |= {each: Answer(200) for each in ("online", "my_room", "friends", "my_party")}
    network.answers["online"] = Answer(200, frozenset[int]())
    player = a_player(world, network)
    player.connection.accepted_features = frozenset({Feature.OWN_CHANGES, Feature.FRIEND_ROOMS})
    return player


def test_whom_the_user_blocks_and_where_friends_are_is_fetched_and_followed(world: World, network: Answering) -> None:
    player = a_follower(world, network)
    player._established()
    world.run(1.0)
    assert (player.blocks, player.friend_rooms.rooms) == ({2}, {3: "r3"})
    network.answers["blocks"] = Answer(200, SimpleNamespace(blocks=[]))
    tell(player, UserUnblocked(user_id=2), FriendRoom(user_id=4, room_id="r4"))
    world.run(2.0)
    assert (player.blocks, player.friend_rooms.rooms) == (set(), {3: "r3", 4: "r4"})


def test_state_of_the_room_is_what_was_told_last_on_this_connection(world: World, player: Player) -> None:
    player._established()
    world.run(1.0)
    tell(player, STATE)
    assert player.room_state == STATE
    player._established()
    assert player.room_state is None


def test_announcements_are_noted_for_their_connection(world: World, player: Player) -> None:
    player._established()
    tell(player, Announcement(id=7, title="hello", body="", ts=0))
    player._established()
    assert [each.announcements for each in player.heard] == [[7], []]


# -- who is put out ------------------------------------------------------------------------------------------------


@pytest.fixture
def connects(player: Player, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """With which tokens."""
    found: list[str] = []
    monkeypatch.setattr(player.connection, "connect_to_server", found.append)
    return found


def test_player_who_is_put_out_for_a_while_tries_to_come_back(
    world: World, player: Player, connects: list[str]
) -> None:
    player._refuse("user_banned")
    world.run(5.0)
    assert (connects, player.refused) == ([], "user_banned"), "nobody has said that it is for a while"
    player.comes_back()
    player._refuse("user_banned")
    world.run(10.0)
    assert (connects, player.refused) == (["token"], "")


def test_player_who_leaves_for_ever_is_not_refused_and_does_not_come_back(
    world: World, player: Player, connects: list[str]
) -> None:
    player.comes_back()
    player.leaves_for_ever()
    player._refuse("signed_out")
    player.connect()
    world.run(5.0)
    assert (connects, player.refused, player.is_wanted) == ([], "", False)


# -- tokens that end -----------------------------------------------------------------------------------------------


def test_player_whose_token_ends_comes_back_by_another_login(world: World, player: Player, connects: list[str]) -> None:
    player.account.lets_end(iter(["second", "third"]).__next__, knows_fresh=True, renews=True)
    assert Feature.REFRESH in player.connection.features
    player._refuse("signed_out")
    world.run(5.0)
    assert (connects, player.token, player.refused) == (["second"], "second", "")


def test_player_whose_token_is_refused_by_a_call_logs_in_again_once(
    world: World, network: Answering, player: Player, connects: list[str]
) -> None:
    network.answers["my_party"] = Answer(401, code="invalid_token")
    player.do(lambda: player.ask("my_party"))
    world.run(5.0)
    assert connects == [], "tokens outlive the run"
    player.account.lets_end(iter(["second", "third"]).__next__, knows_fresh=False, renews=False)
    for _ in range(2):
        player.do(lambda: player.ask("my_party"))
    world.run(10.0)
    assert (connects, player.token) == (["second"], "second")


def test_banned_player_needs_no_other_login(world: World, network: Answering, player: Player) -> None:
    network.answers["my_party"] = Answer(401, code="user_banned")
    player.account.lets_end(lambda: "second", knows_fresh=False, renews=False)
    player.do(lambda: player.ask("my_party"))
    world.run(5.0)
    assert player.token == "token"


@pytest.mark.parametrize("renews", [True, False])
def test_player_who_hears_that_the_token_ends_renews_it_or_does_not(
    world: World, network: Answering, player: Player, *, renews: bool
) -> None:
    network.answers["refresh"] = Answer(200, FreshToken(token="fresh"))
    player.account.lets_end(lambda: "second", knows_fresh=True, renews=renews)
    player.connection.token_expiring.emit(2)
    world.run(5.0)
    assert player.token == ("fresh" if renews else "token")


def test_what_is_heard_of_the_token_is_kept(player: Player) -> None:
    player._established()
    told = [messages.TokenExpiring(in_s=2), messages.Refreshed(token_ttl_s=8)]
    tell(player, *told)
    assert player.heard[-1].of_token == told
