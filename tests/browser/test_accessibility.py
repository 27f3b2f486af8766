"""The pages and their dialogs by axe-core: no violation, light and dark, from a phone to a wide screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Crowd
from tests.browser.everything import OPERATIONS_DIALOGS, VIEWS, closed, opened, visit_everything
from tests.browser.looks import WITH_AXE, each_look, violations
from tests.browser.operations import open_busy_ops, open_ops_of_nodes
from tests.browser.test_ops_page import admin_token, open_ops

pytestmark = pytest.mark.timeout(900)
"""axe-core looks at everything in eight looks, which is nothing but work."""
ONE_BY_ONE = "#views"
"""Shown where there is room for one view at a time; elsewhere all are shown, whichever is chosen."""


def is_open_to_all(page: Any, axe: Path, where: str) -> None:
    among = ONE_BY_ONE if where in VIEWS[1:] else ""
    assert violations(page, axe, among=among) == {}, where


def test_violation_in_one_look_is_found_in_it_alone(crowd: Crowd, axe: Path) -> None:
    page = crowd.page(**WITH_AXE)
    page.add_style_tag(
        content="@media (prefers-color-scheme: dark) and (max-width: 720px) { label { color: #333; background: #222 } }"
    )
    assert {look: {rule for rule, _ in each} for look, each in violations(page, axe).items()} == {
        "phone, dark": {"color-contrast"}
    }


def test_nothing_keeps_anybody_out(crowd: Crowd, axe: Path) -> None:
    crowd.expected += ["400 (Bad Request)"]
    door = crowd.page(**WITH_AXE)
    is_open_to_all(door, axe, "door")
    door.get_by_role("button", name="Register").click()
    door.locator("#login-problem:not(:empty)").wait_for()
    is_open_to_all(door, axe, "door with a problem")
    ann, bob = crowd.person("axe_ann", **WITH_AXE), crowd.person("axe_bob")
    bob.create_room("open to all")
    bob.is_in_room("open to all")
    ann.join("open to all")
    ann.is_in_room("open to all")
    bob.page.locator("#party-form input").fill(ann.name)
    bob.page.locator("#party-form button").click()
    ann.page.locator(".question").wait_for()
    bob.page.locator("#friend-form input").fill(ann.name)
    bob.page.locator("#friend-form button").click()
    ann.page.locator(".question", has_text="friend").wait_for()
    for view in VIEWS:
        ann.page.evaluate("view => document.querySelector(`#views [data-view=${view}]`).click()", view)
        is_open_to_all(ann.page, axe, view)
    ann.page.locator("#notifications-button").click()
    is_open_to_all(ann.page, axe, "notifications")
    ann.page.locator("#notifications-close").click()
    ann.page.locator("#online button", has_text=bob.name).click()
    is_open_to_all(ann.page, axe, "person")
    ann.page.locator("#person").get_by_role("button", name="Block").click()
    is_open_to_all(ann.page, axe, "confirm")
    ann.confirms("Cancel")
    ann.does("Report", to=bob.name)
    is_open_to_all(ann.page, axe, "report")
    ann.page.keyboard.press("Escape")


def test_nothing_keeps_a_reader_of_the_protocol_out(crowd: Crowd, axe: Path) -> None:
    page = crowd.page("/docs/protocol", **WITH_AXE)
    is_open_to_all(page, axe, "protocol")
    for look in each_look(page):
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), look


def test_nothing_keeps_a_host_out(crowd: Crowd, axe: Path) -> None:
    ann, cat = crowd.person("axe_host", **WITH_AXE), crowd.person("axe_guest")
    ann.create_room("axe den", name="by name")
    ann.is_in_room("axe den")
    cat.join("axe den")
    cat.page.get_by_role("button", name="I am ready").click()
    ann.page.locator("#my-room-members [data-part=ready]:visible").wait_for()
    ann.page.locator("#my-room-bans-fold summary").click()
    ann.page.locator("#create-room-fold summary").click()
    for where in visit_everything(ann.page):
        is_open_to_all(ann.page, axe, where)
    ann.page.get_by_role("button", name="Start the game").click()
    ann.page.get_by_role("button", name="End the game").wait_for()
    is_open_to_all(ann.page, axe, "started")


def test_nothing_keeps_an_administrator_or_a_forgetful_player_out(crowd: Crowd, axe: Path) -> None:
    is_open_to_all(crowd.page("/#reset=some.reset.token", **WITH_AXE), axe, "reset")
    forgetful = crowd.page(**WITH_AXE)
    forgetful.locator("#forgot").click()
    is_open_to_all(forgetful, axe, "forgotten")
    door = crowd.page("/ops", **WITH_AXE)
    is_open_to_all(door, axe, "door of operations")
    door.get_by_label("Token of an administrator").fill("nonsense")
    door.get_by_role("button", name="Open").click()
    door.locator("#door-news:not(:empty)").wait_for()
    is_open_to_all(door, axe, "door of operations with news")
    page = open_ops(crowd, admin_token(crowd), **WITH_AXE)
    page.locator("#admin-settings li").first.wait_for(state="attached")
    is_open_to_all(page, axe, "operations with nothing to do")
    is_open_to_all(open_ops_of_nodes(crowd, **WITH_AXE), axe, "nodes")
    page = open_busy_ops(crowd, "axe", **WITH_AXE)
    is_open_to_all(page, axe, "operations")
    page.locator("#admin-player [name=username]").fill("somebody")
    for name in OPERATIONS_DIALOGS:
        opened(page, OPERATIONS_DIALOGS, name)
        is_open_to_all(page, axe, name)
        closed(page, name)
