"""The email address of an account and the way back in by mail, on the page and over a real SMTP server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.processes.target import Target
from tests.browser.conftest import NO_RATES, Crowd
from tests.browser.looks import WITH_AXE, violations
from tests.browser.people import PASSWORD, Person
from tests.browser.test_account import OTHER, opens_account
from tests.mail.server import Postbox, smtp_server

ADDRESS = "mail_ann@example.org"


@pytest.fixture(scope="module")
def postbox() -> Iterator[Postbox]:
    with smtp_server() as started:
        yield started


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, postbox: Postbox) -> Iterator[Target]:
    mail = [
        *("--smtp-url", f"smtp://127.0.0.1:{postbox.port}?starttls=never"),
        *("--mail-from", "Lobby <lobby@play.example>", "--public-url", "https://play.example"),
        *("--mail-rate-per-hour", "0"),
    ]
    target = Target(data_dir=tmp_path_factory.mktemp("server"), flags=[*NO_RATES, *mail])
    with target.running():
        yield target


def gives_address(person: Person, address: str = ADDRESS) -> Any:
    dialog = opens_account(person)
    dialog.locator("summary", has_text="Email address").click()
    form = dialog.locator("#email-form")
    form.get_by_label("Email address").fill(address)
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button", name="Send the link").click()
    return dialog


def test_address_is_given_confirmed_by_the_mail_and_brings_a_forgotten_password_back(
    crowd: Crowd, postbox: Postbox
) -> None:
    ann = crowd.person("mail_ann")
    dialog = gives_address(ann)
    dialog.get_by_text(f"A link is on its way to {ADDRESS}.").wait_for()
    postbox.wait_for(1)
    confirming = crowd.page(f"/#confirm={postbox.token_of()}")
    Person(confirming, "mail_ann").is_told("Your email address is confirmed.")
    assert "confirm" not in confirming.url
    ann.page.keyboard.press("Escape")
    dialog = opens_account(ann)
    dialog.locator("summary", has_text="Email address").click()
    dialog.get_by_text(f"{ADDRESS} is confirmed.").wait_for()

    crowd.expected.append("401 (Unauthorized)")  # of a call of hers that is under way when her login ends
    fresh = Person(crowd.page(locale="de-DE"), "mail_ann")
    fresh.page.get_by_role("button", name="Passwort vergessen?").click()
    fresh.page.get_by_label("Dein Name oder deine E-Mail-Adresse").fill(ADDRESS)
    fresh.page.get_by_role("button", name="Link senden").click()
    fresh.page.locator("#door-news", has_text="ist der Link dorthin unterwegs").wait_for()
    fresh.page.get_by_role("button", name="Anmelden").wait_for()
    postbox.wait_for(2)
    assert postbox.mails[-1]["Subject"] == "Neues Passwort wählen"
    fresh.page.evaluate("token => { location.hash = `#reset=${token}`; }", postbox.token_of())
    fresh.page.locator("#reset-password").fill(OTHER)
    fresh.page.get_by_role("button", name="Passwort ändern").click()
    fresh.is_connected()
    ann.page.locator("#door-news", has_text="You are logged out.").wait_for()


def test_address_is_refused_without_the_password_and_removed_with_it(crowd: Crowd, postbox: Postbox) -> None:
    crowd.expected += ["401 (Unauthorized)", "400 (Bad Request)", "403 (Forbidden)"]
    bob = crowd.person("mail_bob")
    count = len(postbox.mails)
    dialog = gives_address(bob, "mail_bob@example.org")
    dialog.get_by_text("A link is on its way").wait_for()
    postbox.wait_for(count + 1)
    late = crowd.page("/#confirm=not.a.token")
    Person(late, "mail_bob").is_told("This link does not work any more; give your address once more.")
    bob.page.keyboard.press("Escape")
    bob.page.goto(f"/#confirm={postbox.token_of()}")
    bob.is_told("Your email address is confirmed.")
    bob.is_connected()
    dialog = opens_account(bob)
    dialog.locator("summary", has_text="Email address").click()
    form = dialog.locator("#email-form")
    form.get_by_label("Password").fill("not my password")
    form.get_by_role("button", name="Remove the address").click()
    form.get_by_text("This is not your password.").wait_for()
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button", name="Remove the address").click()
    dialog.get_by_text("You have given none.").wait_for()
    assert not form.get_by_role("button", name="Remove the address").is_visible()


def test_door_says_the_same_of_an_account_that_does_not_exist(crowd: Crowd) -> None:
    page = crowd.page()
    page.locator("#login-username").fill("mail_nobody")
    page.get_by_role("button", name="Forgotten your password?").click()
    assert page.get_by_label("Your name or email address").input_value() == "mail_nobody"
    page.get_by_role("button", name="Send the link").click()
    page.locator("#door-news", has_text="the link is on its way there").wait_for()
    page.get_by_role("button", name="Forgotten your password?").click()
    page.locator("#door-news").wait_for(state="hidden")
    page.locator("#forgot-form").get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Log in").wait_for()


def test_address_in_the_dialog_of_the_account_keeps_nobody_out(crowd: Crowd, postbox: Postbox, axe: Path) -> None:
    ann = crowd.person("axe_mail", **WITH_AXE)
    count = len(postbox.mails)
    dialog = gives_address(ann, "axe_mail@example.org")
    dialog.get_by_text("A link is on its way").wait_for()
    assert violations(ann.page, axe) == {}, "asked for"
    postbox.wait_for(count + 1)
    ann.page.goto(f"/#confirm={postbox.token_of()}")
    ann.is_told("Your email address is confirmed.")
    assert violations(ann.page, axe) == {}, "confirmed"


def test_lobby_without_a_mail_server_says_who_can_help(chromium: Any, tmp_path: Path) -> None:
    with Target(data_dir=tmp_path / "server") as target:
        crowd = Crowd(chromium, target)
        crowd.expected += ["409 (Conflict)"]
        ann = crowd.person("ann")
        dialog = opens_account(ann)
        dialog.locator("#whereabouts:enabled").wait_for()  # the server has told what it knows of the account
        assert not dialog.locator("#email-fold").is_visible()
        door = crowd.page()
        door.get_by_role("button", name="Forgotten your password?").click()
        door.get_by_label("Your name or email address").fill("ann")
        door.get_by_role("button", name="Send the link").click()
        door.get_by_text("This lobby sends no mail; an administrator can give you a link").wait_for()
        for context in crowd.contexts:
            context.close()
        assert crowd.unexpected == []
