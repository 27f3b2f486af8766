"""What was answered is so and stays so: each kind of answer, held and broken, and answers of which nobody can tell."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bench.simulation.checks.answers import Answers
from bench.simulation.checks.history import History
from bench.simulation.checks.limits import Limits
from bench.simulation.nodes.calls import NONE, Answer, Knock
from bench.simulation.outside.store import Database
from lobby_server.core.machine import commands
from lobby_server.core.machine.deleted import mark_of
from lobby_server.service.rooms.stored import stored_room
from tests.bench.simulation.lobbies import ANN, AT, BOB, CLEO, Lobby

EPOCH = "e1"
HERE, LATE = [(EPOCH, 5)], [(EPOCH, 15)]
GOOD, AWAY, REFUSED = Answer(200), Answer(503, code="try_again_later"), Answer(409, code="no")


class Account:
    """The answers of a run, over a lobby and a database that can be set as it is wanted."""

    def __init__(self) -> None:
        self.lobby, self.database, self.history = Lobby(), Database(), History()
        self.lobby.come(ANN, BOB, CLEO)
        self.limits = Limits(rate_per_s=1.0, burst=1.0)
        self.answers = Answers(self.history, self.database, self.limits)
        self.history.branches.open(EPOCH, "", 0)
        self._now_s = 0.0
        self.epoch = EPOCH

    def goes_another_way(self) -> None:
        """From the tenth entry on."""
        self.history.branches.open("e2", EPOCH, 10)
        self.epoch = "e2"

    def take(
        self, user: Any, what: str, *arguments: Any, answer: Answer = GOOD, began_s: float | None = None
    ) -> str | None:
        """Calls follow each other unless it is said when one began."""
        began, self._now_s = self._now_s, self._now_s + 1.0
        return self.answers.take(
            user.username, user.id, f"token of {user.username}", what, arguments, answer,
            began_s=began if began_s is None else began_s, now_s=self._now_s,
        )  # fmt: skip

    def faults(self) -> list[str]:
        return list(self.answers.faults(self.lobby.books, epoch=self.epoch))


@pytest.fixture
def account() -> Account:
    return Account()


# -- rooms ---------------------------------------------------------------------------------------------------------


def make_room(account: Account) -> Any:
    room = account.lobby.make_room("r1", ANN)
    account.history.rooms_made["r1"] = HERE
    return room


def created(account: Account, room_id: str = "r1") -> str | None:
    return account.take(ANN, "create_room", 4, True, answer=Answer(200, SimpleNamespace(id=room_id)))


def test_room_that_was_answered_is_in_the_log_and_stays(account: Account) -> None:
    make_room(account)
    assert created(account) is None
    assert account.faults() == []


def test_room_that_is_not_in_the_log_was_no_room(account: Account) -> None:
    assert created(account) == "ann was told of room r1, which is not in the log"


def test_room_that_is_gone_was_ended_by_somebody_or_is_lost(account: Account) -> None:
    make_room(account)
    created(account)
    account.lobby.books.rooms.remove("r1")
    assert account.faults() == ["ann was told of room r1, which is gone, and nobody has ended it"]
    account.history.rooms_ended["r1"] = HERE
    assert account.faults() == []


def test_room_of_an_answer_that_was_none_is_not_kept_to(account: Account) -> None:
    assert account.take(ANN, "create_room", 4, True, answer=NONE) is None
    assert account.faults() == []


async def test_room_that_was_deleted_is_gone_from_lobby_and_database(account: Account) -> None:
    room = make_room(account)
    account.history.rooms_ended["r1"] = HERE
    assert account.take(ANN, "delete_room", "r1") is None
    assert account.faults() == ["ann was told that room r1 is deleted, and it is there"]
    account.lobby.books.rooms.remove("r1")
    assert account.faults() == []
    await account.database.add_room(stored_room(room))
    assert account.faults() == ["ann was told that room r1 is deleted, and it is there"]


def test_room_is_deleted_once_and_only_where_the_log_says_so(account: Account) -> None:
    assert account.take(ANN, "delete_room", "r1") == "ann was told that room r1 is deleted, and it is not"
    assert account.take(BOB, "delete_room", "r1") == "bob was told that room r1 is deleted, and so was ann"


# -- tokens --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("in_state", "in_database", "holds"), [(True, True, False), (True, False, True), (False, True, True)]
)
async def test_token_that_was_signed_out_holds_nowhere(
    account: Account, *, in_state: bool, in_database: bool, holds: bool
) -> None:
    account.history.signed_out["token of ann"] = HERE
    account.take(ANN, "sign_out")
    if in_state:
        account.lobby.books.revoked["token of ann"] = 9.0
    if in_database:
        await account.database.revoke_token("token of ann", AT)
    assert account.faults() == (["token token of ann was signed out, and holds"] if holds else [])


# -- two users -----------------------------------------------------------------------------------------------------


async def befriend(account: Account) -> int:
    """Ann asks, Bob accepts; both in the books and in the database."""
    request = await account.database.add_friend_request(ANN, BOB, AT)
    account.lobby.do(commands.AskFriend(request, "key"))
    account.lobby.do(commands.Befriend(request, AT, "key"))
    await account.database.add_friendship(ANN, BOB, AT)
    return request.id


async def test_friends_are_friends_in_books_and_database(account: Account) -> None:
    request_id = await befriend(account)
    account.take(BOB, "accept_friend", request_id)
    assert account.faults() == []
    await account.database.delete_friendship(ANN.id, BOB.id)
    assert account.faults() == ["user 2 was answered accept_friend about 1, and they are no friends"]


async def test_friend_who_was_removed_is_none(account: Account) -> None:
    await befriend(account)
    account.take(ANN, "remove_friend", BOB.id)
    assert account.faults() == ["user 1 was answered remove_friend about 2, and they are friends"]


async def test_request_that_was_made_stands_until_it_is_answered(account: Account) -> None:
    account.take(ANN, "ask_friend", BOB.id)
    assert account.faults() == ["user 1 was answered ask_friend about 2, and nothing is asked"]
    request = await account.database.add_friend_request(ANN, BOB, AT)
    account.lobby.do(commands.AskFriend(request, "key"))
    assert account.faults() == []


@pytest.mark.parametrize(("in_books", "in_database"), [(True, False), (False, True)])
async def test_block_is_in_books_and_database_and_what_was_unblocked_in_neither(
    account: Account, *, in_books: bool, in_database: bool
) -> None:
    if in_books:
        account.lobby.block(ANN, BOB)
    if in_database:
        await account.database.add_block(ANN.id, BOB, AT)
    account.take(ANN, "block", BOB.id)
    assert account.faults() == ["user 1 was answered block about 2, and does not block them"]
    account.take(ANN, "unblock", BOB.id)
    assert account.faults() == ["user 1 was answered unblock about 2, and blocks them"]


async def test_blocked_user_is_no_friend(account: Account) -> None:
    await befriend(account)
    account.take(ANN, "block", BOB.id)
    assert "user 1 was answered block about 2, and they are friends" in account.faults()


# -- answers of which nobody can tell ------------------------------------------------------------------------------


def test_last_answer_about_two_users_counts(account: Account) -> None:
    account.take(ANN, "block", BOB.id)
    account.take(BOB, "unblock", ANN.id)
    assert account.faults() == [], "Bob blocks nobody, and that Ann does is not the last that was said"


@pytest.mark.parametrize("answer", [NONE, AWAY], ids=["none came", "away"])
def test_call_that_may_still_happen_leaves_what_came_after_in_doubt(account: Account, answer: Answer) -> None:
    account.take(ANN, "unblock", BOB.id, answer=answer)
    account.take(ANN, "block", BOB.id)
    assert account.faults() == []


def test_two_calls_at_the_same_time_say_nothing(account: Account) -> None:
    account.take(ANN, "unblock", BOB.id)
    account.take(ANN, "block", BOB.id, began_s=0.5)
    assert account.faults() == []


def test_other_pairs_are_other_matters(account: Account) -> None:
    account.take(ANN, "unblock", CLEO.id, answer=NONE)
    account.take(ANN, "block", BOB.id)
    assert len(account.faults()) == 1


def test_refusal_promises_nothing(account: Account) -> None:
    account.take(ANN, "block", BOB.id, answer=REFUSED)
    assert account.faults() == []


# -- what was decided in a log that is gone ------------------------------------------------------------------------


def test_room_that_was_made_in_a_log_that_is_gone_may_be_gone(account: Account) -> None:
    make_room(account)
    created(account)
    account.lobby.books.rooms.remove("r1")
    account.goes_another_way()
    assert len(account.faults()) == 1, "it was made before"
    account.history.rooms_made["r1"] = LATE
    assert account.faults() == []


def test_room_that_was_deleted_in_a_log_that_is_gone_is_gone_for_a_lobby_that_begins_from_the_database(
    account: Account,
) -> None:
    make_room(account)
    created(account)
    account.lobby.books.rooms.remove("r1")
    account.history.rooms_ended["r1"] = LATE
    account.goes_another_way()
    assert len(account.faults()) == 1, "that log had the room"
    account.history.branches.open("e3", "", 0)
    account.epoch = "e3"
    assert account.faults() == []
    del account.history.rooms_ended["r1"]
    assert len(account.faults()) == 1, "nobody has ended it in any log"


def test_room_that_was_deleted_in_a_log_that_is_gone_may_be_there(account: Account) -> None:
    make_room(account)
    account.history.rooms_ended["r1"] = HERE
    account.take(ANN, "delete_room", "r1")
    account.goes_another_way()
    assert len(account.faults()) == 1
    account.history.rooms_ended["r1"] = LATE
    assert account.faults() == []


async def test_token_that_had_ended_by_itself_need_not_be_known(account: Account) -> None:
    account.history.signed_out["token of ann"] = HERE
    account.take(ANN, "sign_out")
    assert account.faults() != []
    account.database.tokens_over.add("token of ann")
    assert account.faults() == []


async def test_token_that_was_signed_out_in_a_log_that_is_gone_is_revoked_in_the_database(account: Account) -> None:
    assert account.take(ANN, "sign_out") == "ann was told that token token of ann is signed out, and the log is not"
    account.history.signed_out["token of ann"] = LATE
    account.goes_another_way()
    assert len(account.faults()) == 1
    await account.database.revoke_token("token of ann", AT)
    assert account.faults() == []


def test_what_was_decided_between_two_or_about_oneself_in_a_log_that_is_gone_is_so_all_the_same(
    account: Account,
) -> None:
    account.take(ANN, "block", BOB.id)
    account.take(ANN, "choose_audience", "nobody")
    account.goes_another_way()
    assert len(account.faults()) == 3, "the block, and the choice in the state and in the database"


# -- about oneself -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("in_state", "in_database"), [(True, False), (False, True), (True, True)])
async def test_who_may_know_where_one_is_is_in_state_and_database(
    account: Account, *, in_state: bool, in_database: bool
) -> None:
    account.take(ANN, "choose_audience", "everybody")
    account.take(ANN, "choose_audience", "nobody")
    if in_state:
        account.lobby.do(commands.SetWhereabouts(ANN, "nobody"))
    if in_database:
        await account.database.set_whereabouts(ANN.id, "nobody")
    assert len(account.faults()) == (not in_state) + (not in_database)


def test_choice_that_may_still_happen_says_nothing(account: Account) -> None:
    account.take(ANN, "choose_audience", "everybody", answer=NONE)
    account.take(ANN, "choose_audience", "nobody")
    assert account.faults() == []


def forgotten(account: Account, places: Any = HERE, *, is_marked: bool = True) -> None:
    """Last of all: the rules refuse what names a deleted user."""
    if is_marked:
        account.lobby.books.deleted.add(ANN.id, mark_of(ANN.username))
    account.history.forgotten[ANN.id] = places


@pytest.mark.parametrize(
    ("left", "how"),
    [
        (lambda lobby: lobby.do(commands.Arrive(ANN, 1, "1")), "online"),
        (lambda lobby: lobby.block(BOB, ANN), "blocked"),
        (lambda lobby: lobby.block(ANN, BOB), "blocking"),
        (lambda lobby: lobby.do(commands.SetWhereabouts(ANN, "nobody")), "choosing who knows where they are"),
        (lambda lobby: None, "let in"),
        (lambda lobby: None, ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_of_a_deleted_account_nothing_is_left(account: Account, left: Any, how: str) -> None:
    account.take(ANN, "delete_account")
    account.lobby.do(commands.Depart(ANN.id, ANN.id, abrupt=False))
    left(account.lobby)
    forgotten(account, is_marked=how != "let in")
    expected = [f"user 1 was answered that their account is deleted, and is {how}"] if how else []
    assert account.faults() == expected


def test_deletion_that_was_decided_in_a_log_that_is_gone_is_not_held_to(account: Account) -> None:
    account.take(ANN, "delete_account")
    assert len(account.faults()) == 1, "the tokens of the user were never signed out"
    forgotten(account, LATE, is_marked=False)
    account.goes_another_way()
    assert account.faults() == []


def test_what_was_between_others_and_one_who_leaves_ends_at_some_moment(account: Account) -> None:
    account.take(BOB, "block", ANN.id)
    account.take(ANN, "delete_account", answer=AWAY)
    assert account.faults() == []


def test_call_that_is_limited_is_judged_as_it_comes_and_in_the_end(account: Account) -> None:
    def knock(said: float) -> Answer:
        return Answer(200, Knock(node="a", nodes=1, said=said, is_let_in=True))

    assert account.take(ANN, "knock", answer=knock(3.0)) is not None
    for _ in range(9):
        assert account.take(ANN, "knock", answer=knock(0.0), began_s=0.0) is None
    assert account.faults() == []
    for _ in range(9):
        account.limits.take(ANN.id, knock(0.0).body, at_s=99.0)
    assert len(account.faults()) == 1


@pytest.mark.parametrize("what", ["delete_room", "close_room"])
def test_room_that_may_have_been_deleted_in_the_database_may_be_gone(account: Account, what: str) -> None:
    make_room(account)
    created(account)
    account.lobby.books.rooms.remove("r1")
    account.take(BOB, what, "r1", answer=REFUSED)
    assert len(account.faults()) == 1
    account.take(BOB, what, "r1", answer=NONE)
    assert account.faults() == []
