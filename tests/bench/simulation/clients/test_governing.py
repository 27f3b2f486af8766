"""What an administrator does at the device of a player, and what users decide about themselves."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from bench.simulation.clients import governing
from bench.simulation.clients.doing import KNOWN
from bench.simulation.clients.governing import KNOCKS, LEAST_TTL_S, TRIES
from bench.simulation.nodes.calls import NONE, Answer
from loadtest.client.errors import ServerAway
from lobby_server.protocol.features import Feature
from lobby_server.protocol.messages import Refresh
from tests.bench.simulation.clients.acting import Stage

ANN, BOB = 0, 1
"""Of the players; the third one is Ann's second device."""


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture(autouse=True)
def slept_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What is waited for is noted, and takes no time."""
    found: list[float] = []
    fiber = SimpleNamespace(current=lambda: SimpleNamespace(sleep=found.append))
    monkeypatch.setattr(governing, "Fiber", fiber)
    return found


# -- of an administrator -------------------------------------------------------------------------------------------


def test_user_is_banned_for_some_seconds_and_all_their_devices_try_to_come_back(stage: Stage) -> None:
    stage.do("ban_user", a=ANN, b=1)
    assert stage.ann.commanded == [("ban_user", "ann", 2)]
    stage.do("ban_user", a=BOB, b=1)
    assert stage.ann.commanded[1:] == [("ban_user", "bob", 3)]
    assert stage.bob.is_patient
    assert stage.ann.asked == [], "it is no call of the player"


def test_ban_without_an_end_is_lifted_until_that_is_known(stage: Stage, slept_s: list[float]) -> None:
    stage.do("ban_user", a=BOB, b=3)
    assert stage.ann.commanded == [("ban_user", "bob", None)]
    answers = [NONE, Answer(503), Answer(409, code="not_banned")]
    stage.ann.network.ask = lambda asked: stage.ann.commanded.append((asked.what,)) or answers.pop(0)
    stage.ann.do_later()
    assert stage.ann.commanded[1:] == [("unban_user",)] * 3
    assert len(slept_s) == 2


def test_user_is_kicked_and_may_come_back(stage: Stage) -> None:
    stage.do("kick_user", a=BOB)
    assert stage.ann.commanded == [("kick_user", "bob")]
    assert (stage.bob.is_patient, stage.ann.is_patient) == (True, False)


def test_room_of_the_list_is_closed_and_everybody_looks(stage: Stage) -> None:
    stage.do("close_room")
    assert stage.ann.commanded == []
    stage.ann.rooms = (SimpleNamespace(id="r0"), SimpleNamespace(id="r1"))
    stage.do("close_room", a=3)
    assert stage.ann.commanded == [("close_room", "r1")]
    assert (stage.ann.doubts, stage.bob.doubts) == (1, 1)


def test_each_announcement_is_another_one(stage: Stage) -> None:
    stage.do("announce")
    stage.do("announce")
    [(_, one), (_, other)] = stage.ann.commanded
    assert one != other


# -- about oneself -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("a", "audience"), [(3, "everybody"), (1, "friends"), (2, "nobody")])
def test_user_says_who_may_know_where_they_are(stage: Stage, a: int, audience: str) -> None:
    assert stage.do("choose_audience", a=a) == [("choose_audience", audience)]


def test_user_knocks_more_often_than_is_allowed(stage: Stage) -> None:
    assert stage.do("knock") == [("knock",)] * KNOCKS


def test_most_think_better_of_ending_their_account(stage: Stage) -> None:
    assert stage.do("delete_account", b=1) == []
    assert not stage.ann.is_gone


@pytest.mark.parametrize(("answer", "tries"), [(Answer(200), 1), (Answer(401), 1), (Answer(503), TRIES), (NONE, TRIES)])
def test_account_is_deleted_by_who_asks_until_they_know(stage: Stage, answer: Answer, tries: int) -> None:
    stage.ann.answer = answer
    assert stage.do("delete_account", b=3) == [("delete_account",)] * tries
    assert (stage.ann.is_gone, stage.bob.is_gone) == (True, False)


# -- tokens that end -----------------------------------------------------------------------------------------------


def of_tokens(stage: Stage, what: str, a: int = 0, b: int = 0) -> None:
    KNOWN[what](stage.scene, stage.ann, a, b)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("b", "token", "knows_fresh", "renews"),
    [(0, "True", True, True), (2, "True", True, False), (3, "True", False, False), (5, "False", True, True)],
)
def test_user_logs_in_for_some_seconds_with_one_client_or_another(
    stage: Stage, b: int, token: str, *, knows_fresh: bool, renews: bool
) -> None:
    of_tokens(stage, "log_in_briefly", a=8, b=b)
    [(log_in, how)] = stage.ann.account.ends
    assert log_in() == f"ann's for {LEAST_TTL_S + 1} s, {token}"
    assert how == {"knows_fresh": knows_fresh, "renews": renews}
    assert stage.ann.logins == 1


def test_token_is_renewed_before_it_ends_by_one_whose_tokens_do(stage: Stage) -> None:
    of_tokens(stage, "renew")
    assert stage.ann.account.renewals == 0
    stage.ann.account.log_in = lambda: "second"
    of_tokens(stage, "renew")
    stage.ann.account.fault = ServerAway("", "reset")
    of_tokens(stage, "renew")
    assert stage.ann.account.renewals == 2
    assert stage.ann.connection.done == []
    stage.ann.is_wanted = False
    of_tokens(stage, "renew")
    assert stage.ann.connection.done == ["disconnect"], "it went away meanwhile"


@pytest.mark.parametrize(("b", "token"), [(1, "bob's"), (0, "first")])
def test_token_of_another_or_an_older_one_is_shown_on_the_open_socket(stage: Stage, b: int, token: str) -> None:
    stage.bob.token = "bob's"
    of_tokens(stage, "show_another", a=BOB, b=b)
    assert stage.ann.connection.done == [], "it did not ask for that"
    stage.ann.connection.accepted_features = {Feature.REFRESH}
    of_tokens(stage, "show_another", a=BOB, b=b)
    assert stage.ann.connection.done == [Refresh(token=token)]
