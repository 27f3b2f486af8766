"""What was heard on a connection: a history that satisfies each invariant, and the smallest that violates it."""

from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from bench.simulation.checks.branches import Place
from bench.simulation.checks.heard import faults, out_of_turn, repeated
from bench.simulation.checks.history import History, Line
from bench.simulation.clients.views import Heard
from lobby_server.core.presence import User
from lobby_server.protocol import messages
from lobby_server.protocol.features import Feature
from lobby_server.service.drain import REASON

ANN, BOB = 1, 2
AT = datetime(2026, 1, 1, tzinfo=timezone.utc)
LOST, TWICE, ORDER, STRANGE, UNTRUE = (
    "nothing is lost", "nothing is heard twice", "all hear one order", "strangers and the blocked hear nothing",
    "nothing is told that is not so",
)  # fmt: skip


@pytest.fixture
def history() -> History:
    """Three lines in a room of both and one that is for Bob alone; a line of the lobby, and one of a party of both."""
    found = History()
    both = frozenset({ANN, BOB})
    found.room_lines = [
        ("one", Line(at(10), BOB, both)), ("two", Line(at(11), BOB, both)), ("three", Line(at(12), BOB, both)),
        ("secret", Line(at(13), BOB, frozenset({BOB}))),
    ]  # fmt: skip
    found.chat = [(1, Line(at(20), BOB, None)), (2, Line(at(21), BOB, both))]
    found.presence = [(BOB, True), (ANN, True), (BOB, False), (BOB, True)]
    found.presence_places = [at(1), at(2), at(30), at(31)]
    found.branches.open("e1", "", 0)
    return found


def at(number: int, epoch: str = "e1") -> Place:
    return epoch, number


WHOLE: dict[str, Any] = {
    "rooms": ("one", "two", "three"), "chat": (1, 2), "presence": [(ANN, True), (BOB, False), (BOB, True)],
}  # fmt: skip


def heard(
    *, rooms: tuple[str, ...] = (), chat: tuple[int, ...] = (), presence: list[tuple[int, bool]] | None = None,
    accepted_at: Place = ("e1", 1), features: frozenset[str] = frozenset({"rev"}), is_live: bool = True,
    batches: dict[int, list[bool]] | None = None,
) -> Heard:  # fmt: skip
    """By Ann, on a connection that was accepted after the first entry."""
    lines: Any = [SimpleNamespace(id=number) for number in chat]
    return Heard(
        ANN, features, accepted_at, is_live, presence=presence or [], batches=batches or {}, room_lines=list(rooms),
        chat=lines,
    )  # fmt: skip


def player(*connections: Heard, is_slow: bool = False) -> Any:
    return SimpleNamespace(name="ann", user=User(ANN, "ann"), heard=list(connections), is_slow=is_slow)


def found(history: History, *connections: Heard, is_slow: bool = False, epoch: str = "e1") -> list[str]:
    """The invariants that are violated."""
    return [invariant for invariant, _ in faults([player(*connections, is_slow=is_slow)], history, epoch=epoch)]


def test_connection_that_heard_everything_once_in_its_order_is_no_fault(history: History) -> None:
    assert found(history, heard(**WHOLE)) == []


# -- lines ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rooms", "invariants"),
    [
        (("one", "two"), [LOST]),
        (("one", "three"), [LOST]),
        (("one", "two", "three", "three"), [TWICE]),
        (("two", "one", "three"), [ORDER]),
        (("one", "two", "three", "secret"), [STRANGE]),
        (("one", "two", "three", "four"), [UNTRUE]),
    ],
)
def test_smallest_fault_in_the_lines_of_a_room_is_found(
    history: History, rooms: tuple[str, ...], invariants: list[str]
) -> None:
    assert found(history, heard(**{**WHOLE, "rooms": rooms})) == invariants


@pytest.mark.parametrize(("chat", "invariants"), [((2,), [LOST]), ((2, 1), [ORDER]), ((1, 1, 2), [TWICE])])
def test_smallest_fault_in_chat_is_found(history: History, chat: tuple[int, ...], invariants: list[str]) -> None:
    assert found(history, heard(**{**WHOLE, "chat": chat})) == invariants


def test_line_from_before_the_connection_is_not_due_and_may_be_heard(history: History) -> None:
    assert found(history, heard(**{**WHOLE, "rooms": ("two", "three")}, accepted_at=at(10))) == []
    assert found(history, heard(**WHOLE, accepted_at=at(10))) == []


def test_connection_that_has_ended_may_lack_the_rest_and_nothing_else(history: History) -> None:
    ended = heard(rooms=("one", "two"), chat=(1,), presence=[(ANN, True)], is_live=False)
    assert found(history, ended) == []
    assert found(history, heard(rooms=("two", "one"), presence=[(ANN, True)], is_live=False)) == [ORDER]


def test_earlier_connection_of_a_player_is_over_though_it_was_never_said(history: History) -> None:
    earlier = heard(rooms=("one",), presence=[(ANN, True)])
    assert found(history, earlier, heard(**WHOLE)) == []


def test_base_client_hears_the_lobby_s_chat_or_not(history: History) -> None:
    base: dict[str, Any] = {"features": frozenset[str]()}
    assert found(history, heard(**{**WHOLE, "chat": (2,)}, **base)) == []
    assert found(history, heard(**WHOLE, **base)) == []
    assert found(history, heard(**{**WHOLE, "chat": (1,)}, **base)) == [LOST], "that of a party it does hear"


def test_who_blocks_the_sender_is_not_to_hear_the_lobby_s_line(history: History) -> None:
    history.chat[0] = (1, Line(at(20), BOB, None, frozenset({ANN})))
    assert found(history, heard(**WHOLE)) == [STRANGE]
    assert found(history, heard(**{**WHOLE, "chat": (2,)})) == []


# -- presence ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("presence", "invariants"),
    [
        ([(ANN, True), (BOB, False), (BOB, True)], []),
        ([(BOB, True), (ANN, True), (BOB, False), (BOB, True)], []),
        ([(BOB, False), (BOB, True)], [LOST]),
        ([(ANN, True), (BOB, False)], [ORDER, LOST]),
        ([(ANN, True), (BOB, True), (BOB, False)], [ORDER]),
    ],
)
def test_presence_is_an_end_of_the_one_order_from_the_acceptance_on(
    history: History, presence: list[tuple[int, bool]], invariants: list[str]
) -> None:
    assert found(history, heard(**{**WHOLE, "presence": presence})) == invariants


@pytest.mark.parametrize(
    ("presence", "invariants"),
    [([(ANN, True), (BOB, False)], []), ([], []), ([(ANN, True), (BOB, True)], [ORDER])],
)
def test_presence_of_a_connection_that_has_ended_is_a_piece_without_a_gap(
    history: History, presence: list[tuple[int, bool]], invariants: list[str]
) -> None:
    ended = heard(**{**WHOLE, "presence": presence}, is_live=False)
    assert found(history, ended) == invariants


def test_presence_of_friends_has_no_single_events(history: History) -> None:
    of_friends = frozenset({Feature.PRESENCE_FRIENDS.value})
    connection = heard(**{**WHOLE, "presence": []}, features=of_friends)
    connection.online = 2
    assert found(history, connection) == []


@pytest.mark.parametrize(
    ("batches", "invariants"),
    [
        ({ANN: [True], BOB: [False, True]}, []),
        ({ANN: [True], BOB: [True, False, True]}, []),
        ({ANN: [True], BOB: [True]}, [LOST]),
        ({BOB: [False, True]}, [LOST]),
    ],
)
def test_batches_have_every_change_of_a_user_since_the_acceptance(
    history: History, batches: dict[int, list[bool]], invariants: list[str]
) -> None:
    in_batches = frozenset({Feature.PRESENCE_BATCH.value})
    one: dict[str, Any] = {**WHOLE, "presence": [], "features": in_batches, "batches": batches}
    assert found(history, heard(**one)) == invariants
    assert found(history, heard(**one, is_live=False)) == [], "what was under way is not due"


ONLINE_TWICE = [(BOB, True), (ANN, True), (BOB, True)]


@pytest.mark.parametrize(
    ("connection", "invariants"),
    [
        (heard(presence=[(BOB, True), (ANN, True), (BOB, False)]), []),
        (heard(presence=ONLINE_TWICE), [TWICE]),
        (heard(presence=[(BOB, False), (BOB, False)]), [TWICE]),
        (heard(presence=ONLINE_TWICE, features=frozenset({Feature.PRESENCE_FRIENDS.value})), []),
        (heard(batches={BOB: [True, False, True]}), []),
        (heard(batches={BOB: [True, True]}), [TWICE]),
    ],
)
def test_nobody_hears_twice_in_a_row_that_one_is_online_or_offline(connection: Heard, invariants: list[str]) -> None:
    assert [invariant for invariant, _ in repeated([player(connection)])] == invariants


def test_slow_player_who_missed_what_was_between_hears_one_state_twice() -> None:
    assert list(repeated([player(heard(presence=ONLINE_TWICE), is_slow=True)])) == []


@pytest.mark.parametrize(
    ("presence", "is_fault"),
    [([(ANN, True), (BOB, True)], False), ([(BOB, True), (ANN, True)], True), ([(BOB, True)], False)],
)
def test_newcomer_hears_of_themselves_first(presence: list[tuple[int, bool]], *, is_fault: bool) -> None:
    assert bool(list(out_of_turn([player(heard(presence=presence))]))) is is_fault


def test_slow_player_may_miss_states_and_no_lines(history: History) -> None:
    assert found(history, heard(**{**WHOLE, "presence": []}), is_slow=True) == []
    assert found(history, heard(**{**WHOLE, "presence": [], "rooms": ()}), is_slow=True) == [LOST]


@pytest.mark.parametrize(("online", "invariants"), [(2, []), (None, [LOST]), (1, [UNTRUE])])
def test_who_counts_users_knows_how_many_there_are(history: History, online: int | None, invariants: list[str]) -> None:
    counts = frozenset({Feature.PRESENCE_FRIENDS.value})
    connection = heard(**{**WHOLE, "presence": []}, features=counts)
    connection.online = online
    assert found(history, connection) == invariants
    assert found(history, heard(**{**WHOLE, "presence": []}, features=counts, accepted_at=at(40))) == [], "no change"


@pytest.mark.parametrize(
    ("user_id", "name", "features", "invariants"),
    [
        (ANN, "ann", ["rev"], []),
        (BOB, "ann", ["rev"], [UNTRUE]),
        (ANN, "bob", ["rev"], [UNTRUE]),
        (ANN, "ann", [], [UNTRUE]),
    ],
)
def test_greeting_says_who_the_client_is_and_what_it_asked_for(
    history: History, user_id: int, name: str, features: list[str], invariants: list[str]
) -> None:
    connection = heard(**WHOLE)
    connection.greeting = messages.HandshakeAccepted(peer_id=0, user_id=user_id, username=name, features=features)
    assert found(history, connection) == invariants


def test_user_who_came_under_another_name_is_told_wrongly(history: History) -> None:
    connection = heard(**WHOLE)
    connection.names = {(ANN, "ann"), (BOB, "bob")}
    assert found(history, connection) == [], "nothing is known of Bob"
    connection.names = {(ANN, "bob")}
    assert found(history, connection) == [UNTRUE]


@pytest.mark.parametrize(
    ("ended", "after_ms", "invariants"),
    [
        ((1012, REASON), 1000, []),
        ((1012, REASON), None, [LOST]),
        ((1012, REASON), 10, [UNTRUE]),
        ((1012, "the server has lost its place"), None, []),
        ((4002, "slow"), 1000, [UNTRUE]),
        (None, None, []),
    ],
)
def test_who_asks_for_it_hears_of_a_drain_before_its_end(
    history: History, ended: Any, after_ms: int | None, invariants: list[str]
) -> None:
    connection = heard(**WHOLE, features=frozenset({Feature.DRAIN.value}), is_live=False)
    connection.wire = SimpleNamespace(ended=ended, arrived_at=None, silent_at=None, due=[])  # type: ignore[assignment]
    connection.reconnect_after_ms = after_ms
    assert found(history, connection) == invariants
    connection.has_left = True
    assert found(history, connection) == [each for each in invariants if each != LOST], "it reads nothing more"


ENDS, FRESH = messages.TokenExpiring(in_s=2), messages.Refreshed(token_ttl_s=8)


@pytest.mark.parametrize(
    ("told", "is_live", "invariants"),
    [
        ([ENDS, FRESH], True, []),
        ([ENDS], True, [LOST]),
        ([ENDS], False, []),
        ([FRESH], False, [UNTRUE]),
        ([ENDS, FRESH, ENDS], True, [UNTRUE]),
        ([messages.TokenExpiring(in_s=3), FRESH], True, [UNTRUE]),
    ],
)
def test_connection_hears_of_its_token_what_its_node_had_to_say(
    history: History, told: list[Any], is_live: bool, invariants: list[str]
) -> None:
    connection = heard(**WHOLE, is_live=is_live)
    due = [(5.0, ENDS), (6.0, FRESH)]
    connection.wire = SimpleNamespace(ended=None, arrived_at=None, silent_at=None, due=due)  # type: ignore[assignment]
    connection.of_token = told
    assert found(history, connection) == invariants


def test_fault_names_the_player_and_the_connection(history: History) -> None:
    [(_, how)] = faults([player(heard(**WHOLE), heard(**{**WHOLE, "chat": (1,)}))], history, epoch="e1")
    assert how == "ann, connection 2: chat lines [2]"


# -- announcements -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ids", "invariants"), [([7, 8], []), ([7], [LOST]), ([7, 8, 8], [TWICE]), ([8, 7], [ORDER])])
def test_announcement_is_heard_once_by_everybody(history: History, ids: list[int], invariants: list[str]) -> None:
    history.announcements = [(7, Line(at(40), 0, None)), (8, Line(at(41), 0, None))]
    connection = heard(**WHOLE)
    connection.announcements = ids
    assert found(history, connection) == invariants


# -- a log that went another way -----------------------------------------------------------------------------------


@pytest.fixture
def forked(history: History) -> History:
    """After the twentieth entry the log goes on in another epoch: what came after it there is not so any more."""
    history.branches.open("e2", "e1", 20)
    history.chat.append((3, Line(at(21, "e2"), BOB, None)))
    return history


NOW: dict[str, Any] = {"rooms": ("one", "two", "three"), "chat": (1, 3), "presence": [(BOB, True), (ANN, True)]}


def test_connection_that_is_open_is_held_to_the_log_that_there_is(forked: History) -> None:
    assert found(forked, heard(**NOW), epoch="e2") == []
    assert found(forked, heard(**{**NOW, "chat": (1,)}), epoch="e2") == [LOST]
    assert found(forked, heard(**{**NOW, "chat": (1, 2, 3)}), epoch="e2") == [UNTRUE], "that was told in the other one"


def test_connection_that_is_over_is_held_to_one_of_the_logs_it_may_have_been_in(forked: History) -> None:
    assert found(forked, heard(**WHOLE, is_live=False), epoch="e2") == []
    assert found(forked, heard(**NOW, is_live=False), epoch="e2") == []
    mixed = {**NOW, "chat": (1, 2, 3)}
    assert found(forked, heard(**mixed, is_live=False), epoch="e2") != [], "no log has all that"
    later = heard(chat=(2,), accepted_at=at(21, "e2"), is_live=False)
    assert found(forked, later, epoch="e2") == [UNTRUE], "it began where that was not so any more"
