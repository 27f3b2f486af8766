"""The pages and their dialogs by axe-core: no violation, light and dark, from a phone to a wide screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import DESKTOP, PHONE, TABLET, Crowd
from tests.browser.everything import OPERATIONS_DIALOGS, closed, opened, visit_everything
from tests.browser.operations import open_busy_ops, open_ops_of_nodes
from tests.browser.test_ops_page import admin_token, open_ops

SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
SIZES = pytest.mark.parametrize(
    "size", [{"width": 1920, "height": 1080}, DESKTOP, TABLET, PHONE], ids=["wide", "desktop", "tablet", "phone"]
)


def look_of(size: dict[str, int], scheme: str) -> dict[str, Any]:
    """Of a page that axe-core can be brought into."""
    return {"size": size, "color_scheme": scheme, "bypass_csp": True, "reduced_motion": "reduce"}


def violations(page: Any, axe: Path) -> list[tuple[str, str]]:
    if page.evaluate("typeof axe") == "undefined":
        page.add_script_tag(path=str(axe))
    found = page.evaluate("axe.run({resultTypes: ['violations'], selectors: false})")
    assert len(found["passes"]) > 10, "it looked"
    return [(each["id"], node["html"][:200]) for each in found["violations"] for node in each["nodes"]]


@SCHEMES
@SIZES
def test_nothing_keeps_anybody_out(crowd: Crowd, axe: Path, size: dict[str, int], scheme: str) -> None:
    crowd.expected += ["400 (Bad Request)"]
    look = look_of(size, scheme)
    door = crowd.page(**look)
    assert violations(door, axe) == []
    door.get_by_role("button", name="Register").click()
    door.locator("#login-problem:not(:empty)").wait_for()
    assert violations(door, axe) == [], "door with a problem"
    ann = crowd.person(f"axe_a_{size['width']}_{scheme}", **look)
    bob = crowd.person(f"axe_b_{size['width']}_{scheme}")
    room = f"open to all {size['width']} {scheme}"
    bob.create_room(room)
    bob.is_in_room(room)
    ann.join(room)
    ann.is_in_room(room)
    bob.page.locator("#party-form input").fill(ann.name)
    bob.page.locator("#party-form button").click()
    ann.page.locator(".question").wait_for()
    bob.page.locator("#friend-form input").fill(ann.name)
    bob.page.locator("#friend-form button").click()
    ann.page.locator(".question", has_text="friend").wait_for()
    for view in ("rooms", "chat", "people"):
        ann.page.evaluate("view => document.querySelector(`#views [data-view=${view}]`).click()", view)
        assert violations(ann.page, axe) == [], view
    ann.page.locator("#inbox-button").click()
    assert violations(ann.page, axe) == [], "inbox"
    ann.page.locator("#inbox-close").click()
    ann.page.locator("#online button", has_text=bob.name).click()
    assert violations(ann.page, axe) == [], "person"
    ann.page.locator("#person").get_by_role("button", name="Block").click()
    assert violations(ann.page, axe) == [], "confirm"
    ann.confirms("Cancel")
    ann.does("Report", to=bob.name)
    assert violations(ann.page, axe) == [], "report"
    ann.page.keyboard.press("Escape")


@SCHEMES
@SIZES
def test_nothing_keeps_a_reader_of_the_protocol_out(crowd: Crowd, axe: Path, size: dict[str, int], scheme: str) -> None:
    page = crowd.page("/docs/protocol", **look_of(size, scheme))
    assert violations(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@SCHEMES
@SIZES
def test_nothing_keeps_a_host_out(crowd: Crowd, axe: Path, size: dict[str, int], scheme: str) -> None:
    look = look_of(size, scheme)
    ann = crowd.person(f"host_a_{size['width']}_{scheme}", **look)
    cat = crowd.person(f"host_c_{size['width']}_{scheme}")
    room = f"hosted {size['width']} {scheme}"
    ann.create_room(room, name="by name")
    ann.is_in_room(room)
    cat.join(room)
    cat.page.get_by_role("button", name="I am ready").click()
    ann.page.locator("#my-room-members [data-part=ready]:visible").wait_for()
    ann.page.locator("#my-room-bans-fold summary").click()
    ann.page.locator("#create-room-fold summary").click()
    for where in visit_everything(ann.page):
        assert violations(ann.page, axe) == [], where
    ann.page.get_by_role("button", name="Start the game").click()
    ann.page.get_by_role("button", name="End the game").wait_for()
    assert violations(ann.page, axe) == [], "started"


@SCHEMES
@SIZES
def test_nothing_keeps_an_administrator_or_a_forgetful_player_out(
    crowd: Crowd, axe: Path, size: dict[str, int], scheme: str
) -> None:
    look = look_of(size, scheme)
    assert violations(crowd.page("/#reset=some.reset.token", **look), axe) == [], "reset"
    forgetful = crowd.page(**look)
    forgetful.locator("#forgot").click()
    assert violations(forgetful, axe) == [], "forgotten"
    door = crowd.page("/ops", **look)
    assert violations(door, axe) == [], "door of operations"
    door.get_by_label("Token of an administrator").fill("nonsense")
    door.get_by_role("button", name="Open").click()
    door.locator("#door-news:not(:empty)").wait_for()
    assert violations(door, axe) == [], "door of operations with news"
    page = open_ops(crowd, admin_token(crowd), **look)
    page.locator("#admin-settings li").first.wait_for(state="attached")
    assert violations(page, axe) == [], "operations with nothing to do"
    assert violations(open_ops_of_nodes(crowd, **look), axe) == [], "nodes"
    page = open_busy_ops(crowd, f"x{size['width']}{scheme[0]}", **look)
    assert violations(page, axe) == [], "operations"
    page.locator("#admin-player [name=username]").fill("somebody")
    for name in OPERATIONS_DIALOGS:
        opened(page, OPERATIONS_DIALOGS, name)
        assert violations(page, axe) == [], name
        closed(page, name)
