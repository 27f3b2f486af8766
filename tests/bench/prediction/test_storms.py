"""Storms with round costs: how long they take, and what they cost."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from bench.prediction.virtual.setup import Setup
from bench.prediction.virtual.storms import log_in, restart
from loadtest.client.reconnect import FixedReconnect, JitterReconnect
from tests.bench.prediction.models import a_model

COMING = {"upgrade": 1_000.0, "handshake": 1_000.0}
BACK = Setup(sessions=400, way="push", presence="friends", changes_per_s=0.0)


def test_eight_are_upgraded_per_turn_and_shake_hands_before_the_next_and_all_are_accepted_when_both_are_done() -> None:
    """100 times 1 ms and 100 times 1 ms, eight of the ones and eight of the others in turns."""
    storm = log_in(Setup(sessions=100, presence="friends"), a_model(**COMING))
    assert storm.is_over
    assert storm.cpu_s == pytest.approx(0.2)
    half, last = storm.accepted.percentile(50), storm.accepted.percentile(100)
    assert half == pytest.approx(0.1, rel=0.08)
    assert last == pytest.approx(0.2, rel=0.02)
    assert storm.fresh.n == storm.sessions == 100


def test_base_clients_fetch_the_list_on_a_connection_of_their_own() -> None:
    model = a_model(**COMING, fetch=500.0, connection=500.0)
    storm = log_in(Setup(sessions=100, way="push", presence="friends"), model)
    assert storm.cpu_s == pytest.approx(0.3, rel=0.01)
    assert storm.fresh.percentile(100) == pytest.approx(0.3, rel=0.02)


def test_everybody_is_told_of_those_who_come_after() -> None:
    """N users hear of themselves and of those who come after: about N (N + 1) / 2 events of 78 to 88 bytes."""
    storm = log_in(Setup(sessions=400, presence="all", rooms=1), a_model(**COMING, event=10.0))
    assert storm.bytes_out / (400 * 401 / 2) == pytest.approx(85, rel=0.25)


def test_processes_share_a_storm() -> None:
    model = a_model(**COMING)
    one, four = (log_in(Setup(sessions=400, processes=n, presence="friends"), model) for n in (1, 4))
    assert one.accepted.percentile(100) == pytest.approx(0.8, rel=0.02)
    assert four.accepted.percentile(100) == pytest.approx(0.2, rel=0.02)


def test_storm_that_takes_longer_than_it_was_given_is_not_over() -> None:
    storm = log_in(Setup(sessions=100, presence="friends"), a_model(upgrade=50_000.0), most_s=2.0)
    assert not storm.is_over
    assert storm.took_s == 2.0


def test_clients_of_the_only_process_come_when_it_has_started() -> None:
    """1 s until it takes clients, then 0.2 s for a hundred."""
    storm = restart(Setup(sessions=100, presence="friends"), a_model(**COMING, start_wait=1_000.0), policy=None)
    assert storm.accepted.percentile(100) == pytest.approx(1.2, rel=0.02)


def test_retries_go_on_until_there_is_a_process() -> None:
    """At a fixed interval of 5 s and a start of 6 s, the second try finds it."""
    model = a_model(start_wait=6_000.0)
    storm = restart(Setup(sessions=100, presence="friends"), model, policy=FixedReconnect())
    assert storm.accepted.percentile(1) == pytest.approx(10.0, rel=0.02)


def test_clients_of_one_of_several_spread_over_the_others_within_the_jitter() -> None:
    storm = restart(
        Setup(sessions=3_000, processes=3, presence="friends"), a_model(**COMING), policy=JitterReconnect()
    )  # fmt: skip
    assert storm.sessions == 1_000
    assert storm.cpu_s == pytest.approx(2.0, rel=0.05)
    half = storm.accepted.percentile(50)
    assert half == pytest.approx(2.5, rel=0.15)
    assert storm.took_s < 6.0


def test_clients_that_share_a_core_are_back_when_that_has_done_their_part() -> None:
    """400 of 4 ms each on their core, beside 0.2 ms each on the server's: 1.6 s, the server's part of the last beside
    it. Players, who have cores of their own, are back in 0.08 s."""
    model = a_model(upgrade=100.0, handshake=100.0, come=4_000.0)
    shared, own = (restart(replace(BACK, clients=clients), model, policy=None) for clients in ("sink", None))
    assert shared.fresh.percentile(100) == pytest.approx(1.6, rel=0.02)
    assert own.fresh.percentile(100) == pytest.approx(0.08, rel=0.02)
    assert shared.cpu_s == pytest.approx(own.cpu_s) == pytest.approx(0.08)  # the server's, not theirs


def test_clients_that_share_a_core_dial_a_hundred_at_a_time() -> None:
    """So the first of them are back while the last have not set out: each has four steps of 1 ms."""
    storm = restart(replace(BACK, clients="sink"), a_model(come=4_000.0), policy=None)
    first_s = storm.fresh.percentile(1)
    assert first_s is not None
    assert first_s < 0.8


def test_hearing_of_others_takes_clients_time_that_share_a_core() -> None:
    """Everybody hears of everybody who comes after, in a write per tick, each of 1 ms."""
    setup = replace(BACK, presence="all", clients="sink")
    storms = [restart(setup, a_model(**COMING, come=400.0, sink=sink), policy=None) for sink in (0.0, 1_000.0)]
    last_s = [storm.fresh.percentile(100) or 0.0 for storm in storms]
    assert last_s[1] > 1.3 * last_s[0]


def test_older_model_that_does_not_know_what_coming_costs_makes_a_forecast_without_it() -> None:
    model = a_model(**COMING)
    assert model.clients is not None
    older = msgspec.structs.replace(model, clients=msgspec.structs.replace(model.clients, come=None, asked_byte=None))
    storm = restart(replace(BACK, clients="sink"), older, policy=None)
    assert storm.fresh.percentile(100) == pytest.approx(0.8, rel=0.02)


def test_cpu_of_a_restart_is_with_what_all_are_told_of_each_other_after_they_have_come() -> None:
    """A thousand of 0.2 ms each, and one write to each of them, of 0.1 ms, at least."""
    setup = replace(BACK, sessions=1_000, presence="all", clients="sink")
    coming = {"upgrade": 100.0, "handshake": 100.0, "idle": 1_000.0}
    storm = restart(setup, a_model(**coming, send_base=100.0), policy=None)
    silent = restart(setup, a_model(**coming), policy=None)
    assert silent.cpu_s == pytest.approx(0.2, rel=0.01)
    assert storm.cpu_s >= silent.cpu_s + 1_000 * 0.0001
