"""docs/operating.md names every metric, every event of the log and every signal, and nothing that there is not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families

from lobby_server.cli import TRY_AGAIN
from lobby_server.service.peers.peer import ABUSE
from lobby_server.service.watch.events import LogEvent
from tests.web.conftest import Lobby, lobby, start_lobby

__all__ = ["lobby", "start_lobby"]

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
LEVELS = {"info", "warning", "error", "exception", "critical", "log"}
SAMPLE = (ROOT / "reports" / "sample" / "report.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def first_cells(title: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", section(title), re.MULTILINE)


async def families(lobby: Lobby) -> dict[str, str]:
    """Name, as a query has it, and type of everything at /metrics."""
    await lobby.call("GET", "/api/stats")
    text = (await lobby.call("GET", "/metrics")).body.decode()
    found = {}
    for family in text_string_to_metric_families(text):
        name = family.name.removesuffix("_total")
        found[f"{name}_total" if family.type == "counter" else name] = family.type
    return found


def calls_of_the_log() -> Iterator[tuple[str, ast.Call]]:
    """Everything in the server that writes a line, with its place."""
    for path in sorted((ROOT / "lobby_server").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "log"
                and node.func.attr in LEVELS
            ):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_every_event_of_the_log_has_its_row() -> None:
    assert first_cells("The log") == [event.value for event in LogEvent]


def test_every_line_of_the_log_has_an_event_and_every_event_a_line() -> None:
    calls = list(calls_of_the_log())
    assert len(calls) > 50
    assert [place for place, call in calls if "extra" not in {each.arg for each in call.keywords}] == []
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "lobby_server").rglob("*.py"))
    assert [event.name for event in LogEvent if f"LogEvent.{event.name}" not in source] == []
    others = re.findall(r"^(\w+) = logging\.getLogger", source, re.MULTILINE)
    assert set(others) == {"log"}  # so that none is overlooked


async def test_every_metric_has_its_row(lobby: Lobby) -> None:
    served = {name for name in await families(lobby) if name.startswith("lobby_")}
    rows = first_cells("Metrics")
    assert len(rows) == len(set(rows))
    assert set(rows) == served


async def test_alerts_ask_for_metrics_and_labels_that_there_are(lobby: Lobby) -> None:
    served = {*await families(lobby), *first_cells("Several nodes"), *first_cells("Several processes")}
    rules = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"][0]["rules"]
    assert len(rules) > 5
    for rule in rules:
        names = set(re.findall(r"\b(?:lobby|process)_[a-z_]+", rule["expr"]))
        assert names or rule["expr"].startswith("up{")
        assert names <= served, rule["alert"]
    events = set(re.findall(r'event=~"([^"]+)"', str(rules))[0].split("|"))
    assert events <= {event.value for event in LogEvent}


def test_figures_of_the_sizing_are_those_of_the_sample() -> None:
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \|$", section("Sizing"), re.MULTILINE)
    figures = [figure for row in rows for figure in re.findall(r"\d[\d,.]*\d(?: (?:KiB|MiB|µs))?", row)]
    assert len(figures) >= 5
    assert [figure for figure in figures if figure not in SAMPLE] == []


def test_every_file_that_the_page_names_is_there_and_every_file_of_deploy_is_named() -> None:
    targets = {target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", PAGE)} - {"databases.md"}
    assert [target for target in targets if not (ROOT / "docs" / target).exists()] == []
    named = (
        PAGE
        + (ROOT / "deploy/docker/compose.yaml").read_text()
        + (ROOT / "deploy/prometheus/prometheus.yml").read_text()
    )
    files = [path for path in (ROOT / "deploy").rglob("*") if path.is_file()]
    spare = {"Dockerfile.dockerignore", "alerts_test.yml"}
    assert [path.name for path in files if path.name not in named and path.name not in spare] == []


def test_codes_of_abuse_are_those_that_the_log_tells() -> None:
    [row] = [line for line in section("The log").splitlines() if line.startswith("| `closed_for_abuse`")]
    assert sorted(map(int, re.findall(r"\b[0-9]{4}\b", row))) == sorted(ABUSE)


def test_exit_codes_are_told_with_what_the_unit_does_about_them() -> None:
    unit = (ROOT / "deploy" / "systemd" / "lobby-server.service").read_text(encoding="utf-8")
    assert "Restart=on-failure" in unit
    [kept] = re.findall(r"^RestartPreventExitStatus=(.+)$", unit, re.MULTILINE)
    deploy = section("Deploy")
    assert f"Exit code {kept} means that a setting has to be corrected" in deploy
    assert TRY_AGAIN not in map(int, kept.split())
    assert f"Exit code {TRY_AGAIN} " in deploy
