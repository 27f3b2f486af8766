"""The account of a player on the page: password, sign-ins, data, deletion, and a reset link."""

from __future__ import annotations

import json
from typing import Any

from tests.browser.conftest import Crowd
from tests.browser.people import PASSWORD, Person
from tests.browser.test_ops_page import admin_token
from tests.process.clients import call

OTHER = "another good password"


def opens_account(person: Person) -> Any:
    person.page.locator("#account-button").click()
    dialog = person.page.locator("#account")
    dialog.locator("#sign-ins li").first.wait_for()
    return dialog


def logged_in_again(crowd: Crowd, name: str) -> Person:
    again = Person(crowd.page(), name)
    again.log_in()
    again.is_connected()
    return again


def test_changed_password_logs_out_everywhere_else(crowd: Crowd) -> None:
    crowd.expected += ["401 (Unauthorized)"]
    ann = crowd.person("pass_ann")
    other = logged_in_again(crowd, "pass_ann")
    dialog = opens_account(ann)
    dialog.locator("summary", has_text="Change password").click()
    dialog.get_by_label("Current password").fill("not my password")
    dialog.get_by_label("New password").fill(OTHER)
    dialog.get_by_role("button", name="Change password").click()
    dialog.get_by_text("This is not your password.").wait_for()
    dialog.get_by_label("Current password").fill(PASSWORD)
    dialog.get_by_role("button", name="Change password").click()
    ann.is_told("Your password is changed")
    other.page.locator("#door-news", has_text="You are logged out.").wait_for()
    other.log_in(OTHER)
    other.is_connected()
    ann.is_connected()


def test_sign_ins_are_listed_and_ended(crowd: Crowd) -> None:
    crowd.expected.append("401 (Unauthorized)")  # of a call that was under way
    ann = crowd.person("signs_ann")
    other = logged_in_again(crowd, "signs_ann")
    dialog = opens_account(ann)
    assert dialog.locator("#sign-ins li").count() == 2
    assert "on Linux" in dialog.locator("#sign-ins").text_content()
    dialog.get_by_role("button", name="Log out on").click()
    other.page.locator("#door-news", has_text="You are logged out.").wait_for()
    dialog.locator("#sign-ins li").nth(1).wait_for(state="detached")
    assert not dialog.locator("#sign-ins-end").is_visible()


def test_data_come_as_a_file(crowd: Crowd) -> None:
    ann = crowd.person("data_ann")
    dialog = opens_account(ann)
    dialog.locator("summary", has_text="Your data").click()
    with ann.page.expect_download() as download:
        dialog.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "data_ann.json"
    with open(download.value.path(), encoding="utf-8") as file:
        assert json.load(file)["user"]["username"] == "data_ann"


def test_account_is_deleted_once_its_owner_is_sure(crowd: Crowd) -> None:
    crowd.expected += ["401 (Unauthorized)"]
    ann = crowd.person("gone_ann")
    dialog = opens_account(ann)
    dialog.locator("summary", has_text="Delete account").click()
    dialog.locator("#account-delete-form").get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Delete account").click()
    ann.confirms("Cancel")
    dialog.locator("[aria-busy]").wait_for(state="detached")
    dialog.get_by_role("button", name="Delete account").click()
    ann.confirms("Delete account")
    ann.page.locator("#door-news", has_text="Your account is deleted.").wait_for()
    ann.log_in()
    ann.page.get_by_text("The username or the password is not right.").wait_for()


def test_reset_link_leads_to_another_password_and_works_once(crowd: Crowd) -> None:
    crowd.expected += ["403 (Forbidden)", "400 (Bad Request)", "401 (Unauthorized)"]  # the last of a call under way
    ann = crowd.person("reset_ann")
    body = {"username": "reset_ann"}
    made = call(crowd.server, "POST", "/api/admin/reset-links", body, token=admin_token(crowd))
    link = f"/#reset={made.body['token']}"
    fresh = Person(crowd.page(link), "reset_ann")
    assert "reset" not in fresh.page.url
    fresh.page.locator("#reset-password").fill("short")
    fresh.page.get_by_role("button", name="Change password").click()
    fresh.page.locator("#reset-problem", has_text="8 to 1024 characters").wait_for()
    fresh.page.locator("#reset-password").fill(OTHER)
    fresh.page.get_by_role("button", name="Change password").click()
    fresh.is_connected()
    ann.page.locator("#door-news", has_text="You are logged out.").wait_for()
    late = crowd.page(link)
    late.locator("#reset-password").fill(OTHER)
    late.get_by_role("button", name="Change password").click()
    late.get_by_text("This link does not work any more; ask for another one.").wait_for()
    late.get_by_role("button", name="Cancel").click()
    late.get_by_role("button", name="Log in").wait_for()
