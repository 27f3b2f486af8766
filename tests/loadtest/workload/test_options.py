"""The parts of the swarm that need no Locust: options, pacing, identities, marks, figures."""

import argparse
import math
from typing import Any

import pytest

from loadtest.client import Feature, FixedReconnect, JitterReconnect
from loadtest.players.roles.host import Host
from loadtest.players.roles.poller import Poller
from loadtest.results.exit_codes import UsageError
from loadtest.workload.options import SwarmOptions, add_options, read_options

FEATURE_NAMES = ", ".join(feature.value for feature in Feature)


def parse(*arguments: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return vars(parser.parse_args(arguments))


def test_defaults_are_those_of_the_specification():
    options = read_options(parse())
    assert (options.heartbeat_s, options[Poller.poll_interval_s]) == (30, 3)
    assert options.weights == {"browser": 6, "host": 2, "joiner": 1, "flapper": 1}
    assert set(options.modes.values()) == {frozenset()}
    assert isinstance(options.new_reconnect_policy(), JitterReconnect)
    assert options.fetches_lists
    assert options.tokens_file is None
    assert options.json_file is None


def test_fetches_of_the_base_protocol_can_be_switched_off_where_nobody_looks_for_rooms():
    assert not read_options(parse("--no-fetch", "--mix", "browser=1")).fetches_lists
    assert not read_options(parse("--no-fetch", "--mode", "joiner=rooms_delta")).fetches_lists
    with pytest.raises(UsageError, match="--no-fetch: joiners look for rooms in the list"):
        read_options(parse("--no-fetch"))


def test_a_seed_that_was_not_given_is_drawn():
    assert len({read_options(parse()).seed for _ in range(5)}) > 1
    assert read_options(parse("--seed", "9")).seed == 9


def test_values_from_a_web_form_are_text():
    options = read_options(
        {**parse(), "seed": "5", "poller_share": "0.5", "room_interval_s": "10", "room_lifetime_s": "5"}
    )
    assert (options.seed, options.weights["poller"], options[Host.room_interval].mean_s) == (5, 0.5, 10.0)


def test_fixed_policy_is_that_of_the_specification():
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
        ({"mix": "browser=0"}, "--mix: no role has a weight: give weights, as in browser=6,host=2,joiner=1,flapper=1."),
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
    assert read_options(parse("--room-interval-s", "0"))[Host.room_interval].mean_s == 0


def test_options_hold_by_default_and_share_no_name_with_locusts_own():
    assert isinstance(read_options(parse()), SwarmOptions)
    assert not set(parse()) & {"host", "users", "num_users", "spawn_rate", "run_time", "headless", "tags", "html"}
