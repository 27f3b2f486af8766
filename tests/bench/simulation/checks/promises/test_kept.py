"""Whether a connection has heard what was promised: the whole, and each way in which it is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bench.simulation.checks.promises.kept import Promise, faults
from bench.simulation.checks.promises.ledger import Ledger
from bench.simulation.checks.promises.push import Due, Ears, Push
from bench.simulation.clients.views import Heard
from lobby_server.protocol import messages
from lobby_server.protocol.features import Feature
from lobby_server.protocol.message import ServerMessage
from lobby_server.protocol.social_messages import FriendRemoved, FriendRoom, PartyLeft

ANN, BOB = 1, 2
LOST, TWICE, ORDER, STRANGE, UNTRUE = (
    "nothing is lost", "nothing is heard twice", "all hear one order", "strangers and the blocked hear nothing",
    "nothing is told that is not so",
)  # fmt: skip
ONE, TWO, THREE = (messages.PeerLeft(peerId=number) for number in (1, 2, 3))
FOR_BOB = messages.PeerLeft(peerId=9)


def promise(number: int, message: ServerMessage, user_id: int = ANN, **how: Any) -> Promise:
    return ("e1", number), Push(message, frozenset({user_id}), **how)


WHOLE = [promise(5, ONE), promise(6, TWO), promise(7, THREE)]
TO_BOB = [promise(6, FOR_BOB, BOB)]


def found(
    *told: ServerMessage, promised: list[Promise] = WHOLE, is_open: bool = True, since: int = 4, ledger: Any = None,
    features: frozenset[str] = frozenset({"rev"}), **heard: Any,
) -> list[str]:  # fmt: skip
    """By Ann: the invariants that are violated."""
    connection = Heard(ANN, features, ("e1", since), pushes=list(told), **heard)
    mine = [each for each in promised if each[1].user_ids is None or ANN in each[1].user_ids]
    seen = faults(connection, mine, ledger or Ledger(), is_open=is_open, to_others=[*promised, *TO_BOB])
    return [invariant for invariant, _ in seen]


@pytest.mark.parametrize(
    ("told", "invariants"),
    [
        ((ONE, TWO, THREE), []),
        ((ONE, THREE), [LOST]),
        ((), [LOST]),
        ((ONE, TWO, TWO, THREE), [TWICE]),
        ((TWO, ONE, THREE), [ORDER]),
        ((ONE, TWO, THREE, FOR_BOB), [STRANGE]),
        ((ONE, TWO, THREE, messages.PeerLeft(peerId=4)), [UNTRUE]),
    ],
)
def test_connection_that_is_open_heard_all_of_it_once_in_its_order_and_nothing_else(
    told: tuple[ServerMessage, ...], invariants: list[str]
) -> None:
    assert found(*told) == invariants


@pytest.mark.parametrize(
    ("told", "invariants"), [((), []), ((ONE,), []), ((ONE, TWO), []), ((ONE, THREE), [LOST]), ((TWO, ONE), [ORDER])]
)
def test_connection_that_is_over_heard_all_of_it_up_to_its_end(
    told: tuple[ServerMessage, ...], invariants: list[str]
) -> None:
    assert found(*told, is_open=False) == invariants


def test_what_was_promised_before_the_connection_is_not_heard_and_by_its_entry_may_be() -> None:
    assert found(TWO, THREE, since=5) == []
    assert found(ONE, TWO, THREE, since=5) == []
    assert found(ONE, TWO, THREE, since=6) == [STRANGE]


def test_matters_have_an_order_each() -> None:
    friend = FriendRemoved(user_id=BOB)
    promised = [*WHOLE, promise(6, friend)]
    assert found(friend, ONE, TWO, THREE, promised=promised) == []
    assert found(ONE, TWO, THREE, promised=promised) == [LOST]


def test_node_that_ends_tells_nothing_of_what_comes_after() -> None:
    wire: Any = SimpleNamespace(silent_at=("e1", 5), arrived_at=None)
    assert found(ONE, THREE, is_open=False, wire=wire) == []
    assert found(THREE, is_open=False, wire=wire) == [LOST]


# -- who has to hear it --------------------------------------------------------------------------------------------


def test_message_that_may_be_heard_need_not_be() -> None:
    promised = [promise(5, ONE), promise(6, TWO, due=Due.NONE), promise(7, ONE)]
    assert found(ONE, ONE, promised=promised) == []
    assert found(ONE, TWO, ONE, promised=promised) == []
    assert found(ONE, TWO, promised=promised) == [LOST]


def test_one_whose_command_it_was_need_not_hear_it() -> None:
    wire: Any = SimpleNamespace(silent_at=None, arrived_at=None)
    promised, ledger = [promise(5, ONE, due=Due.OTHERS)], Ledger()
    assert found(promised=promised, ledger=ledger, wire=wire) == [LOST]
    ledger.asked(("e1", 5), wire)
    assert found(promised=promised, ledger=ledger, wire=wire) == []
    assert found(ONE, promised=promised, ledger=ledger, wire=wire) == []


@pytest.mark.parametrize(("arrived_at", "invariants"), [(None, []), (("e1", 6), []), (("e1", 4), [LOST])])
def test_one_of_whom_the_log_does_not_know_yet_need_not_hear_it(arrived_at: Any, invariants: list[str]) -> None:
    wire: Any = SimpleNamespace(silent_at=None, arrived_at=arrived_at)
    assert found(promised=[promise(5, ONE, due=Due.ARRIVED)], wire=wire) == invariants


@pytest.mark.parametrize(
    ("ears", "features", "hears"),
    [
        (Ears.ALL, (), True), (Ears.ALL, ("rev",), True), (Ears.BASE, (), True), (Ears.BASE, ("rev",), False),
        (Ears.FEATURED, (), False), (Ears.FEATURED, ("rev",), True), (Feature.ROOM_STATE, ("rev",), False),
        (Feature.ROOM_STATE, ("room_state",), True),
    ],
)  # fmt: skip
def test_message_is_for_those_who_have_ears_for_it(ears: Any, features: tuple[str, ...], *, hears: bool) -> None:
    promised = [promise(5, ONE, ears=ears)]
    assert found(ONE, promised=promised, features=frozenset(features)) == ([] if hears else [STRANGE])
    assert found(promised=promised, features=frozenset(features)) == ([LOST] if hears else [])


def test_message_for_everybody_is_for_all_but_the_deaf() -> None:
    line = promise(5, ONE)[0], Push(ONE, None)
    assert found(ONE, promised=[line]) == []
    hidden = promise(5, ONE)[0], Push(ONE, None, deaf=frozenset({ANN}))
    assert found(ONE, promised=[hidden]) == [STRANGE]


# -- features ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "features", "invariants"),
    [
        (FriendRoom, ("friend_rooms",), []),
        (FriendRoom, ("rev",), [STRANGE]),
        (FriendRoom, (), [STRANGE]),
        (PartyLeft, (), []),
        (messages.RoomsChanged, (), []),
        (messages.RoomsChanged, ("rev",), [STRANGE]),
        (messages.RoomsChangedRev, ("rev", "rooms_delta"), [STRANGE]),
        (messages.PresenceChanged, ("presence_batch", "presence_friends"), [STRANGE]),
        *((kind, features, invariants)
          for kind in (messages.UserOnline, messages.UserOffline)
          for features, invariants in [
              ((), []), (("rev",), []), (("presence_batch",), [STRANGE]), (("presence_friends",), []),
              (("presence_batch", "presence_friends"), []),
          ]),
    ],
)  # fmt: skip
def test_client_hears_only_what_it_asked_for(kind: Any, features: tuple[str, ...], invariants: list[str]) -> None:
    assert found(promised=[], features=frozenset(features), kinds={kind}) == invariants
