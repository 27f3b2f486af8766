"""Browsers that let a page store nothing, or nothing more: it works all the same, and says what it cannot remember."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Crowd
from tests.browser.people import Person
from tests.browser.test_ops_page import admin_token

BLOCKED = """() => {
    for (const name of ["localStorage", "sessionStorage"]) {
        Object.defineProperty(window, name, {
            configurable: true,
            get() { throw new DOMException("Access is denied for this document.", "SecurityError"); },
        });
    }
}"""
"""As Chromium does it with all cookies blocked."""
FULL = """() => {
    Storage.prototype.setItem = () => { throw new DOMException("The quota is exceeded.", "QuotaExceededError"); };
}"""
COUNT_SOCKETS = """() => {
    window.sockets = [];
    window.WebSocket = class extends WebSocket {
        constructor(...given) {
            super(...given);
            window.sockets.push(this);
        }
    };
}"""
NOT_KEPT = "This browser stores nothing for this page"
HINDRANCES = pytest.mark.parametrize("hindrance", [BLOCKED, FULL], ids=["blocked", "full"])


def page_without_storage(crowd: Crowd, address: str, hindrance: str, **look: Any) -> Any:
    page = crowd.page("/docs/protocol", **look)
    for script in (hindrance, COUNT_SOCKETS):
        page.add_init_script(f"({script})()")
    page.goto(address)
    return page


def logged_in(crowd: Crowd, name: str, hindrance: str) -> Person:
    crowd.account(name)
    person = Person(page_without_storage(crowd, "/", hindrance), name)
    person.log_in()
    person.is_connected()
    return person


@HINDRANCES
def test_lobby_works_without_storage_and_says_that_the_login_ends_with_the_page(crowd: Crowd, hindrance: str) -> None:
    name = "blocked_ann" if hindrance is BLOCKED else "full_ann"
    crowd.account(name)
    ann = Person(page_without_storage(crowd, "/", hindrance), name)
    page = ann.page
    page.get_by_text(NOT_KEPT).wait_for()
    assert page.get_by_label("Stay logged in on this device").is_hidden(), "it could not be done"
    ann.log_in()
    ann.is_connected()
    ann.create_room(f"{name} room")
    ann.is_in_room(f"{name} room")
    page.locator("#rooms-sort").select_option("name")
    page.locator("#rooms-not-full").check()
    page.evaluate("sockets.at(-1).close()")
    page.wait_for_function("() => sockets.length === 2")
    ann.is_connected()
    ann.is_in_room(f"{name} room")
    page.locator("#log-out").click()
    page.get_by_text(NOT_KEPT).wait_for()
    ann.log_in()
    ann.is_connected()
    page.reload()
    page.get_by_text(NOT_KEPT).wait_for()


def test_language_is_chosen_without_storage(crowd: Crowd) -> None:
    page = page_without_storage(crowd, "/?features=none", BLOCKED)
    page.locator("#language").select_option("de")
    page.get_by_role("heading", name="Anmelden").wait_for()
    assert page.url.endswith("/?features=none&language=de")
    page.locator("#language").select_option("en")
    page.get_by_role("heading", name="Log in").wait_for()


def test_mutes_hold_without_storage_until_the_page_is_closed(crowd: Crowd) -> None:
    ann, bob = logged_in(crowd, "nostore_ann", BLOCKED), crowd.person("nostore_bob")
    ann.does("Mute", to="nostore_bob")
    bob.says("muted without storage")
    bob.reads("muted without storage")
    ann.says("from herself")
    ann.reads("from herself")
    assert "muted without storage" not in ann.lines()


def test_link_to_a_room_leaves_the_language_to_its_reader(crowd: Crowd) -> None:
    """It is in the address where nothing can be stored; what else is there stays."""
    page = page_without_storage(crowd, "/?reconnect=fixed&language=de", BLOCKED)
    page.locator("#login-username").fill("nostore_link")
    page.locator("#login-password").fill("a good password")
    page.get_by_role("button", name="Registrieren").click()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#create-room-fold summary").click()
    page.locator("#create-room [name=gamemode]").fill("link")
    page.get_by_role("button", name="Erstellen", exact=True).click()
    page.locator("#my-room-copy").click()
    Person(page, "nostore_link").is_told("kopiert")
    link = page.evaluate("navigator.clipboard.readText()")
    assert "/?reconnect=fixed#room=" in link


def test_mutes_that_were_stored_stay_when_no_other_has_space(crowd: Crowd) -> None:
    ann = crowd.person("space_ann")
    for name in ("space_bob", "space_cat"):
        crowd.person(name)
        if name == "space_cat":
            ann.page.evaluate(FULL)
        ann.does("Mute", to=name)
    ann.page.reload()
    ann.is_connected()
    for name, deed in (("space_bob", "Unmute"), ("space_cat", "Mute")):
        ann.page.locator("#online button", has_text=name).click()
        ann.page.locator("#person").get_by_role("button", name=deed, exact=True).wait_for()
        ann.page.keyboard.press("Escape")


def test_page_that_may_store_says_nothing_of_it(crowd: Crowd) -> None:
    for address in ("/", "/ops"):
        page = crowd.page(address)
        page.locator("#language").wait_for()
        page.wait_for_function("() => document.querySelector('#language')?.value === 'en'")
        assert page.get_by_text(NOT_KEPT).is_hidden()


@HINDRANCES
def test_operations_page_works_without_storage(crowd: Crowd, hindrance: str) -> None:
    page = page_without_storage(crowd, "/ops", hindrance)
    page.get_by_text(NOT_KEPT).wait_for()
    assert page.get_by_text("This tab keeps it").is_hidden()
    page.locator("#token").fill(admin_token(crowd))
    page.get_by_role("button", name="Open").click()
    page.locator("#admin-version").get_by_text(".").wait_for()
    page.locator("#log-out").click()
    page.locator("#door").wait_for()
    assert page.locator("#token").input_value() == ""
