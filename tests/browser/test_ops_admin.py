"""Administration on the operations page: what is done there happens, and is on record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from bench.processes.target import Target
from lobby_server import __version__
from tests.browser import quick_hashes
from tests.browser.conftest import NO_RATES, Crowd
from tests.browser.operations import make_work, open_busy_ops, open_ops_of_nodes, says
from tests.browser.people import PASSWORD, Person
from tests.browser.test_keyboard import IS_AT_TOP_OF_PAGE
from tests.browser.test_looks import ENGLISH
from tests.browser.test_ops_page import admin_token, open_ops
from tests.process.clients import call

NOTE_ANNOUNCEMENTS = """() => {
    const title = document.getElementById("announcement-title");
    window.announced = [];
    new MutationObserver(() => window.announced.push(title.textContent)).observe(title, { childList: true });
}"""
"""Also those that are over when the test looks."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Whose rooms stay although nobody is in them."""
    flags = [*NO_RATES, "--empty-room-ttl-s", "600"]
    target = Target(data_dir=tmp_path_factory.mktemp("server"), flags=flags, prefix=quick_hashes.PREFIX)
    with target.running():
        yield target


def as_administrator(crowd: Crowd, name: str) -> Any:
    """Somebody with an account and the role, logged in on the operations page."""
    crowd.account(name)
    body = {"username": name, "role": "admin"}
    assert call(crowd.server, "POST", "/api/admin/roles", body, token=admin_token(crowd)).status == 200
    page = crowd.page("/ops")
    page.get_by_label("Username of an administrator").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.locator("#admin-version").get_by_text(".").wait_for()
    return page


def test_administrator_kicks_bans_and_lifts_the_ban(crowd: Crowd) -> None:
    crowd.expected += ["403 (Forbidden)", "400 (Bad Request)", "401 (Unauthorized)"]  # the last of a call under way
    page = as_administrator(crowd, "ops_boss")
    bob = crowd.person("ops_bob")
    form = page.locator("#admin-player")
    form.get_by_label("Player", exact=True).fill("ops_bob")
    form.get_by_role("button", name="Kick").click()
    form.get_by_text("Enter a reason").wait_for()
    form.get_by_label("Reason").fill("wake up")
    form.get_by_role("button", name="Kick").click()
    bob.page.locator("#door-news", has_text="An administrator has kicked you. Reason: wake up").wait_for()
    says(page, "#admin-player .news", "ops_bob is kicked.")  # and the form is empty again
    bob.log_in()
    bob.is_connected()
    form.get_by_label("Player", exact=True).fill("ops_bob")
    form.get_by_label("Reason").fill("spam")
    form.get_by_label("Ban ends after hours").fill("1.5")
    form.get_by_role("button", name="Ban").click()
    page.locator("#confirm").get_by_role("button", name="Ban player").click()
    banned = re.compile(r"You are banned from this lobby until .+\. Reason: spam")
    bob.page.locator("#door-news", has_text=banned).wait_for()
    bob.log_in()
    bob.page.locator("#login-problem", has_text=banned).wait_for()
    page.get_by_role("button", name="Lift ban: ops_bob").click()
    page.locator("#admin-bans li", has_text="ops_bob").wait_for(state="detached")
    bob.log_in()
    bob.is_connected()
    for deed in ("kick ops_bob", "ban ops_bob", "unban ops_bob"):
        page.locator("#admin-audit li", has_text=deed).first.wait_for()


def test_administrator_closes_a_room_and_a_report_and_announces(crowd: Crowd) -> None:
    ann, bob = crowd.person("ops_ann"), crowd.person("ops_bea")
    ann.create_room("rude name")
    ann.is_in_room("rude name")
    bob.does("Report", to="ops_ann")
    bob.page.locator("#report").get_by_label("What happened?").fill("the name of the room")
    bob.page.locator("#report").get_by_role("button", name="Send report").click()
    bob.is_told("the administrators will read it")
    page = as_administrator(crowd, "ops_chief")
    page.locator("#admin-reports li", has_text="the name of the room").get_by_role("button", name="Done").click()
    page.locator("#confirm").get_by_role("button", name="Close report").click()
    page.locator("#admin-reports li", has_text="the name of the room").wait_for(state="detached")
    page.locator("#admin-rooms li", has_text="rude name").get_by_role("button", name="Close").click()
    page.locator("#confirm").get_by_role("button", name="Close room").click()
    bob.room("rude name").wait_for(state="detached")
    ann.page.locator("#my-room").wait_for(state="hidden")
    ann.page.evaluate(NOTE_ANNOUNCEMENTS)
    form = page.locator("#admin-announce")
    form.get_by_label("Headline").fill("Back soon")
    form.get_by_label("Ends after hours").fill("0.002")
    for answer in ("Cancel", "Announce to all"):
        form.get_by_role("button", name="Announce").click()
        page.locator("#confirm").get_by_role("button", name=answer).click()
        form.locator("[aria-busy]").wait_for(state="detached")
    ann.page.wait_for_function("() => window.announced.includes('Back soon')")
    ann.page.locator("#announcement").wait_for(state="hidden")


def test_administrator_sees_which_rooms_are_private_and_closes_one(crowd: Crowd) -> None:
    ann, bob = crowd.person("ops_host"), crowd.person("ops_hider")
    ann.create_room("in the list")
    bob.create_room("out of sight", public=False)
    bob.is_in_room("out of sight")
    page = as_administrator(crowd, "ops_seer")
    shown = page.locator("#admin-rooms li", has_text="in the list")
    hidden = page.locator("#admin-rooms li", has_text="out of sight")
    hidden.get_by_text("private · hosted by ops_hider").wait_for()
    shown.get_by_text("hosted by ops_host").wait_for()
    assert shown.get_by_text("private").count() == 0
    hidden.get_by_role("button", name="Close").click()
    page.locator("#confirm").get_by_role("button", name="Close room").click()
    bob.page.locator("#my-room").wait_for(state="hidden")
    hidden.wait_for(state="detached")
    shown.wait_for()


def test_account_without_the_role_is_told_so(crowd: Crowd) -> None:
    crowd.account("ops_nobody")
    page = crowd.page("/ops")
    page.get_by_label("Username of an administrator").fill("ops_nobody")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.locator("#door-news", has_text="not an administrator's").wait_for()


def test_version_uptime_and_settings_in_force_are_shown_without_secrets(crowd: Crowd) -> None:
    page = as_administrator(crowd, "ops_reader")
    assert page.locator("#admin-version").text_content() == __version__
    page.locator("#admin-uptime", has_text="0 h").wait_for()
    page.locator("#admin summary", has_text="Settings in force").click()
    page.locator("#admin-settings li", has_text="empty_room_ttl_s").get_by_text("600").wait_for()
    assert page.locator("#admin-settings li", has_text="jwt_secret").first.text_content().split()[-1] in ("given",)


def test_administrator_makes_a_link_by_which_a_player_chooses_another_password(crowd: Crowd) -> None:
    crowd.expected.append("404 (Not Found)")
    page = as_administrator(crowd, "ops_helper")
    bob = crowd.person("ops_lost")
    form = page.locator("#admin-player")
    form.get_by_label("Player", exact=True).fill("nobody_at_all")
    form.get_by_role("button", name="Link to a new password").click()
    form.locator(".problem:not(:empty)").wait_for()
    form.get_by_label("Player", exact=True).fill(bob.name)
    form.get_by_role("button", name="Link to a new password").click()
    news = form.locator(".news", has_text="Give this link to ops_lost.")
    news.wait_for()
    link = news.text_content().split()[-1]
    page.locator("#admin-audit li", has_text="reset link ops_lost").first.wait_for()
    fresh = Person(crowd.page(link), bob.name)
    fresh.page.locator("#reset-password").fill("another good password")
    fresh.page.get_by_role("button", name="Change password").click()
    fresh.is_connected()
    bob.page.locator("#door-news", has_text="You are logged out.").wait_for()


def open_busy_german(crowd: Crowd) -> Any:
    page = crowd.page("/ops", locale="de-DE")
    page.locator("#token").fill(make_work(crowd, "gast"))
    page.get_by_role("button", name="Öffnen").click()
    page.locator("#admin-bans li", has_text="gast_bad").wait_for()
    return page


def test_reports_and_record_go_further_back_than_one_page(crowd: Crowd) -> None:
    boss = make_work(crowd, "old")
    for number in range(50):
        body = {"title": f"old news {number}", "body": "", "ends_in_s": 1}
        assert call(crowd.server, "POST", "/api/announcements", body, token=boss).status == 201
    page = open_ops(crowd, boss)
    page.locator("#admin-reports li", has_text="old_rude").wait_for()
    page.locator("#admin-audit li", has_text="old news 49").wait_for()
    assert page.locator("#admin-audit li", has_text="ban old_bad").count() == 0
    page.get_by_role("button", name="Earlier entries").click()
    page.locator("#admin-audit li", has_text="ban old_bad").first.wait_for()


def test_row_that_is_dealt_with_by_keyboard_leaves_the_focus_in_the_page(crowd: Crowd) -> None:
    page = open_busy_ops(crowd, "keys")
    deeds = (("bans", "keys_bad", None), ("reports", "keys_rude", "Close report"), ("rooms", "keys den", "Close room"))
    for name, text, answer in deeds:
        row = page.locator(f"#admin-{name} li", has_text=text)
        row.locator("[data-part=deed]").focus()
        page.keyboard.press("Enter")
        if answer is not None:
            page.locator("#confirm").get_by_role("button", name=answer).focus()
            page.keyboard.press("Enter")
        row.wait_for(state="detached")
        page.wait_for_function(f"() => !({IS_AT_TOP_OF_PAGE})()")


def test_operations_page_speaks_german_where_its_reader_does(crowd: Crowd) -> None:
    page = crowd.page("/ops", locale="de-DE")
    page.get_by_role("heading", name="Für Betreiber des Servers").wait_for()
    page.get_by_label("Token eines Administrators").fill(admin_token(crowd))
    page.get_by_role("button", name="Öffnen").click()
    page.locator("#admin-version").get_by_text(".").wait_for()
    crowd.person("ops_gast")
    form = page.locator("#admin-player")
    form.get_by_label("Spieler", exact=True).fill("ops_gast")
    form.get_by_label("Grund").fill("Pause")
    form.get_by_role("button", name="Rauswerfen").click()
    form.locator(".news", has_text="ops_gast ist hinausgeworfen.").wait_for()
    page.locator("#admin-audit li", has_text="hinausgeworfen: ops_gast").first.wait_for()
    page.close()
    page = open_busy_german(crowd)
    page.locator("#admin-audit li", has_text="gesperrt: gast_bad").get_by_text("ohne Ende: spam").wait_for()
    page.get_by_role("button", name="Schließen: gast den, gast_h1").click()
    page.locator("#confirm").get_by_role("heading", name="gast den von gast_h1 schließen?").wait_for()
    page.locator("#confirm").get_by_role("button", name="Raum schließen").click()
    closed = page.locator("#admin-audit li", has_text="gast_h1")  # others were closed before
    closed.filter(has_text="von einem Administrator geschlossen").wait_for()
    assert page.title() == "Betrieb · Spiele-Lobby"
    assert page.evaluate(ENGLISH) == []
    page.locator("#language").select_option("en")
    page.get_by_role("heading", name="Administration").wait_for()
    page.reload()
    page.get_by_role("heading", name="Administration").wait_for()


def test_nodes_of_the_lobby_are_shown_with_those_that_are_not_heard_of(crowd: Crowd) -> None:
    page = open_ops_of_nodes(crowd)
    rows = [" ".join(row.split()) for row in page.locator("#node-rows tr").all_inner_texts()]
    assert rows == [
        "node-1 leads 1.0.0 1200 3 12 0",
        "node-2 follows 1.0.0 800 3 12 0",
        "node-3 not heard of 1.0.0 – 3 12 0",
    ]
