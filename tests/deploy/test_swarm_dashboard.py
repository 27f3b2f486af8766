"""The swarm's dashboard for Grafana, against a real Prometheus that scrapes a real run."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bench.processes.cluster.ports import free_port
from tests.installed import program
from tests.loadtest.fakes import wait_for
from tests.loadtest.faulty_lobby import Faults, FaultyLobby, token
from tests.loadtest.swarms import RUN_TIMEOUT_S, Nursery
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.system

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "lobby-swarm.json").read_text(encoding="utf-8"))
EXPRESSIONS = {
    f"{panel['title']}: {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
}
ANNOTATIONS = [each["expr"] for each in DASHBOARD["annotations"]["list"]]
VALUES = {"$__rate_interval": "10s", "$__interval": "5s", "$job": ".+", "$series": ".+"}
"""What Grafana puts for its variables."""
MAY_BE_EMPTY = {"Actions that were due while the swarm was late: A"}
"""On a machine that lets the swarm act in time."""


def with_values(expression: str) -> str:
    for name, value in VALUES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, "a variable that Grafana does not know"
    return expression


def metrics_of(expression: str) -> set[str]:
    return set(re.findall(r"\blobby_swarm_[a-z0-9_]+", expression))


class Prometheus:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def query(self, expression: str) -> list[Any]:
        """Raises `OSError` while it is not up, and for what is no expression."""
        wanted = urllib.parse.urlencode({"query": with_values(expression)})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{wanted}", timeout=PATIENCE_S) as answer:
            return list(json.loads(answer.read())["data"]["result"])

    def answers(self, expression: str) -> bool:
        try:
            return bool(self.query(expression))
        except ConnectionError:
            return False
        except urllib.error.HTTPError as error:
            if error.code == 503:  # it is still starting
                return False
            raise AssertionError(f"{expression}: {error.read().decode()}") from None
        except urllib.error.URLError:
            return False


@pytest.fixture(scope="module")
def metrics_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a run in which there is something of everything."""
    folder, port = tmp_path_factory.mktemp("run"), free_port()
    tokens = folder / "tokens"
    tokens.write_text("\n".join(token(user_id) for user_id in range(1, 11)))
    faults = Faults(
        change_every_s=0.3, is_pong_dropped=lambda number, observer: number % 3 == 0,
        is_list_refused=lambda number: number % 5 == 0,
    )  # fmt: skip
    with FaultyLobby(faults) as lobby, Nursery(folder) as nursery:
        swarm = nursery.start(
            "--host", lobby.url, "--tokens", tokens, "-u", 10, "-r", 50, "--mix", "browser=4,flapper=1", "--seed", 4,
            "--heartbeat-interval-s", 0.5, "--drop-interval-s", "fixed:1", "--settle-s", 1, "--metrics-port", port,
            "--threshold", "requests.count < 1", "--fault", "run:true@1", "--recovery-s", 1,
        )  # fmt: skip
        yield f"http://127.0.0.1:{port}/metrics"
        swarm.stop(signal.SIGKILL)


@pytest.fixture(scope="module")
def prometheus(metrics_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    target = urllib.parse.urlsplit(metrics_url).netloc
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: lobby-swarm, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    command = [
        program("prometheus", package="prometheus"), f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield Prometheus(port)
    process.kill()
    process.wait()


def names_at(url: str) -> set[str]:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            text = answer.read().decode()
    except OSError:
        return set()
    return {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}


def test_every_metric_of_the_dashboard_is_at_the_swarms_own_address(metrics_url: str):
    wanted = {name for text in (*EXPRESSIONS.values(), *ANNOTATIONS) for name in metrics_of(text)}
    assert len(wanted) > 12
    wait_for(
        lambda: wanted <= names_at(metrics_url), deadline_s=RUN_TIMEOUT_S, what=f"{wanted - names_at(metrics_url)}"
    )


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_every_panel_shows_something_of_a_real_run(prometheus: Prometheus, name: str):
    if name in MAY_BE_EMPTY:
        wait_for(lambda: prometheus.answers("lobby_swarm_running"), deadline_s=RUN_TIMEOUT_S, what="a first scrape")
        prometheus.query(EXPRESSIONS[name])
    else:
        wait_for(lambda: prometheus.answers(EXPRESSIONS[name]), deadline_s=RUN_TIMEOUT_S, what=EXPRESSIONS[name])


@pytest.mark.parametrize("expression", ANNOTATIONS)
def test_every_annotation_is_an_expression(prometheus: Prometheus, expression: str):
    wait_for(lambda: prometheus.answers("lobby_swarm_running"), deadline_s=RUN_TIMEOUT_S, what="a first scrape")
    prometheus.query(expression)


def test_totals_are_shown_as_rates():
    for name, expression in EXPRESSIONS.items():
        for metric in metrics_of(expression):
            if metric.endswith(("_total", "_bucket", "_count")):
                assert f"rate({metric}" in expression, name


def test_panels_have_titles_of_their_own_and_do_not_overlap():
    panels = DASHBOARD["panels"]
    assert len({panel["title"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells
    assert all(panel["description"] for panel in panels)
