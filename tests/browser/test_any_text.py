"""Any legal text at any width: nothing is wider than its panel, and no panel moves because of what somebody wrote."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Crowd
from tests.browser.people import Person
from tests.browser.test_hostile import enter_as
from tests.browser.test_ops_page import open_ops
from tests.process.clients import call, connect, token_of

WIDTHS = (320, 390, 768, 1024, 1440, 1920)
HEIGHT = 800
NAME = "W" * 20
"""As long as a registered name may be, in the widest letter."""
OUTSIDE_NAME = "M" * 64
"""As long as a name of an outside account service may be."""
MODE = "W" * 64
LINE = "W" * 500
TITLE = "W" * 100
BODY = "W" * 2000
EMAIL = "e" * 64 + "@" + "m" * 180 + ".test"
PANELS = """() => [...document.querySelectorAll(".column, .panel, figure, header.bar")]
    .filter((panel) => panel.checkVisibility() && !panel.matches(".question, #my-room"))
    .map((panel) => {
      const box = panel.getBoundingClientRect();
      const name = panel.id || panel.querySelector("[id]")?.id || panel.className;
      return [name, Math.round(box.left), Math.round(box.width)];
    })"""
"""Where each panel stands from left to right; how tall it is may depend on what is in it."""
OUTSIDE = """() => {
    const found = [];
    const nameOf = (element) => `${element.tagName} ${element.id || element.dataset.part || element.className}`;
    const HIDDEN = ".for-ears, .chart, option, .skips:not(:focus-within)"; // the last stand beside the page
    const boxes = ".panel, .toast, .announcement, dialog[open] article, .bar, .door article";
    for (const panel of document.querySelectorAll(boxes)) {
      if (!panel.checkVisibility()) continue;
      const outer = panel.getBoundingClientRect();
      if (outer.left < -1 || outer.right > innerWidth + 1) found.push(`${nameOf(panel)} leaves the window`);
      for (const element of panel.querySelectorAll("*")) {
        if (!element.checkVisibility() || element.closest(HIDDEN)) continue;
        const words = document.createRange();
        words.selectNodeContents(element);
        const lines = element.matches("select") ? [] : words.getClientRects();
        for (const box of [element.getBoundingClientRect(), ...lines]) {
          if (box.width && (box.left < outer.left - 1 || box.right > outer.right + 1)) {
            found.push(`${nameOf(element)}: ${Math.round(box.right - outer.right)} px too far`);
          }
        }
      }
    }
    for (const scroller of document.querySelectorAll("ul, .log, dialog[open] article")) {
      if (scroller.checkVisibility() && scroller.scrollWidth > scroller.clientWidth + 1) {
        found.push(`${nameOf(scroller)} scrolls sideways`);
      }
    }
    const page = document.scrollingElement;
    if (page.scrollWidth > innerWidth) found.push(`the page is ${page.scrollWidth} px wide`);
    return found;
}"""
"""Boxes and lines of text beside their panel, panels beside the window, lists that scroll sideways."""
NEVER_FADES = """() => {
    const later = window.setTimeout;
    window.setTimeout = (deed, ms, ...given) => (ms === 6000 ? 0 : later(deed, ms, ...given)); // SHOWN_MS of notices.js
}"""
"""What the page says from now on stays until somebody closes it."""
TAKES_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    chosen = Path(os.environ.get("LOBBY_TEST_SCREENSHOTS", tmp_path / "screenshots"))
    chosen.mkdir(parents=True, exist_ok=True)
    return chosen


def at_width(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": HEIGHT})
    page.evaluate(TAKES_FRAMES)


def views_of(page: Any) -> list[str]:
    """On a small screen the parts of the page are looked at one by one."""
    return ["Rooms", "Chat", "People"] if page.locator("#views").is_visible() else [""]


def look_at(page: Any, view: str) -> None:
    if view:
        page.locator(f"#views [data-view={view.lower()}]").click()
    page.evaluate(TAKES_FRAMES)


def layout(page: Any) -> dict[tuple[int, str], Any]:
    found = {}
    for width in WIDTHS:
        at_width(page, width)
        for view in views_of(page):
            look_at(page, view)
            found[width, view] = page.evaluate(PANELS)
    return found


def is_within_its_panels(page: Any, folder: Path, name: str) -> None:
    for width in WIDTHS:
        at_width(page, width)
        for view in views_of(page) if "dialog" not in name else [""]:
            look_at(page, view)
            page.screenshot(path=folder / f"any-text-{name}-{width}{view and '-' + view.lower()}.png")
            assert page.evaluate(OUTSIDE) == [], (name, width, view)


def friends(crowd: Crowd, one: Person, other: Person) -> None:
    other.page.locator("#friend-form input").fill(one.name)
    other.page.locator("#friend-form button").click()
    one.answers(f"{other.name} wants to be your friend", "Accept")
    one.page.locator("#friends li", has_text=other.name).wait_for()


@contextlib.contextmanager
def everything_at_its_longest(crowd: Crowd, ann: Person) -> Iterator[None]:
    """Every field that a user or an operator can write is as long as it may be, in one word, where `ann` sees it."""
    pest = enter_as(crowd, 7000, OUTSIDE_NAME)
    long = crowd.person(NAME)
    for person in (pest, long):
        person.create_room(MODE, map_name=MODE, players=64)
        person.is_in_room(MODE)
    ann.page.locator("#rooms li", has_text=OUTSIDE_NAME).locator("[data-part=join]").click()
    ann.is_in_room(MODE)
    friends(crowd, ann, pest)
    ann.page.locator("#party-form input").fill(pest.name)
    ann.page.locator("#party-form button").click()
    pest.answers("invites you into a party", "Join")
    ann.page.locator("#party-members li", has_text=OUTSIDE_NAME).wait_for()
    ann.is_told("is invited into your party")  # and the form is empty again
    for form in ("#party-form", "#friend-form"):
        ann.page.locator(f"{form} input").fill(NAME)
        ann.page.locator(f"{form} button").click()
        ann.is_told(NAME)
    for form in ("#party-form", "#friend-form"):
        long.page.locator(f"{form} input").fill(ann.name)
        long.page.locator(f"{form} button").click()
    pest.page.locator("#my-room-say input").fill(LINE)
    pest.page.locator("#my-room-say button").click()
    for word in (LINE, "W" * 250 + " " + "W" * 249):
        pest.says(word)
    ann.page.locator("#chat-lines li").nth(1).wait_for()
    pest.page.locator("#my-room-invite input").fill(ann.name)
    long.page.locator("#my-room-invite input").fill(ann.name)
    long.page.locator("#my-room-invite button").click()
    ann.page.locator(".question", has_text=MODE).wait_for()
    ann.sees_online(OUTSIDE_NAME)
    ann.does("Send a message", to=OUTSIDE_NAME)
    ann.says(LINE)
    ann.reads(LINE)
    third = token_of(crowd.server, 7001, "N" * 64)
    with contextlib.closing(connect(crowd.server, third)):
        ann.sees_online("N" * 64)
        ann.does("Block", to="N" * 64)
        ann.confirms("Block player")
        ann.page.locator("#blocks-fold summary").click()
        admin = token_of(crowd.server, 900, "root", role="admin")
        announced = call(crowd.server, "POST", "/api/announcements", {"title": TITLE, "body": BODY}, token=admin)
        assert announced.status == 201
        ann.page.locator("#announcement-title").get_by_text(TITLE).wait_for()
        yield


def speaks_german_within_its_panels(crowd: Crowd, ann: Person, folder: Path) -> None:
    """The words of the page are longer there; `ann` has a second page."""
    login = json.loads(ann.page.evaluate("sessionStorage.getItem('lobby.login')"))
    page = crowd.page(locale="de-DE", login=login)
    Person(page, ann.name).is_connected()
    page.locator("#friends li", has_text=OUTSIDE_NAME).wait_for()
    page.locator("#create-room-fold summary").click()
    page.locator("#blocks-fold summary").click()
    page.locator("#friend-form input").fill("x" * 64)
    page.locator("#friend-form button").click()
    page.locator("#friend-form .problem:not(:empty)").wait_for()
    assert page.locator("html").get_attribute("lang") == "de"
    is_within_its_panels(page, folder, "german")
    at_width(page, 1440)
    page.locator("#online button", has_text=OUTSIDE_NAME).click()
    is_within_its_panels(page, folder, "german-person-dialog")
    page.keyboard.press("Escape")
    at_width(page, 1440)
    page.locator("#notifications-button").click()
    page.locator("#notifications-items li").nth(2).wait_for()
    is_within_its_panels(page, folder, "german-notifications-dialog")


@pytest.mark.flags(
    *("--empty-room-ttl-s", "600", "--chat-rate-per-min", "0", "--social-rate-per-min", "0"),
    *("--heartbeat-timeout-s", "600"),  # one of them has no page and says nothing
)
def test_longest_text_in_every_field_widens_nothing_and_moves_no_panel(own_crowd: Crowd, folder: Path) -> None:
    own_crowd.expected.append("Failed to load resource")
    ann = own_crowd.person("ann")
    plain = layout(ann.page)
    at_width(ann.page, 1440)
    with everything_at_its_longest(own_crowd, ann):
        ann.page.locator("#create-room-fold summary").click()
        ann.page.locator("#friend-form input").fill("x" * 64)
        ann.page.locator("#friend-form button").click()
        ann.page.locator("#friend-form .problem:not(:empty)").wait_for()
        assert layout(ann.page) == plain
        is_within_its_panels(ann.page, folder, "inside")
        ann.page.locator("#rooms-filter").select_option(index=1)
        is_within_its_panels(ann.page, folder, "filtered")
        at_width(ann.page, 1440)
        ann.page.locator("#online button", has_text=OUTSIDE_NAME).click()
        is_within_its_panels(ann.page, folder, "person-dialog")
        ann.page.keyboard.press("Escape")
        at_width(ann.page, 1440)
        ann.page.locator("#notifications-button").click()
        ann.page.locator("#notifications-items li").nth(2).wait_for()
        is_within_its_panels(ann.page, folder, "notifications-dialog")
        speaks_german_within_its_panels(own_crowd, ann, folder)


def test_longest_name_in_the_bar_widens_nothing(crowd: Crowd, folder: Path) -> None:
    is_within_its_panels(enter_as(crowd, 7100, "Q" * 64).page, folder, "own-name")


def test_longest_text_in_a_toast_widens_nothing(crowd: Crowd, folder: Path) -> None:
    ann = crowd.person("toast_ann")
    pest = enter_as(crowd, 7200, "R" * 64)
    ann.page.evaluate(NEVER_FADES)
    for width in WIDTHS:
        at_width(ann.page, width)
        look_at(ann.page, views_of(ann.page)[-1])
        ann.page.locator("#party-form input").fill(pest.name)
        ann.page.locator("#party-form button").click()
        ann.is_told(pest.name)
        ann.page.screenshot(path=folder / f"any-text-toast-{width}.png")
        assert ann.page.evaluate(OUTSIDE) == []
        ann.page.locator(".toast").last.get_by_role("button", name="Close").click()
        ann.page.locator(".toast").wait_for(state="detached")


def test_longest_text_at_the_door_widens_nothing(crowd: Crowd, folder: Path) -> None:
    crowd.expected.append("Failed to load resource")
    page = crowd.page()
    page.locator("#login-username").fill(EMAIL)
    page.locator("#login-password").fill(BODY)
    page.get_by_role("button", name="Register").click()
    page.locator("#login-problem:not(:empty)").wait_for()
    is_within_its_panels(page, folder, "door")


def test_operations_page_is_as_wide_as_its_window_for_an_administrator_of_the_longest_name(
    crowd: Crowd, folder: Path
) -> None:
    page = open_ops(crowd, token_of(crowd.server, 901, "Q" * 64, role="admin"))
    page.locator("#connection[data-phase=connected]").wait_for()
    page.locator("figure canvas").first.wait_for()
    is_within_its_panels(page, folder, "ops")
    page.get_by_role("button", name="Forget the token").click()
    page.get_by_label("Token of an administrator").fill("x" * 500)
    page.get_by_role("button", name="Open").click()
    page.locator("#door-news:not(:empty)").wait_for()
    is_within_its_panels(page, folder, "ops-door")
