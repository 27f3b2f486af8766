"""What is promised: every message has its matter or is looked at elsewhere, and what follows from a few effects."""

from __future__ import annotations

import pytest

from bench.simulation.checks.promises.elsewhere import ELSEWHERE
from bench.simulation.checks.promises.ledger import MATTERS, PROMISED_KINDS, Ledger
from bench.simulation.clients.views import ONE_BY_ONE
from lobby_server.core.friends import FriendRequest
from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.commands import Command
from lobby_server.core.room_hosting import RoomSettings
from lobby_server.protocol import messages
from lobby_server.protocol.feature_messages import RoomsChangedRev
from lobby_server.protocol.message import ServerMessage
from tests.bench.simulation.lobbies import ANN, AT, BOB, CLEO, Lobby
from tests.floors.graph import ROOT

DOCS = (ROOT / "docs" / "simulation.md").read_text(encoding="utf-8")
EVERY = {*messages.EVENTS.values(), RoomsChangedRev}


class Account:
    """A lobby of one node, and what follows from what is done in it."""

    def __init__(self) -> None:
        self.lobby, self.ledger = Lobby(), Ledger()
        self.lobby.come(ANN, BOB, CLEO)
        self.ledger.begin("e1", self.lobby.books)
        self._number = 0

    def do(self, command: Command) -> list[tuple[ServerMessage, list[int], str]]:
        """Message, for whom, and how much of it is due."""
        self._number += 1
        place = ("e1", self._number)
        for effect in self.lobby.do(command):
            if type(effect) in PROMISED_KINDS:
                self.ledger.take(effect, command, place, self.lobby.books)
        return [
            (push.message, sorted(push.user_ids or ()), push.due.name)
            for at, push in self.ledger.of({"e1": self._number}) if at == place
        ]  # fmt: skip

    def rooms_of_friends(self, command: Command) -> list[tuple[int, str | None, list[int], str]]:
        found = [each for each in self.do(command) if each[0].TYPE == "friend_room"]
        return [(told.user_id, told.room_id, whom, due) for told, whom, due in found if whom]  # type: ignore[attr-defined]


@pytest.fixture
def account() -> Account:
    """Ann and Bob are friends; Ann hosts a room with Cleo in it."""
    found = Account()
    found.lobby.books.friends.befriend(ANN, BOB, AT)
    found.lobby.make_room("r1", ANN, CLEO)
    found.ledger.begin("e1", found.lobby.books)
    return found


def test_every_message_is_promised_one_by_one_or_looked_at_elsewhere() -> None:
    assert MATTERS.keys() | ELSEWHERE.keys() == EVERY
    assert MATTERS.keys() & ELSEWHERE.keys() == {messages.UserOnline, messages.UserOffline}, "of friends, and of all"
    assert MATTERS.keys() - {messages.UserOnline, messages.UserOffline} == ONE_BY_ONE


@pytest.mark.parametrize("message", sorted(EVERY, key=lambda each: each.__name__), ids=lambda each: each.__name__)
def test_every_message_is_in_the_documented_table(message: type[ServerMessage]) -> None:
    [row] = [line for line in DOCS.splitlines() if line.startswith("| ") and f"`{message.TYPE}`" in line]
    assert row.count("|") == 5


def test_members_and_the_one_who_leaves_hear_of_it(account: Account) -> None:
    gone = messages.PeerLeft(peerId=2)
    told = [each for each in account.do(commands.LeaveRoom(CLEO)) if each[0] == gone]
    assert told == [(gone, [1], "ALL"), (gone, [3], "OTHERS")]


def test_friends_hear_that_a_room_is_private_and_public_again(account: Account) -> None:
    hide, show = (commands.ChangeRoom(ANN, "r1", RoomSettings(is_public=shown)) for shown in (False, True))
    assert account.rooms_of_friends(hide) == [(1, None, [2], "ALL")]
    assert account.rooms_of_friends(show) == [(1, "r1", [2], "ALL")]


def test_friends_hear_nothing_of_one_who_hides(account: Account) -> None:
    assert account.rooms_of_friends(commands.SetWhereabouts(ANN, "nobody")) == [(1, None, [2], "ALL")]
    assert account.rooms_of_friends(commands.LeaveRoom(ANN)) == [(1, None, [2], "NONE")]
    assert account.rooms_of_friends(commands.JoinRoom(ANN, "r1", "1")) == [(1, None, [2], "NONE")]


def test_who_becomes_a_friend_hears_where_the_other_one_is(account: Account) -> None:
    found = account.rooms_of_friends(commands.Befriend(FriendRequest(1, CLEO, BOB, AT), AT, "key"))
    assert [each for each in found if each[3] == "ALL"] == [(3, "r1", [2], "ALL"), (2, None, [3], "ALL")]


def test_sender_is_not_told_of_a_no_and_the_other_one_of_a_withdrawal(account: Account) -> None:
    for by, hearers in ((BOB, [2]), (CLEO, [2, 3])):
        account.lobby.do(commands.AskFriend(FriendRequest(1, CLEO, BOB, AT), "key"))
        [(_, whom, _)] = account.do(commands.CloseFriendRequest(1, by.id))
        assert whom == hearers


def test_line_of_the_lobby_is_due_to_base_clients_of_those_who_chat(account: Account) -> None:
    account.lobby.block(BOB, ANN)
    account.ledger.take(effects.PartTaken(CLEO), commands.TakePart(CLEO), ("e1", 1), account.lobby.books)
    account.lobby.do(commands.Say(1, ANN, "lobby", "hello", AT))
    said = commands.SaidLine("a", 1, 5, ANN, "hello", AT)
    told = [(push.ears.name, push.user_ids, sorted(push.deaf), push.due.name)  # type: ignore[union-attr]
            for push in _pushes(account, commands.Tell((said,)))]  # fmt: skip
    assert told == [("FEATURED", None, [2], "ALL"), ("BASE", {1}, [], "ARRIVED"), ("BASE", {3}, [], "NONE")]


def _pushes(account: Account, command: Command) -> list:  # type: ignore[type-arg]
    account.do(command)
    return [push for (_, number), push in account.ledger.of({"e1": account._number}) if number == account._number
            and push.message.TYPE == "chat_message"]  # fmt: skip
