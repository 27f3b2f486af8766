"""Events that ask for an answer: who is asked, what is measured, and that base clients see nothing of it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lobby_server.core.presence import User
from lobby_server.protocol.framing.frames import server_frame
from lobby_server.protocol.messages import PlayerCount, RoomsChanged, ack_id_of, encode, encode_frame
from lobby_server.service.fanout.acks import ACK_GROUPS, PATIENCE_S, Acks, with_ack
from lobby_server.service.session import Session
from tests.service.stage import Socket, Stage

BOB = User(9, "bob")


@pytest.fixture
def stage() -> Stage:
    """Every event asks."""
    stage = Stage()
    stage.fanout.acks = acks_of(stage, share=1.0)
    return stage


def acks_of(stage: Stage, *, share: float) -> Acks:
    return Acks(clock=stage.clock, share=share, random_source=random.Random(1))


def connect(stage: Stage, number: int, *features: str) -> Socket:
    socket = stage.connect()
    socket.session.id = number
    (reply,) = socket.handshake(stage.token(number, f"user{number}"), **({"features": features} if features else {}))
    assert reply["type"] == "handshake_accepted"
    stage.clock.advance(5.0)  # its own coming is told, and nobody was asked for a while
    socket.transport.take()
    return socket


def asked(told: list[Any]) -> list[int]:
    return [message["data"]["ack"] for message in told if "ack" in message["data"]]


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (PlayerCount(online=7), b'{"type":"player_count","data":{"online":7,"ack":3}}'),
        (RoomsChanged(), b'{"type":"rooms_changed","data":{"ack":3}}'),
    ],
)
def test_marked_frame_has_one_more_field(event: Any, text: bytes) -> None:
    assert with_ack(encode_frame(event), 3) == server_frame(text)
    assert ack_id_of(text) == 3
    assert ack_id_of(encode(event)) is None


@pytest.mark.parametrize(
    "raw", [b'{"type":"x","data":{"ack":"y"}}', b'"ack":', b'{"type":"chat","data":{"text":"\\"ack\\":1"}}']
)
def test_what_only_looks_like_a_mark_is_none(raw: bytes) -> None:
    assert ack_id_of(raw) is None


def test_base_clients_and_other_features_get_the_same_bytes_as_ever(stage: Stage) -> None:
    base, batch = connect(stage, 1), connect(stage, 2, "presence_batch")
    ears = [connect(stage, number, "ack") for number in (3, 4)]
    ears[0].transport.take()
    base.transport.sent.clear()
    batch.transport.sent.clear()
    stage.announcer.user_online(BOB)
    stage.clock.advance(0.1)
    assert bytes(base.transport.sent) == server_frame(b'{"type":"user_online","data":{"user_id":9,"username":"bob"}}')
    assert b"ack" not in batch.transport.sent
    assert [len(asked(ear.transport.take())) for ear in ears] == [1, 1]


def test_latency_is_from_the_publication_to_the_answer(stage: Stage) -> None:
    ear = connect(stage, 1, "ack")
    acks = stage.fanout.acks
    assert acks is not None
    before = sum(acks.latencies.counts)
    stage.announcer.user_online(BOB)
    stage.clock.advance(0.03)
    (ack_id,) = asked(ear.transport.take())
    assert ear.say("ack", id=ack_id) == []
    assert sum(acks.latencies.counts) - before == 1
    assert acks.latencies.sum_s == pytest.approx(0.03)
    for wrong in (ack_id, ack_id + 100, 0, -1):  # a second time, and ids of nothing
        assert ear.say("ack", id=wrong) == []
    assert sum(acks.latencies.counts) - before == 1
    (refused,) = ear.say("ack", id="x")
    assert refused["data"]["reason"] == "bad_json"


def test_answer_of_who_was_not_asked_counts_for_nothing(stage: Stage) -> None:
    ear, other = connect(stage, 1, "ack"), connect(stage, 2, "ack")
    ear.transport.take()
    stage.announcer.tell_users([1], PlayerCount(online=1))
    (ack_id,) = asked(ear.transport.take())
    other.say("ack", id=ack_id)
    assert stage.fanout.acks is not None
    assert sum(stage.fanout.acks.latencies.counts) == 0


def test_who_does_not_answer_is_counted_when_the_patience_is_over(stage: Stage) -> None:
    acks = stage.fanout.acks
    assert acks is not None
    ears = [connect(stage, number * ACK_GROUPS, "ack") for number in (1, 2, 3)]  # of one feed
    stage.clock.advance(PATIENCE_S)
    for ear in ears:
        ear.transport.take()
    asked_before, missed_before = acks.asked, acks.unanswered
    stage.announcer.user_online(BOB)
    stage.clock.advance(0.1)
    (ack_id,) = {ack_id for ear in ears for ack_id in asked(ear.transport.take())}
    ears[0].say("ack", id=ack_id)
    assert acks.asked - asked_before == 3
    stage.clock.advance(PATIENCE_S)
    assert acks.unanswered - missed_before == 2
    ears[1].say("ack", id=ack_id)  # too late
    assert sum(acks.latencies.counts) == 1


def test_share_of_events_asks_and_no_client_more_than_twice_a_second() -> None:
    stage = Stage()
    acks = stage.fanout.acks = acks_of(stage, share=0.1)
    ear = connect(stage, 1, "ack")
    seen = 0
    for _ in range(2000):
        stage.announcer.tell_users([1], PlayerCount(online=1))
        stage.clock.advance(0.5)
        seen += len(asked(ear.transport.take()))
    assert 140 <= seen <= 260  # of 2,000 with a chance of a tenth: 200 and four and a half deviations
    acks._share = 1.0
    for _ in range(1000):
        stage.announcer.tell_users([1], PlayerCount(online=1))
        stage.clock.advance(0.01)
    assert 20 <= len(asked(ear.transport.take())) <= 26  # ten seconds and a burst


def test_one_event_asks_a_part_of_the_clients(stage: Stage) -> None:
    assert stage.fanout.acks is not None
    stage.fanout.acks._share = 0.5
    ears = [connect(stage, number, "ack") for number in range(1, 65)]
    stage.clock.advance(5.0)
    for ear in ears:
        ear.transport.take()
    stage.announcer.user_online(BOB)
    stage.clock.advance(0.1)
    marks = [asked(ear.transport.take()) for ear in ears]
    groups = {ear.session.id % ACK_GROUPS for ear, mark in zip(ears, marks, strict=True) if mark}
    assert 0 < len(groups) < ACK_GROUPS
    assert all(bool(mark) == (ear.session.id % ACK_GROUPS in groups) for ear, mark in zip(ears, marks, strict=True))


def test_answer_of_who_did_not_ask_for_the_feature_is_an_unknown_type(stage: Stage) -> None:
    assert isinstance(connect(stage, 1).session, Session)
    assert connect(stage, 2).say("ack", id=1) == [{"type": "error", "data": {"reason": "unknown_type"}}]
