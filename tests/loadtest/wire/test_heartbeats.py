"""Which pong belongs to which ping, where some never come."""

from __future__ import annotations

import pytest

from loadtest.wire.messages.heartbeats import UNANSWERED_S, Heartbeats


def test_each_answer_belongs_to_its_ping():
    heartbeats = Heartbeats()
    for at_s in (0.0, 30.0):
        heartbeats.sent(at_s)
        assert heartbeats.heard(at_s + 0.005) == [pytest.approx(0.005)]


def test_a_server_that_stood_still_answers_all_in_the_end():
    heartbeats = Heartbeats()
    for at_s in (0.0, 0.2, 0.4):
        heartbeats.sent(at_s)
    assert [heartbeats.heard(1.4) for _ in range(2)] == [[], []]
    assert heartbeats.heard(1.4) == [pytest.approx(1.4), pytest.approx(1.2), pytest.approx(1.0)]
    assert heartbeats.give_up(9.0) == (0, [])


def test_a_ping_without_an_answer_is_given_up_when_the_next_has_its_own():
    heartbeats = Heartbeats()
    heartbeats.sent(0.0)
    assert heartbeats.give_up(30.0) == (0, []), "the server may stand still"
    heartbeats.sent(30.0)
    assert heartbeats.heard(30.005) == []
    assert heartbeats.give_up(30.5) == (0, []), "the other answer may be on its way"
    unanswered, round_trips_s = heartbeats.give_up(60.0)
    assert (unanswered, round_trips_s) == (1, [pytest.approx(0.005)])
    heartbeats.sent(60.0)
    assert heartbeats.heard(60.004) == [pytest.approx(0.004)], "and no later one is moved"


def test_an_answer_to_nothing_counts_for_nothing():
    heartbeats = Heartbeats()
    assert heartbeats.heard(1.0) == []
    heartbeats.sent(2.0)
    assert heartbeats.heard(2.5) == [0.5]


def test_a_pause_in_reading_is_in_no_round_trip():
    heartbeats = Heartbeats()
    heartbeats.sent(0.0)
    heartbeats.skip()
    assert heartbeats.heard(10.0) == []
    heartbeats.sent(11.0)
    assert heartbeats.heard(11.5) == [0.5]


def test_what_is_unanswered_for_long_when_the_player_leaves_is_told():
    heartbeats = Heartbeats()
    heartbeats.sent(0.0)
    heartbeats.sent(UNANSWERED_S)
    assert heartbeats.close(UNANSWERED_S + 0.1) == 1
    assert len(heartbeats) == 0
