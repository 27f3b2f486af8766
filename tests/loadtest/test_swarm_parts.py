"""The parts of the swarm that need no Locust: options, pacing, identities, marks, figures."""

import argparse
import json
import math
from pathlib import Path
from random import Random
from typing import Any

import pytest

from loadtest.client import Feature, FixedReconnect, JitterReconnect, LobbyApi
from loadtest.freshness import FreshnessWatch, Marks, clock_of_this_machine
from loadtest.identities import NoTokenLeft, Share, TokenDealer, account
from loadtest.options import SwarmOptions, UsageError, add_options, check_host, read_options, read_tokens
from loadtest.pacing import Agenda, draw_gap_s, draw_lifetime_s, draw_phase_s, player_rng
from loadtest.recorder import Recorder
from loadtest.series import LARGEST_US, Series
from tests.loadtest.fakes import JWT, FakeHttp, json_answer, room


def parse(*arguments: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return vars(parser.parse_args(arguments))


# -- options ------------------------------------------------------------------------------------------------------


def test_defaults_are_those_of_the_seed():
    options = read_options(parse())
    assert (options.heartbeat_s, options.poll_interval_s, options.poller_share) == (30, 3, 0)
    assert isinstance(options.new_reconnect_policy(), JitterReconnect)
    assert options.tokens_file is None
    assert options.json_file is None


def test_a_seed_that_was_not_given_is_drawn():
    assert len({read_options(parse()).seed for _ in range(5)}) > 1
    assert read_options(parse("--seed", "9")).seed == 9


def test_values_from_a_web_form_are_text():
    options = read_options(
        {**parse(), "seed": "5", "poller_share": "0.5", "room_interval_s": "10", "room_lifetime_s": "5"}
    )
    assert (options.seed, options.poller_share, options.room_interval_s) == (5, 0.5, 10.0)


def test_fixed_policy_is_the_seeds():
    assert read_options(parse("--reconnect-policy", "fixed")).new_reconnect_policy() == FixedReconnect()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"poller_share": 1.5}, "--poller-share must be a share from 0 to 1."),
        ({"drop_share": -1}, "--drop-share must be a share from 0 to 1."),
        ({"heartbeat_interval_s": 0}, "--heartbeat-interval-s must be above 0 seconds."),
        ({"poll_interval_s": math.inf}, "--poll-interval-s must be above 0 seconds."),
        ({"poll_interval_s": math.nan}, "--poll-interval-s must be above 0 seconds."),
        ({"room_interval_s": -1}, "--room-interval-s must be 0 seconds or more."),
        ({"room_interval_s": 5, "room_lifetime_s": 6}, "--room-lifetime-s must be at most --room-interval-s."),
        ({"reconnect_policy": "never"}, "--reconnect-policy must be one of jitter, fixed."),
        ({"ws_path": "ws"}, "--ws-path must be a path that starts with /."),
        (
            {"features": "rev,telepathy"},
            "--features: telepathy is no feature: choose from rev, rooms_delta, presence_batch, presence_friends, "
            "drain, refresh.",
        ),
        ({"seed": "abc"}, "--seed is 'abc': give a number."),
        ({"swarm_json": "/nowhere/x.json"}, "--swarm-json: the folder /nowhere does not exist: make it first."),
    ],
)
def test_options_that_do_not_hold_are_refused_in_one_sentence(changed: dict[str, Any], sentence: str):
    with pytest.raises(UsageError) as caught:
        read_options({**parse(), **changed})
    assert str(caught.value) == sentence


def test_features_are_names_with_commas_between():
    assert read_options(parse()).features == frozenset()
    assert read_options(parse("--features", "rev, drain,")).features == {Feature.REV, Feature.DRAIN}


def test_no_rooms_needs_no_fitting_lifetime():
    assert read_options(parse("--room-interval-s", "0")).room_interval_s == 0


@pytest.mark.parametrize("host", [None, "", "localhost:30820", "ftp://x", "http://", "http://x:0", "http://x:99999999"])
def test_hosts_that_are_none(host: str | None):
    with pytest.raises(UsageError, match="http://localhost:30820"):
        check_host(host)


def test_host_loses_its_last_slash():
    assert check_host("https://lobby.example:8443/") == "https://lobby.example:8443"


def test_tokens_come_one_a_line(tmp_path: Path):
    path = tmp_path / "tokens"
    path.write_text(f"{JWT}\n\n  a.b.c\r\n")
    assert read_tokens(path) == (JWT, "a.b.c")


@pytest.mark.parametrize(
    ("content", "says"),
    [("", "holds no token"), ("\n \n", "holds no token"), (f"{JWT}\nnope\n", "line 2 .* is no JWT"), ("\0", "line 1")],
)
def test_token_files_that_are_none(tmp_path: Path, content: str, says: str):
    path = tmp_path / "tokens"
    path.write_text(content)
    with pytest.raises(UsageError, match=says):
        read_tokens(path)


def test_a_token_file_that_is_missing():
    with pytest.raises(UsageError, match="No such file"):
        read_tokens(Path("/nowhere/tokens"))


# -- pacing -------------------------------------------------------------------------------------------------------


def test_agenda_gives_what_is_due_in_order_of_intended_times():
    agenda, done = Agenda(), []
    agenda.put(3.0, lambda at_s: done.append(("late", at_s)))
    agenda.put(1.0, lambda at_s: done.append(("first", at_s)))
    agenda.put(1.0, lambda at_s: done.append(("second", at_s)))
    assert agenda.wait_s(0.25) == 0.75
    assert agenda.take_due(0.99) is None
    while (appointment := agenda.take_due(2.0)) is not None:
        appointment.act(appointment.at_s)
    assert done == [("first", 1.0), ("second", 1.0)]
    assert agenda.wait_s(5.0) == 0.0
    assert Agenda().wait_s(0) == math.inf


def test_the_same_seed_gives_the_same_player_and_another_one_another():
    draws = [
        [player_rng(seed, role, n).random() for n in range(3)]
        for seed, role in ((1, "P"), (1, "P"), (1, "Q"), (2, "P"))
    ]
    assert draws[0] == draws[1]
    assert len({tuple(draw) for draw in draws}) == 3


def test_draws_have_the_means_and_ranges_they_promise():
    rng = Random(2)
    phases = [draw_phase_s(3.0, rng) for _ in range(5000)]
    gaps = [draw_gap_s(3.0, rng) for _ in range(5000)]
    lives = [draw_lifetime_s(4.0, rng) for _ in range(5000)]
    assert 0 <= min(phases) <= max(phases) <= 3
    assert sum(phases) / 5000 == pytest.approx(1.5, rel=0.05)
    assert sum(gaps) / 5000 == pytest.approx(3.0, rel=0.05)
    assert 2 <= min(lives) <= max(lives) <= 6
    assert draw_gap_s(0.0, rng) == 0.0


# -- identities ---------------------------------------------------------------------------------------------------


def test_processes_share_tokens_without_overlap():
    tokens = [f"t{number}.x.y" for number in range(7)]
    dealt = []
    for process in range(3):
        dealer = TokenDealer(tokens, Share(process=process, processes=3))
        dealt += [dealer.take() for _ in range(3 if process == 0 else 2)]
        with pytest.raises(NoTokenLeft, match="mint more"):
            dealer.take()
    assert sorted(dealt) == tokens


def test_a_token_given_back_is_dealt_again():
    dealer = TokenDealer(["a.b.c"], Share())
    dealer.give_back(dealer.take())
    assert dealer.take() == "a.b.c"


def test_numbers_of_all_processes_are_all_numbers():
    numbers = [Share(process=process, processes=4).number(local) for process in range(4) for local in range(5)]
    assert sorted(numbers) == list(range(20))


def test_accounts_fit_the_contract():
    names = {account(seed, number).username for seed in (0, 2**32 - 1) for number in (0, 99_999)}
    assert len(names) == 4
    for name in names:
        assert 3 <= len(name) <= 20
        assert name.replace("_", "").isalnum()
    assert len(account(1, 1).password) >= 8


# -- freshness ----------------------------------------------------------------------------------------------------


def rooms_of(*map_names: str | None, first: int = 0):
    body = {"count": len(map_names), "rooms": [room(f"r{first + n}", name) for n, name in enumerate(map_names)]}
    rooms = LobbyApi(FakeHttp(lambda call: json_answer(body))).rooms().rooms
    assert rooms is not None
    return rooms


def test_marks_of_this_clock_come_back_and_others_do_not():
    marks = Marks("aaaa")
    assert marks.read(marks.write(12.345678)) == pytest.approx(12.345678, abs=1e-6)
    for foreign in (None, "", "canyon", Marks("bbbb").write(1.0), "swarm-aaaa-", "swarm-aaaa-x", "swarm-aaaa--5"):
        assert marks.read(foreign) is None
    assert clock_of_this_machine() == clock_of_this_machine()


def test_a_room_is_news_once_and_only_if_made_while_watching():
    marks = Marks("aaaa")
    watch = FreshnessWatch(marks)
    watch.restart(100.0)
    old, new, foreign = marks.write(99.0), marks.write(101.0), "canyon"
    assert watch.ages_s(rooms_of(old, new, foreign), 101.5) == [pytest.approx(0.5)]
    assert watch.ages_s(rooms_of(old, new, foreign), 102.0) == []
    watch.restart(200.0)
    assert watch.ages_s(rooms_of(old, new, marks.write(199.0)), 200.5) == []


# -- figures ------------------------------------------------------------------------------------------------------


def test_a_series_keeps_microseconds_and_drops_nothing():
    series = Series()
    for duration_s in (0.000_012, 0.0123, 0.0, 1e9):
        series.record(duration_s)
    assert series.count == 4
    assert series.percentile_us(50) == 12
    assert series.max_us == pytest.approx(LARGEST_US, rel=1e-3)
    assert Series().figures_ms()["p99_ms"] == 0.0


def test_reports_of_workers_add_up_to_what_one_process_would_have():
    rng = Random(4)
    alone, master = Recorder(), Recorder()
    workers = [Recorder(), Recorder()]
    for round_number in range(3):
        for number in range(200):
            for recorder in (alone, workers[number % 2]):
                recorder.record("time to fresh, by push", number / 1000)
                recorder.record_request(
                    ("GET", "/api/rooms"), number / 10_000, "HTTP 500" if number % 50 == 0 else None
                )
                recorder.count("rooms made")
                recorder.connections.messages_in["rooms_changed"] += 2
                recorder.connections.bytes_in += 31
        order = rng.sample(workers, 2)
        for worker in order:
            report = json.loads(json.dumps(worker.take_report()))
            master.add_report(report)
        assert round_number < 3
    assert master.events == alone.events
    assert master.events["received rooms_changed"] == 1200
    for name, series in alone.series.items():
        assert master.series[name].count == series.count
        assert [master.series[name].percentile_us(p) for p in (1, 50, 99, 100)] == [
            series.percentile_us(p) for p in (1, 50, 99, 100)
        ]
    figures = master.requests[("GET", "/api/rooms")]
    assert figures.count == figures.times.count == 600
    assert figures.failures == {"HTTP 500": 12}


def test_an_empty_report_is_empty():
    recorder = Recorder()
    recorder.count("x")
    recorder.take_report()
    report = recorder.take_report()
    assert [report[kind] for kind in ("events", "series", "requests")] == [{}, {}, []]


def test_options_are_all_in_one_place():
    assert set(parse()) == {
        "tokens", "seed", "poller_share", "poll_interval_s", "poll_with_etag", "heartbeat_interval_s",
        "room_interval_s", "room_lifetime_s", "drop_share", "drop_interval_s", "reconnect_policy",
        "ws_path", "swarm_json", "features",
    }  # fmt: skip
    assert isinstance(read_options(parse()), SwarmOptions)
