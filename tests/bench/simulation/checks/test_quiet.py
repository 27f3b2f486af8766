"""Once things are quiet: a lobby in which everybody believes what is true, and the smallest lie of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from bench.simulation.checks.answers import Answers
from bench.simulation.checks.history import History, Line
from bench.simulation.checks.limits import Limits
from bench.simulation.checks.quiet import DUE_WITHIN_S, faults, left_behind, lines_lost
from bench.simulation.clients.views import RoomView
from bench.simulation.outside.store import Database
from lobby_server.core.bans import UserBan
from lobby_server.core.friends import FriendRequest
from lobby_server.core.invitations import MatchInvitation
from lobby_server.core.machine import commands, effects
from lobby_server.core.room_codes import code_of
from lobby_server.protocol.feature_messages import RoomStateTold
from lobby_server.protocol.features import Feature
from lobby_server.protocol.requests import Whom
from lobby_server.protocol.resources import RoomList
from lobby_server.service.administration.ports import StoredUserBan
from lobby_server.service.ports import StoredInvitation
from lobby_server.service.social.ports import NewLine
from tests.bench.simulation.lobbies import AT
from tests.service.house import ANN, BOB, CLEO, House

WRITES, VIEWS = "writes are kept", "views equal the truth"


class Scene:
    """One node with its sessions; players who have looked at everything."""

    def __init__(self, house: House, database: Database) -> None:
        self.house, self.database = house, database
        self.history = History()
        self.history.branches.open("e1", "", 0)
        self.answers = Answers(self.history, database, Limits(rate_per_s=1.0, burst=1.0))
        app = house.app
        [node, *_] = [node for _, sockets in app.presence.sockets() for node, _, _ in sockets]
        log: Any = SimpleNamespace(
            position=("e1", 7), takes_part=True, waiting=0, node=node, now_s=house.clock.monotonic_s
        )  # fmt: skip
        self.life: Any = SimpleNamespace(app=app, is_open=True, log=log)
        self.node: Any = SimpleNamespace(name="a", life=self.life)
        self.life.node = self.node
        self.nodes = [self.node]
        self.players = [self._player(user) for user in (ANN, BOB, CLEO)]

    def _player(self, user: Any) -> Any:
        app = self.house.app
        room = app.rooms.book.room_of(user.id)
        return SimpleNamespace(
            name=user.username, user=user, refused="", is_wanted=True, is_only_device=True,
            connection=SimpleNamespace(is_connected=True, accepted_features=frozenset[Feature]()),
            rooms=tuple(msgspec.json.decode(app.room_list.snapshot(None).plain, type=RoomList).rooms),
            room=RoomView.of(app.rooms.mine(user)) if room is not None else None,
            presence=SimpleNamespace(online={each.id for each in app.presence.online()}),
            friends=app.social.friends.overview(user), party=app.social.parties.mine(user), invitations={},
            blocks=None, friend_rooms=SimpleNamespace(rooms=None), room_state=None, list=None,
        )  # fmt: skip

    def found(self) -> list[str]:
        """The invariants that are violated."""
        nodes: list[Any] = list(self.nodes)
        seen = faults(nodes, self.players, self.database, self.answers, self.history)
        return [invariant for invariant, _ in seen]


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """Ann hosts a room with Bob in it; they are friends and a party; Cleo has asked Ann to be hers."""
    database = Database()
    house = await House(store=database).start()
    ann, bob, _ = (house.connect(user, "rev") for user in (ANN, BOB, CLEO))
    room_id = await house.room(ANN)
    bob.say("join_room", roomId=room_id, version="1", name="bob")
    ann.told()
    social = house.app.social
    await social.friends.ask(ANN, Whom(BOB.id))
    [request] = social.friends.overview(BOB).incoming
    await social.friends.accept(BOB, request.request_id)
    await social.friends.ask(CLEO, Whom(ANN.id))
    await social.parties.create(ANN)
    party = social.parties.mine(ANN).party
    assert party is not None
    await social.parties.invite(ANN, party.id, Whom(BOB.id))
    await social.parties.join(BOB, party.id)
    await house.settle()
    yield Scene(house, database)
    await house.stop()


def test_lobby_in_which_all_is_well_has_no_fault(scene: Scene) -> None:
    assert scene.found() == []


# -- nodes ---------------------------------------------------------------------------------------------------------


def another_life(scene: Scene, **log: Any) -> None:
    it = SimpleNamespace(**{**vars(scene.life.log), "node": "b", **log})
    app = SimpleNamespace(**{name: getattr(scene.life.app, name) for name in ("replica", "fanout", "writer")},
                          sessions=SimpleNamespace(accepted_ones=list))  # fmt: skip
    life: Any = SimpleNamespace(app=app, is_open=True, log=it)
    life.node = SimpleNamespace(name="b", life=life)
    scene.nodes.append(life.node)


@pytest.mark.parametrize(
    ("change", "invariant"),
    [
        (lambda scene: setattr(scene.life, "is_open", False), "nodes come back"),
        (lambda scene: setattr(scene.life.log, "takes_part", False), "nodes come back"),
        (lambda scene: setattr(scene.node, "life", None), "nodes come back"),
        (lambda scene: another_life(scene, position=("e1", 6)), "nodes stand at one place"),
        (lambda scene: setattr(scene.life.log, "waiting", 1), "queues empty themselves"),
    ],
    ids=["not open", "takes no part", "no process", "behind", "a command waits"],
)
def test_node_that_is_not_as_the_others_is_found(scene: Scene, change: Callable[[Scene], None], invariant: str) -> None:
    change(scene)
    assert scene.found() == [invariant]


def test_equal_node_is_no_fault(scene: Scene) -> None:
    another_life(scene)
    assert scene.found() == []


def test_line_that_is_neither_told_nor_refused_is_found(scene: Scene) -> None:
    scene.house.app.replica.books.lines["a", 1] = commands.Say(1, ANN, "lobby", "hello", AT)
    assert scene.found() == ["queues empty themselves"]


def test_notification_that_is_not_kept_is_found(scene: Scene) -> None:
    notice = effects.NoticeDue("k9", ANN.id, "party_invite", "", "", BOB, AT)
    scene.house.app.replica.books.notices.expect(notice)
    assert scene.found() == ["queues empty themselves"]


# -- what is not made ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda scene: None, ["what is not made leaves nothing"]),
        (lambda scene: scene.history.rooms_made.update({"a0-9": []}), []),
        (lambda scene: setattr(scene.life, "has_named", lambda room_id: False), []),
        (lambda scene: setattr(scene.life, "first_name", "another"), []),
        (lambda scene: setattr(scene.life.log, "waiting", 1), []),
        (lambda scene: setattr(scene.life, "is_open", False), []),
        (lambda scene: setattr(scene.node, "life", None), []),
    ],
    ids=["nobody else's", "in the log", "another process's", "given up", "a command waits", "ends", "has ended"],
)
async def test_room_of_the_database_that_was_never_made_is_taken_back_by_who_was_to_make_it(
    scene: Scene, change: Callable[[Scene], None], found: list[str]
) -> None:
    [made] = scene.database.kept_rooms().values()
    await scene.database.add_room(replace(made, id="a0-9"))
    scene.life.first_name, scene.life.has_named = scene.life.log.node, lambda room_id: True
    change(scene)
    nodes: list[Any] = list(scene.nodes)
    seen = left_behind(nodes, scene.database, scene.history.rooms_made)
    assert [invariant for invariant, _ in seen] == found


# -- sockets -------------------------------------------------------------------------------------------------------


def test_session_that_the_state_does_not_know_is_found(scene: Scene) -> None:
    presence = scene.house.app.presence
    presence._sockets[CLEO.id] = ((scene.life.log.node, 999, "1"),)
    assert scene.found() == ["nobody offline with a session", "nobody online without a session"]


def test_user_who_is_held_for_ever_is_found(scene: Scene) -> None:
    scene.house.app.presence._held_until_s[CLEO.id] = 1e9
    assert scene.found() == ["nobody online without a session"]


def test_player_who_is_no_user_is_found(scene: Scene) -> None:
    scene.players.pop()
    assert scene.found() == ["every player is a user"]


# -- the database --------------------------------------------------------------------------------------------------


async def forget_room(scene: Scene) -> None:
    await scene.database.delete_room(next(iter(scene.database.kept_rooms())))


async def keep_another_room(scene: Scene) -> None:
    [room] = scene.database.kept_rooms().values()
    await scene.database.add_room(replace(room, id="gone"), is_again=True)


async def ban_somebody(scene: Scene) -> None:
    await scene.database.ban(next(iter(scene.database.kept_rooms())), 77)


async def part(scene: Scene) -> None:
    await scene.database.delete_friendship(ANN.id, BOB.id)


async def forget_request(scene: Scene) -> None:
    [request_id] = scene.database.kept_requests()
    await scene.database.delete_friend_request(request_id)


async def block(scene: Scene) -> None:
    await scene.database.add_block(CLEO.id, BOB, AT)


async def hide(scene: Scene) -> None:
    await scene.database.set_whereabouts(CLEO.id, "nobody")


@pytest.mark.parametrize("change", [forget_room, keep_another_room, ban_somebody, part, forget_request, block, hide])
async def test_what_the_database_has_otherwise_is_found(scene: Scene, change: Any) -> None:
    await change(scene)
    assert scene.found() == [WRITES]


@pytest.mark.parametrize("is_known", [True, False], ids=["the state has it too", "the state has it not"])
async def test_request_between_friends_is_found_though_all_have_it(scene: Scene, *, is_known: bool) -> None:
    """Both ways of it: as one that the books have as well, and as one that a start would bring back."""
    request = FriendRequest(99, BOB, ANN, AT)
    scene.database._requests[99] = request
    scene.database.requests_made[99] = (BOB.id, ANN.id)
    if is_known:
        scene.house.app.replica.books.friends.add_request(request)
        scene.players = [scene._player(each.user) for each in scene.players]
    assert set(scene.found()) == {WRITES}


async def test_user_whose_account_is_being_deleted_is_not_held_against_the_database(scene: Scene) -> None:
    await part(scene)
    scene.answers.users_leaving.add(ANN.id)
    assert scene.found() == []


async def test_room_of_the_database_has_forgotten_who_is_deleted(scene: Scene) -> None:
    [room] = scene.house.app.rooms.book.all()
    room.banned_user_ids.add(77)
    assert scene.found() == [WRITES]
    scene.database.users_deleted.add(77)
    assert scene.found() == []


async def test_guest_of_whom_only_the_database_knows_is_found(scene: Scene) -> None:
    [room_id] = scene.database.kept_rooms()
    await scene.database.invite_to_room(room_id, [77])
    assert scene.found() == [WRITES]


async def test_line_that_was_told_is_found_later(scene: Scene) -> None:
    new = NewLine(channel="lobby", sender=ANN, text="hello", sent_at=AT, is_withheld=False)
    [kept] = await scene.database.add_chat_lines([new])
    history = History(chat=[(kept.id, Line(("e1", 7), ANN.id, None))])
    assert list(lines_lost(history, scene.database)) == []
    await scene.database.delete_chat_before(AT + timedelta(seconds=1))
    assert [invariant for invariant, _ in lines_lost(history, scene.database)] == ["what was told is kept"]
    scene.database.users_deleted.add(ANN.id)
    assert list(lines_lost(history, scene.database)) == [], "they go with the account"


# -- bans from the lobby, codes, deadlines -------------------------------------------------------------------------


def a_ban(*, in_state: float | None = -1.0, in_database: int | None = -1) -> Callable[[Scene], None]:
    """Of Bob; until when. -1: none. The clock stands at `AT`."""

    def change(scene: Scene) -> None:
        if in_state != -1.0:
            scene.house.app.replica.books.user_bans[BOB.id] = UserBan(BOB, "", in_state)
        if in_database != -1:
            now = scene.house.clock.utc_now()
            until = None if in_database is None else now + timedelta(seconds=in_database)
            scene.database._user_bans[BOB.id] = StoredUserBan(user=BOB, reason="", until=until, created_at=now, by=ANN)

    return change


@pytest.mark.parametrize(
    ("change", "invariants"),
    [
        (a_ban(in_state=None, in_database=None), []),
        (a_ban(in_state=None), [WRITES]),
        (a_ban(in_database=None), [WRITES]),
        (a_ban(in_database=9), [WRITES]),
        (a_ban(in_database=-9), []),
        (a_ban(in_state=1.0, in_database=None), [WRITES]),
    ],
    ids=["equal", "state alone", "database alone", "database alone, with an end", "it has ended", "another end"],
)
def test_ban_is_in_state_and_database(scene: Scene, change: Callable[[Scene], None], invariants: list[str]) -> None:
    change(scene)
    assert scene.found() == invariants
    scene.history.bans[BOB.id] = [("e0", 4)]
    assert WRITES not in scene.found(), "it was decided in a log that is gone"


def test_player_whose_ban_was_lifted_in_a_log_that_is_gone_stays_out(scene: Scene) -> None:
    a_ban(in_state=None)(scene)
    scene.players[1].refused = "user_banned"
    scene.history.bans[BOB.id] = [("e0", 4)]
    assert scene.found() == ["every player is a user"], "here he is online all the same"
    scene.history.bans[BOB.id] = []
    assert "players stay connected" in scene.found()


def test_code_of_a_room_that_is_gone_leads_to_none(scene: Scene) -> None:
    book = scene.house.app.rooms.book
    [room] = book.all()
    scene.history.rooms_ended = {room.id: [], "r9": []}
    assert scene.found() == []
    book._by_code[code_of("r9")] = replace(room, id="r9")
    assert scene.found() == ["the rules hold"]


def test_deadline_that_has_come_is_seen_to(scene: Scene) -> None:
    [room] = scene.house.app.rooms.book.all()
    now_s = scene.house.clock.monotonic_s()
    room.host_until_s = now_s - DUE_WITHIN_S + 1.0
    assert "what is due comes" not in scene.found()
    room.host_until_s = now_s - DUE_WITHIN_S - 1.0
    assert "what is due comes" in scene.found()


# -- what players hear who ask for it ------------------------------------------------------------------------------


def follow(scene: Scene, *features: Feature) -> Any:
    """Bob asks for these, and sees what is true."""
    bob = scene.players[1]
    bob.connection.accepted_features = frozenset(features)
    app = scene.house.app
    [room] = app.rooms.book.all()
    bob.room_state = RoomStateTold(**msgspec.structs.asdict(app.hosting.state(BOB, room.id)))
    bob.blocks, bob.friend_rooms.rooms = set(), {ANN.id: room.id}
    return bob


def test_member_sees_the_room_as_it_is(scene: Scene) -> None:
    bob = follow(scene, Feature.ROOM_STATE)
    assert scene.found() == []
    bob.room_state = msgspec.structs.replace(bob.room_state, isStarted=True)
    assert scene.found() == [VIEWS]
    bob.room_state = None
    assert scene.found() == [VIEWS]


def test_user_sees_whom_they_block(scene: Scene) -> None:
    bob = follow(scene, Feature.OWN_CHANGES)
    assert scene.found() == []
    bob.blocks = {CLEO.id}
    assert scene.found() == [VIEWS]


def test_friend_is_seen_in_a_public_room_if_they_let_it_be_known(scene: Scene) -> None:
    bob = follow(scene, Feature.FRIEND_ROOMS)
    assert scene.found() == []
    bob.friend_rooms.rooms[CLEO.id] = "r1"
    assert scene.found() == [], "one who is no friend any more is not shown"
    bob.friend_rooms.rooms = {}
    assert scene.found() == [VIEWS]
    scene.house.app.replica.books.whereabouts[ANN.id] = "nobody"
    assert VIEWS not in scene.found()


# -- what players believe ------------------------------------------------------------------------------------------


def bob(scene: Scene) -> Any:
    return scene.players[1]


def another_party(scene: Scene) -> None:
    bob(scene).party = SimpleNamespace(party=None, invites=[])


def another_invitation(scene: Scene) -> None:
    believed = bob(scene).party
    bob(scene).party = SimpleNamespace(party=believed.party, invites=[SimpleNamespace(party_id="p9")])


LIES: dict[str, Callable[[Scene], None]] = {
    "no room in the list": lambda scene: setattr(bob(scene), "rooms", ()),
    "somebody is offline": lambda scene: bob(scene).presence.online.discard(CLEO.id),
    "nothing is fetched": lambda scene: setattr(bob(scene).presence, "online", None),
    "in no room": lambda scene: setattr(bob(scene), "room", None),
    "in another room": lambda scene: setattr(bob(scene).room, "room_id", "r9"),
    "a member is missing": lambda scene: bob(scene).room.members.pop(1),
    "another peer id": lambda scene: setattr(bob(scene).room, "peer_id", 9),
    "another host": lambda scene: setattr(bob(scene).room, "host_peer_id", bob(scene).room.peer_id),
    "a friend is missing": lambda scene: setattr(
        bob(scene), "friends", SimpleNamespace(friends=[], incoming=bob(scene).friends.incoming)
    ),
    "a request too many": lambda scene: setattr(
        bob(scene), "friends",
        SimpleNamespace(friends=bob(scene).friends.friends, incoming=[SimpleNamespace(request_id=9)]),
    ),
    "in no party": another_party,
    "an invitation too many": another_invitation,
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_player_who_believes_what_is_not_true_is_found(scene: Scene, lie: str) -> None:
    LIES[lie](scene)
    assert scene.found() == [VIEWS]


def test_guest_of_no_room_who_believes_to_be_in_one_is_found(scene: Scene) -> None:
    scene.players[2].room = RoomView("r1", 1, {1: "cleo"}, 1)
    assert scene.found() == [VIEWS]


async def test_player_who_was_not_told_that_an_invitation_into_a_room_is_over_is_found(scene: Scene) -> None:
    [room] = scene.house.app.rooms.book.all()
    cleo = scene.players[2]
    cleo.invitations = {room.id: {ANN.id}}
    assert scene.found() == [VIEWS]
    scene.house.app.replica.books.matches.add(MatchInvitation(room.id, BOB.id, CLEO.id))
    assert scene.found() == [WRITES]
    await scene.database.keep_invitations(room.id, stand=[StoredInvitation(BOB.id, CLEO.id, lets_in=False)])
    assert scene.found() == [], "there is one of another sender, and an end names the room alone"


def test_end_of_an_invitation_by_a_user_who_was_ever_blocked_may_not_have_been_told(scene: Scene) -> None:
    scene.players[2].invitations = {"r9": {ANN.id}}
    scene.database.ever_blocked.add((CLEO.id, ANN.id))
    assert scene.found() == []


@pytest.mark.parametrize("lie", ["a friend is missing", "in no party"])
def test_second_device_is_not_asked_about_what_it_is_not_told(scene: Scene, lie: str) -> None:
    bob(scene).is_only_device = False
    LIES[lie](scene)
    assert scene.found() == []


def test_what_was_never_fetched_is_no_belief(scene: Scene) -> None:
    bob(scene).friends = bob(scene).party = None
    assert scene.found() == []


def test_player_who_follows_friends_alone_is_not_asked_about_others(scene: Scene) -> None:
    bob(scene).connection.accepted_features = frozenset({Feature.PRESENCE_FRIENDS})
    LIES["somebody is offline"](scene)
    assert scene.found() == []


def test_player_who_is_wanted_is_connected(scene: Scene) -> None:
    bob(scene).connection.is_connected = False
    assert scene.found() == ["players stay connected"]


def test_player_who_was_refused_is_found_and_one_who_went_away_is_not_asked(scene: Scene) -> None:
    bob(scene).refused = "invalid_token"
    assert scene.found() == ["every player is a user", "players stay connected"]
    bob(scene).refused, bob(scene).is_wanted = "", False
    bob(scene).rooms = ()
    assert scene.found() == ["every player is a user"]
