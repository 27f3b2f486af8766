"""The operations page while the server is away: whatever is pressed says so in words, and works afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import OPENED, PHONE, SERVER_AWAY, Crowd
from tests.browser.operations import make_work, says
from tests.browser.people import PASSWORD
from tests.browser.test_any_text import TAKES_FRAMES
from tests.browser.test_ops_admin import as_administrator
from tests.browser.test_ops_page import admin_token, open_ops
from tests.process.clients import call

AWAY = "The server does not answer."
UNTOLD = "You are logged out on this page. The server could not be told."
HASTE = """() => {
    const every = window.setInterval;
    window.setInterval = (action, ms) => every(action, ms / 15);
    const timeout = AbortSignal.timeout;
    AbortSignal.timeout = ms => timeout.call(AbortSignal, ms / 6);
}"""
"""What is asked for every 15 s is asked for every second, and given up after 2.5 s: further apart than they are, so
that the order is sure."""
FORGET = "each => { each.textContent = ''; }"
TRY_NOW = "document.getElementById('retry').click()"
"""Also where the page has tried by itself meanwhile, and the button is hidden."""


def test_door_says_that_the_server_is_away_and_lets_in_once_it_is_back(own_crowd: Crowd) -> None:
    own_crowd.expected += SERVER_AWAY
    server, token = own_crowd.server, admin_token(own_crowd)
    page = own_crowd.page("/ops", size=PHONE)
    server.stop()
    page.get_by_label("Username of an administrator").fill("somebody")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    says(page, "#admin-login-problem", AWAY)
    page.locator("#token").fill(token)
    page.get_by_role("button", name="Open").click()
    says(page, "#door-news", AWAY)
    page.locator("#connection-state", has_text="Not connected").wait_for()
    for button in ("Try now", "Open"):
        page.locator("#door-news").evaluate(FORGET)
        page.get_by_role("button", name=button).click()
        says(page, "#door-news", AWAY)
    server.start()
    page.evaluate(TRY_NOW)
    page.locator("#admin-version").get_by_text(".").wait_for()


@pytest.mark.flags("--empty-room-ttl-s", "600")
def test_whatever_an_administrator_presses_says_that_the_server_is_away_and_works_afterwards(own_crowd: Crowd) -> None:
    own_crowd.expected += SERVER_AWAY
    server, boss = own_crowd.server, make_work(own_crowd, "away")
    for number in range(50):
        body = {"title": f"old news {number}", "body": "", "ends_in_s": 1}
        assert call(server, "POST", "/api/announcements", body, token=boss).status == 201
    page = open_ops(own_crowd, boss)
    page.locator("#admin-bans li", has_text="away_bad").wait_for()
    player, announcement = page.locator("#admin-player"), page.locator("#admin-announce")
    player.get_by_label("Player", exact=True).fill("away_rude")
    player.get_by_label("Reason").fill("spam")
    announcement.get_by_label("Headline").fill("Back soon")

    def press(where: Any, button: str, *, answer: str = "") -> None:
        where.get_by_role("button", name=button).first.click()
        if answer:
            page.locator("#confirm").get_by_role("button", name=answer).click()

    deeds: list[tuple[Any, str, str, str, str]] = [
        (player, "Kick", "", "#admin-player .problem", "away_rude is kicked."),
        (player, "Ban", "Ban player", "#admin-player .problem", "away_rude is banned."),
        (player, "Link to a new password", "", "#admin-player .problem", "Give this link to away_rude."),
        (announcement, "Announce", "Announce to all", "#admin-announce .problem", "Announced."),
        (page.locator("#admin-bans li", has_text="away_bad"), "Lift ban", "", "#admin-bans-news", "Lift ban: done."),
        (page.locator("#admin-reports"), "Done", "Close report", "#admin-reports-news", "Done: done."),
        (page.locator("#admin-rooms"), "Close", "Close room", "#admin-rooms-news", "Close: done."),
    ]
    server.stop()
    page.locator("#connection-state", has_text="Not connected").wait_for()
    for where, button, answer, news, _ in deeds:
        page.locator(news).evaluate(FORGET)
        press(where, button, answer=answer)
        says(page, news, AWAY)
    press(page, "Earlier entries")
    says(page, "#admin-audit-news", AWAY)
    server.start()
    page.evaluate(TRY_NOW)
    page.locator("#connection[data-phase=connected]").wait_for()
    page.locator("#admin-news:empty").wait_for(state="attached")
    for where, button, answer, news, done in deeds:
        player.get_by_label("Player", exact=True).fill("away_rude")
        player.get_by_label("Reason").fill("spam")
        press(where, button, answer=answer)
        says(page, news.replace(".problem", ".news"), done)
    press(page, "Earlier entries")
    page.locator("#admin-audit li", has_text="ban away_bad").first.wait_for()
    assert page.get_by_text(AWAY).count() == 0


def test_logout_that_the_server_could_not_be_told_of_says_so(own_crowd: Crowd) -> None:
    own_crowd.expected += SERVER_AWAY
    page, ann = as_administrator(own_crowd, "away_boss"), own_crowd.person("away_ann")
    own_crowd.server.stop()
    for each in (page, ann.page):
        each.locator("#connection-state", has_text="Not connected").wait_for()
        each.locator("#log-out").click()
        each.locator("#door-news", has_text="could not be told").wait_for()
    own_crowd.server.start()
    ann.log_in()
    ann.is_connected()


@pytest.mark.parametrize(
    ("status", "code", "news"),
    [(503, "try_again_later", UNTOLD), (429, "rate_limited", UNTOLD), (401, "invalid_token", "")],
)
def test_logout_that_the_server_refused_for_now_is_not_taken_for_told(
    crowd: Crowd, status: int, code: str, news: str
) -> None:
    """One whose login has ended already has nothing to be told of."""
    crowd.expected.append(f"status of {status}")
    page, ann = as_administrator(crowd, f"boss_{status}"), crowd.person(f"ann_{status}")
    for each in (page, ann.page):
        each.route(
            "**/api/auth/logout", lambda route: route.fulfill(status=status, json={"error": "No.", "code": code})
        )
        with each.expect_response("**/api/auth/logout"):
            each.locator("#log-out").click()
        each.locator("#door").wait_for()
        each.evaluate(TAKES_FRAMES)
        each.wait_for_function("news => document.querySelector('#door-news')?.textContent === news", arg=news)


def test_server_that_hangs_is_said_to_be_away_until_it_answers(crowd: Crowd) -> None:
    """Though each answer is given up only after the next one was asked for."""
    page = crowd.page("/docs/protocol")
    page.add_init_script(f"({HASTE})()")
    page.goto("/ops")
    page.wait_for_function(OPENED)
    page.locator("#token").fill(admin_token(crowd))
    page.get_by_role("button", name="Open").click()
    page.locator("#admin-version").get_by_text(".").wait_for()
    page.locator("#admin-news:empty").wait_for(state="attached")
    page.route("**/api/admin/**", lambda route: None)
    page.locator("#admin-news", has_text=AWAY).wait_for()
    page.unroute("**/api/admin/**")
    page.locator("#admin-news:empty").wait_for(state="attached")


def test_lists_that_are_not_known_yet_do_not_say_that_they_are_empty(own_crowd: Crowd) -> None:
    page = own_crowd.page("/ops")
    page.route("**/api/admin/**", lambda route: route.abort())
    own_crowd.expected += ["ERR_FAILED"]
    page.locator("#token").fill(admin_token(own_crowd))
    page.get_by_role("button", name="Open").click()
    says(page, "#admin-news", AWAY)
    assert page.locator("#admin .none:visible").count() == 0
