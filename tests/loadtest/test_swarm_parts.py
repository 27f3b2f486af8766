"""The parts of the swarm that need no Locust: options, pacing, identities, marks, figures."""

import argparse
import json
import math
from pathlib import Path
from random import Random
from typing import Any

import jwt
import pytest

from loadtest.client import Feature, FixedReconnect, JitterReconnect, LobbyApi
from loadtest.measure.freshness import FreshnessWatch, Marks, clock_of_this_machine
from loadtest.measure.recorder import Recorder
from loadtest.measure.series import LARGEST_US, Series
from loadtest.results.exit_codes import UsageError
from loadtest.workload.identities import DealtTokens, MintedTokens, NoTokenLeft, Share, account
from loadtest.workload.inputs import check_host, read_tokens
from loadtest.workload.options import SwarmOptions, add_options, read_options
from tests.loadtest.fakes import JWT, FakeHttp, json_answer, room

FEATURE_NAMES = ", ".join(feature.value for feature in Feature)


def parse(*arguments: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return vars(parser.parse_args(arguments))


# -- options ------------------------------------------------------------------------------------------------------


def test_defaults_are_those_of_the_seed():
    options = read_options(parse())
    assert (options.heartbeat_s, options.poll_interval_s) == (30, 3)
    assert options.weights == {"browser": 6, "host": 2, "joiner": 1, "flapper": 1}
    assert set(options.modes.values()) == {frozenset()}
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
    assert (options.seed, options.weights["poller"], options.room_interval.mean_s) == (5, 0.5, 10.0)


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
        ({"room_interval_s": -1}, "--room-interval-s: -1 is no time: give 0 seconds or more."),
        ({"room_interval_s": "often"}, "--room-interval-s: often is no number of seconds."),
        (
            {"session_s": "pareto:3"},
            "--session-s: pareto is no distribution: write a number, or one of fixed, uniform, "
            "exp, lognormal before the colon.",
        ),
        ({"visit_s": 0}, "--visit-s must be above 0 seconds."),
        ({"silent_share": 2}, "--silent-share must be a share from 0 to 1."),
        ({"tabs": 0}, "--tabs must be from 1 to 100."),
        (
            {"mix": "browser=1,wizard=2"},
            "--mix: wizard is no role: choose from browser, host, joiner, flapper, tabber, "
            "slow_reader, socializer, poller, conditional_poller.",
        ),
        ({"mix": "browser"}, "--mix: browser has no weight: write browser=1."),
        ({"mix": "browser=0"}, "--mix: nobody would play: give weights, as in browser=6,host=2,joiner=1,flapper=1."),
        (
            {"mode": "host=warp"},
            f"--mode: warp is no mode: choose from base, {FEATURE_NAMES}, with + between them.",
        ),
        (
            {"tokens": "t", "jwt_secret": "s"},
            "--tokens and --jwt-secret both say who the players are: give one of them.",
        ),
        ({"paths": "rooms"}, "--paths: rooms is no path: write auth=/v1/auth or rooms=/v1/rooms."),
        ({"shape": "zigzag"}, "--shape must be one of none, ramp, steps, spike, soak, restart."),
        ({"arrivals_per_s": -1}, "--arrivals-per-s must be 0 or more."),
        (
            {"arrivals_per_s": 5},
            "--arrivals-per-s needs --session-s: sessions that never end would fill all seats.",
        ),
        ({"restart_pid": "5"}, "--restart-command and --restart-pid are for --shape restart: give that, too."),
        ({"room_interval_s": 5, "room_lifetime_s": 6}, "--room-lifetime-s must be at most --room-interval-s."),
        ({"reconnect_policy": "never"}, "--reconnect-policy must be one of jitter, fixed."),
        ({"ws_path": "ws"}, "--ws-path must be a path that starts with /."),
        (
            {"features": "rev,telepathy"},
            f"--features: telepathy is no feature: choose from {FEATURE_NAMES}.",
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
    modes = read_options(parse("--features", "rev, drain,")).modes
    assert set(modes.values()) == {frozenset({Feature.REV, Feature.DRAIN})}


def test_modes_are_for_all_or_for_some():
    modes = read_options(parse("--mode", "host=base,rooms_delta+presence_batch,joiner=rev")).modes
    assert modes["browser"] == {Feature.ROOMS_DELTA, Feature.PRESENCE_BATCH}
    assert modes["host"] == frozenset()
    assert modes["joiner"] == {Feature.REV}


def test_no_rooms_needs_no_fitting_lifetime():
    assert read_options(parse("--room-interval-s", "0")).room_interval.mean_s == 0


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


# -- identities ---------------------------------------------------------------------------------------------------


def test_every_number_has_a_token_of_its_own_until_they_run_out():
    tokens = DealtTokens(["a.b.c", "d.e.f"])
    assert [tokens.token_of(1), tokens.token_of(0), tokens.token_of(1)] == ["d.e.f", "a.b.c", "d.e.f"]
    with pytest.raises(NoTokenLeft, match="All 2 tokens are in use: mint more"):
        tokens.token_of(2)


def test_minted_tokens_have_the_claims_of_the_contract():
    secret = "s" * 32
    claims = [jwt.decode(MintedTokens(secret).token_of(number), secret, algorithms=["HS256"]) for number in (0, 7)]
    assert set(claims[0]) == {"userId", "username", "iat", "exp", "jti"}
    assert [claim["username"] for claim in claims] == ["swarm_0", "swarm_7"]
    assert claims[1]["userId"] - claims[0]["userId"] == 7


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


def test_a_reset_starts_from_zero():
    recorder = Recorder()
    recorder.connections.messages_in["rooms_changed"] = 7
    recorder.count("rooms made", 2)
    recorder.record("reconnect", 1.0)
    recorder.reach.presence.expected = 5
    recorder.reset()
    assert not recorder.events
    assert recorder.series["reconnect"].count == 0
    assert recorder.presence.expected == 0
    recorder.connections.messages_in["rooms_changed"] += 1
    recorder.count("rooms made")
    assert recorder.take_report()["events"] == {"received rooms_changed": 1, "rooms made": 1}


def test_an_empty_report_is_empty():
    recorder = Recorder()
    recorder.count("x")
    recorder.take_report()
    report = recorder.take_report()
    assert [report[kind] for kind in ("events", "series", "requests")] == [{}, {}, []]


def test_options_hold_by_default_and_share_no_name_with_locusts_own():
    assert isinstance(read_options(parse()), SwarmOptions)
    assert not set(parse()) & {"host", "users", "num_users", "spawn_rate", "run_time", "headless", "tags", "html"}
