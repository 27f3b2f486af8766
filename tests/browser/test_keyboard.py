"""By keyboard alone: every dialog keeps the focus and gives it back, and nothing that goes away takes it along."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Crowd
from tests.browser.everything import LOBBY_DIALOGS, OPERATIONS_DIALOGS, opened
from tests.browser.people import PASSWORD, Person
from tests.browser.test_ops_page import admin_token, open_ops

FOCUSED = """() => {
    const { activeElement } = document;
    if (!activeElement.checkVisibility()) return "";
    return activeElement.id || activeElement.dataset.part || activeElement.localName;
}"""
IS_WITHIN = "name => document.activeElement === document.body || document.activeElement.closest(`#${name}`) !== null"
"""The body: the focus is in the browser's own bar, between the last and the first stop of the dialog."""
STOPS = "name => document.querySelectorAll(`#${name} :is(button, input, select, textarea, summary)`).length"
IS_AT_TOP_OF_PAGE = "() => [document.body, null].includes(document.activeElement)"


def presses(page: Any, selector: str) -> None:
    page.locator(selector).first.focus()
    page.keyboard.press("Enter")


def has_focus(page: Any, id_: str) -> None:
    page.wait_for_function(f"id => ({FOCUSED})() === id", arg=id_)


def keeps_and_returns_focus(page: Any, dialogs: dict[str, tuple[str, ...]], name: str) -> None:
    opener = page.locator(dialogs[name][0]).first
    opener.focus()
    dialog = opened(page, dialogs, name)
    for _ in range(page.evaluate(STOPS, name) + 2):
        page.keyboard.press("Tab")
        assert page.evaluate(IS_WITHIN, name), page.evaluate("document.activeElement.outerHTML")
    dialog.locator("button:visible").last.focus()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert opener.evaluate("opener => opener === document.activeElement"), page.evaluate(FOCUSED)


def room_of_two(crowd: Crowd, prefix: str) -> tuple[Person, Person]:
    host, guest = crowd.person(f"{prefix}_host"), crowd.person(f"{prefix}_guest")
    host.create_room(f"{prefix} keys")
    host.is_in_room(f"{prefix} keys")
    guest.join(f"{prefix} keys")
    host.page.locator("#my-room-members li", has_text=guest.name).wait_for()
    return host, guest


def test_every_dialog_of_the_lobby_page_keeps_the_focus_and_gives_it_back(crowd: Crowd) -> None:
    host, _ = room_of_two(crowd, "trap")
    for name in LOBBY_DIALOGS:
        keeps_and_returns_focus(host.page, LOBBY_DIALOGS, name)


def test_every_dialog_of_the_operations_page_keeps_the_focus_and_gives_it_back(crowd: Crowd) -> None:
    page = open_ops(crowd, admin_token(crowd))
    page.locator("#admin-player [name=username]").fill("somebody")
    for name in OPERATIONS_DIALOGS:
        keeps_and_returns_focus(page, OPERATIONS_DIALOGS, name)


def test_who_enters_and_leaves_a_room_goes_on_there(crowd: Crowd) -> None:
    _, guest = room_of_two(crowd, "enter")
    page = guest.page
    has_focus(page, "my-room-heading")
    page.keyboard.press("Tab")
    has_focus(page, "my-room-leave")
    page.keyboard.press("Enter")
    page.locator("#my-room").wait_for(state="hidden")
    has_focus(page, "rooms-heading")
    presses(page, "#rooms li [data-part=join]")
    has_focus(page, "my-room-heading")
    presses(page, "#rooms li [data-part=leave]")
    has_focus(page, "join")
    page.locator("#create-room-fold summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("made by keys")
    page.keyboard.press("Enter")
    guest.is_in_room("made by keys")
    has_focus(page, "my-room-heading")


@pytest.mark.parametrize("button", ["Accept", "Decline"])
def test_answered_question_and_request_leave_the_focus_in_the_page(crowd: Crowd, button: str) -> None:
    ann = crowd.person(f"asked_{button}")
    for number in range(2):
        asker = crowd.person(f"asks_{button}_{number}")
        asker.page.locator("#friend-form input").fill(ann.name)
        asker.page.locator("#friend-form button").click()
        ann.page.locator("#requests li", has_text=asker.name).wait_for()
    for left in (1, 0):
        presses(ann.page, f".question button:text-is('{button}')" if left else f"#requests button:text-is('{button}')")
        ann.page.wait_for_function("left => document.querySelectorAll('#requests li').length === left", arg=left)
        ann.page.wait_for_function(f"() => !({IS_AT_TOP_OF_PAGE})()")


def test_kicked_and_unbanned_player_is_told_of_and_leaves_the_focus_in_the_list(crowd: Crowd) -> None:
    host, guest = room_of_two(crowd, "put")
    presses(host.page, "#my-room-members [data-part=kick]:visible")
    host.is_told("put_guest is kicked, and can come back once you unban them.")
    has_focus(host.page, "name")
    host.page.locator("#my-room-bans-fold summary").focus()
    host.page.keyboard.press("Enter")
    presses(host.page, "#my-room-bans [data-part=unban]")
    host.page.locator("#my-room-bans-none").wait_for()
    assert not host.page.evaluate(IS_AT_TOP_OF_PAGE)
    guest.join("put keys")
    guest.is_in_room("put keys")


TOASTS = """async () => {
    const { Notices } = await import("./static/lobby/frame/notices.js");
    const notices = new Notices();
    notices.say("the first");
    document.querySelector("#toasts [data-part=close]").focus();
    for (const sentence of ["the second", "the third"]) notices.say(sentence);
}"""


def test_toast_that_makes_room_for_a_newer_one_leaves_the_focus_in_the_page(crowd: Crowd) -> None:
    ann = crowd.person("toast_ann")
    page = ann.page
    page.evaluate(TOASTS)
    ann.is_told("the third")
    page.wait_for_function(f"() => !({IS_AT_TOP_OF_PAGE})()")


def test_every_part_of_the_page_is_a_few_keys_away_however_much_is_said_in_it(crowd: Crowd) -> None:
    ann, bob = crowd.person("skips_ann"), crowd.person("skips_bob")
    page, lines = ann.page, 30
    for number in range(lines):
        bob.says(f"line {number}")
    ann.reads(f"line {lines - 1}")
    page.evaluate("document.activeElement.blur()")
    keys = ("Tab", "Tab", "Enter")  # past Rooms, to Chat
    for key in keys:
        page.keyboard.press(key)
    has_focus(page, "chat-heading")
    stops = []
    while not stops or stops[-1] != "text":
        page.keyboard.press("Tab")
        stops.append(page.evaluate("document.activeElement.name || document.activeElement.id"))
        assert len(stops) < 8, stops
    page.keyboard.press("Shift+Tab")
    has_focus(page, "chat-log")
    for key in ("ArrowUp", "ArrowUp", "ArrowDown"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.closest('li').textContent.trim()").endswith(f"line {lines - 1}")
    page.keyboard.press("Enter")
    assert page.locator("#person-name").text_content() == bob.name


@pytest.mark.parametrize("key", ["", "Enter"])
def test_opened_door_shows_no_stop_unasked_and_the_first_one_is_next(crowd: Crowd, key: str) -> None:
    ann = Person(crowd.page(), f"door_{key or 'mouse'}")
    if key:
        crowd.account(ann.name)
        ann.page.locator("#login-username").fill(ann.name)
        ann.page.locator("#login-password").fill(PASSWORD)
        ann.page.locator("#login-password").press(key)
    else:
        ann.register()
    ann.is_connected()
    has_focus(ann.page, "h1")
    skips = ann.page.locator("#skips").bounding_box()
    assert skips["x"] + skips["width"] <= 0, "over the name of the page"
    ann.page.keyboard.press("Tab")
    assert ann.page.evaluate("document.activeElement.dataset.skip") == "rooms"
    assert ann.page.locator("#skips").bounding_box()["x"] >= 0


def test_opened_operations_page_goes_on_at_its_top(crowd: Crowd) -> None:
    page = open_ops(crowd, admin_token(crowd))
    page.locator("#connection[data-phase=connected]").wait_for()
    has_focus(page, "h1")
