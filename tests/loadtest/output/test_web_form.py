"""Starts from Locust's web interface: the form over HTTP, as Locust's page posts it, against real processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

import loadtest.players  # noqa: F401  # enters the roles, whose options are in the form
from bench.processes.target import Target
from loadtest.output.web_form import flag_of, read_form, swarm_actions
from loadtest.results.exit_codes import UsageError
from tests.loadtest.fakes import wait_for
from tests.loadtest.swarms import RUN_TIMEOUT_S, Nursery, WebSwarm, own_port

pytestmark = pytest.mark.system

USERS = {"user_count": 4, "spawn_rate": 100}
MIX = "browser=1"

OPTIONS = swarm_actions()
IN_FORM = [action for action in OPTIONS if getattr(action, "include_in_web_ui", False)]
NOT_IN_FORM = [action for action in OPTIONS if action not in IN_FORM]


# -- reading ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", OPTIONS, ids=lambda action: action.dest)
def test_every_option_says_whether_it_is_in_the_form(action: Any):
    assert isinstance(getattr(action, "include_in_web_ui", None), bool)
    if action in IN_FORM:
        assert "%" not in action.help.replace("%(", ""), "Locust shows the help as it is written"


@pytest.mark.parametrize("text", ["", "  "])
@pytest.mark.parametrize("action", IN_FORM, ids=lambda action: action.dest)
def test_an_empty_field_is_an_option_that_is_not_given(action: Any, text: str):
    assert read_form(MultiDict({action.dest: text})) == {action.dest: action.default}


@pytest.mark.parametrize("action", [a for a in IN_FORM if a.type or a.choices or a.nargs == 0], ids=lambda a: a.dest)
def test_text_of_the_wrong_type_is_one_sentence_that_names_the_option(action: Any):
    with pytest.raises(UsageError) as refused:
        read_form(MultiDict({action.dest: "several"}))
    sentence = str(refused.value)
    assert flag_of(action.dest) in sentence
    assert "several" in sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize("action", NOT_IN_FORM, ids=lambda action: action.dest)
def test_what_is_not_in_the_form_cannot_be_posted(action: Any):
    with pytest.raises(UsageError, match=f"^{flag_of(action.dest)} is not in the form: give it on the command line.$"):
        read_form(MultiDict({action.dest: "1"}))


def test_secrets_commands_and_folders_are_not_in_the_form():
    names = {action.dest for action in NOT_IN_FORM}
    assert names >= {"jwt_secret", "restart_command", "restart_pid", "run_dir", "server_pid", "thresholds"}


@pytest.mark.parametrize(
    ("fields", "values"),
    [
        ({"seed": " 7 "}, {"seed": 7}),
        ({"poll_with_etag": "true"}, {"poll_with_etag": True}),
        ({"poll_with_etag": "false"}, {"poll_with_etag": False}),
        ({"silent_share": "0.5"}, {"silent_share": 0.5}),
        ({"reconnect_policy": "fixed"}, {"reconnect_policy": "fixed"}),
        ({"threshold": "reach == 1, lost < 3"}, {"threshold": ["reach == 1", "lost < 3"]}),
        ({"threshold": ["reach == 1", "lost < 3"]}, {"threshold": ["reach == 1", "lost < 3"]}),
        ({"mix": "browser=1,host=2"}, {"mix": "browser=1,host=2"}),
        ({"ws_path": "--help"}, {"ws_path": "--help"}),
        ({"user_count": "x", "profile": "y"}, {}),
    ],
)
def test_a_field_is_read_as_the_command_line_reads_it(fields: dict[str, Any], values: dict[str, Any]):
    assert read_form(MultiDict(fields)) == values


# -- whole processes ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
        yield nursery


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with Target() as target:
        yield target


@pytest.fixture(scope="module")
def given(target: Target) -> tuple[str, ...]:
    """A server, and players that need no file."""
    return ("--host", target.http_url, "--jwt-secret", target.jwt_secret)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def one(nursery: Nursery, given: tuple[str, ...], folder: Path) -> WebSwarm:
    """For all tests, which leave it stopped."""
    return nursery.start_web(*given, "--run-dir", folder, "--swarm-json", folder / "own.json", "--visit-s", 21)


@pytest.fixture
def swarm(one: WebSwarm) -> Iterator[WebSwarm]:
    yield one
    one.post("/stop")  # answers when it has stopped


def start(swarm: WebSwarm, **fields: object) -> dict[str, Any]:
    return swarm.post("/swarm", **{**USERS, **swarm.form(), **fields})


def play(swarm: WebSwarm, players: int = 4, **fields: object) -> dict[str, Any]:
    """A run from its start to its end; its run.json."""
    begin(swarm, players, **fields)
    swarm.post("/stop")
    return swarm.run()


def begin(swarm: WebSwarm, players: int = 4, **fields: object) -> None:
    """Returns when all of them are connected. The seed is drawn unless it is given, for it tells runs apart."""
    last = swarm.run_id()
    answer = start(swarm, **{"user_count": players, "seed": "", **fields})
    assert answer["success"], answer
    wait_for(lambda: swarm.run_id() != last, deadline_s=RUN_TIMEOUT_S, what="a run of its own")
    wait_for(lambda: swarm.connected() == players, deadline_s=RUN_TIMEOUT_S, what=f"{players} players")


def wait_until_stopped(swarm: WebSwarm) -> None:
    wait_for(lambda: swarm.state()[0] in ("stopped", "ready"), deadline_s=RUN_TIMEOUT_S, what="the end of the run")


def test_a_start_with_the_form_as_it_comes_plays_and_draws_a_seed_each_time(swarm: WebSwarm):
    form = swarm.form()
    assert (form["seed"], form["visit_s"]) == ("", "21")
    runs = [play(swarm) for _ in range(2)]
    assert [run["arguments"]["visit_s"] for run in runs] == ["21"] * 2, "of the command line"
    assert len({run["seed"] for run in runs}) == 2
    assert swarm.form()["seed"] == "", "drawn, not given"


def test_a_second_start_uses_its_own_parameters_and_counts_afresh(swarm: WebSwarm):
    first = play(swarm, 4, mix="host=1", seed=11, room_interval_s="0.5", room_lifetime_s="0.2")
    assert (first["seed"], first["users"]) == (11, {"host": 4})
    second = play(swarm, 2, mix=MIX, seed=12, threshold="handshake.count == 2, lost < 5")
    assert (second["seed"], second["users"]) == (12, {"browser": 2})
    assert second["arguments"]["mix"] == MIX
    assert second["events"]["connections established"] == 2
    assert "rooms made" not in second["events"]
    assert [row["count"] for row in second["requests"] if row["name"] == "handshake"] == [2]
    assert second["events"]["received user_online"] <= 2 * 2
    assert [(row["text"], row["is_met"]) for row in second["thresholds"]] == [
        ("handshake.count == 2", True),
        ("lost < 5", True),
    ]


def test_the_form_shows_what_the_last_start_had(swarm: WebSwarm):
    play(swarm, mix=MIX, tabs=7, threshold="lost < 5, reach <= 1")
    shown = swarm.form()
    assert (shown["tabs"], shown["mix"], shown["threshold"]) == ("7", MIX, "lost < 5, reach <= 1")
    begin(swarm, tabs="", threshold="")
    shown = swarm.form()
    assert (shown["tabs"], shown["mix"], shown["threshold"]) == ("3", MIX, ""), "emptied: not given"


def test_each_stop_writes_results_of_its_own(swarm: WebSwarm, folder: Path):
    before = set(folder.iterdir())
    runs = [play(swarm, mix=MIX) for _ in range(2)]
    made = sorted(set(folder.iterdir()) - before, key=lambda path: path.stat().st_mtime_ns)
    folders = [path for path in made if path.is_dir()]
    assert [{path.name for path in own.iterdir()} for own in folders] == [{"run.json", "run.html", "junit.xml"}] * 2
    written = [json.loads((own / "run.json").read_text()) for own in folders]
    assert [run["seed"] for run in written] == [run["seed"] for run in runs]
    files = [json.loads(path.read_text()) for path in made if path.suffix == ".json"]
    assert [run["seed"] for run in files] == [run["seed"] for run in runs]
    wait_for(lambda: str(folders[-1]) in swarm.get("/stats/requests"), what="the page says where they are")


BAD = [
    {"tabs": "several"},
    {"tabs": "0"},
    {"seed": "1.5"},
    {"poller_share": "2"},
    {"reconnect_policy": "never"},
    {"mix": "wizard=1"},
    {"arrivals_per_s": "5"},
    {"room_interval_s": "1", "room_lifetime_s": "2"},
    {"threshold": "everything is well"},
    {"settle_s": "0"},
    {"ws_path": "/nowhere"},
    {"host": "http://127.0.0.1:1"},
]


def test_bad_input_is_refused_in_the_words_of_the_command_line_and_nothing_of_it_stays(
    nursery: Nursery, given: tuple[str, ...], swarm: WebSwarm
):
    before = swarm.form()
    commands = [[f"--{name.replace('_', '-')}={text}" for name, text in fields.items()] for fields in BAD]
    ends = [nursery.start(*given, "-u", 1, "-t", "1s", *command) for command in commands]
    answers = [start(swarm, **{"away_s": "77", **fields}) for fields in BAD]
    for fields, end, answer in zip(BAD, ends, answers, strict=True):
        done = end.end()
        assert done.code == 2, fields
        assert not answer["success"], fields
        assert answer["message"].removesuffix(".") in done.errors, fields
    assert swarm.form() == before
    wait_for(lambda: swarm.state()[1] == 0, deadline_s=RUN_TIMEOUT_S, what="nobody plays")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"user_count": "many"}, "Invalid user_count value: 'many' (must be an integer)"),
        ({"spawn_rate": "0"}, "Missing or invalid user_count or spawn_rate from /swarm request"),
        ({"run_time": "soon"}, "Valid run_time formats are : 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc."),
        ({"tokens": "/nowhere/tokens"}, "--tokens and --jwt-secret both say who the players are: give one of them."),
        ({"jwt_secret": "x"}, "--jwt-secret is not in the form: give it on the command line."),
    ],
)
def test_a_start_that_is_refused_leaves_nothing_behind(swarm: WebSwarm, fields: dict[str, str], sentence: str):
    before = swarm.form()
    answer = start(swarm, **{"away_s": "77", **fields})
    assert (answer["success"], answer["message"]) == (False, sentence)
    assert swarm.form() == before


def test_users_change_while_a_run_goes_on_and_parameters_do_not(swarm: WebSwarm):
    begin(swarm, mix=MIX, seed=5)
    assert start(swarm, user_count=6)["success"], "the page posts all fields again"
    wait_for(lambda: swarm.connected() == 6, deadline_s=RUN_TIMEOUT_S, what="6 players")
    answer = start(swarm, user_count=2, seed=6, tabs=9)
    assert not answer["success"]
    assert answer["notice"] == answer["message"]
    assert answer["message"].startswith("Nothing was changed: --seed, --tabs cannot change while a run goes on.")
    wait_for(lambda: swarm.state() == ("running", 6), deadline_s=RUN_TIMEOUT_S, what="all 6 still play")
    swarm.post("/stop")
    assert (swarm.run()["seed"], swarm.run()["users"]) == (5, {"browser": 6})


def test_an_edit_that_comes_when_its_run_has_ended_is_refused_and_begins_no_other(swarm: WebSwarm):
    assert play(swarm, 2, mix=MIX)["users"] == {"browser": 2}
    wait_until_stopped(swarm)
    before = swarm.run_id()
    answer = swarm.post(
        "/swarm", headers={"X-Lobby-Edit": "true"}, **{**swarm.form(), "user_count": 5, "spawn_rate": 5}
    )
    sentence = "Nothing was changed: no run goes on now. If it has ended, start a new one."
    assert answer == {"success": False, "message": sentence, "notice": sentence, "host": answer["host"]}
    assert (swarm.state()[0], swarm.run_id()) == ("stopped", before)


HELD_UP = """
from pathlib import Path

import gevent
from locust import events
from locust.runners import WorkerRunner

from loadtest.players import Player
from loadtest.run.hooks import _Hooks, install

__all__ = ["Player"]
begin = _Hooks.on_test_start


def wait_until_it_may(what):
    while not (Path(__file__).parent / what).exists():
        gevent.sleep(0.02)


def begin_when_told(hooks, **arguments):
    begin(hooks, **arguments)
    if not hooks.is_worker:
        wait_until_it_may("begin")


def conclude_when_told(environment, **_rest):
    if not isinstance(environment.runner, WorkerRunner):
        wait_until_it_may("conclude")


_Hooks.on_test_start = begin_when_told
events.test_stop.add_listener(conclude_when_told)  # before the swarm's own
install(events)
"""
"""A locustfile: a server that is slow to say who is online, and a listener that is slow to end."""


@pytest.mark.parametrize("arguments", [(), ("--processes", 2)], ids=["alone", "with workers"])
def test_a_start_is_refused_while_a_run_begins_and_until_the_last_one_is_concluded(
    nursery: Nursery, given: tuple[str, ...], tmp_path: Path, arguments: tuple[object, ...]
):
    (tmp_path / "held_up.py").write_text(HELD_UP)
    swarm = nursery.start_web(*given, "-f", tmp_path / "held_up.py", *arguments)
    wait_for(lambda: not arguments or swarm.workers() == 2, deadline_s=RUN_TIMEOUT_S, what="the workers")
    assert start(swarm, seed=1, mix=MIX)["success"]
    wait_for(lambda: swarm.run_id() != (), deadline_s=RUN_TIMEOUT_S, what="the beginning of the run")
    answer = start(swarm, seed=2, mix=MIX)
    assert (answer["success"], answer["message"]) == (False, "A run is just beginning: look again in a moment.")
    (tmp_path / "begin").touch()
    wait_for(lambda: swarm.connected() == 4, deadline_s=RUN_TIMEOUT_S, what="4 players")

    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(swarm.post, "/stop")  # answers when it has stopped
        try:
            wait_for(lambda: swarm.runner_state() == "stopped", deadline_s=RUN_TIMEOUT_S, what="Locust has stopped")
            answer = start(swarm, seed=3, mix=MIX)
        finally:
            (tmp_path / "conclude").touch()
        stopping.result(RUN_TIMEOUT_S)
    sentence = "The last run is still being stopped: start again in a moment."
    assert (answer["success"], answer["message"]) == (False, sentence)
    assert (swarm.run()["seed"], swarm.run()["is_over"]) == (1, True)
    assert play(swarm, 2, seed=4, mix=MIX)["seed"] == 4


SLOW_TO_CHECK = """
from pathlib import Path

import gevent
from locust import events

from loadtest.players import Player
from loadtest.run.checks import start
from loadtest.run.hooks import install

__all__ = ["Player"]
check = start.StartCheck.check_form


def check_when_told(*arguments):
    (Path(__file__).parent / "checking").touch()
    while not (Path(__file__).parent / "check").exists():
        gevent.sleep(0.02)
    return check(*arguments)


start.StartCheck.check_form = check_when_told
install(events)
"""
"""A locustfile: a server that is slow to answer what a start asks it before."""


def test_of_two_starts_at_once_the_second_is_refused(nursery: Nursery, given: tuple[str, ...], tmp_path: Path):
    (tmp_path / "slow_to_check.py").write_text(SLOW_TO_CHECK)
    swarm = nursery.start_web(*given, "-f", tmp_path / "slow_to_check.py")
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(start, swarm, seed=1, mix=MIX)
        try:
            wait_for((tmp_path / "checking").exists, deadline_s=RUN_TIMEOUT_S, what="the first check")
            answer = start(swarm, seed=2, mix=MIX)
        finally:
            (tmp_path / "check").touch()
        assert starting.result(RUN_TIMEOUT_S)["success"]
    sentence = "Another start or edit is just being checked: look again in a moment."
    assert (answer["success"], answer["message"]) == (False, sentence)
    wait_for(lambda: swarm.connected() == 4, deadline_s=RUN_TIMEOUT_S, what="4 players")
    assert swarm.run()["seed"] == 1


def test_a_start_without_a_worker_is_refused(nursery: Nursery, given: tuple[str, ...]):
    swarm = nursery.start_web(*given, "--master", *own_port())
    answer = start(swarm, user_count=2, mix=MIX)
    assert not answer["success"]
    assert answer["message"].startswith("No worker is connected, so nobody would play: start one")
    assert swarm.run_id() == ()


def test_a_run_whose_users_are_edited_ends_when_it_was_to_end(swarm: WebSwarm):
    begin(swarm, 2, mix=MIX, run_time="8s")
    begun = swarm.run_id()
    assert start(swarm, user_count=3)["success"]
    wait_for(lambda: swarm.state()[0] == "stopped", deadline_s=RUN_TIMEOUT_S, what="the end by itself")
    assert swarm.run_id() == begun
    assert swarm.run()["arguments"]["run_time"] == 8
    assert swarm.run()["duration_s"] < RUN_TIMEOUT_S / 2


def test_workers_play_what_the_second_start_says(nursery: Nursery, given: tuple[str, ...], tmp_path: Path):
    swarm = nursery.start_web(*given, "--processes", 2, "--run-dir", tmp_path)
    wait_for(lambda: "2" in swarm.get("/worker-count"), deadline_s=RUN_TIMEOUT_S, what="two workers")
    first = play(swarm, 4, mix="host=1", seed=1)
    wait_until_stopped(swarm)
    second = play(swarm, 6, mix=MIX, seed=2)
    assert (first["users"], second["users"]) == ({"host": 4}, {"browser": 6})
    assert second["events"]["connections established"] == 6
    written = [json.loads((tmp_path / name / "run.json").read_text()) for name in ("run-1", "run-2")]
    assert [run["seed"] for run in written] == [1, 2]
    assert not [reason for reason in second["validity"]["reasons"] if "arrive" in reason], "every report came"


def test_the_page_has_the_last_figures_of_the_workers_when_a_run_has_stopped(nursery: Nursery, given: tuple[str, ...]):
    """Locust's own, which travel every three seconds. Rooms are made all the time, also since they did last."""
    swarm = nursery.start_web(*given, "--processes", 2, patches={"locust.runners.WORKER_REPORT_INTERVAL": 3.0})
    wait_for(lambda: swarm.workers() == 2, deadline_s=RUN_TIMEOUT_S, what="the workers")
    run = play(swarm, 4, mix="host=1", room_interval_s="0.1", room_lifetime_s="0.05")
    counted = {(row["type"], row["name"]): row["count"] for row in run["requests"]}
    assert counted["POST", "/api/rooms"] > 0
    wait_until_stopped(swarm)
    shown = json.loads(swarm.get("/stats/requests"))["stats"]
    assert {(row["method"], row["name"]): row["num_requests"] for row in shown if row["method"]} == counted


def test_under_a_base_path_runs_start_and_their_results_are_there(nursery: Nursery, given: tuple[str, ...]):
    swarm = nursery.start_web(*given, base_path="/swarms/lobby")
    assert play(swarm, 2, mix=MIX)["users"] == {"browser": 2}
    assert "handshake" in swarm.get("/lobby/times.csv")


def test_a_load_with_a_shape_starts_from_the_form_and_cannot_be_edited(nursery: Nursery, given: tuple[str, ...]):
    swarm = nursery.start_web(*given, "--shape", "ramp", "-t", "60s")
    assert start(swarm, run_time="")["message"].startswith("--shape ramp goes over the whole run")
    assert start(swarm, run_time="30s", mix=MIX)["success"]
    wait_for(lambda: swarm.connected() > 0, deadline_s=RUN_TIMEOUT_S, what="the first player")
    answer = start(swarm, user_count=9)
    assert (answer["success"], answer["message"]) == (
        False,
        "Nothing was changed: the load follows --shape ramp until the run ends. Stop it and start a new one with other "
        "users.",
    )


def test_a_shape_is_chosen_in_the_form_and_left_out_again(nursery: Nursery, given: tuple[str, ...]):
    swarm = nursery.start_web(*given)
    assert start(swarm, shape="steps", run_time="")["message"].startswith("--shape steps goes over the whole run")
    answer = start(swarm, shape="steps", steps=2, run_time="600s", mix=MIX, user_count=4)
    assert answer["message"] == "Swarming started using shape class 'SwarmShape'", answer
    wait_for(lambda: swarm.connected() == 2, deadline_s=RUN_TIMEOUT_S, what="the first of two steps")
    assert "--shape steps" in start(swarm, user_count=9)["message"]
    swarm.post("/stop")
    assert swarm.run()["arguments"]["shape"] == "steps"
    assert play(swarm, 4, shape="none", run_time="", mix=MIX)["events"]["connections established"] == 4
