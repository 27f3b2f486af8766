"""``lobby-bench predict`` on a command line: what it prints, and how it refuses."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from bench import cli
from bench.prediction.model import read_model, write_model
from bench.record.files.run_file import write_run
from bench.scenarios.prediction import shared
from bench.scenarios.prediction.calibration import PARTS
from tests.bench.prediction.models import a_model
from tests.bench.runs import a_run

QUIET = ("--players", "30000", "--changes-per-s", "0", "--visit-min", "1000000000", "--presence", "friends")


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A heartbeat takes 1 ms; 30,000 players need one core for theirs."""
    path = tmp_path / "model.json"
    write_model(a_model(heartbeat=1_000.0, session_kib=4.0), path)
    return str(path)


def predict(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["predict", *arguments])


def test_text_says_nodes_basis_and_what_is_extrapolated(model: str) -> None:
    result = predict(*QUIET, "--model", model)
    assert result.exit_code == 0, result.output
    assert "30,000 players, delta, presence friends: 2 nodes\n  holds:" in result.stdout
    assert f"by the model {model}: a core, commit 0123456789" in result.stdout
    assert "no forecast by this model has been held against a measurement" in result.stdout
    assert "extrapolated, ×15 beyond the largest measured: 15,000 sessions of a process" in result.stdout
    assert "log-in storm" in result.stdout
    assert "restart of a node" in result.stdout


def test_json_is_the_forecast(model: str) -> None:
    result = predict(*QUIET, "--model", model, "--json")
    found = json.loads(result.stdout)
    assert (found["nodes"], found["players"], found["breaks"]) == (2, 30_000, "")
    assert found["bill"] is None


def test_prices_make_a_bill(model: str, tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text('currency = "EUR"\ncore_hour = 0.5\ngib_hour = 0\ngb_out = 0\n')
    result = predict(*QUIET, "--model", model, "--prices", str(tmp_path / "prices.toml"))
    assert re.search(r"in all +1\.00 EUR per hour, 730 EUR per month", result.stdout)


def test_nodes_that_are_too_few_are_exit_code_3_and_say_what_breaks(model: str) -> None:
    result = predict(*QUIET, "--model", model, "--nodes", "1")
    assert result.exit_code == 3
    assert "does not hold (no resource above 60%, p99 at most 500 ms): core, which is used for" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Say for how many"),
        (("--players", "many"), "Invalid value for '--players'"),
        ((*QUIET, "--nodes", "some"), "a number of nodes from 1 to 10,000, or auto"),
        ((*QUIET, "--nodes", "0"), "a number of nodes from 1 to 10,000, or auto"),
        ((*QUIET, "--way", "pigeon"), "Invalid value for '--way'"),
        ((*QUIET, "--mix", "wizard=1"), "Wizard is no role of a forecast"),
        ((*QUIET, "--prices", "nowhere.toml"), "The prices nowhere.toml cannot be read"),
        ((*QUIET, "--chart", "folder"), "--chart goes with --compare"),
        (("--players", "0"), "Invalid value for '--players'"),
        (("--compare", "--players", "5000"), "leave --players out"),
        (("--compare", "--prices", "prices.toml"), "makes no bill: leave --prices out"),
        (("--compare", "--way", "push"), "leave --way out"),
        (("--compare", "--chart", "/proc/charts"), "Nothing can be written in /proc/charts"),
        (("--compare", "--chart", "/proc/charts"), "give --chart another folder"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments: tuple[str, ...], said: str, model: str) -> None:
    result = predict(*arguments, "--model", model)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_without_a_model_the_sentence_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = predict("--players", "1000")
    assert result.exit_code == 2
    assert "There is no model at reports/model.json: make one with lobby-bench calibrate-model" in result.stderr


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("--prices", "core_hour", "The prices mine.toml are not TOML"),
        ("--prices", "core_hour = 1", "The prices mine.toml: Object missing required field"),
        ("--model", '{"schema": 9}', "The model mine.toml has schema 9"),
        ("--model", "{", "The file mine.toml is not a model"),
    ],
)
def test_file_that_cannot_be_read_is_named_as_it_was_given(
    option: str, text: str, said: str, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not with a capital, though it begins a sentence."""
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text(text)
    result = predict(*QUIET, "--model", model, option, "mine.toml")
    assert result.exit_code == 2
    assert said in result.stderr


def test_forecast_by_an_older_model_says_what_that_does_not_know(model: str) -> None:
    newer = predict(*QUIET, "--model", model)
    older = replace(read_model(Path(model)), schema=1, coldness=None, clients=None)
    write_model(older, Path(model))
    result = predict(*QUIET, "--model", model)
    assert result.exit_code == 0, result.output
    assert "an older model, which knows work only as it is when done again at once" in result.stdout
    assert "an older model" not in newer.stdout


@pytest.mark.parametrize(("way", "says"), [("push", True), ("rev", True), ("delta", False), ("polling", False)])
def test_forecast_of_fetches_by_a_model_that_counted_no_turns_says_so(way: str, says: bool, model: str) -> None:
    newer = predict(*QUIET, "--way", way, "--model", model)
    write_model(replace(read_model(Path(model)), schema=2), Path(model))
    older = predict(*QUIET, "--way", way, "--model", model)
    assert older.exit_code == newer.exit_code == 0, older.output
    assert ("an older model, which counted no turns of the loop" in older.stdout) == says
    assert "an older model" not in newer.stdout


def test_where_no_number_of_nodes_does_it_the_basis_of_that_is_told_too(model: str) -> None:
    result = predict(*QUIET, "--balancer-gbit", "0.0001", "--model", model)
    assert result.exit_code == 1
    assert "No number of nodes does it: on 2 nodes the balancer is used above 60%" in result.stderr
    assert f"by the model {model}: a core, commit 0123456789" in result.stderr
    assert "extrapolated, ×30 beyond the largest measured: 30,000 players" in result.stderr


def test_where_the_balancer_is_the_limit_the_comparison_on_these_nodes_is_the_way_out(model: str) -> None:
    """With the same options, and it can be run as it is said, whatever the model's file is called."""
    model = str(Path(model).rename(f"{model} v2.0"))
    limits = ("--balancer-gbit", "0.001", "--visit-min", "1000000000", "--changes-per-s", "0", "--node-gib", "8")
    result = predict("--players", "30000", "--way", "push", *limits, "--cores-per-node", "2", "--model", model)
    assert "No number of nodes does it: on 1 node the balancer is used above 60%" in result.stderr
    said = re.search("How many players each way carries on 1 node says lobby-bench (.*); beyond that", result.stderr)
    assert said is not None, result.stderr
    command = shlex.split(said[1])
    assert command[:4] == ["predict", "--compare", "--nodes", "1"]
    given = dict(zip(command[4::2], command[5::2], strict=True))
    assert given == {**dict(zip(limits[::2], limits[1::2], strict=True)), "--cores-per-node": "2", "--model": model}
    compared = CliRunner().invoke(cli.main, command)
    assert compared.exit_code == 0, compared.output
    assert "balancer" in compared.stdout


@pytest.mark.parametrize(
    ("arguments", "bounds"),
    [
        (("--network-ms", "600", "--way", "polling"), "the network's 600 ms one way (--network-ms)."),
        (
            ("--network-ms", "600", "--changes-per-s", "1"),
            "the network's 600 ms one way (--network-ms) and the server's pause between two announcements of a list.",
        ),
        (
            ("--slo-ms", "100", "--changes-per-s", "10"),
            "the server's pause between two announcements of a list.",
        ),
    ],
)
def test_where_the_latency_is_the_limit_no_comparison_is_the_way_out(
    arguments: tuple[str, ...], bounds: str, model: str
) -> None:
    """Neither more nodes nor fewer players bring a change sooner."""
    result = predict("--players", "1000", "--visit-min", "1000000000", *arguments, "--model", model)
    assert result.exit_code == 1
    assert "more nodes do not change that." in result.stderr
    assert "--compare" not in result.stderr
    assert "run several lobbies" not in result.stderr
    allowed = "100 ms" if "--slo-ms" in arguments else "500 ms"
    assert f"At most {allowed} are allowed (--slo-ms). Part of it, on however many nodes: {bounds}" in result.stderr


def test_comparison_is_a_table_and_a_chart(model: str, tmp_path: Path) -> None:
    write_model(
        a_model(fetch=500.0, poll=500.0, unchanged=100.0, send_features=10.0, heartbeat=20.0, event=50.0), Path(model)
    )
    result = predict("--compare", "--nodes", "1", "--model", model, "--chart", str(tmp_path / "charts"))
    assert result.exit_code == 0, result.output
    assert "polling, ETag" in result.stdout
    assert "breaks first" in result.stdout
    svg = (tmp_path / "charts" / "ways-at-scale.svg").read_text()
    assert svg.startswith("<?xml")
    assert (tmp_path / "charts" / "ways-at-scale.png").stat().st_size > 10_000


def test_comparison_as_json_is_nothing_but_json_whatever_is_drawn(model: str, tmp_path: Path) -> None:
    result = predict("--compare", "--nodes", "1", "--model", model, "--json", "--chart", str(tmp_path / "charts"))
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)) == 6
    assert f"chart: {tmp_path}/charts/ways-at-scale.svg" in result.stderr


def test_model_of_a_run_needs_a_run_with_the_scenario(model: str, tmp_path: Path) -> None:
    write_run(a_run(), tmp_path / "run.json")
    result = CliRunner().invoke(
        cli.main, ["calibrate-model", "--from", str(tmp_path / "run.json"), "--output", model]
    )  # fmt: skip
    assert result.exit_code == 2
    assert "has no scenario prediction" in result.stderr


@pytest.mark.parametrize(
    ("output", "reason", "code", "said"),
    [
        ("/proc/model/model.json", None, 2, "Nothing can be written in /proc/model"),
        ("model.json", "there is no Valkey", 1, "A model needs Valkey and PostgreSQL: there is no Valkey."),
    ],
)
def test_what_a_calibration_lacks_is_said_before_anything_is_measured(
    output: str, reason: str | None, code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []
    monkeypatch.setattr(shared, "why_not", lambda: reason)
    for part in PARTS:
        monkeypatch.setitem(PARTS, part, lambda _, part=part: measured.append(part))
    result = CliRunner().invoke(cli.main, ["calibrate-model", "--smoke", "--output", str(tmp_path / output)])
    assert (result.exit_code, measured) == (code, [])
    assert said in result.stderr
