"""The examples of docs/prediction.md: every command that predicts runs by the model of the repository, the prices are
read, and the tables name what there is."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench.cli import main
from bench.prediction.mix import ROLES
from bench.prediction.model import MODEL_FILE, Clients, Coldness, Costs, Sizes, Waits, read_model
from bench.prediction.prices import read_prices
from bench.prediction.virtual.setup import PRESENCE, WAYS
from tests.bench.forecasts import a_forecast_run
from tests.docs.forecasts import tables
from tests.docs.markdown import DOCS, ROOT, examples, section, table

PAGE = DOCS / "prediction.md"
TEXT = PAGE.read_text(encoding="utf-8")
LINES = [
    line.partition("  #")[0].strip()
    for example in examples("sh", pages=[PAGE])
    for line in example.text.splitlines()
    if line.startswith("lobby-bench predict")
]
LONG = [line for line in LINES if "--compare" in line or re.search(r"--players \d{6,}", line)]
"""They take a minute on a busy machine."""
_SHOWN = [example.text for example in examples("", pages=[PAGE])]
"""What commands print, and drawings."""


def run(line: str, folder: Path) -> Result:
    """With the model and the prices of the repository, and what is written in a folder of the test's own."""
    (prices,) = examples("toml", pages=[PAGE])
    (folder / "prices.toml").write_text(prices.text, encoding="utf-8")
    words = shlex.split(line)[1:]
    places = {
        "prices.toml": str(folder / "prices.toml"),
        "model.json": str(ROOT / MODEL_FILE),
        "reports/charts": str(folder / "charts"),
    }
    words = [places.get(word, word) for word in words]
    if "--model" not in words:
        words += ["--model", str(ROOT / MODEL_FILE)]
    return CliRunner().invoke(main, words)


@pytest.mark.parametrize("line", [line for line in LINES if line not in LONG])
def test_command_of_the_page_makes_a_forecast(line: str, tmp_path: Path) -> None:
    result = run(line, tmp_path)
    assert result.exit_code == 0, result.output
    assert "holds: no resource above" in result.stdout
    assert ("per month" in result.stdout) == ("--prices" in line)


@pytest.mark.slow
@pytest.mark.parametrize("line", LONG)
def test_long_command_of_the_page_runs(line: str, tmp_path: Path) -> None:
    result = run(line, tmp_path)
    assert result.exit_code == 0, result.output
    if "--json" in line:
        assert json.loads(result.stdout)["extrapolated"]
    else:
        assert "extrapolated" in result.stdout
    if "--compare" in line:
        (shown,) = [text for text in _SHOWN if "holds up to" in text]
        assert shown.rstrip() in result.stdout


def test_forecast_that_the_page_explains_is_what_its_command_prints_by_the_model_of_the_repository(
    tmp_path: Path,
) -> None:
    (shown,) = [text for text in _SHOWN if "log-in storm" in text]
    printed = run("lobby-bench predict --players 10000", tmp_path).stdout
    assert f"by the model {ROOT / MODEL_FILE}:" in printed
    printed = printed.replace(str(ROOT / MODEL_FILE), f"that comes with the lab ({MODEL_FILE})")
    assert printed.rstrip() == shown.rstrip()


def test_page_has_all_kinds_of_commands() -> None:
    assert len(LINES) >= 10
    assert any("--players 1000000" in line for line in LONG)
    assert any("--compare" in line for line in LONG)


def test_prices_of_the_page_are_read(tmp_path: Path) -> None:
    (prices,) = examples("toml", pages=[PAGE])
    (tmp_path / "prices.toml").write_text(prices.text, encoding="utf-8")
    assert read_prices(tmp_path / "prices.toml").currency == "EUR"


def test_costs_that_the_page_names_are_those_of_a_model() -> None:
    named = {name for row in table("prediction.md", "Make a model") for name in re.findall(r"`([a-z_]+)`", row[1])}
    groups = (Costs, Sizes, Waits, Coldness, Clients)
    every = {name for group in groups for name in group.__struct_fields__}
    assert named == (every | {"spread"}) - {"answer_head_bytes", "request_bytes"}


def test_ways_presence_and_roles_that_the_page_names_are_those_that_there_are() -> None:
    said = section(TEXT, "Ask for something else")
    assert all(f"`{name}`" in said for name in (*WAYS, *PRESENCE, *ROLES))


def test_model_of_the_repository_is_read_and_says_where_it_is_from() -> None:
    model = read_model(ROOT / MODEL_FILE)
    assert model.machine.cpu
    assert len(model.commit) == 10


def test_tables_of_a_run_have_every_forecast_and_the_errors_of_each_kind() -> None:
    """Missed by −3.85 % (CPU of polls), −6.25 % (age of their list), 20 % (CPU), −20 % (a restart)."""
    lines = list(tables(a_forecast_run()))
    assert "| age of a polled list | 1 | 6.25 % | 6.25 % |" in lines
    assert "| CPU | 2 | 11.9 % | 20.0 % |" in lines
    assert [line for line in lines if "99 % fresh after" in line] == [
        "| 99 % fresh after, restart, clients of the base protocol, 1,000 clients | 2.00 s | 2.50 s | −20 % | valid |"
    ]
