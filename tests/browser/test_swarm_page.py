"""Locust's web interface with the swarm in it, as a user goes through it: start, edit, stop, start again, download."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.processes.target import Target
from tests.browser.conftest import DESKTOP, PATIENCE_MS
from tests.browser.test_client_rules import wait_until_page
from tests.loadtest.fakes import wait_for
from tests.loadtest.swarms import RUN_TIMEOUT_S, Nursery, WebSwarm

NOTICE = "#lobby-notice"


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
        yield nursery


@pytest.fixture
def swarm(nursery: Nursery, server: Target, tmp_path: Path) -> Iterator[WebSwarm]:
    swarm = nursery.start_web(
        *("--host", server.http_url, "--jwt-secret", server.jwt_secret),
        *("--mix", "browser=1", "--run-dir", tmp_path / "results"),
    )
    yield swarm
    swarm.swarm.stop(signal.SIGTERM)


@pytest.fixture
def page(chromium: Any, swarm: WebSwarm) -> Iterator[Any]:
    """Locust's page; what its own script complains of is not ours, but for what nobody caught."""
    context = chromium.new_context(viewport=DESKTOP, base_url=swarm.url)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.goto("/")
    yield page
    context.close()
    assert faults == []


def set_users(page: Any, users: int) -> None:
    page.get_by_label("Number of users (peak concurrency)").fill(str(users))
    page.get_by_label("Ramp up (users started/second)").fill("50")


def set_parameters(page: Any, **values: str) -> None:
    if not page.locator("input[name=seed]").is_visible():
        page.get_by_role("button", name="Custom parameters").click()
    for name, text in values.items():  # by the names of Locust's fields, which are in camel case
        page.locator(f"input[name={name}]").fill(text)


def press(page: Any, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def stop(page: Any) -> None:
    press(page, "Stop")
    page.get_by_role("button", name="New", exact=True).wait_for()


def test_a_user_starts_edits_stops_starts_again_and_downloads(page: Any, swarm: WebSwarm, tmp_path: Path):
    set_users(page, 3)
    press(page, "Start")
    page.get_by_role("button", name="Stop", exact=True).wait_for()
    wait_for(lambda: swarm.connected() == 3, deadline_s=RUN_TIMEOUT_S, what="3 players")

    press(page, "Edit")
    set_users(page, 5)
    press(page, "Update")
    wait_for(lambda: swarm.connected() == 5, deadline_s=RUN_TIMEOUT_S, what="5 players")
    assert not page.locator(NOTICE).is_visible()
    stop(page)

    press(page, "New")
    set_users(page, 2)
    set_parameters(page, seed="21", mix="poller=1,browser=1", threshold="handshake.count == 1")
    press(page, "Start")
    page.get_by_role("button", name="Stop", exact=True).wait_for()
    wait_for(lambda: swarm.run()["seed"] == 21 and swarm.connected() == 1, deadline_s=RUN_TIMEOUT_S, what="2nd run")
    stop(page)

    page.get_by_role("tab", name="Reach, validity").click()
    page.get_by_text("✓ handshake.count == 1").wait_for()
    rows = page.locator("table:visible tbody tr td:first-child").all_inner_texts()
    numbers = [int(row.split()[0]) for row in rows]
    assert numbers == sorted(numbers)
    assert sorted(set(numbers)) == list(range(1, max(numbers) + 1)), f"no number is left out: {rows}"
    page.get_by_text(str(tmp_path / "results" / "run-2")).wait_for()
    page.get_by_role("tab", name="Download data").click()
    [run, times] = [
        page.request.get(page.get_by_role("link", name=name).get_attribute("href"))
        for name in ("Download run.json of the lobby swarm", "Download times.csv of the lobby swarm")
    ]
    assert (run.json()["seed"], run.json()["users"]) == (21, {"browser": 1, "poller": 1})
    assert "handshake" in times.text()
    written = [json.loads((tmp_path / "results" / name / "run.json").read_text()) for name in ("run-1", "run-2")]
    assert [document["users"] for document in written] == [{"browser": 5}, {"browser": 1, "poller": 1}]


def test_parameters_edited_in_a_run_are_refused_in_view(page: Any, swarm: WebSwarm):
    set_users(page, 2)
    press(page, "Start")
    page.get_by_role("button", name="Stop", exact=True).wait_for()
    wait_for(lambda: swarm.connected() == 2, deadline_s=RUN_TIMEOUT_S, what="2 players")
    press(page, "Edit")
    set_parameters(page, tabs="7")
    press(page, "Update")
    notice = page.locator(NOTICE)
    notice.get_by_text("Nothing was changed: --tabs cannot change while a run goes on.").wait_for()
    notice.get_by_role("button", name="Close").click()
    assert not notice.is_visible()
    press(page, "Edit")
    assert page.locator("input[name=tabs]").input_value() == "3", "the form shows what runs"


def test_an_edit_of_a_run_that_has_ended_meanwhile_is_refused_in_view_and_begins_no_other(page: Any, swarm: WebSwarm):
    set_users(page, 2)
    press(page, "Start")
    page.get_by_role("button", name="Stop", exact=True).wait_for()
    wait_for(lambda: swarm.connected() == 2, deadline_s=RUN_TIMEOUT_S, what="2 players")
    before = swarm.run_id()
    press(page, "Edit")
    set_users(page, 5)
    held: list[Any] = []
    page.route("**/stats/requests**", lambda route: held.append(route))  # a page that has heard of it has no such form
    wait_until_page(page, lambda: held)
    swarm.post("/stop")
    press(page, "Update")
    page.locator(NOTICE).get_by_text("Nothing was changed: no run goes on now.").wait_for()
    assert swarm.run_id() == before


def test_who_opens_the_page_in_a_run_sees_its_parameters_and_may_edit_its_users(page: Any, swarm: WebSwarm):
    set_users(page, 2)
    set_parameters(page, tabs="7", seed="5")
    press(page, "Start")
    page.get_by_role("button", name="Stop", exact=True).wait_for()
    wait_for(lambda: swarm.connected() == 2, deadline_s=RUN_TIMEOUT_S, what="2 players")
    page.reload()
    press(page, "Edit")
    set_parameters(page)
    assert page.locator("input[name=tabs]").input_value() == "7"
    set_users(page, 4)
    press(page, "Update")
    wait_for(lambda: swarm.connected() == 4, deadline_s=RUN_TIMEOUT_S, what="4 players")
    assert not page.locator(NOTICE).is_visible()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"tabs": "several"}, "argument --tabs: invalid int value: 'several'."),
        ({"arrivalsPerS": "5"}, "--arrivals-per-s needs --session-s: sessions that never end would fill all seats."),
    ],
)
def test_a_bad_start_says_why_and_a_good_one_follows(page: Any, swarm: WebSwarm, values: dict[str, str], sentence: str):
    set_users(page, 2)
    set_parameters(page, **values)
    press(page, "Start")
    page.get_by_role("alert").get_by_text(sentence).wait_for()
    set_parameters(page, **dict.fromkeys(values, ""))
    press(page, "Start")
    page.get_by_role("button", name="Stop", exact=True).wait_for()
    wait_for(lambda: swarm.connected() == 2, deadline_s=RUN_TIMEOUT_S, what="2 players")
