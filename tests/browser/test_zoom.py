"""At 400 %, which leaves 320 by 256 pixels of a window of 1280 by 1024 (WCAG 2.2, 1.4.10): nothing is out of reach by
pointer or by keyboard, and nothing scrolls sideways.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import DESKTOP, Crowd
from tests.browser.everything import OPERATIONS_DIALOGS, closed, opened, visit_everything
from tests.browser.operations import open_busy_ops
from tests.browser.people import Person
from tests.browser.test_any_text import OUTSIDE

ZOOMED = {"width": 320, "height": 256}
REACHED = """(element) => {
    const [{ left, top, width, height }] = element.getClientRects(); // of a link over two lines, the first
    return element.contains(document.elementFromPoint(left + width / 2, top + height / 2));
}"""
"""What is pressed in the middle of an element is that element."""
OUT_OF_REACH = f"""() => {{
    const isReached = {REACHED};
    const within = document.querySelector("dialog[open]") ?? document;
    const pressed = "button, select, summary, input, textarea, a[href]";
    return [...within.querySelectorAll(pressed)].filter((each) => each.checkVisibility()).filter((each) => {{
        each.scrollIntoView({{ block: "center", behavior: "instant" }});
        return !isReached(each);
    }}).map((each) => each.outerHTML.slice(0, 120));
}}"""
FOCUS_IS_COVERED = f"""() => {{
    const {{ activeElement }} = document;
    return activeElement === document.body || ({REACHED})(activeElement) ? "" : activeElement.outerHTML.slice(0, 120);
}}"""
NO_TOAST = "() => document.querySelector('.toast') === null"


def in_a_room_of_two(crowd: Crowd, prefix: str, size: dict[str, int]) -> Person:
    ann, bob = crowd.person(f"{prefix}_ann", size=size, reduced_motion="reduce"), crowd.person(f"{prefix}_bob")
    ann.create_room(f"{prefix} duel")
    ann.is_in_room(f"{prefix} duel")
    bob.join(f"{prefix} duel")
    ann.page.locator("#my-room-members li", has_text=bob.name).wait_for()
    ann.page.wait_for_function(NO_TOAST)
    return ann


def is_all_within_reach(page: Any, where: str) -> None:
    assert page.evaluate(OUTSIDE) == [], where
    assert page.evaluate(OUT_OF_REACH) == [], where


def test_everything_of_the_lobby_is_within_reach_at_400_percent(crowd: Crowd) -> None:
    door = crowd.page(size=ZOOMED)
    is_all_within_reach(door, "door")
    ann = in_a_room_of_two(crowd, "zoom", ZOOMED)
    for where in visit_everything(ann.page):
        is_all_within_reach(ann.page, where)


def test_everything_of_the_operations_is_within_reach_at_400_percent(crowd: Crowd) -> None:
    is_all_within_reach(crowd.page("/ops", size=ZOOMED), "door")
    page = open_busy_ops(crowd, "zoom", size=ZOOMED, reduced_motion="reduce")
    is_all_within_reach(page, "operations")
    for name in OPERATIONS_DIALOGS:
        page.locator("#admin-player [name=username]").fill("somebody")
        opened(page, OPERATIONS_DIALOGS, name)
        is_all_within_reach(page, name)
        closed(page, name)


@pytest.mark.parametrize("size", [ZOOMED, DESKTOP], ids=["zoomed", "desktop"])
@pytest.mark.parametrize("key", ["Tab", "Shift+Tab"])
def test_nothing_covers_what_has_the_focus(crowd: Crowd, size: dict[str, int], key: str) -> None:
    ann = in_a_room_of_two(crowd, f"cov{size['width']}{key[0]}", size)
    stops = ann.page.locator("button:visible, input:visible, select:visible, summary:visible").count()
    if key != "Tab":
        ann.page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    for _ in range(stops + 4):
        ann.page.keyboard.press(key)
        assert ann.page.evaluate(FOCUS_IS_COVERED) == ""
