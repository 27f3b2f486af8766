"""Who looks over the shoulder of the nodes: what is a violation at an entry, and what is none."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from math import inf
from types import SimpleNamespace
from typing import Any

import pytest

from bench.simulation.checks.observer import LOOK_EVERY, MOST_WAITING, Observer
from bench.simulation.checks.rulings import Rulings
from bench.simulation.outside.loop import World
from bench.simulation.outside.store import Database
from lobby_server.backplane.place.standing import TAIL
from lobby_server.backplane.wire import Entry
from lobby_server.core.friends import FriendRequest
from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.commands import Command, SaidLine
from lobby_server.service.administration.ports import StoredUserBan
from lobby_server.service.rooms.stored import stored_room
from lobby_server.service.social.ports import NewLine
from tests.bench.simulation.lobbies import ANN, AT, BOB, CLEO, Lobby

RULINGS = partial(Rulings, grace_s=0.0)


class Log(SimpleNamespace):
    """By which an observer knows a process."""

    __hash__ = object.__hash__  # type: ignore[assignment]


class Node:
    """A log and its app, as far as they are looked at."""

    def __init__(self, observer: Observer, name: str) -> None:
        self.observer = observer
        self.lobby = Lobby()
        standing = SimpleNamespace(tail=[])
        self.log: Any = Log(
            node=name, number=0, position=("e1", 0), waiting=0, takes_part=True, _standing=standing
        )  # fmt: skip
        self.app: Any = SimpleNamespace(
            replica=SimpleNamespace(state=self.lobby.state, books=self.lobby.books, hear=self._hear),
            presence=self.lobby.books.presence,
            settings=SimpleNamespace(outbox_log_bytes=100),
            fanout=SimpleNamespace(profiles=lambda: iter((1, 2)), logged_bytes=0, tell=lambda session, frames: None),
            writer=SimpleNamespace(is_full=False, waiting=0),
            announcer=SimpleNamespace(knows_of_rooms=True, welcome=lambda session: None),
            clock=SimpleNamespace(utc_now=lambda: AT, set_at_s=-inf),
            sessions=SimpleNamespace(of_user=lambda user_id: ()),
        )
        self.epoch = "e1"
        self._hearers: dict[type, Any] = {}
        observer.watch_app(self.app, self.log)  # type: ignore[arg-type]

    def hears(self, effect: effects.Effect, session: Any = None) -> None:
        """As an entry that has this effect."""
        self._hearers[type(effect)](effect, session)

    def _hear(self, kind: type, hear: Any) -> None:
        before = self._hearers.get(kind)
        self._hearers[kind] = hear if before is None else lambda *told: (before(*told), hear(*told))

    def take(self, number: int, *said: Command, batch: bytes = b"") -> None:
        """Apply an entry with these commands."""
        entry = Entry(number, 0, batch or repr(said).encode())
        self.log.number, self.log.position = number, (self.epoch, number)
        self.observer.entry(self.log, entry)
        for command in said:
            self.observer.command(self.log, command, "a")
            for effect in self.lobby.do(command):
                if (hear := self._hearers.get(type(effect))) is not None:
                    hear(effect, None)
            self.observer.done(self.log, command)
        self.observer.applied(self.log, entry)


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def observer(database: Database) -> Observer:
    found = Observer(World(), database, rulings=RULINGS(), tells=True)
    found.opened("e1", "", 0)
    return found


@pytest.fixture
def node(observer: Observer) -> Node:
    return Node(observer, "a")


def violated(observer: Observer) -> str:
    """The invariant; empty: none is."""
    return observer.violation.invariant if observer.violation is not None else ""


# -- commit before announcement ------------------------------------------------------------------------------------

REQUEST = FriendRequest(1, ANN, BOB, AT)
LINE = SaidLine("a", 1, 1, ANN, "hello", AT)
ROOM = Lobby().make_room("r1", ANN)
COMMANDS: dict[str, Command] = {
    "room": commands.CreateRoom(ROOM), "lines": commands.Tell((LINE,)), "request": commands.AskFriend(REQUEST, "key"),
    "friends": commands.Befriend(REQUEST, AT, "key"), "block": commands.Block(ANN, BOB, AT),
    "token": commands.SignOut(ANN, "t1", 9.0, 0.0), "announcement": commands.Announce(1, "hello", "", 0),
    "notification": commands.DeliverNotices(ANN.id, (commands.Notice(1, "kind", "", "", BOB.id, 0),)),
    "ban": commands.BanUser(BOB, "quarrel", None),
}  # fmt: skip


async def commit(database: Database, what: str) -> None:
    if what == "room":
        await database.add_room(stored_room(ROOM))
    elif what == "lines":
        await database.add_chat_lines([NewLine(channel="lobby", sender=ANN, text="hello", sent_at=AT)])
    elif what == "request":
        await database.add_friend_request(ANN, BOB, AT)
    elif what == "friends":
        await database.add_friend_request(ANN, BOB, AT)
        await database.add_friendship(ANN, BOB, AT)
    elif what == "block":
        await database.add_block(ANN.id, BOB, AT)
    elif what == "announcement":
        await database.add_announcement(title="hello", body="", author=ANN, created_at=AT)
    elif what == "notification":
        await notify(database)
        await database.set_delivered(ANN.id, up_to=1)
    elif what == "ban":
        await database.keep_user_ban(StoredUserBan(user=BOB, reason="", until=None, created_at=AT, by=ANN))
    else:
        await database.revoke_token("t1", AT)


async def notify(database: Database) -> None:
    await database.add_notification(
        user_id=ANN.id, kind="kind", title="", body="", from_user_id=BOB.id, created_at=AT, is_delivered=False
    )


@pytest.mark.parametrize("what", COMMANDS)
async def test_what_the_database_has_not_may_not_be_announced(
    observer: Observer, database: Database, node: Node, what: str
) -> None:
    await notify(database)
    observer.entry(node.log, Entry(1, 0, b"x"))
    observer.command(node.log, COMMANDS[what], "a")
    assert violated(observer) == "commit before announcement"


@pytest.mark.parametrize("what", COMMANDS)
async def test_what_the_database_has_may_be(observer: Observer, database: Database, node: Node, what: str) -> None:
    await commit(database, what)
    observer.entry(node.log, Entry(1, 0, b"x"))
    observer.command(node.log, COMMANDS[what], "a")
    assert violated(observer) == ""


def test_second_node_to_apply_an_entry_is_not_asked_again(observer: Observer, node: Node, database: Database) -> None:
    database.ever_blocked.add((ANN.id, BOB.id))
    node.take(1, COMMANDS["block"])
    database.ever_blocked.clear()
    Node(observer, "b").take(1, COMMANDS["block"])
    assert violated(observer) == ""


# -- nobody is moved unasked ---------------------------------------------------------------------------------------


def test_player_who_asked_once_is_moved_once(observer: Observer, node: Node) -> None:
    node.lobby.come(ANN, BOB)
    node.lobby.make_room("r1", ANN)
    observer.asked_to_join[BOB.id, "r1"] += 1
    node.take(1, commands.JoinRoom(BOB, "r1", "1"))
    assert violated(observer) == ""
    node.take(2, commands.JoinRoom(BOB, "r1", "1"))
    assert violated(observer) == "nobody is moved unasked"


def test_join_that_a_log_has_again_which_went_another_way_was_asked_for_once(observer: Observer, node: Node) -> None:
    other = Node(observer, "b")
    for each in (node, other):
        each.lobby.come(ANN, BOB)
        each.lobby.make_room("r1", ANN)
    observer.asked_to_join[BOB.id, "r1"] += 1
    node.take(2, commands.JoinRoom(BOB, "r1", "1"))
    observer.opened("e2", "e1", 1)
    other.epoch = "e2"
    other.take(2, commands.JoinRoom(BOB, "r1", "1"))
    assert violated(observer) == ""
    other.take(3, commands.JoinRoom(BOB, "r1", "1"))
    assert violated(observer) == "nobody is moved unasked"


# -- equal states --------------------------------------------------------------------------------------------------


def test_nodes_at_one_position_are_equal(observer: Observer, node: Node) -> None:
    other = Node(observer, "b")
    for each in (node, other):
        each.take(LOOK_EVERY, commands.Arrive(ANN, 1, "1"))
    assert violated(observer) == ""
    other.lobby.come(CLEO)
    observer.look(other.log)
    assert violated(observer) == "equal position, equal state"


def test_state_is_looked_at_every_so_many_entries(observer: Observer, node: Node) -> None:
    node.lobby.come(ANN)
    del node.lobby.books.presence._sockets[ANN.id]
    node.take(LOOK_EVERY - 1, commands.Nothing())
    assert violated(observer) == ""
    node.take(LOOK_EVERY, commands.Nothing())
    assert violated(observer) == "the rules hold"


def test_revision_goes_only_up(observer: Observer, node: Node) -> None:
    node.lobby.books.rooms.revision = 7
    node.take(1, commands.Nothing())
    node.lobby.books.rooms.revision = 6
    node.take(2, commands.Nothing())
    assert violated(observer) == "revision only up"


def test_nodes_show_one_list_at_one_revision(observer: Observer, node: Node) -> None:
    other = Node(observer, "b")
    for each, names in ((node, ("r1",)), (other, ("r1",))):
        each.lobby.come(ANN)
        for name in names:
            each.lobby.make_room(name, ANN)
        each.lobby.books.rooms.revision = 7
        each.take(1, commands.Nothing())
    assert violated(observer) == ""
    third = Node(observer, "c")
    third.lobby.books.rooms.revision = 7
    third.take(1, commands.Nothing())
    assert violated(observer) == "one revision, one list"


@pytest.mark.parametrize("is_announced", [True, False])
def test_change_of_the_list_is_announced(observer: Observer, node: Node, *, is_announced: bool) -> None:
    node.lobby.come(ANN)
    node.take(1, commands.Nothing())
    node.lobby.make_room("r1", ANN)
    node.app.announcer.knows_of_rooms = is_announced
    node.take(2, commands.Nothing())
    assert violated(observer) == ("" if is_announced else "changes are announced")


def test_revision_that_goes_up_without_a_change_has_not_to_be_announced(observer: Observer, node: Node) -> None:
    node.take(1, commands.Nothing())
    node.lobby.books.rooms.revision += 5
    node.app.announcer.knows_of_rooms = False
    node.take(2, commands.Nothing())
    assert violated(observer) == ""


# -- epochs --------------------------------------------------------------------------------------------------------


def begins(observer: Observer, node: Node) -> None:
    observer.opened(node.epoch, "e1", node.log.number)
    node.log.position = (node.epoch, node.log.number)
    observer.command(node.log, commands.BeginEpoch(1.0), "")


@pytest.mark.parametrize(
    ("change", "invariant"),
    [
        (lambda observer, node: None, "a new epoch has revisions of its own"),
        (begins, ""),
        (lambda observer, node: setattr(node.log, "node", "a again"), ""),
    ],
    ids=["goes on as it is", "begins it", "took another state"],
)
def test_node_that_goes_on_in_a_new_epoch_has_begun_it(
    observer: Observer, node: Node, change: Any, invariant: str
) -> None:
    node.take(1, commands.Nothing())
    node.epoch = "e2"
    observer.opened("e2", "e1", 1)
    change(observer, node)
    node.take(2, commands.Nothing())
    assert violated(observer) == invariant


@pytest.mark.parametrize(
    ("takes_part_at_once", "raised_to", "invariant"),
    [(False, 10, ""), (True, 10, "revision only up"), (False, 8, "revision only up")],
    ids=["says first what it has shown", "shows the other list before", "does not say so"],
)
def test_revision_goes_down_only_until_who_took_another_state_takes_part_again(
    observer: Observer, node: Node, *, takes_part_at_once: bool, raised_to: int, invariant: str
) -> None:
    node.lobby.books.rooms.revision = 9
    node.take(1, commands.Nothing())
    observer.opened("e2", "of another lobby", 5)
    node.epoch, node.log.node = "e2", "a again"
    node.lobby.books.rooms.revision = 7
    node.log.takes_part = takes_part_at_once
    node.take(6, commands.Nothing())
    node.log.takes_part = True
    node.lobby.books.rooms.revision = raised_to
    node.take(7, commands.Nothing())
    assert violated(observer) == invariant


def test_new_lobby_begins_with_a_revision_above_all_that_were_shown(observer: Observer, node: Node) -> None:
    node.lobby.books.rooms.revision = 7
    node.take(1, commands.Nothing())
    for revision, invariant in ((8, ""), (7, "revision only up")):
        fresh = Node(observer, "b")
        fresh.epoch = f"with {revision}"
        observer.opened(fresh.epoch, "", 0)
        fresh.lobby.books.rooms.revision = revision
        fresh.take(1, commands.Nothing())
        assert violated(observer) == invariant


# -- who comes back, and who does not ------------------------------------------------------------------------------


def a_session(**different: Any) -> Any:
    usual = {
        "features": {"rev"},
        "is_accepted": True,
        "is_behind": False,
        "transport": SimpleNamespace(is_sending=bool),
    }
    return Log(**{**usual, **different})


@pytest.mark.parametrize(
    ("session", "is_found"),
    [
        (a_session(transport=SimpleNamespace(is_sending=lambda text: False)), True),
        (a_session(transport=SimpleNamespace(is_sending=lambda text: text == b"room_joined")), False),
        (a_session(transport=SimpleNamespace(), features=()), False),
        (a_session(transport=SimpleNamespace(), is_behind=True), False),
        (a_session(transport=SimpleNamespace(), is_accepted=False), False),
        (None, False),
    ],
    ids=["nothing is sent", "it is told", "base", "behind", "gone", "elsewhere"],
)
def test_client_with_features_is_told_at_once_of_the_room_of_its_user(
    observer: Observer, node: Node, session: Any, *, is_found: bool
) -> None:
    node.lobby.come(ANN)
    node.lobby.make_room("r1", ANN, ANN)
    node.hears(effects.Accepted(ANN), session)
    assert (violated(observer) == "who comes back is told where they are") is is_found


def test_client_whose_user_is_in_no_room_is_told_of_none(observer: Observer, node: Node) -> None:
    node.lobby.come(ANN)
    session = a_session(transport=SimpleNamespace())
    node.hears(effects.Accepted(ANN), session)
    assert session.transport.arrived_at == node.log.position
    assert violated(observer) == ""


@pytest.mark.parametrize(
    ("session", "is_online", "is_found"),
    [
        (a_session(features=()), False, True),
        (a_session(features=()), True, False),
        (a_session(), False, False),
        (a_session(features=(), is_accepted=False), False, False),
    ],
    ids=["kept", "has left", "features", "closed"],
)
def test_connection_of_the_base_protocol_ends_with_a_room_that_is_lost(
    observer: Observer, node: Node, session: Any, *, is_online: bool, is_found: bool
) -> None:
    if is_online:
        node.lobby.come(ANN)
    node.app.sessions.of_user = lambda user_id: (session,) if user_id == ANN.id else ()
    node.hears(effects.OwnRoomLeft(ANN, 1))
    assert (violated(observer) == "no room is kept that is lost") is is_found


# -- who is put out ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_accepted", [True, False])
def test_connection_of_who_is_put_out_is_closed(observer: Observer, node: Node, *, is_accepted: bool) -> None:
    node.app.sessions.of_user = lambda user_id: (a_session(is_accepted=is_accepted),)
    node.hears(effects.UserPutOut(ANN, "quarrel", is_banned=False))
    assert violated(observer) == ("who is put out has no connection" if is_accepted else "")


@pytest.mark.parametrize(
    ("until_s", "change", "is_found"),
    [
        (None, lambda node: None, True),
        (1, lambda node: None, True),
        (-1, lambda node: None, False),
        (None, lambda node: setattr(node.app.clock, "set_at_s", 0.0), False),
        (None, lambda node: node.take(3, commands.UnbanUser(ANN.id)), False),
    ],
    ids=["without an end", "holds", "has ended", "the clock was set", "lifted"],
)
async def test_who_is_banned_stays_out(
    observer: Observer, database: Database, node: Node, until_s: int | None, change: Any, *, is_found: bool
) -> None:
    until = None if until_s is None else AT + timedelta(seconds=until_s)
    await database.keep_user_ban(StoredUserBan(user=ANN, reason="", until=until, created_at=AT, by=BOB))
    node.take(1, commands.BanUser(ANN, "", None if until is None else until.timestamp()))
    node.hears(effects.Accepted(ANN), a_session(features=()))
    assert violated(observer) == "", "it arrived before"
    node.take(2, commands.Nothing())
    change(node)
    node.hears(effects.Accepted(ANN), a_session(features=()))
    assert (violated(observer) == "who is banned stays out") is is_found


@pytest.mark.parametrize(("until_s", "is_found"), [(None, True), (9, False)])
async def test_ban_with_an_end_is_taken_up_by_a_new_lobby_by_another_clock(
    observer: Observer, database: Database, node: Node, until_s: int | None, *, is_found: bool
) -> None:
    until = None if until_s is None else AT + timedelta(seconds=until_s)
    await database.keep_user_ban(StoredUserBan(user=ANN, reason="", until=until, created_at=AT, by=BOB))
    node.take(1, commands.BanUser(ANN, "", None))
    fresh = Node(observer, "b")
    fresh.epoch = "e2"
    observer.opened("e2", "", 0)
    fresh.lobby.books.rooms.revision = 99
    fresh.take(1, commands.Nothing())
    fresh.hears(effects.Accepted(ANN), a_session(features=()))
    assert (violated(observer) == "who is banned stays out") is is_found


@pytest.mark.parametrize(
    ("features", "code", "is_found"), [((), 1001, False), ((), 1012, True), (("rev",), 1012, False)]
)
def test_base_client_is_closed_with_a_code_that_it_notices(
    observer: Observer, features: tuple[str, ...], code: int, *, is_found: bool
) -> None:
    observer.closes(a_session(features=features, id=7), code, "the server restarts")
    assert (violated(observer) == "base clients notice that they are closed") is is_found


def test_connection_hears_from_the_place_on_at_which_it_was_welcome(node: Node) -> None:
    node.take(1, commands.Nothing())
    session = a_session()
    node.app.announcer.welcome(session)
    assert session.transport.accepted_at == ("e1", 1)


# -- nothing twice -------------------------------------------------------------------------------------------------


def test_fact_is_taken_from_the_node_that_applies_it_first(observer: Observer, node: Node) -> None:
    node.take(1, commands.Arrive(ANN, 1, "1"))
    Node(observer, "b").take(1, commands.Arrive(ANN, 1, "1"))
    assert observer.history.presence == [(ANN.id, True)]
    assert violated(observer) == ""


def test_fact_that_comes_a_second_time_is_a_violation(observer: Observer, node: Node) -> None:
    node.take(1, commands.Arrive(ANN, 1, "1"))
    node.lobby.books.presence.load([], [], [], [])
    node.take(2, commands.Arrive(ANN, 2, "1"))
    assert violated(observer) == "nothing is told twice"


@pytest.mark.parametrize(
    ("command", "invariant"),
    [
        (commands.NodeDown("a", 17.0), ""), (commands.NodeDown("a", 0.0), "an orderly end takes nobody offline"),
        (commands.NodeLost("a"), ""),
    ],
    ids=["with time to come back", "without", "lost"],
)  # fmt: skip
def test_users_of_a_node_that_ends_have_time_to_come_back(
    observer: Observer, node: Node, command: Command, invariant: str
) -> None:
    node.take(1, commands.Arrive(ANN, 1, "1"))
    node.take(2, command)
    assert violated(observer) == invariant


def test_log_that_goes_another_way_begins_anew_with_what_is_known_there(observer: Observer, node: Node) -> None:
    node.take(1, commands.Arrive(ANN, 1, "1"))
    node.take(2, commands.Arrive(BOB, 2, "1"))
    observer.opened("e2", "e1", 1)
    other = Node(observer, "b")
    other.epoch = "e2"
    other.lobby.come(ANN)
    other.take(2, commands.Arrive(CLEO, 3, "1"))
    assert observer.history.branches.has_forked
    other.take(3, commands.Arrive(BOB, 2, "1"))
    assert violated(observer) == "", "Bob came online again: what only the other node knew is gone"


# -- queues --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "is_within"),
    [
        (lambda node: None, True),
        (lambda node: setattr(node.app.fanout, "logged_bytes", 400), True),
        (lambda node: setattr(node.app.fanout, "logged_bytes", 401), False),
        (lambda node: setattr(node.log._standing, "tail", [0] * TAIL), True),
        (lambda node: setattr(node.log._standing, "tail", [0] * (TAIL + 1)), False),
        (lambda node: setattr(node.log, "waiting", MOST_WAITING), True),
        (lambda node: setattr(node.log, "waiting", MOST_WAITING + 1), False),
        (lambda node: setattr(node.app.writer, "is_full", True), False),
    ],
)
def test_every_queue_is_within_its_bound(observer: Observer, node: Node, change: Any, *, is_within: bool) -> None:
    """Of what is logged for those behind: twice 100 bytes for each of two profiles."""
    change(node)
    observer.look_at_queues(node.log)
    assert (violated(observer) == "") is is_within


# -- the story -----------------------------------------------------------------------------------------------------


def test_first_violation_is_the_one_that_is_told(observer: Observer) -> None:
    observer.violated("one", "this")
    observer.violated("other", "that")
    assert str(observer.violation) == "one: this"
    assert observer.story == [(0.0, "", "VIOLATED one: this")]


def test_story_is_kept_only_where_it_is_told(database: Database) -> None:
    silent = Observer(World(), database, rulings=RULINGS(), tells=False)
    silent.note("ann", "joins")
    assert silent.story == []


def test_entry_is_counted_for_each_node(observer: Observer, node: Node) -> None:
    node.take(1, commands.Nothing())
    node.take(2, commands.Nothing())
    Node(observer, "b").take(1, commands.Nothing())
    assert observer.entries == 3
