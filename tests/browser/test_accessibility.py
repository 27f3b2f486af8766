"""The lobby page and its dialogs by axe-core: no violation, light and dark, on a phone and on a desk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import DESKTOP, PHONE, Crowd


def violations(page: Any, axe: Path) -> list[tuple[str, str]]:
    if page.evaluate("typeof axe") == "undefined":
        page.add_script_tag(path=str(axe))
    found = page.evaluate("axe.run({resultTypes: ['violations', 'passes']})")
    assert len(found["passes"]) > 10, "it looked"
    return [(each["id"], node["html"][:200]) for each in found["violations"] for node in each["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_keeps_anybody_out(crowd: Crowd, axe: Path, size: dict[str, int], scheme: str) -> None:
    look = {"size": size, "color_scheme": scheme, "bypass_csp": True, "reduced_motion": "reduce"}
    door = crowd.page(**look)
    assert violations(door, axe) == []
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
