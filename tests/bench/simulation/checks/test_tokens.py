"""What follows from the tokens that clients show: a node that does it all, and each way in which one does not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bench.simulation.checks import tokens
from bench.simulation.checks.tokens import TokenWatch
from bench.simulation.nodes.node import GRACE_S, SECRET, WARNING_S
from bench.simulation.outside.issuing import Issuer
from bench.simulation.outside.loop import ProcessLoop, World
from lobby_server.core.bans import UserBan
from lobby_server.core.machine import effects
from lobby_server.core.presence import User
from lobby_server.protocol.codes import CloseCode
from lobby_server.protocol.features import Feature
from lobby_server.protocol.message import ServerMessage
from lobby_server.protocol.messages import Handshake, Refresh, Refreshed, TokenExpiring, encode, encode_frame
from lobby_server.service.peers.suspensions import LOOK_EVERY_S
from tests.bench.simulation.lobbies import ANN, BOB, Lobby

TTL_S = 10
WARNED_S, CLOSED_S = TTL_S - WARNING_S, TTL_S + GRACE_S
EXPIRING = TokenExpiring(in_s=round(WARNING_S))
EXPIRED, BY_SIGN_OUT = "the token has expired", "signed out"
REFRESHING, OTHER, BASE = frozenset({Feature.REFRESH}), frozenset({Feature.REV}), frozenset[Feature]()


class Session(SimpleNamespace):
    """As far as it is looked at."""

    __hash__ = object.__hash__  # type: ignore[assignment]


class Node:
    """One that does what it is told to, under the eyes of a watch."""

    def __init__(self) -> None:
        self.world = World()
        self.loop = ProcessLoop(self.world, booted_s=0.0, on_fault=lambda what: None)
        self.books = Lobby().books
        self.found: list[str] = []
        self.issuer = Issuer(SECRET, self.loop.clock)
        self.watch = TokenWatch(self.world, lambda invariant, how: self.found.append(invariant))
        self.written: list[bytes] = []
        self.hear: dict[type, Any] = {}
        self.app: Any = SimpleNamespace(
            clock=self.loop.clock, replica=SimpleNamespace(books=self.books, hear=self._hear),
            fanout=SimpleNamespace(tell=lambda session, frames, **how: self.written.append(frames)),
        )  # fmt: skip
        self.watch.watch_app(self.app)

    def token(self, user: User = ANN, *, ttl_s: int = TTL_S, has_sign_in: bool = False) -> str:
        return self.issuer.issue(user, ttl_s=ttl_s, has_sign_in=has_sign_in)

    def session(self, features: frozenset[Feature] = REFRESHING, *, token: str = "") -> Any:
        """One that has been let in."""
        lane_out, lane_in = SimpleNamespace(is_cut=False), SimpleNamespace(is_cut=False)
        wire = SimpleNamespace(accepted_at=("e1", 1), due=[], renews=False, lane_out=lane_out, lane_in=lane_in)
        found = Session(id=1, features=features, is_accepted=False, transport=wire)
        self.handshake(found, token or self.token())
        self.watch.greeted(found)
        return found

    def handshake(self, session: Any, token: str, *, is_let_in: bool = True) -> None:
        said = encode(Handshake(version="1", name="ann", token=token))
        self.watch.shows(self.app, session, said)
        session.is_accepted = is_let_in
        self.watch.has_shown(self.app, session)

    def refresh(self, session: Any, token: str, *answers: tuple[Any, ServerMessage]) -> None:
        """And what is said to whom then."""
        self.watch.shows(self.app, session, encode(Refresh(token=token)))
        for hearer, answer in answers:
            self.tell(hearer, answer)
        self.watch.has_shown(self.app, session)

    def tell(self, session: Any, message: ServerMessage) -> None:
        self.app.fanout.tell(session, encode_frame(message))

    def close(self, session: Any, reason: str = EXPIRED, code: CloseCode = CloseCode.SIGNED_OUT) -> None:
        self.watch.closes(session, code, reason)
        session.is_accepted = False

    def until(self, at_s: float) -> None:
        self.world.run(at_s)

    def sign_out(self, key: str) -> None:
        self.books.revoked[key] = 1e12
        self.hear[effects.SignedOut](effects.SignedOut(ANN, key), None)

    def _hear(self, kind: type, hear: Any) -> None:
        self.hear[kind] = hear


@pytest.fixture
def node() -> Node:
    return Node()


# -- who is let in -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_let_in", [True, False])
@pytest.mark.parametrize("why_not", ["", "ended", "signed out", "signed out by its login", "banned", "ban is over"])
def test_token_lets_in_as_long_as_it_holds(node: Node, why_not: str, *, is_let_in: bool) -> None:
    token = node.token(has_sign_in=True)
    shown = node.watch.read(token)
    if why_not == "ended":
        node.until(TTL_S + 0.5)
    elif why_not.startswith("signed out"):
        node.books.revoked[shown.token_id if why_not == "signed out" else str(shown.sign_in_key)] = 1e12
    elif why_not.startswith("ban"):
        until_s = node.loop.clock.utc_now().timestamp() + (1.0 if why_not == "banned" else 0.0)
        node.books.user_bans[ANN.id] = UserBan(ANN, "", until_s)
    wire = SimpleNamespace(accepted_at=("e1", 1), due=[])
    node.handshake(Session(features=BASE, is_accepted=False, transport=wire), token, is_let_in=is_let_in)
    holds = why_not in ("", "ban is over")
    assert node.found == ([] if is_let_in == holds else [tokens.OPENS])


def test_token_ends_by_the_clock_of_its_node(node: Node) -> None:
    token = node.token()
    node.loop.clock.ahead_s = TTL_S + 1.0
    node.handshake(Session(features=BASE, is_accepted=False, transport=None), token, is_let_in=False)
    assert node.found == []


# -- that it ends --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at_s", "message", "invariants"),
    [
        (WARNED_S, EXPIRING, []),
        (WARNED_S - 0.5, EXPIRING, [tokens.IN_TIME]),
        (WARNED_S + 0.5, EXPIRING, [tokens.IN_TIME]),
        (WARNED_S, TokenExpiring(in_s=9), [tokens.UNTRUE]),
    ],
)
def test_client_is_told_at_its_moment_that_its_token_ends(
    node: Node, at_s: float, message: ServerMessage, invariants: list[str]
) -> None:
    session = node.session()
    node.until(at_s)
    node.tell(session, message)
    assert node.found == invariants
    assert len(node.written) == 1
    node.found.clear()
    node.until(WARNED_S + 1.0)
    node.watch.look()
    assert node.found == [], "it was told"


def test_token_that_lives_shorter_is_told_of_half_way(node: Node) -> None:
    session = node.session(token=node.token(ttl_s=2))
    node.until(1.0)
    node.tell(session, TokenExpiring(in_s=1))
    assert node.found == []
    assert session.transport.due == [(1.0, TokenExpiring(in_s=1))]


def test_what_is_told_a_second_time_is_not_so(node: Node) -> None:
    session = node.session()
    node.until(WARNED_S)
    node.tell(session, EXPIRING)
    node.tell(session, EXPIRING)
    assert node.found == [tokens.UNTRUE]


def test_client_that_is_not_told_is_missed(node: Node) -> None:
    node.session()
    node.until(WARNED_S - 0.1)
    node.watch.look()
    assert node.found == []
    node.until(WARNED_S + 0.1)
    node.watch.look()
    assert node.found == [tokens.LOST]


@pytest.mark.parametrize("features", [REFRESHING, OTHER, BASE])
def test_what_one_is_told_is_for_nobody_else(node: Node, features: frozenset[Feature]) -> None:
    node.session()
    stranger = node.session(features, token=node.token(BOB, ttl_s=TTL_S + 20))
    node.until(WARNED_S)
    node.tell(stranger, EXPIRING)
    assert tokens.STRANGE in node.found


def test_clock_that_is_set_afterwards_changes_nothing(node: Node) -> None:
    session = node.session()
    node.loop.clock.ahead_s = -20.0
    node.until(WARNED_S)
    node.tell(session, EXPIRING)
    node.until(CLOSED_S)
    node.close(session)
    assert node.found == []


@pytest.mark.parametrize(
    ("thawed_s", "told_s", "in_s", "invariants"),
    [
        (9.0, 9.0, 1, []), (12.0, 12.0, 0, []), (12.0, 12.0, 2, [tokens.UNTRUE]), (12.0, 12.5, 0, [tokens.IN_TIME]),
    ],
)  # fmt: skip
def test_process_that_stood_still_says_what_is_left_as_it_goes_on(
    node: Node, thawed_s: float, told_s: float, in_s: int, invariants: list[str]
) -> None:
    session = node.session()
    node.loop.freeze()
    node.until(thawed_s)
    node.watch.look()
    assert node.found == [], "it stands"
    node.loop.thaw()
    node.until(told_s)
    node.tell(session, TokenExpiring(in_s=in_s))
    assert node.found == invariants
    node.until(CLOSED_S)
    node.close(session)
    assert node.found == invariants, "it is closed no later for it"


@pytest.mark.parametrize(
    ("told_s", "in_s", "invariants"),
    [
        (12.0, 0, []), (12.0 + LOOK_EVERY_S, 0, []), (12.0, 2, [tokens.UNTRUE]),
        (12.1 + LOOK_EVERY_S, 0, [tokens.IN_TIME]),
    ],
)  # fmt: skip
def test_machine_that_was_suspended_says_what_is_left_as_it_notices(
    node: Node, told_s: float, in_s: int, invariants: list[str]
) -> None:
    session, freezes_s = node.session(), node.world.now_s
    node.loop.freeze(stops_clock=True)
    node.until(12.0)
    node.watch.stood(node.loop, node.world.now_s - freezes_s)
    node.loop.thaw()
    node.until(told_s)
    node.tell(session, TokenExpiring(in_s=in_s))
    assert node.found == invariants
    node.until(CLOSED_S)
    node.close(session)
    assert node.found == invariants, "it is closed no later for it"


def test_socket_that_outlives_its_token_by_what_its_machine_was_suspended_is_noticed(node: Node) -> None:
    node.session()
    node.loop.freeze(stops_clock=True)
    node.until(CLOSED_S + 5.0)
    node.watch.stood(node.loop, CLOSED_S + 5.0)
    node.loop.thaw()
    node.until(CLOSED_S + 5.0 + LOOK_EVERY_S)
    node.watch.look()
    assert node.found == []
    node.until(CLOSED_S + 5.1 + LOOK_EVERY_S)
    node.watch.look()
    assert node.found == [tokens.OUTLIVES]


def test_machine_that_was_paused_knows_nothing_of_it_and_is_as_much_later(node: Node) -> None:
    session = node.session()
    node.loop.freeze(stops_clock=True, stops_all=True)
    node.until(5.0)
    node.watch.stood(node.loop, 5.0)
    node.loop.thaw()
    node.until(WARNED_S + 5.0)
    node.tell(session, EXPIRING)
    node.until(CLOSED_S + 5.0)
    node.close(session)
    assert node.found == []


def test_greeting_comes_before_all_else(node: Node) -> None:
    session = node.session()
    session.transport.accepted_at = ("", 0)
    node.until(WARNED_S)
    node.tell(session, EXPIRING)
    assert node.found == [tokens.GREETING]


# -- a fresh one ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ttl_s", "answers", "invariants"),
    [
        (60, 60, []), (60, None, [tokens.LOST]), (60, 61, [tokens.UNTRUE, tokens.LOST]), (-1, None, []),
        (-1, 60, [tokens.UNTRUE]),
    ],
)  # fmt: skip
def test_fresh_token_is_answered_if_it_holds(
    node: Node, ttl_s: int, answers: int | None, invariants: list[str]
) -> None:
    session = node.session()
    told = [] if answers is None else [(session, Refreshed(token_ttl_s=answers))]
    node.refresh(session, node.token(ttl_s=ttl_s), *told)
    assert node.found[:1] == invariants[:1]


def test_fresh_token_is_answered_to_its_client_alone(node: Node) -> None:
    session, other = node.session(), node.session(token=node.token(BOB))
    answer = Refreshed(token_ttl_s=60)
    node.refresh(session, node.token(ttl_s=60), (session, answer), (other, answer))
    assert node.found == [tokens.STRANGE]
    assert session.transport.due == [(0.0, answer)]
    assert other.transport.due == []


@pytest.mark.parametrize("features", [OTHER, BASE])
def test_fresh_token_of_a_client_that_asked_for_nothing_is_not_taken(node: Node, features: frozenset[Feature]) -> None:
    session = node.session(features)
    node.refresh(session, node.token(ttl_s=60))
    assert node.found == []
    node.refresh(session, node.token(ttl_s=60), (session, Refreshed(token_ttl_s=60)))
    assert node.found == [tokens.UNTRUE]


def test_token_of_another_user_is_no_fresh_one(node: Node) -> None:
    session = node.session()
    node.refresh(session, node.token(BOB, ttl_s=60))
    assert node.found == []
    node.refresh(session, node.token(BOB, ttl_s=60), (session, Refreshed(token_ttl_s=60)))
    assert node.found == [tokens.UNTRUE]


def test_end_of_a_token_that_was_refreshed_is_another_one(node: Node) -> None:
    session = node.session()
    node.until(WARNED_S)
    node.tell(session, EXPIRING)
    node.refresh(session, node.token(ttl_s=TTL_S), (session, Refreshed(token_ttl_s=TTL_S)))
    node.until(2 * WARNED_S)
    node.tell(session, EXPIRING)
    node.until(WARNED_S + CLOSED_S)
    node.close(session)
    assert node.found == []
    assert [message for _, message in session.transport.due] == [EXPIRING, Refreshed(token_ttl_s=TTL_S), EXPIRING]


# -- when a socket is closed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("features", "at_s", "invariants"),
    [
        (OTHER, CLOSED_S, []), (OTHER, CLOSED_S - 0.5, [tokens.STAYS]), (OTHER, CLOSED_S + 0.5, [tokens.STAYS]),
        (BASE, CLOSED_S, [tokens.STAYS]),
    ],
)  # fmt: skip
def test_socket_is_closed_at_its_moment_for_the_end_of_its_token_and_that_of_a_base_client_is_not(
    node: Node, features: frozenset[Feature], at_s: float, invariants: list[str]
) -> None:
    session = node.session(features)
    node.until(at_s)
    node.close(session)
    assert node.found == invariants


def test_socket_whose_token_has_long_ended_as_it_is_greeted_is_closed_then(node: Node) -> None:
    session = node.session(OTHER)
    node.loop.clock.ahead_s = 2 * TTL_S
    node.watch.greeted(session)
    node.close(session)
    assert node.found == []


@pytest.mark.parametrize(("features", "invariants"), [(OTHER, [tokens.OUTLIVES]), (BASE, [])])
def test_socket_that_outlives_its_token_is_noticed_unless_it_is_a_base_client_s(
    node: Node, features: frozenset[Feature], invariants: list[str]
) -> None:
    node.session(features)
    node.until(CLOSED_S + 0.1)
    node.watch.look()
    assert node.found == invariants


def test_socket_is_not_closed_at_the_end_of_a_token_that_was_refreshed(node: Node) -> None:
    session = node.session()
    node.refresh(session, node.token(ttl_s=60), (session, Refreshed(token_ttl_s=60)))
    node.until(CLOSED_S)
    node.watch.look()
    assert node.found == []
    node.close(session)
    assert node.found == [tokens.STAYS]


@pytest.mark.parametrize("ends", ["session", "process"])
def test_nothing_is_due_to_a_socket_that_is_gone(node: Node, ends: str) -> None:
    session = node.session()
    if ends == "session":
        session.is_accepted = False
    else:
        node.loop.end()
    node.until(CLOSED_S + 1.0)
    node.watch.look()
    assert node.found == []


@pytest.mark.parametrize("key", ["token_id", "sign_in_key"])
def test_who_signs_out_has_no_socket(node: Node, key: str) -> None:
    token = node.token(has_sign_in=True)
    shown = node.watch.read(token)
    session = node.session(token=token)
    node.sign_out("another")
    assert node.found == []
    node.sign_out(getattr(shown, key))
    assert node.found == [tokens.SIGNED_OUT]
    node.close(session, BY_SIGN_OUT)
    assert len(node.found) == 1, "late, and right"


def test_who_is_signed_out_with_others_has_no_socket(node: Node) -> None:
    token = node.token()
    node.session(token=token)
    node.hear[effects.TokensRevoked](effects.TokensRevoked(("another", node.watch.read(token).token_id)), None)
    assert node.found == [tokens.SIGNED_OUT]


def test_who_refreshes_signs_out_with_the_fresh_token(node: Node) -> None:
    old, fresh = node.token(), node.token(ttl_s=60)
    session = node.session(token=old)
    node.refresh(session, fresh, (session, Refreshed(token_ttl_s=60)))
    node.sign_out(node.watch.read(old).token_id)
    assert node.found == []
    node.sign_out(node.watch.read(fresh).token_id)
    assert node.found == [tokens.SIGNED_OUT]


@pytest.mark.parametrize("reason", [BY_SIGN_OUT, "the account is deleted", "kicked: quarrel"])
def test_socket_is_closed_as_signed_out_if_that_is_so(node: Node, reason: str) -> None:
    node.close(node.session(), reason)
    assert node.found == ([tokens.STAYS] if reason == BY_SIGN_OUT else [])


@pytest.mark.parametrize(
    ("renews", "calm_since_s", "invariants"), [(True, 1.0, [tokens.RENEWS]), (False, 1.0, []), (True, 9.5, [])]
)
def test_who_renews_by_the_rules_stays_where_nothing_breaks(
    node: Node, calm_since_s: float, invariants: list[str], *, renews: bool
) -> None:
    session = node.session()
    session.transport.renews, node.watch.calm_since_s = renews, calm_since_s
    node.until(WARNED_S)
    node.tell(session, EXPIRING)
    node.until(CLOSED_S)
    node.close(session)
    assert node.found == invariants


@pytest.mark.parametrize("lane", ["lane_out", "lane_in"])
def test_who_cannot_hear_of_the_end_or_answer_renews_nothing(node: Node, lane: str) -> None:
    session = node.session()
    session.transport.renews, node.watch.calm_since_s = True, 1.0
    getattr(session.transport, lane).is_cut = True
    node.until(WARNED_S)
    node.tell(session, EXPIRING)
    node.until(CLOSED_S)
    node.close(session)
    assert node.found == []


@pytest.mark.parametrize(("ttl_s", "invariants"), [(1, []), (3, [tokens.RENEWS])])
def test_who_is_told_right_before_the_end_has_no_time_to_renew(node: Node, ttl_s: int, invariants: list[str]) -> None:
    session = node.session(token=node.token(ttl_s=ttl_s))
    session.transport.renews, node.watch.calm_since_s = True, 0.0
    node.until(ttl_s / 2)
    node.tell(session, TokenExpiring(in_s=ttl_s // 2))
    node.until(ttl_s + GRACE_S)
    node.close(session)
    assert node.found == invariants
