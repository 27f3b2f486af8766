"""What goes wrong for a person is a sentence on the page, never a code."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browser.conftest import SERVER_AWAY, Crowd
from tests.browser.people import PASSWORD, Person
from tests.browser.test_client_rules import PlayedServer
from tests.browser.test_ops_page import admin_token
from tests.process.clients import call, token_of

CODE = re.compile(r"\b[a-z]+_[a-z_]+\b")


def problem(page: Any, form: str) -> str:
    """The sentence in a form."""
    said = page.locator(f"{form} .problem:not(:empty)")
    said.wait_for()
    sentence = str(said.inner_text())
    assert sentence.endswith(".")
    assert not CODE.search(sentence), sentence
    return sentence


def test_log_in_errors_are_sentences_and_mark_what_is_wrong(crowd: Crowd) -> None:
    crowd.expected.append("Failed to load resource")  # Chromium tells every 4xx
    crowd.account("taken")
    page = crowd.page()
    stranger = Person(page, "taken")
    stranger.log_in("not the password")
    assert problem(page, "#login-form") == "The username or the password is not right."
    stranger.register("whatever it is")
    assert problem(page, "#login-form") == "Somebody has this username already."
    stranger.name = "x"
    stranger.register("short")
    sentence = problem(page, "#login-form")
    assert "3 to 20 letters" in sentence
    assert "at least 8 characters" in sentence
    for label in ("Username", "Password"):
        assert page.locator("#login-form").get_by_label(label).get_attribute("aria-invalid") == "true"
    assert page.evaluate("document.activeElement.id") == "login-username"
    stranger.name = ""
    stranger.log_in("")
    assert "Enter a username." in problem(page, "#login-form")
    stranger.name = "newcomer"
    stranger.register()
    stranger.is_connected()
    assert page.locator("#login-form .problem").text_content() == ""


def test_server_that_is_away_is_said_in_the_form(own_crowd: Crowd) -> None:
    own_crowd.expected += SERVER_AWAY
    page = own_crowd.page()
    own_crowd.server.stop()
    Person(page, "ann").log_in()
    assert "does not answer" in problem(page, "#login-form")
    own_crowd.server.start()
    Person(page, "ann").register()
    page.locator("#connection[data-phase=connected]").wait_for()


def test_room_errors_are_sentences(crowd: Crowd) -> None:
    crowd.expected.append("Failed to load resource")
    ann, bob, cat = (crowd.person(name) for name in ("full_ann", "full_bob", "full_cat"))
    ann.create_room("")
    assert problem(ann.page, "#create-room") == "Enter a game mode."
    ann.create_room("duel", players=2)
    ann.is_in_room("duel")
    bob.join("duel")
    bob.is_in_room("duel")
    cat.page.locator("#rooms li.full", has_text="duel").wait_for()
    full = cat.room("duel").get_by_role("button", name="Full duel by full_ann")
    assert full.is_disabled()
    full.evaluate("button => { button.disabled = false; button.click(); }")  # of a list that is a moment old
    cat.is_told("This room is full.")
    ann.create_room("second")
    assert problem(ann.page, "#create-room") == "You have a room already; delete or leave it first."
    ann.page.locator("#my-room-members").get_by_role("button", name="Kick full_bob from the room").click()
    bob.is_told("The host kicked you from the room.")
    banned = bob.room("duel").get_by_role("button", name="Banned duel by full_ann")
    banned.wait_for()
    assert banned.is_disabled()
    bob.page.reload()
    bob.is_connected()
    bob.join("duel")  # a page that has forgotten it
    bob.is_told("The host has banned you from this room.")
    bob.room("duel").get_by_role("button", name="Banned duel by full_ann").wait_for()


def test_login_that_ended_elsewhere_leads_to_the_door_with_a_sentence(crowd: Crowd) -> None:
    ann = crowd.person("ended")
    token = ann.page.evaluate("JSON.parse(sessionStorage.getItem('lobby.login')).token")
    assert call(crowd.server, "POST", "/api/auth/logout", token=token).status == 204
    ann.page.get_by_text("You are logged out.").wait_for()
    assert ann.page.get_by_role("button", name="Log in").is_visible()
    assert ann.page.evaluate("sessionStorage.getItem('lobby.login')") is None


BANNED = pytest.mark.parametrize(
    ("ends_in_s", "locale", "sentence"),
    [
        (3600, "de-DE", r"^Du bist für diese Lobby bis \d{1,2}\.\d{1,2}\.\d{4}, [\d:]+ gesperrt\. Grund: spam$"),
        (None, "de-DE", r"^Du bist für diese Lobby gesperrt\. Grund: spam$"),
        (3600, "en-GB", r"^You are banned from this lobby until \d\d/\d\d/\d{4}, [\d:]+\. Reason: spam$"),
    ],
)


@BANNED
def test_banned_player_is_told_until_when_in_the_language_of_the_page(
    crowd: Crowd, ends_in_s: int | None, locale: str, sentence: str
) -> None:
    crowd.expected.append("403 (Forbidden)")
    name = f"told_{locale[:2]}_{ends_in_s}"
    crowd.account(name)
    ban = {"username": name, "reason": "spam", "ends_in_s": ends_in_s}
    assert call(crowd.server, "POST", "/api/admin/bans", ban, token=admin_token(crowd)).status == 201
    page = crowd.page(locale=locale)
    page.locator("#login-username").fill(name)
    page.locator("#login-password").fill(PASSWORD)
    page.locator("#login-form button[value=login]").click()
    page.locator("#login-problem", has_text="spam").wait_for()
    assert re.match(sentence, page.locator("#login-problem").text_content())


@BANNED
def test_player_who_is_banned_while_connected_is_told_until_when(
    crowd: Crowd, ends_in_s: int | None, locale: str, sentence: str
) -> None:
    crowd.expected.append("403 (Forbidden)")  # of a call that was under way
    name = f"out_{locale[:2]}_{ends_in_s}"
    page = crowd.person(name, locale=locale).page
    ban = {"username": name, "reason": "spam", "ends_in_s": ends_in_s}
    assert call(crowd.server, "POST", "/api/admin/bans", ban, token=admin_token(crowd)).status == 201
    page.locator("#door-news", has_text="spam").wait_for()
    assert re.match(sentence, page.locator("#door-news").text_content())


def test_player_who_was_banned_while_away_is_told_until_when(crowd: Crowd) -> None:
    played = PlayedServer(crowd, "/")
    played.is_connected()
    detail = "You are banned from this lobby until 2026-12-24 18:00 UTC. Reason: spam"
    refusal = {"reason": "invalid_token", "detail": detail}
    played.answer_handshake = lambda socket: played.say(socket, "error", refusal)
    played.page.reload()
    news = played.page.locator("#door-news", has_text="spam")
    news.wait_for()
    assert re.match(r"^You are banned from this lobby until \d+/\d+/2026, .*\. Reason: spam$", news.text_content())


def test_token_that_has_expired_is_told_at_the_next_visit(crowd: Crowd) -> None:
    page = crowd.page()
    expired = token_of(crowd.server, 7, "old", exp=1_000_000_000)
    page.evaluate(
        "token => sessionStorage.setItem('lobby.login', JSON.stringify({token, user: {id: 7, username: 'old'}}))",
        expired,
    )
    page.reload()
    page.get_by_text("Your login has ended. Please log in again.").wait_for()
    assert page.locator("#inside").is_hidden()


def test_field_that_was_left_empty_is_told_in_the_words_of_players(crowd: Crowd) -> None:
    crowd.expected.append("400 (Bad Request)")
    ann = crowd.person("empty_ann")
    ann.create_room("duel")
    ann.is_in_room("duel")
    for form in ("#friend-form", "#my-room-invite", "#party-form"):
        ann.page.locator(f"{form} button").click()
        assert problem(ann.page, form) == "Enter the name of a player."
    ann.page.locator("#party-none").wait_for()  # nobody is invited, and no party made for it
    ann.page.locator("#my-room-settings").click()
    settings = ann.page.locator("#room-settings-form")
    settings.get_by_label("Game mode").fill("")
    settings.get_by_role("button", name="Save").click()
    assert problem(ann.page, "#room-settings-form") == "A game mode has 1 to 64 characters."
