"""The tab *Live* of Locust's web interface: charts that follow a run, what happened in it, roles that are paused."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.processes.target import Target
from tests.browser.conftest import DESKTOP
from tests.browser.test_swarm_page import nursery, press, set_users
from tests.loadtest.fakes import wait_for
from tests.loadtest.swarms import RUN_TIMEOUT_S, Nursery, WebSwarm

__all__ = ["nursery"]

PLAYERS = 6
LOOK_EVERY_S = 0.1
"""The page asks for what is new every other second, and a look costs it time to draw."""
CHARTS = {"connections", "received", "requests", "lost", "cpu", "p50", "p99"}
ROLES = ("--mix", "browser=2,host=1", "--room-interval-s", "fixed:0.2", "--room-lifetime-s", "fixed:0.1")


@pytest.fixture(params=[(), ("--processes", 2)], ids=["alone", "with workers"])
def swarm(nursery: Nursery, server: Target, request: pytest.FixtureRequest) -> Iterator[WebSwarm]:
    swarm = nursery.start_web(
        *("--host", server.http_url, "--jwt-secret", server.jwt_secret, *ROLES, *request.param),
        *("--heartbeat-interval-s", 1, "--settle-s", 1, "--fault", "run:true@5", "--recovery-s", 1),
    )
    wait_for(
        lambda: not request.param or swarm.workers() == request.param[1],
        deadline_s=RUN_TIMEOUT_S, what="the workers",
    )  # fmt: skip
    yield swarm
    swarm.swarm.stop(signal.SIGTERM)  # or its players would keep the machine busy until the last test has ended


@pytest.fixture
def page(chromium: Any, swarm: WebSwarm) -> Iterator[Any]:
    context = chromium.new_context(viewport=DESKTOP, base_url=swarm.url)
    context.set_default_timeout(RUN_TIMEOUT_S * 1000)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.goto("/")
    yield page
    context.close()
    assert faults == []


def start(page: Any) -> None:
    set_users(page, PLAYERS)
    press(page, "Start")
    page.get_by_role("button", name="Stop", exact=True).wait_for()


def open_live(page: Any) -> Any:
    page.get_by_role("tab", name="Live", exact=True).click()
    return page.frame_locator("#lobby-live")


def until(condition: Callable[[], object], what: str) -> None:
    wait_for(condition, deadline_s=RUN_TIMEOUT_S, what=what, every_s=LOOK_EVERY_S)


def cells_of(live: Any, role: str) -> list[int]:
    """Active, connecting, paused, away."""
    texts = live.locator(f'tr[data-role="{role}"] td').all_text_contents()
    return [int(text) for text in texts[1:5]]


def until_cells(live: Any, role: str, wanted: list[int]) -> None:
    until(lambda: cells_of(live, role) == wanted, f"{role} {wanted}")


def has_curve(live: Any, chart: str, colour: str = "--one") -> bool:
    """There are pixels of a curve's colour on its canvas; without one, of the first's."""
    return bool(
        live.locator(f'figure[data-chart="{chart}"] canvas').evaluate(
            """(canvas, colour) => {
              const hex = getComputedStyle(document.documentElement).getPropertyValue(colour).trim();
              const wanted = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
              const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
              for (let at = 0; at < data.length; at += 4) {
                const isClose = wanted.every((part, index) => Math.abs(data[at + index] - part) < 30);
                if (isClose && data[at + 3] > 150) return true;
              }
              return false;
            }""",
            colour,
        )
    )


def test_charts_follow_a_run_roles_are_paused_and_moments_are_listed(page: Any, swarm: WebSwarm, tmp_path: Path):
    start(page)
    live = open_live(page)
    live.get_by_text("Running ·").wait_for()
    until_cells(live, "browser", [4, 0, 0, 0])
    until_cells(live, "host", [2, 0, 0, 0])

    live.get_by_role("button", name="Pause host").click()
    until_cells(live, "host", [0, 0, 2, 0])
    live.get_by_role("button", name="Resume host").click()
    until_cells(live, "host", [2, 0, 0, 0])
    assert live.locator('#moments li[data-kind="role"]').count() == 2
    live.locator('#moments li[data-kind="fault"]').wait_for()

    until(lambda: {each.get_attribute("data-chart") for each in live.locator("figure").all()} == CHARTS, "all charts")
    for chart in sorted(CHARTS):
        until(lambda chart=chart: has_curve(live, chart), f"a curve in {chart}")
    legend = live.locator('figure[data-chart="connections"] .legend')
    until(lambda: str(PLAYERS) in legend.inner_text(), "all connected")

    press(page, "Stop")
    page.get_by_role("button", name="New", exact=True).wait_for()
    live.get_by_text("Over ·").wait_for()
    assert live.get_by_role("button", name="Pause").count() == 0, "nothing goes on that could be paused"


def test_the_page_asks_for_nothing_while_another_tab_is_open(page: Any, swarm: WebSwarm):
    start(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_live(page).get_by_text("Running ·").wait_for()
    page.get_by_role("tab", name="Lobby", exact=True).click()
    page.locator("#lobby-live").wait_for(state="detached")
    asked.clear()
    for _ in range(2):  # Locust's own, as often as ours would be
        with page.expect_request("**/stats/requests**"):
            pass
    assert not [url for url in asked if "live.json" in url]
    open_live(page).get_by_text("Running ·").wait_for()


REFUSALS: tuple[tuple[dict[str, Any] | None, str], ...] = (
    (
        {"status": 409, "json": {"message": "The run has ended: there is nothing to pause."}},
        "The run has ended: there is",
    ),
    ({"status": 502, "body": "<p>Bad gateway"}, "The swarm answered with 502, which says nothing."),
    (None, "The swarm does not answer: its program has ended, or the network is down."),
)
"""To who pauses a role: refused, by something in between, or not at all."""


def answering(answer: dict[str, Any] | None) -> Callable[[Any], None]:
    """Of a route; None: nobody answers."""
    return lambda route: route.abort() if answer is None else route.fulfill(**answer)


def test_why_a_role_was_not_paused_is_said_in_words(page: Any, swarm: WebSwarm):
    start(page)
    live = open_live(page)
    pause = live.get_by_role("button", name="Pause host")
    pause.wait_for()
    for answer, sentence in REFUSALS:
        page.route("**/lobby/roles", answering(answer), times=1)
        pause.click()
        live.get_by_role("alert").get_by_text(f"host was not paused. {sentence}").wait_for()
    pause.click()
    live.get_by_role("button", name="Resume host").wait_for()
    assert not live.locator("#refusal").is_visible(), "it has been paused now"


def test_a_worker_that_does_not_say_that_it_has_paused_is_told_on_the_page(page: Any, swarm: WebSwarm):
    if not swarm.workers() > 1:
        pytest.skip("this one has no workers")
    start(page)
    live = open_live(page)
    pause = live.get_by_role("button", name="Pause host")
    pause.wait_for()
    until(lambda: swarm.run()["generators"].keys() == {"worker 0", "worker 1"}, "a report of each")
    [worker, _] = swarm.swarm.workers(2)
    worker.suspend()
    try:
        pause.click()
        live.get_by_text("has not said so far that the roles are paused there as they are here").wait_for()
    finally:
        worker.resume()
    live.locator("#doubt").wait_for(state="hidden")
    until_cells(live, "host", [0, 0, 2, 0])


def test_the_page_stands_alone_and_says_before_the_first_run_that_there_is_none(page: Any, swarm: WebSwarm):
    page.goto("/lobby/live")
    page.get_by_role("status").get_by_text("No run has been started yet.").wait_for()
    assert page.locator("figure").count() == 0
