"""Pictures of each page, light and dark, on a desktop and on a phone: for eyes, and for the README.

They are left under ``LOBBY_TEST_SCREENSHOTS``, or with the test's own files. What is tested is that no page is wider
than its window, that no text on it is cut off, and that everything that can be pressed has a name.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import DESKTOP, PHONE, Crowd
from tests.browser.evening import ROOM, people_the_lobby
from tests.browser.people import Person
from tests.browser.test_ops_page import admin_token, figure, open_ops
from tests.patience import PATIENCE_S
from tests.process.clients import call, connect, token_of

SIZES = {"desktop": DESKTOP, "phone": PHONE}
NARROW_PHONE = {"width": 360, "height": 740}
NAMELESS = """() => [...document.querySelectorAll("button, input, select, summary, a[href]")]
    .filter((element) => element.checkVisibility() && !element.labels?.length)
    .filter((element) => !(element.getAttribute("aria-label") || element.textContent.trim()))
    .map((element) => element.outerHTML)"""
SEES_LATENCY = """() => [...document.querySelectorAll("figure")]
    .some((figure) => figure.textContent.includes("Broadcast latency") && figure.textContent.includes(" ms"))"""
BROKEN_BUTTONS = """() => [...document.querySelectorAll("button")]
    .filter((button) => button.checkVisibility() && !button.matches(".name"))
    .filter((button) => {
      const words = document.createRange();
      words.selectNodeContents(button);
      const style = getComputedStyle(button);
      const isWrapped = words.getBoundingClientRect().height > 2 * parseFloat(style.fontSize);
      return isWrapped || button.scrollWidth > button.clientWidth + 1;
    })
    .map((button) => button.textContent)"""
"""Those whose text takes a second line or does not fit."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    chosen = Path(os.environ.get("LOBBY_TEST_SCREENSHOTS", tmp_path / "screenshots"))
    chosen.mkdir(parents=True, exist_ok=True)
    return chosen


def is_in_good_shape(page: Any) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(BROKEN_BUTTONS) == []


def shoot(page: Any, folder: Path, name: str) -> None:
    """One part after the other, as somebody looks at them; each in both colours."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        page.screenshot(path=folder / f"{name}-{scheme}.png")
        is_in_good_shape(page)


@pytest.mark.flags(
    *("--chat-rate-per-min", "0", "--social-rate-per-min", "0", "--command-rate-per-s", "0"),
    *("--heartbeat-timeout-s", "600"),  # whoever has no page says nothing all evening
)
def test_pages_in_both_colours_on_a_desktop_and_on_a_phone(own_crowd: Crowd, folder: Path) -> None:
    door = own_crowd.page()
    for kind, size in SIZES.items():
        door.set_viewport_size(size)
        shoot(door, folder, f"door-{kind}")
    with contextlib.ExitStack() as sockets:
        evening = people_the_lobby(own_crowd, sockets)
        host = evening.grace
        shoot_the_lobby(evening.ada, folder)
        for kind, size in {**SIZES, "narrow-phone": NARROW_PHONE}.items():
            host.page.set_viewport_size(size)
            host.room(ROOM).scroll_into_view_if_needed()
            shoot(host.page, folder, f"host-{kind}")


def shoot_the_lobby(ada: Person, folder: Path) -> None:
    for kind, size in SIZES.items():
        ada.page.set_viewport_size(size)
        shoot(ada.page, folder, f"lobby-{kind}")
    for part in ("Chat", "People"):
        ada.page.locator("#views").get_by_role("button", name=part).click()
        shoot(ada.page, folder, f"lobby-phone-{part.lower()}")
    ada.page.locator("#online button", has_text="linus").click()
    shoot(ada.page, folder, "lobby-phone-person")
    ada.page.keyboard.press("Escape")
    ada.page.set_viewport_size(DESKTOP)
    ada.page.locator("#notifications-button").click()
    shoot(ada.page, folder, "lobby-desktop-notifications")


def shows_logins_and_latency(page: Any) -> bool:
    return figure(page, "Logins per second") != ["–"] and bool(page.evaluate(SEES_LATENCY))


@pytest.mark.flags("--ack-percent", "100")
def test_operations_page_in_both_colours_on_a_desktop_and_on_a_phone(own_crowd: Crowd, folder: Path) -> None:
    """While players come and go; one of them has the lobby page open, whose answers tell the latency."""
    own_crowd.person("ada")
    page = open_ops(own_crowd, admin_token(own_crowd))
    page.locator("#connection[data-phase=connected]").wait_for()
    watched_s = time.monotonic() + float(os.environ.get("LOBBY_TEST_OPS_S", "0"))
    number, deadline_s = 0, time.monotonic() + PATIENCE_S
    while time.monotonic() < watched_s or not shows_logins_and_latency(page):
        assert time.monotonic() < max(watched_s, deadline_s), "neither logins nor latency are shown"
        players = [
            connect(own_crowd.server, token_of(own_crowd.server, at, f"p{at}")) for at in range(10 + number % 30)
        ]
        number += 7
        token = token_of(own_crowd.server, 1, "p1")
        made = call(own_crowd.server, "POST", "/api/rooms", {"gamemode": "race"}, token=token)
        if made.status == 201:
            call(own_crowd.server, "DELETE", f"/api/rooms/{made.body['room']['id']}", token=token)
        for player in players:
            player.close()
    for kind, size in SIZES.items():
        page.set_viewport_size(size)
        page.locator("figure canvas").first.wait_for()
        shoot(page, folder, f"ops-{kind}")
