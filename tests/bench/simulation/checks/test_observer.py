"""Who looks over the shoulder of the nodes: what is a violation at an entry, and what is none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bench.simulation.checks.observer import LOOK_EVERY, MOST_WAITING, Observer
from bench.simulation.outside.loop import World
from bench.simulation.outside.store import Database
from lobby_server.backplane.place.standing import TAIL
from lobby_server.backplane.wire import Entry
from lobby_server.core.friends import FriendRequest
from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.commands import Command, SaidLine
from lobby_server.service.rooms.stored import stored_room
from lobby_server.service.social.ports import NewLine
from tests.bench.simulation.lobbies import ANN, AT, BOB, CLEO, Lobby


class Log(SimpleNamespace):
    """By which an observer knows a process."""

    __hash__ = object.__hash__  # type: ignore[assignment]


class Node:
    """A log and its app, as far as they are looked at."""

    def __init__(self, observer: Observer, name: str) -> None:
        self.observer = observer
        self.lobby = Lobby()
        self.log: Any = Log(node=name, number=0, position=("e1", 0), waiting=0, _standing=SimpleNamespace(tail=[]))
        self.app: Any = SimpleNamespace(
            replica=SimpleNamespace(state=self.lobby.state, books=self.lobby.books, hear=self._hear),
            presence=self.lobby.books.presence,
            settings=SimpleNamespace(outbox_log_bytes=100),
            fanout=SimpleNamespace(profiles=lambda: iter((1, 2)), logged_bytes=0),
            writer=SimpleNamespace(is_full=False, waiting=0),
            announcer=SimpleNamespace(knows_of_rooms=True),
            sessions=SimpleNamespace(of_user=lambda user_id: ()),
        )
        self.epoch = "e1"
        self._hearers: dict[type, Any] = {}
        observer.watch_app(self.app, self.log)  # type: ignore[arg-type]

    def hears(self, effect: effects.Effect, session: Any = None) -> None:
        """As an entry that has this effect."""
        self._hearers[type(effect)](effect, session)

    def _hear(self, kind: type, hear: Any) -> None:
        self._hearers[kind] = hear

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
        self.observer.applied(self.log, entry)


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def observer(database: Database) -> Observer:
    return Observer(World(), database, tells=True)


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
    "friends": commands.Befriend(REQUEST, AT, "key"), "block": commands.Block(ANN.id, BOB, AT),
    "token": commands.SignOut(ANN, "t1", 9.0, 0.0),
}  # fmt: skip


async def commit(database: Database, what: str) -> None:
    if what == "room":
        await database.add_room(stored_room(ROOM))
    elif what == "lines":
        await database.add_chat_lines([NewLine(channel="lobby", sender=ANN, text="hello", sent_at=AT)])
    elif what == "request":
        await database.add_friend_request(ANN, BOB, AT)
    elif what == "friends":
        await database.add_friendship(ANN, BOB, AT)
    elif what == "block":
        await database.add_block(ANN.id, BOB, AT)
    else:
        await database.revoke_token("t1", AT)


@pytest.mark.parametrize("what", COMMANDS)
def test_what_the_database_has_not_may_not_be_announced(observer: Observer, node: Node, what: str) -> None:
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
    change(observer, node)
    node.take(2, commands.Nothing())
    assert violated(observer) == invariant


# -- who comes back, and who does not ------------------------------------------------------------------------------


def a_session(**different: Any) -> Any:
    usual = {
        "features": {"rev"},
        "is_accepted": True,
        "is_behind": False,
        "transport": SimpleNamespace(is_sending=bool),
    }
    return SimpleNamespace(**{**usual, **different})


@pytest.mark.parametrize(
    ("session", "is_found"),
    [
        (a_session(transport=SimpleNamespace(is_sending=lambda text: False)), True),
        (a_session(transport=SimpleNamespace(is_sending=lambda text: text == b"room_joined")), False),
        (a_session(transport=None, features=()), False),
        (a_session(transport=None, is_behind=True), False),
        (a_session(transport=None, is_accepted=False), False),
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
    node.hears(effects.Accepted(ANN), a_session(transport=None))
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


def test_other_entry_in_the_place_of_one_is_a_fork_and_what_was_known_begins_anew(
    observer: Observer, node: Node
) -> None:
    node.take(1, commands.Arrive(ANN, 1, "1"))
    node.take(2, commands.Arrive(BOB, 2, "1"))
    other = Node(observer, "b")
    other.lobby.come(ANN)
    other.take(2, commands.Arrive(CLEO, 3, "1"))
    assert observer.has_forked
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
    silent = Observer(World(), database, tells=False)
    silent.note("ann", "joins")
    assert silent.story == []


def test_newest_entry_is_that_of_any_node_and_each_is_counted(observer: Observer, node: Node) -> None:
    node.take(1, commands.Nothing())
    node.take(2, commands.Nothing())
    Node(observer, "b").take(1, commands.Nothing())
    assert (observer.newest, observer.entries) == (2, 3)
