"""One connection's life: every phase with every message, its limits and its deadlines, without a socket or a loop."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from lobby_server.logs import fields_of
from lobby_server.protocol.codes import CloseCode, ErrorReason
from lobby_server.protocol.features import Feature
from lobby_server.protocol.messages import CLIENT_MESSAGES, CreateRoom, JoinRoom, Kick, LeaveRoom, SendChat
from lobby_server.protocol.social_messages import SendChatMessage
from lobby_server.service.session import (
    BAD_LINES_BURST,
    MALFORMED_BURST,
    MAX_HANDSHAKE_TRIES,
    TOKEN_GRACE_S,
    TOKEN_WARNING_S,
    Phase,
)
from tests.service.house import ANN, House
from tests.service.stage import Socket, Stage, error

COMMANDS = {
    "create_room": ({}, CreateRoom()),
    "join_room": ({"roomId": "r", "version": "1", "name": "P"}, JoinRoom(roomId="r", version="1", name="P")),
    "leave_room": ({}, LeaveRoom()),
    "chat": ({"text": "hi"}, SendChat(text="hi")),
    "kick": ({"peerId": 2}, Kick(peerId=2)),
    "chat_message": ({"channel": "lobby", "text": "hi"}, SendChatMessage(channel="lobby", text="hi")),
}


def guest(stage: Stage) -> Socket:
    socket = stage.connect()
    (reply,) = socket.say("handshake", version="1", name="Visitor")
    assert reply["data"] == {"peer_id": 0, "user_id": None, "username": "Visitor"}
    return socket


def sockets_of_every_phase() -> dict[str, Socket]:
    closed = Stage().connect()
    closed.session.close(CloseCode.INTERNAL_ERROR, "for the test")
    return {
        "waiting": Stage().connect(),
        "accepted": Stage().connect().accepted(),
        "guest": guest(Stage(allow_guests=True)),
        "closed": closed,
    }


# -- every phase with every message -------------------------------------------------------------------------------

NEEDS_A_USER, UNKNOWN, BAD = error("authentication_required"), error("unknown_type"), error("bad_json")
ANSWERS: dict[str, dict[str, list[Any] | str]] = {
    # what is sent, and the answer in each phase; "runs": it is the lobby's business, "pong" and "accepted": that reply
    '{"type":"ping"}': {"waiting": "pong", "accepted": "pong", "guest": "pong"},
    '{"type":"ping","data":{"more":[1]}}': {"waiting": "pong", "accepted": "pong", "guest": "pong"},
    '{"type":"dance"}': {"waiting": [UNKNOWN], "accepted": [UNKNOWN], "guest": [UNKNOWN]},
    "nonsense": {"waiting": [BAD], "accepted": [BAD], "guest": [BAD]},
    '{"type":"ping","data":5}': {"waiting": [BAD], "accepted": [BAD], "guest": [BAD]},
    '{"type":"handshake","data":{"version":5,"name":"P"}}': {
        phase: [error("invalid_handshake")] for phase in ("waiting", "accepted", "guest")
    },
    '{"type":"handshake","data":{"version":"1","name":"P","token":"x"}}': {
        "waiting": [error("invalid_token")],
        "accepted": [error("invalid_handshake")],
        "guest": [error("invalid_handshake")],
    },
    '{"type":"handshake","data":{"version":"1","name":"P"}}': {
        "waiting": [error("authentication_required")],
        "accepted": [error("invalid_handshake")],
        "guest": [error("invalid_handshake")],
    },
    '{"type":"rooms_resync"}': {"waiting": [NEEDS_A_USER], "accepted": [UNKNOWN], "guest": [NEEDS_A_USER]},
    '{"type":"ack","data":{"id":1}}': {"waiting": [NEEDS_A_USER], "accepted": [UNKNOWN], "guest": [NEEDS_A_USER]},
    '{"type":"refresh","data":{"token":"x"}}': {
        "waiting": [NEEDS_A_USER],
        "accepted": [UNKNOWN],
        "guest": [NEEDS_A_USER],
    },
    **{
        json.dumps({"type": type_, "data": data}): {
            "waiting": [NEEDS_A_USER],
            "accepted": "runs",
            "guest": [NEEDS_A_USER],
        }
        for type_, (data, _) in COMMANDS.items()
    },
}


@pytest.mark.parametrize("raw", ANSWERS)
def test_message_has_the_answer_of_its_phase(raw: str) -> None:
    for phase, socket in sockets_of_every_phase().items():
        calls = list(socket.stage.lobby.calls)
        replies = socket.say_raw(raw)
        expected = ANSWERS[raw].get(phase, [])
        if expected == "pong":
            assert [reply["type"] for reply in replies] == ["pong"], phase
        elif expected == "runs":
            assert replies == []
            type_ = json.loads(raw)["type"]
            assert socket.stage.lobby.calls == [*calls, COMMANDS[type_][1]]
        else:
            assert replies == expected, phase
            assert socket.stage.lobby.calls == calls, phase


def test_every_message_of_the_vocabulary_is_in_the_table() -> None:
    assert {json.loads(raw)["type"] for raw in ANSWERS if raw.startswith("{")} >= set(CLIENT_MESSAGES)


def test_binary_frame_is_bad_json_in_every_phase_but_the_last() -> None:
    for phase, socket in sockets_of_every_phase().items():
        socket.session.receive_binary()
        assert socket.transport.take() == ([] if phase == "closed" else [BAD]), phase


def test_refusal_of_the_desk_is_the_error_that_the_client_gets() -> None:
    socket = Stage().connect().accepted()
    for reason in ErrorReason:
        socket.stage.lobby.refusal = reason
        assert socket.say("leave_room") == [error(reason.value)]


# -- the handshake ------------------------------------------------------------------------------------------------


def test_acceptance_is_answered_first_and_then_the_lobby_hears_of_it() -> None:
    socket = Stage().connect()
    replies = socket.handshake(socket.stage.token(123, "PlayerName"))
    assert replies == [{"type": "handshake_accepted", "data": {"peer_id": 0, "user_id": 123, "username": "PlayerName"}}]
    assert socket.stage.lobby.calls == ["accepted"]
    assert (socket.session.user.id, socket.session.version) == (123, "13020")
    socket.stage.clock.advance(0.0)
    assert socket.transport.take() == [{"type": "user_online", "data": {"user_id": 123, "username": "PlayerName"}}]


def test_refused_handshake_may_be_tried_again_until_the_third() -> None:
    stage = Stage()
    for refusals in range(MAX_HANDSHAKE_TRIES):
        socket = stage.connect()
        for _ in range(refusals):
            socket.handshake("x")
        assert socket.handshake(stage.token())[0]["type"] == "handshake_accepted"
    socket = stage.connect()
    assert socket.handshake("x") == [error("invalid_token")]
    assert socket.handshake(None) == [error("authentication_required")]
    assert socket.say("handshake", name="P") == [error("invalid_handshake")]
    assert socket.transport.closed is not None
    assert socket.transport.closed.code == CloseCode.PROTOCOL_ABUSE
    assert socket.handshake(stage.token()) == []
    assert stage.lobby.calls == ["accepted"] * MAX_HANDSHAKE_TRIES


def test_nothing_accepted_within_the_time_closes_4001_and_pings_do_not_help() -> None:
    socket = Stage(handshake_timeout_s=10.0).connect()
    for _ in range(9):
        socket.stage.clock.advance(1.0)
        socket.say("ping")
    assert socket.transport.closed is None
    socket.stage.clock.advance(1.0)
    assert socket.transport.closed is not None
    assert socket.transport.closed.code == CloseCode.HANDSHAKE_TIMEOUT
    assert socket.stage.lobby.calls == []


def test_handshake_that_lies_in_the_socket_as_its_time_is_over_is_accepted() -> None:
    stage = Stage(handshake_timeout_s=10.0)
    socket, silent = stage.connect(), stage.connect()
    socket.transport.on_read_on = lambda: socket.handshake(stage.token())
    stage.clock.advance(10.0)
    assert socket.transport.closed is None
    assert stage.lobby.calls == ["accepted"]
    assert silent.transport.closed is not None
    assert silent.transport.closed.code == CloseCode.HANDSHAKE_TIMEOUT


def test_accepted_session_and_guest_outlive_the_time_for_the_handshake() -> None:
    for socket in (Stage().connect().accepted(), guest(Stage(allow_guests=True))):
        socket.stage.clock.advance(3600.0)
        assert socket.transport.closed is None
        assert socket.say("ping")[0]["type"] == "pong"


def test_pong_carries_the_time_in_milliseconds() -> None:
    socket = Stage().connect()
    socket.stage.clock.advance(1.2345)
    (pong,) = socket.say("ping")
    assert pong["data"] == {"ts": int(socket.stage.clock.utc_now().timestamp() * 1000)}


# -- the end ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("abrupt", "call"), [(True, "lost"), (False, "left")])
def test_end_of_an_accepted_session_is_told_to_the_lobby_once(abrupt: bool, call: str) -> None:
    socket = Stage().connect().accepted()
    for _ in range(2):
        socket.session.closed(abrupt=abrupt)
    socket.session.close(CloseCode.INTERNAL_ERROR, "too late")
    assert socket.stage.lobby.calls == ["accepted", call]
    assert socket.session.phase is Phase.CLOSED
    assert socket.transport.closed is None


def test_close_by_the_server_is_told_to_the_lobby_at_once_and_said_to_the_client_once() -> None:
    socket = Stage().connect().accepted()
    for code in (CloseCode.SIGNED_OUT, CloseCode.SERVICE_RESTART):
        socket.session.close(code, "because")
    assert socket.stage.lobby.calls == ["accepted", "left"]
    assert socket.transport.closed is not None
    assert (socket.transport.closed.code, socket.transport.closed.reason) == (4502, "because")
    assert socket.stage.metrics.closes == {CloseCode.SIGNED_OUT: 1}
    socket.session.closed(abrupt=True)  # the adapter, when the socket is gone
    assert socket.stage.lobby.calls == ["accepted", "left"]
    socket.stage.clock.advance(3600.0)


def test_end_of_a_stranger_or_a_guest_is_no_news_to_the_lobby() -> None:
    for socket in (Stage().connect(), guest(Stage(allow_guests=True))):
        socket.session.closed(abrupt=True)
        assert socket.stage.lobby.calls == []


def test_reply_to_a_client_whose_socket_broke_does_nothing() -> None:
    socket = Stage().connect().accepted()
    socket.transport.is_broken = True
    assert socket.say("ping") == []
    assert socket.say("dance") == []
    socket.session.closed(abrupt=True)
    assert socket.stage.lobby.calls == ["accepted", "lost"]


def test_close_brings_what_the_client_had_not_taken_yet_before_it() -> None:
    socket = Stage().connect().accepted()
    socket.transport.is_full = True
    socket.say("ping")
    socket.say("dance")
    socket.session.close(CloseCode.SERVICE_RESTART, "restart")
    assert [message["type"] for message in socket.transport.take()] == ["pong", "error"]


def test_client_that_does_not_read_its_replies_is_closed_4002() -> None:
    socket = Stage().connect().accepted()
    socket.transport.is_full = True
    for _ in range(20_000):
        socket.session.receive(b'{"type":"ping"}')
        if socket.transport.closed is not None:
            break
    assert socket.transport.closed is not None
    assert socket.transport.closed.code == CloseCode.SLOW_CONSUMER
    assert socket.stage.lobby.calls == ["accepted", "lost"]


# -- limits -------------------------------------------------------------------------------------------------------


def test_rate_of_messages_allows_a_burst_then_errors_then_closes_4003() -> None:
    socket = Stage(command_rate_per_s=10.0).connect().accepted()
    answers = []
    while socket.transport.closed is None:
        answers += socket.say("ping")
    kinds = [answer["data"].get("reason", "pong") for answer in answers]
    assert kinds == ["pong"] * kinds.count("pong") + ["rate_limited"] * kinds.count("rate_limited")
    assert 18 <= kinds.count("pong") <= 21  # two seconds' worth, the handshake counted
    assert 49 <= kinds.count("rate_limited") <= 51  # five seconds' worth
    assert socket.transport.closed.code == CloseCode.RATE_LIMITED


def test_client_that_keeps_to_the_rate_is_never_limited() -> None:
    socket = Stage(command_rate_per_s=10.0).connect().accepted()
    for _ in range(500):
        socket.stage.clock.advance(0.1001)
        assert [reply["type"] for reply in socket.say("ping")] == ["pong"]


def test_client_that_slows_down_after_a_warning_is_served_again() -> None:
    socket = Stage(command_rate_per_s=10.0).connect().accepted()
    while socket.say("ping")[0]["type"] == "pong":
        pass
    socket.stage.clock.advance(1.0)
    assert socket.say("ping")[0]["type"] == "pong"
    assert socket.transport.closed is None


def test_limit_holds_before_acceptance_too() -> None:
    socket = Stage(command_rate_per_s=5.0, handshake_timeout_s=3600.0).connect()
    for _ in range(200):
        socket.say("ping")
    assert socket.transport.closed is not None
    assert socket.transport.closed.code == CloseCode.RATE_LIMITED


def test_too_many_malformed_messages_close_4501_and_a_few_now_and_then_do_not() -> None:
    socket = Stage().connect().accepted()
    for raw in (b"{", b'{"type":"dance"}'):
        for _ in range(MALFORMED_BURST // 2):
            assert socket.say_raw(raw)[0]["type"] == "error"
    assert socket.transport.closed is None
    assert socket.say_raw(b"{") == [BAD]
    assert socket.transport.closed is not None
    assert socket.transport.closed.code == CloseCode.PROTOCOL_ABUSE

    patient = Stage().connect().accepted()
    for _ in range(10 * MALFORMED_BURST):
        patient.stage.clock.advance(1.1)
        patient.say_raw(b"{")
    assert patient.transport.closed is None


def test_refused_room_commands_are_no_abuse() -> None:
    socket = Stage().connect().accepted()
    socket.stage.lobby.refusal = ErrorReason.ROOM_NOT_FOUND
    for _ in range(10 * MALFORMED_BURST):
        socket.say("leave_room")
    assert socket.transport.closed is None


# -- the end of tokens --------------------------------------------------------------------------------------------


def test_socket_of_a_base_client_outlives_its_token() -> None:
    socket = Stage().connect()
    socket.handshake(socket.stage.token(ttl_s=100.0))
    socket.stage.clock.advance(10_000.0)
    assert socket.transport.closed is None


def test_client_of_refresh_is_warned_and_closed_after_the_grace() -> None:
    socket = Stage().connect()
    (accepted,) = socket.handshake(socket.stage.token(ttl_s=1000.0), features=["refresh", "unheard of"])
    assert accepted["data"]["features"] == ["refresh"]
    assert accepted["data"]["token_ttl_s"] in (999, 1000)
    socket.stage.clock.advance(1000.0 - TOKEN_WARNING_S - 1.0)
    assert [message["type"] for message in socket.transport.take()] == ["user_online"]
    socket.stage.clock.advance(1.5)
    assert socket.transport.take() == [{"type": "token_expiring", "data": {"in_s": round(TOKEN_WARNING_S)}}]
    socket.stage.clock.advance(TOKEN_WARNING_S + TOKEN_GRACE_S - 1.0)
    assert socket.transport.closed is None
    socket.stage.clock.advance(1.0)
    assert socket.transport.closed is not None
    assert socket.transport.closed.code == CloseCode.SIGNED_OUT


@pytest.mark.parametrize(
    ("waits_s", "after_s"), [(2.0, 0.6), (2.5, 0.3), (3.5, 0.0)], ids=["half", "more", "all of it"]
)
def test_client_that_waits_to_be_let_in_is_greeted_before_it_is_told_that_its_token_ends(
    waits_s: float, after_s: float
) -> None:
    socket = Stage().connect()
    stage = socket.stage
    stage.lobby.waiting = []
    assert socket.handshake(stage.token(ttl_s=3.0), features=["refresh"]) == []
    stage.clock.advance(waits_s)
    assert socket.transport.take() == []
    [let_in] = stage.lobby.waiting
    let_in()
    stage.clock.advance(after_s)
    greeting, _, expiring = socket.transport.take()
    assert (greeting["type"], greeting["data"]["token_ttl_s"]) == ("handshake_accepted", max(0, int(3.0 - waits_s)))
    assert expiring == {"type": "token_expiring", "data": {"in_s": 0}}
    stage.clock.advance(3.0 + TOKEN_GRACE_S - waits_s - after_s - 0.2)
    assert socket.transport.closed is None
    stage.clock.advance(0.3)
    assert socket.transport.closed is not None


@pytest.mark.parametrize(("stall_s", "in_s"), [(20.0, 50), (65.0, 5), (80.0, 0), (1000.0, 0)])
def test_loop_that_stood_still_tells_what_is_left_and_closes_no_later_for_it(stall_s: float, in_s: int) -> None:
    socket = Stage().connect()
    clock = socket.stage.clock
    socket.handshake(socket.stage.token(ttl_s=1000.0), features=["refresh"])
    begins_s = 1000.0 - TOKEN_WARNING_S - 10.0

    def stall() -> None:
        clock._now_s += stall_s

    clock.call_later(begins_s, stall)
    clock.advance(begins_s + stall_s)
    assert socket.transport.take()[-1] == {"type": "token_expiring", "data": {"in_s": in_s}}
    left_s = 1000.0 + TOKEN_GRACE_S - begins_s - stall_s
    if left_s > 0:
        assert socket.transport.closed is None
        clock.advance(left_s + 0.1)
    assert socket.transport.closed is not None
    assert socket.transport.closed.code == CloseCode.SIGNED_OUT


@pytest.mark.parametrize("feature", sorted(set(Feature) - {Feature.REFRESH}))
def test_client_of_any_other_feature_is_closed_after_the_grace_without_a_warning(feature: Feature) -> None:
    stage = Stage()
    socket, base = stage.connect(), stage.connect()
    socket.handshake(stage.token(ttl_s=1000.0), features=[feature.value])
    base.handshake(stage.token(ttl_s=1000.0), features=["unheard of"])  # it gets the base protocol
    stage.clock.advance(1000.0 + TOKEN_GRACE_S - 1.0)
    assert socket.transport.closed is None
    assert "token_expiring" not in [message["type"] for message in socket.transport.take()]
    stage.clock.advance(1.0)
    assert socket.transport.closed is not None
    assert (socket.transport.closed.code, socket.transport.closed.reason) == (4502, "the token has expired")
    stage.clock.advance(10_000.0)
    assert base.transport.closed is None


def test_fresh_token_on_the_open_socket_keeps_it_open_and_a_bad_one_does_not() -> None:
    socket = Stage().connect()
    stage = socket.stage
    socket.handshake(stage.token(ttl_s=100.0), features=["refresh"])
    for bad, detail in (
        ("x", "The token does not verify."),
        (stage.token(8, "bob"), "The token is of another user."),
        (stage.token(ttl_s=-1.0), "The token has expired."),
    ):
        assert socket.say("refresh", token=bad)[-1]["data"] == {"reason": "invalid_token", "detail": detail}
    (refused,) = socket.say("refresh")
    assert refused["data"]["reason"] == "invalid_token"
    (refreshed,) = socket.say("refresh", token=stage.token(ttl_s=5000.0, jti="fresh"))
    assert refreshed["type"] == "refreshed"
    assert refreshed["data"]["token_ttl_s"] in (4999, 5000)
    assert socket.session.token_id == "fresh"
    stage.clock.advance(4000.0)
    assert socket.transport.closed is None
    stage.clock.advance(2000.0)
    assert socket.transport.closed is not None


def test_fresh_token_that_lies_in_the_socket_at_the_end_of_the_old_one_keeps_it_open() -> None:
    stage = Stage()
    socket = stage.connect()
    socket.handshake(stage.token(ttl_s=100.0), features=["refresh"])
    fresh = stage.token(ttl_s=5000.0, jti="fresh")
    socket.transport.on_read_on = lambda: socket.say("refresh", token=fresh)
    stage.clock.advance(100.0 + TOKEN_GRACE_S + 1.0)  # in one step: nothing was read meanwhile
    assert socket.transport.closed is None
    assert socket.session.token_id == "fresh"
    socket.transport.on_read_on = lambda: None
    stage.clock.advance(5000.0 + TOKEN_GRACE_S)
    assert socket.transport.closed is not None
    assert socket.transport.closed.code == CloseCode.SIGNED_OUT


def test_client_that_asks_for_features_reads_what_was_wrong_with_its_handshake() -> None:
    stage = Stage()
    client = stage.connect()
    (reply,) = client.say("handshake", version=13020, name="P", features=["rev"])
    assert reply["data"]["reason"] == "invalid_handshake"
    assert "$.version" in reply["data"]["detail"]


def test_client_that_asks_for_features_reads_what_is_wrong_with_its_token_and_the_log_says_it_of_all(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stage = Stage()
    endless = stage.token(exp=None)
    (reply,) = stage.connect().handshake(endless, features=["rev"])
    assert reply["data"] == {
        "reason": "invalid_token",
        "detail": "The token has no exp: it has to say when it expires.",
    }
    assert stage.connect().handshake(endless) == [error("invalid_token")]
    assert stage.connect().handshake(endless, features=["unheard of"]) == [error("invalid_token")]
    told = [fields_of(each) for each in caplog.records if getattr(each, "event", "") == "handshake_refused"]
    assert [(each["code"], each["reason"]) for each in told] == [("invalid_token", reply["data"]["detail"])] * 3


def test_base_client_gets_the_bare_reason_of_its_error() -> None:
    stage = Stage()
    assert stage.connect().say("handshake", version=13020, name="P") == [error("invalid_handshake")]
    assert stage.connect().say_raw(b'{"type":"ping"}\0') == [error("bad_json")]


def test_client_that_acknowledges_with_floats_stays_connected() -> None:
    stage = Stage()
    client = stage.connect()
    client.handshake(stage.token(), features=["ack"])
    for number in range(60):
        assert client.say_raw(b'{"type":"ack","data":{"id":%d.0}}' % number) == []


async def test_lines_about_messages_that_cannot_be_read_are_few_however_many_come(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lobby.session")

    def lines() -> int:
        return sum(getattr(record, "event", "") == "bad_message" for record in caplog.records)

    client = house.connect(ANN)
    for _ in range(1_000):
        client.say("join_room", roomId="x", version="1", name="P", ifIn="any")
    assert [data for _, data in client.told()].count({"reason": "invalid_join_room"}) == 1_000
    written = lines()
    assert BAD_LINES_BURST - 2 < written <= BAD_LINES_BURST
    house.clock.advance(1.0)
    client.say("join_room", roomId="x", version="1", name="P", ifIn="any")
    assert lines() > written
