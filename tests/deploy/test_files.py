"""The files of deploy/ are what their programs take, and name only what there is."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.processes.target import Target
from lobby_server.cli import main
from lobby_server.environment import read_settings
from lobby_server.options import environment_name_of
from lobby_server.settings import Settings
from tests.installed import program
from tests.nobody import refusing_port
from tests.patience import PATIENCE_S
from tests.process.clients import wait_until

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "systemd" / "lobby-server.service"
SETTINGS = {environment_name_of(option.name) for option in fields(Settings)}
OTHERS = {"LOBBY_UPSTREAM"}
"""Of the Caddyfile."""


def run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=cwd, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def files() -> list[Path]:
    return sorted(path for path in DEPLOY.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_setting_that_a_file_names_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert set(re.findall(r"\bLOBBY_[A-Z_]+", text)) <= SETTINGS | OTHERS
    flags = {name for parameter in main.params for name in parameter.opts}
    for call in re.findall(r"(?:^|[/ ])lobby-server ((?:--[a-z-]+(?: [^\s-]\S*)? ?)+)", text, re.MULTILINE):
        assert set(re.findall(r"--[a-z-]+", call)) <= flags


# -- systemd --------------------------------------------------------------------------------------------------------


def unit() -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    parsed.optionxform = str  # type: ignore[assignment, method-assign]
    parsed.read(UNIT)
    return parsed


def test_unit_is_one_that_systemd_takes_and_finds_well_hardened(tmp_path: Path) -> None:
    analyze = program("systemd-analyze", package="systemd")
    server = Path(sys.executable).parent / "lobby-server"
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/lobby-server/venv/bin/lobby-server", str(server)))
    assert run(analyze, "verify", "--man=no", str(copy)) == ""
    shown = run(analyze, "security", "--offline=true", "--no-pager", "--threshold=25", str(copy))
    assert "Overall exposure level" in shown


def test_unit_leaves_the_server_the_time_that_its_settings_ask_for() -> None:
    service, defaults = unit()["Service"], Settings()
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) >= 10
    assert int(service["TimeoutStopSec"]) > defaults.drain_s + 5
    assert int(service["LimitNOFILE"]) > defaults.max_connections + 200
    assert service["RestartPreventExitStatus"].split()[0] == "2"


def test_command_and_environment_of_the_unit_are_settings_that_hold() -> None:
    words = shlex.split(unit()["Service"]["ExecStart"])
    environment = {}
    for line in (DEPLOY / "systemd" / "environment").read_text().splitlines():
        if "=" in line and " " not in line:
            name, _, value = line.removeprefix("#").partition("=")
            environment[name] = value
    assert environment
    context = main.make_context("lobby-server", words[1:])
    flags = {name: value for name, value in context.params.items() if name != "data_dir"}
    assert read_settings(flags, environment).proxy_networks


# -- Docker ---------------------------------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    text = (DEPLOY / "docker" / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def test_dockerfile_copies_what_there_is_and_runs_as_nobody_special() -> None:
    found = instructions()
    for what, rest in found:
        if what == "COPY" and "--from" not in rest:
            assert all((ROOT / source).exists() for source in rest.split()[:-1]), rest
    kinds = [what for what, _ in found]
    assert found[kinds.index("USER")][1] == "lobby"
    assert kinds.index("USER") < kinds.index("ENTRYPOINT")
    variables = dict(pair.split("=", 1) for what, rest in found if what == "ENV" for pair in rest.split())
    read_settings({}, {name: value for name, value in variables.items() if name.startswith("LOBBY_")})
    extras = re.findall(r"pip install .*?'\.\[(.*?)\]'", " ".join(rest for _, rest in found))[0].split(",")
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    assert set(extras) <= set(setup["options.extras_require"])


def test_image_leaves_out_everything_but_what_is_copied() -> None:
    kept = {line[1:] for line in (DEPLOY / "docker/Dockerfile.dockerignore").read_text().split() if line[0] == "!"}
    copied = {
        source
        for what, rest in instructions()
        if what == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    }
    assert kept == copied


def test_health_check_of_the_image_tells_a_living_server_from_none(tmp_path: Path) -> None:
    rest = next(rest for what, rest in instructions() if what == "HEALTHCHECK")
    command = json.loads(rest[rest.index("[") :])
    assert command[0] == "python"
    assert "30820" in command[2]

    def is_healthy(port: int) -> bool:
        code = command[2].replace("30820", str(port))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=PATIENCE_S, check=False)
        return done.returncode == 0

    with Target(data_dir=tmp_path).running() as target:
        wait_until(lambda: is_healthy(target.port))  # it is given two seconds each time, as by Docker
    with refusing_port() as port:
        assert not is_healthy(port)


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "docker" / "compose.yaml").read_text())
    return document


def test_compose_file_is_whole() -> None:
    document = compose()
    lobby = document["services"]["lobby"]
    folder = DEPLOY / "docker"
    assert (folder / lobby["build"]["context"] / lobby["build"]["dockerfile"]).exists()
    settings = read_settings({}, {**lobby["environment"], "LOBBY_DATABASE_URL": "postgresql+asyncpg://a@b/c"})
    assert int(lobby["stop_grace_period"].rstrip("s")) > settings.drain_s + settings.shutdown_delay_s
    assert str(settings.proxy_networks[0]) == document["networks"]["inside"]["ipam"]["config"][0]["subnet"]
    assert settings.jwt_secret_file == f"/run/secrets/{lobby['secrets'][0]}"
    assert lobby["ulimits"]["nofile"] > settings.max_connections + 200
    for service in document["services"].values():
        assert set(service.get("depends_on", {})) <= set(document["services"])
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert source in document["volumes"] or (folder / source).exists(), volume


def test_compose_file_of_nodes_is_whole() -> None:
    folder = DEPLOY / "docker"
    document: dict[str, Any] = yaml.safe_load((folder / "compose-nodes.yaml").read_text())
    services = document["services"]
    nodes = {name: service for name, service in services.items() if "LOBBY_BACKPLANE_URL" in service["environment"]}
    assert len(nodes) == 3
    assert len({node["volumes"][0] for node in nodes.values()}) == 3  # nothing of a node is another's
    for node in nodes.values():
        assert (folder / node["build"]["context"] / node["build"]["dockerfile"]).exists()
        given = {name: re.sub(r"\$\{\w+:[^}]*\}", "word", text) for name, text in node["environment"].items()}
        settings = read_settings({}, given)
        assert int(node["stop_grace_period"].rstrip("s")) > settings.drain_s + settings.shutdown_delay_s
        assert str(settings.proxy_networks[0]) == document["networks"]["inside"]["ipam"]["config"][0]["subnet"]
        assert settings.jwt_secret_file == f"/run/secrets/{node['secrets'][0]}"
        assert settings.backplane_url.endswith("@valkey:6379/0")
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert source in document["volumes"] or (folder / source).exists(), volume


@pytest.mark.parametrize("name", ["compose.yaml", "compose-nodes.yaml"])
def test_secret_is_made_where_compose_looks_for_it_and_stays_out_of_the_repository(name: str) -> None:
    path = DEPLOY / "docker" / name
    text = path.read_text(encoding="utf-8")
    assert f"docker compose -f {path.relative_to(ROOT)} up" in text  # from there the commands count their paths
    (made,) = re.findall(r"openssl rand -hex 32 > (\S+)", text)
    looked_for = path.parent / yaml.safe_load(text)["secrets"]["jwt-secrets"]["file"]
    assert (ROOT / made).resolve() == looked_for.resolve()
    assert Path(made).name in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_proxy_of_the_nodes_sends_clients_to_each_of_them(tmp_path: Path) -> None:
    document = yaml.safe_load((DEPLOY / "docker" / "compose-nodes.yaml").read_text())
    upstream = document["services"]["proxy"]["environment"]["LOBBY_UPSTREAM"]
    caddy = program("caddy", package="caddy")
    command = [caddy, "adapt", "--config", str(DEPLOY / "caddy/Caddyfile"), "--adapter", "caddyfile"]
    adapted = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path,
        env={**os.environ, "LOBBY_UPSTREAM": upstream},
    )  # fmt: skip
    assert re.findall(r'"dial":"([^"]+)"', adapted.stdout) == [f"lobby{number}:30820" for number in (1, 2, 3)]


# -- Prometheus, logrotate ------------------------------------------------------------------------------------------


def test_prometheus_takes_the_scrape_and_the_alerts_and_the_alerts_do_as_they_say() -> None:
    promtool = program("promtool", package="prometheus")
    folder = DEPLOY / "prometheus"
    run(promtool, "check", "config", "prometheus.yml", cwd=folder)
    run(promtool, "test", "rules", "alerts_test.yml", cwd=folder)


def test_every_alert_is_tried_where_it_is_to_come_and_where_it_is_not() -> None:
    folder = DEPLOY / "prometheus"
    rules = yaml.safe_load((folder / "alerts.yml").read_text())["groups"][0]["rules"]
    tests = yaml.safe_load((folder / "alerts_test.yml").read_text())["tests"]
    tried = {(each["alertname"], bool(each.get("exp_alerts"))) for test in tests for each in test["alert_rule_test"]}
    assert {(rule["alert"], comes) for rule in rules for comes in (True, False)} - tried == set()


def test_metrics_are_as_prometheus_wants_them(tmp_path: Path) -> None:
    promtool = program("promtool", package="prometheus")
    with (
        Target(data_dir=tmp_path).running() as target,
        urllib.request.urlopen(f"{target.http_url}/metrics", timeout=PATIENCE_S) as answer,
    ):
        text = answer.read()
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_logrotate_moves_the_log_away_and_the_server_goes_on_in_a_new_one(tmp_path: Path) -> None:
    logrotate = program("logrotate", package="logrotate")
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o755)
    log = logs / "lobby.log"
    with Target(data_dir=tmp_path / "data", flags=["--log-file", str(log)]).running() as target:
        text = (DEPLOY / "logrotate" / "lobby-server").read_text()
        for old, new in {
            "/var/log/lobby-server/": f"{logs}/",
            "systemctl kill --signal=USR1 --kill-who=main lobby-server.service": f"kill -USR1 {target.pid}",
            "su lobby lobby": f"su {_name_of_user()} {_name_of_group()}",
        }.items():
            assert old in text
            text = text.replace(old, new)
        configuration = tmp_path / "logrotate.conf"
        configuration.write_text(text)
        configuration.chmod(0o644)
        run(logrotate, "--force", "--state", str(tmp_path / "state"), str(configuration))
        assert (logs / "lobby.log.1").stat().st_size > 0
        wait_until(log.exists)
    assert "drained" in log.read_text()
    assert "drained" not in (logs / "lobby.log.1").read_text()


def _name_of_user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def _name_of_group() -> str:
    import grp

    return grp.getgrgid(os.getgid()).gr_name


# -- proxies --------------------------------------------------------------------------------------------------------


def test_caddy_and_haproxy_find_nothing_to_complain_of(tmp_path: Path) -> None:
    caddy = program("caddy", package="caddy")
    run(caddy, "validate", "--config", str(DEPLOY / "caddy/Caddyfile"), "--adapter", "caddyfile", cwd=tmp_path)
    assert shutil.which(caddy)
