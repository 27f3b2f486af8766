"""Plans as files: what ships holds, flags go before it, each error names file, key and what was expected."""

import argparse
from pathlib import Path
from random import Random

import pytest

import loadtest.players  # noqa: F401  # enters the roles
from loadtest.output.recording_options import add_run_options, read_run_options
from loadtest.results.exit_codes import UsageError
from loadtest.run.command_line import apply_plan
from loadtest.workload.options import add_options, read_options
from loadtest.workload.shapes import shape_for
from loadtest.workload.texts.plan_file import listing, named_in, read_plan, shipped

SHIPPED = ("idle-evening", "launch-day", "restart-at-peak")


def parsed(*arguments: str) -> argparse.Namespace:
    """As Locust would, with its own options that a plan may set."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-u", dest="num_users", type=int)
    parser.add_argument("-r", dest="spawn_rate", type=float)
    parser.add_argument("-t", dest="run_time")
    add_options(parser)
    add_run_options(parser)
    apply_plan(parser, arguments)
    return parser.parse_args(arguments)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_plan_that_ships_can_be_run_as_it_is(name: str):
    found = parsed("--plan", name)
    options, run_options = read_options(vars(found)), read_run_options(vars(found))
    assert found.num_users >= 100
    assert len(run_options.thresholds) >= 3
    assert options.load.shape in ("spike", "soak", "restart")
    found.run_time = 180
    shape_for(options.load, found)
    assert read_plan(name).about.endswith(".")


def test_half_of_a_launch_day_is_on_phones():
    network = read_options(vars(parsed("--plan", "launch-day"))).network
    assert network is not None
    lines = [network.line_for(Random(number)) for number in range(400)]
    assert sum(line is None for line in lines) == pytest.approx(200, abs=40)


def test_the_plans_that_ship_are_listed():
    assert tuple(plan.path.stem for plan in shipped()) == SHIPPED
    assert all(f"{plan.path.stem:<18}{plan.about}" in listing() for plan in shipped())


def test_flags_go_before_the_plan():
    found = parsed("--plan", "launch-day", "-u", "5", "--mix", "host=1", "--spike-base", "0.5")
    options = read_options(vars(found))
    assert (found.num_users, found.spawn_rate) == (5, 60)
    assert options.weights == {"host": 1}
    assert (options.load.shape, options.load.spike_base, options.load.spike_s) == ("spike", 0.5, 90)


def test_thresholds_of_the_command_line_join_those_of_the_plan():
    found = parsed("--plan", "launch-day", "--threshold", "lost == 0")
    assert found.threshold == [*read_plan("launch-day").values["threshold"], "lost == 0"]


@pytest.mark.parametrize(
    ("arguments", "name"),
    [(["-u", "5"], None), (["--plan", "x.toml"], "x.toml"), (["--plan=x.toml"], "x.toml"), (["--plan"], "")],
)
def test_the_plan_is_found_before_there_is_a_parser(arguments: list[str], name: str | None):
    assert named_in(arguments) == name


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[players\n",
         "evening.toml is no TOML: Expected ']' at the end of a table declaration (at line 1, column 9)."),
        ("[playrs]",
         "evening.toml: playrs is no key: there is about, thresholds, players, mix, roles, shape, network."),
        ("players = 5", "evening.toml: players is 5: give a table, as in [players]."),
        ("about = 5", "evening.toml: about is 5: give a text."),
        ("[players]\nusers = 'many'", "evening.toml: players.users is 'many': give a whole number above 0."),
        ("[players]\nusers = true", "evening.toml: players.users is True: give a whole number above 0."),
        ("[players]\nspawn_rate = 0", "evening.toml: players.spawn_rate is 0: give a number above 0."),
        (
            "[players]\nrun_time = 'long'",
            "evening.toml: players.run_time is 'long': give a time as \"90s\", \"5m\" or \"1h30m\".",
        ),
        (
            "[players]\nsession_s = 'soon'",
            "evening.toml: players.session_s: soon is no number of seconds.",
        ),
        (
            "[players]\narrivals_per_s = 5",
            "evening.toml: players.arrivals_per_s needs --session-s: sessions that never end would fill all seats.",
        ),
        (
            "[mix]\nwizard = 1",
            "evening.toml: mix.wizard is no role: there is browser, host, joiner, flapper, tabber, slow_reader, "
            "socializer, poller, conditional_poller.",
        ),
        ("[mix]\nhost = -1", "evening.toml: mix.host is -1: give a weight of 0 or more."),
        (
            "[mix]\nhost = 0",
            "evening.toml: mix: no role has a weight: give weights, as in browser=6,host=2,joiner=1,flapper=1.",
        ),
        ("[roles]\nroom_interval_s = 'often'", "evening.toml: roles.room_interval_s: often is no number of seconds."),
        ("[roles]\ntabs = 0", "evening.toml: roles.tabs must be from 1 to 100."),
        ("[roles]\nroom_interval_s = [1]", "evening.toml: roles.room_interval_s is [1]: give a number or a text."),
        (
            "[roles]\nroom_interval_s = 5\nroom_lifetime_s = 6",
            "evening.toml: roles.room_lifetime_s must be at most --room-interval-s.",
        ),
        ("[shape]\nramp_s = 5", 'evening.toml: shape.kind is missing: say which shape, as in kind = "spike".'),
        (
            "[shape]\nkind = 'zigzag'",
            "evening.toml: shape.kind must be one of none, ramp, steps, spike, soak, restart.",
        ),
        ("[shape]\nkind = 'spike'\nspike_base = 2", "evening.toml: shape.spike_base must be a share from 0 to 1."),
        ("thresholds = 'reach == 1'",
         "evening.toml: thresholds is 'reach == 1': give a list of texts, as in [\"reach == 1\"]."),
        (
            "thresholds = ['reach = 1']",
            "evening.toml: thresholds, number 1: Threshold 'reach = 1' is none: write one as fanout.p99 < 250ms, or "
            "reach == 1.",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_key_and_what_was_expected(tmp_path: Path, text: str, sentence: str):
    path = tmp_path / "evening.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        apply_plan(argparse.ArgumentParser(), ["--plan", str(path)])
    assert str(caught.value) == sentence


def test_a_plan_that_is_not_there_names_those_that_ship():
    with pytest.raises(
        UsageError, match=r"--plan: nowhere cannot be read .*: give a TOML file, or one of idle-evening"
    ):
        read_plan("nowhere")
