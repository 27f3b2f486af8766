"""The routes of the live page, and what the page is told when."""

from __future__ import annotations

from typing import Any

import pytest

from loadtest.measure.run_facts import Moment
from loadtest.output.live.families import families_of
from loadtest.output.live.following import following
from loadtest.output.live.web import TAB, Source, install
from loadtest.results.exit_codes import UsageError
from tests.loadtest.output.live.runs import FakeWebUi, concluded

SAMPLES = [{"t_s": t_s, "established": 8.0, "lost": 0.0, "received_per_s": 1.0} for t_s in (1.0, 2.0, 3.0)]
WINDOWS: list[dict[str, Any]] = [
    {
        "from_s": 0.0,
        "until_s": 2.5,
        "metrics": {
            "heartbeat": {"count": 5, "p50_ms": 1.0, "p99_ms": 2.0, "max_ms": 2.0},
            "loop_lag": {"count": 5, "p50_ms": 1.0, "p99_ms": 2.0, "max_ms": 2.0},
        },
    }
]


def told(**asked: Any) -> dict[str, Any]:
    found = concluded(
        "reach == 1", "lost < 9", "login.p99 < 1s", history=SAMPLES, windows=WINDOWS,
        moments=[Moment(1.5, "load", "players: 2 → 8")],
    )  # fmt: skip
    return following(found, **asked)


def test_a_page_that_knows_nothing_is_told_all_and_then_what_is_new():
    first = told()
    assert [sample["t_s"] for sample in first["samples"]] == [1.0, 2.0, 3.0]
    assert first["until_s"] == 3.0
    later = told(of_run=first["run"], after_s=2.0)
    assert [sample["t_s"] for sample in later["samples"]] == [3.0]
    assert [window["until_s"] for window in later["windows"]] == [2.5]
    latest = told(of_run=first["run"], after_s=3.0)
    assert (latest["samples"], latest["windows"], latest["until_s"]) == ([], [], 3.0)


def test_a_page_of_another_run_is_told_all():
    assert len(told(of_run="2025-01-01T00:00:00Z 3 0", after_s=3.0)["samples"]) == 3


def test_figures_that_were_dropped_make_another_run():
    assert following(concluded())["run"] != following(concluded(resets=1))["run"]


def test_windows_have_the_series_that_are_drawn_and_their_titles():
    [window] = told()["windows"]
    assert set(window["metrics"]) == {"heartbeat"}
    assert told()["titles"]["heartbeat"] == "Heartbeat round trip"


def test_roles_are_told_with_all_of_their_states_and_whether_they_are_paused():
    assert told(paused=("host",))["roles"] == [
        {"role": "browser", "paused": False, "states": {"active": 7, "connecting": 1, "paused": 0, "away": 0}},
        {"role": "host", "paused": True, "states": {"active": 0, "connecting": 0, "paused": 2, "away": 0}},
    ]


def test_moments_and_faults_come_together_and_thresholds_without_a_figure_wait():
    found = told()
    assert [(moment["at_s"], moment["kind"]) for moment in found["moments"]] == [(1.5, "load"), (5.0, "fault")]
    assert found["thresholds"] == [
        {"text": "✗ reach == 1: 0.9", "met": False}, {"text": "✓ lost < 9: 1", "met": True}
    ]  # fmt: skip


# -- the routes ---------------------------------------------------------------------------------------------------


class Control:
    def __init__(self) -> None:
        self.paused: tuple[str, ...] = ()
        self.doubt = "Worker 1 has not said so far what is paused there."

    def set_paused(self, role: str, is_paused: bool) -> None:
        if role != "host":
            raise UsageError("There is no such role.")
        self.paused = ("host",) if is_paused else ()


@pytest.fixture
def browser() -> Any:
    web_ui, control = FakeWebUi(), Control()
    source = Source(
        conclusion=concluded, families=lambda: families_of(concluded()), paused=lambda: control.paused,
        set_paused=control.set_paused, doubt=lambda: control.doubt,
    )  # fmt: skip
    install(web_ui, source, base_path="/locust")
    assert [tab["key"] for tab in web_ui.template_args["extended_tabs"]] == [TAB, "lobby-times"]
    return web_ui.app.test_client()


def test_page_script_style_and_uplot_are_served_below_the_base_path(browser: Any):
    page = browser.get("/locust/lobby/live")
    assert page.status_code == 200
    for name in ("live/live.js", "live/live.css", "live/uPlot.iife.min.js", "live/uPlot.min.css"):
        assert name in page.text
        assert browser.get(f"/locust/lobby/{name}").status_code == 200
    assert "uPlot (v1.6.32)" in browser.get("/locust/lobby/live/uPlot.iife.min.js").text
    assert browser.get("/lobby/live").status_code == 404


def test_metrics_are_text_that_prometheus_takes(browser: Any):
    answer = browser.get("/locust/metrics")
    assert answer.content_type.startswith("text/plain; version=")
    assert "lobby_swarm_running 1.0" in answer.text


def test_a_role_is_paused_by_post_alone(browser: Any):
    def ask(**fields: str) -> Any:
        return browser.post("/locust/lobby/roles", data=fields)

    assert browser.get("/locust/lobby/roles").status_code == 405
    assert ask(role="host", paused="true").get_json() == {"paused": ["host"]}
    told = browser.get("/locust/lobby/live.json").get_json()
    assert told["roles"][1]["paused"] is True
    assert told["doubt"] == "Worker 1 has not said so far what is paused there."
    assert ask(role="host", paused="false").get_json() == {"paused": []}
    refused = ask(role="dragon", paused="true")
    assert (refused.status_code, refused.get_json()) == (409, {"message": "There is no such role."})
    assert ask(role="host").status_code == 400
    elsewhere = browser.post(
        "/locust/lobby/roles", data={"role": "host", "paused": "true"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert elsewhere.status_code == 403


def test_a_time_that_is_none_is_refused(browser: Any):
    assert browser.get("/locust/lobby/live.json?after_s=soon").status_code == 400
